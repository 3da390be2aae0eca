//! The promises of the runs of reconciliation.

use super::{event, instant, kind, other, payment};
use crate::ports::{
    Checkpoint, Completed, Evidence, Heal, Lease, Origin, Phase, Resolution, Run, RunHistory, Runs,
};
use countersign_domain::fact::Fact;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::money::{Currency, Money};
use countersign_domain::reconcile::{Difference, RunStatus, Totals};
use countersign_domain::time::{Window, from_seconds};
use countersign_domain::translate::PaymentFact;

/// The runs: one holder at a time, an overtaken holder keeps nothing, what is over stays over unless it was incomplete
/// or is asked for again, a complete attempt outlives those after it that are not, the notes of each attempt are apart, and only those of kept steps count.
///
/// # Panics
/// When the port breaks a promise.
pub async fn runs<P: Runs + RunHistory>(port: &P, source: &SourceName) {
    one_holder_at_a_time(port, source).await;
    an_overtaken_holder_keeps_nothing(port, source).await;
    what_is_over_stays_over(port, source).await;
    a_complete_attempt_outlives_those_that_are_not(port, source).await;
    windows_and_sources_are_apart(port, source).await;
    notes_come_back_in_order(port, source).await;
    what_a_step_noted_counts_from_its_checkpoint_on(port, source).await;
    the_newest_are_first(port, source).await;
}

async fn the_newest_are_first<P: Runs + RunHistory>(port: &P, source: &SourceName) {
    let all = port.newest(source, 100).await.expect("runs.newest");
    assert!(all.len() >= 3, "several windows were begun");
    assert!(all.is_sorted_by(|newer, older| newer.window.from > older.window.from), "each window once");
    for run in &all {
        assert_eq!(find(port, source, run.window).await.as_ref(), Some(run));
    }
    let two = port.newest(source, 2).await.expect("runs.newest");
    assert_eq!(two, all[..2], "no more than were asked for");
}

/// A window that only one check uses.
fn window(hour: i64) -> Window {
    let from = 1_764_000_000_i64.saturating_add(hour.saturating_mul(3_600));
    Window { from: from_seconds(from), to: from_seconds(from.saturating_add(3_600)) }
}

/// Takes the lease at second `at`, until second `until`.
async fn take(
    port: &impl Runs,
    source: &SourceName,
    window: Window,
    again: bool,
    (at, until): (i64, i64),
) -> Lease {
    port.take(source, window, again, instant(at), instant(until)).await.expect("runs.take")
}

async fn taken(port: &impl Runs, source: &SourceName, window: Window, span: (i64, i64)) -> Run {
    let lease = take(port, source, window, false, span).await;
    let Lease::Taken(run) = &lease else {
        assert_eq!(format!("{lease:?}"), "Taken", "the run is free at second {}", span.0);
        return Run::begin(source.clone(), window, 0, 0, instant(0));
    };
    *run.clone()
}

async fn keep(port: &impl Runs, run: &Run, until: i64) -> Checkpoint {
    port.checkpoint(run, instant(until)).await.expect("runs.checkpoint")
}

async fn find(port: &impl Runs, source: &SourceName, window: Window) -> Option<Run> {
    port.find(source, window).await.expect("runs.find")
}

async fn one_holder_at_a_time(port: &impl Runs, source: &SourceName) {
    let window = window(0);
    assert_eq!(find(port, source, window).await, None, "it was never begun");
    let first = taken(port, source, window, (0, 60)).await;
    assert_eq!(first, Run::begin(source.clone(), window, 1, first.epoch, instant(0)), "a new run begins");
    assert_eq!(find(port, source, window).await, Some(first.clone()));
    for at in [0, 59] {
        assert_eq!(take(port, source, window, false, (at, 99)).await, Lease::Busy, "held until second 60");
        assert_eq!(
            take(port, source, window, true, (at, 99)).await,
            Lease::Busy,
            "asking again breaks no lease"
        );
    }
    let second = taken(port, source, window, (60, 120)).await;
    assert!(second.epoch > first.epoch, "every taking raises the epoch");
    assert_eq!(Run { epoch: first.epoch, ..second.clone() }, first, "the run goes on where it stood");
    // A checkpoint moves the lease, and one in the past gives it back.
    assert_eq!(keep(port, &second, 180).await, Checkpoint::Kept);
    assert_eq!(take(port, source, window, false, (179, 240)).await, Lease::Busy);
    assert_eq!(keep(port, &second, 150).await, Checkpoint::Kept);
    let third = taken(port, source, window, (150, 240)).await;
    assert!(third.epoch > second.epoch, "every taking raises the epoch");
}

