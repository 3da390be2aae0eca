//! Targets for a fuzzer. `cargo test` runs each over its corpus in `__fuzz__` and some random input; `cargo bolero test -p
//! countersign-domain fuzz::envelope` (of the cargo-bolero package) looks for new paths as long as it is let.

use crate::dialect::{Auth, Dialect, SignatureFrom, TimeFrom};
use crate::hostile::everything;
use crate::signature::{Delivery, Headers, SigningKeys, verify};
use crate::testing::{built_in, now};
use std::sync::OnceLock;

/// A secret that every MAC takes: it has the prefix, and is base64 and hex besides.
const SECRETS: [&str; 3] =
    ["whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=", "0123456789abcdef0123456789abcdef", "a long enough secret"];

struct Scheme {
    dialect: Dialect,
    keys: SigningKeys,
}

/// The dialects that have a key which can be made up.
fn schemes() -> &'static [Scheme] {
    static SCHEMES: OnceLock<Vec<Scheme>> = OnceLock::new();
    SCHEMES.get_or_init(|| {
        let keyed = |name| {
            let dialect = built_in(name);
            let keys =
                SECRETS.iter().find_map(|secret| SigningKeys::new(&dialect.auth, secret, None).ok())?;
            Some(Scheme { dialect, keys })
        };
        Dialect::built_in_names().filter_map(keyed).collect()
    })
}

/// The headers that a scheme reads, all with this value; the time is now, so that what follows it is read too.
fn headers(scheme: &Scheme, value: &str) -> Headers {
    let now = now().as_second().to_string();
    let mut pairs = vec![("webhook-id".to_owned(), "msg_1".to_owned())];
    if let Auth::Signed(signed) = &scheme.dialect.auth {
        if let SignatureFrom::Header(header) = &signed.signature.from {
            pairs.push((header.clone(), value.to_owned()));
        }
        if let Some(TimeFrom::Header(header)) = signed.timestamp.as_ref().map(|time| &time.from) {
            pairs.push((header.clone(), now));
        }
    }
    Headers::new(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Whatever the header says: no panic, and it is not believed.
#[test]
fn signature_header() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|input| {
        let value = String::from_utf8_lossy(input);
        for scheme in schemes() {
            let headers = headers(scheme, &value);
            let delivery =
                Delivery { headers: &headers, body: b"{}", path_token: Some(&value), source_ip: None };
            let found = verify(&scheme.dialect.auth, &scheme.keys, delivery, now());
            let is_known_token = SECRETS.contains(&value.as_ref());
            assert!(found.is_err() || is_known_token, "{}: {value}", scheme.dialect.name);
        }
    });
}

/// Whatever the body is: no panic, and it is not believed where its signatures stand in it.
#[test]
fn signed_body() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|body| {
        for scheme in schemes() {
            let Auth::Signed(signed) = &scheme.dialect.auth else { continue };
            if matches!(signed.signature.from, SignatureFrom::Header(_)) {
                continue;
            }
            let headers = headers(scheme, "");
            let delivery = Delivery { headers: &headers, body, path_token: None, source_ip: None };
            // An empty batch is believed: it says nothing.
            if let Ok(verified) = verify(&scheme.dialect.auth, &scheme.keys, delivery, now()) {
                let split = crate::envelope::split_body(&scheme.dialect, verified.headers(), verified.body());
                assert!(split.events.is_empty(), "{}", scheme.dialect.name);
            }
        }
    });
}

/// Whatever the body is: no panic, no lost item, the same answer twice, from the envelope to the facts.
#[test]
fn envelope_and_translation() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|body| {
        for name in Dialect::built_in_names() {
            everything(&built_in(name), body);
        }
    });
}

/// Whatever the file says: no panic, and what is accepted is accepted again.
#[test]
fn dialect_file() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|input| {
        let text = String::from_utf8_lossy(input);
        let found = Dialect::parse(&text);
        assert_eq!(found.is_ok(), Dialect::parse(&text).is_ok());
    });
}
