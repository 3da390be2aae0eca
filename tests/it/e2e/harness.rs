//! The deployed stack and the words that the tests are written in.

use super::lambda::Function;
use countersign::commands::Context;
use countersign::commands::source::apply::put_in_force;
use countersign::local::{API_KEY, BuiltWith, BusEvent, Options, Stack};
use countersign_app::onboard::GivenSecrets;
use countersign_app::ports::{
    Clock as _, Findings as _, Inbox as _, InboxKey, InboxRow, Ledger as _, Notice, Origin, Queue as _,
};
use countersign_aws::clock::{SystemClock, random_id};
use countersign_domain::dialect::Dialect;
use countersign_domain::envelope::event;
use countersign_domain::finding::{Finding, FindingKind};
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::json::Json;
use countersign_domain::ledger::LedgerRow;
use countersign_domain::sign::sign;
use countersign_domain::signature::Headers;
use countersign_domain::source::{DialectRef, Mode, Source, SourceConfig};
use countersign_domain::time::SignedDuration;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// How long anything may take to become true. A condition is awaited, so this is only ever waited out by a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

type HeaderList = Vec<(String, String)>;

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A dead letter, as it was received.
pub(crate) struct Letter {
    body: String,
    handle: String,
}

/// The stack under test.
pub(crate) struct Harness {
    pub(crate) stack: Stack,
    pub(crate) context: Context,
    http: reqwest::Client,
    published: Arc<Mutex<Vec<BusEvent>>>,
}

/// One runtime for all tests: the connections of the shared clients live on it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static HARNESS: OnceCell<Harness> = OnceCell::const_new();

