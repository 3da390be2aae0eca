//! What each method of each adapter asks of AWS: the methods are called, and a server on loopback writes the requests down.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use countersign_app::ports::{
    Bus, Cases, Drift, Evidence, Expectations, Files, Findings, Inbox, InboxKey, InboxRow, Ledger, Notice,
    Origin, Queue, Reports, Run, RunHistory, Runs, Secrets, Sighting, Sources, Unknown,
};
use countersign_aws::clients::Clients;
use countersign_aws::dynamodb::{
    DriftTable, ExpectationTable, FindingTable, InboxTable, LedgerTable, RunTable, SourceTable,
};
use countersign_aws::eventbridge::EventBus;
use countersign_aws::s3::{FileBucket, ReportBucket};
use countersign_aws::secrets::SigningSecrets;
use countersign_aws::sqs::EventQueue;
use countersign_domain::event::BusEvent;
use countersign_domain::expect::Expectation;
use countersign_domain::fact::Fact;
use countersign_domain::finding::{Case, Finding, FindingKind, Subject};
use countersign_domain::ids::{EventId, EventKind, PaymentId, Sha256Hex, SourceName, TraceId};
use countersign_domain::ledger::{Cause, LedgerRow, next_row};
use countersign_domain::money::{Currency, Money};
use countersign_domain::time::{Timestamp, Window, from_seconds};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One call as IAM judges it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    /// The SDK's name of it.
    pub(crate) operation: String,
    /// IAM's.
    pub(crate) action: String,
    /// The logical name of the resource, and the place in it.
    pub(crate) resource: String,
    /// What a condition may ask about.
    pub(crate) context: Option<(&'static str, String)>,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)?;
        match &self.context {
            Some((key, value)) => write!(f, " where {key} is {value:?}"),
            None => Ok(()),
        }
    }
}

/// What a method asks, with whatever answers. Its name is made from what is called, so that it cannot be another's; and each
/// call has a server of its own: a request that a method gave up on may still be under way when the next one is asked.
macro_rules! ask {
    ($asked:ident, $adapter:expr, <$type:ident as $port:ident>::$method:ident($($argument:expr),*)) => {
        for answers in Answers::ALL {
            let server = Server::start(answers).await;
            let adapter = $adapter(&server);
            // What it comes to is of no interest: no answer here means anything.
            drop(<$type as $port>::$method(&adapter, $($argument),*).await);
            let name = concat!("<", stringify!($type), " as ", stringify!($port), ">::", stringify!($method));
            $asked.entry(name).or_default().extend(server.calls());
        }
    };
}

/// What is asked by each method that a function may call. The resources have their logical names.
pub(crate) async fn asked() -> BTreeMap<&'static str, Vec<Call>> {
    let mut asked = BTreeMap::new();
    tables(&mut asked).await;
    control(&mut asked).await;
    others(&mut asked).await;
    secrets(&mut asked).await;
    asked
}

type AskedBy = BTreeMap<&'static str, Vec<Call>>;

async fn tables(asked: &mut AskedBy) {
    let inbox = |server: &Server| server.clients.inbox("InboxTable", 45);
    let ledger = |server: &Server| server.clients.ledger("LedgerTable");
    let row = inbox_row();
    ask!(asked, inbox, <InboxTable as Inbox>::put(&row));
    ask!(asked, inbox, <InboxTable as Inbox>::get(&row.key));
    ask!(asked, ledger, <LedgerTable as Ledger>::view(&source(), &payment(), &event()));
    ask!(asked, ledger, <LedgerTable as Ledger>::history(&source(), &payment()));
    ask!(asked, ledger, <LedgerTable as Ledger>::append(&ledger_row()));
    ask!(asked, ledger, <LedgerTable as Ledger>::opened_on(&source(), "2026-11-29"));
}

