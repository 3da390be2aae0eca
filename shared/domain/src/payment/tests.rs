use super::*;
use PaymentStatus as S;
use proptest::prelude::*;

fn eur(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("EUR").expect("EUR") }
}

fn id(text: &str) -> ItemId {
    ItemId::new(text).expect("an id in a test")
}

fn refund(name: &str, minor: i64, state: RefundState) -> Fact {
    Fact::Refund { refund: id(name), amount: eur(minor), state }
}

fn dispute(stage: DisputeStage) -> Fact {
    Fact::Dispute { dispute: id("dp_1"), amount: eur(500), stage }
}

fn payout(state: PayoutState) -> Fact {
    Fact::Payout { payout: id("po_1"), amount: eur(900), state }
}

fn declined() -> Fact {
    Fact::Failed { attempt: id("ch_1") }
}

fn fold(facts: &[Fact]) -> Result<Payment, Conflict> {
    facts.iter().try_fold(Payment::default(), |payment, fact| {
        Ok(match apply(&payment, fact)? {
            Step::Advanced { payment, .. } => payment,
            Step::Unchanged => payment,
        })
    })
}

#[track_caller]
fn check(facts: &[Fact], status: PaymentStatus, captured: i64, refunded: i64) {
    let payment = fold(facts).expect("facts without conflict");
    let amounts = payment.amounts().map_or((0, 0), |a| (a.captured, a.refunded));
    assert_eq!((payment.status(), amounts), (status, (captured, refunded)), "{facts:?}");
}

#[test]
fn the_payment_register() {
    let initiated = Fact::Initiated { amount: eur(1000) };
    let authorized = Fact::Authorized { amount: eur(1000) };
    let captured = |minor| Fact::Captured { amount: eur(minor) };
    let reversed = Fact::CaptureReversed { reversal: id("rv_1"), amount: eur(1000) };
    check(&[], S::Unknown, 0, 0);
    check(std::slice::from_ref(&initiated), S::Initiated, 0, 0);
    check(&[initiated.clone(), Fact::RequiresAction], S::RequiresAction, 0, 0);
    check(&[Fact::Pending, Fact::RequiresAction], S::Pending, 0, 0);
    check(&[initiated.clone(), declined()], S::Failed, 0, 0);
    check(&[declined(), authorized.clone()], S::Authorized, 0, 0);
    check(&[authorized.clone(), Fact::Canceled], S::Canceled, 0, 0);
    check(&[authorized.clone(), Fact::Expired], S::Expired, 0, 0);
    check(&[Fact::Expired, captured(1000)], S::Captured, 1000, 0);
    check(&[authorized.clone(), captured(400)], S::PartiallyCaptured, 400, 0);
    check(&[authorized, captured(400), captured(1000)], S::Captured, 1000, 0);
    check(&[captured(1000), declined()], S::Captured, 1000, 0);
    check(&[captured(1000), reversed], S::Reversed, 0, 0);
}

#[test]
fn refunds_by_id_and_as_a_running_total() {
    use RefundState::{Failed, Pending, Succeeded};
    let captured = Fact::Captured { amount: eur(1000) };
    let total = |minor| Fact::Refunded { amount: eur(minor) };
    check(&[captured.clone(), refund("re_1", 300, Pending)], S::Captured, 1000, 300);
    check(
        &[captured.clone(), refund("re_1", 300, Succeeded), refund("re_2", 200, Succeeded)],
        S::Captured,
        1000,
        500,
    );
    check(
        &[captured.clone(), refund("re_1", 300, Succeeded), refund("re_1", 300, Failed)],
        S::Captured,
        1000,
        0,
    );
    check(&[captured.clone(), total(300), total(500)], S::Captured, 1000, 500);
    check(&[captured.clone(), total(300), refund("re_1", 300, Succeeded)], S::Captured, 1000, 300);
    check(&[captured, total(300), refund("re_1", 300, Failed)], S::Captured, 1000, 0);
    let early = fold(&[refund("re_1", 300, Succeeded)]).expect("a refund before its capture");
    assert!(early.is_out_of_balance());
    assert_eq!(early.refund(&id("re_1")), Some(&Refund { amount: 300, state: Succeeded }));
    assert_eq!(early.refund(&id("re_2")), None);
    for (given_back, expected) in [(299, false), (300, false), (301, true)] {
        let payment = fold(&[Fact::Captured { amount: eur(300) }, total(given_back)]).expect("no conflict");
        assert_eq!(payment.is_out_of_balance(), expected, "{given_back}");
    }
}

#[test]
fn disputes_and_payouts_move_forward_only() {
    use DisputeStage::{Inquiry, Lost, Open, Won};
    for (seen, stage) in [([Open, Inquiry], Open), ([Won, Lost], Won), ([Lost, Open], Lost)] {
        let payment = fold(&seen.map(dispute)).expect("no conflict");
        assert_eq!(payment.dispute(&id("dp_1")).and_then(|d| d.stage), Some(stage));
    }
    let payment = fold(&[payout(PayoutState::Failed), payout(PayoutState::Paid)]).expect("no conflict");
    assert_eq!(payment.payout(&id("po_1")).map(|p| p.state), Some(PayoutState::Failed));
    assert_eq!(payment.amounts().map(|a| a.paid_out), Some(0));
}

