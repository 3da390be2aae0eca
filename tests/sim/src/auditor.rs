//! The judge. It knows what the providers did and what the functions answered, and shares no decision with the product:
//! what a payment must come to is told by its own [`model`].
//!
//! The promises themselves, by number, are [`Invariant`]. Some are judged with every answer, batch and publication, the
//! others when the world has fallen quiet.

mod books;
mod end;
mod history;
mod invariant;
pub(crate) mod model;
mod page;

pub(crate) use history::{History, Was};
pub(crate) use invariant::check;
pub use invariant::{Invariant, Looks, Violation};

use crate::world::hub::Mishaps;
use crate::world::provider::{Books, Delivery, PERSONAL, Providers};
use crate::world::queue::{Message, Release, WorldQueue};
use countersign_app::memory::{
    MemoryExpectations, MemoryFindings, MemoryInbox, MemoryLedger, MemoryReports, MemoryRuns,
};
use countersign_app::ports::{Inbox as _, InboxKey, InboxRow, Ledger as _, Port};
use countersign_app::process::{Outcome, Processed, Retry};
use countersign_domain::event::{BusEvent, RECONCILIATION_COMPLETED};
use countersign_domain::finding::Subject;
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::ledger::LedgerRow;
use invariant::Verdict;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What the judge looks into.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) inbox: MemoryInbox,
    pub(crate) ledger: MemoryLedger,
    pub(crate) findings: MemoryFindings,
    pub(crate) runs: MemoryRuns,
    pub(crate) reports: MemoryReports,
    pub(crate) expectations: MemoryExpectations,
    pub(crate) queue: WorldQueue,
}

impl Stores {
    pub(crate) fn new(queue: WorldQueue) -> Self {
        Self {
            inbox: MemoryInbox::default(),
            ledger: MemoryLedger::default(),
            findings: MemoryFindings::default(),
            runs: MemoryRuns::default(),
            reports: MemoryReports::default(),
            expectations: MemoryExpectations::default(),
            queue,
        }
    }
}

/// One answer to a delivery.
pub(crate) struct Answer<'a> {
    pub(crate) delivery: &'a Delivery,
    /// Under which name its rows and messages stand.
    pub(crate) attempt: &'a str,
    pub(crate) began_at_ms: i64,
    pub(crate) ended_at_ms: i64,
    /// What the function's own clock said.
    pub(crate) clock_ms: i64,
    pub(crate) status: u16,
    /// How often something was made to go wrong in it.
    pub(crate) mishaps: u32,
}

/// One batch and what became of it.
pub(crate) struct Batch<'a> {
    pub(crate) messages: &'a [Message],
    pub(crate) processed: &'a [Processed],
    pub(crate) began_at_ms: i64,
    pub(crate) ended_at_ms: i64,
    pub(crate) mishaps: Mishaps,
    /// The version of the code that worked on it.
    pub(crate) release: Release,
}

/// A payment's version, as consumers name it.
type Version = (String, String, u64);

/// As long as a batch may take and still begin with a message, in milliseconds; it is less than any configured time.
const TIME_IS_LEFT_MS: i64 = 10_000;
/// How many others must have been first for an event that gives up.
const RACES_LOST: usize = 8;

/// The judge of one world.
pub(crate) struct Auditor {
    stores: Stores,
    pub(crate) histories: Vec<History>,
    /// What consumers got, by version: the detail.
    published: BTreeMap<Version, Value>,
    published_text: BTreeMap<Version, String>,
    published_ids: BTreeMap<String, Version>,
    /// Attempts that must have left nothing.
    powerless: BTreeSet<String>,
    /// Events and versions that were acknowledged, and bytes that were acknowledged or refused as unreadable.
    acknowledged: BTreeSet<(usize, usize)>,
    unreadable: BTreeSet<(usize, Vec<u8>)>,
    /// The providers' own books.
    provider_books: Books,
    books: books::Memory,
}

/// The outcome of a call to a store in memory, which never waits.
pub(crate) fn now<T>(call: impl Future<Output = Port<T>>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(found)) => found,
        Poll::Ready(Err(error)) => panic!("a store in memory failed: {}", error.chain()),
        Poll::Pending => panic!("a store in memory waits"),
    }
}

fn source_name(text: &str) -> SourceName {
    SourceName::new(text).expect("a source name")
}