async fn control(asked: &mut AskedBy) {
    const TABLE: &str = "ControlTable";
    let sources = |server: &Server| server.clients.sources(TABLE);
    ask!(asked, sources, <SourceTable as Sources>::fetch(&source()));
    ask!(asked, sources, <SourceTable as Sources>::list());
    let drift = |server: &Server| server.clients.drift(TABLE);
    ask!(asked, drift, <DriftTable as Drift>::saw(&sighting()));
    let findings = |server: &Server| server.clients.findings(TABLE);
    ask!(asked, findings, <FindingTable as Findings>::raise(&finding()));
    ask!(asked, findings, <FindingTable as Findings>::list(&source()));
    ask!(asked, findings, <FindingTable as Cases>::of(&source()));
    ask!(asked, findings, <FindingTable as Cases>::find(&source(), "f-1"));
    ask!(asked, findings, <FindingTable as Cases>::step(&Case::new(finding())));
    let expected = |server: &Server| server.clients.expectations(TABLE);
    let expectation = expectation();
    ask!(asked, expected, <ExpectationTable as Expectations>::announce(&expectation));
    ask!(asked, expected, <ExpectationTable as Expectations>::due_in(now()));
    ask!(asked, expected, <ExpectationTable as Expectations>::settle(&expectation));
    let runs = |server: &Server| server.clients.runs(TABLE);
    let run = Run::begin(source(), window(), 1, 1, now());
    let notes = [Evidence::Page { page: 1, payments: vec![payment()] }];
    ask!(asked, runs, <RunTable as Runs>::take(&source(), window(), false, now(), now()));
    ask!(asked, runs, <RunTable as Runs>::checkpoint(&run, now()));
    ask!(asked, runs, <RunTable as Runs>::find(&source(), window()));
    ask!(asked, runs, <RunTable as Runs>::note(&run, &notes));
    ask!(asked, runs, <RunTable as Runs>::notes(&run, "page#"));
    ask!(asked, runs, <RunTable as RunHistory>::newest(&source(), 7));
}

async fn others(asked: &mut AskedBy) {
    let queue = |server: &Server| server.clients.queue(&server.queue_url());
    let notices = [Notice { v: 1, key: inbox_row().key, trace: TraceId::from_bytes([8; 16]) }];
    ask!(asked, queue, <EventQueue as Queue>::send(&notices));
    let server = Server::start(Answers::Empty).await;
    server.clients.warm_queue(&server.queue_url()).await;
    asked.entry("EventQueue::touch").or_default().extend(server.calls());
    let bus = |server: &Server| server.clients.bus("EventBus");
    let events = [BusEvent { detail_type: "payment.captured", detail: "{}".to_owned() }];
    ask!(asked, bus, <EventBus as Bus>::publish(&events));
    let reports = |server: &Server| server.clients.reports("ReportBucket");
    ask!(
        asked,
        reports,
        <ReportBucket as Reports>::write("any/report.json", "application/json", b"{}".to_vec())
    );
    let files = |server: &Server| server.clients.files("FileBucket");
    ask!(asked, files, <FileBucket as Files>::open("arrivals/acme/daily/report.csv"));
    ask!(asked, files, <FileBucket as Files>::keep("parts/acme/0/0000.tsv", Vec::new()));
    ask!(asked, files, <FileBucket as Files>::kept("parts/acme/0/0000.tsv"));
}

/// A token is read under the name that it was made with, which is the second name here.
async fn secrets(asked: &mut AskedBy) {
    const STAGE: &str = "${Stage}";
    let signing = |server: &Server| server.clients.secrets(STAGE);
    ask!(asked, signing, <SigningSecrets as Secrets>::fetch(&source()));
    let server = Server::start(Answers::Empty).await;
    drop(server.clients.api_tokens(STAGE).fetch(&source()).await);
    asked.entry(super::API_TOKENS).or_default().extend(server.calls());
    let server = Server::start(Answers::Empty).await;
    drop(server.clients.fetch_tokens(STAGE).fetch(&source()).await);
    asked.entry(super::FETCH_TOKENS).or_default().extend(server.calls());
}

/// What every request is answered with: a method may ask once more, of the one or of the other.
#[derive(Clone, Copy)]
enum Answers {
    Empty,
    Refused,
}

impl Answers {
    const ALL: [Self; 2] = [Self::Empty, Self::Refused];
}

