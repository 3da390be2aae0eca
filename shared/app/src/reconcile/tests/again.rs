//! What is done again comes to the same, whoever does it.

use super::*;
use crate::ports::{Evidence, InboxKey, InboxRow, Lease, Origin, Resolution};
use crate::testing::{captured_row, event_id};
use countersign_domain::fact::Fact;
use countersign_domain::finding::Standing;
use countersign_domain::ids::{Sha256Hex, TraceId};
use countersign_domain::json::Json;
use countersign_domain::money::{Currency, Money};
use countersign_domain::reconcile::{compare, snapshot};
use countersign_domain::translate::PaymentFact;
use std::collections::BTreeMap;

fn told(desk: &Desk) -> Vec<String> {
    let events = desk.bus.events().into_iter();
    events.filter(|e| e.detail_type == event::RECONCILIATION_COMPLETED).map(|e| e.detail).collect()
}

/// Lets a run that was closed be as if its invocation had died just before.
fn unclose(desk: &Desk) {
    let window = Window { from: at(0), to: at(HOUR) };
    let run = now_or_never(desk.runs.find(&source_name("stripe-live"), window)).expect("the runs answer");
    let run = Run { phase: Phase::Report, ..run.expect("a run") };
    let kept = now_or_never(desk.runs.checkpoint(&run, at(0))).expect("the runs answer");
    assert_eq!(kept, Checkpoint::Kept);
}

#[test]
fn a_run_that_is_finished_twice_says_the_same_twice() {
    for is_readable in [true, false] {
        let desk = desk();
        if is_readable {
            list(&desk, event_list(&books()), &[vec![]]);
        }
        list(&desk, &books().payments, &[vec![intent("pi_1", "requires_capture", 0, 0)]]);
        let first = finished(run(&desk, false));
        unclose(&desk);
        // What a report sets its run beside, and what can be read of the provider, is another by now.
        let finding = Finding { found_at: at(HOUR), ..finding(FindingKind::MissingThere, "pi_2") };
        let _ = now_or_never(desk.findings.raise(&finding)).expect("the findings answer");
        list(&desk, event_list(&books()), &[vec![]]);
        assert_eq!(finished(run(&desk, false)), first);
        let [one, other] = told(&desk).try_into().expect("it was told twice");
        assert_eq!(one, other);
    }
}

#[test]
fn a_lease_that_was_given_back_is_free_by_a_slower_clock_too() {
    let desk = desk();
    desk.clock.set(at(3 * HOUR));
    let ended = now_or_never(desk.run(&request(false), at(3 * HOUR))).expect("our own side works");
    assert!(matches!(ended, Ended::Suspended(_)), "{ended:?}");
    desk.clock.set(at(2 * HOUR));
    list(&desk, event_list(&books()), &[vec![]]);
    list(&desk, &books().payments, &[vec![]]);
    assert_eq!(complete(&desk, false).status, RunStatus::Complete);
}

/// Lets a run have noted that a payment is missing, and have died before its step was over.
fn die_having_missed(desk: &Desk, payment: &str) {
    let window = Window { from: at(0), to: at(HOUR) };
    let source = source_name("stripe-live");
    let taken = desk.runs.take(&source, window, false, at(2 * HOUR), at(2 * HOUR));
    let Lease::Taken(run) = now_or_never(taken).expect("the runs answer") else { panic!("nobody has it") };
    let json = intent(payment, "succeeded", 1000, 0).to_string();
    let json = Json::parse(json.as_bytes()).expect("JSON");
    let theirs = snapshot(&books(), json.root()).expect("a payment");
    let differences = compare(None, Some(&theirs)).into_iter();
    let notes: Vec<_> = differences
        .map(|difference| Evidence::Difference {
            payment: payment_id(payment),
            difference,
            resolution: Resolution::Open,
        })
        .collect();
    assert!(!notes.is_empty());
    now_or_never(desk.runs.note(&run, &notes)).expect("the runs answer");
}

#[test]
fn a_difference_that_was_leveled_between_two_tries_is_none() {
    for is_listed in [true, false] {
        let desk = desk();
        die_having_missed(&desk, "pi_1");
        let row = captured_row("stripe-live", "pi_1", 1000, 10);
        let _ = now_or_never(desk.ledger.append(&row)).expect("the ledger answers");
        let paid = intent("pi_1", "succeeded", 1000, 0);
        let path = books().payment_path.replace("{id}", "pi_1");
        let one = ApiRequest { path, query: books().payment_query };
        desk.api.answer(&source_name("stripe-live"), &one, paid.to_string());
        list(&desk, event_list(&books()), &[vec![]]);
        list(&desk, &books().payments, &[if is_listed { vec![paid] } else { vec![] }]);
        let data = complete(&desk, false);
        assert!(data.proof_holds, "it is no part of the sums: {data:?}");
        assert_eq!((data.healed, data.open), (0, BTreeMap::new()));
        assert_eq!(desk.findings.all(), [], "in the list: {is_listed}");
    }
}

