//! Everything that is not plainly a signature of ours over these bytes, now, is refused; each with its own reason.

use super::*;
use crate::sign::{public_key, sign};
use crate::testing::{NOW_SECONDS, built_in, now};

const BODY: &[u8] = br#"{"id":"evt_1"}"#;
const SECRET: &str = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
const OLD_SECRET: &str = "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0";
const HEADER: &str = "stripe-signature";

/// The MAC that Stripe's scheme has for `time` (as it would be written) and the body.
fn mac(secret: &str, time: &str) -> String {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret.as_bytes()).expect("any key");
    for part in [time.as_bytes(), b".", BODY] {
        hmac::Mac::update(&mut mac, part);
    }
    HEXLOWER_PERMISSIVE.encode(&hmac::Mac::finalize(mac).into_bytes())
}

/// `t=…,v1=…` for now.
fn right() -> String {
    format!("t={NOW_SECONDS},v1={}", mac(SECRET, &NOW_SECONDS.to_string()))
}

#[track_caller]
fn check(headers: &[(&str, &str)], expected: Result<KeyAge, &str>) {
    let auth = built_in("stripe").auth;
    let found = judge(&auth, (SECRET, Some(OLD_SECRET)), headers, BODY, NOW_SECONDS);
    assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{headers:?}");
}

#[track_caller]
fn check_value(value: &str, expected: Result<KeyAge, &str>) {
    check(&[("Stripe-Signature", value)], expected);
}

const MISMATCH: Result<KeyAge, &str> = Err("no signature matches a secret in force");
const NO_TIME: Result<KeyAge, &str> = Err("the header stripe-signature has no timestamp");
const NO_SIGNATURE: Result<KeyAge, &str> =
    Err("the header stripe-signature has no signature of the accepted version");
const UNREADABLE: Result<KeyAge, &str> =
    Err("the header stripe-signature has no signature that can be decoded");
const NO_NAME: Result<KeyAge, &str> = Err("the header stripe-signature has a part without a name");
const NOT_SECONDS: Result<KeyAge, &str> =
    Err("the header stripe-signature has a timestamp that is not Unix seconds");
const DOUBLED: Result<KeyAge, &str> = Err("the header stripe-signature came more than once");

#[test]
fn the_header_must_be_there_once() {
    let right = right();
    check_value(&right, Ok(KeyAge::Current));
    check(&[(HEADER, &right)], Ok(KeyAge::Current));
    check(&[], Err("the header stripe-signature is missing"));
    check(&[("x-stripe-signature", &right)], Err("the header stripe-signature is missing"));
    check(&[(HEADER, &right), (HEADER, &right)], DOUBLED);
    check(&[(HEADER, &right), ("STRIPE-SIGNATURE", "")], DOUBLED);
    // API Gateway joins what came twice: one list with two times.
    check_value(&format!("{right},{right}"), DOUBLED);
    check_value(&format!("{right}, {right}"), DOUBLED);
    check_value(&format!("t=1,{right}"), DOUBLED);
}

#[test]
fn the_header_must_be_built_as_the_scheme_says() {
    let time = NOW_SECONDS.to_string();
    let mac = mac(SECRET, &time);
    check_value(&format!("t={time}, v1={mac}"), Ok(KeyAge::Current));
    check_value(&format!("v1={mac},t={time}"), Ok(KeyAge::Current));
    check_value(&format!("t={time},v1={mac},v0=00,v2=ff"), Ok(KeyAge::Current));
    check_value(&format!("t={time},v1={}", mac.to_uppercase()), Ok(KeyAge::Current));
    check_value("", NO_NAME);
    check_value(",", NO_NAME);
    check_value(&mac, NO_NAME);
    check_value(&format!("t={time},{mac}"), NO_NAME);
    check_value(&format!("v1={mac}"), NO_TIME);
    check_value(&format!("T={time},v1={mac}"), NO_TIME);
    check_value(&format!("t={time}"), NO_SIGNATURE);
    check_value(&format!("t={time},v0={mac}"), NO_SIGNATURE);
    check_value(&format!("t={time},V1={mac}"), NO_SIGNATURE);
}

