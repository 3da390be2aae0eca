//! Our books against the provider's: what differs is found once, and what is corrected is level afterwards.

mod laws;
mod stripe;

use super::*;
use crate::fact::RefundState;
use crate::testing::{item, money};

fn payment_id() -> PaymentId {
    PaymentId::new("pi_1").expect("a payment")
}

fn fold(facts: &[Fact]) -> Payment {
    projected(None, facts).unwrap_or_default()
}

/// A payment as a provider would list it whose books say the same as ours.
fn mirror(ours: &Payment) -> Snapshot {
    let (currency, requested, authorized, captured, refunded) = match ours.amounts() {
        Some(a) => (a.currency, a.requested, a.authorized, a.captured, a.refunded),
        None => (money(0, "EUR").currency, 0, 0, 0, 0),
    };
    Snapshot {
        payment: payment_id(),
        status: ours.status(),
        requested: Money { minor: requested, currency },
        capturable: authorized.saturating_sub(captured),
        captured,
        refunded: Some(refunded),
    }
}

fn kinds(differences: &[Difference]) -> Vec<FindingKind> {
    differences.iter().map(|difference| difference.kind).collect()
}

fn authorized(minor: i64) -> Fact {
    Fact::Authorized { amount: money(minor, "EUR") }
}

fn captured(minor: i64) -> Fact {
    Fact::Captured { amount: money(minor, "EUR") }
}

fn refunded(minor: i64) -> Fact {
    Fact::Refunded { amount: money(minor, "EUR") }
}

fn theirs(status: PaymentStatus, captured: i64, refunded: i64) -> Snapshot {
    Snapshot {
        payment: payment_id(),
        status,
        requested: money(1000, "EUR"),
        capturable: 1000_i64.saturating_sub(captured),
        captured,
        refunded: Some(refunded),
    }
}

/// What one comparison finds, in words, and what would level it.
#[track_caller]
fn check(
    ours: Option<&[Fact]>,
    theirs: Option<&Snapshot>,
    found: &[(FindingKind, &str, &str)],
    heals: &[Fact],
) {
    let ours = ours.map(fold);
    let plan = plan(ours.as_ref(), theirs);
    let shown: Vec<_> =
        plan.differences.iter().map(|d| (d.kind, d.ours.as_str(), d.theirs.as_str())).collect();
    assert_eq!(shown, found);
    assert_eq!(plan.heals, heals);
}

#[test]
fn each_kind_of_difference() {
    use FindingKind as K;
    use PaymentStatus as S;
    let all = [authorized(1000), captured(1000), refunded(300)];
    check(None, None, &[], &[]);
    check(Some(&all), Some(&theirs(S::Captured, 1000, 300)), &[], &[]);
    check(Some(&all), None, &[(K::MissingThere, "captured 10.00 EUR, taken 10.00 EUR", "nothing")], &[]);
    check(
        None,
        Some(&theirs(S::Captured, 1000, 300)),
        &[(K::MissingHere, "nothing", "captured 10.00 EUR, taken 10.00 EUR")],
        &all[1..],
    );
    check(
        Some(&all[..1]),
        Some(&theirs(S::Captured, 1000, 0)),
        &[(K::StatusBehind, "authorized 10.00 EUR, taken 0.00 EUR", "captured 10.00 EUR, taken 10.00 EUR")],
        &all[1..2],
    );
    check(
        Some(&all[..2]),
        Some(&theirs(S::Authorized, 0, 0)),
        &[(K::StatusAhead, "captured 10.00 EUR, taken 10.00 EUR", "authorized 10.00 EUR, taken 0.00 EUR")],
        &[],
    );
    check(
        Some(&all),
        Some(&theirs(S::Captured, 1200, 300)),
        &[(K::AmountDiffers, "10.00 EUR", "12.00 EUR")],
        &[captured(1200)],
    );
    // Less than we booked: nothing that moves forward can level it.
    check(
        Some(&all),
        Some(&theirs(S::Captured, 900, 300)),
        &[(K::AmountDiffers, "10.00 EUR", "9.00 EUR")],
        &[],
    );
    check(
        Some(&all),
        Some(&theirs(S::Captured, 1000, 500)),
        &[(K::RefundDiffers, "3.00 EUR", "5.00 EUR")],
        &[refunded(500)],
    );
    check(
        Some(&all),
        Some(&theirs(S::Captured, 1000, 0)),
        &[(K::RefundDiffers, "3.00 EUR", "0.00 EUR")],
        &[],
    );
    let usd = Snapshot { requested: money(1000, "USD"), ..theirs(S::Captured, 1000, 300) };
    check(Some(&all), Some(&usd), &[(K::CurrencyDiffers, "EUR", "USD")], &[]);
    check(
        Some(&[captured(1000), refunded(1300)]),
        Some(&theirs(S::Captured, 1000, 0)),
        &[(K::RefundDiffers, "13.00 EUR", "0.00 EUR"), (K::OutOfBalance, "13.00 EUR", "10.00 EUR")],
        &[],
    );
}

