//! Queue, bus, secrets, reports.

use super::{Server, event, source};
use crate::secrets::ApiToken;
use countersign_app::ports::{
    Bus as _, InboxKey, Notice, Queue as _, Reports as _, SecretPair, Secrets as _,
};
use countersign_domain::event::BusEvent;
use countersign_domain::ids::TraceId;
use serde_json::{Value, json};

fn notices(count: usize) -> Vec<Notice> {
    let key = |at| InboxKey::Event { source: source(), event: event(&format!("evt_{at}")) };
    (0..count).map(|at| Notice { v: 1, key: key(at), trace: TraceId::from_bytes([8; 16]) }).collect()
}

fn events(count: usize) -> Vec<BusEvent> {
    (0..count)
        .map(|at| BusEvent { detail_type: "payment.captured", detail: format!("{{\"id\":\"{at}\"}}") })
        .collect()
}

#[tokio::test]
async fn messages_are_sent_in_the_group_of_their_source() {
    let server = Server::start().await;
    server.then_json(&json!({ "Successful": [taken("0"), taken("1")], "Failed": [] }));
    let queue = server.clients().queue(&format!("{}/000000000000/events", server.url));
    assert!(queue.send(&notices(2)).await.expect("are sent").is_empty());
    let (what, request) = server.only();
    let trace = "08".repeat(16);
    let entry = |at: usize| {
        json!({
            "Id": at.to_string(),
            "MessageBody": format!(
                r#"{{"v":1,"key":{{"kind":"event","source":"stripe-main","event":"evt_{at}"}},"trace":"{trace}"}}"#
            ),
            "MessageGroupId": "stripe-main",
        })
    };
    let url = format!("{}/000000000000/events", server.url);
    assert_eq!(what, "SendMessageBatch");
    assert_eq!(request, json!({ "QueueUrl": url, "Entries": [entry(0), entry(1)] }));
}

fn taken(id: &str) -> Value {
    json!({ "Id": id, "MessageId": "m", "MD5OfMessageBody": "" })
}

#[tokio::test]
async fn a_message_is_taken_only_if_it_is_named_as_taken() {
    let server = Server::start().await;
    let failed = json!({ "Id": "0", "Code": "InternalError", "SenderFault": false });
    server.then_json(&json!({ "Successful": [taken("2")], "Failed": [failed] }));
    server.then_json(&json!({ "Successful": [], "Failed": [] }));
    let queue = server.clients().queue(&server.url);
    assert_eq!(queue.send(&notices(3)).await.expect("is answered"), [0, 1], "the second is named nowhere");
    assert_eq!(queue.send(&notices(2)).await.expect("is answered"), [0, 1]);
}

#[tokio::test]
async fn ten_at_once_and_no_more() {
    let server = Server::start().await;
    let clients = server.clients();
    let (queue, bus) = (clients.queue(&server.url), clients.bus("bus"));
    assert!(queue.send(&[]).await.expect("is nothing").is_empty());
    assert!(bus.publish(&[]).await.expect("is nothing").is_empty());
    assert!(queue.send(&notices(11)).await.expect_err("is too many").chain().contains("11 messages"));
    assert!(bus.publish(&events(11)).await.expect_err("is too many").chain().contains("11 events"));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn init_opens_the_queue_with_a_call_that_its_role_allows() {
    let server = Server::start().await;
    server.clients().warm_queue(&server.url).await;
    let (what, request) = server.only();
    assert_eq!(what, "GetQueueAttributes");
    assert_eq!(request, json!({ "QueueUrl": server.url, "AttributeNames": ["QueueArn"] }));
}

#[tokio::test]
async fn events_are_published_and_their_own_failures_read() {
    let server = Server::start().await;
    let failed = json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" });
    server.then_json(&json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "a" }, { "EventId": "b" }] }));
    server.then_json(&json!({ "FailedEntryCount": 2, "Entries": [failed, { "EventId": "b" }, failed] }));
    let bus = server.clients().bus("countersign-dev");
    assert!(bus.publish(&events(2)).await.expect("are taken").is_empty());
    assert_eq!(bus.publish(&events(3)).await.expect("is answered"), [0, 2]);
    let asked = server.asked();
    let entry = |at: usize| {
        json!({
            "EventBusName": "countersign-dev",
            "Source": "countersign",
            "DetailType": "payment.captured",
            "Detail": format!("{{\"id\":\"{at}\"}}"),
        })
    };
    assert_eq!(
        (asked[0].what.as_str(), asked[0].json()),
        ("PutEvents", json!({ "Entries": [entry(0), entry(1)] }))
    );
}

