mod paypal;
mod told;
mod ways_in;

use super::*;
use crate::memory::{MemoryCertificates, MemoryInbox, MemoryQueue, MemorySecrets, MemorySources};
use crate::ports::SecretPair;
use crate::testing::{
    Mishap, OTHER_SECRET, SECRET, SOURCE, Script, Scripted, at, event_id, now_or_never, signed,
    source_config, source_name,
};
use countersign_domain::limits::{EVENTS_PER_DELIVERY_MAX, HEADER_BYTES_MAX, ID_BYTES_MAX};
use countersign_domain::source::{DialectRef, SourceConfig, SourceState};

const DIALECT: &str = "partner-hmac";

type ScriptedIngest = Ingest<
    Scripted<MemorySources>,
    Scripted<MemorySecrets>,
    MemoryCertificates,
    Scripted<MemoryInbox>,
    Scripted<MemoryQueue>,
>;

/// An ingest on ports in memory, with one source of a partner that sends lists of events.
struct Gate {
    ingest: ScriptedIngest,
    script: Script,
    requests: u64,
}

impl Gate {
    fn new() -> Self {
        let script = Script::default();
        let ingest = Ingest::new(
            Scripted::new(MemorySources::default(), &script),
            Scripted::new(MemorySecrets::default(), &script),
            MemoryCertificates::default(),
            Scripted::new(MemoryInbox::default(), &script),
            Scripted::new(MemoryQueue::default(), &script),
        );
        let gate = Self { ingest, script, requests: 0 };
        gate.add(source_config(SOURCE, DIALECT), SECRET, None);
        gate
    }

    fn add(&self, config: SourceConfig, current: &str, previous: Option<&str>) {
        let pair = SecretPair {
            current: current.to_owned(),
            previous: previous.map(str::to_owned),
            ..SecretPair::default()
        };
        self.ingest.secrets.inner.set(config.name.clone(), pair);
        self.ingest.sources.inner.set(config);
    }

    /// What becomes of a request that comes in at second 0. Each is another attempt.
    fn accept(&mut self, request: &Request) -> Result<Accepted, Rejected> {
        self.requests += 1;
        let attempt = TraceId::of(&[&self.requests.to_string()]);
        let arrival = Arrival { now: at(0), attempt: attempt.clone(), trace: attempt };
        now_or_never(self.ingest.accept(request, &arrival))
    }

    fn rows(&self) -> Vec<InboxRow> {
        self.ingest.inbox.inner.rows()
    }

    /// The names of the rows that messages were sent about since the last look.
    fn sent(&self) -> Vec<String> {
        self.ingest.queue.inner.take().iter().map(|notice| notice.key.to_string()).collect()
    }

    /// Checks that a refusal left nothing behind.
    #[track_caller]
    fn assert_untouched(&self, case: &str) {
        assert_eq!((self.rows(), self.sent()), (Vec::new(), Vec::new()), "{case}: nothing is kept");
    }
}

fn pairs(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn post(headers: &[(String, String)], body: &[u8]) -> Request {
    Request {
        method: "POST".to_owned(),
        source: SOURCE.to_owned(),
        path_token: None,
        source_ip: None,
        query: String::new(),
        headers: Headers::new(pairs(headers)),
        body: body.to_vec(),
    }
}

/// A request that the partner signed with a secret at a second.
fn signed_by(secret: &str, seconds: i64, body: &[u8]) -> Request {
    post(&signed(DIALECT, secret, body, at(seconds)), body)
}

fn good(body: &[u8]) -> Request {
    signed_by(SECRET, 0, body)
}

fn captured(id: &str, amount: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"payment.captured","occurred_at":"2025-11-24T16:00:00Z","payment":"p1","amount":"{amount}","currency":"EUR"}}"#
    )
}

