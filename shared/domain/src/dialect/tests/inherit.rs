//! A partner's own words on top of a dialect that is there.

use super::*;
use crate::envelope::split_body;
use crate::signature::Headers;
use crate::translate::{Body, Translation, translate_example};

/// A file on top of `partner-hmac`.
fn acme(rest: &str) -> Result<Dialect, String> {
    parsed(&format!("name = \"acme\"\ntitle = \"Acme\"\nextends = \"partner-hmac\"\n{rest}"))
}

#[track_caller]
fn refused(rest: &str, expected: &str) {
    assert_eq!(acme(rest).map(drop), Err(format!("dialect acme: {expected}")));
}

#[test]
fn every_built_in_dialect_can_be_a_base_and_so_can_one_that_has_a_base_itself() {
    for name in built_in_names() {
        let text = format!("name = \"{name}\"\ntitle = \"Acme\"\nextends = \"{name}\"\n");
        assert_eq!(parsed(&text), Ok(built_in(name)), "{name}");
    }
}

/// Fields renamed, types and states in the partner's words, another form of amounts, a constant currency.
const RENAMED: &str = r#"
    [amounts]
    form = "minor_int"
    [auth.key]
    decode = "hex"
    [rename.fields]
    "$.payment" = "$.order.ref"
    "$.refund" = "$.order.refund.no"
    "$.amount" = "$.cents"
    "$.currency" = "CHF"
    "$.type" = "$.what"
    [rename.types]
    "payment.captured" = ["PAID", "SETTLED"]
    "refund.updated" = "REFUND"
    [rename.states]
    "$.state" = { succeeded = ["OK", "DONE"], failed = "NOK" }
    [[examples]]
    body = '{"events": [{"id": "e1", "what": "SETTLED", "order": {"ref": "p1"}, "cents": 1250}]}'
    facts = [{ payment = "p1", fact = { kind = "captured", amount = { minor = 1250, currency = "CHF" } } }]
"#;

#[test]
fn a_partner_says_the_same_in_other_words() {
    let dialect = acme(RENAMED).expect("a dialect whose example comes true");
    for (event, expected) in [
        (
            r#"{"id":"1","what":"PAID","order":{"ref":"p"},"cents":5}"#,
            r#"[{"payment":"p","fact":{"kind":"captured","amount":{"minor":5,"currency":"CHF"}}}]"#,
        ),
        (
            r#"{"id":"1","what":"REFUND","order":{"ref":"p","refund":{"no":7}},"cents":5,"state":"DONE"}"#,
            r#"[{"payment":"p","fact":{"kind":"refund","refund":"7","amount":{"minor":5,"currency":"CHF"},"state":"succeeded"}}]"#,
        ),
        (
            r#"{"id":"1","what":"REFUND","order":{"ref":"p","refund":{"no":7}},"cents":5,"state":"pending"}"#,
            r#"[{"payment":"p","fact":{"kind":"refund","refund":"7","amount":{"minor":5,"currency":"CHF"},"state":"pending"}}]"#,
        ),
        // The base's words are no longer the partner's.
        (r#"{"id":"1","what":"payment.captured","order":{"ref":"p"},"cents":5}"#, "[]"),
    ] {
        let body = format!("{{\"events\":[{event}]}}");
        let split = split_body(&dialect, &Headers::default(), body.as_bytes());
        let found = translate_example(&dialect, &split.events[0].kind, Body::Json(event.as_bytes()))
            .expect("no error");
        let facts = match found {
            Translation::Facts(facts) => facts,
            Translation::Unmapped => Vec::new(),
        };
        assert_eq!(serde_json::to_string(&facts).expect("JSON"), expected, "{event}");
    }
}

#[test]
fn a_word_that_the_base_does_not_have_is_refused() {
    refused(
        "[rename.fields]\n\"$.amuont\" = \"$.cents\"\n",
        "rename.fields.$.amuont: nothing is read at \"$.amuont\" in the dialect partner-hmac",
    );
    refused(
        "[rename.types]\n\"payment.paid\" = \"PAID\"\n",
        "rename.types.payment.paid: no rule is on an event type \"payment.paid\" in the dialect partner-hmac",
    );
    refused(
        "[rename.states]\n\"$.state\" = { ok = \"OK\" }\n",
        "rename.states.$.state.ok: there is no state \"ok\" (there are canceled, failed, paid, pending, succeeded) in the dialect \
         partner-hmac",
    );
    refused(
        "[rename.states]\n\"$.stat\" = { ok = \"OK\" }\n",
        "rename.states.$.stat: no state is read at \"$.stat\" in the dialect partner-hmac",
    );
    refused("without = [\"auth.time\"]\n", "without: the dialect partner-hmac has no \"auth.time\"");
    assert!(acme("[rename]\nfeilds = {}\n").is_err_and(|why| why.contains("unknown field `feilds`")));
}

#[test]
fn what_is_said_about_a_base_needs_one() {
    for rest in ["[rename.fields]\n\"$.a\" = \"$.b\"\n", "without = []\n"] {
        let text = format!("name = \"acme\"\ntitle = \"Acme\"\n{rest}");
        let why = "extends: it is absent, and `rename` and `without` are about what it brings: add it";
        assert_eq!(parsed(&text).map(drop), Err(format!("dialect acme: {why}")));
    }
}

#[test]
fn one_of_several_is_replaced_and_everything_else_joined() {
    let base = built_in("partner-hmac");
    let other = acme("[auth.signature]\nshape = { versioned = { separator = \" \", version = \"v1\" } }\n")
        .expect("a dialect");
    let (ours, bases) = (signed(&other), signed(&base));
    assert_eq!(ours.signature.shape, Shape::Versioned { separator: ' ', version: "v1".to_owned() });
    assert_eq!(
        (&ours.signature.from, &ours.key, &ours.timestamp),
        (&bases.signature.from, &bases.key, &bases.timestamp)
    );
    let by_header =
        acme("[envelope]\nevents = \"$\"\nid = { header = \"X-Event-Id\" }\n").expect("a dialect");
    assert_eq!(by_header.envelope.id, NameFrom::Header("x-event-id".to_owned()));
    assert_eq!(by_header.envelope.meaning, base.envelope.meaning);
}
