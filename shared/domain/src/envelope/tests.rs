//! From verified bytes to events: each stands or falls by itself.

use super::*;
use crate::dialect::Dialect;
use crate::limits::{ID_BYTES_MAX, JSON_DEPTH_MAX, KIND_BYTES_MAX};
use crate::sign::sign;
use crate::signature::{Delivery, SigningKeys, verify};
use crate::testing::{built_in, fixture, now, source};
use proptest::prelude::*;

const SECRET: &str = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

/// Signs a body, verifies it, and splits it: the way of every delivery.
fn delivered(dialect: &Dialect, mut headers: Vec<(String, String)>, body: &[u8]) -> Split {
    headers.extend(sign(&dialect.auth, SECRET, &headers, body, now()).expect("a key"));
    let headers = Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let keys = SigningKeys::new(&dialect.auth, SECRET, None).expect("a key");
    let verified = verify(
        &dialect.auth,
        &keys,
        Delivery { headers: &headers, body, path_token: None, source_ip: None },
        now(),
    );
    split(&source(dialect.clone(), Mode::Test), &verified.expect("an authentic delivery"))
}

fn partner(body: &[u8]) -> Split {
    delivered(&built_in("partner-hmac"), Vec::new(), body)
}

fn one(body: &str) -> Result<RawEvent, String> {
    let Split { mut events, unreadable } = partner(format!("{{\"events\":[{body}]}}").as_bytes());
    match (events.pop(), unreadable.as_slice()) {
        (Some(event), []) => Ok(event),
        (None, [item]) => Err(item.error.to_string()),
        other => panic!("one event or one error, not {other:?}"),
    }
}

#[test]
fn one_event_a_delivery_keeps_the_bytes() {
    let body = fixture("stripe/payment_intent.succeeded.json");
    let split = delivered(&built_in("stripe"), Vec::new(), &body);
    let [event] = split.events.as_slice() else { panic!("one event, not {split:?}") };
    assert_eq!(event.body.as_bytes(), body, "white space around the event included");
    assert_eq!(event.id.as_str(), "evt_000000000000000000000000");
    assert_eq!(event.kind.as_str(), "payment_intent.succeeded");
    assert_eq!(event.occurred_at.map(|at| at.to_string()).as_deref(), Some("2022-03-26T18:40:33Z"));
}

#[test]
fn events_of_a_batch_keep_their_own_bytes() {
    let split =
        partner(b"{ \"events\" : [ { \"id\" : \"e1\", \"type\":\"t\" } ,{\"type\":\"t\",\"id\":\"e2\"}]}\n");
    let bodies: Vec<_> = split.events.iter().map(|event| event.body.as_str()).collect();
    assert_eq!(bodies, ["{ \"id\" : \"e1\", \"type\":\"t\" }", "{\"type\":\"t\",\"id\":\"e2\"}"]);
}

#[test]
fn an_id_in_a_header_must_be_there_once() {
    let dialect = built_in("standard-webhooks");
    let body = br#"{"type":"payment.pending","timestamp":"2026-11-23T09:00:00Z","data":{"payment":"p1"}}"#;
    let id = |id: &str| vec![("webhook-id".to_owned(), id.to_owned())];
    let split = delivered(&dialect, id("msg_1"), body);
    assert_eq!(split.events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["msg_1"]);
    let split = delivered(&dialect, id("msg 1"), body);
    assert!(
        matches!(split.unreadable.as_slice(), [Unreadable { error: EnvelopeError::Id(_), .. }]),
        "{split:?}"
    );
    // A list's events are read without a delivery's headers.
    let json = Json::parse(body).expect("JSON");
    let doc = json.root();
    let found = event(&dialect, &Headers::default(), doc).map_err(|error| error.to_string());
    assert_eq!(found, Err("the event has no id: nothing stands at the header webhook-id".to_owned()));
    let headers = Headers::new([("webhook-id", "msg_1"), ("Webhook-Id", "msg_2")]);
    let found = event(&dialect, &headers, doc).map_err(|error| error.to_string());
    assert_eq!(found, Err("the header webhook-id came more than once".to_owned()));
}

#[test]
fn an_event_inside_a_delivery_leaves_its_envelope_behind() {
    let body = fixture("coinbase-commerce/ours/charge.failed.json");
    let split = delivered(&built_in("coinbase-commerce"), Vec::new(), &body);
    let [event] = split.events.as_slice() else { panic!("one event, not {split:?}") };
    assert!(!event.body.contains("attempt_number"), "places are the event's own: {}", event.body);
    assert_eq!(event.kind.as_str(), "charge:failed");
}

