//! Signatures: what is not signed with the key is not believed, whatever the header says; what is signed is, in every
//! spelling that its scheme allows.

use super::damage::{Script, damaged};
use crate::dialect::{Auth, Dialect, Encoding, Piece, Shape, SignatureFrom, Signed, TimeFrom};
use crate::sign::{public_key, sign};
use crate::signature::{Delivery, Headers, SigningKeys, verify};
use crate::testing::{built_in, now};
use std::sync::OnceLock;

/// A secret that every MAC takes: it has the prefix, and is base64 and hex besides.
const SECRETS: [&str; 3] =
    ["whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=", "0123456789abcdef0123456789abcdef", "a long enough secret"];
/// An Ed25519 key in the two encodings of the dialects.
const PRIVATE: ([u8; 32], [&str; 2]) = (
    [7; 32],
    [
        "0707070707070707070707070707070707070707070707070707070707070707",
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    ],
);

struct Scheme {
    dialect: Dialect,
    keys: SigningKeys,
    /// What the one who signs holds.
    secret: &'static str,
}

impl Scheme {
    fn signed(&self) -> Option<&Signed> {
        match &self.dialect.auth {
            Auth::Signed(signed) => Some(signed),
            Auth::Token(_) | Auth::Certificate(_) => None,
        }
    }

    fn is_believed(&self, headers: &[(String, String)], body: &[u8], path_token: Option<&str>) -> bool {
        let headers = Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let delivery = Delivery { headers: &headers, body, path_token, source_ip: None };
        verify(&self.dialect.auth, &self.keys, delivery, now()).is_ok()
    }

    /// The headers of a body that this scheme signs whole; nothing where it signs something else.
    fn headers(&self, body: &[u8]) -> Option<Vec<(String, String)>> {
        let signed = self.signed()?;
        if !signed.pieces.contains(&Piece::Body) {
            return None;
        }
        let named = signed.pieces.iter().filter_map(|piece| match piece {
            Piece::Header(name) => Some((name.clone(), "msg_1".to_owned())),
            _ => None,
        });
        let mut headers: Vec<_> = named.collect();
        headers.extend(sign(&self.dialect.auth, self.secret, &headers, body, now()).ok()?);
        Some(headers)
    }
}

/// The dialects that have a key which can be made up.
fn schemes() -> &'static [Scheme] {
    static SCHEMES: OnceLock<Vec<Scheme>> = OnceLock::new();
    SCHEMES.get_or_init(|| {
        let keyed = |name| {
            let dialect = built_in(name);
            let body = b"{}";
            if let Auth::Signed(signed) = &dialect.auth {
                let public = public_key(&signed.key, &PRIVATE.0);
                for secret in PRIVATE.1 {
                    let Ok(keys) = SigningKeys::new(&dialect.auth, &public, None) else { continue };
                    let scheme = Scheme { dialect: dialect.clone(), keys, secret };
                    let headers = scheme.headers(body);
                    if headers.is_some_and(|headers| scheme.is_believed(&headers, body, None)) {
                        return Some(scheme);
                    }
                }
            }
            let made = |secret| Some((SigningKeys::new(&dialect.auth, secret, None).ok()?, secret));
            let (keys, secret) = SECRETS.into_iter().find_map(made)?;
            Some(Scheme { dialect, keys, secret })
        };
        Dialect::built_in_names().filter_map(keyed).collect()
    })
}

/// Those that sign the whole body in a header, so that we can sign as well.
fn ours() -> Vec<&'static Scheme> {
    let ours: Vec<_> = schemes().iter().filter(|scheme| scheme.headers(b"{}").is_some()).collect();
    assert!(ours.len() >= 9, "most schemes sign the body: {}", ours.len());
    ours
}

/// Whatever the header says, even if it was made of a real one: no panic, and it is not believed.
#[test]
fn header() {
    let tokens = [
        "t=",
        "v1=",
        "v0=",
        ",",
        ";",
        "|",
        "v1,",
        " ",
        "=",
        "1764000000",
        "-1",
        "00",
        "sha256=",
        "ts=",
        "h1=",
    ];
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let scheme = &schemes()[script.one_of(schemes().len())];
        let real: Vec<_> = scheme.headers(b"{\"another\":\"body\"}").unwrap_or_default();
        let value = real.last().map_or("t=1764000000,v1=00", |(_, value)| value);
        let value = String::from_utf8_lossy(&damaged(&[value], &tokens, &mut script)).into_owned();
        let mut headers = real.clone();
        headers.pop();
        if let Some(signed) = scheme.signed() {
            if let SignatureFrom::Header(header) = &signed.signature.from {
                headers.push((header.clone(), value.clone()));
            }
            let time = signed.timestamp.as_ref().map(|time| &time.from);
            if let (Some(TimeFrom::Header(header)), true) = (time, real.is_empty()) {
                headers.push((header.clone(), now().as_second().to_string()));
            }
        }
        let is_believed = scheme.is_believed(&headers, b"{}", Some(&value));
        assert!(!is_believed || SECRETS.contains(&value.as_str()), "{}: {value}", scheme.dialect.name);
    });
}

