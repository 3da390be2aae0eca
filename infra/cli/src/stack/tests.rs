//! What a stack's outputs become, and what somebody is told whose stack is not found.

use super::*;
use crate::clients;
use std::error::Error as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PAIRS: [(&str, &str); 12] = [
    ("WebhookUrl", "http://f69eb487.execute-api.localhost:4566/v1/webhooks"),
    ("StageName", "dev"),
    ("InboxTableName", "inbox"),
    ("LedgerTableName", "ledger"),
    ("ControlTableName", "control"),
    ("EventQueueUrl", "http://localhost:4566/000000000000/events"),
    ("DeadLetterQueueUrl", "http://localhost:4566/000000000000/dead-letters"),
    ("TargetDeadLetterQueueUrl", "http://localhost:4566/000000000000/target-dead-letters"),
    ("EventBusName", "countersign-dev"),
    ("ReportBucketName", "reports"),
    ("FileBucketName", "files"),
    ("SomethingNew", "is no reason to fail"),
];

#[test]
fn outputs_are_read_by_name() {
    let outputs = Outputs::from_pairs(PAIRS.into_iter(), "countersign-dev", None).unwrap();
    assert_eq!(outputs.webhook_url, PAIRS[0].1);
    assert_eq!(outputs.ledger_table_name, "ledger");
    assert_eq!(outputs.report_bucket_name, "reports");
}

#[test]
fn a_missing_output_is_named() {
    let error = Outputs::from_pairs(PAIRS.into_iter().skip(3), "countersign-dev", None).unwrap_err();
    assert!(error.to_string().contains("countersign-dev"), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("WebhookUrl"), "{cause}");
}

#[test]
fn on_the_emulator_the_webhook_url_needs_no_name_server() {
    let outputs =
        Outputs::from_pairs(PAIRS.into_iter(), "countersign-dev", Some("http://127.0.0.1:4566/")).unwrap();
    assert_eq!(outputs.webhook_url, "http://127.0.0.1:4566/_aws/execute-api/f69eb487/$default/v1/webhooks");
    let aws = "https://f69eb487.execute-api.eu-central-1.amazonaws.com/v1/webhooks";
    assert_eq!(
        on_emulator(aws, "http://127.0.0.1:1").unwrap(),
        "http://127.0.0.1:1/_aws/execute-api/f69eb487/$default/v1/webhooks"
    );
    assert!(on_emulator("https://example.com/v1", "http://127.0.0.1:1").is_err());
}

/// An address at which every request is answered with these bytes.
async fn answering(answer: String) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 16_384];
            let _ = connection.read(&mut request).await.unwrap();
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    endpoint
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn xml(status: &str, body: &str) -> String {
    http(status, "text/xml", body)
}

fn stack_named(name: &str) -> String {
    let body = format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>{name}</StackName>\
         <StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-02T00:00:00Z</CreationTime></member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>"
    );
    xml("200 OK", &body)
}

fn refusal(code: &str, why: &str) -> String {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{why}</Message></Error>\
         <RequestId>r1</RequestId></ErrorResponse>"
    );
    xml("400 Bad Request", &body)
}

/// What somebody is told who asks there for the stack `nope`.
async fn told(endpoint: &str) -> String {
    let client = Client::new(&clients::emulator(endpoint, "eu-central-1", "test"));
    let failure = Outputs::of(&client, "nope", Some(endpoint)).await.unwrap_err();
    let because = failure.source().map(|cause| format!(" because {cause}")).unwrap_or_default();
    format!("{failure}{because}").replace(endpoint, "URL")
}

#[tokio::test]
async fn whoever_finds_no_stack_is_told_why() {
    let absent = "there is no stack nope in this account and region (--stack or COUNTERSIGN_STACK): not AWS was asked, but \
                  URL (--endpoint or COUNTERSIGN_ENDPOINT)";
    let other = "what answers at URL (--endpoint or COUNTERSIGN_ENDPOINT) is not AWS: give the URL that `cargo run local` \
                 prints because ";
    let status =
        |status: u16| format!("{other}it answers HTTP {status}, and not in the words of CloudFormation");
    for (answer, says) in [
        (refusal("ValidationError", "Stack with id nope does not exist"), absent.to_owned()),
        (stack_named("somebody-elses"), absent.to_owned()),
        (
            refusal("AccessDenied", "nobody may"),
            "cannot look up the stack nope: AccessDenied: nobody may".to_owned(),
        ),
        (http("404 Not Found", "text/html", "<html><body>no</body></html>"), status(404)),
        (http("404 Not Found", "application/json", "{}"), status(404)),
        (http("200 OK", "text/html", "<html>welcome</html>"), status(200)),
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), format!("{other}invalid HTTP version parsed")),
    ] {
        assert_eq!(told(&answering(answer.clone()).await).await, says, "{answer}");
    }
}

#[tokio::test]
async fn whoever_talks_to_nobody_is_told_so() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let said = told(&endpoint).await;
    let expected = "nothing answers at URL (--endpoint or COUNTERSIGN_ENDPOINT): is `cargo run local` up? because Connection refused";
    assert!(said.starts_with(expected), "{said}");
}

#[tokio::test]
async fn a_stack_that_is_found_is_read() {
    let endpoint = answering(stack_named("nope")).await;
    let said = told(&endpoint).await;
    assert!(said.starts_with("the stack nope is not one of template.yaml as it is here"), "{said}");
}
