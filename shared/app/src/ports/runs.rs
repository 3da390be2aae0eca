//! What reconciliation keeps between invocations: the run, its lease, and what it notes.

use super::{Origin, Port};
use countersign_domain::envelope::RawEvent;
use countersign_domain::event::ReconciliationData;
use countersign_domain::ids::{EventId, EventKind, PaymentId, Sha256Hex, SourceName};
use countersign_domain::reconcile::{Difference, RunStatus, Totals};
use countersign_domain::time::{Timestamp, Window};
use countersign_domain::translate::PaymentFact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;

/// Where a run stands in its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Listing the provider's events, noting those that the ledger lacks.
    Events,
    /// Listing the provider's payments, noting differences.
    Payments,
    /// Looking at payments that only the ledger has.
    Ledger,
    /// Looking again at payments with an older finding.
    Recheck,
    /// Sending the corrections.
    Heal,
    /// Recording what no correction levels.
    Raise,
    /// Writing the report.
    Report,
    /// Nothing left.
    Done,
}

/// The state of a run: what its checkpoint holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Whose books.
    pub source: SourceName,
    /// Which window.
    pub window: Window,
    /// Which attempt at the window: 1, and one more each time it was incomplete or was done again.
    pub attempt: u32,
    /// How it stands.
    pub status: RunStatus,
    /// What it is at.
    pub phase: Phase,
    /// Where in the list of this phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Pages read in this phase.
    pub pages: u32,
    /// Provider events seen.
    pub events_seen: u64,
    /// Per currency, both sides.
    pub totals: Vec<Totals>,
    /// What was read, and its digests.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The digest of the source's configuration. A run is of one configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Sha256Hex>,
    /// Corrections and differences noted.
    pub noted: u32,
    /// Corrections sent, once the run is over.
    #[serde(default)]
    pub healed: u32,
    /// Differences left for a person, once the run is over.
    #[serde(default)]
    pub open: u32,
    /// When the run began, by our clock.
    pub started_at: Timestamp,
    /// Why it is incomplete, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What is told of the run, once it is over. It is kept before it is told, so that it is told the same each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Box<ReconciliationData>>,
    /// What the last complete attempt before this one came to: it stands until this one is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_before: Option<Box<Completed>>,
    /// Fencing token: rises with every taking of the lease; a checkpoint of an older one is refused.
    pub epoch: u64,
    /// Of each epoch, how many of its steps were kept: only what they noted counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<u64, u32>,
}

/// What a complete attempt at a window came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Which attempt.
    pub attempt: u32,
    /// When it began, by our clock.
    pub started_at: Timestamp,
    /// Per currency, both sides.
    pub totals: Vec<Totals>,
    /// Corrections sent.
    pub healed: u32,
    /// Differences left for a person.
    pub open: u32,
}

/// One step of a run: what it notes counts from the checkpoint on that keeps it, and never if there is none. An epoch tries
/// each of its steps once: who fails after noting ends there, and whoever goes on takes the lease, and a new epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId {
    /// The epoch of the run when it was done.
    pub epoch: u64,
    /// Which of that epoch: 0 is the first.
    pub number: u32,
}

/// Something that a run read, as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What: the path of an API call, or `ledger`.
    pub name: String,
    /// Answers or rows read.
    pub parts: u64,
    /// The digest over all of them in the order they were read, each with the digest of those before it.
    pub sha256: Sha256Hex,
}

impl Run {
    /// Remembers that something was read.
    pub fn has_read(&mut self, name: &str, bytes: &[u8]) {
        match self.inputs.iter_mut().find(|input| input.name == name) {
            Some(input) => {
                input.parts = input.parts.saturating_add(1);
                input.sha256 = Sha256Hex::of(&[input.sha256.as_str().as_bytes(), bytes]);
            }
            None => self.inputs.push(Input {
                name: name.to_owned(),
                parts: 1,
                sha256: Sha256Hex::of(&[b"", bytes]),
            }),
        }
    }

    /// The step that is being done.
    #[must_use]
    pub fn step(&self) -> StepId {
        StepId { epoch: self.epoch, number: self.kept.get(&self.epoch).copied().unwrap_or(0) }
    }

    /// Goes on to the next step. A checkpoint of this state keeps the last one.
    pub fn end_step(&mut self) {
        let StepId { epoch, number } = self.step();
        self.kept.insert(epoch, number.saturating_add(1));
    }

