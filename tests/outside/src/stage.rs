//! The local stack with the sources of a trial, and what is on record in it.

use crate::account::{Books, Entry};
use crate::plan::{Delivery, Forgery, Proof, SOURCES};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use countersign::commands::Context;
use countersign::commands::source::apply::put_in_force;
use countersign::local::{API_KEY, Doing as _, Failure, Options, Process, Stack};
use countersign_app::onboard::GivenSecrets;
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::dialect::Dialect;
use countersign_domain::ids::SourceName;
use countersign_domain::sign::sign;
use countersign_domain::source::{DialectRef, Mode, Source, SourceConfig};
use countersign_domain::time::SignedDuration;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The signing secret of every source, and one that is none.
const SECRET: &str = "whsec_countersign_trials_from_outside";
const WRONG_SECRET: &str = "whsec_somebody_who_would_like_to_know";

/// How old a stale signature is: far outside the window of any dialect.
const STALE_SECONDS: i64 = 3_600;

const POLL: Duration = Duration::from_millis(250);

type Item = HashMap<String, AttributeValue>;

/// A deployed stack whose sources are in force.
pub(crate) struct Stage {
    stack: Stack,
    http: reqwest::Client,
    dialects: Vec<Arc<Dialect>>,
}

impl Stage {
    /// Starts a stack of its own. `visibility_seconds` is how long a message stays with a function that does not answer.
    pub(crate) async fn start(mut options: Options, visibility_seconds: u32) -> Result<Self, Failure> {
        options.parameters.insert("EventVisibilitySeconds".to_owned(), visibility_seconds.to_string());
        let stack = Stack::start(options).await?;
        let context = Context::of(stack.config().clone(), stack.outputs().clone());
        let context = context.doing(|| "reach the stack".to_owned())?;
        let mut dialects = Vec::new();
        for (name, words) in SOURCES {
            let config = config(name, words.dialect())?;
            let source = Source::try_from(config.clone()).doing(|| format!("make the source {name}"))?;
            let given = GivenSecrets {
                signing: Some(SECRET.to_owned()),
                api_token: source.dialect.reconcile.as_ref().map(|_| API_KEY.to_owned()),
                ..GivenSecrets::default()
            };
            put_in_force(&context, config, &given).await.doing(|| format!("put {name} in force"))?;
            let dialect =
                Dialect::built_in(words.dialect()).doing(|| format!("read the dialect of {name}"))?;
            dialects.extend(dialect);
        }
        Ok(Self { stack, http: countersign::clients::http()?, dialects })
    }

    /// Where this AWS is.
    pub(crate) fn endpoint(&self) -> &str {
        self.stack.endpoint()
    }

    /// The functions' processes that run now.
    pub(crate) fn processes(&self) -> Result<Vec<Process>, Failure> {
        self.stack.processes()
    }

    /// How many invocations of a function ended without an answer: its process was killed or held at work.
    pub(crate) fn interrupted(&self, function: &str) -> Result<usize, Failure> {
        let log = self.stack.emulator_log()?;
        let is_of_function = |line: &&str| line.contains(&format!("-{function}: "));
        let is_interrupted =
            |line: &&str| line.contains("Runtime exited before returning") || line.contains("Task timed out");
        Ok(log.lines().filter(is_of_function).filter(is_interrupted).count())
    }

    /// Sends a delivery, signed as it is planned to be. Nothing stands for no answer.
    pub(crate) async fn post(&self, delivery: &Delivery) -> Result<Option<u16>, Failure> {
        let (source, _) = SOURCES[delivery.source];
        let (secret, age) = match delivery.proof {
            Proof::Forged(Forgery::WrongSecret) => (WRONG_SECRET, 0),
            Proof::Forged(Forgery::Stale) => (SECRET, STALE_SECONDS),
            Proof::Genuine | Proof::Forged(Forgery::Altered | Forgery::Unsigned) => (SECRET, 0),
        };
        let at = SystemClock.now() - SignedDuration::from_secs(age);
        let signed = sign(&self.dialects[delivery.source].auth, secret, &[], delivery.body.as_bytes(), at);
        let mut headers = signed.doing(|| format!("sign for {source}"))?;
        let mut body = delivery.body.clone();
        match delivery.proof {
            Proof::Forged(Forgery::Altered) => body = altered(&body),
            Proof::Forged(Forgery::Unsigned) => headers.clear(),
            Proof::Genuine | Proof::Forged(Forgery::WrongSecret | Forgery::Stale) => {}
        }
        let mut request = self.http.post(self.stack.webhook_url(source)).body(body);
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // How it fails says nothing of what was done: the sender only knows that it heard nothing.
        Ok(request.send().await.ok().map(|answer| answer.status().as_u16()))
    }

