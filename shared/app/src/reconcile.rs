//! A window of our books against the provider's.
//!
//! A run reads first and acts last. It lists the provider's events and payments page by page, notes what the ledger
//! lacks and what differs, and only when everything was read does it send its corrections: as ordinary events, through
//! the same inbox and queue as a webhook. A provider that cannot be read to the end leaves the run incomplete, and
//! nothing changed.
//!
//! Every page ends in a checkpoint under a fencing token, so a run can be left at any point and taken up by another
//! invocation: what a page noted counts once its checkpoint is kept.

mod dry;
mod events;
mod read;
mod recheck;
pub(crate) mod report;
mod settle;
pub mod statement;

pub use dry::Dry;
pub(crate) use read::{correction, look_up};
pub(crate) use settle::admit;

use crate::caches::{SourceCache, compiled};
use crate::logged;
use crate::ports::{
    Bus, Cases, Checkpoint, Clock, Findings, Inbox, Lease, Ledger, Phase, Port, PortError, ProviderApi,
    Queue, Reports, Run, RunHistory, Runs, Sources,
};
use countersign_domain::dialect::Reconcile;
use countersign_domain::event::{self, ReconciliationData, ReconciliationRequest};
use countersign_domain::ids::SourceName;
use countersign_domain::limits::{BUS_ENTRIES_MAX, RECONCILE_LOOKBACK_DAYS};
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::reconcile::RunStatus;
use countersign_domain::source::{Source, SourceState};
use countersign_domain::time::{SignedDuration, Timestamp, Window, WindowError};
use std::sync::Arc;

/// What reconciliation needs.
pub struct Reconciler<P, A, I, Q, L, F, R, O, B, C> {
    /// The configured sources.
    pub sources: P,
    /// The provider's books.
    pub api: A,
    /// Where corrections are kept.
    pub inbox: I,
    /// Where they are handed over.
    pub queue: Q,
    /// Our books.
    pub ledger: L,
    /// Where differences go that nobody may decide here.
    pub findings: F,
    /// The runs and their notes.
    pub runs: R,
    /// Where reports are kept.
    pub reports: O,
    /// Where the business listens.
    pub bus: B,
    /// The time.
    pub clock: C,
    /// Sources read so far.
    pub source_cache: SourceCache,
    /// Youngest age of a window's end, in seconds.
    pub grace_seconds: i64,
    /// What a report calls the code that made it: a version, or the digest of the binary.
    pub code: String,
}

/// Why a request to reconcile is not followed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No such source, or a disabled one.
    #[error("there is no enabled source {0}: see `countersign source list`")]
    UnknownSource(SourceName),
    /// Its dialect has no `[reconcile]`.
    #[error("source {0}: its dialect lists no books: it has no [reconcile]")]
    NoBooks(SourceName),
    /// The window is empty or not over.
    #[error(transparent)]
    Window(#[from] WindowError),
}

/// What one invocation of a run comes to.
#[must_use]
#[derive(Debug)]
pub enum Ended {
    /// The run is over; what it found.
    Finished(Box<ReconciliationData>),
    /// The time was up: it asked the bus to be taken up again.
    Suspended(Phase),
    /// Another invocation is at it.
    Busy,
    /// It was completed before.
    AlreadyComplete,
    /// It cannot be done.
    Refused(Refused),
}

impl Ended {
    /// A word for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished(data) if data.status == RunStatus::Complete => "complete",
            Self::Finished(_) => "incomplete",
            Self::Suspended(_) => "suspended",
            Self::Busy => "busy",
            Self::AlreadyComplete => "already_complete",
            Self::Refused(_) => "refused",
        }
    }
}

/// Why one step of a run failed.
#[derive(Debug)]
enum Fault {
    /// The provider's books could not be read: the run is incomplete.
    Provider(String),
    /// Our own side failed: the invocation fails, and the run is taken up again.
    Ours(PortError),
    /// Another invocation has taken the run over.
    LeaseLost,
}

impl From<PortError> for Fault {
    fn from(error: PortError) -> Self {
        Self::Ours(error)
    }
}

