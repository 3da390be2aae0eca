//! A run comes to the same, at whichever of its checkpoints something went wrong.

use super::*;
use crate::ports::{Evidence, Lease, Runs};
use crate::testing::captured_row;
use std::sync::atomic::{AtomicU32, Ordering};

/// What happens at one checkpoint.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// Somebody took the run over just before.
    Overtaken,
    /// The call failed, and nothing was kept.
    Refused,
    /// The call failed, and the state was kept.
    AnswerLost,
}

/// The runs, with something going wrong at one checkpoint.
struct Disturbed {
    inner: MemoryRuns,
    what: Disturbance,
    checkpoints_before: AtomicU32,
}

impl Disturbed {
    fn is_now(&self) -> bool {
        self.checkpoints_before.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

impl Runs for Disturbed {
    async fn take(
        &self,
        source: &SourceName,
        window: Window,
        again: bool,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Port<Lease> {
        self.inner.take(source, window, again, now, lease_until).await
    }

    async fn checkpoint(&self, run: &Run, lease_until: Timestamp) -> Port<Checkpoint> {
        if !self.is_now() {
            return self.inner.checkpoint(run, lease_until).await;
        }
        match self.what {
            Disturbance::Overtaken => {
                // By a clock that is a day ahead.
                let taken = self.inner.take(&run.source, run.window, false, at(24 * HOUR), LEASE_GIVEN_BACK);
                assert!(matches!(taken.await, Ok(Lease::Taken(_))));
                self.inner.checkpoint(run, lease_until).await
            }
            Disturbance::Refused => Err(PortError::new("runs", "checkpoint", "refused")),
            Disturbance::AnswerLost => {
                let kept = self.inner.checkpoint(run, lease_until).await;
                assert_eq!(kept.ok(), Some(Checkpoint::Kept));
                Err(PortError::new("runs", "checkpoint", "no answer"))
            }
        }
    }

    async fn find(&self, source: &SourceName, window: Window) -> Port<Option<Run>> {
        self.inner.find(source, window).await
    }

    async fn note(&self, run: &Run, notes: &[Evidence]) -> Port<()> {
        self.inner.note(run, notes).await
    }

    async fn notes(&self, run: &Run, prefix: &str) -> Port<Vec<Evidence>> {
        self.inner.notes(run, prefix).await
    }
}

impl RunHistory for Disturbed {
    async fn newest(&self, source: &SourceName, runs_max: u16) -> Port<Vec<Run>> {
        self.inner.newest(source, runs_max).await
    }
}

/// Books with corrections from either list, and a difference for a person.
fn differing() -> Desk {
    let desk = desk();
    list(
        &desk,
        event_list(&books()),
        &[vec![captured_event("pi_1", 1000)], vec![captured_event("pi_2", 1000)]],
    );
    let payment = |id| intent(id, "succeeded", 1000, 0);
    list(&desk, &books().payments, &[vec![payment("pi_1"), payment("pi_2")], vec![payment("pi_3")]]);
    let unknown_there = captured_row("stripe-live", "pi_4", 1000, 10);
    let _ = now_or_never(desk.ledger.append(&unknown_there)).expect("the ledger answers");
    desk
}

/// The run of those books: how it ended with a disturbance, and what it came to when it was taken up again.
fn disturbed(what: Disturbance, checkpoints_before: u32) -> (Port<Ended>, ReconciliationData) {
    let desk = differing();
    let runs = Disturbed { inner: desk.runs.clone(), what, checkpoints_before: checkpoints_before.into() };
    let disturbed = Reconciler {
        runs,
        sources: desk.sources.clone(),
        api: desk.api.clone(),
        inbox: desk.inbox.clone(),
        queue: desk.queue.clone(),
        ledger: desk.ledger.clone(),
        findings: desk.findings.clone(),
        reports: desk.reports.clone(),
        bus: desk.bus.clone(),
        clock: MemoryClock::at(at(2 * HOUR)),
        source_cache: SourceCache::default(),
        grace_seconds: HOUR,
        code: desk.code.clone(),
    };
    let ended = now_or_never(disturbed.run(&request(false), at(3 * HOUR)));
    if ended.as_ref().is_ok_and(|ended| matches!(ended, Ended::Busy)) || ended.is_err() {
        // Lambda tries again after a minute. It may have been over all the same.
        desk.clock.set(at(2 * HOUR + 60));
        let again = run(&desk, false);
        assert!(matches!(again, Ended::Finished(_) | Ended::AlreadyComplete), "{again:?}");
    }
    let window = Window { from: at(0), to: at(HOUR) };
    let run = now_or_never(desk.runs.find(&source_name("stripe-live"), window)).expect("the runs answer");
    let run = run.expect("a run");
    assert_eq!((run.phase, run.attempt), (Phase::Done, 1));
    (ended, *run.told.expect("it was told"))
}

#[test]
fn a_run_that_was_disturbed_comes_to_the_same() {
    let undisturbed = complete(&differing(), false);
    assert_eq!((undisturbed.healed, undisturbed.open.len(), undisturbed.proof_holds), (3, 1, true));
    for what in [Disturbance::Overtaken, Disturbance::Refused, Disturbance::AnswerLost] {
        let mut disturbances = 0;
        loop {
            let (ended, data) = disturbed(what, disturbances);
            assert_eq!(data, undisturbed, "{what:?} after {disturbances} checkpoints");
            match ended {
                Ok(Ended::Finished(_)) => break,
                ended => assert_eq!(ended.is_ok(), matches!(what, Disturbance::Overtaken), "{ended:?}"),
            }
            disturbances += 1;
        }
        // Two pages of either list, the ledger, older findings, corrections, what is left, what is told, the end.
        assert_eq!(disturbances, 10, "{what:?} at each checkpoint once");
    }
}
