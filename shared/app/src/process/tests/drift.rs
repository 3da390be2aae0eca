//! What a live source says that its dialect has no word for is counted and never lost.

use super::*;
use crate::ports::Drifted;

fn drifted(desk: &Desk) -> Vec<(String, String, u64)> {
    let known = now_or_never(desk.processor.drift.inner.list(&source_name(SOURCE))).expect("the drift");
    let shown = known.into_iter().map(|Drifted { kind, unknown, example, events, .. }| {
        let word = match unknown {
            Unknown::Type => kind.to_string(),
            Unknown::State { at, value } => format!("{kind} {at} {value}"),
        };
        (word, example.to_string(), events)
    });
    shown.collect()
}

fn refund(desk: &Desk, id: &str, state: &str) -> Record {
    let fields = format!(r#","refund":"r1","state":"{state}","amount":"1.00","currency":"EUR""#);
    desk.event(id, "refund.updated", &fields)
}

fn news(processed: &[Processed]) -> Vec<bool> {
    processed.iter().map(|one| one.trail.is_news).collect()
}

#[test]
fn unknown_words_are_counted_once_a_batch_and_are_news_once() {
    let desk = Desk::new();
    let batch = [
        desk.event("e1", "invoice.sent", ""),
        desk.captured("e2", "20.00"),
        refund(&desk, "e3", "odd"),
        desk.event("e4", "invoice.sent", ""),
        refund(&desk, "e5", "odder"),
        refund(&desk, "e6", "odd"),
        desk.event("e7", "invoice.paid", ""),
    ];
    let processed = desk.work(&batch);
    let parked = "parked: untranslatable";
    assert_eq!(words(&processed), ["unmapped", "applied", parked, "unmapped", parked, parked, "unmapped"]);
    assert_eq!(news(&processed), [true, false, true, false, true, false, true]);
    let counts = desk.script.calls().into_iter().filter(|call| *call == "drift.saw").count();
    assert_eq!(counts, 4, "one for each word");
    let mut expected = vec![
        ("refund.updated $.state odd".to_owned(), "e3".to_owned(), 2),
        ("refund.updated $.state odder".to_owned(), "e5".to_owned(), 1),
        ("invoice.paid".to_owned(), "e7".to_owned(), 1),
        ("invoice.sent".to_owned(), "e1".to_owned(), 2),
    ];
    let sorted = |mut words: Vec<(String, String, u64)>| {
        words.sort();
        words
    };
    expected.sort();
    assert_eq!(sorted(drifted(&desk)), expected);
    let processed = desk.work(&[desk.event("e8", "invoice.sent", "")]);
    assert_eq!(news(&processed), [false]);
    assert!(
        drifted(&desk).contains(&("invoice.sent".to_owned(), "e1".to_owned(), 3)),
        "the first example stays"
    );
}

#[test]
fn what_is_understood_or_badly_written_is_no_drift() {
    let desk = Desk::new();
    desk.work(&[desk.captured("e1", "20.00"), desk.captured("e2", "much")]);
    assert_eq!(drifted(&desk), []);
    assert!(!desk.script.calls().contains(&"drift.saw"));
}

#[test]
fn what_was_not_counted_comes_back_and_takes_no_other_with_it() {
    for mishap in [Mishap::Refused, Mishap::Lost] {
        let desk = Desk::new();
        desk.processor.drift.script.next("drift.saw", mishap.clone());
        let batch = [
            desk.event("e1", "invoice.sent", ""),
            desk.captured("e2", "20.00"),
            desk.event("e3", "invoice.sent", ""),
        ];
        let [failed, applied, failed_too] =
            <[String; 3]>::try_from(words(&desk.work(&batch))).expect("three");
        assert!(failed.starts_with("retry: scripted: drift.saw failed"), "{failed}");
        assert_eq!((applied.as_str(), &failed_too), ("applied", &failed), "each has the reason");
        assert_eq!(words(&desk.work(&batch)), ["unmapped", "republished", "unmapped"]);
        let counted = drifted(&desk).remove(0).2;
        assert!(counted >= 2, "{mishap:?}: at least once each, {counted}");
    }
}
