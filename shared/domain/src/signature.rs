//! From a delivery to verified bytes.
//!
//! One algorithm serves every scheme; a dialect only says where things are. Bytes that were not verified cannot be
//! parsed, by type: [`Verified`] has private fields and this module's [`verify`] is its only constructor.

mod certificate;
mod claim;
mod factors;
mod keys;

pub use certificate::{TrustAnchors, certificate_url, verify_certified};
pub use factors::{SecondFactors, check_factors};
pub use keys::{KeyError, SigningKeys};

use crate::dialect::{Auth, Challenge, Encoding, Scope, Signed, TokenFrom};
use crate::json::{Doc, Json, Path};
use crate::limits::{EVENTS_PER_DELIVERY_MAX, HEADER_BYTES_MAX, SIGNATURES_MAX};
use crate::planted::{Mistake, is_planted};
use crate::time::Timestamp;
use claim::Claim;
use data_encoding::{BASE64, HEXLOWER};
use hmac::Hmac;
use keys::SigningKey;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use subtle::ConstantTimeEq as _;

/// The headers of one request: names in lower case, every value of a repeated name kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, Vec<String>>);

impl Headers {
    /// Collects headers; names may come in any case.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut headers = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in pairs {
            headers.entry(name.to_ascii_lowercase()).or_default().push(value.to_owned());
        }
        Self(headers)
    }

    /// The one value of a header, or nothing.
    ///
    /// # Errors
    /// [`SignatureError::Doubled`] when it came twice: two readers could disagree on which one counts.
    pub fn one(&self, name: &str) -> Result<Option<&str>, SignatureError> {
        match self.0.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([value]) if value.len() > HEADER_BYTES_MAX => {
                Err(SignatureError::TooLong { place: header_named(name), bytes: value.len() })
            }
            Some([value]) => Ok(Some(value)),
            Some(_) => Err(SignatureError::Doubled { place: header_named(name) }),
        }
    }

    fn required(&self, name: &str) -> Result<&str, SignatureError> {
        self.one(name)?.ok_or_else(|| SignatureError::Missing { place: header_named(name) })
    }
}

/// One request as it came in. Nothing of it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers.
    pub headers: &'a Headers,
    /// Its body, byte for byte, after base64 decoding by the edge; the query of a delivery that has no body.
    pub body: &'a [u8],
    /// What stood in the path behind the source's name.
    pub path_token: Option<&'a str>,
    /// Where it came from, as the edge saw it.
    pub source_ip: Option<IpAddr>,
}

/// Bytes that were signed with one of our keys.
#[derive(Debug)]
pub struct Verified<'a> {
    headers: &'a Headers,
    body: &'a [u8],
    key: KeyAge,
}

impl<'a> Verified<'a> {
    /// The body, byte for byte.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The request's headers. Only those that are pieces of the signature are proven.
    #[must_use]
    pub fn headers(&self) -> &'a Headers {
        self.headers
    }

    /// Which of the two secrets proved it.
    #[must_use]
    pub fn key(&self) -> KeyAge {
        self.key
    }
}

/// Which of the secrets in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAge {
    /// The one that is here to stay.
    Current,
    /// The one that is on its way out.
    Previous,
}

/// Why a delivery is not authentic. All of them look alike to the sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header or field that the scheme needs is absent.
    #[error("{place} is missing")]
    Missing {
        /// Which.
        place: String,
    },
    /// A header or field that the scheme needs came twice, or its one value is a list of two.
    #[error("{place} came more than once")]
    Doubled {
        /// Which.
        place: String,
    },
    /// Over [`HEADER_BYTES_MAX`].
    #[error("{place} has {bytes} bytes, more than {HEADER_BYTES_MAX}")]
    TooLong {
        /// Which.
        place: String,
        /// Its length.
        bytes: usize,
    },
    /// Not built as the scheme says.
    #[error("{place} {why}")]
    Malformed {
        /// Which.
        place: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Over [`SIGNATURES_MAX`].
    #[error("{place} holds more than {SIGNATURES_MAX} signatures")]
    TooManySignatures {
        /// Which.
        place: String,
    },
    /// The events are signed one by one, and cannot be told apart.
    #[error("the events that should each be signed cannot be read: {why}")]
    NoEvents {
        /// Why not, without the body.
        why: String,
    },
    /// Signed too long ago.
    #[error("it was signed {age_seconds} s ago, more than {max_seconds} s")]
    Stale {
        /// Its age.
        age_seconds: i64,
        /// The tolerance.
        max_seconds: i64,
    },
    /// Signed in the future.
    #[error("it was signed {ahead_seconds} s in the future, more than {max_seconds} s")]
    FromTheFuture {
        /// How far ahead.
        ahead_seconds: i64,
        /// The tolerance.
        max_seconds: i64,
    },
    /// The certificate is not the provider's, or not in force.
    #[error("its certificate does not lead to a trusted root, is for another name, or is not in force")]
    Distrusted,
    /// A second factor of the source is absent or wrong.
    #[error("{0}")]
    Factor(&'static str),
    /// It is ours, but of a secret whose time is over: a sender that was not told, or somebody who found it.
    #[error("it was signed with the secret that was retired")]
    Retired,
    /// None of the signatures is ours.
    #[error("no signature matches a secret in force")]
    Mismatch,
}

impl SignatureError {
    /// A word for metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Doubled { .. } => "doubled",
            Self::TooLong { .. }
            | Self::Malformed { .. }
            | Self::TooManySignatures { .. }
            | Self::NoEvents { .. } => "malformed",
            Self::Stale { .. } => "stale",
            Self::FromTheFuture { .. } => "future",
            Self::Distrusted => "certificate",
            Self::Factor(_) => "factor",
            Self::Retired => "retired",
            Self::Mismatch => "mismatch",
        }
    }
}