#[tokio::test]
async fn an_answer_that_does_not_name_every_event_is_a_failure() {
    let server = Server::start().await;
    server.then_json(&json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "a" }] }));
    let error = server.clients().bus("bus").publish(&events(2)).await.expect_err("one is missing").chain();
    assert!(error.ends_with("2 entries sent, 1 answered"), "{error}");
}

#[tokio::test]
async fn secrets_are_read_by_name() {
    let server = Server::start().await;
    server.then_json(&json!({ "SecretString": r#"{"current":"whsec_a","previous":"whsec_b"}"# }));
    server.then_json(&json!({ "SecretString": r#"{"token":"sk_test"}"# }));
    server.then_fail("ResourceNotFoundException", json!({}));
    let clients = server.clients();
    let pair = SecretPair {
        current: "whsec_a".to_owned(),
        previous: Some("whsec_b".to_owned()),
        ..SecretPair::default()
    };
    assert_eq!(clients.secrets("dev").fetch(&source()).await.expect("is read"), Some(pair));
    let token = clients.api_tokens("dev").fetch(&source()).await.expect("is read");
    assert_eq!(token, Some(ApiToken { token: "sk_test".to_owned() }));
    assert_eq!(clients.secrets("dev").fetch(&source()).await.expect("is absent"), None);
    let asked = server.asked();
    assert_eq!(asked[0].what, "GetSecretValue");
    assert_eq!(asked[0].json(), json!({ "SecretId": "countersign/dev/signing/stripe-main" }));
    assert_eq!(asked[1].json(), json!({ "SecretId": "countersign/dev/api/stripe-main" }));
}

#[tokio::test]
async fn a_malformed_secret_is_not_repeated() {
    for text in
        [r#""whsec_hidden""#, r#"{"current":7,"whsec_hidden":1}"#, r#"{"whsec_hidden":"x"}"#, "whsec_hidden"]
    {
        let server = Server::start().await;
        server.then_json(&json!({ "SecretString": text }));
        let error = server.clients().secrets("dev").fetch(&source()).await.expect_err("is malformed");
        let all = format!("{} {error:?}", error.chain());
        assert!(all.contains("the secret countersign/dev/signing/stripe-main is not of the shape"), "{all}");
        assert!(!all.contains("hidden"), "{all}");
    }
}

#[tokio::test]
async fn a_secret_that_is_there_gets_a_new_value() {
    let server = Server::start().await;
    server.then_fail("ResourceExistsException", json!({}));
    let pair = SecretPair { current: "whsec_a".to_owned(), previous: None, ..SecretPair::default() };
    server.clients().secrets("dev").put(&source(), &pair).await.expect("is put");
    let asked = server.asked();
    assert_eq!([asked[0].what.as_str(), asked[1].what.as_str()], ["CreateSecret", "PutSecretValue"]);
    assert_eq!(asked[1].json()["SecretString"], r#"{"current":"whsec_a"}"#);
}

#[tokio::test]
async fn a_report_is_put_under_its_key() {
    let server = Server::start().await;
    let reports = server.clients().reports("reports");
    reports.write("stripe-main/a/attempt-1.csv", "text/csv", b"a,b\n".to_vec()).await.expect("is written");
    let asked = server.asked();
    assert!(asked[0].what.starts_with("PUT /reports/stripe-main/a/attempt-1.csv"), "{}", asked[0].what);
    assert_eq!((asked[0].header("content-type"), asked[0].body.as_ref()), ("text/csv", b"a,b\n".as_ref()));
}
