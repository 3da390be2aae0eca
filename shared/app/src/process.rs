//! Messages become ledger rows and bus events.
//!
//! The order is the guarantee: commit, publish, acknowledge. The unacknowledged message is the outbox: a redelivery
//! that finds its event committed publishes it again, with the same id and the same bytes.

pub(crate) mod ask;
mod drift;

use crate::caches::SourceCache;
use crate::ports::{
    Append, Bus, Clock, Drift, Expectations, Findings, Inbox, InboxKey, InboxRow, Ledger, Notice, Origin,
    Port, PortError, ProviderApi, Sources, Unknown,
};
use countersign_domain::event::{self, BusEvent};
use countersign_domain::expect::Expectation;
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::ids::{EventId, EventKind, SourceName, TraceId};
use countersign_domain::ledger::{Cause, LedgerRow, next_row};
use countersign_domain::limits::{BUS_ENTRIES_MAX, COMMIT_ATTEMPTS_MAX, RECORDS_IN_FLIGHT_MAX};
use countersign_domain::payment::Conflict;
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use countersign_domain::translate::{PaymentFact, TranslateError, Translation, named, translate};
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::error::Category;
use std::panic::AssertUnwindSafe;

/// What the processor needs: its ports, and what it remembers between batches.
pub struct Processor<S, I, L, F, B, A, C, D, E> {
    /// The configured sources.
    pub sources: S,
    /// What came in.
    pub inbox: I,
    /// Where it is applied.
    pub ledger: L,
    /// Where doubts go.
    pub findings: F,
    /// Where the business listens.
    pub bus: B,
    /// Where the provider is asked back.
    pub api: A,
    /// The time.
    pub clock: C,
    /// Where words that no dialect knows are counted.
    pub drift: D,
    /// Where checks of final states wait, for the sources whose policy wants them.
    pub expectations: E,
    /// Sources read so far.
    pub source_cache: SourceCache,
}

/// One message of a batch.
#[derive(Clone, Debug)]
pub struct Record {
    /// The queue's id of it.
    pub message_id: String,
    /// Its text.
    pub body: String,
}

/// What became of one message.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The payment moved, and the bus was told.
    Applied,
    /// It was applied before; the bus was told again.
    Republished,
    /// Recorded; it said nothing new.
    Unchanged,
    /// The dialect has no rule for it.
    Unmapped,
    /// Set aside with a finding.
    Parked(FindingKind),
}

impl Outcome {
    /// Of the outcomes of one event's facts, the one that a person should hear of.
    fn weightier(self, other: Self) -> Self {
        let weight = |outcome: &Self| match outcome {
            Self::Unmapped => 0,
            Self::Unchanged => 1,
            Self::Republished => 2,
            Self::Applied => 3,
            Self::Parked(_) => 4,
        };
        if weight(&other) > weight(&self) { other } else { self }
    }

    /// A word for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Republished => "republished",
            Self::Unchanged => "unchanged",
            Self::Unmapped => "unmapped",
            Self::Parked(_) => "parked",
        }
    }
}

/// Why a message stays in the queue. It comes back, and after its last try goes to the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum Retry {
    /// Not one of our messages, or of a version that this code does not know.
    #[error("the message is not a notice of version 1: {0}")]
    NotANotice(String),
    /// The row that it names is not there.
    #[error("the inbox has no row {0}")]
    NoRow(InboxKey),
    /// The source that it names is not there, or disabled.
    #[error("there is no enabled source {0}")]
    NoSource(SourceName),
    /// A call failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Others were first, every time.
    #[error("the payment was changed by others {COMMIT_ATTEMPTS_MAX} times in a row")]
    Contended,
    /// The bus did not take its event.
    #[error("the bus did not take the event")]
    NotPublished,
    /// The code failed on it.
    #[error("the code panicked on it")]
    Panicked,
    /// Too little time was left to begin.
    #[error("too little time was left")]
    NoTime,
    /// Its event cannot be written as JSON.
    #[error("its event cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}

/// What became of asking a provider's API about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It answered, if only that it knows nothing.
    Answered,
    /// It did not, or was not called because it failed too often: the message comes back.
    Failed,
}

