//! What is more than one step of a run holds, and what is more than a run may hold.

use super::*;
use crate::ports::{Evidence, InboxKey};
use crate::testing::captured_row;
use countersign_domain::finding::Standing;
use countersign_domain::limits::{FINDINGS_PER_RUN_MAX, PAGES_PER_LIST_MAX};

/// More payments than two steps of any phase hold.
fn many() -> Vec<String> {
    (0..101).map(|number| format!("pi_{number:03}")).collect()
}

fn nothing_listed(desk: &Desk) {
    list(desk, event_list(&books()), &[vec![]]);
    list(desk, &books().payments, &[vec![]]);
}

#[test]
fn every_correction_is_sent_once() {
    let desk = desk();
    nothing_listed(&desk);
    let events = many().iter().map(|payment| captured_event(payment, 1000)).collect();
    list(&desk, event_list(&books()), &[events]);
    assert_eq!(complete(&desk, false).healed, 101);
    let sent: Vec<_> = desk.queue.take().into_iter().map(|notice| notice.key).collect();
    let source = source_name("stripe-live");
    let key = |payment: &String| InboxKey::Event {
        source: source.clone(),
        event: crate::testing::event_id(&format!("evt_{payment}")),
    };
    assert_eq!(sent, many().iter().map(key).collect::<Vec<_>>());
}

#[test]
fn every_payment_that_only_the_ledger_has_is_asked_for_once() {
    let desk = desk();
    nothing_listed(&desk);
    for payment in many() {
        let row = captured_row("stripe-live", &payment, 1000, 10);
        let _ = now_or_never(desk.ledger.append(&row)).expect("the ledger answers");
    }
    assert_eq!(complete(&desk, false).open, [("missing_there".to_owned(), 101)].into());
    assert_eq!(asked_for(&desk), many());
}

#[test]
fn every_older_finding_is_looked_at_once() {
    let desk = desk();
    nothing_listed(&desk);
    for payment in many() {
        let finding = finding(FindingKind::MissingThere, &payment);
        let _ = now_or_never(desk.findings.raise(&finding)).expect("the findings answer");
    }
    complete(&desk, false);
    let mut asked = asked_for(&desk);
    asked.sort();
    assert_eq!(asked, many());
    assert!(
        desk.findings.cases().iter().all(|case| case.standing == Standing::Resolved),
        "nobody knows them"
    );
}

#[test]
fn a_run_that_notes_or_reads_too_much_is_one_fault_and_changes_nothing() {
    // A payment that only the provider has is a difference and a correction.
    let noted = FINDINGS_PER_RUN_MAX - 2;
    for (noted, pages, why) in [
        (noted, 0, None),
        (noted + 1, 0, Some("more than 10000 differences: that is one fault, not many")),
        (0, PAGES_PER_LIST_MAX - 1, None),
        (0, PAGES_PER_LIST_MAX, Some("/v1/payment_intents: more than 10000 pages: use a report file")),
    ] {
        let desk = desk();
        list(&desk, &books().payments, &[vec![intent("pi_1", "succeeded", 1000, 0)]]);
        left(&desk, |run| (run.phase, run.noted, run.pages) = (Phase::Payments, noted, pages));
        let data = finished(run(&desk, false));
        assert_eq!(data.healed, u32::from(why.is_none()), "{noted} noted, {pages} pages");
        let window = Window { from: at(0), to: at(HOUR) };
        let run = now_or_never(desk.runs.find(&source_name("stripe-live"), window)).expect("they answer");
        assert_eq!(run.expect("a run").cause.as_deref(), why);
    }
}

/// The step ended between its notes and its checkpoint.
#[test]
fn a_page_that_was_noted_and_not_finished_is_weighed_again() {
    let desk = desk();
    list(&desk, &books().payments, &[vec![intent("pi_1", "succeeded", 1000, 0)]]);
    let run = left(&desk, |run| run.phase = Phase::Payments);
    let page = Evidence::Page { page: 0, payments: vec![payment_id("pi_1")] };
    now_or_never(desk.runs.note(&run, &[page])).expect("the runs answer");
    let data = complete(&desk, false);
    assert_eq!((data.totals[0].payments, data.healed), (1, 1));
}

/// One more page is read while the last item may have others of its instant behind it.
#[test]
fn a_list_with_the_newest_first_is_read_until_it_is_past_the_window() {
    for (seconds, is_past) in [(1, false), (0, false), (-1, true)] {
        let desk = desk();
        desk.sources.set(source_config("stripe-live", "mollie-classic"));
        let source = Source::try_from(source_config("stripe-live", "mollie-classic")).expect("a source");
        let listing = &source.dialect.reconcile.as_ref().expect("it has books").payments;
        let payment = |id: &str| {
            let amount = json!({ "value": "10.00", "currency": "EUR" });
            json!({ "id": id, "createdAt": at(seconds).to_string(), "status": "paid", "amount": amount })
        };
        let next = json!({ "next": { "href": "https://api.example.com/v2/payments?from=tr_2" } });
        for (cursor, id, links) in [(None, "tr_1", next), (Some("from=tr_2"), "tr_2", json!({}))] {
            let page = json!({ "_embedded": { "payments": [payment(id)] }, "_links": links });
            desk.api.answer(&source.name, &page_of(listing, cursor), page.to_string());
        }
        let data = complete(&desk, false);
        assert_eq!(desk.api.requests().len(), if is_past { 1 } else { 2 }, "{seconds} s");
        assert_eq!(data.healed, if is_past { 0 } else { 2 });
    }
}
