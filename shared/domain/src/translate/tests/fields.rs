//! A field is used as it stands or not at all: never a guess, never a default.

use super::*;
use crate::testing::{built_in, money, source};

/// What an event of a small dialect of ours comes to.
fn translated(rule: &str, mode: Mode, kind: &str, body: &str) -> Result<Translation, TranslateError> {
    let text = format!(
        r#"
        name = "test"
        title = "A test"
        extends = "stripe"
        [[facts]]
        on = ["x"]
        {rule}
        "#
    );
    let dialect = Dialect::parse(&text).expect("a dialect");
    translate(
        &source(dialect, mode),
        &EventKind::new(kind).expect("a type"),
        Body::Delivered(body.as_bytes()),
    )
}

fn test_mode(rule: &str, body: &str) -> Result<Translation, TranslateError> {
    translated(rule, Mode::Test, "x", body)
}

fn fact(payment: &str, fact: Fact) -> Result<Translation, String> {
    let payment = PaymentId::new(payment).expect("a payment");
    Ok(Translation::Facts(vec![PaymentFact { payment, fact }]))
}

#[track_caller]
fn check(rule: &str, body: &str, expected: Result<Translation, String>) {
    assert_eq!(test_mode(rule, body).map_err(|e| e.to_string()), expected, "{body}");
}

#[track_caller]
fn check_error(rule: &str, body: &str, expected: &str) {
    check(rule, body, Err(expected.to_owned()));
}

const PENDING: &str = "fact = \"pending\"\npayment = [\"$.intent\", \"$.charge\"]";