impl Auditor {
    pub(crate) fn new(stores: Stores, provider_books: Books, histories: Vec<History>) -> Self {
        Self {
            stores,
            histories,
            published: BTreeMap::new(),
            published_text: BTreeMap::new(),
            published_ids: BTreeMap::new(),
            powerless: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            provider_books,
            books: books::Memory::default(),
        }
    }

    /// Judges an answer (I7, I8).
    pub(crate) fn answered(&mut self, providers: &Providers, answer: &Answer<'_>) -> Verdict {
        let expected = self.expected_status(answer);
        let Answer { delivery, status, .. } = answer;
        let said = || format!("{} was answered with {status}, where {expected:?} may be", delivery.what);
        let is_ours_to_mend = *status == 503 && answer.mishaps > 0;
        check(Invariant::I7, is_ours_to_mend || expected.contains(status), said)?;
        if *status == 200 {
            for (event, version) in &delivery.told {
                self.check_kept(providers, answer, *event, *version)?;
                self.acknowledged.insert((*event, *version));
            }
        }
        if let (Some(source), Some(unreadable), 200 | 400) = (delivery.source, &delivery.unreadable, status) {
            self.unreadable.insert((source, unreadable.clone()));
        }
        self.doubt(delivery, answer.attempt, answer.clock_ms, (answer.began_at_ms, answer.ended_at_ms));
        Ok(())
    }

    /// Notes an attempt that ended, in whatever way, and that must have left nothing behind.
    pub(crate) fn doubt(&mut self, delivery: &Delivery, attempt: &str, clock_ms: i64, span: (i64, i64)) {
        if self.authenticity(delivery, clock_ms, span) == Was::Never {
            self.powerless.insert(attempt.to_owned());
        }
    }

    /// Whether a delivery is authentic, as far as the function could know.
    fn authenticity(&self, delivery: &Delivery, clock_ms: i64, (from_ms, to_ms): (i64, i64)) -> Was {
        let (Some(source), Some(proof)) = (delivery.source, &delivery.proof) else { return Was::Never };
        let age_seconds = clock_ms.div_euclid(1_000).saturating_sub(proof.signed_at_seconds);
        if !(-300..=300).contains(&age_seconds) {
            return Was::Never;
        }
        self.histories[source].seen_secret(&proof.secret, from_ms, to_ms, clock_ms)
    }

    fn expected_status(&self, answer: &Answer<'_>) -> Vec<u16> {
        let delivery = answer.delivery;
        let span = (answer.began_at_ms, answer.ended_at_ms);
        let Some(source) = delivery.source else { return vec![404] };
        let accepted = if delivery.is_readable { 200 } else { 400 };
        let known = match self.authenticity(delivery, answer.clock_ms, span) {
            Was::Always => vec![accepted],
            Was::Sometimes => vec![accepted, 401],
            Was::Never => vec![401],
        };
        match self.histories[source].seen_enabled(span.0, span.1) {
            Was::Always => known,
            Was::Sometimes => [known, vec![404]].concat(),
            Was::Never => vec![404],
        }
    }

    /// An event that is acknowledged has a row of its own and a message about it.
    fn check_kept(
        &self,
        providers: &Providers,
        answer: &Answer<'_>,
        event: usize,
        version: usize,
    ) -> Verdict {
        let told = &providers.events[event];
        let rows = self.rows_of(providers, event);
        let item = told.items[version].as_bytes();
        let row = rows.iter().find(|row| row.body == item);
        let what = || format!("{} ({}) was acknowledged, and no row holds it", told.id, answer.delivery.what);
        check(Invariant::I7, row.is_some(), what)?;
        let mut keys: Vec<_> = row.into_iter().map(|row| row.key.to_string()).collect();
        // The first under its id counts, so it is handed over too.
        keys.extend(rows.first().map(|row| row.key.to_string()));
        for key in keys {
            let is_sent = self.stores.queue.was_handed_over(&key, answer.attempt);
            check(Invariant::I7, is_sent, || {
                format!("{} was acknowledged, and no message names {key}", told.id)
            })?;
        }
        Ok(())
    }

