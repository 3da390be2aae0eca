//! What a source's owner may decide, and what follows from it.

use super::*;
use crate::fact::Fact;
use crate::finding::{Finding, Move, Settlement, Step as Done, Subject};
use crate::ids::PaymentId;
use crate::money::Currency;
use crate::payment::{PaymentStatus, Step, apply};
use crate::reconcile::plan;
use crate::testing::{now, source_name};
use crate::time::SignedDuration;

fn policy(text: &str) -> Policy {
    toml::from_str(text).expect("a policy")
}

fn money(minor: i64, code: &str) -> Money {
    Money { minor, currency: Currency::from_code(code).expect("a currency") }
}

fn payment() -> PaymentId {
    PaymentId::new("pi_1").expect("a payment")
}

fn taken(minor: i64) -> Payment {
    match apply(&Payment::default(), &Fact::Captured { amount: money(minor, "EUR") }) {
        Ok(Step::Advanced { payment, .. }) => payment,
        other => unreachable!("{other:?}"),
    }
}

fn theirs(captured: i64) -> Snapshot {
    let (status, requested) = (PaymentStatus::Captured, money(captured, "EUR"));
    Snapshot { payment: payment(), status, requested, capturable: 0, captured, refunded: Some(0) }
}

#[test]
fn what_cannot_be_kept_is_named_with_its_value_and_the_remedy() {
    for (text, says) in [
        ("owner = \"\"", "policy.owner is \"\": 1 to 80 bytes are expected"),
        ("grace_seconds = 604801", "policy.grace_seconds is 604801: at most 604800 seconds are possible"),
        (
            "check_after_seconds = 86401",
            "policy.check_after_seconds is 86401: at most 86400 seconds are possible",
        ),
        ("reread_days = [0]", "policy.reread_days is {0}: at most 5 ages of 1 to 35 days are possible"),
        (
            "reread_days = [1, 2, 3, 4, 5, 6]",
            "policy.reread_days is {1, 2, 3, 4, 5, 6}: at most 5 ages of 1 to 35 days are possible",
        ),
        (
            "tolerance = { absolute_minor = -1 }",
            "policy.tolerance.absolute_minor is -1: 0 or more is expected",
        ),
        (
            "tolerance = { relative_ppm = 1000001 }",
            "policy.tolerance.relative_ppm is 1000001: millionths are expected, at most 1000000",
        ),
        (
            "heals = [\"missing_there\"]",
            "policy.heals is missing_there: corrections level missing_here, amount_differs, refund_differs, status_behind only",
        ),
    ] {
        assert_eq!(policy(text).check().expect_err(text).to_string(), says);
    }
    let longest = format!("owner = \"{}\"", "x".repeat(80));
    for text in [
        "",
        "heals = []",
        "reread_days = []",
        "grace_seconds = 0\nowner = \"finance\"",
        "grace_seconds = 604800\ncheck_after_seconds = 86400",
        "reread_days = [1, 2, 3, 4, 35]",
        "tolerance = { absolute_minor = 0, relative_ppm = 1000000 }",
        longest.as_str(),
    ] {
        assert_eq!(policy(text).check(), Ok(()), "{text}");
    }
    assert!(toml::from_str::<Policy>("colour = 1").is_err(), "a key that nobody knows is a mistake");
}

#[test]
fn small_differences_are_tolerated_and_only_what_is_allowed_heals() {
    for (text, ours, their, expected) in [
        ("", Some(1_000), 1_001, Verdict::Heal),
        ("tolerance = { absolute_minor = 1 }", Some(1_000), 1_001, Verdict::Tolerate),
        ("tolerance = { absolute_minor = 1 }", Some(1_000), 1_002, Verdict::Heal),
        ("tolerance = { relative_ppm = 1000 }", Some(1_000), 1_001, Verdict::Tolerate),
        ("tolerance = { absolute_minor = 1 }", None, 1, Verdict::Heal),
        ("heals = [\"missing_here\"]", None, 1_000, Verdict::Heal),
        ("heals = [\"missing_here\"]", Some(1_000), 1_001, Verdict::Open),
        ("heals = []", None, 1_000, Verdict::Open),
        ("", Some(1_001), 1_000, Verdict::Open),
        ("", Some(1_000), 1_000, Verdict::Open),
    ] {
        let (ours, theirs) = (ours.map(taken), theirs(their));
        let plan = plan(ours.as_ref(), Some(&theirs));
        let verdict = policy(text).verdict(&plan, ours.as_ref(), Some(&theirs));
        assert_eq!(verdict, expected, "{text:?}: {ours:?} and {their}");
    }
}

