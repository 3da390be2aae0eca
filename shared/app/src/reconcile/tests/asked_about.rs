//! Events of a provider's list that the ledger knows by what the provider said when it was asked about them.

use super::*;
use crate::ports::{InboxKey, InboxRow, Notice, Origin};
use crate::testing::event_id;
use countersign_domain::ids::{EventKind, Sha256Hex, TraceId};
use countersign_domain::ledger::LedgerRow;
use std::collections::BTreeMap;

/// An event as a webhook brought it, on its way to the processor.
fn deliver(desk: &Desk, source: &str, event: &Value, kind: &str) {
    let id = event["id"].as_str().expect("an id");
    let key = InboxKey::Event { source: source_name(source), event: event_id(id) };
    let trace = TraceId::of(&["delivery"]);
    let row = InboxRow {
        key: key.clone(),
        origin: Origin::Delivery,
        kind: Some(EventKind::new(kind).expect("a type")),
        meaning: Sha256Hex::of(&[id.as_bytes()]),
        body: event.to_string().into_bytes(),
        headers: BTreeMap::new(),
        occurred_at: None,
        received_at: at(10),
        attempt: trace.clone(),
        trace: trace.clone(),
        reason: None,
    };
    let _ = now_or_never(desk.inbox.put(&row)).expect("a put");
    let notices = [Notice { v: 1, key, trace }];
    let _ = now_or_never(desk.queue.send(&notices)).expect("the queue answers");
}

fn answer(desk: &Desk, source: &str, path: &str, body: &Value) {
    let request = ApiRequest { path: path.to_owned(), query: Vec::new() };
    desk.api.answer(&source_name(source), &request, body.to_string());
}

/// The events in the ledger whose ids are not those that the provider gave them.
fn booked_by_an_answer(desk: &Desk) -> Vec<String> {
    let is_made = |row: &LedgerRow| row.cause.event.came_out_of().is_some();
    desk.ledger.rows().iter().filter(|row| is_made(row)).map(|row| row.payment.to_string()).collect()
}

/// GoCardless's events say neither amount nor status: each means something only with the provider's answer.
#[test]
fn an_event_that_means_nothing_by_itself_is_asked_about_and_sent_once() {
    let desk = desk();
    desk.sources.set(source_config("debits", "gocardless"));
    let source = Source::try_from(source_config("debits", "gocardless")).expect("a source");
    let books = source.dialect.reconcile.clone().expect("it lists payments");
    let event = |id: &str, payment: &str| json!({ "id": id, "created_at": at(10).to_string(), "resource_type": "payments", "action": "confirmed", "links": { "payment": payment } });
    let payment = |id: &str, status: &str| json!({ "id": id, "created_at": at(10).to_string(), "amount": 2000, "amount_refunded": 0, "currency": "GBP", "status": status });
    let (came, missed) = (event("EV1", "PM1"), event("EV2", "PM2"));
    let page = json!({ "events": [came, missed], "meta": { "cursors": {} } });
    desk.api.answer(&source_name("debits"), &page_of(event_list(&books), None), page.to_string());
    for id in ["PM1", "PM2"] {
        answer(&desk, "debits", &format!("/payments/{id}"), &json!({ "payments": payment(id, "confirmed") }));
    }
    deliver(&desk, "debits", &came, "payments:confirmed");
    process(&desk);
    assert_eq!(booked_by_an_answer(&desk), ["PM1"]);

    // By now the first has moved on, in what the event does not speak of.
    answer(&desk, "debits", "/payments/PM1", &json!({ "payments": payment("PM1", "paid_out") }));
    let listed = [payment("PM1", "paid_out"), payment("PM2", "confirmed")];
    let page = json!({ "payments": listed, "meta": { "cursors": {} } });
    desk.api.answer(&source_name("debits"), &page_of(&books.payments, None), page.to_string());
    for (what, healed) in [("only what the ledger lacks is sent", 1), ("a second run is silent", 0)] {
        let request =
            ReconciliationRequest { source: source_name("debits"), again: healed == 0, ..request(false) };
        let ended = now_or_never(desk.run(&request, at(3 * HOUR))).expect("our own side works");
        let data = finished(ended);
        assert_eq!((data.status, data.healed, data.open.len()), (RunStatus::Complete, healed, 0), "{what}");
        let window = Window { from: at(0), to: at(HOUR) };
        let run = now_or_never(desk.runs.find(&source_name("debits"), window)).expect("the runs answer");
        let inputs = run.expect("there is a run").inputs;
        let asked = inputs.iter().find(|input| input.name == "/events, asked about").expect("it is evidence");
        assert_eq!(asked.parts, 2, "{what}");
        process(&desk);
        assert_eq!(booked_by_an_answer(&desk), ["PM1", "PM2"], "{what}");
    }
}

/// Where a source's owner wants every delivery confirmed, the ledger knows a delivered event by the provider's answer, and the
/// same event stands in the list by itself.
#[test]
fn a_delivery_that_was_confirmed_is_not_sent_again() {
    let desk = desk();
    let config = SourceConfig { asks_back: true, ..source_config("stripe-live", "stripe") };
    desk.sources.set(config);
    let books = books();
    let event = captured_event("pi_1", 1000);
    answer(&desk, "stripe-live", "/v1/events/evt_pi_1", &event);
    deliver(&desk, "stripe-live", &event, "payment_intent.succeeded");
    process(&desk);
    assert_eq!(booked_by_an_answer(&desk), ["pi_1"]);
    list(&desk, event_list(&books), &[vec![event]]);
    list(&desk, &books.payments, &[vec![intent("pi_1", "succeeded", 1000, 0)]]);
    let data = complete(&desk, false);
    assert_eq!((data.healed, data.open.len()), (0, 0));
}