/// The answer to a provider's challenge; nothing when the text is not one: this must not sign whatever it is given.
#[must_use]
pub fn answer_challenge(
    auth: &Auth,
    challenge: &Challenge,
    keys: &SigningKeys,
    text: &str,
) -> Option<String> {
    let is_challenge = (challenge.hex_digits_min..=challenge.hex_digits_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let Auth::Signed(signed) = auth else { return None };
    let mac = match &keys.current {
        _ if !is_challenge => return None,
        SigningKey::Sha1(key) => mac_of::<Hmac<Sha1>>(key, text)?,
        SigningKey::Sha256(key) => mac_of::<Hmac<Sha256>>(key, text)?,
        SigningKey::Sha512(key) => mac_of::<Hmac<Sha512>>(key, text)?,
        SigningKey::Ed25519(_) | SigningKey::Rsa(_) | SigningKey::Token(_) | SigningKey::Certificate => {
            return None;
        }
    };
    let signature = match signed.signature.encoding {
        Encoding::Hex => HEXLOWER.encode(&mac),
        Encoding::Base64 => BASE64.encode(&mac),
    };
    Some(format!("{}{signature}", challenge.before))
}

fn mac_of<M: hmac::Mac + hmac::KeyInit>(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = <M as hmac::KeyInit>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

fn header_named(name: &str) -> String {
    format!("the header {name}")
}

/// Proves that a delivery was signed with one of our keys, and recently.
///
/// Every signature is tried against every key, without stopping at the first that fits, so that the time taken does
/// not tell which one did.
///
/// # Errors
/// [`SignatureError`] says why not.
pub fn verify<'a>(
    auth: &'a Auth,
    keys: &SigningKeys,
    delivery: Delivery<'a>,
    now: Timestamp,
) -> Result<Verified<'a>, SignatureError> {
    let key = match auth {
        Auth::Signed(signed) => match &signed.scope {
            Scope::Delivery => verify_one(signed, keys, delivery, None, now)?,
            Scope::Event(events) => {
                let json = Json::parse(delivery.body).map_err(|error| no_events(&error))?;
                let events = signed_events(events, json.root())?;
                verify_each(signed, keys, delivery, events, now)?
            }
        },
        Auth::Token(from) => verify_token(from, keys, delivery, now)?,
        // Without its certificate there is nothing to verify it with.
        Auth::Certificate(_) => return Err(SignatureError::Mismatch),
    };
    Ok(Verified { headers: delivery.headers, body: delivery.body, key })
}

/// The events that must each be signed. An empty list is a delivery of nothing; no list at all proves nothing.
fn signed_events<'a>(events: &Path, doc: Doc<'a>) -> Result<Vec<Doc<'a>>, SignatureError> {
    let found = doc.all(events).map_err(|error| no_events(&error))?;
    let list = events.list().unwrap_or_else(|| events.clone());
    let Some(all) = doc.at(&list).map_err(|error| no_events(&error))? else {
        return Err(no_events(&format!("nothing stands at {}", list.as_str())));
    };
    // Beside what was signed, nothing may stand that was not.
    if events.each().is_some() && all.items().is_some_and(|all| all.len() != found.len()) {
        return Err(no_events(&format!("an item of {} has nothing at {}", list.as_str(), events.as_str())));
    }
    if found.len() > EVENTS_PER_DELIVERY_MAX {
        return Err(no_events(&format!("there are more than {EVENTS_PER_DELIVERY_MAX}")));
    }
    Ok(found)
}

fn no_events(why: &impl ToString) -> SignatureError {
    SignatureError::NoEvents { why: why.to_string() }
}

/// One event that is not ours spoils them all: a forger must not be able to mix.
fn verify_each<'a>(
    signed: &'a Signed,
    keys: &SigningKeys,
    delivery: Delivery<'a>,
    events: Vec<Doc<'a>>,
    now: Timestamp,
) -> Result<KeyAge, SignatureError> {
    let mut age = KeyAge::Current;
    for event in events {
        if verify_one(signed, keys, delivery, Some(event), now)? == KeyAge::Previous {
            age = KeyAge::Previous;
        }
    }
    Ok(age)
}

