//! For every built-in dialect: what was signed is accepted, and nothing else is.

use super::*;
use crate::limits::{BODY_BYTES_MAX, SECRET_BYTES_MIN};
use crate::sign::{public_key, sign};
use crate::testing::built_in;
use proptest::prelude::*;

const DIALECTS: [&str; 4] = ["stripe", "standard-webhooks", "standard-webhooks-ed25519", "partner-hmac"];

/// What the sender signs with and what we are configured with: the same for a MAC.
fn secrets(auth: &Auth, key: [u8; 32]) -> (String, String) {
    let text = BASE64.encode(&key);
    let signed = signed(auth);
    match signed.algorithm {
        Algorithm::Mac(_) => (format!("{}{text}", signed.key.strip), format!("{}{text}", signed.key.strip)),
        Algorithm::Ed25519 => (text, public_key(&signed.key, &key)),
        Algorithm::RsaSha256 => panic!("only the provider holds the private key"),
    }
}

/// A delivery, and what one may do to it on its way.
#[derive(Debug)]
struct Sent {
    dialect: &'static str,
    key: [u8; 32],
    body: Vec<u8>,
    time: i64,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn new(dialect: &'static str, key: [u8; 32], body: Vec<u8>, time: i64) -> Self {
        let auth = built_in(dialect).auth;
        let mut headers = vec![("webhook-id".to_owned(), "msg_1".to_owned())];
        let (secret, _) = secrets(&auth, key);
        headers.extend(sign(&auth, &secret, &headers, &body, from_seconds(time)).expect("a key"));
        Self { dialect, key, body, time, headers }
    }

    fn judge(&self, key: [u8; 32], now: i64) -> Result<KeyAge, SignatureError> {
        let auth = built_in(self.dialect).auth;
        let (_, configured) = secrets(&auth, key);
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        judge(&auth, (&configured, None), &headers, &self.body, now)
    }