async fn an_overtaken_holder_keeps_nothing(port: &impl Runs, source: &SourceName) {
    let window = window(1);
    let mut old = taken(port, source, window, (0, 60)).await;
    // Every field of a run comes back.
    old.phase = Phase::Payments;
    old.cursor = Some("pi_<&\"".to_owned());
    old.pages = 3;
    old.events_seen = 300;
    old.noted = 2;
    old.totals = vec![Totals {
        currency: Currency::from_code("JPY").expect("JPY"),
        payments: 7,
        captured_ours: i128::from(i64::MAX).saturating_mul(4),
        captured_theirs: -1,
        refunded_ours: 0,
        refunded_theirs: 5,
    }];
    assert_eq!(keep(port, &old, 60).await, Checkpoint::Kept);
    let new = taken(port, source, window, (60, 120)).await;
    assert_eq!(Run { epoch: old.epoch, ..new.clone() }, old, "the run goes on where its checkpoint stands");
    old.cursor = Some("of the old holder".to_owned());
    assert_eq!(keep(port, &old, 600).await, Checkpoint::Lost, "its epoch is not the newest");
    assert_eq!(find(port, source, window).await, Some(new.clone()), "nothing of it is kept");
    assert_eq!(take(port, source, window, false, (119, 200)).await, Lease::Busy, "nor did it move the lease");
    assert_eq!(keep(port, &new, 180).await, Checkpoint::Kept, "the new holder goes on");
    let never = Run::begin(other(source), window, 1, 1, instant(0));
    assert_eq!(
        keep(port, &never, 60).await,
        Checkpoint::Lost,
        "a run that was never taken has no checkpoint"
    );
    assert_eq!(find(port, &other(source), window).await, None);
}

async fn what_is_over_stays_over(port: &impl Runs, source: &SourceName) {
    let window = window(2);
    let first = taken(port, source, window, (0, 60)).await;
    let cause = Some("/v1/events: the provider answers 503".to_owned());
    let broken = Run { status: RunStatus::Incomplete, phase: Phase::Done, cause, ..first.clone() };
    assert_eq!(keep(port, &broken, 10).await, Checkpoint::Kept);
    let second = taken(port, source, window, (10, 60)).await;
    let expected = Run::begin(source.clone(), window, 2, second.epoch, instant(10));
    assert_eq!(second, expected, "an incomplete run begins again as its next attempt");
    assert!(second.epoch > first.epoch, "every taking raises the epoch");
    assert_eq!(keep(port, &broken, 60).await, Checkpoint::Lost, "the last attempt cannot be kept any more");

    let done = Run { status: RunStatus::Complete, phase: Phase::Done, healed: 2, open: 1, ..second };
    assert_eq!(keep(port, &done, 20).await, Checkpoint::Kept);
    let finished = Lease::Finished(Box::new(done.clone()));
    assert_eq!(take(port, source, window, false, (20, 60)).await, finished, "a complete run stays complete");
    assert_eq!(find(port, source, window).await, Some(done.clone()));
    let lease = take(port, source, window, true, (30, 60)).await;
    let Lease::Taken(third) = lease else {
        assert_eq!(format!("{lease:?}"), "Taken", "a complete run is done once more when asked");
        return;
    };
    let expected = done.next_attempt(third.epoch, instant(30));
    assert_eq!((third.attempt, third.phase, third.healed, third.open), (3, Phase::Events, 0, 0));
    assert_eq!(*third, expected, "a complete run is done once more when asked, as its next attempt");
    assert!(third.epoch > done.epoch, "every taking raises the epoch");
}

