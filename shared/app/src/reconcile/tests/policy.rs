//! What a source's owner has decided, in its runs.

use super::*;
use countersign_domain::finding::Standing;
use countersign_domain::policy::{Policy, Severity};

fn policy(text: &str) -> Policy {
    toml::from_str(text).expect("a policy")
}

/// A desk whose source has a policy.
pub(super) fn desk_with(text: &str) -> Desk {
    let desk = desk();
    desk.sources.set(countersign_domain::source::SourceConfig {
        policy: policy(text),
        ..source_config("stripe-live", "stripe")
    });
    desk
}

/// The ledger says 9.00 of pi_1, the provider `their_minor`; pi_2 is only known there.
fn differing(desk: &Desk, their_minor: i64) {
    let books = books();
    list(desk, event_list(&books), &[vec![captured_event("pi_1", 900)]]);
    list(desk, &books.payments, &[vec![intent("pi_1", "succeeded", 900, 0)]]);
    complete(desk, false);
    process(desk);
    list(desk, event_list(&books), &[vec![]]);
    let theirs = vec![intent("pi_1", "succeeded", their_minor, 0), intent("pi_2", "succeeded", 1000, 0)];
    list(desk, &books.payments, &[theirs]);
}

#[test]
fn what_may_heal_and_what_is_too_small_is_the_owners_to_say() {
    for (text, their_minor, healed, open) in [
        ("", 901, 2, &[][..]),
        ("heals = [\"missing_here\"]", 901, 1, &[("amount_differs", 1)]),
        ("heals = []", 901, 0, &[("amount_differs", 1), ("missing_here", 1)]),
        ("heals = []\ntolerance = { absolute_minor = 1 }", 901, 0, &[("missing_here", 1)]),
        ("tolerance = { absolute_minor = 1 }", 901, 1, &[]),
        ("tolerance = { absolute_minor = 1 }", 898, 1, &[("amount_differs", 1)]),
    ] {
        let desk = desk_with(text);
        differing(&desk, their_minor);
        let data = complete(&desk, true);
        let expected = open.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        assert_eq!((data.healed, data.open), (healed, expected), "{text:?} and {their_minor}");
        assert!(data.proof_holds, "what is tolerated is part of the sums: {text:?}");
    }
}

#[test]
fn of_a_payments_differences_each_may_be_too_small_by_itself() {
    let desk = desk_with("heals = []\ntolerance = { absolute_minor = 1 }");
    differing(&desk, 901);
    list(&desk, &books().payments, &[vec![intent("pi_1", "succeeded", 901, 100)]]);
    assert_eq!(complete(&desk, true).open, [("refund_differs".to_owned(), 1)].into());
}

#[test]
fn the_stake_and_the_age_of_what_waits_say_how_severe_it_is() {
    let desk =
        desk_with("[[escalations]]\nat_least = { minor = 500, currency = \"EUR\" }\nseverity = \"critical\"");
    differing(&desk, 400);
    let data = complete(&desk, true);
    assert_eq!(data.waiting, [(Severity::Critical, 1)].into(), "5.00 EUR apart");
    assert_eq!(desk.findings.all()[0].at_stake.map(|stake| stake.minor), Some(500));
}

#[test]
fn a_dry_run_says_what_a_run_would_do_and_leaves_nothing_behind() {
    let desk = desk_with("heals = [\"missing_here\"]");
    differing(&desk, 901);
    let before = (desk.ledger.rows(), desk.inbox.rows().len(), desk.bus.events().len(), desk.findings.all());
    let dry = Reconciler { runs: MemoryRuns::default(), ..desk };
    let would_be = now_or_never(dry.dry_run(&request(true))).expect("our side works").expect("it is allowed");
    assert_eq!((would_be.data.healed, would_be.data.status), (1, RunStatus::Complete));
    assert_eq!(would_be.data.open, [("amount_differs".to_owned(), 1)].into());
    let csv = String::from_utf8(would_be.files[1].2.clone()).expect("text");
    assert!(csv.contains("amount_differs") && csv.contains("missing_here"), "{csv}");
    let after = (dry.ledger.rows(), dry.inbox.rows().len(), dry.bus.events().len(), dry.findings.all());
    assert_eq!(after, before);
    assert!(dry.queue.take().is_empty());
    for (key, _, bytes) in &would_be.files {
        assert!(dry.reports.read(key).as_ref() != Some(bytes), "{key} was written");
    }

    let open = ReconciliationRequest { to: at(2 * HOUR), ..request(false) };
    let refused = now_or_never(dry.dry_run(&open)).expect("our side works").expect_err("it is not over");
    assert!(matches!(refused, Refused::Window(_)), "{refused}");
}

#[test]
fn a_grace_of_its_own_decides_when_a_window_is_over() {
    for (text, is_open) in [("", false), ("grace_seconds = 3601", true), ("grace_seconds = 0", false)] {
        let desk = desk_with(text);
        let books = books();
        list(&desk, event_list(&books), &[vec![]]);
        list(&desk, &books.payments, &[vec![]]);
        let ended = run(&desk, false);
        assert_eq!(matches!(ended, Ended::Refused(Refused::Window(_))), is_open, "{text:?}: {ended:?}");
    }
}

#[test]
fn an_overdue_payment_that_came_after_all_is_settled_by_the_next_run() {
    let desk = desk();
    for payment in ["pi_1", "pi_never"] {
        let overdue = finding(FindingKind::Overdue, payment);
        let _ = now_or_never(desk.findings.raise(&overdue)).expect("the findings answer");
    }
    differing(&desk, 900);
    complete(&desk, true);
    let cases = now_or_never(desk.findings.of(&source_name("stripe-live"))).expect("the findings answer");
    let stands: Vec<_> = cases.iter().map(|case| (case.finding.subject.to_string(), case.standing)).collect();
    let expected = [("payment pi_1", Standing::Resolved), ("payment pi_never", Standing::Open)];
    assert_eq!(stands, expected.map(|(subject, standing)| (subject.to_owned(), standing)));
}
