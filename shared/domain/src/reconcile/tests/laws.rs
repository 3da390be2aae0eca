//! What holds of every comparison.

use super::*;
use proptest::prelude::*;

/// A payment that events could have built, in one currency.
fn payment() -> impl Strategy<Value = Payment> {
    let minor = 1_i64..2_000;
    let state = prop::sample::select(vec![RefundState::Pending, RefundState::Succeeded, RefundState::Failed]);
    let fact = prop_oneof![
        minor.clone().prop_map(|m| Fact::Initiated { amount: money(m, "EUR") }),
        Just(Fact::RequiresAction),
        Just(Fact::Pending),
        Just(Fact::Canceled),
        Just(Fact::Expired),
        minor.clone().prop_map(authorized),
        minor.clone().prop_map(captured),
        minor.clone().prop_map(refunded),
        Just(Fact::Failed { attempt: item("ch_1") }),
        minor.prop_map(|m| Fact::CaptureReversed {
            reversal: item(&format!("rv_{m}")),
            amount: money(m, "EUR")
        }),
        (1_i64..4, state).prop_map(|(n, state)| Fact::Refund {
            refund: item(&format!("re_{n}")),
            amount: money(n * 100, "EUR"),
            state
        }),
    ];
    prop::collection::vec(fact, 0..8).prop_map(|facts| fold(&facts))
}

/// A payment as some provider could list it.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let status = prop::sample::select(vec![
        PaymentStatus::Initiated,
        PaymentStatus::Pending,
        PaymentStatus::Authorized,
        PaymentStatus::Canceled,
        PaymentStatus::Expired,
        PaymentStatus::PartiallyCaptured,
        PaymentStatus::Captured,
    ]);
    let code = prop::sample::select(vec!["EUR", "EUR", "EUR", "USD"]);
    (status, 1_i64..2_000, 0_i64..2_000, 0_i64..2_000, code).prop_map(
        |(status, requested, taken, back, code)| {
            let is_taken = status >= PaymentStatus::PartiallyCaptured;
            Snapshot {
                payment: payment_id(),
                status,
                requested: money(requested, code),
                capturable: requested,
                captured: if is_taken { taken.max(1) } else { 0 },
                refunded: Some(if is_taken { back } else { 0 }),
            }
        },
    )
}

fn heal(ours: Option<&Payment>, heals: &[Fact]) -> Payment {
    heals.iter().fold(ours.cloned().unwrap_or_default(), |payment, fact| match apply(&payment, fact) {
        Ok(Step::Advanced { payment, .. }) => payment,
        other => panic!("a planned correction must apply, not {other:?}"),
    })
}