/// Runs one test on the shared stack.
pub(crate) fn e2e(test: impl AsyncFnOnce(&'static Harness)) {
    RUNTIME.block_on(async { test(HARNESS.get_or_init(Harness::start).await).await });
}

impl Harness {
    /// The signing secret of every source.
    pub(crate) const SECRET: &'static str = "whsec_countersign_end_to_end";

    async fn start() -> Self {
        let options = Options { built_with: BuiltWith::Tests, ..Options::default() };
        let stack = Stack::start(options).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let published = Arc::new(Mutex::new(Vec::new()));
        let (tap, heard) = (stack.tap().clone(), Arc::clone(&published));
        tokio::spawn(async move {
            while let Ok(events) = tap.next(Duration::from_secs(1)).await {
                heard.lock().expect("no panic").extend(events);
            }
        });
        let context = Context::of(stack.config().clone(), stack.outputs().clone()).expect("a context");
        Self { stack, context, http: reqwest::Client::new(), published }
    }

    /// A new source. Its name is the test's own.
    pub(crate) async fn source(&self, name: &str, dialect: DialectRef) -> SourceName {
        self.source_at(name, dialect, None).await
    }

    /// A new source whose provider's API is at a URL of the test's.
    pub(crate) async fn source_at(
        &self,
        name: &str,
        dialect: DialectRef,
        api_base_url: Option<String>,
    ) -> SourceName {
        self.source_with(SourceConfig { api_base_url, ..Self::config(name, dialect) }).await
    }

    /// What every source of a test is, unless the test says otherwise.
    pub(crate) fn config(name: &str, dialect: DialectRef) -> SourceConfig {
        SourceConfig::new(SourceName::new(name).expect("a source name"), dialect, Mode::Test)
    }

    /// A new source, as it is configured.
    pub(crate) async fn source_with(&self, config: SourceConfig) -> SourceName {
        let name = config.name.clone();
        let source = Source::try_from(config.clone()).expect("a source");
        let given = GivenSecrets {
            signing: Some(Self::SECRET.to_owned()),
            api_token: source.dialect.reconcile.as_ref().map(|_| API_KEY.to_owned()),
            ..GivenSecrets::default()
        };
        put_in_force(&self.context, config, &given).await.expect("the source is in force");
        name
    }

    pub(crate) async fn stripe_source(&self, name: &str) -> SourceName {
        self.source(name, DialectRef::BuiltIn("stripe".to_owned())).await
    }

    pub(crate) async fn partner_source(&self, name: &str) -> SourceName {
        self.source(name, DialectRef::BuiltIn("partner-hmac".to_owned())).await
    }

    /// The headers of a body signed some seconds ago.
    pub(crate) fn headers(dialect: &str, body: &str, age_seconds: i64, secret: &str) -> HeaderList {
        let dialect = Dialect::built_in(dialect).expect("it checks").expect("it is built in");
        let at = SystemClock.now() - SignedDuration::from_secs(age_seconds);
        sign(&dialect.auth, secret, &[], body.as_bytes(), at).expect("a secret that is a key")
    }

    pub(crate) fn stripe_headers(&self, body: &str, age_seconds: i64, secret: &str) -> HeaderList {
        Self::headers("stripe", body, age_seconds, secret)
    }

    pub(crate) async fn request(
        &self,
        method: reqwest::Method,
        source: impl std::fmt::Display,
        headers: HeaderList,
        body: &str,
    ) -> Posted {
        let url = self.stack.webhook_url(&source.to_string());
        let mut request = self.http.request(method, url).body(body.to_owned());
        if !headers.iter().any(|(name, _)| name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("an answer");
        Posted { status: answer.status().as_u16(), body: answer.text().await.expect("its body") }
    }

    pub(crate) async fn post(
        &self,
        source: impl std::fmt::Display,
        headers: HeaderList,
        body: &str,
    ) -> Posted {
        self.request(reqwest::Method::POST, source, headers, body).await
    }

    pub(crate) async fn post_signed(&self, source: &SourceName, body: &str) -> Posted {
        self.post(source, Self::headers("stripe", body, 0, Self::SECRET), body).await
    }

    pub(crate) async fn post_partner(&self, source: &SourceName, body: &str) -> Posted {
        self.post(source, Self::headers("partner-hmac", body, 0, Self::SECRET), body).await
    }

    /// Waits until a condition gives something.
    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) -> T {
        let wait = async {
            loop {
                if let Some(found) = condition().await {
                    return found;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let result = tokio::time::timeout(PATIENCE, wait).await;
        result.unwrap_or_else(|_| panic!("{what}: not within {} s", PATIENCE.as_secs()))
    }

    pub(crate) async fn history(&self, source: &SourceName, payment: &str) -> Vec<LedgerRow> {
        let payment = PaymentId::new(payment).expect("a payment");
        self.context.ledger().history(source, &payment).await.expect("the ledger answers")
    }

    pub(crate) async fn until_version(
        &self,
        source: &SourceName,
        payment: &str,
        version: usize,
    ) -> LedgerRow {
        let condition = || async { self.history(source, payment).await.into_iter().nth(version - 1) };
        self.until(&format!("{payment} of {source} at version {version}"), condition).await
    }

    pub(crate) async fn until_finding(&self, source: &SourceName, kind: FindingKind) -> Finding {
        let condition = || async {
            let findings = self.context.findings().list(source).await.expect("the findings answer");
            findings.into_iter().find(|finding| finding.kind == kind)
        };
        self.until(&format!("a finding {} of {source}", kind.as_str()), condition).await
    }

    /// Every event of a payment that the bus has told, as JSON, once there are at least so many.
    pub(crate) async fn until_published(
        &self,
        source: &SourceName,
        payment: &str,
        count: usize,
    ) -> Vec<Value> {
        let path = format!("/countersign/{source}");
        let condition = || async {
            let published = self.published.lock().expect("no panic");
            let of_payment =
                |event: &&BusEvent| event.detail["source"] == path && event.detail["subject"] == payment;
            let found: Vec<_> =
                published.iter().filter(of_payment).map(|event| event.detail.clone()).collect();
            (found.len() >= count).then_some(found)
        };
        self.until(&format!("{count} published events of {payment}"), condition).await
    }

    /// What the bus was told of the first reconciliation of a source.
    pub(crate) async fn until_reconciled(&self, source: &SourceName) -> Value {
        let path = format!("/countersign/{source}");
        let condition = || async {
            let published = self.published.lock().expect("no panic");
            let is_of_source = |event: &&BusEvent| {
                event.detail_type == "reconciliation.completed" && event.detail["source"] == path
            };
            published.iter().find(is_of_source).map(|event| event.detail["data"].clone())
        };
        self.until(&format!("a reconciliation of {source}"), condition).await
    }

    pub(crate) async fn inbox_row(&self, source: &SourceName, event: &str) -> Option<InboxRow> {
        let key = InboxKey::Event { source: source.clone(), event: EventId::new(event).expect("an id") };
        self.context.inbox().get(&key).await.expect("the inbox answers")
    }

    /// Writes a row as ingest would, without a message.
    pub(crate) async fn put_row(&self, source: &SourceName, body: &str) -> InboxKey {
        let dialect = Dialect::built_in("stripe").expect("it checks").expect("it is built in");
        let json = Json::parse(body.as_bytes()).expect("JSON");
        let event = event(&dialect, &Headers::default(), json.root()).expect("an event");
        let row = InboxRow {
            key: InboxKey::Event { source: source.clone(), event: event.id },
            origin: Origin::Delivery,
            kind: Some(event.kind),
            meaning: event.meaning,
            body: body.as_bytes().to_vec(),
            headers: std::collections::BTreeMap::new(),
            occurred_at: event.occurred_at,
            received_at: SystemClock.now(),
            attempt: random_id(),
            trace: random_id(),
            reason: None,
        };
        let put = self.context.inbox().put(&row).await.expect("the inbox answers");
        assert_eq!(put, countersign_app::ports::Put::Written);
        row.key
    }

    pub(crate) fn notice(&self, key: &InboxKey) -> String {
        let notice = Notice { v: 1, key: key.clone(), trace: random_id() };
        serde_json::to_string(&notice).expect("JSON")
    }

    pub(crate) async fn send_notice(&self, key: &InboxKey) {
        let notice = Notice { v: 1, key: key.clone(), trace: random_id() };
        let failed = self.context.queue().send(&[notice]).await.expect("the queue answers");
        assert!(failed.is_empty());
    }

    /// Waits for a message in the dead-letter queue that mentions something.
    pub(crate) async fn until_dead_letter(&self, mentions: &str) -> Letter {
        let sqs = aws_sdk_sqs::Client::new(self.stack.config());
        let condition = || async {
            let receive = sqs.receive_message().queue_url(&self.stack.outputs().dead_letter_queue_url);
            let received =
                receive.visibility_timeout(1).max_number_of_messages(10).send().await.expect("SQS answers");
            received.messages().iter().find_map(|message| {
                let body = message.body().filter(|body| body.contains(mentions))?.to_owned();
                Some(Letter { body, handle: message.receipt_handle()?.to_owned() })
            })
        };
        self.until(&format!("a dead letter that mentions {mentions}"), condition).await
    }

    /// Does what `aws sqs start-message-move-task` does with one letter: back to the queue it came from.
    pub(crate) async fn replay(&self, letter: Letter) {
        let sqs = aws_sdk_sqs::Client::new(self.stack.config());
        let outputs = self.stack.outputs();
        let send = sqs.send_message().queue_url(&outputs.event_queue_url).message_group_id("replay");
        send.message_body(letter.body).send().await.expect("SQS answers");
        let delete =
            sqs.delete_message().queue_url(&outputs.dead_letter_queue_url).receipt_handle(letter.handle);
        delete.send().await.expect("SQS answers");
    }

    /// Waits until the processor has finished everything that was sent.
    pub(crate) async fn until_queue_is_empty(&self) {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let sqs = aws_sdk_sqs::Client::new(self.stack.config());
        let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let condition = || async {
            let ask = sqs.get_queue_attributes().queue_url(&self.stack.outputs().event_queue_url);
            let known = ask.set_attribute_names(Some(names.to_vec())).send().await.expect("SQS answers");
            let count =
                |name| known.attributes().and_then(|all| all.get(name)).is_some_and(|count| count == "0");
            names.iter().all(count).then_some(())
        };
        self.until("an empty queue", condition).await;
    }

    /// A function's real binary, with the variables it is deployed with, under a runtime of our own; killed at an AWS
    /// call if one is named.
    pub(crate) async fn function(&self, name: &str, kill_at: Option<&'static str>) -> Function {
        let deployed = self.stack.function(name).expect("it is deployed").clone();
        let mut environment = deployed.environment;
        for (name, value) in
            [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]
        {
            environment.insert(name.to_owned(), value.to_owned());
        }
        Function::start(deployed.binary, environment, self.stack.endpoint(), kill_at).await
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// A Stripe event around an object, in EUR unless the object says otherwise.
pub(crate) fn stripe_event(id: &str, kind: &str, object: &Value) -> String {
    let mut object = object.clone();
    object.as_object_mut().expect("an object").entry("currency").or_insert_with(|| json!("eur"));
    let created = SystemClock.now().as_second();
    let event = json!({
        "id": id, "object": "event", "type": kind, "created": created, "livemode": false,
        "data": {"object": object}, "pending_webhooks": 1,
    });
    event.to_string()
}

/// An HTTP API event (payload format 2.0) as Lambda gets it.
pub(crate) fn http_event(source: &SourceName, headers: &HeaderList, body: &str) -> Value {
    let mut all = serde_json::Map::new();
    all.insert("content-type".to_owned(), json!("application/json"));
    all.extend(headers.iter().map(|(name, value)| (name.clone(), json!(value))));
    let path = format!("/v1/webhooks/{source}");
    json!({
        "version": "2.0", "routeKey": "ANY /v1/webhooks/{source}", "rawPath": path, "rawQueryString": "",
        "headers": all, "pathParameters": {"source": source.to_string()}, "isBase64Encoded": false, "body": body,
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "localhost", "domainPrefix": "api",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            "requestId": "r", "routeKey": "ANY /v1/webhooks/{source}", "stage": "$default",
            "time": "23/Nov/2026:13:00:00 +0000", "timeEpoch": 1_795_438_800_000_u64
        }
    })
}

/// An SQS batch of one message as Lambda gets it.
pub(crate) fn sqs_event(message_id: &str, body: &str) -> Value {
    json!({"Records": [{
        "messageId": message_id, "receiptHandle": "h", "body": body, "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:q", "awsRegion": "eu-central-1"
    }]})
}