/// A window has one row, which each attempt takes over from the last.
async fn a_complete_attempt_outlives_those_that_are_not(port: &impl Runs, source: &SourceName) {
    let window = window(7);
    let again = async |span: (i64, i64)| match take(port, source, window, true, span).await {
        Lease::Taken(run) => Some(*run),
        Lease::Busy | Lease::Finished(_) => None,
    };
    let last_complete = async || find(port, source, window).await.and_then(|run| run.last_complete());
    let first = taken(port, source, window, (0, 60)).await;
    assert_eq!(last_complete().await, None, "it is still at it");
    let read = Totals { payments: 7, ..Totals::zero(Currency::from_code("JPY").expect("JPY")) };
    let (status, phase) = (RunStatus::Complete, Phase::Done);
    let done = Run { status, phase, totals: vec![read.clone()], healed: 2, open: 1, ..first };
    assert_eq!(keep(port, &done, 10).await, Checkpoint::Kept);
    let completed =
        Some(Completed { attempt: 1, started_at: instant(0), totals: vec![read], healed: 2, open: 1 });
    assert_eq!(last_complete().await, completed);

    // The second is taken over and ends incomplete, the third is still at it.
    for span in [(10, 20), (20, 30)] {
        let second = again(span).await.expect("it is free");
        assert_eq!((second.attempt, last_complete().await), (2, completed.clone()));
        assert_eq!(keep(port, &second, span.1).await, Checkpoint::Kept);
    }
    let second = again((30, 40)).await.expect("it is free");
    let broken = Run { status: RunStatus::Incomplete, phase: Phase::Done, ..second };
    assert_eq!(keep(port, &broken, 40).await, Checkpoint::Kept);
    assert_eq!(last_complete().await, completed);
    let third = taken(port, source, window, (40, 50)).await;
    assert_eq!((third.attempt, last_complete().await), (3, completed));
    // Until one is complete again.
    let done = Run { status: RunStatus::Complete, phase: Phase::Done, ..third };
    assert_eq!(keep(port, &done, 50).await, Checkpoint::Kept);
    let newer = last_complete().await.expect("the third is complete");
    assert_eq!((newer.attempt, newer.started_at, newer.totals), (3, instant(40), vec![]));
}

async fn windows_and_sources_are_apart(port: &impl Runs, source: &SourceName) {
    let held = taken(port, source, window(3), (0, 60)).await;
    let later = taken(port, source, window(4), (0, 60)).await;
    let elsewhere = taken(port, &other(source), window(3), (0, 60)).await;
    for run in [held, later, elsewhere] {
        assert_eq!((run.attempt, run.phase), (1, Phase::Events), "a run of its own begins");
        assert_eq!(find(port, &run.source, run.window).await, Some(run.clone()));
    }
}

/// Notes in the order of their keys.
fn notes() -> Vec<Evidence> {
    let fact = |id: &str| {
        let amount = Money { minor: 2_000, currency: Currency::from_code("EUR").expect("EUR") };
        PaymentFact { payment: payment(id), fact: Fact::Captured { amount } }
    };
    let heal = |id: &str, facts: Vec<PaymentFact>, body: &str| {
        Evidence::Heal(Box::new(Heal {
            facts,
            origin: Origin::Listed,
            event: event(id),
            kind: kind("payment_intent.succeeded"),
            meaning: Sha256Hex::of(&[body.as_bytes()]),
            occurred_at: Some(instant(-9)),
            body: body.to_owned(),
        }))
    };
    let difference = |id: &str, kind: FindingKind, resolution: Resolution| Evidence::Difference {
        payment: payment(id),
        difference: Difference {
            kind,
            ours: "nothing".to_owned(),
            theirs: "captured 20.00 EUR".to_owned(),
            effects: Vec::new(),
        },
        resolution,
    };
    let page = |page: u32| Evidence::Page { page, payments: vec![payment("pi_1"), payment("pi_2")] };
    let mut notes = vec![
        difference("pi_1", FindingKind::AmountDiffers, Resolution::Open),
        difference("pi_1", FindingKind::StatusBehind, Resolution::Healed),
        difference("pi_2", FindingKind::MissingHere, Resolution::Healed),
        heal("evt_0", Vec::new(), "{\"line\":\n\"break\", \"é\": \"<&\"}"),
        heal("evt_1", vec![fact("pi_1")], "{}"),
        heal("evt_2", vec![fact("pi_2")], "{}"),
        page(0),
        page(1),
        page(10),
        Evidence::Page { page: 2, payments: Vec::new() },
    ];
    notes.sort_by_key(Evidence::key);
    notes
}