#[test]
fn what_is_no_event_says_why() {
    let long = |bytes: usize| "x".repeat(bytes);
    for (body, error) in [
        ("{}".to_owned(), "the event has no id: nothing stands at $.id".to_owned()),
        (r#"{"id":null,"type":"t"}"#.to_owned(), "the event has no id: nothing stands at $.id".to_owned()),
        (r#"{"id":{},"type":"t"}"#.to_owned(), "the event has no id: nothing stands at $.id".to_owned()),
        (r#"{"id":"","type":"t"}"#.to_owned(), "the event id is empty".to_owned()),
        (r#"{"id":"e1"}"#.to_owned(), "the event has no type: nothing stands at $.type".to_owned()),
        (
            format!(r#"{{"id":"{}","type":"t"}}"#, long(ID_BYTES_MAX + 1)),
            "the event id has 201 bytes, more than 200".to_owned(),
        ),
        (
            format!(r#"{{"id":"e1","type":"{}"}}"#, long(KIND_BYTES_MAX + 1)),
            "the event type has 121 bytes, more than 120".to_owned(),
        ),
        (
            r#"{"id":"e\u0000","type":"t"}"#.to_owned(),
            r"the event id holds '\0' at byte 1; printable ASCII without spaces and `#` is allowed"
                .to_owned(),
        ),
        (
            format!(
                r#"{{"id":"e1","type":"t","x":{}{}}}"#,
                "[".repeat(JSON_DEPTH_MAX + 1),
                "]".repeat(JSON_DEPTH_MAX + 1)
            ),
            "the body is nested deeper than 64 levels".to_owned(),
        ),
        (
            r#"{"id":"e1","type":"t","a":{"b":1,"b":1}}"#.to_owned(),
            r#"the object at $ names the key "b" twice"#.to_owned(),
        ),
    ] {
        assert_eq!(one(&body), Err(error), "{body}");
    }
    assert!(one(&format!(r#"{{"id":"{}","type":"{}"}}"#, long(ID_BYTES_MAX), long(KIND_BYTES_MAX))).is_ok());
    let deep = format!("{}{}", "[".repeat(JSON_DEPTH_MAX), "]".repeat(JSON_DEPTH_MAX));
    assert!(one(&format!(r#"{{"id":"e1","type":"t","x":{deep}}}"#)).is_ok());
    assert_eq!(
        one(r#"{"id":7,"type":true}"#).map(|e| (e.id.to_string(), e.kind.to_string())),
        Ok(("7".to_owned(), "true".to_owned()))
    );
}

#[test]
fn a_time_decides_nothing() {
    for (at, expected) in [
        ("\"2026-11-23T10:00:00+01:00\"", Some("2026-11-23T09:00:00Z")),
        ("\"2026-11-23T09:00:00.000000001Z\"", Some("2026-11-23T09:00:00.000000001Z")),
        ("\"2026-02-30T09:00:00Z\"", None),
        ("\"yesterday\"", None),
        ("1764000000", None),
        ("null", None),
        ("{}", None),
    ] {
        let event = one(&format!(r#"{{"id":"e1","type":"t","occurred_at":{at}}}"#)).expect("an event");
        assert_eq!(event.occurred_at.map(|at| at.to_string()).as_deref(), expected, "{at}");
    }
    let stripe = built_in("stripe");
    for (at, expected) in [
        ("0", Some("1970-01-01T00:00:00Z")),
        ("1764000000", Some("2025-11-24T16:00:00Z")),
        ("-1", Some("1969-12-31T23:59:59Z")),
        ("9223372036854775807", Some("9999-12-30T22:00:00.999999999Z")),
        ("1764000000.5", None),
        ("1e9", None),
    ] {
        let body = format!(r#"{{"id":"e1","type":"t","created":{at}}}"#);
        let event = event(&stripe, &Headers::default(), Json::parse(body.as_bytes()).expect("JSON").root());
        let time = event.expect("an event").occurred_at.map(|at| at.to_string());
        assert_eq!(time.as_deref(), expected, "{at}");
    }
}

#[test]
fn a_delivery_of_nothing_is_not_a_delivery_of_something_else() {
    assert_eq!(partner(b"{\"events\":[]}"), Split::default());
    for (body, error) in [
        (&b"{}"[..], "the event has no list of events: nothing stands at $.events"),
        (b"{\"event\":{\"id\":\"e1\"}}", "the event has no list of events: nothing stands at $.events"),
        (b"{\"events\":null}", "$.events[*] is null, not a list"),
        (b"[]", "the event has no list of events: nothing stands at $.events"),
        (b"{\"events\":{}}", "$.events[*] is an object, not a list"),
        (b"", "the body is not JSON: it ends too early at line 1, column 0"),
        (b"{\"events\":[}", "the body is not JSON: a syntax error at line 1, column 12"),
        (b"\xff", "the body is not JSON: not UTF-8 at line 1, column 1"),
        (b"\xef\xbb\xbf{}", "the body is not JSON: a syntax error at line 1, column 1"),
    ] {
        let split = partner(body);
        let [item] = split.unreadable.as_slice() else { panic!("{split:?}") };
        assert_eq!((item.error.to_string().as_str(), item.body.as_slice()), (error, body));
        assert!(split.events.is_empty());
    }
    let split = delivered(&built_in("stripe"), Vec::new(), b"null");
    let [item] = split.unreadable.as_slice() else { panic!("{split:?}") };
    assert_eq!(item.error.to_string(), "the event has no content: nothing stands at $");
}

fn batch(items: &[String]) -> Vec<u8> {
    format!("{{\"events\":[{}]}}", items.join(",")).into_bytes()
}

fn good(at: usize) -> String {
    format!(
        r#"{{"id":"e{at}","type":"payment.captured","payment":"p{at}","amount":"1.00","currency":"EUR"}}"#
    )
}

#[test]
fn at_most_250_events_a_delivery() {
    let items: Vec<_> = (0..=EVENTS_PER_DELIVERY_MAX).map(good).collect();
    assert_eq!(partner(&batch(&items[1..])).events.len(), EVENTS_PER_DELIVERY_MAX);
    let split = partner(&batch(&items));
    let [item] = split.unreadable.as_slice() else { panic!("one unreadable delivery") };
    assert_eq!(item.error.to_string(), "the delivery holds 251 events, more than 250");
    assert!(split.events.is_empty() && item.body == batch(&items), "kept whole");
}

const BAD: [&str; 9] = [
    "null",
    "7",
    "\"text\"",
    "[]",
    "{}",
    r#"{"id":"e#","type":"t"}"#,
    r#"{"id":"x","id":"x","type":"t"}"#,
    r#"{"id":"x","type":"t","a":{"b":1,"b":2}}"#,
    r#"{"id":"\ud800","type":"t"}"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_bad_item_among_250_never_loses_a_good_one(
        bad in prop::collection::btree_map(0..EVENTS_PER_DELIVERY_MAX, 0..BAD.len(), 0..20),
    ) {
        let items: Vec<_> = (0..EVENTS_PER_DELIVERY_MAX)
            .map(|at| bad.get(&at).map_or_else(|| good(at), |kind| BAD[*kind].to_owned()))
            .collect();
        let split = partner(&batch(&items));
        let found: Vec<_> = split.events.iter().map(|event| event.body.clone()).collect();
        let expected: Vec<_> =
            items.iter().enumerate().filter(|(at, _)| !bad.contains_key(at)).map(|(_, item)| item.clone()).collect();
        prop_assert_eq!(found, expected);
        let positions: Vec<_> = split.unreadable.iter().map(|item| item.at).collect();
        prop_assert_eq!(positions, bad.keys().copied().collect::<Vec<_>>());
    }
}

/// Adyen wraps each event: what stands in the list without one is told, and its neighbours are read.
#[test]
fn an_item_without_its_event_is_told_of() {
    let dialect = built_in("adyen");
    let example = Dialect::describe(Dialect::built_in_text("adyen").expect("it is there"))
        .expect("it can be read")
        .examples;
    let body = &example[0].body;
    let before = split_body(&dialect, &Headers::default(), body.as_bytes());
    for (other, why) in [
        ("5", "the event has no content: nothing stands at $.notificationItems[*].NotificationRequestItem"),
        ("{}", "the event has no content: nothing stands at $.notificationItems[*].NotificationRequestItem"),
        (r#"{"NotificationRequestItem":{},"NotificationRequestItem":{}}"#, "names the key"),
    ] {
        let at = body.find("[").expect("a list") + 1;
        let mixed = format!("{}{other},{}", &body[..at], &body[at..]);
        let after = split_body(&dialect, &Headers::default(), mixed.as_bytes());
        assert_eq!(after.events, before.events);
        let [unreadable] = after.unreadable.as_slice() else { panic!("{:?}", after.unreadable) };
        assert_eq!((unreadable.at, unreadable.body.as_slice()), (0, other.as_bytes()));
        assert!(unreadable.error.to_string().contains(why), "{}", unreadable.error);
    }
}

#[test]
fn what_cannot_be_read_is_kept_as_it_came() {
    let bodies = |dialect: &str, body: &str| {
        let split = split_body(&built_in(dialect), &Headers::new([]), body.as_bytes());
        split
            .unreadable
            .into_iter()
            .map(|item| String::from_utf8(item.body).expect("text"))
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies("partner-hmac", r#"{"events":[{"a": 1},{"b": 2}]}"#), [r#"{"a": 1}"#, r#"{"b": 2}"#]);
    // Of a form, the whole: its event is JSON that nobody sent.
    assert_eq!(bodies("mollie", "x=1&y=2"), ["x=1&y=2"]);
}