#[test]
fn the_first_place_that_holds_something_names_the_payment() {
    let pending = |payment| fact(payment, Fact::Pending);
    check(PENDING, r#"{"livemode":false,"intent":"pi_1","charge":"ch_1"}"#, pending("pi_1"));
    check(PENDING, r#"{"livemode":false,"intent":null,"charge":"ch_1"}"#, pending("ch_1"));
    check(PENDING, r#"{"livemode":false,"charge":7}"#, pending("7"));
    // An expanded object is no reference: the next place is tried.
    check(PENDING, r#"{"livemode":false,"intent":{"id":"pi_1"},"charge":"ch_1"}"#, pending("ch_1"));
    let nothing = "payment is missing: nothing usable stands at $.intent or $.charge";
    check_error(PENDING, r#"{"livemode":false}"#, nothing);
    check_error(PENDING, r#"{"livemode":false,"intent":{},"charge":["ch_1"]}"#, nothing);
    // One that holds something unusable is not passed over for another: that would be a guess.
    check_error(
        PENDING,
        r#"{"livemode":false,"intent":"","charge":"ch_1"}"#,
        "payment: the payment reference is empty",
    );
    check_error(
        PENDING,
        r#"{"livemode":false,"intent":"pi 1","charge":"ch_1"}"#,
        "payment: the payment reference holds ' ' at byte 2; printable ASCII without spaces and `#` is allowed",
    );
    check_error(
        PENDING,
        r#"{"livemode":false,"intent":"pi_1","intent":"pi_2"}"#,
        "the object at $.intent (step 0) names the key \"intent\" twice",
    );
}

#[test]
fn the_mode_must_be_the_sources() {
    let body = |live: &str| format!(r#"{{{live}"intent":"pi_1"}}"#);
    let of = |mode, live: &str| translated(PENDING, mode, "x", &body(live)).map_err(|e| e.to_string());
    let pending = fact("pi_1", Fact::Pending);
    assert_eq!(of(Mode::Live, "\"livemode\":true,"), pending);
    assert_eq!(of(Mode::Test, "\"livemode\":false,"), pending);
    let differs = |live: &str, mode: &str| {
        Err(format!(
            "the event says livemode = {live}, but the source is for {mode} mode: check which endpoint it is sent to"
        ))
    };
    assert_eq!(of(Mode::Live, "\"livemode\":false,"), differs("false", "live"));
    assert_eq!(of(Mode::Test, "\"livemode\":true,"), differs("true", "test"));
    assert_eq!(of(Mode::Live, "\"livemode\":1,"), differs("1", "live"));
    let missing = "livemode is missing: nothing usable stands at $.livemode";
    assert_eq!(of(Mode::Live, ""), Err(missing.to_owned()));
    // What no rule fits is not looked at.
    let unknown = translated(PENDING, Mode::Live, "y", "no JSON");
    assert_eq!(unknown, Ok(Translation::Unmapped));
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rule = r#"
        when = [{ path = "$.status", is = ["gone", "lost"] }, { path = "$.final", is = "true" }]
        fact = "canceled"
        payment = "$.id"
        [[facts]]
        on = ["x"]
        when = [{ path = "$.status", is = "gone" }]
        fact = "pending"
        payment = "$.id"
    "#;
    let of = |more: &str| {
        test_mode(rule, &format!(r#"{{"livemode":false,"id":"p1"{more}}}"#)).map_err(|e| e.to_string())
    };
    assert_eq!(of(r#","status":"gone","final":true"#), fact("p1", Fact::Canceled));
    assert_eq!(of(r#","status":"lost","final":"true""#), fact("p1", Fact::Canceled));
    assert_eq!(of(r#","status":"gone","final":false"#), fact("p1", Fact::Pending));
    assert_eq!(of(r#","status":"gone""#), fact("p1", Fact::Pending));
    assert_eq!(of(r#","status":"lost""#), Ok(Translation::Unmapped));
    assert_eq!(of(""), Ok(Translation::Unmapped));
    assert_eq!(
        of(r#","status":"gone","status":"lost""#),
        Err("the object at $.status (step 0) names the key \"status\" twice".to_owned())
    );
}

#[test]
fn a_value_that_is_none_of_these_must_be_there() {
    let rule = r#"
        when = [{ path = "$.taken", is_not = ["0", "0.00"] }]
        fact = "pending"
        payment = "$.id"
    "#;
    let of = |more: &str| {
        test_mode(rule, &format!(r#"{{"livemode":false,"id":"p1"{more}}}"#)).map_err(|e| e.to_string())
    };
    assert_eq!(of(r#","taken":"0.50""#), fact("p1", Fact::Pending));
    assert_eq!(of(r#","taken":5"#), fact("p1", Fact::Pending));
    for nothing in [r#","taken":"0.00""#, r#","taken":0"#, r#","taken":null"#, r#","taken":{}"#, ""] {
        assert_eq!(of(nothing), Ok(Translation::Unmapped), "{nothing}");
    }
}

#[test]
fn an_items_name_may_have_parts() {
    let rule = "fact = \"failed\"\npayment = \"$.id\"\nid = { compose = [[\"$.attempt\", \"$.id\"], \"$['event.code']\"] }";
    let failed = |attempt| fact("p1", Fact::Failed { attempt: crate::testing::item(attempt) });
    let event = |attempt: &str| format!(r#"{{"livemode":false,"id":"p1",{attempt}"event.code":"SECOND"}}"#);
    check(rule, &event(r#""attempt":"a1","#), failed("a1:SECOND"));
    check(rule, &event(""), failed("p1:SECOND"));
    let missing = "attempt is missing: nothing usable stands at $['event.code']";
    check_error(rule, r#"{"livemode":false,"id":"p1","event":{"code":"SECOND"}}"#, missing);
}

const CAPTURED: &str =
    "fact = \"captured\"\npayment = \"$.id\"\namount = \"$.amount\"\ncurrency = \"$.currency\"";

#[test]
fn amounts_are_never_repaired() {
    let body = |amount: &str| format!(r#"{{"livemode":false,"id":"p1","currency":"eur","amount":{amount}}}"#);
    check(CAPTURED, &body("2000"), fact("p1", Fact::Captured { amount: money(2000, "EUR") }));
    check(CAPTURED, &body("0"), fact("p1", Fact::Captured { amount: money(0, "EUR") }));
    let missing = "amount is missing: nothing usable stands at $.amount";
    check_error(CAPTURED, &body("null"), missing);
    for (amount, kind) in
        [("\"2000\"", "a string"), ("true", "a boolean"), ("{}", "an object"), ("[2000]", "a list")]
    {
        check_error(CAPTURED, &body(amount), &format!("{missing}, which is {kind} and not a number"));
    }
    for amount in ["-1", "2000.0", "2e3", "-0", "1E400"] {
        let why = "is not a whole number of minor units without sign, point or exponent";
        check_error(CAPTURED, &body(amount), &format!("$.amount: the amount {amount:?} {why}"));
    }
    let digits = "9".repeat(400);
    let shown = "9".repeat(40);
    let limit = format!("$.amount: the amount {shown} is above the limit of 1000000000000000 minor units");
    check_error(CAPTURED, &body(&digits), &limit);
    for (currency, why) in [
        ("7", "currency is missing: nothing usable stands at $.currency"),
        (
            "\"dollars\"",
            "$.currency: the currency \"dollars\" is not an ISO 4217 currency with minor units, and no other can be booked",
        ),
    ] {
        check_error(CAPTURED, &body("1").replace("\"eur\"", currency), why);
    }
}

#[test]
fn what_of_an_amount_does_not_count() {
    let rule = format!("{CAPTURED}\nless = {{ amount = \"$.whole\", above = \"$.part\" }}");
    let body = |amount: i64, whole: i64, part: i64| {
        format!(
            r#"{{"livemode":false,"id":"p1","currency":"eur","amount":{amount},"whole":{whole},"part":{part}}}"#
        )
    };
    for (amount, whole, part, expected) in [
        (900, 2000, 1500, 400),
        (500, 2000, 1500, 0),
        (400, 2000, 2000, 400),
        // More was taken than was asked for: nothing was released.
        (400, 2000, 2500, 400),
        // Less is counted than was left: the rest is not released yet.
        (100, 2000, 500, 0),
    ] {
        let expected = Fact::Captured { amount: money(expected, "EUR") };
        check(&rule, &body(amount, whole, part), fact("p1", expected));
    }
    let without = r#"{"livemode":false,"id":"p1","currency":"eur","amount":900,"whole":2000}"#;
    check_error(&rule, without, "amount is missing: nothing usable stands at $.part");
}

#[test]
fn a_state_that_is_not_listed_is_not_taken_for_another() {
    let rule = "fact = \"refund\"\npayment = \"$.id\"\nid = \"$.id\"\namount = \"$.amount\"\ncurrency = \"$.currency\"\n\
                state = { path = \"$.status\", map = { done = \"succeeded\", 3 = \"failed\" } }";
    let body = |status: &str| {
        format!(r#"{{"livemode":false,"id":"p1","currency":"eur","amount":1,"status":{status}}}"#)
    };
    let refund = |state| {
        fact("p1", Fact::Refund { refund: crate::testing::item("p1"), amount: money(1, "EUR"), state })
    };
    check(rule, &body("\"done\""), refund(crate::fact::RefundState::Succeeded));
    check(rule, &body("3"), refund(crate::fact::RefundState::Failed));
    let unmapped = |value: &str| {
        format!("the value {value:?} at $.status is not mapped to a state: add it to the dialect")
    };
    check_error(rule, &body("\"DONE\""), &unmapped("DONE"));
    check_error(rule, &body("\"\""), &unmapped(""));
    let long = "x".repeat(100);
    check_error(rule, &body(&format!("\"{long}\"")), &unmapped(&"x".repeat(40)));
    check_error(rule, &body("null"), "state is missing: nothing usable stands at $.status");
}

/// Two charges of one payment, one declined and one taken, add up under the payment's own name.
#[test]
fn events_of_one_payment_meet_under_one_name() {
    let stripe = source(built_in("stripe"), Mode::Test);
    for file in [
        "charge.succeeded.authorized",
        "charge.captured.partial",
        "charge.failed",
        "charge.refunded.after_partial_capture",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded.partial_capture",
    ] {
        let body = crate::testing::fixture(&format!("stripe/ours/{file}.json"));
        let doc: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let kind = EventKind::new(doc["type"].as_str().expect("a type")).expect("a type");
        let Ok(Translation::Facts(found)) = translate(&stripe, &kind, Body::Delivered(&body)) else {
            panic!("{file} is no fact")
        };
        assert_eq!(found[0].payment.as_str(), "pi_3SX1aB2eZvKYlo2C0mTgD3fK", "{file}");
    }
}