fn list(items: &[String]) -> Vec<u8> {
    format!(r#"{{"events":[{}]}}"#, items.join(",")).into_bytes()
}

fn one(id: &str) -> Vec<u8> {
    list(&[captured(id, "20.00")])
}

/// A status, and the words for log and metrics.
fn answer(result: Result<Accepted, Rejected>) -> (u16, &'static str) {
    result.map_or_else(|rejected| (rejected.status(), rejected.reason()), |_| (200, "accepted"))
}

#[test]
fn an_event_is_verified_kept_and_handed_over_in_this_order() {
    let mut gate = Gate::new();
    let event = captured("e1", "20.00");
    let request = good(&list(std::slice::from_ref(&event)));
    let accepted = gate.accept(&request).expect("accepted");
    assert_eq!(accepted, Accepted { received: 1, ..Accepted::default() });
    assert_eq!(gate.script.calls(), ["sources.fetch", "secrets.fetch", "inbox.put", "queue.send"]);
    let header = |name: &str| {
        let value = request.headers.one(name).expect("one").expect("is there");
        (name.to_owned(), value.to_owned())
    };
    let attempt = TraceId::of(&["1"]);
    let [row] = gate.rows().try_into().expect("one row");
    let expected = InboxRow {
        key: InboxKey::Event { source: source_name(SOURCE), event: event_id("e1") },
        origin: Origin::Delivery,
        kind: Some("payment.captured".parse().expect("a type")),
        meaning: row.meaning.clone(),
        body: event.into_bytes(),
        headers: BTreeMap::from([header("x-signature"), header("x-timestamp")]),
        occurred_at: Some(at(0)),
        received_at: at(0),
        attempt: attempt.clone(),
        trace: attempt.clone(),
        reason: None,
    };
    assert_eq!(row, expected);
    let [notice] = gate.ingest.queue.inner.take().try_into().expect("one message");
    assert_eq!(notice, Notice { v: 1, key: row.key, trace: attempt });

    assert!(gate.accept(&good(&one("e2"))).is_ok());
    assert_eq!(gate.script.calls(), ["inbox.put", "queue.send"], "sources and secrets are remembered");
}

#[test]
fn what_is_no_request_for_a_source_is_refused_before_its_secret_is_read() {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let content_type = |value: &str| header("Content-Type", value);
    let twice = [content_type("application/json"), content_type("application/json")].concat();
    for (case, method, headers, expected) in [
        ("GET", "GET", vec![], (405, "method")),
        ("a method in lower case", "post", vec![], (405, "method")),
        ("a form", "POST", content_type("application/x-www-form-urlencoded"), (415, "content_type")),
        ("text", "POST", content_type("text/plain"), (415, "content_type")),
        ("two content types", "POST", twice, (415, "content_type")),
        ("gzip", "POST", header("Content-Encoding", "gzip"), (415, "content_type")),
        ("a long header", "POST", content_type(&"x".repeat(HEADER_BYTES_MAX + 1)), (415, "content_type")),
    ] {
        let mut gate = Gate::new();
        let body = one("e1");
        let headers = [headers, signed(DIALECT, SECRET, &body, at(0))].concat();
        let request = Request { method: method.to_owned(), ..post(&headers, &body) };
        assert_eq!(answer(gate.accept(&request)), expected, "{case}");
        assert_eq!(gate.script.calls(), ["sources.fetch"], "{case}");
        gate.assert_untouched(case);
    }
    for value in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"] {
        for encoding in [vec![], header("content-encoding", "Identity")] {
            let body = one("e1");
            let headers = [content_type(value), encoding, signed(DIALECT, SECRET, &body, at(0))].concat();
            assert_eq!(answer(Gate::new().accept(&post(&headers, &body))), (200, "accepted"), "{value}");
        }
    }
}

