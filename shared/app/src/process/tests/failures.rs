//! What goes wrong, with a message or around it.

use super::*;
use crate::ports::LedgerView;
use countersign_domain::fact::Fact;
use countersign_domain::ids::PaymentId;
use countersign_domain::source::{SourceConfig, SourceState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

#[test]
fn a_message_that_is_none_of_ours_stays_in_the_queue() {
    let desk = Desk::new();
    let good = desk.captured("e1", "20.00");
    let source = |name: &str| InboxKey::Event { source: source_name(name), event: event_id("e1") };
    let with_version = |v: u32| good.body.replacen("\"v\":1", &format!("\"v\":{v}"), 1);
    let disabled = SourceConfig { state: SourceState::Disabled, ..source_config("off", "partner-hmac") };
    desk.processor.sources.inner.set(disabled);
    for name in ["off", "gone"] {
        desk.keep(&InboxRow { key: source(name), ..row(SOURCE, "e1", "payment.captured", "{}") });
    }
    for (body, expected) in [
        (String::new(), "retry: the message is not a notice of version 1: it is no JSON, at line 1 column 0"),
        (
            "hello".to_owned(),
            "retry: the message is not a notice of version 1: it is no JSON, at line 1 column 1",
        ),
        // What somebody else put into it is not repeated.
        (
            r#"{"jo@private.example":1}"#.to_owned(),
            "retry: the message is not a notice of version 1: it says something else, at line 1 column 24",
        ),
        (
            r#"{"v":2,"of":"the next version"}"#.to_owned(),
            "retry: the message is not a notice of version 1: its version is 2",
        ),
        (with_version(0), "retry: the message is not a notice of version 1: its version is 0"),
        (with_version(2), "retry: the message is not a notice of version 1: its version is 2"),
        (
            good.body.replacen("\"v\":1", "\"v\":1,\"w\":1", 1),
            "retry: the message is not a notice of version 1: it says something else, at line 1 column 10",
        ),
        (
            good.body.replace("\"shop\"", "\"Shop\""),
            "retry: the message is not a notice of version 1: it says something else, at line 1 column",
        ),
        (good.body.replace("\"e1\"", "\"e2\""), "retry: the inbox has no row shop#e2"),
        (record(&source("off")).body, "retry: there is no enabled source off"),
        (record(&source("gone")).body, "retry: there is no enabled source gone"),
    ] {
        let record = Record { message_id: "m".to_owned(), body: body.clone() };
        let word = desk.one(&record);
        assert!(word.starts_with(expected), "{body}: {word}");
    }
    assert_eq!(desk.one(&good), "applied");
}

#[test]
fn what_failed_half_way_is_finished_by_the_next_delivery_of_the_message() {
    // The call that goes wrong, and what the next delivery comes to.
    for (call, mishap, then) in [
        ("inbox.get", Mishap::Refused, "applied"),
        ("inbox.get", Mishap::Panics, "applied"),
        ("sources.fetch", Mishap::Refused, "applied"),
        ("ledger.view", Mishap::Refused, "applied"),
        ("ledger.append", Mishap::Refused, "applied"),
        ("ledger.append", Mishap::Lost, "republished"),
        ("ledger.append", Mishap::Panics, "applied"),
        ("bus.publish", Mishap::Refused, "republished"),
        ("bus.publish", Mishap::Lost, "republished"),
        ("bus.publish", Mishap::Partial(vec![0]), "republished"),
    ] {
        let case = format!("{call} {mishap:?}");
        let desk = Desk::new();
        let record = desk.captured("e1", "20.00");
        desk.script.next(call, mishap);
        assert!(desk.one(&record).starts_with("retry: "), "{case}");
        assert_eq!(desk.one(&record), then, "{case}");
        assert_eq!(desk.ledger_rows().len(), 1, "{case}: applied once");
        let mut published = desk.published();
        published.dedup();
        assert_eq!(published.len(), 1, "{case}: always the same bytes");
    }
    for mishap in [Mishap::Refused, Mishap::Lost, Mishap::Panics] {
        let desk = Desk::new();
        let record = desk.event("e1", "payment.captured", "");
        desk.script.next("findings.raise", mishap);
        assert!(desk.one(&record).starts_with("retry: "));
        assert_eq!((desk.one(&record), desk.findings().len()), ("parked: untranslatable".to_owned(), 1));
    }
}

#[test]
fn one_bad_record_takes_no_other_with_it() {
    let failures = [
        ("inbox.get", Mishap::Refused, "retry: scripted: inbox.get failed"),
        ("inbox.get", Mishap::Panics, "retry: the code panicked on it"),
        ("ledger.append", Mishap::Panics, "retry: the code panicked on it"),
    ];
    for (call, mishap, expected) in failures {
        let desk = Desk::new();
        let records = [
            desk.captured("e1", "1.00"),
            Record { message_id: "poison".to_owned(), body: "poison".to_owned() },
            desk.event("e2", "payment.captured", ""),
            desk.captured("e3", "3.00"),
        ];
        desk.script.next(call, mishap);
        let words = words(&desk.work(&records));
        assert_eq!([&*words[0], &*words[2], &*words[3]], [expected, "parked: untranslatable", "applied"]);
        assert!(words[1].starts_with("retry: the message is not a notice"), "{}", words[1]);
        assert_eq!(desk.published().len(), 1, "what is committed is published");
    }
}

#[test]
fn events_are_published_in_tens_and_only_those_that_failed_stay() {
    let desk = Desk::new();
    let records: Vec<_> = (1..=25).map(|n| desk.captured(&format!("e{n}"), &format!("{n}.00"))).collect();
    // Of the first ten events two are not taken; the second call fails whole.
    desk.script.next("bus.publish", Mishap::Partial(vec![0, 9]));
    desk.script.next("bus.publish", Mishap::Refused);
    let first = words(&desk.work(&records));
    let publishes = desk.script.calls().iter().filter(|call| **call == "bus.publish").count();
    assert_eq!((publishes, desk.published().len()), (3, 13));
    let count = |words: &[String], word: &str| words.iter().filter(|found| *found == word).count();
    assert_eq!(count(&first, "applied"), 13);
    assert_eq!(count(&first, "retry: the bus did not take the event"), 2);
    assert_eq!(count(&first, "retry: scripted: bus.publish failed"), 10, "its reason is told of each");

    let left: Vec<_> = records.iter().zip(&first).filter(|(_, word)| word.starts_with("retry")).collect();
    let left: Vec<_> = left.into_iter().map(|(record, _)| record.clone()).collect();
    assert_eq!(count(&words(&desk.work(&left)), "republished"), 12);
    let ids: std::collections::BTreeSet<_> =
        desk.published().iter().map(|event| detail(event)["id"].to_string()).collect();
    assert_eq!((ids.len(), desk.published().len()), (25, 25), "each once");
    assert_eq!(desk.ledger_rows().last().map(|row| row.version), Some(25));
}

#[test]
fn why_a_whole_call_failed_is_told_of_every_message_that_it_was_made_for() {
    let desk = Desk::new();
    desk.processor.sources.inner.set(source_config("checkout", "checkout"));
    let body = r#"{"data":{"id":"dsp_1","payment_id":"pay_1","amount":2000,"currency":"EUR"}}"#;
    let records = [
        // Two facts, and so two events in one call.
        desk.keep(&row("checkout", "e1", "dispute_evidence_required", body)),
        desk.captured("e2", "1.00"),
        desk.captured("e3", "2.00"),
    ];
    desk.script.next("bus.publish", Mishap::Refused);
    for processed in desk.work(&records) {
        let Err(Retry::Port(error)) = processed.outcome else { panic!("{:?} stays", processed.trail) };
        assert_eq!(error.chain(), "scripted: bus.publish failed: refused", "{:?}", processed.trail);
    }
    assert_eq!(desk.ledger_rows().len(), 4, "both facts of the first one");
    assert_eq!(words(&desk.work(&records)), ["republished"; 3]);
    assert_eq!(desk.published().len(), 4);
}

/// A clock that moves on by a second with every look.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        at(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn nothing_is_begun_after_the_deadline_and_what_is_committed_is_published() {
    let script = Script::default();
    let ledger = Scripted::new(MemoryLedger::default(), &script);
    let desk = Desk::with(ledger, Ticking(AtomicI64::new(0)), script);
    let records: Vec<_> = (1..=25).map(|n| desk.captured(&format!("e{n}"), &format!("{n}.00"))).collect();
    let words = words(&now_or_never(desk.processor.batch(records.clone(), at(30))));
    let applied = words.iter().filter(|word| *word == "applied").count();
    let left = words.iter().filter(|word| *word == "retry: too little time was left").count();
    assert!(applied > 0 && left > 0 && applied + left == 25, "{words:?}");
    assert_eq!((desk.processor.ledger.inner.rows().len(), desk.published().len()), (applied, applied));
    desk.script.calls();
    let words = self::words(&now_or_never(desk.processor.batch(records, at(0))));
    assert!(words.iter().all(|word| word == "retry: too little time was left"), "{words:?}");
    assert!(desk.script.calls().is_empty(), "a batch that comes too late calls nothing");
}