    /// Waits until no message is waiting or being worked on.
    pub(crate) async fn until_quiet(&self, patience: Duration) -> Result<(), Failure> {
        let quiet = async {
            while self.waiting().await? > 0 {
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        };
        tokio::time::timeout(patience, quiet).await.unwrap_or_else(|_| {
            Err(Failure::new(format!("the queue was not empty within {} s", patience.as_secs())))
        })
    }

    /// Messages that wait or are being worked on.
    pub(crate) async fn waiting(&self) -> Result<u64, Failure> {
        const NAMES: [QueueAttributeName; 2] = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let sqs = aws_sdk_sqs::Client::new(self.stack.config());
        let ask = sqs.get_queue_attributes().queue_url(&self.stack.outputs().event_queue_url);
        let known = ask.set_attribute_names(Some(NAMES.to_vec())).send().await;
        let known = known.doing(|| "ask how many messages wait".to_owned())?;
        let count = |name| known.attributes()?.get(name)?.parse::<u64>().ok();
        NAMES.iter().map(count).try_fold(0_u64, |sum, count| Some(sum.saturating_add(count?))).ok_or_else(
            || Failure::new("SQS does not say how many messages wait: it names no number for the queue"),
        )
    }

    /// Everything that is on record, read as it is stored.
    pub(crate) async fn books(&self) -> Result<Books, Failure> {
        let outputs = self.stack.outputs();
        let mut books = Books { dead: self.dead().await?, ..Books::default() };
        for item in self.scan(&outputs.inbox_table_name, Some("pk")).await? {
            books.inbox.insert(text(&item, "pk")?.to_owned());
        }
        for item in self.scan(&outputs.ledger_table_name, None).await? {
            books.ledger.push(entry(&item)?);
        }
        for item in self.scan(&outputs.control_table_name, None).await? {
            if let Some(source) = text(&item, "pk")?.strip_prefix("finding#") {
                let subject: Value = read(text(&item, "subject")?)?;
                let event = subject["event"].as_str().unwrap_or_default().to_owned();
                books.findings.insert((source.to_owned(), text(&item, "kind")?.to_owned(), event));
            }
        }
        Ok(books)
    }

    async fn scan(&self, table: &str, only: Option<&str>) -> Result<Vec<Item>, Failure> {
        let dynamodb = aws_sdk_dynamodb::Client::new(self.stack.config());
        let scan = dynamodb.scan().table_name(table).consistent_read(true);
        let mut pages = scan.set_projection_expression(only.map(str::to_owned)).into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.doing(|| format!("read the table {table}"))?.items.unwrap_or_default());
        }
        Ok(items)
    }

    /// The inbox keys that the dead letters name.
    async fn dead(&self) -> Result<BTreeSet<String>, Failure> {
        const UNSEEN_SECONDS: i32 = 3_600;
        let doing = || "read the dead letters".to_owned();
        let sqs = aws_sdk_sqs::Client::new(self.stack.config());
        let mut dead = BTreeSet::new();
        loop {
            let receive = sqs.receive_message().queue_url(&self.stack.outputs().dead_letter_queue_url);
            let receive = receive.visibility_timeout(UNSEEN_SECONDS).max_number_of_messages(10);
            let received = receive.send().await.doing(doing)?;
            if received.messages().is_empty() {
                return Ok(dead);
            }
            for message in received.messages() {
                let notice: Value = read(message.body().unwrap_or_default())?;
                let part = |name: &str| notice["key"][name].as_str().unwrap_or_default();
                let meaning = if part("kind") == "conflict" { "#conflict" } else { "" };
                dead.insert(format!("{}#{}{meaning}", part("source"), part("event")));
            }
        }
    }
}

fn config(name: &str, dialect: &str) -> Result<SourceConfig, Failure> {
    let name = SourceName::new(name).doing(|| format!("name a source {name}"))?;
    Ok(SourceConfig::new(name, DialectRef::BuiltIn(dialect.to_owned()), Mode::Test))
}

/// A body with another amount.
fn altered(body: &str) -> String {
    let from = body.find("amount").unwrap_or_default();
    let mut is_done = false;
    let change = |(at, letter): (usize, char)| {
        if at < from || is_done || !letter.is_ascii_digit() {
            return letter;
        }
        is_done = true;
        if letter == '9' { '8' } else { '9' }
    };
    body.char_indices().map(change).collect()
}

fn entry(item: &Item) -> Result<Entry, Failure> {
    let (source, payment) = text(item, "pk")?.split_once('#').unwrap_or_default();
    let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
    let state: Value = read(text(item, "s")?)?;
    Ok(Entry {
        source: source.to_owned(),
        payment: payment.to_owned(),
        version: version.ok_or_else(|| Failure::new("a row of the ledger has no version"))?,
        event: text(item, "e")?.to_owned(),
        is_change: item.contains_key("g"),
        captured: state["captured"].as_i64().unwrap_or_default(),
    })
}

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, Failure> {
    let text = item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
    text.ok_or_else(|| {
        Failure::new(format!("a row has no text {name}: the schema changed, change the accounting too"))
    })
}

fn read(json: &str) -> Result<Value, Failure> {
    serde_json::from_str(json).doing(|| "read what is stored as JSON".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_body_differs_in_its_amount_only() {
        assert_eq!(altered(r#"{"id":"e1","amount":"12.90"}"#), r#"{"id":"e1","amount":"92.90"}"#);
        assert_eq!(altered(r#"{"id":"e1","amount_received":912}"#), r#"{"id":"e1","amount_received":812}"#);
    }

    #[test]
    fn a_row_is_read_as_it_is_stored() {
        let row = [("pk", "stripe-one#pay_1"), ("e", "evt_1"), ("s", r#"{"captured":5}"#), ("g", "{}")];
        let mut item: Item =
            row.map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned()))).into();
        assert!(entry(&item).unwrap_err().to_string().contains("version"));
        item.insert("version".to_owned(), AttributeValue::N("2".to_owned()));
        let read = entry(&item).unwrap();
        assert_eq!((read.source.as_str(), read.payment.as_str(), read.version), ("stripe-one", "pay_1", 2));
        assert_eq!((read.event.as_str(), read.is_change, read.captured), ("evt_1", true, 5));
    }
}
