//! A file becomes a dialect only when it can work; otherwise the error names dialect, key, value and remedy.

mod api;
mod auth;
mod inherit;
mod rules;
mod settings;

use super::*;
use crate::testing::built_in;

/// A dialect of every kind of part, so small that an error's place is easily found.
const ACME: &str = r#"name = "acme"
title = "Acme"

[auth]
algorithm = "hmac_sha256"
key = { decode = "utf8" }
signed = "{timestamp}.{body}"
signature = { header = "X-Signature", encoding = "hex", shape = { plain = { prefix = "sha256=" } } }
timestamp = { header = "X-Timestamp", past_seconds_max = 300, future_seconds_max = 300 }

[envelope]
events = "$.events[*]"
id = { path = "$.id" }
type = "$.type"
occurred_at = { path = "$.at", as = "rfc3339" }
meaning = ["$"]

[amounts]
form = "decimal_string"
currency = "$.currency"

[[facts]]
on = ["pending"]
fact = "pending"
payment = "$.payment"

[[facts]]
on = ["captured"]
fact = "captured"
payment = "$.payment"
amount = "$.amount"

[[facts]]
on = ["failed"]
fact = "failed"
payment = "$.payment"
id = ["$.attempt", "$.id"]

[[facts]]
on = ["refund"]
fact = "refund"
payment = "$.payment"
id = "$.refund"
amount = "$.amount"
state = { path = "$.state", map = { waiting = "pending", done = "succeeded" } }

[[facts]]
on = ["withdrawn"]
fact = "dispute_funds"
payment = "$.payment"
id = "$.dispute"
amount = "$.amount"
movement = "withdrawn"

[[facts]]
on = ["payout"]
fact = "payout"
payment = "$.payout"
id = "$.payout"
amount = "$.amount"
state = "paid"

[[examples]]
body = '{"events": [{"id": "e1", "type": "captured", "payment": "p1", "amount": "20.00", "currency": "EUR"}]}'
facts = [{ payment = "p1", fact = { kind = "captured", amount = { minor = 2000, currency = "EUR" } } }]
"#;

const STRIPE: &str = include_str!("../../../../infra/providers/stripe.toml");

fn parsed(text: &str) -> Result<Dialect, String> {
    Dialect::parse(text).map_err(|error| error.to_string())
}

/// What becomes of a file when one thing in it is changed.
#[track_caller]
fn check_changed(file: &str, from: &str, to: &str, expected: &str) {
    assert!(file.contains(from), "the file does not hold {from:?}");
    let found = parsed(&file.replacen(from, to, 1)).map(|_| "a dialect");
    assert_eq!(found, Err(expected.to_owned()), "{to}");
}

#[test]
fn every_built_in_file_is_a_dialect_under_its_own_name_with_examples() {
    for (name, text) in BUILT_IN.iter().copied() {
        assert_eq!(built_in(name).name, name);
        assert!(text.contains("[[examples]]"), "{name} carries no example");
    }
    assert_eq!(Dialect::built_in("nobody").expect("no error"), None);
}

fn signed(dialect: &Dialect) -> &Signed {
    match &dialect.auth {
        Auth::Signed(signed) => signed,
        other => panic!("{other:?} has no signature"),
    }
}

#[test]
fn no_built_in_dialect_with_a_signed_time_believes_an_old_delivery() {
    for (name, _) in BUILT_IN.iter().copied() {
        let Auth::Signed(signed) = built_in(name).auth else { continue };
        let Some(time) = signed.timestamp else { continue };
        assert_eq!((time.past_seconds_max, time.future_seconds_max), (300, 300), "{name}");
    }
}

#[test]
fn the_headers_that_prove_or_name_an_event_are_kept() {
    for (name, headers) in [
        ("stripe", &["stripe-signature"][..]),
        ("standard-webhooks", &["webhook-id", "webhook-signature", "webhook-timestamp"]),
        ("standard-webhooks-ed25519", &["webhook-id", "webhook-signature", "webhook-timestamp"]),
        ("partner-hmac", &["x-signature", "x-timestamp"]),
    ] {
        assert_eq!(built_in(name).kept_headers(), headers, "{name}");
    }
    let signed = ACME.replace("\"{timestamp}.{body}\"", "\"{timestamp}.{header:X-Nonce}.{body}\"");
    let acme = parsed(&signed).expect("a dialect");
    assert_eq!(acme.kept_headers(), ["x-nonce", "x-signature", "x-timestamp"], "a header that is signed");
}