/// The same signatures, written in another way that the scheme allows.
fn spelt(signed: &Signed, value: &str, script: &mut Script<'_>) -> String {
    let junk = ["00", "AAAA", "!", "", "ffffffffffffffffffffffffffffffff"][script.one_of(5)];
    let many = script.one_of(8);
    let (separator, mut parts) = match &signed.signature.shape {
        Shape::Plain { prefix } => {
            let text = value.strip_prefix(prefix.as_str()).expect("its prefix");
            return format!("{prefix}{}", cased(signed, text, script));
        }
        Shape::Pairs { separator, equals, signature, .. } => {
            let mut parts: Vec<_> = value.split(*separator).map(str::to_owned).collect();
            if let Some(text) = parts.last_mut() {
                let (name, code) = text.split_once(*equals).expect("a pair");
                *text = format!("{name}{equals}{}", cased(signed, code, script));
            }
            let blank = [" ", ""][script.one_of(2)];
            parts.extend((0..many).map(|_| format!("{blank}{signature}{equals}{junk}")));
            parts.push(format!("x{equals}{junk}"));
            (*separator, parts)
        }
        Shape::Versioned { separator, version } => {
            let mut parts = vec![value.to_owned()];
            parts.extend((0..many).map(|_| format!("{version},{junk}")));
            parts.push(format!("{version}9,{junk}"));
            (*separator, parts)
        }
        Shape::Keyed { separator, between, .. } => {
            let mut parts = vec![value.to_owned()];
            parts.extend((0..many).map(|_| format!(" other{between}{junk}")));
            (*separator, parts)
        }
    };
    let by = script.one_of(parts.len());
    parts.rotate_left(by);
    parts.join(&separator.to_string())
}

/// Hex digits may be capitals.
fn cased(signed: &Signed, text: &str, script: &mut Script<'_>) -> String {
    match signed.signature.encoding {
        Encoding::Hex if script.byte() % 2 == 1 => text.to_ascii_uppercase(),
        Encoding::Hex | Encoding::Base64 => text.to_owned(),
    }
}

/// What was signed is believed in every spelling; with one bit flipped in the body or in the signature it is not.
#[test]
fn spelling() {
    let ours = ours();
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let scheme = ours[script.one_of(ours.len())];
        let (name, signed) = (&scheme.dialect.name, scheme.signed().expect("it signs"));
        let spelling = Script::new(script.bytes(12));
        let (at, bit, in_signature) =
            (script.one_of(usize::MAX), script.byte() % 8, script.byte().is_multiple_of(2));
        let mut body = script.rest().to_vec();
        body.push(b'.');
        let Some(mut headers) = scheme.headers(&body) else { return };
        assert!(scheme.is_believed(&headers, &body, None), "{name}: {headers:?}");

        let (header, value) = headers.pop().expect("the signature");
        let other = spelt(signed, &value, &mut { spelling });
        headers.push((header.clone(), other));
        assert!(scheme.is_believed(&headers, &body, None), "{name}: {headers:?}");

        headers.pop();
        let mut flipped = value.clone().into_bytes();
        if in_signature {
            // Its last twenty characters are of nothing but the signature.
            let at = flipped.len() - 1 - at % 20;
            flipped[at] ^= 1 << (bit % 7);
        } else {
            let at = at % body.len();
            body[at] ^= 1 << bit;
        }
        let flipped = String::from_utf8(flipped).expect("ASCII");
        let is_same = in_signature
            && signed.signature.encoding == Encoding::Hex
            && flipped.eq_ignore_ascii_case(&value);
        headers.push((header, flipped));
        assert!(is_same || !scheme.is_believed(&headers, &body, None), "{name}: {headers:?}");
    });
}

/// Whatever the body is: no panic, and it is not believed where its signatures stand in it.
#[test]
fn signed_body() {
    let in_body = |scheme: &&Scheme| {
        let from = scheme.signed().map(|signed| &signed.signature.from);
        matches!(from, Some(SignatureFrom::Form(_) | SignatureFrom::Field(_)))
    };
    let schemes: Vec<_> = schemes().iter().filter(in_body).collect();
    assert!(!schemes.is_empty());
    let samples: Vec<_> =
        schemes.iter().map(|scheme| super::envelope::samples(&scheme.dialect.name)).collect();
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let which = script.one_of(schemes.len());
        let scheme = schemes[which];
        let body = damaged(&samples[which], &super::envelope::TOKENS, &mut script);
        let headers = Headers::default();
        let delivery = Delivery { headers: &headers, body: &body, path_token: None, source_ip: None };
        // An empty batch is believed: it says nothing.
        if let Ok(verified) = verify(&scheme.dialect.auth, &scheme.keys, delivery, now()) {
            let split = crate::envelope::split_body(&scheme.dialect, verified.headers(), verified.body());
            assert!(split.events.is_empty(), "{}", scheme.dialect.name);
        }
    });
}