/// What is known of one message, for its log line.
#[derive(Debug, Default)]
pub struct Trail {
    /// The queue's id of it.
    pub message_id: String,
    /// Its source.
    pub source: Option<SourceName>,
    /// Its event.
    pub event: Option<EventId>,
    /// Its type.
    pub kind: Option<String>,
    /// Its payment and version.
    pub payment: Option<(String, u64)>,
    /// The trace.
    pub trace: Option<TraceId>,
    /// What of it its dialect does not know, in events of which type.
    pub unknown: Option<(EventKind, Unknown)>,
    /// Whether that was seen here for the first time.
    pub is_news: bool,
    /// What became of asking the provider's API, if it was asked.
    pub asked: Option<Asked>,
    /// From the provider's time to now, in milliseconds.
    pub lag_ms: Option<i64>,
}

/// One message and what became of it.
#[derive(Debug)]
pub struct Processed {
    /// What is known of it.
    pub trail: Trail,
    /// What became of it.
    pub outcome: Result<Outcome, Retry>,
}

/// A message that is committed and may have something to publish.
struct Committed {
    outcome: Outcome,
    publish: Vec<BusEvent>,
}

impl Committed {
    fn silent(outcome: Outcome) -> Self {
        Self { outcome, publish: Vec::new() }
    }
}