fn case(kind: FindingKind, at_stake: Option<Money>, hours: i64) -> Case {
    let found_at = now().checked_sub(SignedDuration::from_hours(hours)).expect("an instant");
    let subject = Subject::Payment(payment());
    let (source, reason) = (source_name(), "why".to_owned());
    Case::new(Finding { source, kind, subject, reason, at_stake, found_at })
}

#[test]
fn a_finding_grows_more_severe_with_its_age_and_its_amount() {
    use FindingKind::{Late, MissingThere, Overdue};
    use Severity::{Critical, High, Low, Medium};
    let own = "[[escalations]]\nkinds = [\"overdue\"]\nafter_hours = 2\nseverity = \"high\"\n[[escalations]]\n\
               at_least = { minor = 100000, currency = \"EUR\" }\nseverity = \"critical\"\n";
    let eur = |minor| Some(money(minor, "EUR"));
    for (text, kind, at_stake, hours, expected) in [
        ("", Late, None, 0, Low),
        ("", Overdue, eur(1), 71, Medium),
        ("", Late, None, 72, High),
        ("", MissingThere, None, 0, High),
        ("", Late, None, 240, Critical),
        (own, Late, None, 240, Low),
        (own, Overdue, None, 1, Medium),
        (own, Overdue, None, 2, High),
        (own, Late, eur(99_999), 0, Low),
        (own, Late, eur(100_000), 0, Critical),
        (own, Late, Some(money(100_000, "JPY")), 0, Low),
    ] {
        let case = case(kind, at_stake, hours);
        assert_eq!(policy(text).severity(&case, now()), expected, "{kind:?} {at_stake:?} after {hours} h");
    }
    let step = Done {
        at: now(),
        by: "ada".to_owned(),
        what: Move::Resolve(Settlement::Accepted),
        why: "agreed".to_owned(),
    };
    let settled = case(MissingThere, None, 500).after(step).expect("it can be settled");
    assert_eq!(Policy::default().severity(&settled, now()), Low);
}

#[test]
fn a_window_is_read_once_more_a_day_later_unless_the_policy_says_otherwise() {
    for (text, expected) in
        [("", &[1][..]), ("reread_days = []", &[]), ("reread_days = [30, 7, 1]", &[1, 7, 30])]
    {
        assert_eq!(policy(text).rereads().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_policy_that_says_nothing_is_written_as_nothing() {
    let says_something = policy("tolerance = { absolute_minor = 1 }\nlate_seconds = 60");
    assert!(Policy::default().is_default() && !says_something.is_default());
    assert_eq!(serde_json::to_string(&Policy::default()).expect("JSON"), "{}");
    let rules = says_something.rules();
    assert_eq!((rules.tolerance.absolute_minor, rules.late_seconds_max), (1, Some(60)));
    assert_eq!(Policy::default().rules().late_seconds_max, None);
}

#[test]
fn refunds_are_tolerated_as_amounts_are() {
    let with = |refunded| Snapshot { refunded, ..theirs(1_000) };
    let policy = policy("tolerance = { absolute_minor = 1 }");
    for (kind, refunded, expected) in [
        (FindingKind::RefundDiffers, Some(1), true),
        (FindingKind::RefundDiffers, Some(2), false),
        (FindingKind::RefundDiffers, None, true),
        (FindingKind::StatusBehind, Some(1), false),
    ] {
        let ours = taken(1_000);
        assert_eq!(
            policy.tolerates(kind, Some(&ours), Some(&with(refunded))),
            expected,
            "{kind:?} {refunded:?}"
        );
    }
}