    /// The row of an event, then those of other meanings under its id.
    fn rows_of(&self, providers: &Providers, event: usize) -> Vec<InboxRow> {
        let told = &providers.events[event];
        let source = source_name(&providers.sources[told.source].name);
        let id = EventId::new(&*told.id).expect("an event id");
        let key = InboxKey::Event { source: source.clone(), event: id.clone() };
        let mut rows: Vec<_> = now(self.stores.inbox.get(&key)).into_iter().collect();
        if told.versions.len() == 1 {
            return rows;
        }
        let others = self.stores.inbox.rows().into_iter();
        rows.extend(others.filter(|row| {
            matches!(&row.key, InboxKey::Conflict { source: s, event: e, .. } if *s == source && *e == id)
        }));
        rows
    }

    /// Judges a batch (I13, I14).
    pub(crate) fn processed(&self, providers: &Providers, batch: &Batch<'_>) -> Verdict {
        let answered: Vec<_> = batch.processed.iter().map(|one| one.trail.message_id.clone()).collect();
        let asked: Vec<_> = batch.messages.iter().map(|message| message.id.to_string()).collect();
        check(Invariant::I13, answered == asked, || {
            format!("messages {asked:?} were answered as {answered:?}")
        })?;
        check_neighbours(batch)?;
        let forbidden = self.forbidden(&BODIES);
        for (message, one) in batch.messages.iter().zip(batch.processed) {
            if !message.is_poison {
                check_discreet("a message", &message.body, &forbidden)?;
            }
            match &one.outcome {
                Ok(outcome) => self.check_finished(message, one, outcome)?,
                Err(retry) => self.check_unfinished(providers, batch, message, retry)?,
            }
        }
        Ok(())
    }

    /// What a message is acknowledged as, it is.
    fn check_finished(&self, message: &Message, one: &Processed, outcome: &Outcome) -> Verdict {
        let said = || format!("message {} was acknowledged as {outcome:?}: {}", message.id, message.body);
        check(Invariant::I13, !message.is_poison, said)?;
        let row = || {
            let (payment, _) = one.trail.payment.as_ref()?;
            let payment = PaymentId::new(&**payment).ok()?;
            let (source, event) = (one.trail.source.as_ref()?, one.trail.event.as_ref()?);
            now(self.stores.ledger.view(source, &payment, event)).of_event
        };
        let is_so = match outcome {
            Outcome::Applied | Outcome::Republished => row()
                .is_some_and(|row| row.change.is_some() && self.published.contains_key(&version_of(&row))),
            Outcome::Unchanged => row().is_some_and(|row| row.change.is_none()),
            Outcome::Unmapped => true,
            Outcome::Parked(kind) => self.stores.findings.all().iter().any(|finding| {
                let is_about = match (&finding.subject, &one.trail.event) {
                    (Subject::Event(found), Some(event)) => found == event,
                    (Subject::Delivery(_), None) => true,
                    _ => false,
                };
                finding.kind == *kind && one.trail.source.as_ref() == Some(&finding.source) && is_about
            }),
        };
        check(Invariant::I13, is_so, || format!("{}, and it is not so", said()))
    }

    /// What a message stays in the queue for is real.
    fn check_unfinished(
        &self,
        providers: &Providers,
        batch: &Batch<'_>,
        message: &Message,
        retry: &Retry,
    ) -> Verdict {
        let is_real = match retry {
            Retry::NotANotice(_) => message.is_poison || !batch.release.can_read(&message.body),
            Retry::NoRow(_) => message.is_poison,
            Retry::NoSource(name) => {
                let source = providers.sources.iter().position(|source| source.name == name.as_str());
                source.is_some_and(|source| {
                    self.histories[source].seen_enabled(batch.began_at_ms, batch.ended_at_ms) != Was::Always
                })
            }
            Retry::Port(_) | Retry::NotPublished => batch.mishaps.held_back > 0,
            Retry::Panicked => batch.mishaps.panics > 0,
            Retry::Contended => self.is_contended(message),
            Retry::NoTime => batch.ended_at_ms.saturating_sub(batch.began_at_ms) >= TIME_IS_LEFT_MS,
            Retry::Unwritable(_) => false,
        };
        check(Invariant::I13, is_real, || {
            format!("message {} stays for no reason: {retry}: {}", message.id, message.body)
        })
    }

    /// Whether so much happened to some payment that one of its events may have lost every race.
    fn is_contended(&self, message: &Message) -> bool {
        let rows = self.stores.ledger.rows();
        let mut of_payment = BTreeMap::<_, usize>::new();
        for row in &rows {
            let written = of_payment.entry((&row.source, &row.payment)).or_default();
            *written = written.saturating_add(1);
        }
        !message.is_poison && of_payment.values().any(|written| *written >= RACES_LOST)
    }