impl<S, I, L, F, B, A, C, D, E> Processor<S, I, L, F, B, A, C, D, E>
where
    S: Sources,
    I: Inbox,
    L: Ledger,
    F: Findings,
    B: Bus,
    A: ProviderApi,
    C: Clock,
    D: Drift,
    E: Expectations,
{
    /// Works through a batch. Every message has its own fate: one that fails, panics or runs out of time takes no
    /// other with it. Nothing new is begun after `stop_at`.
    pub async fn batch(&self, records: Vec<Record>, stop_at: Timestamp) -> Vec<Processed> {
        let mut committed: Vec<_> = stream::iter(records)
            .map(|record| self.commit_guarded(record, stop_at))
            .buffered(RECORDS_IN_FLIGHT_MAX)
            .collect()
            .await;
        self.count_unknown(&mut committed).await;
        let mut processed = self.publish(committed).await;
        if is_planted(Mistake::AcknowledgesTheBatch) && processed.iter().any(|one| one.outcome.is_ok()) {
            processed.iter_mut().for_each(|one| one.outcome = Ok(Outcome::Unmapped));
        }
        if is_planted(Mistake::FailsTheBatch) && processed.iter().any(|one| one.outcome.is_err()) {
            processed.iter_mut().for_each(|one| one.outcome = Err(Retry::NotPublished));
        }
        processed
    }

    async fn commit_guarded(&self, record: Record, stop_at: Timestamp) -> (Trail, Result<Committed, Retry>) {
        let mut trail = Trail { message_id: record.message_id, ..Trail::default() };
        if self.clock.now() >= stop_at {
            return (trail, Err(Retry::NoTime));
        }
        let work = AssertUnwindSafe(self.commit(&record.body, &mut trail)).catch_unwind();
        let result = work.await.unwrap_or(Err(Retry::Panicked));
        (trail, result)
    }

    async fn commit(&self, message: &str, trail: &mut Trail) -> Result<Committed, Retry> {
        let notice = read_notice(message)?;
        trail.source = Some(notice.key.source().clone());
        trail.trace = Some(notice.trace.clone());
        let row = self.inbox.get(&notice.key).await?.ok_or_else(|| Retry::NoRow(notice.key.clone()))?;
        trail.kind = row.kind.as_ref().map(ToString::to_string);
        if is_planted(Mistake::LogsTheBody) {
            trail.kind = Some(String::from_utf8_lossy(&row.body).into_owned());
        }
        trail.lag_ms =
            row.occurred_at.map(|at| self.clock.now().as_millisecond().saturating_sub(at.as_millisecond()));
        match &notice.key {
            InboxKey::Unreadable { source, digest } => {
                let reason = row.reason.clone().unwrap_or_default();
                self.park(source, FindingKind::Unreadable, Subject::Delivery(digest.clone()), reason).await
            }
            InboxKey::Conflict { source, event, .. } if is_planted(Mistake::AppliesAnyMeaning) => {
                trail.event = Some(event.clone());
                self.commit_event(source, event, &row, trail).await
            }
            InboxKey::Conflict { source, event, .. } => {
                trail.event = Some(event.clone());
                let reason = "the same event id came with another meaning; the first one counts".to_owned();
                self.park(source, FindingKind::Conflicting, Subject::Event(event.clone()), reason).await
            }
            InboxKey::Event { source, event } => {
                trail.event = Some(event.clone());
                self.commit_event(source, event, &row, trail).await
            }
        }
    }

    async fn commit_event(
        &self,
        name: &SourceName,
        event: &EventId,
        row: &InboxRow,
        trail: &mut Trail,
    ) -> Result<Committed, Retry> {
        let source = self.source_cache.get(&self.sources, name, self.clock.now()).await?;
        let source = source.ok_or_else(|| Retry::NoSource(name.clone()))?;
        let Some(kind) = &row.kind else { return Err(Retry::NoRow(row.key.clone())) };
        let understood = match self.asked(&source, event, (kind, row), trail).await? {
            Ok(ready) => understand(&source, kind, &ready.row).map(|translation| (ready, translation)),
            Err(error) => Err(error),
        };
        let (ready, facts) = match understood {
            Ok((ready, Translation::Facts(facts))) => (ready, facts),
            Ok((_, Translation::Unmapped)) => {
                trail.unknown = Some((kind.clone(), Unknown::Type));
                return Ok(Committed::silent(Outcome::Unmapped));
            }
            Err(error) => {
                if let TranslateError::UnmappedState { at, value } = &error {
                    let unknown = Unknown::State { at: at.clone(), value: value.clone() };
                    trail.unknown = Some((kind.clone(), unknown));
                }
                let subject = Subject::Event(event.clone());
                return self.park(name, FindingKind::Untranslatable, subject, error.to_string()).await;
            }
        };
        let mut all = Committed::silent(Outcome::Unmapped);
        for (booked_as, fact) in named(&ready.id, facts) {
            let one =
                self.commit_fact(&source, (event, &booked_as), (&ready.row, kind), &fact, trail).await?;
            all.publish.extend(one.publish);
            all.outcome = all.outcome.weightier(one.outcome);
        }
        Ok(all)
    }

    async fn commit_fact(
        &self,
        source: &Source,
        (delivered, event): (&EventId, &EventId),
        cause: (&InboxRow, &EventKind),
        fact: &PaymentFact,
        trail: &mut Trail,
    ) -> Result<Committed, Retry> {
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            match self.append(&source.name, event, cause, fact).await? {
                Ok(Some((outcome, ledger_row))) => {
                    trail.payment = Some((ledger_row.payment.to_string(), ledger_row.version));
                    let after_seconds = source.policy.check_after_seconds;
                    if let Some(check) = after_seconds
                        .and_then(|after| Expectation::check(&ledger_row, after, self.clock.now()))
                    {
                        // New or known, it is checked once.
                        let _ = self.expectations.announce(&check).await?;
                    }
                    let is_told = outcome == Outcome::Republished && is_planted(Mistake::NeverPublishesAgain);
                    let publish = event::of_row(&ledger_row)?.into_iter().filter(|_| !is_told).collect();
                    return Ok(Committed { outcome, publish });
                }
                Ok(None) => {}
                Err(conflict) => {
                    let subject = Subject::Event(delivered.clone());
                    let reason = format!("payment {}: {conflict}", fact.payment);
                    return self.park(&source.name, FindingKind::Contradiction, subject, reason).await;
                }
            }
        }
        Err(Retry::Contended)
    }

    /// One try to commit: the row that is now in the ledger, or nothing when another event was first.
    async fn append(
        &self,
        source: &SourceName,
        event: &EventId,
        (row, kind): (&InboxRow, &EventKind),
        PaymentFact { payment, fact }: &PaymentFact,
    ) -> Port<Result<Option<(Outcome, LedgerRow)>, Conflict>> {
        let view = self.ledger.view(source, payment, event).await?;
        if let Some(done) = view.of_event.filter(|_| !is_planted(Mistake::TrustsTheQueue)) {
            let outcome = if done.change.is_some() { Outcome::Republished } else { Outcome::Unchanged };
            return Ok(Ok(Some((outcome, done))));
        }
        let cause = Cause {
            event: event.clone(),
            kind: kind.clone(),
            occurred_at: row.occurred_at,
            received_at: row.received_at,
            trace: row.trace.clone(),
        };
        let next =
            match next_row(view.latest.as_ref(), source, payment, cause, fact.clone(), self.clock.now()) {
                Ok(next) => next,
                Err(conflict) => return Ok(Err(conflict)),
            };
        Ok(Ok(match self.ledger.append(&next).await? {
            Append::Appended if next.change.is_some() => Some((Outcome::Applied, next)),
            Append::Appended => Some((Outcome::Unchanged, next)),
            Append::Stale if is_planted(Mistake::StaleIsDone) => Some((Outcome::Applied, next)),
            Append::Stale => None,
        }))
    }

    async fn park(
        &self,
        source: &SourceName,
        kind: FindingKind,
        subject: Subject,
        reason: String,
    ) -> Result<Committed, Retry> {
        let found_at = self.clock.now();
        let finding = Finding { source: source.clone(), kind, subject, reason, at_stake: None, found_at };
        if !is_planted(Mistake::ParksSilently) {
            // New or known, it is on record now.
            let _ = self.findings.raise(&finding).await?;
        }
        Ok(Committed::silent(Outcome::Parked(kind)))
    }

    /// Publishes what is committed, in tens. A message whose event was not taken stays in the queue. What failed for a whole
    /// call is told of each of its messages.
    async fn publish(&self, committed: Vec<(Trail, Result<Committed, Retry>)>) -> Vec<Processed> {
        let mut processed = Vec::with_capacity(committed.len());
        let mut waiting = Vec::new();
        for (trail, result) in committed {
            let outcome = result.map(|committed| {
                waiting.extend(committed.publish.into_iter().map(|event| (processed.len(), event)));
                committed.outcome
            });
            processed.push(Processed { trail, outcome });
        }
        for chunk in waiting.chunks(BUS_ENTRIES_MAX) {
            let events: Vec<_> = chunk.iter().map(|(_, event)| event.clone()).collect();
            let (failed, error) = match self.bus.publish(&events).await {
                Ok(_) if is_planted(Mistake::IgnoresRefusedEntries) => (Vec::new(), None),
                Ok(failed) => (failed, None),
                Err(error) => ((0..chunk.len()).collect(), Some(error)),
            };
            for (at, (position, _)) in chunk.iter().enumerate() {
                // The first reason stands, also where other events of the same message fail after it.
                if failed.contains(&at)
                    && let Some(message) = processed.get_mut(*position)
                    && message.outcome.is_ok()
                {
                    let shared = error.as_ref().map(|error| Retry::Port(error.shared()));
                    message.outcome = Err(shared.unwrap_or(Retry::NotPublished));
                }
            }
        }
        processed
    }
}

