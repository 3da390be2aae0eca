//! What an envelope, a rule, a list and an example must say so that they mean something.

use super::*;

#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    check_changed(ACME, from, to, &format!("dialect acme: {expected}"));
}

#[test]
fn paths() {
    for (path, why) in [
        ("events", "it does not begin with $"),
        ("", "it does not begin with $"),
        ("$events", "a step begins with neither . nor ["),
        ("$.a..b", "a key is empty"),
        ("$.a[", "a [ is not closed"),
        ("$.a[-1]", "an index is not a number"),
        ("$.a[?(@.b)]", "an index is not a number"),
        ("$.a['b]", "a quoted key is not like ['a.b']"),
        ("$.a['']", "a quoted key is not like ['a.b']"),
        ("$.a[=up]", "a filter is not like [rel=up]"),
        ("$.a[rel=]", "a filter is not like [rel=up]"),
    ] {
        let (to, form) = (format!("events = \"{path}\""), "$.data.object.id, $.items[0].code or $.events[*]");
        let expected = format!("envelope.events: {path:?} is not a path: {why}; write it like {form}");
        check("events = \"$.events[*]\"", &to, &expected);
    }
    for (from, to, key) in [
        ("id = { path = \"$.id\" }", "id = { path = PATH }", "envelope.id"),
        ("type = \"$.type\"", "type = PATH", "envelope.type"),
        ("\"$.at\"", "PATH", "envelope.occurred_at"),
        ("meaning = [\"$\"]", "meaning = [\"$\"]\nlivemode = PATH", "envelope.livemode"),
        ("currency = \"$.currency\"", "currency = PATH", "facts[1].amount"),
        ("payment = \"$.payment\"", "payment = PATH", "facts[0].payment"),
        ("on = [\"pending\"]", "on = [\"pending\"]\nwhen = [{ path = PATH, is = \"a\" }]", "facts[0].when"),
        ("amount = \"$.amount\"", "amount = PATH", "facts[1].amount"),
        (
            "amount = \"$.amount\"",
            "amount = \"$.amount\"\nless = { amount = PATH, above = \"$.b\" }",
            "facts[1].amount",
        ),
        ("id = \"$.refund\"", "id = [\"$.refund\", PATH]", "facts[3].id"),
        ("path = \"$.state\"", "path = PATH", "facts[3].state"),
    ] {
        let expected = format!("{key}: \"$.items[*].id\" may lead to several places: name one, such as [0]");
        check(from, &to.replace("PATH", "\"$.items[*].id\""), &expected);
    }
    check(
        "payment = \"$.payment\"",
        "payment = []",
        "facts[0].payment: it is an empty list: give at least one path",
    );
}

#[test]
fn the_envelope() {
    check(
        "id = { path = \"$.id\" }",
        "id = { header = \"X-Id\" }",
        "envelope.id: the header X-Id cannot name each of several events: give a path",
    );
    check(
        "id = { path = \"$.id\" }",
        "id = { compose = [\"$.id\"] }",
        "envelope.id: `compose` has fewer than two parts: give `path` instead",
    );
    check(
        "meaning = [\"$\"]",
        "meaning = []",
        "envelope.meaning: it is empty: name the places that tell one event from another",
    );
}

#[test]
fn amounts() {
    let unknown = "is not an ISO 4217 currency with minor units: write its code in upper case";
    for (exponents, expected) in [
        ("{ isk = 2 }", format!("\"isk\" {unknown}")),
        ("{ XAU = 2 }", format!("\"XAU\" {unknown}")),
        ("{ ISK = 7 }", "ISK = 7 is too many decimals: give 0 to 6".to_owned()),
    ] {
        let to = format!("[amounts]\nexponents = {exponents}");
        check("[amounts]", &to, &format!("amounts.exponents: {expected}"));
    }
    assert!(parsed(&ACME.replace("[amounts]", "[amounts]\nexponents = { ISK = 6 }")).is_ok());
    check(
        "currency = \"$.currency\"\n",
        "",
        "facts[1].amount: it has no currency: add `currency` here or in [amounts]",
    );
}

