//! The acting half of a run: corrections go out as ordinary events, what is left becomes findings.

use super::{Reconciler, StepResult, Work};
use crate::ingest;
use crate::ports::{
    Bus, Cases, Clock, Evidence, Findings, Heal, Inbox, InboxKey, InboxRow, Ledger, Phase, Port, ProviderApi,
    Queue, Reports, Resolution, Run, RunHistory, Runs, Sources,
};
use countersign_domain::finding::{Finding, Subject};
use countersign_domain::ids::{SourceName, TraceId};
use countersign_domain::limits::QUEUE_ENTRIES_MAX;
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::time::Timestamp;
use std::collections::BTreeMap;

impl<P, A, I, Q, L, F, R, O, B, C> Reconciler<P, A, I, Q, L, F, R, O, B, C>
where
    P: Sources,
    A: ProviderApi,
    I: Inbox,
    Q: Queue,
    L: Ledger,
    F: Findings + Cases,
    R: Runs + RunHistory,
    O: Reports,
    B: Bus,
    C: Clock,
{
    /// Sends some of the corrections. Each is admitted like a webhook: a row, then a message; one that has come in
    /// meanwhile is simply handed over again.
    pub(super) async fn heal(&self, run: &mut Run) -> StepResult<()> {
        let after = run.cursor.take();
        let notes = self.runs.notes(run, "heal#").await?;
        let mut rest = notes.into_iter().filter(|note| after.as_ref().is_none_or(|at| note.key() > *at));
        let mut heals = Vec::new();
        for note in rest.by_ref().take(QUEUE_ENTRIES_MAX) {
            run.cursor = Some(note.key());
            if let Evidence::Heal(heal) = note {
                heals.push(*heal);
            }
        }
        admit(&self.inbox, &self.queue, &run.source, heals, &run_trace(run), self.clock.now()).await?;
        if rest.next().is_none() {
            (run.phase, run.cursor) = (Phase::Raise, None);
        }
        Ok(())
    }

    /// Records some of the differences that no correction levels, and then settles what was noted as level.
    pub(super) async fn raise(&self, work: &Work<'_>, run: &mut Run) -> StepResult<()> {
        let after = run.cursor.take();
        let mut notes = self.runs.notes(run, "difference#").await?;
        notes.extend(self.runs.notes(run, "level#").await?);
        let mut rest = notes.into_iter().filter(|note| after.as_ref().is_none_or(|at| note.key() > *at));
        // By time and not by number: each step reads all the notes.
        let until = self.end_of_step(work);
        for note in rest.by_ref() {
            run.cursor = Some(note.key());
            match note {
                Evidence::Difference { payment, difference, resolution: Resolution::Open } => {
                    let finding = Finding {
                        source: run.source.clone(),
                        kind: difference.kind,
                        subject: Subject::Payment(payment),
                        reason: format!("ledger: {}; provider: {}", difference.ours, difference.theirs),
                        at_stake: difference.at_stake(),
                        found_at: self.clock.now(),
                    };
                    // New or known, it is on record now.
                    let _ = self.findings.raise(&finding).await?;
                }
                Evidence::Level { finding } => self.settle_leveled(run, &finding).await?,
                Evidence::Difference { .. } | Evidence::Heal(_) | Evidence::Page { .. } => {}
            }
            if self.clock.now() >= until {
                break;
            }
        }
        if rest.next().is_none() {
            (run.phase, run.cursor) = (Phase::Report, None);
        }
        Ok(())
    }
}

/// Keeps corrections and hands them over, as if they were delivered.
///
/// # Errors
/// [`PortError`](crate::ports::PortError); doing it again is right.
pub(crate) async fn admit(
    inbox: &impl Inbox,
    queue: &impl Queue,
    source: &SourceName,
    heals: Vec<Heal>,
    trace: &TraceId,
    now: Timestamp,
) -> Port<()> {
    let mut keys = Vec::new();
    for heal in heals {
        let row = InboxRow {
            key: InboxKey::Event { source: source.clone(), event: heal.event },
            origin: heal.origin,
            kind: Some(heal.kind),
            meaning: heal.meaning,
            body: heal.body.into_bytes(),
            headers: BTreeMap::new(),
            occurred_at: heal.occurred_at,
            received_at: now,
            attempt: trace.clone(),
            trace: trace.clone(),
            reason: None,
        };
        let (_, key) = ingest::put(inbox, row).await?;
        keys.push(key);
    }
    if is_planted(Mistake::KeepsCorrections) {
        return Ok(());
    }
    ingest::hand_over(queue, &keys, trace).await
}

/// The trace of everything that one attempt of a run sends: the same when a step is done twice.
fn run_trace(run: &Run) -> TraceId {
    TraceId::of(&[run.source.as_str(), &run.window.name(), &run.attempt.to_string()])
}