#[test]
fn a_signature_must_be_whole() {
    let time = NOW_SECONDS.to_string();
    let mac = mac(SECRET, &time);
    let with = |signature: &str| format!("t={time},v1={signature}");
    check_value(&with(""), MISMATCH);
    check_value(&with(&mac[..62]), MISMATCH);
    check_value(&with(&format!("{mac}00")), MISMATCH);
    check_value(&with(&mac[..63]), UNREADABLE);
    check_value(&with(&format!("{mac} ")), Ok(KeyAge::Current));
    check_value(&with(&format!(" {mac}")), UNREADABLE);
    check_value(&with(&format!("0x{mac}")), UNREADABLE);
    check_value(&with("zz"), UNREADABLE);
    // One that cannot be read does not spoil a right one beside it, on either side.
    check_value(&format!("t={time},v1=zz,v1={mac}"), Ok(KeyAge::Current));
    check_value(&format!("t={time},v1={mac},v1=zz"), Ok(KeyAge::Current));
    check_value(&format!("t={time},v1=zz,v1=yy"), UNREADABLE);
    // Twice the same is still right.
    check_value(&format!("t={time},v1={mac},v1={mac}"), Ok(KeyAge::Current));
}

#[test]
fn a_time_must_be_plain_digits() {
    for time in
        ["", " ", "-1764000000", "+1764000000", "1764000000.0", "1.764e9", "0x69243080", "now", "१७६४"]
    {
        check_value(&format!("t={time},v1={}", mac(SECRET, time)), NOT_SECONDS);
    }
    // Milliseconds, and what no clock shows.
    for time in ["1764000000000", "9223372036854775807", "99999999999999999999"] {
        check_value(&format!("t={time},v1={}", mac(SECRET, time)), NOT_SECONDS);
    }
    // The largest that is read is far in the future.
    let ahead = 999_999_999_999 - NOW_SECONDS;
    let message = format!("it was signed {ahead} s in the future, more than 300 s");
    check_value(&format!("t=999999999999,v1={}", mac(SECRET, "999999999999")), Err(&message));
    // What is signed is the time as it was written, not the number.
    check_value(&format!("t=0{NOW_SECONDS},v1={}", mac(SECRET, &NOW_SECONDS.to_string())), MISMATCH);
    check_value(
        &format!("t=0{NOW_SECONDS},v1={}", mac(SECRET, &format!("0{NOW_SECONDS}"))),
        Ok(KeyAge::Current),
    );
}

#[test]
fn the_tolerance_is_exact_in_both_directions() {
    for (offset, expected) in [
        (0, Ok(KeyAge::Current)),
        (-300, Ok(KeyAge::Current)),
        (-301, Err("it was signed 301 s ago, more than 300 s")),
        (300, Ok(KeyAge::Current)),
        (301, Err("it was signed 301 s in the future, more than 300 s")),
        (-NOW_SECONDS, Err("it was signed 1764000000 s ago, more than 300 s")),
    ] {
        let time = (NOW_SECONDS + offset).to_string();
        check_value(&format!("t={time},v1={}", mac(SECRET, &time)), expected);
    }
}

#[test]
fn at_most_16_signatures_are_tried() {
    let time = NOW_SECONDS.to_string();
    let of = |wrong: usize| format!("t={time}{},v1={}", ",v1=00".repeat(wrong), mac(SECRET, &time));
    check_value(&of(SIGNATURES_MAX - 1), Ok(KeyAge::Current));
    check_value(&of(SIGNATURES_MAX), Err("the header stripe-signature holds more than 16 signatures"));
}

#[test]
fn a_header_over_the_limit_is_not_looked_at() {
    let right = right();
    let padded = |bytes: usize| format!("{right},x={}", "a".repeat(bytes - right.len() - 3));
    check_value(&padded(HEADER_BYTES_MAX), Ok(KeyAge::Current));
    check_value(
        &padded(HEADER_BYTES_MAX + 1),
        Err("the header stripe-signature has 8193 bytes, more than 8192"),
    );
}

#[test]
fn two_secrets_are_in_force_during_a_rotation() {
    let time = NOW_SECONDS.to_string();
    let (new, old) = (mac(SECRET, &time), mac(OLD_SECRET, &time));
    check_value(&format!("t={time},v1={old}"), Ok(KeyAge::Previous));
    check_value(&format!("t={time},v1={old},v1={new}"), Ok(KeyAge::Current));
    check_value(&format!("t={time},v1={}", mac("whsec_another", &time)), MISMATCH);
    let auth = built_in("stripe").auth;
    let header = format!("t={time},v1={old}");
    let found = judge(&auth, (SECRET, None), &[(HEADER, &header)], BODY, NOW_SECONDS);
    assert_eq!(found, Err(SignatureError::Mismatch), "an old secret that is no longer in force");
}