    /// Judges what was logged (I14).
    pub(crate) fn logged(&self, lines: &[String]) -> Verdict {
        if lines.is_empty() {
            return Ok(());
        }
        let forbidden = self.forbidden(&BODIES);
        lines.iter().try_for_each(|line| check_discreet("a log line", line, &forbidden))
    }

    /// What may not leave the inbox: personal data, what every secret begins with, the rest of each, a body as bytes, and
    /// these words.
    fn forbidden<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let secrets = self.histories.iter().flat_map(History::secrets);
        let digits = secrets.map(|secret| secret.trim_start_matches(SECRET));
        PERSONAL.into_iter().chain([SECRET, BYTES]).chain(digits).chain(words.iter().copied()).collect()
    }

    /// Judges a publication (I5).
    pub(crate) fn published(&mut self, event: &BusEvent) -> Verdict {
        let detail: Value = serde_json::from_str(&event.detail).map_err(|error| Violation {
            invariant: Invariant::I5,
            what: format!("no JSON was published: {error}"),
        })?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if event.detail_type == RECONCILIATION_COMPLETED {
            return self.told_of_run(&text(&detail["id"]), &event.detail);
        }
        let data = &detail["data"];
        let version = (text(&data["source"]), text(&data["payment"]), data["version"].as_u64().unwrap_or(0));
        let rows = match (SourceName::new(&*version.0), PaymentId::new(&*version.1)) {
            (Ok(source), Ok(payment)) => now(self.stores.ledger.history(&source, &payment)),
            _ => Vec::new(),
        };
        let row = rows.iter().find(|row| row.version == version.2 && row.change.is_some());
        check(Invariant::I5, row.is_some(), || {
            format!("{version:?} was published, and the ledger has no such change")
        })?;
        let fact = row.and_then(|row| serde_json::to_value(&row.fact).ok());
        let is_told = fact.as_ref() == Some(&data["fact"])
            && detail["type"] == event.detail_type
            && detail["subject"] == version.1;
        check(Invariant::I5, is_told, || {
            format!("{version:?} was published as something else: {}", event.detail)
        })?;
        let id = text(&detail["id"]);
        let owner = self.published_ids.entry(id.clone()).or_insert_with(|| version.clone());
        check(Invariant::I5, *owner == version, || {
            format!("{version:?} and {owner:?} have the same id {id}")
        })?;
        let first = self.published_text.entry(version.clone()).or_insert_with(|| event.detail.clone());
        let is_same = *first == event.detail;
        check(Invariant::I5, is_same, || {
            format!("{version:?} was published as {first} and as {}", event.detail)
        })?;
        self.published.insert(version, detail);
        Ok(())
    }
}

/// I13: no more messages stay in the queue than what went wrong can have held back.
fn check_neighbours(batch: &Batch<'_>) -> Verdict {
    let stay = |is_it: fn(&Retry) -> bool| {
        let retries = batch.processed.iter().filter_map(|one| one.outcome.as_ref().err());
        u32::try_from(retries.filter(|retry| is_it(retry)).count()).unwrap_or(u32::MAX)
    };
    let failed = stay(|retry| matches!(retry, Retry::Port(_) | Retry::NotPublished));
    let panicked = stay(|retry| matches!(retry, Retry::Panicked));
    let Mishaps { held_back, panics, .. } = batch.mishaps;
    check(Invariant::I13, failed <= held_back && panicked <= panics, || {
        format!(
            "{failed} messages stay after what can hold back {held_back}, {panicked} after {panics} panics"
        )
    })
}

/// What only bodies hold.
const BODIES: [&str; 2] = ["\"occurred_at\"", "\"livemode\""];
/// What every secret begins with.
const SECRET: &str = "whsec_";
/// How a body begins that is shown as bytes.
const BYTES: &str = "[123, 34, ";

/// I14: a text that leaves the inbox holds none of these words.
fn check_discreet(what: &str, text: &str, forbidden: &[&str]) -> Verdict {
    let found = forbidden.iter().find(|word| text.contains(**word));
    check(Invariant::I14, found.is_none(), || {
        format!("{what} holds {}: {text}", found.copied().unwrap_or_default())
    })
}

fn version_of(row: &LedgerRow) -> Version {
    (row.source.to_string(), row.payment.to_string(), row.version)
}

#[cfg(test)]
mod spoilt;
