//! Schemes that sign headers of the sender's choice, or stand in the body themselves.

use super::*;
use crate::sign::sign;
use crate::testing::{NOW_SECONDS, now};

const SECRET: &str = "a secret of ours";

#[test]
fn the_headers_that_a_signature_lists_are_signed() {
    let auth = auth(
        r#"
        [auth]
        algorithm = "hmac_sha256"
        key = { decode = "utf8" }
        signed = "{timestamp}.{listed_headers}.{body}"
        [auth.signature]
        header = "x-signature"
        encoding = "hex"
        shape = { pairs = { separator = ",", equals = "=", signature = "v1", timestamp = "t", headers = "h" } }
        [auth.timestamp]
        past_seconds_max = 300
        future_seconds_max = 300
        "#,
    );
    let sent = [("X-Id", "e1"), ("X-Kind", "paid")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let made = sign(&auth, SECRET, &sent, b"{}", now()).expect("a key");
    let [(_, value)] = made.as_slice() else { unreachable!("one header") };
    assert!(value.starts_with(&format!("t={NOW_SECONDS},h=x-id x-kind,v1=")), "{value}");
    let check = |id: &str, kind: &str, value: &str, expected: Result<KeyAge, &str>| {
        let headers = [("x-id", id), ("x-kind", kind), ("x-signature", value)];
        let found = judge(&auth, (SECRET, None), &headers, b"{}", NOW_SECONDS);
        assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{headers:?}");
    };
    let mismatch = Err("no signature matches a secret in force");
    check("e1", "paid", value, Ok(KeyAge::Current));
    check("e2", "paid", value, mismatch);
    check("e1", "failed", value, mismatch);
    check("e1", "paid", &value.replace("h=x-id x-kind", "h=x-id"), mismatch);
    check("e1", "paid", &value.replace("x-kind", "x-other"), Err("the header x-other is missing"));
    let unlisted = Err("the header x-signature does not list the headers it signs");
    check("e1", "paid", &value.replace(",h=x-id x-kind", ""), unlisted);
    let doubled = Err("the header x-signature came more than once");
    check("e1", "paid", &value.replace(",v1=", ",h=x-id,v1="), doubled);
}

#[test]
fn a_field_of_a_form_may_hold_the_signature_of_another() {
    let auth = auth(
        r#"
        [auth]
        algorithm = "hmac_sha256"
        key = { decode = "utf8" }
        signed = "{form:data}"
        signature = { form = "proof", encoding = "hex", shape = { plain = {} } }
        "#,
    );
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(SECRET.as_bytes()).expect("any key");
    hmac::Mac::update(&mut mac, b"20.00 EUR");
    let proof = HEXLOWER_PERMISSIVE.encode(&hmac::Mac::finalize(mac).into_bytes());
    let check = |body: &str, expected: Result<KeyAge, &str>| {
        let found = judge(&auth, (SECRET, None), &[], body.as_bytes(), NOW_SECONDS);
        assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{body}");
    };
    let mismatch = Err("no signature matches a secret in force");
    check(&format!("data=20.00+EUR&proof={proof}"), Ok(KeyAge::Current));
    check(&format!("data=30.00+EUR&proof={proof}"), mismatch);
    check("data=20.00+EUR", Err("the form field proof is missing"));
    check(&format!("proof={proof}"), Err("the form field data is missing"));
    check(&format!("data=1&proof={proof}&proof={proof}"), Err("the form field proof came more than once"));
    check(&format!("data=1&data=2&proof={proof}"), Err("the form field data came more than once"));
    check(&format!("data=1&proof={}", "0".repeat(HEADER_BYTES_MAX)), mismatch);
    check(
        &format!("data=1&proof={}", "0".repeat(HEADER_BYTES_MAX + 1)),
        Err("the form field proof has 8193 bytes, more than 8192"),
    );
}
