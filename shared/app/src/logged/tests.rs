//! What stands in the one line of each unit of work, and what does not.

use super::*;
use crate::process::Trail;
use crate::reconcile::Refused;
use crate::testing::{at, currency, event_id, lines_of, payment_id, source_name};
use countersign_domain::event::ReconciliationData;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::TraceId;
use countersign_domain::money::Money;
use countersign_domain::reconcile::baseline::DiscrepancyRate;
use countersign_domain::signature::Headers;

/// Work is told in one line, which begins so and holds each of these.
#[track_caller]
fn check(work: impl FnOnce(), begin: &str, fields: &[&str]) {
    let lines = lines_of(work);
    let [line] = lines.as_slice() else { panic!("not one line: {lines:?}") };
    assert!(line.starts_with(begin), "{line}");
    for field in fields {
        assert!(format!("{line} ").contains(&format!(" {field} ")), "{field} is not in\n{line}");
    }
}

const WORK: &str = "INFO countersign::work work=";
const REFUSED: &str = "WARN countersign::work work=";

fn port_error() -> PortError {
    PortError::new("inbox", "put", std::io::Error::other("the store is down"))
}

#[test]
fn a_delivery_that_was_accepted_is_counted_by_what_became_of_its_events() {
    let accepted = Accepted {
        received: 4,
        duplicates: 3,
        conflicts: 2,
        unreadable: 1,
        by_previous_secret: true,
        ..Accepted::default()
    };
    check(
        || delivered("shop", Ok(accepted)),
        &format!("{WORK}delivery outcome=accepted source=shop"),
        &[
            "body_bytes=11",
            "duration_ms=2000",
            "status=200",
            "received=4",
            "duplicate=3",
            "conflicting=2",
            "unreadable=1",
            "previous_secret=1",
        ],
    );
}

/// A body of eleven bytes, answered after two seconds.
fn delivered(source: &str, result: Result<Accepted, Rejected>) {
    let request = Request {
        method: "POST".to_owned(),
        source: source.to_owned(),
        path_token: None,
        source_ip: None,
        query: String::new(),
        headers: Headers::default(),
        body: b"hello there".to_vec(),
    };
    let arrival = Arrival { now: at(0), attempt: TraceId::of(&["a"]), trace: TraceId::of(&["t"]) };
    delivery(&request, &arrival, &result, at(2));
}

#[test]
fn a_delivery_that_was_not_accepted_says_why_and_names_no_source_that_is_not_ours() {
    let unauthentic = |error| Rejected::Unauthentic { error, status: 401 };
    for (rejected, begin, fields) in [
        (Rejected::UnknownSource, "source= ", ["status=404", "reason=unknown_source", "retired_secret=0"]),
        (
            unauthentic(SignatureError::Mismatch),
            "source=shop ",
            ["status=401", "reason=signature", "retired_secret=0"],
        ),
        (
            unauthentic(SignatureError::Retired),
            "source=shop ",
            ["status=401", "reason=signature", "retired_secret=1"],
        ),
        // The provider is told to try again later, and only our log why.
        (
            Rejected::Unavailable(port_error()),
            "source=shop ",
            ["status=503", "detail=inbox: put failed: the store is down", "retired_secret=0"],
        ),
    ] {
        let begin = format!("{REFUSED}delivery outcome=rejected {begin}");
        check(|| delivered("shop", Err(rejected)), &begin, &fields);
    }
}

/// All that can be known of a message.
fn processed(outcome: Result<Outcome, Retry>) -> Processed {
    let trail = Trail {
        message_id: "m1".to_owned(),
        source: Some(source_name("shop")),
        event: Some(event_id("e1")),
        kind: Some("payment.captured".to_owned()),
        payment: Some(("p1".to_owned(), 3)),
        trace: Some(TraceId::of(&["t"])),
        unknown: None,
        is_news: false,
        asked: None,
        lag_ms: Some(1_500),
    };
    Processed { trail, outcome }
}

#[test]
fn a_message_is_counted_once_by_its_outcome() {
    const COUNTS: [&str; 5] = ["applied", "unchanged", "unmapped", "parked", "published"];
    let parked = Outcome::Parked(FindingKind::Contradiction);
    for (outcome, name, counted, finding) in [
        (Outcome::Applied, "applied", &["applied", "published"][..], "finding="),
        (Outcome::Republished, "republished", &["published"], "finding="),
        (Outcome::Unchanged, "unchanged", &["unchanged"], "finding="),
        (Outcome::Unmapped, "unmapped", &["unmapped"], "finding="),
        (parked, "parked", &["parked"], "finding=contradiction"),
    ] {
        let counts = COUNTS.map(|count| format!("{count}={}", u32::from(counted.contains(&count))));
        let mut fields: Vec<_> = counts.iter().map(String::as_str).collect();
        fields.extend(["message=m1", "event=e1", "payment=p1", "version=3", finding]);
        check(
            || message(&processed(Ok(outcome.clone()))),
            &format!("{WORK}message outcome={name} "),
            &fields,
        );
    }
}