#[test]
fn what_is_not_authentic_is_refused_and_leaves_nothing() {
    let body = one("e1");
    let headers = signed(DIALECT, SECRET, &body, at(0));
    let lacks = |name: &str| {
        let kept = headers.iter().filter(|(header, _)| !header.eq_ignore_ascii_case(name)).cloned();
        post(&kept.collect::<Vec<_>>(), &body)
    };
    let doubled = [headers.clone(), headers.clone()].concat();
    let mut messages = Vec::new();
    for (case, request, reason) in [
        ("no headers", post(&[], &body), "missing"),
        ("no signature", lacks("x-signature"), "missing"),
        ("no time", lacks("x-timestamp"), "missing"),
        ("doubled", post(&doubled, &body), "doubled"),
        ("another secret", signed_by(OTHER_SECRET, 0, &body), "mismatch"),
        ("another body", post(&headers, &one("e2")), "mismatch"),
        ("300 s old is the oldest", signed_by(SECRET, -301, &body), "stale"),
        ("300 s ahead is the furthest", signed_by(SECRET, 301, &body), "future"),
    ] {
        let mut gate = Gate::new();
        let rejected = gate.accept(&request).expect_err(case);
        assert_eq!((rejected.status(), rejected.reason()), (401, "signature"), "{case}");
        messages.push(rejected.to_string());
        let Rejected::Unauthentic { error, .. } = rejected else { panic!("{case}: {rejected}") };
        assert_eq!(error.reason(), reason, "{case}");
        assert_eq!(gate.script.calls(), ["sources.fetch", "secrets.fetch"], "{case}");
        gate.assert_untouched(case);
    }
    messages.dedup();
    assert_eq!(messages, ["the delivery is not authentic"], "all of them look alike from outside");
    for seconds in [-300, 300] {
        assert_eq!(answer(Gate::new().accept(&signed_by(SECRET, seconds, &body))), (200, "accepted"));
    }
}

#[test]
fn an_endpoint_that_is_not_there_or_not_in_use_is_unknown() {
    let mut gate = Gate::new();
    gate.add(
        SourceConfig { state: SourceState::Disabled, ..source_config("disabled", DIALECT) },
        SECRET,
        None,
    );
    for name in ["absent", "disabled", "", "Shop", "shop#1", &"s".repeat(41)] {
        let request = Request { source: name.to_owned(), ..good(&one("e1")) };
        assert_eq!(answer(gate.accept(&request)), (404, "unknown_source"), "{name:?}");
        gate.assert_untouched(name);
    }
}

#[test]
fn a_dialect_may_ask_for_other_answers() {
    let mut gate = Gate::new();
    let own = "name = \"own\"\nextends = \"partner-hmac\"\n[answers]\nok_body = \"[accepted]\"\nunauthentic_status = 400";
    gate.add(
        SourceConfig { dialect: DialectRef::Own(own.to_owned()), ..source_config(SOURCE, DIALECT) },
        SECRET,
        None,
    );
    let accepted = gate.accept(&good(&one("e1"))).expect("accepted");
    assert_eq!(accepted.ok_body, "[accepted]");
    assert_eq!(answer(gate.accept(&signed_by(OTHER_SECRET, 0, &one("e1")))), (400, "signature"));
}