fn verify_one<'a>(
    signed: &'a Signed,
    keys: &SigningKeys,
    delivery: Delivery<'a>,
    event: Option<Doc<'a>>,
    now: Timestamp,
) -> Result<KeyAge, SignatureError> {
    let claim = claim::claim(signed, delivery, event)?;
    if let (Some(signed_at), Some(time)) = (claim.signed_at, &signed.timestamp) {
        check_fresh(signed_at, now.as_second(), time.past_seconds_max, time.future_seconds_max)?;
    }
    keys.tried(now, |key| is_signed_by(key, &claim))
}

fn verify_token(
    from: &TokenFrom,
    keys: &SigningKeys,
    delivery: Delivery<'_>,
    now: Timestamp,
) -> Result<KeyAge, SignatureError> {
    let token = match from {
        TokenFrom::Header(header) => delivery.headers.required(header)?,
        TokenFrom::Path => {
            let place = || "the token in the path".to_owned();
            delivery.path_token.ok_or_else(|| SignatureError::Missing { place: place() })?
        }
    };
    keys.tried(now, |key| match key {
        SigningKey::Token(secret) => is_same(secret, token.as_bytes()),
        _ => false,
    })
}

/// Compares in constant time. Hashes have one length, so nothing is told about that of the secret.
fn is_same(secret: &[u8], found: &[u8]) -> bool {
    Sha256::digest(secret).as_slice().ct_eq(Sha256::digest(found).as_slice()).into()
}

impl SigningKeys {
    /// Which of the keys fits. Both are tried, always.
    fn tried(&self, now: Timestamp, fits: impl Fn(&SigningKey) -> bool) -> Result<KeyAge, SignatureError> {
        let by_current = fits(&self.current);
        let by_previous =
            self.previous.as_ref().is_some_and(fits) && !is_planted(Mistake::StopsAtFirstSecret);
        match (by_current, by_previous, self.previous_until) {
            (true, ..) => Ok(KeyAge::Current),
            (false, true, Some(until)) if now >= until => Err(SignatureError::Retired),
            (false, true, _) => Ok(KeyAge::Previous),
            (false, false, _) => Err(SignatureError::Mismatch),
        }
    }
}

fn check_fresh(signed_at: i64, now: i64, past_max: i64, future_max: i64) -> Result<(), SignatureError> {
    if is_planted(Mistake::AcceptsStale) {
        return Ok(());
    }
    let age_seconds = now.saturating_sub(signed_at);
    if age_seconds > past_max {
        return Err(SignatureError::Stale { age_seconds, max_seconds: past_max });
    }
    let ahead_seconds = signed_at.saturating_sub(now);
    if ahead_seconds > future_max {
        return Err(SignatureError::FromTheFuture { ahead_seconds, max_seconds: future_max });
    }
    Ok(())
}

fn is_signed_by(key: &SigningKey, claim: &Claim<'_>) -> bool {
    match key {
        SigningKey::Sha1(bytes) => is_mac::<Hmac<Sha1>>(bytes, claim),
        SigningKey::Sha256(bytes) => is_mac::<Hmac<Sha256>>(bytes, claim),
        SigningKey::Sha512(bytes) => is_mac::<Hmac<Sha512>>(bytes, claim),
        SigningKey::Ed25519(key) => {
            let message = whole(&claim.parts);
            claim.signatures.iter().fold(false, |fits, bytes| {
                let signature = ed25519_dalek::Signature::from_slice(bytes);
                fits | signature.is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok())
            })
        }
        SigningKey::Rsa(key) => {
            let Ok(key) = webpki::RawPublicKeyEntity::try_from(key) else { return false };
            let message = whole(&claim.parts);
            let algorithm = webpki::ring::RSA_PKCS1_2048_8192_SHA256;
            claim.signatures.iter().fold(false, |fits, signature| {
                fits | key.verify_signature(algorithm, &message, signature).is_ok()
            })
        }
        // A token is no signature, and a certificate is checked elsewhere.
        SigningKey::Token(_) | SigningKey::Certificate => false,
    }
}

fn whole<'p>(parts: &'p [Cow<'_, [u8]>]) -> Cow<'p, [u8]> {
    match parts {
        [only] => Cow::Borrowed(only),
        parts => Cow::Owned(parts.concat()),
    }
}

fn is_mac<M: hmac::Mac + hmac::KeyInit + Clone>(key: &[u8], claim: &Claim<'_>) -> bool {
    let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(key) else { return false };
    for part in &claim.parts {
        mac.update(part);
    }
    claim.signatures.iter().fold(false, |fits, signature| fits | mac.clone().verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests;
