mod asked_back;
mod drift;
mod failures;
mod traced;

use super::*;
use crate::memory::{
    MemoryApi, MemoryBus, MemoryClock, MemoryDrift, MemoryExpectations, MemoryFindings, MemoryInbox,
    MemoryLedger, MemorySources,
};
use crate::ports::Put;
use crate::testing::{
    Mishap, SOURCE, Script, Scripted, at, event_id, now_or_never, payment_id, source_config, source_name,
};
use countersign_domain::ids::Sha256Hex;
use countersign_domain::limits::PAYMENT_VERSIONS_MAX;
use std::collections::BTreeMap;

type ScriptedProcessor<L = Scripted<MemoryLedger>, C = MemoryClock> = Processor<
    Scripted<MemorySources>,
    Scripted<MemoryInbox>,
    L,
    Scripted<MemoryFindings>,
    Scripted<MemoryBus>,
    MemoryApi,
    C,
    Scripted<MemoryDrift>,
    MemoryExpectations,
>;

/// A processor on ports in memory, with a partner's source and a Stripe account in live mode.
struct Desk<L = Scripted<MemoryLedger>, C = MemoryClock> {
    processor: ScriptedProcessor<L, C>,
    script: Script,
}

impl Desk {
    fn new() -> Self {
        let script = Script::default();
        let ledger = Scripted::new(MemoryLedger::default(), &script);
        Self::with(ledger, MemoryClock::at(at(60)), script)
    }

    fn ledger_rows(&self) -> Vec<LedgerRow> {
        self.processor.ledger.inner.rows()
    }
}

impl<L: Ledger, C: Clock> Desk<L, C> {
    fn with(ledger: L, clock: C, script: Script) -> Self {
        let sources = MemorySources::default();
        sources.set(source_config(SOURCE, "partner-hmac"));
        sources.set(source_config("stripe-live", "stripe"));
        let processor = Processor {
            sources: Scripted::new(sources, &script),
            inbox: Scripted::new(MemoryInbox::default(), &script),
            ledger,
            findings: Scripted::new(MemoryFindings::default(), &script),
            bus: Scripted::new(MemoryBus::default(), &script),
            api: MemoryApi::default(),
            clock,
            drift: Scripted::new(MemoryDrift::default(), &script),
            expectations: MemoryExpectations::default(),
            source_cache: SourceCache::default(),
        };
        Self { processor, script }
    }

    /// Keeps a row, and gives the message about it.
    fn keep(&self, row: &InboxRow) -> Record {
        assert_eq!(now_or_never(self.processor.inbox.inner.put(row)).expect("a put"), Put::Written);
        record(&row.key)
    }