#[test]
fn a_fact_has_the_fields_it_needs_and_no_other() {
    for (from, to, rule, field, fact) in [
        ("fact = \"pending\"", "fact = \"captured\"", 0, "amount", "captured"),
        ("fact = \"pending\"", "fact = \"failed\"", 0, "id", "failed"),
        ("fact = \"pending\"", "fact = \"capture_reversed\"", 0, "id", "capture_reversed"),
        ("amount = \"$.amount\"\n", "", 1, "amount", "captured"),
        ("id = [\"$.attempt\", \"$.id\"]\n", "", 2, "id", "failed"),
        ("id = \"$.refund\"\n", "", 3, "id", "refund"),
        ("id = \"$.dispute\"\n", "", 4, "id", "dispute_funds"),
        ("movement = \"withdrawn\"\n", "", 4, "movement", "dispute_funds"),
        ("state = \"paid\"\n", "", 5, "state", "payout"),
    ] {
        let why = format!("it is absent, and a fact {fact:?} needs it: add it");
        check(from, to, &format!("facts[{rule}].{field}: {why}"));
    }
    for (field, value) in [
        ("id", "\"$.id\""),
        ("amount", "\"$.amount\""),
        ("less", "{ amount = \"$.a\", above = \"$.b\" }"),
        ("currency", "\"$.currency\""),
        ("state", "\"pending\""),
        ("movement", "\"withdrawn\""),
    ] {
        let to = format!("fact = \"pending\"\n{field} = {value}");
        let expected = format!("facts[0].{field}: a fact \"pending\" does not have it: remove it");
        check("fact = \"pending\"", &to, &expected);
    }
}

#[test]
fn conditions_and_states() {
    check("on = [\"pending\"]", "on = []", "facts[0].on: it is an empty list: name at least one event type");
    check(
        "on = [\"pending\"]",
        "on = [\"pending\"]\nwhen = [{ path = \"$.kind\", is = [] }]",
        "facts[0].when: `is` is an empty list, so the rule never applies: give a value",
    );
    for condition in [
        "{ path = \"$.kind\" }",
        "{ is = \"a\" }",
        "{ path = \"$.kind\", is = \"a\", is_not = \"b\" }",
        "{ path = \"$.kind\", absent = false }",
        "{ setting = \"kind\", is_not = \"a\" }",
        "{ setting = \"kind\", path = \"$.kind\", is = \"a\" }",
    ] {
        check(
            "on = [\"pending\"]",
            &format!("on = [\"pending\"]\nwhen = [{condition}]"),
            "facts[0].when: it needs `path` with one of `is`, `is_not`, `starts_with` and `absent = true`, or `setting` \
             with `is`",
        );
    }
    check(
        "id = \"$.refund\"",
        "id = { compose = [\"$.refund\"] }",
        "facts[3].id: `compose` has 1 parts: give two or more, or a path alone",
    );
    check(
        "done = \"succeeded\"",
        "done = \"done\"",
        "facts[3].state: unknown variant `done`, expected one of `pending`, `succeeded`, `canceled`, `failed`",
    );
    check(
        "map = { waiting = \"pending\", done = \"succeeded\" }",
        "map = {}",
        "facts[3].state: the map is empty, so every event would be set aside: map each value",
    );
    check(
        "state = \"paid\"",
        "state = \"arrived\"",
        "facts[5].state: unknown variant `arrived`, expected one of `pending`, `paid`, `canceled`, `failed`",
    );
    let (before, _) = ACME.split_once("[[facts]]").expect("rules");
    assert_eq!(
        parsed(&before.replace("[auth]", "facts = []\n\n[auth]")),
        Err("dialect acme: facts: it is empty: a source that maps nothing moves no payment, so give a rule"
            .to_owned())
    );
}