#[test]
fn what_is_left_out_is_the_bases() {
    let text = r#"
        name = "acme"
        title = "Acme, with its own header"
        extends = "partner-hmac"
        without = ["auth.timestamp"]
        [auth]
        algorithm = "hmac_sha512"
        signed = "{body}"
        signature = { header = "X-Acme", encoding = "base64", shape = { plain = {} } }
    "#;
    let (acme, base) = (parsed(text).expect("a dialect"), built_in("partner-hmac"));
    let auth = signed(&acme);
    assert_eq!(auth.signature.from, SignatureFrom::Header("x-acme".to_owned()));
    assert_eq!(
        auth.signature.shape,
        Shape::Plain { prefix: String::new() },
        "one of several is replaced as a whole"
    );
    assert_eq!((acme.name.as_str(), &auth.timestamp), ("acme", &None));
    assert_eq!(auth.key, signed(&base).key);
    assert_eq!((&acme.envelope, &acme.facts, &acme.answers), (&base.envelope, &base.facts, &base.answers));
}

#[test]
fn a_base_must_be_built_in() {
    let of = |extends: &str| parsed(&format!("name = \"acme\"\ntitle = \"\"\nextends = {extends}\n"));
    let known = built_in_names().collect::<Vec<_>>().join(", ");
    assert!(known.starts_with("stripe, standard-webhooks, "), "{known}");
    assert_eq!(
        of("\"nobody\""),
        Err(format!("dialect acme: extends = \"nobody\", which is no built-in dialect: name one of {known}"))
    );
    assert!(of("\"stripe\"").is_ok());
    assert_eq!(
        of("7"),
        Err("dialect acme: extends: it is not a text: write the name of a built-in dialect".to_owned())
    );
}

#[test]
fn what_is_not_toml_or_has_another_shape_is_shown_in_its_place() {
    let check = |from: &str, to: &str, place: &str, source: &str, why: &str| {
        let (line, column) = place.split_once(':').expect("line:column");
        let (bar, offset) =
            (" ".repeat(line.len()), " ".repeat(column.parse::<usize>().expect("a number") - 1));
        let (source, marks) = source.split_once('|').expect("source|marks");
        let dialect = if from == "name =" { "?" } else { "acme" };
        let expected = format!(
            "dialect {dialect}: TOML parse error at line {line}, column {column}\n{bar} |\n{line} | {source}\n{bar} | \
             {offset}{marks}\n{why}"
        );
        check_changed(ACME, from, to, &expected);
    };
    check("name =", "name", "1:6", "name \"acme\"|^", "key with no value, expected `=`");
    check(
        "title =",
        "titel =",
        "2:1",
        "titel = \"Acme\"|^^^^^",
        "unknown field `titel`, expected one of `name`, `title`, `settings`, `docs`, `auth`, `envelope`, `answers`, \
         `amounts`, `api`, `fetch`, `facts`, `reconcile`, `settlement`, `examples`",
    );
    check("algorithm = \"hmac_sha256\"\n", "", "4:1", "[auth]|^^^^^^", "missing field `algorithm`");
    check(
        "\"hmac_sha256\"",
        "\"md5\"",
        "5:13",
        "algorithm = \"md5\"|^^^^^",
        "unknown variant `md5`, expected one of `hmac_sha1`, `hmac_sha256`, `hmac_sha512`, `ed25519`, `rsa_sha256`, `token`, `certificate`",
    );
    check(
        "\"$.type\"",
        "7",
        "14:8",
        "type = 7|^",
        "expected a path such as \"$.type\", or { path = … }, { header = … }, { constant = … } or { compose = [ … ] }",
    );
    check(
        "id = \"$.refund\"",
        "id = 7",
        "43:6",
        "id = 7|^",
        "expected a text or a list of texts, such as \"$.id\" or [\"$.id\", \"$.object.id\"], or { compose = [ … ] }",
    );
    check(
        "state = \"paid\"",
        "state = true",
        "61:9",
        "state = true|^^^^",
        "expected a state, or { path = \"$.status\", map = { \"their word\" = \"our state\" } }",
    );
    check(
        "fact = \"pending\"",
        "fact = \"settled\"",
        "24:8",
        "fact = \"settled\"|^^^^^^^^^",
        "unknown variant `settled`, expected one of `initiated`, `requires_action`, `pending`, `authorized`, `captured`, \
         `captured_part`, `failed`, `canceled`, `expired`, `capture_reversed`, `refunded`, `refund`, `dispute`, `dispute_funds`, `payout`, `unclear`",
    );
    // Under `extends` there is no line to show: two files were put together. The key is still named.
    let text = "name = \"acme\"\ntitle = \"\"\nextends = \"stripe\"\n[answers]\nok = \"yes\"\n";
    let expected = "dialect acme: unknown field `ok`, expected one of `ok_body`, `unauthentic_status`, `challenge`\nin `answers`";
    assert_eq!(parsed(text), Err(expected.to_owned()));
}