    /// Those of some notes that count, in the order of their keys; of two with the same key, that of the later step.
    ///
    /// A step that did not come to its checkpoint is done again, perhaps by another invocation, and what it noted may not
    /// hold any more: its notes are there, and do not count.
    #[must_use]
    pub fn counted(&self, mut notes: Vec<(StepId, Evidence)>) -> Vec<Evidence> {
        let is_kept = |step: StepId| self.kept.get(&step.epoch).is_some_and(|steps| step.number < *steps);
        notes.sort_by_key(|(step, _)| *step);
        let kept = notes.into_iter().filter(|(step, _)| is_kept(*step));
        kept.map(|(_, note)| (note.key(), note)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// Whether everything was read and the run is closed: its report is written, and the bus was told.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Done && self.status == RunStatus::Complete
    }

    /// What the newest complete attempt at the window came to, this one or one before it.
    #[must_use]
    pub fn last_complete(&self) -> Option<Completed> {
        if !self.is_complete() {
            return self.complete_before.as_deref().cloned();
        }
        let Self { attempt, started_at, totals, healed, open, .. } = self;
        Some(Completed {
            attempt: *attempt,
            started_at: *started_at,
            totals: totals.clone(),
            healed: *healed,
            open: *open,
        })
    }

    /// The next attempt at the same window. A row holds one attempt: what must outlive the last one goes with it.
    #[must_use]
    pub fn next_attempt(&self, epoch: u64, now: Timestamp) -> Self {
        let attempt = self.attempt.saturating_add(1);
        Self {
            complete_before: self.last_complete().map(Box::new),
            ..Self::begin(self.source.clone(), self.window, attempt, epoch, now)
        }
    }

    /// A run that has not begun.
    #[must_use]
    pub fn begin(source: SourceName, window: Window, attempt: u32, epoch: u64, now: Timestamp) -> Self {
        Self {
            source,
            window,
            attempt,
            status: RunStatus::Running,
            phase: Phase::Events,
            cursor: None,
            pages: 0,
            events_seen: 0,
            totals: Vec::new(),
            inputs: Vec::new(),
            configuration: None,
            noted: 0,
            healed: 0,
            open: 0,
            started_at: now,
            cause: None,
            told: None,
            complete_before: None,
            epoch,
            kept: BTreeMap::new(),
        }
    }
}

/// What taking a run's lease comes to.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The run is ours until the lease ends.
    Taken(Box<Run>),
    /// Another invocation is at it.
    Busy,
    /// It was completed before.
    Finished(Box<Run>),
}

/// What a checkpoint comes to.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Kept.
    Kept,
    /// Another invocation has taken the run over.
    Lost,
}

/// A correction that a run wants to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heal {
    /// What it says; empty when the event cannot be translated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<PaymentFact>,
    /// Found in the provider's list, or made from its payment.
    pub origin: Origin,
    /// Its id.
    pub event: EventId,
    /// Its type.
    pub kind: EventKind,
    /// The digest of its meaning.
    pub meaning: Sha256Hex,
    /// By the provider's clock.
    pub occurred_at: Option<Timestamp>,
    /// Its body, byte for byte.
    pub body: String,
}

impl Heal {
    /// A listed event that the ledger lacks.
    #[must_use]
    pub fn listed(raw: RawEvent, facts: Vec<PaymentFact>) -> Self {
        let RawEvent { id, kind, meaning, occurred_at, body } = raw;
        Self { facts, origin: Origin::Listed, event: id, kind, meaning, occurred_at, body }
    }
}

/// What became of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// A correction levels it.
    Healed,
    /// It is too small to matter, by the source's policy.
    Tolerated,
    /// It waits for a person.
    Open,
}

/// What a run notes while it reads. Nothing of it takes effect before everything was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Evidence {
    /// The payments on one page of the provider's list.
    Page {
        /// Its number.
        page: u32,
        /// Their references.
        payments: Vec<PaymentId>,
    },
    /// A correction.
    Heal(Box<Heal>),
    /// A finding of an earlier day that no longer holds: both sides agree by now.
    Level {
        /// Its id.
        finding: String,
    },
    /// A difference.
    Difference {
        /// About which payment.
        payment: PaymentId,
        /// What.
        difference: Difference,
        /// What becomes of it.
        resolution: Resolution,
    },
}

impl Evidence {
    /// Its key within the run: of two with the same, the later counts.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Page { page, .. } => format!("page#{page:06}"),
            Self::Heal(heal) => {
                let payment = heal.facts.first().map_or("", |fact| fact.payment.as_str());
                format!("heal#{payment}#{}", heal.event)
            }
            Self::Level { finding } => format!("level#{finding}"),
            Self::Difference { payment, difference, .. } => {
                format!("difference#{payment}#{}", difference.kind.as_str())
            }
        }
    }
}

/// The runs of reconciliation and what they note.
pub trait Runs: Send + Sync {
    /// Takes the lease of a run until `lease_until`, beginning the run if it is new. An incomplete run begins again as
    /// its next attempt ([`Run::next_attempt`]), whose notes are apart from those of the last; so does a complete one,
    /// but only when asked `again`.
    fn take(
        &self,
        source: &SourceName,
        window: Window,
        again: bool,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Port<Lease>> + Send;
    /// Keeps the state of a run, if its epoch is still the newest. `lease_until` in the past gives the lease back.
    fn checkpoint(&self, run: &Run, lease_until: Timestamp) -> impl Future<Output = Port<Checkpoint>> + Send;
    /// The state of a run, or nothing.
    fn find(&self, source: &SourceName, window: Window) -> impl Future<Output = Port<Option<Run>>> + Send;
    /// Keeps notes of the step that the run is at. They count once a checkpoint keeps the step ([`Run::end_step`]).
    fn note(&self, run: &Run, notes: &[Evidence]) -> impl Future<Output = Port<()>> + Send;
    /// Every note of the run's kept steps whose key begins with `prefix`, as [`Run::counted`] has them.
    fn notes(&self, run: &Run, prefix: &str) -> impl Future<Output = Port<Vec<Evidence>>> + Send;
}

/// The runs as people look at them.
pub trait RunHistory: Send + Sync {
    /// The newest windows of a source with the newest attempt at each, the newest first, at most so many.
    fn newest(&self, source: &SourceName, runs_max: u16) -> impl Future<Output = Port<Vec<Run>>> + Send;
}