/// The part of a message that every version has.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

/// What is wrong with a message is said without a word of it: whoever sent it may have put anything in it.
fn read_notice(message: &str) -> Result<Notice, Retry> {
    let unlike = |error: &serde_json::Error| {
        let what = match error.classify() {
            Category::Data => "it says something else",
            Category::Syntax | Category::Eof | Category::Io => "it is no JSON",
        };
        Retry::NotANotice(format!("{what}, at line {} column {}", error.line(), error.column()))
    };
    let Versioned { v } = serde_json::from_str(message).map_err(|error| unlike(&error))?;
    if v != 1 {
        return Err(Retry::NotANotice(format!("its version is {v}")));
    }
    serde_json::from_str(message).map_err(|error| unlike(&error))
}

/// What a kept event says. A correction carries its fact as it is; everything else is translated by the dialect. Which of the
/// two it is comes from the row, never from the body.
pub(crate) fn understand(
    source: &Source,
    kind: &EventKind,
    row: &InboxRow,
) -> Result<Translation, TranslateError> {
    match row.origin {
        Origin::Delivery | Origin::Listed | Origin::Fetched => translate(source, kind, row.content()),
        Origin::Correction => match serde_json::from_slice(&row.body) {
            Ok(fact) => Ok(Translation::Facts(vec![fact])),
            Err(_) => Err(TranslateError::Missing { field: "fact", at: "the correction's body".to_owned() }),
        },
    }
}

#[cfg(test)]
mod tests;