    fn arrives(&self) -> Result<KeyAge, SignatureError> {
        self.judge(self.key, self.time)
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let dialect = prop::sample::select(&DIALECTS[..]);
    let body = prop::collection::vec(any::<u8>(), 0..200);
    (dialect, any::<[u8; 32]>(), body, 0_i64..253_402_000_000)
        .prop_map(|(dialect, key, body, time)| Sent::new(dialect, key, body, time))
}

proptest! {
    #[test]
    fn what_was_signed_is_accepted(sent in sent(), offset in -300_i64..=300) {
        prop_assert_eq!(sent.arrives(), Ok(KeyAge::Current));
        prop_assert_eq!(sent.judge(sent.key, sent.time + offset), Ok(KeyAge::Current));
    }

    #[test]
    fn another_body_is_refused(mut sent in sent(), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        if sent.body.is_empty() {
            sent.body.push(0);
        } else {
            let at = at.index(sent.body.len());
            sent.body[at] ^= 1 << bit;
        }
        prop_assert_eq!(sent.arrives(), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_shorter_or_longer_body_is_refused(mut sent in sent(), extra in prop::option::of(any::<u8>())) {
        match extra {
            Some(byte) => sent.body.push(byte),
            None if sent.body.pop().is_none() => sent.body.push(0),
            None => {}
        }
        prop_assert_eq!(sent.arrives(), Err(SignatureError::Mismatch));
    }

    #[test]
    fn another_key_is_refused(sent in sent(), other in any::<[u8; 32]>()) {
        prop_assume!(other != sent.key);
        prop_assert_eq!(sent.judge(other, sent.time), Err(SignatureError::Mismatch));
    }

    /// Any change of one character of any header, except the case of a hex digit, which says the same.
    #[test]
    fn another_header_is_refused(
        mut sent in sent(),
        header in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in 0x20_u8..0x7f,
    ) {
        // An id that the scheme does not sign proves nothing, and is not relied on.
        let proving: Vec<_> = (0..sent.headers.len()).filter(|at| {
            *at > 0 || sent.dialect.starts_with("standard")
        }).collect();
        let (_, value) = &mut sent.headers[proving[header.index(proving.len())]];
        let at = at.index(value.len());
        let mut changed = value.clone().into_bytes();
        changed[at] = byte;
        let changed = String::from_utf8(changed).expect("ASCII");
        prop_assume!(!changed.eq_ignore_ascii_case(value) || signed(&built_in(sent.dialect).auth).signature.encoding == Encoding::Base64);
        prop_assume!(changed != *value);
        *value = changed;
        prop_assert!(sent.arrives().is_err(), "{:?}", sent);
    }

    #[test]
    fn another_time_is_refused(sent in sent(), late in 301_i64..1_000_000_000) {
        let found = sent.judge(sent.key, sent.time.saturating_add(late));
        let is_stale = matches!(found, Err(SignatureError::Stale { age_seconds, .. }) if age_seconds > 300);
        prop_assert!(is_stale || sent.time + late > 253_402_207_200, "{:?}", found);
        let found = sent.judge(sent.key, sent.time - late);
        prop_assert!(matches!(found, Err(SignatureError::FromTheFuture { .. })), "{:?}", found);
    }

    /// Headers that anybody could write: never accepted, never a panic.
    #[test]
    fn what_nobody_signed_is_refused(
        dialect in prop::sample::select(&DIALECTS[..]),
        signature in "\\PC{0,80}|(t=|v1=|v1,|v1a,|sha256=|,|;|=| |[0-9a-f]{0,70}|[A-Za-z0-9+/]{86}==){0,12}",
        time in "[0-9]{0,20}|\\PC{0,10}",
        body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let auth = built_in(dialect).auth;
        let headers = [
            ("stripe-signature", signature.as_str()), ("x-signature", &signature), ("webhook-signature", &signature),
            ("x-timestamp", &time), ("webhook-timestamp", &time), ("webhook-id", "msg_1"),
        ];
        let (_, secret) = secrets(&auth, [7; 32]);
        prop_assert!(judge(&auth, (&secret, None), &headers, &body, 1_764_000_000).is_err());
    }
}

/// Every single bit of a signed body, for every dialect.
#[test]
fn no_bit_of_a_body_can_be_flipped() {
    for dialect in DIALECTS {
        let mut sent =
            Sent::new(dialect, [7; 32], br#"{"amount":2000,"currency":"eur"}"#.to_vec(), 1_764_000_000);
        for at in 0..sent.body.len() {
            for bit in 0..8 {
                sent.body[at] ^= 1 << bit;
                assert_eq!(sent.arrives(), Err(SignatureError::Mismatch), "{dialect} byte {at} bit {bit}");
                sent.body[at] ^= 1 << bit;
            }
        }
        assert_eq!(sent.arrives(), Ok(KeyAge::Current), "{dialect}");
    }
}

#[test]
fn the_largest_body_and_the_shortest_secret() {
    let auth = built_in("partner-hmac").auth;
    let secret = "s".repeat(SECRET_BYTES_MIN);
    let body = vec![0xff; BODY_BYTES_MAX];
    let headers = sign(&auth, &secret, &[], &body, from_seconds(1)).expect("a key");
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(judge(&auth, (&secret, None), &headers, &body, 1), Ok(KeyAge::Current));
}

/// A public key may be written in hex, too.
#[test]
fn a_public_key_is_written_as_the_dialect_reads_it() {
    let auth = auth(
        r#"
        [auth]
        algorithm = "ed25519"
        key = { decode = "hex" }
        signed = "{body}"
        signature = { header = "x-signature", encoding = "hex", shape = { plain = {} } }
        "#,
    );
    let headers =
        sign(&auth, &HEXLOWER_PERMISSIVE.encode(&[9; 32]), &[], b"body", from_seconds(1)).expect("a key");
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let public = public_key(&signed(&auth).key, &[9; 32]);
    assert_eq!(judge(&auth, (&public, None), &headers, b"body", 1), Ok(KeyAge::Current));
}
