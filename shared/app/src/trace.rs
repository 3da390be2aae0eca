//! Everything that is known of an event or a payment, in order: for a person who asks what happened.

use crate::ports::{Findings, Inbox, InboxKey, InboxRow, Ledger, Origin, Port, PortError};
use crate::process::understand;
use countersign_domain::event::{self, EventType};
use countersign_domain::finding::{Finding, Subject};
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::payment::{Amounts, Change};
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use countersign_domain::translate::{PaymentFact, Translation, named};
use serde::Serialize;
use std::collections::BTreeSet;

/// One thing that happened, when our clock saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, by our clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It came in and was kept.
    Received {
        /// The event.
        event: EventId,
        /// The provider's name for what it is.
        kind: String,
        /// How it came in.
        origin: Origin,
        /// By the provider's clock.
        occurred_at: Option<Timestamp>,
        /// The trace that began with it.
        trace: String,
        /// Length of its body.
        body_bytes: usize,
    },
    /// It was applied to its payment.
    Recorded {
        /// The event.
        event: EventId,
        /// The payment.
        payment: PaymentId,
        /// The ledger row.
        version: u64,
        /// What it changed; absent when it said nothing new.
        change: Option<Change>,
        /// The payment's amounts from there on.
        amounts: Option<Amounts>,
    },
    /// The bus was told. The time is that of the ledger row: it is published before the message is acknowledged.
    Published {
        /// The id that consumers see.
        id: String,
        /// Its detail-type.
        detail_type: &'static str,
    },
    /// A doubt was recorded.
    Found {
        /// What.
        finding: Finding,
    },
}

/// Everything that is known of a payment.
///
/// # Errors
/// [`PortError`] when a store cannot be read.
pub async fn payment(
    inbox: &impl Inbox,
    ledger: &impl Ledger,
    findings: &impl Findings,
    source: &SourceName,
    payment: &PaymentId,
) -> Port<Vec<Entry>> {
    let history = ledger.history(source, payment).await?;
    let mut entries = Vec::new();
    let mut events = BTreeSet::new();
    for row in &history {
        for event in lineage(&row.cause.event) {
            if events.insert(event.clone()) {
                entries.extend(received(inbox, source, &event).await?);
            }
        }
        entries.extend(recorded(row));
    }
    let about = |finding: &Finding| match &finding.subject {
        Subject::Payment(found) => found == payment,
        Subject::Event(event) => {
            events.contains(event) || finding.reason.starts_with(&format!("payment {payment}:"))
        }
        Subject::Delivery(_) | Subject::Payout(_) | Subject::Deposit(_) | Subject::Sequence(_) => false,
    };
    entries.extend(findings.list(source).await?.into_iter().filter(about).map(found));
    Ok(in_order(entries))
}

/// Everything that is known of an event, and of those that it came out of: the ledger books each fact of an event with several
/// under an id of its own, and a provider's answer to a question about an event has one too.
///
/// # Errors
/// [`PortError`] when a store cannot be read.
pub async fn event(
    inbox: &impl Inbox,
    ledger: &impl Ledger,
    findings: &impl Findings,
    source: &Source,
    event: &EventId,
) -> Port<Vec<Entry>> {
    let name = &source.name;
    let mut entries = Vec::new();
    let events = lineage(event);
    for event in &events {
        let key = InboxKey::Event { source: name.clone(), event: event.clone() };
        let Some(row) = inbox.get(&key).await? else { continue };
        for (id, PaymentFact { payment, .. }) in named(event, facts_of(source, &row)) {
            let view = ledger.view(name, &payment, &id).await?;
            entries.extend(view.of_event.iter().flat_map(recorded));
        }
        entries.extend(receipt(event, row));
    }
    let about = |finding: &Finding| match &finding.subject {
        Subject::Event(found) => events.contains(found),
        _ => false,
    };
    entries.extend(findings.list(name).await?.into_iter().filter(about).map(found));
    Ok(in_order(entries))
}

/// An event, after those that it came out of.
fn lineage(event: &EventId) -> Vec<EventId> {
    let mut events: Vec<_> = event.lineage().collect();
    events.reverse();
    events
}

/// What an event says, as far as it can be told now.
fn facts_of(source: &Source, row: &InboxRow) -> Vec<PaymentFact> {
    let Some(kind) = &row.kind else { return Vec::new() };
    match understand(source, kind, row) {
        Ok(Translation::Facts(facts)) => facts,
        Ok(Translation::Unmapped) | Err(_) => Vec::new(),
    }
}

async fn received(
    inbox: &impl Inbox,
    source: &SourceName,
    event: &EventId,
) -> Result<Option<Entry>, PortError> {
    let key = InboxKey::Event { source: source.clone(), event: event.clone() };
    Ok(inbox.get(&key).await?.and_then(|row| receipt(event, row)))
}

fn receipt(event: &EventId, row: InboxRow) -> Option<Entry> {
    let what = What::Received {
        event: event.clone(),
        kind: row.kind?.to_string(),
        origin: row.origin,
        occurred_at: row.occurred_at,
        trace: row.trace.as_str().to_owned(),
        body_bytes: row.body.len(),
    };
    Some(Entry { at: row.received_at, what })
}

fn recorded(row: &LedgerRow) -> Vec<Entry> {
    let what = What::Recorded {
        event: row.cause.event.clone(),
        payment: row.payment.clone(),
        version: row.version,
        change: row.change.clone(),
        amounts: row.state.amounts(),
    };
    let mut entries = vec![Entry { at: row.recorded_at, what }];
    if row.change.is_some() {
        let detail_type = EventType::from(&row.fact).name();
        entries.push(Entry {
            at: row.recorded_at,
            what: What::Published { id: event::event_id(row), detail_type },
        });
    }
    entries
}

fn found(finding: Finding) -> Entry {
    Entry { at: finding.found_at, what: What::Found { finding } }
}

/// By time; what happened at the same instant keeps its order: received, recorded, published, found.
fn in_order(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| {
        let rank = match &entry.what {
            What::Received { .. } => 0,
            What::Recorded { version, .. } => *version,
            What::Published { .. } | What::Found { .. } => u64::MAX,
        };
        (entry.at, rank)
    });
    entries
}