#[test]
fn after_the_overlap_the_old_secret_is_known_and_refused() {
    let auth = built_in("stripe").auth;
    let time = NOW_SECONDS.to_string();
    let headers = [
        ("the new secret", format!("t={time},v1={}", mac(SECRET, &time))),
        ("the old secret", format!("t={time},v1={}", mac(OLD_SECRET, &time))),
        ("both", format!("t={time},v1={},v1={}", mac(OLD_SECRET, &time), mac(SECRET, &time))),
        ("another", format!("t={time},v1={}", mac("whsec_another", &time))),
    ];
    let (current, previous) = (Ok(KeyAge::Current), Ok(KeyAge::Previous));
    let (retired, mismatch) = (Err(SignatureError::Retired), Err(SignatureError::Mismatch));
    for (seconds_left, expected) in [
        (None, [&current, &previous, &current, &mismatch]),
        (Some(1), [&current, &previous, &current, &mismatch]),
        (Some(0), [&current, &retired, &current, &mismatch]),
        (Some(-1_000_000), [&current, &retired, &current, &mismatch]),
    ] {
        let until = seconds_left.map(|seconds| from_seconds(NOW_SECONDS + seconds));
        let keys =
            SigningKeys::new(&auth, SECRET, Some(OLD_SECRET)).expect("keys").with_previous_until(until);
        for ((what, value), expected) in headers.iter().zip(expected) {
            let headers = Headers::new([(HEADER, value.as_str())]);
            let delivery = Delivery { headers: &headers, body: BODY, path_token: None, source_ip: None };
            let found = verify(&auth, &keys, delivery, now()).map(|verified| verified.key());
            assert_eq!(found, *expected, "{what}, {seconds_left:?} s before the end");
        }
    }
}

/// The headers of a delivery in one of the two Standard Webhooks dialects, signed for now.
fn message(dialect: &str, secret: &str) -> Vec<(String, String)> {
    let mut headers = vec![("webhook-id".to_owned(), "msg_1".to_owned())];
    headers.extend(sign(&built_in(dialect).auth, secret, &headers, BODY, now()).expect("a key"));
    headers
}

#[track_caller]
fn check_message(dialect: &str, secret: &str, headers: &[(String, String)], expected: Result<KeyAge, &str>) {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let found = judge(&built_in(dialect).auth, (secret, None), &headers, BODY, NOW_SECONDS);
    assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{dialect} {headers:?}");
}

const V1: &str = "standard-webhooks";
const V1A: &str = "standard-webhooks-ed25519";

#[test]
fn a_version_is_not_taken_for_another() {
    let private = [7; 32];
    let public = public_key(&signed(&built_in(V1A).auth).key, &private);
    let by_mac = message(V1, SECRET);
    let by_key = message(V1A, &format!("whpk_{}", BASE64.encode(&private)));
    check_message(V1, SECRET, &by_mac, Ok(KeyAge::Current));
    check_message(V1A, &public, &by_key, Ok(KeyAge::Current));
    let none = Err("the header webhook-signature has no signature of the accepted version");
    check_message(V1, SECRET, &by_key, none);
    check_message(V1A, &public, &by_mac, none);
    // A sender that moves from one to the other signs with both.
    let [(id, time, old), (_, _, new)] = [&by_mac, &by_key].map(|headers| {
        let [id, time, signature] = headers.as_slice() else { unreachable!("three headers") };
        (id.clone(), time.clone(), signature.1.clone())
    });
    let both = [id, time, ("webhook-signature".to_owned(), format!("{old} {new}"))];
    check_message(V1, SECRET, &both, Ok(KeyAge::Current));
    check_message(V1A, &public, &both, Ok(KeyAge::Current));
}

#[test]
fn every_signed_header_counts_and_none_may_be_doubled() {
    let right = message(V1, SECRET);
    for at in 0..right.len() {
        let name = right[at].0.clone();
        let mut headers = right.clone();
        headers.remove(at);
        check_message(V1, SECRET, &headers, Err(&format!("the header {name} is missing")));
        let doubled = format!("the header {name} came more than once");
        let mut headers = right.clone();
        headers.push(right[at].clone());
        check_message(V1, SECRET, &headers, Err(&doubled));
        // As API Gateway joins them.
        let mut headers = right.clone();
        headers[at].1 = format!("{0},{0}", right[at].1);
        let expected = match name.as_str() {
            "webhook-id" => "no signature matches a secret in force",
            "webhook-timestamp" => "the header webhook-timestamp has a timestamp that is not Unix seconds",
            _ => &doubled,
        };
        check_message(V1, SECRET, &headers, Err(expected));
    }
    let mut spaced = right.clone();
    spaced[2].1 = format!("{0}, {0}", right[2].1);
    check_message(V1, SECRET, &spaced, Err("the header webhook-signature came more than once"));
    let mut renamed = right;
    renamed[0].1 = "msg_2".to_owned();
    check_message(V1, SECRET, &renamed, Err("no signature matches a secret in force"));
}