type StepResult<T> = Result<T, Fault>;

/// How long a lease holds without a checkpoint, in seconds. An invocation that crashed is tried again by Lambda about a
/// minute later, and must find the run free; one that is only slow loses it, and its fencing token keeps it harmless.
const LEASE_SECONDS: i64 = 50;

/// The end of a lease that is given back. It is in the past by whatever clock the next invocation goes.
const LEASE_GIVEN_BACK: Timestamp = Timestamp::UNIX_EPOCH;

/// Payments looked up in one step.
const LOOKUPS_PER_STEP: usize = 50;

/// After so many seconds a step that does one thing after the other begins no other: well within the lease, and within what
/// an invocation keeps for its last step.
const STEP_SECONDS_MAX: i64 = 20;

/// Windows of the past that a report sets its run beside.
const TREND_RUNS: u16 = 31;

/// What one invocation works with.
struct Work<'a> {
    source: &'a Source,
    books: &'a Reconcile,
    stop_at: Timestamp,
}

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
    /// Asks for every window of the last days whose newest attempt is not complete, of every source that lists books, and
    /// for those that its policy wants to be read once more by now: one request each on the bus, so that each runs by
    /// itself. A day or a reread that was missed is thereby caught up. A source that does not work is told of, and keeps no
    /// other from its run.
    ///
    /// # Errors
    /// [`PortError`]; requests already sent stay sent, and asking again is harmless.
    pub async fn request_due(&self) -> Port<Vec<ReconciliationRequest>> {
        let now = self.clock.now();
        let mut requests = Vec::new();
        for config in self.sources.list().await? {
            if config.state != SourceState::Enabled {
                continue;
            }
            let name = config.name.clone();
            let source = match compiled(config) {
                Ok(source) if source.dialect.reconcile.is_some() => source,
                Ok(_) => continue,
                // Its windows stay due; the others are asked for.
                Err(error) => {
                    logged::unusable_source("schedule", &name, &error);
                    continue;
                }
            };
            let mut due = self.unread(&source, now).await?;
            self.rereads_due(&source, now, &mut due).await?;
            requests.append(&mut due);
        }
        self.publish_requests(&requests).await?;
        Ok(requests)
    }

    /// The windows of the last days that are closed, and whose newest attempt is not complete.
    async fn unread(&self, source: &Source, now: Timestamp) -> Port<Vec<ReconciliationRequest>> {
        let mut requests = Vec::new();
        for days_ago in (1..=RECONCILE_LOOKBACK_DAYS).rev() {
            let Window { from, to } = Window::utc_day(now, days_ago);
            let Ok(window) = Window::closed(from, to, now, self.grace(source)) else { continue };
            let run = self.runs.find(&source.name, window).await?;
            if run.is_none_or(|run| !run.is_complete()) {
                let source = source.name.clone();
                requests.push(ReconciliationRequest { source, from, to, again: false });
            }
        }
        Ok(requests)
    }

    /// Adds the windows of a source that were complete once and that its policy wants to be read once more by now, each
    /// once: also those whose time came in the last days while nobody asked, or whose reread was not read to the end.
    async fn rereads_due(
        &self,
        source: &Source,
        now: Timestamp,
        requests: &mut Vec<ReconciliationRequest>,
    ) -> Port<()> {
        let grace = self.grace(source);
        for (days, missed) in source
            .policy
            .rereads()
            .flat_map(|days| (0..RECONCILE_LOOKBACK_DAYS).map(move |missed| (i64::from(days), missed)))
        {
            let Window { from, to } = Window::utc_day(now, days.saturating_add(1).saturating_add(missed));
            let due = later(to, days.saturating_mul(86_400).saturating_add(grace));
            if now < due || requests.iter().any(|request| request.from == from) {
                continue;
            }
            let Some(run) = self.runs.find(&source.name, Window { from, to }).await? else { continue };
            // What was begun before its time shows less than the provider's list does by now.
            if run.last_complete().is_some_and(|complete| complete.started_at < due) {
                let source = source.name.clone();
                // A reread that was not read to the end begins anew without it, and a request that comes twice is then one.
                let again = run.is_complete();
                requests.push(ReconciliationRequest { source, from, to, again });
            }
        }
        Ok(())
    }

    /// Works on the run of one window until it is over or `stop_at` has come.
    ///
    /// # Errors
    /// [`PortError`] when our own side fails: the invocation should fail, and be tried again.
    pub async fn run(&self, request: &ReconciliationRequest, stop_at: Timestamp) -> Port<Ended> {
        let now = self.clock.now();
        let source = match self.source(&request.source, now).await? {
            Ok(source) => source,
            Err(refused) => return Ok(Ended::Refused(refused)),
        };
        let Some(books) = &source.dialect.reconcile else {
            return Ok(Ended::Refused(Refused::NoBooks(source.name.clone())));
        };
        let window = match Window::closed(request.from, request.to, now, self.grace(&source)) {
            Ok(window) => window,
            Err(error) => return Ok(Ended::Refused(error.into())),
        };
        let lease_until = later(now, LEASE_SECONDS);
        let run = match self.runs.take(&source.name, window, request.again, now, lease_until).await? {
            Lease::Taken(run) => *run,
            Lease::Busy => return Ok(Ended::Busy),
            Lease::Finished(_) => return Ok(Ended::AlreadyComplete),
        };
        self.work(&Work { source: &source, books, stop_at }, run).await
    }

    /// Youngest age of a window's end, in seconds.
    fn grace(&self, source: &Source) -> i64 {
        source.policy.grace_seconds.map_or(self.grace_seconds, i64::from)
    }

    async fn source(&self, name: &SourceName, now: Timestamp) -> Port<Result<Arc<Source>, Refused>> {
        let source = self.source_cache.get(&self.sources, name, now).await?;
        Ok(source.ok_or_else(|| Refused::UnknownSource(name.clone())))
    }

    /// When a step that begins now goes no further.
    fn end_of_step(&self, work: &Work<'_>) -> Timestamp {
        later(self.clock.now(), STEP_SECONDS_MAX).min(work.stop_at)
    }

    async fn work(&self, work: &Work<'_>, mut run: Run) -> Port<Ended> {
        loop {
            if run.phase == Phase::Report {
                return self.finish(work.source, run).await;
            }
            if self.clock.now() >= work.stop_at {
                return self.suspend(run).await;
            }
            match self.step(work, &mut run).await {
                Ok(()) => {}
                Err(Fault::LeaseLost) => return Ok(Ended::Busy),
                Err(Fault::Provider(_)) if is_planted(Mistake::ActsOnHalfAList) => {
                    let next = if run.phase == Phase::Events { Phase::Payments } else { Phase::Heal };
                    (run.phase, run.cursor, run.pages) = (next, None, 0);
                }
                Err(Fault::Provider(cause)) => {
                    run.status = RunStatus::Incomplete;
                    run.cause = Some(cause);
                    run.phase = Phase::Report;
                }
                Err(Fault::Ours(error)) => {
                    // The lease is given back if it can be; if not, it ends by itself.
                    drop(self.runs.checkpoint(&run, LEASE_GIVEN_BACK).await);
                    return Err(error);
                }
            }
        }
    }

    /// One unit of work and its checkpoint.
    async fn step(&self, work: &Work<'_>, run: &mut Run) -> StepResult<()> {
        let mut next = run.clone();
        let configuration = next.configuration.get_or_insert_with(|| work.source.configuration.clone());
        // What was found is settled as it was found, by whatever configuration comes after.
        let is_reading = !matches!(run.phase, Phase::Heal | Phase::Raise);
        if is_reading && *configuration != work.source.configuration {
            let why = "the source's configuration changed while its books were read: the window is due again";
            return Err(Fault::Provider(why.to_owned()));
        }
        match run.phase {
            Phase::Events => self.read_events(work, &mut next).await?,
            Phase::Payments => self.read_payments(work, &mut next).await?,
            Phase::Ledger => self.read_ledger(work, &mut next).await?,
            Phase::Recheck => self.recheck(work, &mut next).await?,
            Phase::Heal => self.heal(&mut next).await?,
            Phase::Raise => self.raise(work, &mut next).await?,
            Phase::Report | Phase::Done => return Ok(()),
        }
        next.end_step();
        match self.runs.checkpoint(&next, later(self.clock.now(), LEASE_SECONDS)).await? {
            Checkpoint::Kept => {
                *run = next;
                Ok(())
            }
            Checkpoint::Lost => Err(Fault::LeaseLost),
        }
    }

    /// Gives the lease back and asks to be taken up again.
    async fn suspend(&self, run: Run) -> Port<Ended> {
        if self.runs.checkpoint(&run, LEASE_GIVEN_BACK).await? == Checkpoint::Lost {
            return Ok(Ended::Busy);
        }
        let Run { source, window: Window { from, to }, phase, .. } = run;
        self.publish_requests(&[ReconciliationRequest { source, from, to, again: false }]).await?;
        Ok(Ended::Suspended(phase))
    }

    /// Settles what is told of the run, writes the report, tells the bus, and closes the run: in that order. A run is only
    /// ever closed with its report written, and whoever has to finish it again says the same of it.
    async fn finish(&self, source: &Source, mut run: Run) -> Port<Ended> {
        let report = self.report(source, &mut run).await?;
        let data = run.told.get_or_insert_with(|| Box::new(report.summary())).as_ref().clone();
        let lease_until = later(self.clock.now(), LEASE_SECONDS);
        if self.runs.checkpoint(&run, lease_until).await? == Checkpoint::Lost {
            return Ok(Ended::Busy);
        }
        for (key, content_type, bytes) in report.files()? {
            self.reports.write(&key, content_type, bytes).await?;
        }
        let event = event::of_run(&data, run.attempt).map_err(|e| PortError::new("bus", "encode", e))?;
        if !self.bus.publish(&[event]).await?.is_empty() {
            return Err(PortError::new("bus", "publish", "the run's event was not taken"));
        }
        run.phase = Phase::Done;
        run.healed = data.healed;
        run.open = data.open.values().copied().fold(0, u32::saturating_add);
        match self.runs.checkpoint(&run, LEASE_GIVEN_BACK).await? {
            Checkpoint::Kept => Ok(Ended::Finished(Box::new(data))),
            Checkpoint::Lost => Ok(Ended::Busy),
        }
    }

    /// What the run has to show.
    async fn report(&self, source: &Source, run: &mut Run) -> Port<report::Report> {
        if run.status == RunStatus::Running {
            run.status = RunStatus::Complete;
        }
        let notes = match run.status {
            RunStatus::Complete => self.runs.notes(run, "").await?,
            RunStatus::Running | RunStatus::Incomplete => Vec::new(),
        };
        let history = report::History {
            runs: self.runs.newest(&run.source, TREND_RUNS).await?,
            cases: self.findings.of(&run.source).await?,
            policy: source.policy.clone(),
            code: self.code.clone(),
        };
        Ok(report::Report::new(run, notes, history))
    }

    async fn publish_requests(&self, requests: &[ReconciliationRequest]) -> Port<()> {
        let events = requests.iter().map(event::of_request).collect::<Result<Vec<_>, _>>();
        for chunk in events.map_err(|e| PortError::new("bus", "encode", e))?.chunks(BUS_ENTRIES_MAX) {
            let failed = self.bus.publish(chunk).await?;
            if !failed.is_empty() {
                let why = format!("{} of {} requests were not taken", failed.len(), chunk.len());
                return Err(PortError::new("bus", "publish", why));
            }
        }
        Ok(())
    }
}

/// The object keys, in the report bucket, of a run's reports.
#[must_use]
pub fn report_keys(run: &Run) -> Vec<String> {
    report::keys(run, &report::attempt_name(run)).to_vec()
}

fn later(instant: Timestamp, seconds: i64) -> Timestamp {
    instant.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