#[test]
fn signed_but_no_event_is_kept_and_handed_over_but_refused() {
    for (case, body) in [
        ("not JSON", b"hello".to_vec()),
        ("not UTF-8", vec![b'{', 0xff, b'}']),
        ("no list", b"{}".to_vec()),
        ("no id", br#"{"events":[{"type":"payment.captured"}]}"#.to_vec()),
        ("no type", br#"{"events":[{"id":"e1"}]}"#.to_vec()),
        ("a doubled key", br#"{"events":[{"id":"e1","id":"e2","type":"payment.captured"}]}"#.to_vec()),
        ("an id with a #", one("e#1")),
        ("an id over the limit", one(&"e".repeat(ID_BYTES_MAX + 1))),
        ("more events than a delivery may hold", many(EVENTS_PER_DELIVERY_MAX + 1)),
    ] {
        let mut gate = Gate::new();
        assert_eq!(answer(gate.accept(&good(&body))), (400, "unreadable"), "{case}");
        let [row] = gate.rows().try_into().expect("one row");
        assert!(matches!(row.key, InboxKey::Unreadable { .. }), "{case}: {}", row.key);
        assert!(row.reason.is_some() && row.kind.is_none(), "{case}");
        assert_eq!(gate.sent(), [row.key.to_string()], "{case}: a finding is on its way");
        // The provider comes again: it is the same row, and the same answer.
        assert_eq!(answer(gate.accept(&good(&body))), (400, "unreadable"), "{case}");
        assert_eq!((gate.rows().len(), gate.sent().len()), (1, 1), "{case}: handed over again");
    }
    let mut gate = Gate::new();
    assert_eq!(gate.accept(&good(&list(&[]))).expect("accepted"), Accepted::default(), "nothing is in it");
    gate.assert_untouched("an empty list");
}

/// A delivery of so many events.
fn many(events: usize) -> Vec<u8> {
    list(&(0..events).map(|n| captured(&format!("e{n}"), "1.00")).collect::<Vec<_>>())
}

#[test]
fn limits_are_reached_and_not_passed() {
    let mut gate = Gate::new();
    let mut body = one(&"e".repeat(ID_BYTES_MAX));
    body.resize(BODY_BYTES_MAX, b' ');
    assert_eq!(answer(gate.accept(&good(&body))), (200, "accepted"), "the longest id in the largest body");
    body.push(b' ');
    let rejected = gate.accept(&good(&body)).expect_err("too large");
    assert_eq!((rejected.status(), rejected.reason()), (413, "too_large"));
    assert_eq!(rejected.to_string(), "the body has 262145 bytes, more than 262144");

    let mut gate = Gate::new();
    let body = many(EVENTS_PER_DELIVERY_MAX);
    let accepted = gate.accept(&good(&body)).expect("as many events as a delivery may hold");
    assert_eq!((accepted.received, gate.rows().len()), (250, 250));
    let calls = gate.script.calls();
    let count = |name| calls.iter().filter(|call| **call == name).count();
    assert_eq!((count("inbox.put"), count("queue.send")), (250, 25), "one row each, ten messages a call");
    assert_eq!(gate.sent().len(), 250);
}

#[test]
fn a_bad_item_loses_no_good_one() {
    let mut gate = Gate::new();
    let items = [captured("e1", "1.00"), r#"{"id":"e2"}"#.to_owned(), captured("e3", "3.00")];
    let accepted = gate.accept(&good(&list(&items))).expect("accepted");
    assert_eq!(accepted, Accepted { received: 2, unreadable: 1, ..Accepted::default() });
    let sent = gate.sent();
    assert_eq!((sent.len(), &*sent[0], &*sent[1]), (3, "shop#e1", "shop#e3"));
    let bodies: Vec<_> =
        gate.rows().into_iter().map(|row| String::from_utf8(row.body).expect("text")).collect();
    assert!(items.iter().all(|item| bodies.contains(item)), "each item byte for byte: {bodies:?}");
    let again = gate.accept(&good(&list(&items))).expect("accepted");
    assert_eq!(again, Accepted { duplicates: 2, unreadable: 1, ..Accepted::default() });
}

#[test]
fn a_duplicate_is_handed_over_again() {
    let mut gate = Gate::new();
    for (seconds, expected) in [
        (0, Accepted { received: 1, ..Accepted::default() }),
        (5, Accepted { duplicates: 1, ..Accepted::default() }),
    ] {
        let accepted = gate.accept(&signed_by(SECRET, seconds, &one("e1"))).expect("accepted");
        assert_eq!(accepted, expected);
        assert_eq!(gate.sent(), ["shop#e1"]);
    }
    let [row] = gate.rows().try_into().expect("one row");
    assert_eq!(row.attempt, TraceId::of(&["1"]), "the first row stays");
    // Other spaces, another order of keys: the same meaning.
    let other_bytes = br#"{"events": [{"currency":"EUR","amount":"20.00","payment":"p1","occurred_at":"2025-11-24T16:00:00Z","type":"payment.captured","id":"e1"}]}"#;
    assert_eq!(gate.accept(&good(other_bytes)).expect("accepted").duplicates, 1);
}

#[test]
fn another_meaning_under_the_same_id_is_kept_beside_the_first() {
    let mut gate = Gate::new();
    assert_eq!(gate.accept(&good(&one("e1"))).expect("accepted").received, 1);
    assert_eq!(gate.sent(), ["shop#e1"]);
    let altered = list(&[captured("e1", "99.00")]);
    for _ in 0..2 {
        let accepted = gate.accept(&good(&altered)).expect("accepted");
        assert_eq!(accepted, Accepted { conflicts: 1, ..Accepted::default() });
        let rows = gate.rows();
        let [first, conflict] = rows.as_slice() else { panic!("two rows: {rows:?}") };
        assert_eq!(first.body, captured("e1", "20.00").into_bytes(), "the first row stays");
        assert_eq!(conflict.body, captured("e1", "99.00").into_bytes());
        assert_eq!(conflict.key.to_string(), format!("shop#e1#{}", conflict.meaning.short()));
        // The first may have been kept and never handed over.
        assert_eq!(gate.sent(), ["shop#e1".to_owned(), conflict.key.to_string()]);
    }
    let twice = list(&[captured("e2", "1.00"), captured("e2", "2.00"), captured("e2", "1.00")]);
    let accepted = gate.accept(&good(&twice)).expect("accepted");
    assert_eq!(
        accepted,
        Accepted { received: 2, conflicts: 1, ..Accepted::default() },
        "all in one delivery"
    );
}

#[test]
fn what_failed_half_way_is_healed_by_the_next_try() {
    let (new, known) =
        (Accepted { received: 2, ..Accepted::default() }, Accepted { duplicates: 2, ..Accepted::default() });
    let half = Accepted { received: 1, duplicates: 1, ..Accepted::default() };
    // The call that goes wrong, and what the next try then finds.
    for (call, mishap, expected) in [
        ("sources.fetch", Mishap::Refused, &new),
        ("secrets.fetch", Mishap::Refused, &new),
        ("secrets.fetch", Mishap::Lost, &new),
        ("inbox.put", Mishap::Refused, &new),
        ("inbox.put", Mishap::Lost, &half),
        ("queue.send", Mishap::Refused, &known),
        ("queue.send", Mishap::Lost, &known),
        ("queue.send", Mishap::Partial(vec![1]), &known),
        ("queue.send", Mishap::Partial(vec![0, 1]), &known),
    ] {
        let case = format!("{call} {mishap:?}");
        let mut gate = Gate::new();
        gate.script.next(call, mishap);
        let body = list(&[captured("e1", "1.00"), captured("e2", "2.00")]);
        assert_eq!(answer(gate.accept(&good(&body))), (503, "unavailable"), "{case}");
        drop(gate.sent());
        let accepted = gate.accept(&good(&body)).expect("the next try");
        assert_eq!(&accepted, expected, "{case}");
        assert_eq!(gate.sent(), ["shop#e1", "shop#e2"], "{case}: everything is handed over");
        assert_eq!(gate.rows().len(), 2, "{case}");
    }
}

#[test]
fn our_own_put_whose_answer_was_lost_is_no_duplicate() {
    let gate = Gate::new();
    let arrival = Arrival { now: at(0), attempt: TraceId::of(&["a"]), trace: TraceId::of(&["a"]) };
    for _ in 0..2 {
        let accepted = now_or_never(gate.ingest.accept(&good(&one("e1")), &arrival)).expect("accepted");
        assert_eq!(accepted, Accepted { received: 1, ..Accepted::default() });
    }
}

#[test]
fn during_a_rotation_both_secrets_work_and_after_it_one() {
    let mut gate = Gate::new();
    let now = |gate: &Gate, secret: &str, seconds: i64| {
        let arrival = Arrival { now: at(seconds), attempt: TraceId::of(&[]), trace: TraceId::of(&[]) };
        let result = now_or_never(gate.ingest.accept(&signed_by(secret, seconds, &one("e1")), &arrival));
        result.map(|accepted| accepted.by_previous_secret).map_err(|rejected| rejected.status())
    };
    assert_eq!(answer(gate.accept(&good(&one("e1")))), (200, "accepted"));
    gate.add(source_config(SOURCE, DIALECT), OTHER_SECRET, Some(SECRET));
    // The first failure after half a minute makes it look.
    for (seconds, secret, expected) in [
        (29, OTHER_SECRET, Err(401)),
        (30, OTHER_SECRET, Ok(false)),
        (31, SECRET, Ok(true)),
        (31, "a third secret", Err(401)),
    ] {
        assert_eq!(now(&gate, secret, seconds), expected, "{seconds} s");
    }
    gate.add(source_config(SOURCE, DIALECT), OTHER_SECRET, None);
    for (seconds, secret, expected) in
        [(329, SECRET, Ok(true)), (330, SECRET, Err(401)), (330, OTHER_SECRET, Ok(false))]
    {
        assert_eq!(now(&gate, secret, seconds), expected, "{seconds} s");
    }
}

#[test]
fn a_retired_secret_is_refused_by_name_however_often_it_comes() {
    let gate = Gate::new();
    let pair = SecretPair {
        current: OTHER_SECRET.to_owned(),
        previous: Some(SECRET.to_owned()),
        previous_until: Some(at(100)),
        ..SecretPair::default()
    };
    gate.ingest.secrets.inner.set(source_name(SOURCE), pair);
    // Exactly then, with the keys that were read long before; a second look at the store within half a minute is none.
    for (seconds, secret, expected) in [
        (99, SECRET, Ok(true)),
        (100, SECRET, Err("retired")),
        (101, SECRET, Err("retired")),
        (101, "a third secret", Err("mismatch")),
        (101, OTHER_SECRET, Ok(false)),
    ] {
        let arrival = Arrival { now: at(seconds), attempt: TraceId::of(&[]), trace: TraceId::of(&[]) };
        let result = now_or_never(gate.ingest.accept(&signed_by(secret, seconds, &one("e1")), &arrival));
        let found = match &result {
            Ok(accepted) => Ok(accepted.by_previous_secret),
            Err(Rejected::Unauthentic { error, .. }) => Err(error.reason()),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "{seconds} s");
    }
}

#[test]
fn forged_deliveries_do_not_drive_the_secret_store() {
    let gate = Gate::new();
    let mut calls = 0;
    for seconds in 0..300 {
        let arrival = Arrival { now: at(seconds), attempt: TraceId::of(&[]), trace: TraceId::of(&[]) };
        let forged = signed_by(OTHER_SECRET, seconds, &one("e1"));
        let rejected = now_or_never(gate.ingest.accept(&forged, &arrival)).expect_err("forged");
        assert_eq!(rejected.status(), 401);
        calls += gate.script.calls().iter().filter(|call| **call == "secrets.fetch").count();
    }
    assert_eq!(calls, 10, "once in thirty seconds, however often it is tried");
}

#[test]
fn a_warm_ingest_calls_nothing_for_its_first_delivery_but_its_stores() {
    let mut gate = Gate::new();
    now_or_never(gate.ingest.warm(at(0)));
    assert_eq!(gate.script.calls(), ["sources.list", "secrets.fetch"]);
    assert_eq!(answer(gate.accept(&good(&one("e1")))), (200, "accepted"));
    assert_eq!(gate.script.calls(), ["inbox.put", "queue.send"]);
    // What cannot be read ahead is left to the delivery that needs it.
    for call in ["sources.list", "secrets.fetch"] {
        let mut gate = Gate::new();
        gate.script.next(call, Mishap::Refused);
        now_or_never(gate.ingest.warm(at(0)));
        assert_eq!(answer(gate.accept(&good(&one("e1")))), (200, "accepted"), "{call}");
    }
}