#[test]
fn a_prefix_must_be_there() {
    let auth = plain("x-signature", "hmac_sha512", "utf8", "base64", "sha512=");
    let signed = sign(&auth, "a secret of ours", &[], BODY, now()).expect("a key");
    let [(name, value)] = signed.as_slice() else { unreachable!("one header") };
    let check = |value: &str, expected: Result<KeyAge, &str>| {
        let found = judge(&auth, ("a secret of ours", None), &[(name, value)], BODY, 0);
        assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{value}");
    };
    check(value, Ok(KeyAge::Current));
    check(&value.replace("sha512=", ""), Err("the header x-signature lacks its prefix"));
    check(&value.replace("sha512", "sha256"), Err("the header x-signature lacks its prefix"));
    check(&format!("{value},{value}"), Err("the header x-signature came more than once"));
    check(value.trim_end_matches('='), Err("the header x-signature has no signature that can be decoded"));
}

#[test]
fn a_secret_that_is_no_key_is_refused_without_being_shown() {
    let text = plain("x", "hmac_sha256", "utf8", "hex", "");
    let hex = plain("x", "hmac_sha256", "hex", "hex", "");
    let (message, public) = (built_in(V1).auth, built_in(V1A).auth);
    let key = |bytes: &[u8]| format!("whpk_{}", BASE64.encode(bytes));
    // The neutral element of the curve: any signature of a certain form fits it.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for (auth, secret, expected) in [
        (&text, "", "the secret has 0 bytes of key, fewer than 8"),
        (&text, "1234567", "the secret has 7 bytes of key, fewer than 8"),
        (&hex, "zz", "the secret is not hex digits"),
        (&hex, "012345678", "the secret is not hex digits"),
        (&hex, "01234567", "the secret has 4 bytes of key, fewer than 8"),
        (&message, "whsec_", "the secret has 0 bytes of key, fewer than 8"),
        (&message, "whsec_====", "the secret has 0 bytes of key, fewer than 8"),
        (&message, "whsec_c2Vj cmV0", "the secret is not base64"),
        (
            &message,
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "the secret does not begin with \"whsec_\", as this dialect's secrets do",
        ),
        (&public, SECRET, "the secret does not begin with \"whpk_\", as this dialect's secrets do"),
        (&public, &key(&[1; 31]), "the secret is not an Ed25519 public key of 32 bytes"),
        (&public, &key(&[1; 33]), "the secret is not an Ed25519 public key of 32 bytes"),
        (&public, &key(&[2; 32]), "the secret is not an Ed25519 public key of 32 bytes"),
        (&public, &key(&neutral), "the secret is not an Ed25519 public key of 32 bytes"),
        (&public, &key(&[0; 32]), "the secret is not an Ed25519 public key of 32 bytes"),
    ] {
        let found = SigningKeys::new(auth, secret, None).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(found, Err(expected.to_owned()), "{secret}");
    }
    let found = SigningKeys::new(&text, "long enough", Some("short"));
    assert_eq!(found.map(|_| ()), Err(KeyError::TooShort { bytes: 5 }), "the previous one is no exception");
    let keys = SigningKeys::new(&text, "long enough", None).expect("a key");
    assert_eq!(format!("{keys:?}"), "SigningKeys([REDACTED])");
}

#[test]
fn every_reason_has_a_word_for_metrics() {
    let place = || "x".to_owned();
    for (error, word) in [
        (SignatureError::Missing { place: place() }, "missing"),
        (SignatureError::Doubled { place: place() }, "doubled"),
        (SignatureError::TooLong { place: place(), bytes: 1 }, "malformed"),
        (SignatureError::Malformed { place: place(), why: "" }, "malformed"),
        (SignatureError::TooManySignatures { place: place() }, "malformed"),
        (SignatureError::NoEvents { why: String::new() }, "malformed"),
        (SignatureError::Stale { age_seconds: 1, max_seconds: 0 }, "stale"),
        (SignatureError::FromTheFuture { ahead_seconds: 1, max_seconds: 0 }, "future"),
        (SignatureError::Mismatch, "mismatch"),
    ] {
        assert_eq!(error.reason(), word);
    }
}
