//! Everything that can happen to the protocol within [`Scope::FULL`] is tried, and to the protocol without each of its
//! decisions.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "this is all test code, its helpers outside #[test] included"
)]

use countersign_model::{Promise, Report, Scope, Variant, check};

fn tried(variant: Variant, scope: Scope) -> Report {
    let report = check(variant, scope);
    let Report { states, unique, depth, .. } = &report;
    println!("{}: {states} states, {unique} unique, depth {depth}", variant.name());
    report
}

fn promises(report: &Report) -> Vec<Promise> {
    report.broken.iter().map(|broken| broken.promise).collect()
}

fn story(variant: Variant, promise: Promise) -> Vec<String> {
    let broken = tried(variant, Scope::FULL).broken;
    broken.into_iter().find(|broken| broken.promise == promise).unwrap().steps
}

#[test]
fn the_protocol_keeps_its_promises_whatever_happens() {
    let report = tried(Variant::True, Scope::FULL);
    assert_eq!(report.broken, []);
    assert!(report.is_exhaustive);
    assert_eq!(report.unseen, [""; 0]);
    assert!(report.is_as_expected());
}

#[test]
fn without_a_decision_a_promise_breaks() {
    for variant in Variant::ALL.into_iter().skip(1) {
        let report = tried(variant, Scope::FULL);
        assert_eq!(promises(&report), variant.breaks(), "{}", variant.name());
        assert!(!report.is_exhaustive);
        assert!(report.is_as_expected());
        // What breaks as it should is no surprise; the true protocol may not break so.
        assert!(!Report { variant: Variant::True, ..report }.is_as_expected());
    }
}

#[test]
fn every_promise_can_be_broken() {
    let impatient = Scope { deliveries: Scope::FULL.crashes, ..Scope::FULL };
    let mut broken = promises(&tried(Variant::True, impatient));
    assert_eq!(broken, [Promise::AllAreAcknowledged]);
    broken.extend(Variant::ALL.iter().flat_map(|variant| variant.breaks()));
    broken.sort_unstable();
    broken.dedup();
    assert_eq!(broken, Promise::ALL);
}

#[test]
fn a_swallowed_duplicate_loses_what_crashed_between_put_and_send() {
    let expected = [
        "the provider delivers A, time 1",
        "the provider delivers A, time 2",
        "ingest 1 of A: writes the inbox row",
        "ingest 1 of A: crashes before its send",
        "ingest 2 of A: finds the inbox row of another delivery",
        "ingest 2 of A: answers 2xx",
    ];
    assert_eq!(story(Variant::SwallowsDuplicates, Promise::NothingIsLost), expected);
}

#[test]
fn what_is_acknowledged_before_it_is_published_may_never_be() {
    let steps = story(Variant::AcknowledgesBeforePublishing, Promise::NothingIsLost);
    let end = ["writes version 1", "acknowledges the message", "crashes before its publish"];
    assert_eq!(steps[5..], end.map(|call| format!("processor of A: {call}")));
}

#[test]
fn what_is_found_committed_must_be_published_again() {
    let steps = story(Variant::NeverPublishesAgain, Promise::NothingIsLost);
    let end = [
        "processor of A: crashes before its publish",
        "a processor takes a message of A and loads the payment, where its event is version 1",
        "processor of A: acknowledges the message",
    ];
    assert_eq!(steps[6..], end);
}
