//! What is asked, and where the answer goes.

use super::*;
use crate::dialect::Dialect;
use crate::source::Mode;
use crate::testing::source;

const THIN: &str = r#"
    name = "thin"
    title = "Thin notifications"
    auth = { algorithm = "token", token = { path = true } }
    [envelope]
    content = "form"
    events = "$"
    id = { path = "$.id" }
    type = { constant = "payment" }
    meaning = ["$"]
    [amounts]
    form = "decimal_string"
    currency = "$.fetched.amount.currency"
    [api]
    base_url = "https://api.example.com"
    [[fetch]]
    on = ["payment"]
    when = [{ path = "$.id", starts_with = "tr_" }]
    path = "/v2/payments/{$.id}"
    query = { embed = "refunds" }
    into = "fetched"
    required = true
    meaning = ["$.fetched.status"]
    [[facts]]
    on = ["payment"]
    when = [{ path = "$.fetched.status", is = "paid" }]
    fact = "captured"
    payment = "$.fetched.id"
    amount = "$.fetched.amount.value"
"#;

const WHOLE: &str = r#"
    name = "whole"
    title = "Asks for the event itself"
    extends = "partner-hmac"
    [envelope]
    events = "$"
    [api]
    base_url = "https://api.example.com"
    [[fetch]]
    on = ["*"]
    path = "/events/{$.id}"
    into = "event"
    required = false
    meaning = ["$"]
"#;

fn source_of(text: &str, asks_back: bool) -> Source {
    let mut source = source(Dialect::parse(text).expect("a dialect"), Mode::Test);
    source.asks_back = asks_back;
    source
}

fn kind(text: &str) -> EventKind {
    EventKind::new(text).expect("a type")
}

/// The path that is asked for, or nothing, or why not.
fn asked(source: &Source, event: &str, body: Body<'_>) -> Result<Option<String>, String> {
    let question = question(source, &kind(event), body).map_err(|error| error.to_string())?;
    Ok(question.map(|question| question.path))
}

#[test]
fn a_thin_event_is_asked_for_by_its_name() {
    let thin = source_of(THIN, false);
    let check = |body: &str, expected: Result<Option<&str>, &str>| {
        let found = asked(&thin, "payment", Body::Delivered(body.as_bytes()));
        assert_eq!(found, expected.map(|path| path.map(str::to_owned)).map_err(str::to_owned), "{body}");
    };
    check("id=tr_7UhSN1zuXS", Ok(Some("/v2/payments/tr_7UhSN1zuXS")));
    check("id=ord_1", Ok(None));
    // A name never becomes more of a URL than one segment.
    const NAMELESS: &str = "name to ask the provider for is missing: nothing usable stands at $.id (letters, digits, -, _, . and ~)";
    for name in ["tr_/../admin", "tr_%2e%2e", "tr_?a=b", "tr_#", "tr_ x", "tr_é"] {
        check(
            &form_urlencoded::Serializer::new(String::new()).append_pair("id", name).finish(),
            Err(NAMELESS),
        );
    }
}

#[test]
fn only_types_with_a_rule_are_asked_for_and_only_when_asked_to() {
    let body = br#"{"id":"e1","type":"payment.captured"}"#;
    for (asks_back, event, expected) in [
        (true, "payment.captured", Some("/events/e1".to_owned())),
        (true, "invoice.sent", None),
        (false, "payment.captured", None),
    ] {
        assert_eq!(
            asked(&source_of(WHOLE, asks_back), event, Body::Delivered(body)),
            Ok(expected),
            "{event}"
        );
    }
}

#[test]
fn an_event_is_asked_for_where_the_fetch_names_its_type() {
    let refund = "[[facts]]\non = [\"refund\"]\nfact = \"pending\"\npayment = \"$.id\"\n";
    let thin = source_of(&format!("{THIN}{refund}"), false);
    let of = |event| asked(&thin, event, Body::Delivered(b"id=tr_1"));
    assert_eq!(of("payment"), Ok(Some("/v2/payments/tr_1".to_owned())));
    assert_eq!(of("refund"), Ok(None));
}

fn answered(source: &Source, event: &str, delivered: &str, answer: &str) -> Result<Fetched, String> {
    let body = Body::Delivered(delivered.as_bytes());
    let question = question(source, &kind(event), body).expect("a name").expect("a question");
    let id = EventId::new("tr_1").expect("an id");
    question.answered(source, &id, body, answer.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn the_answer_stands_beside_what_was_delivered() {
    let thin = source_of(THIN, false);
    let paid =
        answered(&thin, "payment", "id=tr_1&x=2", r#"{"status": "paid", "id": "tr_1"}"#).expect("an event");
    assert_eq!(
        String::from_utf8(paid.body).expect("text"),
        r#"{"fetched":{"status": "paid", "id": "tr_1"},"id":"tr_1","x":"2"}"#
    );
    // The same meaning is the same event; another is another.
    let again = answered(&thin, "payment", "id=tr_1&x=2", r#"{"id":"tr_1","status":"paid","seen":9}"#)
        .expect("an event");
    let open = answered(&thin, "payment", "id=tr_1&x=2", r#"{"status":"open"}"#).expect("an event");
    assert_eq!(again.id, paid.id);
    assert_ne!(open.id, paid.id);
    assert!(paid.id.as_str().starts_with("tr_1~"), "{}", paid.id);
    assert!(
        answered(&thin, "payment", "id=tr_1", "<html>")
            .is_err_and(|why| why.starts_with("the body is not JSON"))
    );
}

/// A delivery that brings an answer of its own names the member twice, and is refused where it is read.
#[test]
fn a_delivery_cannot_bring_its_own_answer() {
    let thin = source_of(THIN, false);
    let forged = answered(&thin, "payment", "id=tr_1&fetched=paid", r#"{"status":"open"}"#);
    assert_eq!(
        forged,
        Err("the object at $.fetched.status (step 0) names the key \"fetched\" twice".to_owned())
    );
}

#[test]
fn an_answer_that_is_another_event_is_refused() {
    let whole = source_of(WHOLE, true);
    let delivered = r#"{"id":"e1","type":"payment.captured","amount":"1.00"}"#;
    let fetched = answered(
        &whole,
        "payment.captured",
        delivered,
        r#"{"id":"e1","type":"payment.captured","amount":"2.00"}"#,
    );
    assert!(
        fetched.is_ok_and(|fetched| fetched.body.ends_with(b"\"2.00\"}")),
        "the provider's own word counts"
    );
    for (answer, expected) in [
        (r#"{"id":"e2","type":"payment.captured"}"#, "id \"e1\" and answered with \"e2\""),
        (
            r#"{"id":"e1","type":"payment.failed"}"#,
            "type \"payment.captured\" and answered with \"payment.failed\"",
        ),
    ] {
        let expected = format!("the provider's API was asked for the {expected}");
        assert_eq!(answered(&whole, "payment.captured", delivered, answer), Err(expected));
    }
    let empty = answered(&whole, "payment.captured", delivered, "{}");
    assert_eq!(empty, Err("the provider's API: the event has no id: nothing stands at $.id".to_owned()));
}