    /// Keeps a partner's event, and gives the message about it.
    fn event(&self, id: &str, kind: &str, fields: &str) -> Record {
        let body = format!(r#"{{"id":"{id}","type":"{kind}","payment":"p1"{fields}}}"#);
        self.keep(&row(SOURCE, id, kind, &body))
    }

    fn captured(&self, id: &str, amount: &str) -> Record {
        self.event(id, "payment.captured", &format!(r#","amount":"{amount}","currency":"EUR""#))
    }

    fn work(&self, records: &[Record]) -> Vec<Processed> {
        let processed = now_or_never(self.processor.batch(records.to_vec(), at(1_000_000)));
        let ids: Vec<_> = processed.iter().map(|one| one.trail.message_id.as_str()).collect();
        let expected: Vec<_> = records.iter().map(|record| record.message_id.as_str()).collect();
        assert_eq!(ids, expected, "each message is answered once, in order");
        processed
    }

    /// What becomes of one message, in a word.
    fn one(&self, record: &Record) -> String {
        let processed = self.work(std::slice::from_ref(record));
        words(&processed).remove(0)
    }

    fn findings(&self) -> Vec<(FindingKind, String)> {
        self.processor.findings.inner.all().into_iter().map(|f| (f.kind, f.reason)).collect()
    }

    fn published(&self) -> Vec<BusEvent> {
        self.processor.bus.inner.events()
    }
}

fn row(source: &str, id: &str, kind: &str, body: &str) -> InboxRow {
    InboxRow {
        key: InboxKey::Event { source: source_name(source), event: event_id(id) },
        origin: Origin::Delivery,
        kind: Some(kind.parse().expect("an event type")),
        meaning: Sha256Hex::of(&[body.as_bytes()]),
        body: body.as_bytes().to_vec(),
        headers: BTreeMap::new(),
        occurred_at: Some(at(0)),
        received_at: at(1),
        attempt: TraceId::of(&[id]),
        trace: TraceId::of(&[id]),
        reason: None,
    }
}

fn record(key: &InboxKey) -> Record {
    let notice = Notice { v: 1, key: key.clone(), trace: TraceId::of(&["delivery"]) };
    Record { message_id: format!("m-{key}"), body: serde_json::to_string(&notice).expect("JSON") }
}

/// Outcomes in a word each; what stays in the queue, with its reason.
fn words(processed: &[Processed]) -> Vec<String> {
    let word = |one: &Processed| match &one.outcome {
        Ok(Outcome::Parked(kind)) => format!("parked: {}", kind.as_str()),
        Ok(outcome) => outcome.name().to_owned(),
        Err(retry) => format!("retry: {retry}"),
    };
    processed.iter().map(word).collect()
}

fn detail(event: &BusEvent) -> serde_json::Value {
    serde_json::from_str(&event.detail).expect("JSON")
}

#[test]
fn an_event_is_committed_published_and_only_then_acknowledged() {
    let desk = Desk::new();
    let record = desk.captured("e1", "20.00");
    let processed = desk.work(std::slice::from_ref(&record));
    assert_eq!(words(&processed), ["applied"]);
    assert_eq!(
        desk.script.calls(),
        ["inbox.get", "sources.fetch", "ledger.view", "ledger.append", "bus.publish"]
    );
    let trail = &processed[0].trail;
    assert_eq!(trail.source, Some(source_name(SOURCE)));
    assert_eq!(trail.event, Some(event_id("e1")));
    assert_eq!(trail.kind.as_deref(), Some("payment.captured"));
    assert_eq!(trail.payment, Some(("p1".to_owned(), 1)));
    assert_eq!(trail.trace, Some(TraceId::of(&["delivery"])));
    assert_eq!(trail.lag_ms, Some(60_000));

    let [row] = desk.ledger_rows().try_into().expect("one row");
    assert_eq!((row.version, row.recorded_at), (1, at(60)));
    let [event] = desk.published().try_into().expect("one event");
    assert_eq!(event.detail_type, "payment.captured");
    let detail = detail(&event);
    assert_eq!(detail["subject"], "p1");
    assert_eq!(detail["data"]["version"], 1);
    assert_eq!(detail["data"]["amounts"]["captured"], 2000);
    assert_eq!(
        detail["traceparent"],
        TraceId::of(&["e1"]).traceparent(),
        "the trace of the delivery that was kept"
    );
}

#[test]
fn a_redelivery_publishes_the_same_bytes_again_and_changes_nothing() {
    let desk = Desk::new();
    let record = desk.captured("e1", "20.00");
    assert_eq!(desk.one(&record), "applied");
    // What came after it does not change what it said.
    assert_eq!(desk.one(&desk.captured("e2", "30.00")), "applied");
    desk.processor.clock.set(at(90_000));
    desk.script.calls();
    assert_eq!(desk.one(&record), "republished");
    assert_eq!(
        desk.script.calls(),
        ["inbox.get", "sources.fetch", "ledger.view", "bus.publish"],
        "nothing is written"
    );
    let published = desk.published();
    assert_eq!((published.len(), &published[0]), (3, &published[2]));
}

#[test]
fn what_says_nothing_new_is_recorded_and_not_published() {
    let desk = Desk::new();
    assert_eq!(desk.one(&desk.captured("e1", "20.00")), "applied");
    let known = desk.captured("e2", "20.00");
    for _ in 0..2 {
        assert_eq!(desk.one(&known), "unchanged");
        let changes: Vec<_> =
            desk.ledger_rows().iter().map(|row| (row.version, row.change.is_some())).collect();
        assert_eq!(changes, [(1, true), (2, false)]);
        assert_eq!(desk.published().len(), 1);
    }
}

#[test]
fn what_has_no_rule_is_acknowledged() {
    let desk = Desk::new();
    assert_eq!(desk.one(&desk.event("e1", "invoice.sent", "")), "unmapped");
    let both = (desk.ledger_rows(), desk.findings());
    assert_eq!(both, (Vec::new(), Vec::new()));
}

#[test]
fn what_cannot_be_applied_with_confidence_is_parked_with_its_reason() {
    let amount = |amount: &str, currency: &str| format!(r#","amount":{amount},"currency":"{currency}""#);
    let refund =
        |amount: &str| format!(r#","refund":"r1","state":"succeeded","amount":"{amount}","currency":"EUR""#);
    for (kind, fields, finding, reason) in [
        (
            "payment.captured",
            amount("\"20.00\"", "BTC"),
            FindingKind::Untranslatable,
            "$.currency: the currency \"BTC\" is not an ISO 4217 currency with minor units",
        ),
        (
            "payment.captured",
            amount("\"20.001\"", "EUR"),
            FindingKind::Untranslatable,
            "$.amount: the amount 20.001 has a fraction that EUR with 2 decimals cannot hold",
        ),
        (
            "payment.captured",
            amount("20.00", "EUR"),
            FindingKind::Untranslatable,
            "amount is missing: nothing usable stands at $.amount",
        ),
        (
            "payment.captured",
            amount("\"20.00\"", "USD"),
            FindingKind::Contradiction,
            "payment p1: USD where the payment is in EUR",
        ),
        (
            "refund.updated",
            refund("6.00"),
            FindingKind::Contradiction,
            "payment p1: refund r1 was 5.00 EUR and is now 6.00 EUR: an amount that cannot change has changed",
        ),
    ] {
        let desk = Desk::new();
        assert_eq!(desk.one(&desk.event("e1", "refund.updated", &refund("5.00"))), "applied");
        let record = desk.event("e2", kind, &fields);
        for _ in 0..2 {
            assert_eq!(desk.one(&record), format!("parked: {}", finding.as_str()), "{fields}");
            let [(kind, found)] = desk.findings().try_into().expect("one finding, however often it comes");
            assert!(kind == finding && found.starts_with(reason), "{fields}: {found}");
            assert_eq!((desk.ledger_rows().len(), desk.published().len()), (1, 1), "{fields}");
        }
        let found = desk.processor.findings.inner.all().remove(0);
        assert_eq!((found.subject, found.found_at), (Subject::Event(event_id("e2")), at(60)));
    }
}

#[test]
fn play_money_never_moves_a_payment() {
    let desk = Desk::new();
    let body = |live: bool| {
        format!(
            r#"{{"livemode":{live},"data":{{"object":{{"id":"pi_1","amount_received":1,"currency":"eur"}}}}}}"#
        )
    };
    let test = desk.keep(&row("stripe-live", "evt_test", "payment_intent.succeeded", &body(false)));
    let live = desk.keep(&row("stripe-live", "evt_live", "payment_intent.succeeded", &body(true)));
    assert_eq!(words(&desk.work(&[test, live])), ["parked: untranslatable", "applied"]);
}

#[test]
fn what_ingest_kept_apart_becomes_a_finding() {
    let desk = Desk::new();
    let digest = Sha256Hex::of(&[b"body"]);
    let key = InboxKey::Unreadable { source: source_name(SOURCE), digest: digest.clone() };
    let reason = Some("the event has no id: nothing stands at $.id".to_owned());
    let unreadable = desk.keep(&InboxRow { key, kind: None, reason, ..row(SOURCE, "e0", "x", "{}") });
    let key = InboxKey::Conflict { source: source_name(SOURCE), event: event_id("e1"), meaning: digest };
    let conflict = desk.keep(&InboxRow { key, ..row(SOURCE, "e1", "payment.captured", "{}") });
    for _ in 0..2 {
        let processed = desk.work(&[unreadable.clone(), conflict.clone()]);
        assert_eq!(words(&processed), ["parked: unreadable", "parked: conflicting"]);
    }
    let mut findings = desk.findings();
    findings.sort();
    let conflicting = "the same event id came with another meaning; the first one counts";
    assert_eq!(
        findings,
        [
            (FindingKind::Unreadable, "the event has no id: nothing stands at $.id".to_owned()),
            (FindingKind::Conflicting, conflicting.to_owned()),
        ]
    );
    assert_eq!(desk.ledger_rows(), []);
}

#[test]
fn a_correction_is_known_by_its_row_and_never_by_its_body() {
    let fact = r#"{"payment":"p1","fact":{"kind":"captured","amount":{"minor":2000,"currency":"EUR"}}}"#;
    for (origin, body, expected) in [
        (Origin::Correction, fact, "applied"),
        (Origin::Correction, "{}", "parked: untranslatable"),
        (Origin::Listed, fact, "unmapped"),
        (Origin::Delivery, fact, "unmapped"),
    ] {
        let desk = Desk::new();
        let record = desk.keep(&InboxRow { origin, ..row(SOURCE, "e1", "countersign.correction", body) });
        assert_eq!(desk.one(&record), expected, "{origin:?} {body}");
    }
}

#[test]
fn a_payment_has_a_last_version() {
    let desk = Desk::new();
    assert_eq!(desk.one(&desk.captured("e1", "1.00")), "applied");
    let [mut row] = desk.ledger_rows().try_into().expect("one row");
    row.version = PAYMENT_VERSIONS_MAX - 1;
    row.cause.event = event_id("earlier");
    let _ = now_or_never(desk.processor.ledger.inner.append(&row)).expect("an append");
    assert_eq!(desk.one(&desk.captured("e2", "2.00")), "applied", "the last one");
    let (late, last) = (
        desk.captured("e3", "3.00"),
        record(&InboxKey::Event { source: source_name(SOURCE), event: event_id("e2") }),
    );
    assert_eq!(desk.one(&late), "parked: contradiction");
    let reason = "payment p1: the payment already holds as many events as it may: see the limits";
    assert_eq!(desk.findings(), [(FindingKind::Contradiction, reason.to_owned())]);
    assert_eq!(desk.one(&last), "republished", "what is in stays in");
    let history = now_or_never(desk.processor.ledger.history(&source_name(SOURCE), &payment_id("p1")));
    assert_eq!(history.expect("a history").last().map(|row| row.version), Some(PAYMENT_VERSIONS_MAX));
}

#[test]
fn a_final_state_is_to_be_checked_where_the_policy_wants_it() {
    for (check_after_seconds, kind, amount, is_checked) in [
        (None, "payment_intent.succeeded", "amount_received", false),
        (Some(300), "payment_intent.succeeded", "amount_received", true),
        (Some(300), "payment_intent.created", "amount", false),
    ] {
        let desk = Desk::new();
        desk.processor.sources.inner.set(countersign_domain::source::SourceConfig {
            policy: countersign_domain::policy::Policy { check_after_seconds, ..Default::default() },
            ..source_config("stripe-live", "stripe")
        });
        let body = format!(
            r#"{{"livemode":true,"type":"{kind}","data":{{"object":{{"id":"pi_1","{amount}":2000,"currency":"eur"}}}}}}"#
        );
        let record = desk.keep(&row("stripe-live", "evt_1", kind, &body));
        assert_eq!(desk.one(&record), "applied", "{kind}");
        assert_eq!(desk.one(&record), "republished", "{kind}");
        let waiting = desk.processor.expectations.all();
        assert_eq!(
            waiting.len(),
            usize::from(is_checked),
            "{kind} with {check_after_seconds:?}: once, or not at all"
        );
        if let [check] = waiting.as_slice() {
            assert_eq!(check.due_at, at(60 + 300), "so long after the row was written");
            assert_eq!((check.amount.minor, check.payment.as_str()), (2_000, "pi_1"));
        }
    }
}