#[test]
fn what_contradicts_is_a_conflict() {
    let usd = Money { minor: 5, currency: Currency::from_code("USD").expect("USD") };
    for (facts, message) in [
        (
            vec![Fact::Captured { amount: eur(5) }, Fact::Refunded { amount: usd }],
            "USD where the payment is in EUR",
        ),
        (
            vec![refund("re_1", 300, RefundState::Pending), refund("re_1", 301, RefundState::Succeeded)],
            "refund re_1 was 3.00 EUR and is now 3.01 EUR: an amount that cannot change has changed",
        ),
        (
            (0..=REGISTER_ITEMS_MAX).map(|n| refund(&format!("re_{n}"), 1, RefundState::Pending)).collect(),
            "the payment already holds as many refunds as it may: see the limits",
        ),
    ] {
        assert_eq!(fold(&facts).map_err(|e| e.to_string()), Err(message.to_owned()));
    }
    let as_many_as_may: Vec<_> =
        (0..REGISTER_ITEMS_MAX).map(|n| refund(&format!("re_{n}"), 1, RefundState::Pending)).collect();
    assert!(fold(&as_many_as_may).is_ok());
}

#[test]
fn a_sum_that_no_number_holds_is_a_conflict() {
    let part = |name| Fact::CapturedPart { part: id(name), amount: eur(i64::MAX) };
    let currency = eur(0).currency;
    assert_eq!(fold(&[part("a"), part("b")]), Err(Conflict::from(MoneyError::Overflow { currency })));
}

#[test]
fn what_is_nothing_is_not_written() {
    let payment = fold(&[dispute(DisputeStage::Open)]).expect("no conflict");
    let json = serde_json::to_value(&payment).expect("JSON");
    assert_eq!(json["disputes"]["dp_1"], serde_json::json!({ "amount": 500, "stage": "open" }));
}

#[test]
fn a_change_names_its_register() {
    let Ok(Step::Advanced { change, .. }) =
        apply(&Payment::default(), &refund("re_1", 3, RefundState::Pending))
    else {
        unreachable!("a first refund advances")
    };
    assert_eq!(change, Change::Refund { item: id("re_1"), from: None, to: RefundState::Pending });
    let json = serde_json::to_string(&change).expect("JSON");
    assert_eq!(json, r#"{"register":"refund","item":"re_1","from":null,"to":"pending"}"#);
}

/// Facts of one payment that agree with each other: fixed amounts per item, one currency.
fn any_fact() -> impl Strategy<Value = Fact> {
    let minor = 0_i64..5_000;
    let item = (0_usize..3).prop_map(|n| (id(["a", "b", "c"][n]), [100_i64, 250, 700][n]));
    let refund_state = prop_oneof![
        Just(RefundState::Pending),
        Just(RefundState::Succeeded),
        Just(RefundState::Canceled),
        Just(RefundState::Failed)
    ];
    let stage = prop_oneof![
        Just(DisputeStage::Inquiry),
        Just(DisputeStage::Open),
        Just(DisputeStage::Lost),
        Just(DisputeStage::Won)
    ];
    let payout_state =
        prop_oneof![Just(PayoutState::Pending), Just(PayoutState::Paid), Just(PayoutState::Failed)];
    prop_oneof![
        minor.clone().prop_map(|m| Fact::Initiated { amount: eur(m) }),
        Just(Fact::RequiresAction),
        Just(Fact::Pending),
        Just(Fact::Canceled),
        Just(Fact::Expired),
        minor.clone().prop_map(|m| Fact::Authorized { amount: eur(m) }),
        minor.clone().prop_map(|m| Fact::Captured { amount: eur(m) }),
        minor.clone().prop_map(|m| Fact::Refunded { amount: eur(m) }),
        item.clone().prop_map(|(attempt, _)| Fact::Failed { attempt }),
        item.clone().prop_map(|(reversal, m)| Fact::CaptureReversed { reversal, amount: eur(m) }),
        (item.clone(), refund_state).prop_map(|((refund, m), state)| Fact::Refund {
            refund,
            amount: eur(m),
            state
        }),
        (item.clone(), minor.clone(), stage).prop_map(|((dispute, _), m, stage)| Fact::Dispute {
            dispute,
            amount: eur(m),
            stage
        }),
        (item.clone(), minor).prop_map(|((dispute, _), m)| Fact::DisputeFunds {
            dispute,
            amount: eur(m),
            movement: FundsMovement::Withdrawn
        }),
        (item, payout_state).prop_map(|((payout, m), state)| Fact::Payout { payout, amount: eur(m), state }),
    ]
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_give_one_payment(
        facts in prop::collection::vec(any_fact(), 0..24),
        order in any::<prop::sample::Index>(),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let expected = fold(&facts).expect("facts without conflict");
        let mut shuffled = facts.clone();
        for index in &seed {
            if !facts.is_empty() {
                shuffled.push(facts[index.index(facts.len())].clone());
                let at = order.index(shuffled.len());
                shuffled.rotate_left(at);
                let (one, last) = (index.index(shuffled.len()), shuffled.len() - 1);
                shuffled.swap(one, last);
            }
        }
        prop_assert_eq!(&fold(&shuffled).expect("facts without conflict"), &expected);
        for fact in &facts {
            prop_assert_eq!(apply(&expected, fact), Ok(Step::Unchanged));
        }
        let json = serde_json::to_string(&expected).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Payment>(&json).expect("its own JSON"), expected);
    }

    #[test]
    fn the_status_never_falls(facts in prop::collection::vec(any_fact(), 0..24)) {
        let mut payment = Payment::default();
        for fact in &facts {
            let before = payment.status();
            if let Ok(Step::Advanced { payment: next, .. }) = apply(&payment, fact) {
                payment = next;
            }
            // A larger authorisation can show that what was taken was only a part; nothing else goes back.
            let exempt = payment.status() == PaymentStatus::PartiallyCaptured || before == PaymentStatus::Reversed;
            prop_assert!(exempt || payment.status() >= before, "{:?} -> {:?} by {:?}", before, payment.status(), fact);
        }
    }
}