async fn noted(port: &impl Runs, run: &Run, notes: &[Evidence]) {
    port.note(run, notes).await.expect("runs.note");
}

async fn read(port: &impl Runs, run: &Run, prefix: &str) -> Vec<Evidence> {
    port.notes(run, prefix).await.expect("runs.notes")
}

/// Ends the step that the run is at.
async fn end_step(port: &impl Runs, run: &mut Run, until: i64) {
    run.end_step();
    assert_eq!(keep(port, run, until).await, Checkpoint::Kept);
}

async fn notes_come_back_in_order(port: &impl Runs, source: &SourceName) {
    let mut run = taken(port, source, window(5), (0, 60)).await;
    assert_eq!(read(port, &run, "").await, [], "nothing is noted yet");
    let notes = notes();
    let (front, back) = notes.split_at(4);
    for some in [back, front, back, &[]] {
        noted(port, &run, some).await;
        end_step(port, &mut run, 60).await;
    }
    assert_eq!(read(port, &run, "").await, notes, "each note once, in the order of their keys");
    for prefix in ["page#", "heal#", "heal##", "difference#pi_1#", "nothing"] {
        let expected: Vec<_> = notes.iter().filter(|note| note.key().starts_with(prefix)).cloned().collect();
        assert_eq!(read(port, &run, prefix).await, expected, "{prefix:?}");
    }
    // More steps than one digit counts.
    let changed = |step: u32| Evidence::Page { page: 2, payments: vec![payment(&format!("pi_{step}"))] };
    for step in 1..=11 {
        noted(port, &run, &[changed(step)]).await;
        end_step(port, &mut run, 60).await;
    }
    assert_eq!(
        read(port, &run, "page#000002").await,
        [changed(11)],
        "of those with the same key the last counts"
    );

    // The next attempt begins with a blank sheet, and leaves the last one's alone.
    let broken = Run { status: RunStatus::Incomplete, phase: Phase::Done, ..run.clone() };
    assert_eq!(keep(port, &broken, 10).await, Checkpoint::Kept);
    let mut next = taken(port, source, window(5), (10, 60)).await;
    let as_if_kept = Run { kept: run.kept.clone(), ..next.clone() };
    assert_eq!(read(port, &as_if_kept, "").await, [], "the notes of another attempt are apart");
    noted(port, &next, front).await;
    end_step(port, &mut next, 60).await;
    assert_eq!(read(port, &next, "").await, front);
    assert_eq!(read(port, &run, "").await.len(), notes.len());
    let mut elsewhere = taken(port, &other(source), window(5), (0, 60)).await;
    elsewhere.end_step();
    assert_eq!(read(port, &elsewhere, "").await, [], "so are the notes of another source");
}

/// Whether by an invocation that died, or by one that was overtaken and does not know it.
async fn what_a_step_noted_counts_from_its_checkpoint_on(port: &impl Runs, source: &SourceName) {
    let page = |id: &str| Evidence::Page { page: 99, payments: vec![payment(id)] };
    let (mut kept, mut late) = (notes(), notes().split_off(4));
    let anew = kept.split_off(2);
    kept.push(page("pi_1"));
    late.push(page("pi_2"));
    let mut both = [kept.clone(), anew.clone()].concat();
    both.sort_by_key(Evidence::key);

    let mut old = taken(port, source, window(6), (0, 60)).await;
    noted(port, &old, &kept).await;
    assert_eq!(read(port, &old, "").await, [], "its checkpoint is still to come");
    end_step(port, &mut old, 60).await;
    assert_eq!(read(port, &old, "").await, kept);
    noted(port, &old, &late).await;

    let mut new = taken(port, source, window(6), (60, 120)).await;
    assert_eq!(read(port, &new, "").await, kept, "the step of the last holder has no checkpoint");
    noted(port, &new, &anew).await;
    end_step(port, &mut new, 120).await;
    noted(port, &old, &late).await;
    old.end_step();
    assert_eq!(keep(port, &old, 180).await, Checkpoint::Lost);
    assert_eq!(read(port, &new, "").await, both, "an overtaken holder notes for nobody");
    let found = find(port, source, window(6)).await.expect("it was begun");
    assert_eq!(read(port, &found, "").await, both);
}