#[test]
fn lists_of_the_provider() {
    let base = "is not scheme and host: write it like https://api.example.com";
    let slash = "does not begin with /: write it like /v1/payments";
    for (from, to, expected) in [
        ("\"https://api.stripe.com\"", "\"http://api.stripe.com\"", format!("api.base_url: \"http://api.stripe.com\" {base}")),
        ("\"https://api.stripe.com\"", "\"https://\"", format!("api.base_url: \"https://\" {base}")),
        ("\"https://api.stripe.com\"", "\"https://api.stripe.com/\"", format!("api.base_url: \"https://api.stripe.com/\" {base}")),
        // Behind the base URL these would be other hosts.
        ("\"/v1/events\"", "\".evil.example/e\"", format!("events.path: \".evil.example/e\" {slash}")),
        ("\"/v1/payment_intents\"", "\"@evil.example/p\"", format!("payments.path: \"@evil.example/p\" {slash}")),
        ("\"/v1/payment_intents/{id}\"", "\"v1/{id}\"", format!("payment.path: \"v1/{{id}}\" {slash}")),
        (
            "\"/v1/payment_intents/{id}\"",
            "\"/v1/payment_intents\"",
            "payment.path: \"/v1/payment_intents\" lacks {id}: write it like /v1/payments/{id}".to_owned(),
        ),
        (
            "refunded = \"$.latest_charge.amount_refunded\"\n",
            "",
            "payment.refunded_less: there is no `refunded` that it could be taken from: add that, or remove this".to_owned(),
        ),
        (
            "succeeded = \"captured\"",
            "succeeded = \"paid\"",
            "payment.status: unknown variant `paid`, expected one of `unknown`, `initiated`, `requires_action`, `pending`, \
             `failed`, `authorized`, `expired`, `canceled`, `partially_captured`, `captured`, `reversed`"
                .to_owned(),
        ),
        (
            "requested = \"$.amount\"",
            "requested = \"$.all[*]\"",
            "payment.requested: \"$.all[*]\" may lead to several places: name one, such as [0]".to_owned(),
        ),
    ] {
        let section = if expected.starts_with("api.") { "" } else { "reconcile." };
        check_changed(STRIPE, from, to, &format!("dialect stripe: {section}{expected}"));
    }
}

/// A body in, facts out: a file whose example does not come true is refused.
#[test]
fn examples() {
    let found = r#"[{"payment":"p1","fact":{"kind":"captured","amount":{"minor":2000,"currency":"EUR"}}}]"#;
    let written = found.replace("2000", "2001");
    for (from, to, expected) in [
        (
            "minor = 2000",
            "minor = 2001",
            format!("facts: the body comes to {found}, not to {written}: correct the rules or the example"),
        ),
        (
            "\"type\": \"captured\"",
            "\"type\": \"unknown\"",
            format!("facts: the body comes to [], not to {found}: correct the rules or the example"),
        ),
        ("\"20.00\"", "20.00", "body: event e1: amount is missing: nothing usable stands at $.amount, which is a number and not a string".to_owned()),
        (
            "\"EUR\"}]}'",
            "\"BTC\"}]}'",
            "body: event e1: $.currency: the currency \"BTC\" is not an ISO 4217 currency with minor units, and no \
             other can be booked"
                .to_owned(),
        ),
        (
            "\"id\": \"e1\", ",
            "",
            "body: item 0 is no event: the event has no id: nothing stands at $.id".to_owned(),
        ),
        (
            "{\"events\":",
            "{\"evnts\":",
            "body: item 0 is no event: the event has no list of events: nothing stands at $.events".to_owned(),
        ),
    ] {
        check(from, to, &format!("examples[0].{expected}"));
    }
    // A base's examples need not hold for what is built on it.
    let text = "name = \"acme\"\ntitle = \"\"\nextends = \"partner-hmac\"\n[amounts]\nform = \"minor_int\"\ncurrency = \"$.c\"\n";
    assert!(parsed(text).is_ok());
}