proptest! {
    #[test]
    fn nothing_differs_from_its_mirror(ours in payment()) {
        prop_assert_eq!(compare(Some(&ours), Some(&mirror(&ours))), []);
        prop_assert_eq!(plan(Some(&ours), Some(&mirror(&ours))), Plan::default());
    }

    /// One thing is changed in the mirror: that is found, once, and nothing else.
    #[test]
    fn what_is_injected_is_found_once(ours in payment(), by in 1_i64..500) {
        let level = mirror(&ours);
        let found = |theirs: &Snapshot| kinds(&compare(Some(&ours), Some(theirs)));
        let amount = Snapshot { captured: level.captured + by, ..level.clone() };
        prop_assert_eq!(found(&amount), [FindingKind::AmountDiffers]);
        let refund = Snapshot { refunded: level.refunded.map(|refunded| refunded + by), ..level.clone() };
        let expected: &[_] = match level.refunded > Some(level.captured) && refund.refunded <= Some(refund.captured) {
            true => &[FindingKind::RefundDiffers, FindingKind::OutOfBalance],
            false => &[FindingKind::RefundDiffers],
        };
        prop_assert_eq!(found(&refund), expected);
        prop_assert_eq!(kinds(&compare(Some(&ours), None)), [FindingKind::MissingThere]);
        if ours.amounts().is_some() {
            let currency = Snapshot { requested: money(level.requested.minor, "USD"), ..level.clone() };
            prop_assert_eq!(found(&currency), [FindingKind::CurrencyDiffers]);
        }
        for (status, kind) in [
            (PaymentStatus::Reversed, FindingKind::StatusBehind),
            (PaymentStatus::Initiated, FindingKind::StatusAhead),
        ] {
            let moved = Snapshot { status, ..level.clone() };
            let is_same_level = super::super::level(status) == super::super::level(ours.status());
            let expected = if is_same_level { vec![] } else { vec![kind] };
            prop_assert_eq!(found(&moved), expected);
        }
        let missing = kinds(&compare(None, Some(&level)));
        let is_early = level.status < PaymentStatus::Authorized;
        prop_assert_eq!(missing, if is_early { vec![] } else { vec![FindingKind::MissingHere] });
    }

    #[test]
    fn corrections_level_everything_or_there_are_none(ours in prop::option::of(payment()), theirs in snapshot()) {
        let planned = plan(ours.as_ref(), Some(&theirs));
        prop_assert_eq!(&planned.differences, &compare(ours.as_ref(), Some(&theirs)));
        if planned.heals.is_empty() {
            return Ok(());
        }
        prop_assert!(!planned.differences.is_empty(), "what is level is left alone");
        let healed = heal(ours.as_ref(), &planned.heals);
        prop_assert_eq!(compare(Some(&healed), Some(&theirs)), []);
        // The second run finds nothing to do, and a correction that comes twice does nothing.
        prop_assert_eq!(plan(Some(&healed), Some(&theirs)), Plan::default());
        for fact in &planned.heals {
            prop_assert_eq!(apply(&healed, fact), Ok(Step::Unchanged));
        }
        let mut backwards = planned.heals.clone();
        backwards.reverse();
        prop_assert_eq!(heal(ours.as_ref(), &backwards), healed);
    }

    #[test]
    fn corrections_only_move_forward(ours in payment(), theirs in snapshot()) {
        let healed = heal(Some(&ours), &plan(Some(&ours), Some(&theirs)).heals);
        if let (Some(before), Some(after)) = (ours.amounts(), healed.amounts()) {
            prop_assert!(after.captured >= before.captured && after.refunded >= before.refunded);
            prop_assert!(after.authorized >= before.authorized);
        }
    }

    #[test]
    fn totals_add_up_in_any_order(
        pairs in prop::collection::vec((prop::option::of(payment()), prop::option::of(snapshot())), 0..20),
        order in any::<prop::sample::Index>(),
    ) {
        let total = |pairs: &[(Option<Payment>, Option<Snapshot>)]| {
            let mut totals = Vec::new();
            for (ours, theirs) in pairs {
                add_to_totals(&mut totals, ours.as_ref(), theirs.as_ref());
            }
            totals
        };
        let totals = total(&pairs);
        let mut turned = pairs.clone();
        turned.reverse();
        if !turned.is_empty() {
            let at = order.index(turned.len());
            turned.rotate_left(at);
        }
        prop_assert_eq!(total(&turned), totals.clone());
        prop_assert!(totals.windows(2).all(|pair| pair[0].currency < pair[1].currency), "one row a currency, sorted");
        for row in &totals {
            let ours = || pairs.iter().filter_map(|(ours, _)| ours.as_ref()?.amounts()).filter(|a| a.currency == row.currency);
            let theirs = || pairs.iter().filter_map(|(_, t)| t.as_ref()).filter(|t| t.requested.currency == row.currency);
            prop_assert_eq!(row.captured_ours, ours().map(|a| i128::from(a.captured)).sum::<i128>());
            prop_assert_eq!(row.refunded_ours, ours().map(|a| i128::from(a.refunded)).sum::<i128>());
            prop_assert_eq!(row.captured_theirs, theirs().map(|t| i128::from(t.captured)).sum::<i128>());
            prop_assert_eq!(row.refunded_theirs, theirs().map(|t| i128::from(t.refunded.unwrap_or_default())).sum::<i128>());
            let counted = pairs.iter().filter(|(ours, theirs)| {
                let mine = ours.as_ref().and_then(Payment::amounts).map(|a| a.currency);
                mine == Some(row.currency) || theirs.as_ref().map(|t| t.requested.currency) == Some(row.currency)
            });
            prop_assert_eq!(row.payments, counted.count() as u64);
        }
    }

    /// What can be read as a snapshot is written the same way back: it is kept as evidence between two pages.
    #[test]
    fn a_snapshot_survives_being_kept(theirs in snapshot()) {
        let json = serde_json::to_string(&theirs).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Snapshot>(&json).expect("its own JSON"), theirs);
    }
}

proptest! {
    /// Whatever is compared, the ledger's sum and what differs make the provider's sum.
    #[test]
    fn the_proof_line_holds(
        pairs in prop::collection::vec((prop::option::of(payment()), prop::option::of(snapshot())), 0..20)
    ) {
        let (mut totals, mut differences) = (Vec::new(), Vec::new());
        for (ours, theirs) in &pairs {
            add_to_totals(&mut totals, ours.as_ref(), theirs.as_ref());
            differences.extend(compare(ours.as_ref(), theirs.as_ref()));
        }
        let effects = differences.iter().flat_map(|difference| &difference.effects);
        for proof in proof::prove(&totals, effects) {
            prop_assert!(proof.holds(), "{proof:?}");
        }
    }
}

/// A list that says nothing of refunds makes no difference of them, and its sums are the ledger's.
#[test]
fn what_a_list_does_not_say_is_no_difference() {
    let ours = super::fold(&[super::captured(1000), super::refunded(300)]);
    let silent = Snapshot { refunded: None, ..super::mirror(&ours) };
    assert!(compare(Some(&ours), Some(&silent)).is_empty());
    let mut totals = Vec::new();
    add_to_totals(&mut totals, Some(&ours), Some(&silent));
    assert_eq!((totals[0].refunded_ours, totals[0].refunded_theirs), (300, 300));
    let less = Snapshot { captured: 900, ..silent };
    let kinds: Vec<_> = compare(Some(&ours), Some(&less)).iter().map(|difference| difference.kind).collect();
    assert_eq!(kinds, [FindingKind::AmountDiffers]);
}