#[test]
fn a_half_correction_is_none() {
    use FindingKind as K;
    // More was taken there, but less given back: the first could be levelled, the second not.
    check(
        Some(&[captured(1000), refunded(300)]),
        Some(&theirs(PaymentStatus::Captured, 1200, 100)),
        &[(K::AmountDiffers, "10.00 EUR", "12.00 EUR"), (K::RefundDiffers, "3.00 EUR", "1.00 EUR")],
        &[],
    );
}

#[test]
fn below_a_reservation_nothing_differs() {
    use PaymentStatus as S;
    let early = [S::Unknown, S::Initiated, S::RequiresAction, S::Pending, S::Failed];
    for status in early {
        check(None, Some(&theirs(status, 0, 0)), &[], &[]);
        let declined = Fact::Failed { attempt: item("ch_1") };
        for ours in
            [Fact::RequiresAction, Fact::Pending, declined, Fact::Initiated { amount: money(1000, "EUR") }]
        {
            check(Some(&[ours]), Some(&theirs(status, 0, 0)), &[], &[]);
        }
    }
}

#[test]
fn called_off_and_run_out_of_time_are_level() {
    for ours in [Fact::Canceled, Fact::Expired] {
        for status in [PaymentStatus::Canceled, PaymentStatus::Expired] {
            check(Some(&[authorized(1000), ours.clone()]), Some(&theirs(status, 0, 0)), &[], &[]);
        }
    }
}

#[test]
fn a_correction_has_one_id_for_ever() {
    let heal = |fact| PaymentFact { payment: payment_id(), fact };
    let id = |fact| heal_id(&heal(fact)).expect("an id").to_string();
    assert_eq!(id(captured(1000)), "reconcile/payment.captured/1000/pi_1");
    assert_eq!(id(refunded(5)), "reconcile/payment.refunded/5/pi_1");
    assert_eq!(id(Fact::Canceled), "reconcile/payment.canceled/0/pi_1");
    let long = PaymentId::new("p".repeat(crate::limits::ID_BYTES_MAX)).expect("a payment");
    let found = heal_id(&PaymentFact { payment: long, fact: Fact::Canceled }).map_err(|e| e.to_string());
    assert_eq!(found, Err("the event id has 229 bytes, more than 200".to_owned()));
}

#[test]
fn what_is_on_its_way_counts() {
    assert_eq!(projected(None, &[]), None);
    assert_eq!(projected(None, &[captured(5)]), Some(fold(&[captured(5)])));
    // What contradicts is left out, and so shows up as a difference.
    let ours = projected(None, &[captured(5), Fact::Refunded { amount: money(5, "USD") }]);
    assert_eq!(ours, Some(fold(&[captured(5)])));
    let failed = Fact::Refund { refund: item("re_1"), amount: money(3, "EUR"), state: RefundState::Failed };
    assert_eq!(projected(None, &[captured(5), failed.clone()]), Some(fold(&[captured(5), failed])));
}

#[test]
fn what_is_at_stake_is_the_larger_of_what_was_taken_and_given_back() {
    let of = |effects: &[(i64, i64)]| {
        let currency = money(0, "EUR").currency;
        let effects = effects.iter().map(|(captured, refunded)| Effect {
            currency,
            captured: *captured,
            refunded: *refunded,
        });
        let (ours, theirs) = (String::new(), String::new());
        Difference { kind: FindingKind::AmountDiffers, ours, theirs, effects: effects.collect() }.at_stake()
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[(5, 3)]), Some(money(5, "EUR")));
    assert_eq!(of(&[(-2, -7), (1, 1)]), Some(money(7, "EUR")));
}

#[test]
fn a_proof_holds_when_the_differences_explain_both_of_its_lines() {
    let currency = money(0, "EUR").currency;
    let totals = Totals {
        currency,
        payments: 2,
        captured_ours: 1_000,
        captured_theirs: 1_500,
        refunded_ours: 0,
        refunded_theirs: 200,
    };
    for (captured, refunded, expected) in [(500, 200, true), (500, 0, false), (0, 200, false), (0, 0, false)]
    {
        let proofs = proof::prove(std::slice::from_ref(&totals), [&Effect { currency, captured, refunded }]);
        let holds: Vec<_> = proofs.iter().map(proof::Proof::holds).collect();
        assert_eq!(holds, [expected], "{captured} {refunded}");
    }
}