struct Server {
    url: String,
    clients: Clients,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Server {
    async fn start(answers: Answers) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let router = axum::Router::new().fallback(answer).with_state((answers, Arc::clone(&calls)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { clients: Clients::at(&url), url, calls }
    }

    fn queue_url(&self) -> String {
        format!("{}/000000000000/EventQueue", self.url)
    }

    /// What it was asked; there must be something.
    fn calls(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(!calls.is_empty(), "a method asked nothing of AWS: give it arguments with which it does");
        calls
    }
}

async fn answer(
    State((answers, calls)): State<(Answers, Arc<Mutex<Vec<Call>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let call = match headers.get("x-amz-target").map(|target| target.to_str().expect("a target in ASCII")) {
        Some(target) => of_target(target, &serde_json::from_slice(&body).expect("a request in JSON")),
        None => of_bucket(&method, uri.path()),
    };
    calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    match answers {
        Answers::Empty => (StatusCode::OK, b"{}".to_vec()),
        Answers::Refused => {
            let refusal = json!({ "__type": "com.amazonaws.test#ConditionalCheckFailedException" });
            (StatusCode::BAD_REQUEST, refusal.to_string().into_bytes())
        }
    }
}

/// A request in one of AWS's JSON protocols.
fn of_target(target: &str, body: &Value) -> Call {
    let (service, operation) = target.split_once('.').expect("a service and an operation");
    let text = |value: &Value| {
        value.as_str().unwrap_or_else(|| panic!("{target} lacks something: {body}")).to_owned()
    };
    let call = |service: &str, action: &str, resource: String, context| Call {
        operation: format!("{service}:{operation}"),
        action: action.to_owned(),
        resource,
        context,
    };
    match service.split('_').next().unwrap_or_default() {
        "DynamoDB" => {
            let index = body["IndexName"].as_str().map(|name| format!("/index/{name}")).unwrap_or_default();
            let resource = format!("{}{index}", text(&body["TableName"]));
            let keys = [&body["Key"]["pk"], &body["Item"]["pk"], &body["ExpressionAttributeValues"][":pk"]];
            let pk = keys.into_iter().find_map(|key| key["S"].as_str());
            let context = pk.map(|pk| ("dynamodb:LeadingKeys", pk.to_owned()));
            call("dynamodb", &format!("dynamodb:{operation}"), resource, context)
        }
        "AmazonSQS" => {
            let url = text(&body["QueueUrl"]);
            let queue = url.rsplit('/').next().unwrap_or_default().to_owned();
            // Who may send may send a batch: SQS has no permission of its own for it.
            call("sqs", &format!("sqs:{}", operation.trim_end_matches("Batch")), queue, None)
        }
        "secretsmanager" => {
            let name = format!("secret:{}", text(&body["SecretId"]));
            call("secretsmanager", &format!("secretsmanager:{operation}"), name, None)
        }
        "AWSEvents" => {
            let entry = &body["Entries"][0];
            let context = Some(("events:source", text(&entry["Source"])));
            call("eventbridge", &format!("events:{operation}"), text(&entry["EventBusName"]), context)
        }
        _ => panic!("{target} is of a service that this test does not know"),
    }
}

/// A request to S3, whose operation is a method and whose place is a path.
fn of_bucket(method: &Method, path: &str) -> Call {
    let operation = match method.as_str() {
        "GET" => "GetObject",
        "PUT" => "PutObject",
        other => panic!("{other} {path} is an operation that this test does not know"),
    };
    Call {
        operation: format!("s3:{operation}"),
        action: format!("s3:{operation}"),
        resource: path.trim_start_matches('/').to_owned(),
        context: None,
    }
}

fn source() -> SourceName {
    SourceName::new("acme").expect("a source name")
}

fn payment() -> PaymentId {
    PaymentId::new("pi_1").expect("a payment reference")
}

fn event() -> EventId {
    EventId::new("evt_1").expect("an event id")
}

fn kind() -> EventKind {
    EventKind::new("a.kind").expect("an event type")
}

fn now() -> Timestamp {
    from_seconds(1_795_910_400)
}

fn window() -> Window {
    Window::utc_day(now(), 0)
}

fn amount() -> Money {
    Money { minor: 2_000, currency: Currency::from_code("EUR").expect("a currency") }
}

fn inbox_row() -> InboxRow {
    InboxRow {
        key: InboxKey::Event { source: source(), event: event() },
        origin: Origin::Delivery,
        kind: Some(kind()),
        meaning: Sha256Hex::of(&[b"meaning"]),
        body: b"{}".to_vec(),
        headers: BTreeMap::new(),
        occurred_at: None,
        received_at: now(),
        attempt: TraceId::from_bytes([7; 16]),
        trace: TraceId::from_bytes([8; 16]),
        reason: None,
    }
}

fn ledger_row() -> LedgerRow {
    let trace = TraceId::from_bytes([8; 16]);
    let cause = Cause { event: event(), kind: kind(), occurred_at: None, received_at: now(), trace };
    let fact = Fact::Initiated { amount: amount() };
    next_row(None, &source(), &payment(), cause, fact, now()).expect("no contradiction")
}

fn finding() -> Finding {
    Finding {
        source: source(),
        kind: FindingKind::AmountDiffers,
        subject: Subject::Payment(payment()),
        reason: "ledger: 1; provider: 2".to_owned(),
        at_stake: None,
        found_at: now(),
    }
}

fn sighting() -> Sighting {
    Sighting {
        source: source(),
        kind: kind(),
        unknown: Unknown::Type,
        example: event(),
        events: 1,
        at: now(),
    }
}

fn expectation() -> Expectation {
    Expectation {
        source: source(),
        payment: payment(),
        amount: amount(),
        announced_at: now(),
        due_at: now(),
        purpose: Default::default(),
    }
}