#[test]
fn what_a_try_that_did_not_end_had_noted_is_not_done() {
    let desk = desk();
    list(&desk, event_list(&books()), &[vec![]]);
    list(&desk, &books().payments, &[vec![]]);
    // It waits for a payment, and still does.
    let waits = Finding { found_at: at(0), ..finding(FindingKind::Overdue, "pi_2") };
    let _ = now_or_never(desk.findings.raise(&waits)).expect("the findings answer");
    let amount = Money { minor: 1_000, currency: Currency::from_code("EUR").expect("EUR") };
    let fact = Fact::Captured { amount };
    let heal = correction(PaymentFact { payment: payment_id("pi_1"), fact }).expect("a correction");
    let notes = [Evidence::Heal(Box::new(heal)), Evidence::Level { finding: waits.id() }];
    let run = left(&desk, |_| ());
    now_or_never(desk.runs.note(&run, &notes)).expect("the runs answer");
    assert_eq!(complete(&desk, false).healed, 0);
    assert_eq!(desk.queue.take(), [], "nothing is sent");
    assert_eq!(desk.findings.cases()[0].standing, Standing::Open, "nothing is settled");
}

/// The row of `evt_1`, as a webhook told it.
fn delivered(body: &serde_json::Value) -> InboxRow {
    InboxRow {
        key: InboxKey::Event { source: source_name("stripe-live"), event: event_id("evt_1") },
        origin: Origin::Delivery,
        kind: Some("payment_intent.succeeded".parse().expect("a type")),
        meaning: Sha256Hex::of(&[b"another"]),
        body: body.to_string().into_bytes(),
        headers: BTreeMap::new(),
        occurred_at: Some(at(10)),
        received_at: at(11),
        attempt: TraceId::of(&["delivery"]),
        trace: TraceId::of(&["delivery"]),
        reason: None,
    }
}

#[test]
fn what_came_in_and_was_never_handed_over_is_handed_over() {
    let object = json!({ "id": "pi_1", "amount_received": 1000, "currency": "btc" });
    let listed = event("evt_1", "payment_intent.succeeded", object);
    let row = delivered(&listed);
    for is_kept in [true, false] {
        let desk = desk();
        if is_kept {
            let _ = now_or_never(desk.inbox.put(&row)).expect("a put");
        }
        list(&desk, event_list(&books()), &[vec![listed.clone()]]);
        list(&desk, &books().payments, &[vec![]]);
        assert_eq!(complete(&desk, false).healed, 1, "in the inbox before: {is_kept}");
        process(&desk);
        let kinds: Vec<_> = desk.findings.all().into_iter().map(|finding| finding.kind).collect();
        assert!(kinds.contains(&FindingKind::Untranslatable), "{kinds:?}");
        assert_eq!(complete(&desk, true).healed, 0, "somebody knows of it by now");
    }
}

#[test]
fn an_event_with_two_meanings_that_was_never_handed_over_is_handed_over() {
    let told = |amount: i64| {
        let object =
            json!({ "id": "pi_1", "amount_received": amount, "currency": "eur", "status": "succeeded" });
        event("evt_1", "payment_intent.succeeded", object)
    };
    let desk = desk();
    let _ = now_or_never(desk.inbox.put(&delivered(&told(1000)))).expect("a put");
    // The other meaning was handed over, and found; the message of the first was lost.
    let subject = Subject::Event(event_id("evt_1"));
    let finding = Finding { subject, found_at: at(12), ..finding(FindingKind::Conflicting, "pi_1") };
    let _ = now_or_never(desk.findings.raise(&finding)).expect("the findings answer");
    list(&desk, event_list(&books()), &[vec![told(2000)]]);
    list(&desk, &books().payments, &[vec![]]);
    assert_eq!(complete(&desk, false).healed, 1);
    process(&desk);
    let captured = |desk: &Desk| {
        let rows = now_or_never(desk.ledger.history(&source_name("stripe-live"), &payment_id("pi_1")));
        rows.expect("the ledger answers")
            .pop()
            .and_then(|row| row.state.amounts())
            .map(|amounts| amounts.captured)
    };
    assert_eq!(captured(&desk), Some(1000), "the first one counts");
    assert_eq!(complete(&desk, true).healed, 0, "it is applied by now");
}