/// A ledger in which, so many times, another event is a moment faster.
struct Contested {
    inner: MemoryLedger,
    rivals: Mutex<u32>,
}

impl Ledger for Contested {
    async fn view(&self, source: &SourceName, payment: &PaymentId, event: &EventId) -> Port<LedgerView> {
        self.inner.view(source, payment, event).await
    }

    async fn history(&self, source: &SourceName, payment: &PaymentId) -> Port<Vec<LedgerRow>> {
        self.inner.history(source, payment).await
    }

    async fn append(&self, row: &LedgerRow) -> Port<Append> {
        let is_rival_first = {
            let mut rivals = self.rivals.lock().expect("a lock");
            let is_first = *rivals > 0;
            *rivals = rivals.saturating_sub(1);
            is_first
        };
        if is_rival_first {
            let mut rival = row.clone();
            rival.cause.event = event_id(&format!("rival-{}", row.version));
            rival.fact = Fact::Pending;
            assert_eq!(self.inner.append(&rival).await?, Append::Appended);
        }
        self.inner.append(row).await
    }

    async fn opened_on(&self, source: &SourceName, date: &str) -> Port<Vec<PaymentId>> {
        self.inner.opened_on(source, date).await
    }
}

#[test]
fn a_lost_race_is_decided_again_and_not_for_ever() {
    for (rivals, expected) in [
        (0, "applied"),
        (1, "unchanged"),
        (COMMIT_ATTEMPTS_MAX - 1, "unchanged"),
        (COMMIT_ATTEMPTS_MAX, "retry: the payment was changed by others 8 times in a row"),
    ] {
        let ledger = Contested { inner: MemoryLedger::default(), rivals: Mutex::new(rivals) };
        let desk = Desk::with(ledger, MemoryClock::at(at(60)), Script::default());
        let record = desk.captured("e1", "20.00");
        // The rivals' rows say the same, so the loser has nothing new to say.
        assert_eq!(desk.one(&record), expected, "{rivals} rivals");
        let rows = desk.processor.ledger.inner.rows();
        let versions: Vec<_> = rows.iter().map(|row| row.version).collect();
        assert_eq!(
            versions,
            (1..=versions.len() as u64).collect::<Vec<_>>(),
            "no version is lost or written twice"
        );
    }
}