#[test]
fn a_message_that_comes_back_says_why_and_whether_the_provider_was_asked() {
    for (asked, fetched, fetch_failed) in [
        (None, "fetched=0", "fetch_failed=0"),
        (Some(Asked::Answered), "fetched=1", "fetch_failed=0"),
        (Some(Asked::Failed), "fetched=0", "fetch_failed=1"),
    ] {
        let mut comes_back = processed(Err(Retry::Port(port_error())));
        comes_back.trail.asked = asked;
        let detail = "detail=inbox: put failed: the store is down";
        check(
            || message(&comes_back),
            &format!("{REFUSED}message outcome=retry "),
            &["source=shop", "retried=1", fetched, fetch_failed, detail],
        );
    }
}

fn wanted() -> ReconciliationRequest {
    ReconciliationRequest { source: source_name("shop"), from: at(0), to: at(3_600), again: false }
}

/// A run with all that an alarm may look at.
fn alarming(status: RunStatus) -> Ended {
    let ReconciliationRequest { source, from, to, .. } = wanted();
    Ended::Finished(Box::new(ReconciliationData {
        source,
        from,
        to,
        status,
        healed: 2,
        open: [("missing_here".to_owned(), 3), ("amount_differs".to_owned(), 1)].into(),
        totals: Vec::new(),
        rate: DiscrepancyRate { per_million: 9, usual_per_million: Some(1), deviates: true },
        waiting: [(Severity::High, 7), (Severity::Critical, 5)].into(),
        proof_holds: false,
        reports: Vec::new(),
    }))
}

/// What was not read to the end is no reason for an alarm about sums.
#[test]
fn only_a_complete_run_deviates_or_breaks_its_proof() {
    for (status, name, is_complete) in
        [(RunStatus::Complete, "complete", 1), (RunStatus::Incomplete, "incomplete", 0)]
    {
        let counts = [
            format!("reconcile_completed={is_complete}"),
            format!("reconcile_incomplete={}", 1 - is_complete),
            format!("discrepancy_deviation={is_complete}"),
            format!("proof_broken={is_complete}"),
        ];
        let mut fields: Vec<_> = counts.iter().map(String::as_str).collect();
        fields.extend(["healed=2", "discrepancies=4", "findings_critical=5"]);
        let begin = format!("{WORK}run source=shop outcome={name} window=");
        check(|| run(&wanted(), &alarming(status)), &begin, &fields);
    }
}

#[test]
fn a_run_that_does_not_end_here_says_so() {
    let window = "window=2025-11-24T16:00:00Z..2025-11-24T17:00:00Z";
    for (ended, level, name) in [
        (Ended::Suspended(crate::ports::Phase::Heal), WORK, "suspended"),
        (Ended::Busy, WORK, "busy"),
        (Ended::AlreadyComplete, WORK, "already_complete"),
        (Ended::Refused(Refused::NoBooks(source_name("shop"))), REFUSED, "refused"),
    ] {
        check(|| run(&wanted(), &ended), &format!("{level}run source=shop outcome={name} {window}"), &[]);
    }
}

#[test]
fn what_the_clock_and_the_bus_ask_for_is_one_line_each() {
    check(|| requested(&[wanted(), wanted()]), &format!("{WORK}schedule outcome=requested requests=2"), &[]);
    let announcement = Announcement {
        source: source_name("shop"),
        payment: payment_id("p1"),
        amount: Money { minor: 5, currency: currency("EUR") },
        within_seconds: None,
    };
    for (is_waited_for, outcome) in [(true, "waiting"), (false, "unknown_source")] {
        let begin = format!("{WORK}announcement outcome={outcome} source=shop payment=p1");
        check(|| announced(&announcement, is_waited_for), &begin, &[]);
    }
    let looked = Checked { met: 1, healed: 2, overdue: 3, differing: 4, waiting: 5 };
    check(
        || checked(&looked),
        &format!("{WORK}expectations outcome=checked "),
        &["met=1", "healed=2", "overdue=3", "discrepancies=4", "unanswered=5"],
    );
    let begin = "ERROR countersign::work work=run outcome=failed detail=inbox: put failed: the store is down";
    check(|| failed(&port_error()), begin, &[]);
}
