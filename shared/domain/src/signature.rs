//! From a delivery to verified bytes.
//!
//! One algorithm serves every scheme; a dialect only says where things are. Bytes that were not verified cannot be
//! parsed, by type: [`Verified`] has private fields and this module's [`verify`] is its only constructor.

use crate::dialect::{Algorithm, Auth, Encoding, Key, KeyDecoding, Mac, Piece, Shape, Signature, TimeFrom};
use crate::limits::{HEADER_BYTES_MAX, SECRET_BYTES_MIN, SECRETS_MAX, SIGNATURES_MAX};
use crate::time::Timestamp;
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use ed25519_dalek::VerifyingKey;
use hmac::Hmac;
use sha2::{Sha256, Sha512};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

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
    /// [`SignatureError::DoubledHeader`] when it came twice: two readers could disagree on which one counts.
    pub fn one(&self, name: &str) -> Result<Option<&str>, SignatureError> {
        match self.0.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([value]) if value.len() > HEADER_BYTES_MAX => {
                Err(SignatureError::HeaderTooLong { header: name.to_owned(), bytes: value.len() })
            }
            Some([value]) => Ok(Some(value)),
            Some(_) => Err(SignatureError::DoubledHeader { header: name.to_owned() }),
        }
    }

    fn required(&self, name: &str) -> Result<&str, SignatureError> {
        self.one(name)?.ok_or_else(|| SignatureError::MissingHeader { header: name.to_owned() })
    }
}

/// One request as it came in. Nothing of it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers.
    pub headers: &'a Headers,
    /// Its body, byte for byte, after base64 decoding by the edge.
    pub body: &'a [u8],
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
    /// A header that the scheme needs is absent.
    #[error("the header {header} is missing")]
    MissingHeader {
        /// Its name.
        header: String,
    },
    /// A header that the scheme needs came twice, or its one value is a list of two.
    #[error("the header {header} came more than once")]
    DoubledHeader {
        /// Its name.
        header: String,
    },
    /// Over [`HEADER_BYTES_MAX`].
    #[error("the header {header} has {bytes} bytes, more than {HEADER_BYTES_MAX}")]
    HeaderTooLong {
        /// Its name.
        header: String,
        /// Its length.
        bytes: usize,
    },
    /// Not built as the scheme says.
    #[error("the header {header} {why}")]
    MalformedHeader {
        /// Its name.
        header: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Over [`SIGNATURES_MAX`].
    #[error("the header {header} holds more than {SIGNATURES_MAX} signatures")]
    TooManySignatures {
        /// Its name.
        header: String,
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
    /// None of the signatures is ours.
    #[error("no signature matches a secret in force")]
    Mismatch,
}

impl SignatureError {
    /// A word for metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "missing",
            Self::DoubledHeader { .. } => "doubled",
            Self::HeaderTooLong { .. } | Self::MalformedHeader { .. } | Self::TooManySignatures { .. } => {
                "malformed"
            }
            Self::Stale { .. } => "stale",
            Self::FromTheFuture { .. } => "future",
            Self::Mismatch => "mismatch",
        }
    }
}

enum SigningKey {
    Sha256(Zeroizing<Vec<u8>>),
    Sha512(Zeroizing<Vec<u8>>),
    Ed25519(Box<VerifyingKey>),
}

/// The keys in force for one source: never none, at most [`SECRETS_MAX`]. It does not print itself.
pub struct SigningKeys {
    current: SigningKey,
    previous: Option<SigningKey>,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeys([REDACTED])")
    }
}

/// Why a configured secret is not a key. It never repeats the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The dialect wants a prefix that is not there.
    #[error("the secret does not begin with the prefix that this dialect's secrets have")]
    Prefix,
    /// Not hex or base64.
    #[error("the secret is not {0}")]
    Encoding(&'static str),
    /// Fewer bits than a key needs.
    #[error("the secret has {bytes} bytes of key, fewer than {SECRET_BYTES_MIN}")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// Not a point of the curve, or one of the few that fit many signatures.
    #[error("the secret is not an Ed25519 public key of 32 bytes")]
    PublicKey,
}

impl SigningKeys {
    /// Turns the configured secrets of a source into keys, as its dialect says.
    ///
    /// # Errors
    /// [`KeyError`], without the secret.
    pub fn new(auth: &Auth, current: &str, previous: Option<&str>) -> Result<Self, KeyError> {
        const { assert!(SECRETS_MAX == 2) };
        Ok(Self {
            current: signing_key(auth, current)?,
            previous: previous.map(|secret| signing_key(auth, secret)).transpose()?,
        })
    }
}

fn key_bytes(key: &Key, secret: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = secret.strip_prefix(key.strip.as_str()).ok_or(KeyError::Prefix)?;
    let bytes = match key.decode {
        KeyDecoding::Utf8 => text.as_bytes().to_vec(),
        KeyDecoding::Hex => {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| KeyError::Encoding("hex digits"))?
        }
        KeyDecoding::Base64 => BASE64_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .map_err(|_| KeyError::Encoding("base64"))?,
    };
    Ok(Zeroizing::new(bytes))
}

fn signing_key(auth: &Auth, secret: &str) -> Result<SigningKey, KeyError> {
    let bytes = key_bytes(&auth.key, secret)?;
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(KeyError::TooShort { bytes: bytes.len() });
    }
    Ok(match auth.algorithm {
        Algorithm::Mac(Mac::HmacSha256) => SigningKey::Sha256(bytes),
        Algorithm::Mac(Mac::HmacSha512) => SigningKey::Sha512(bytes),
        Algorithm::Ed25519 => {
            let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::PublicKey)?;
            let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::PublicKey)?;
            if key.is_weak() {
                return Err(KeyError::PublicKey);
            }
            SigningKey::Ed25519(Box::new(key))
        }
    })
}

/// What the headers claim.
struct Claim<'a> {
    /// The timestamp as it was written, and as a number.
    signed_at: Option<(&'a str, i64)>,
    signatures: Vec<Vec<u8>>,
}

/// Proves that a delivery was signed with one of our keys, and recently.
///
/// Every signature is tried against every key, without stopping at the first that fits, so that the time taken does
/// not tell which one did.
///
/// # Errors
/// [`SignatureError`] says why not.
pub fn verify<'a>(
    auth: &Auth,
    keys: &SigningKeys,
    delivery: Delivery<'a>,
    now: Timestamp,
) -> Result<Verified<'a>, SignatureError> {
    let claim = claim(auth, delivery.headers)?;
    if let (Some((_, signed_at)), Some(time)) = (claim.signed_at, &auth.timestamp) {
        check_fresh(signed_at, now.as_second(), time.past_seconds_max, time.future_seconds_max)?;
    }
    let signed = signed_parts(auth, &claim, delivery)?;
    let by_current = is_signed_by(&keys.current, &claim, &signed);
    let by_previous = keys.previous.as_ref().is_some_and(|key| is_signed_by(key, &claim, &signed));
    let key = match (by_current, by_previous) {
        (true, _) => KeyAge::Current,
        (false, true) => KeyAge::Previous,
        (false, false) => return Err(SignatureError::Mismatch),
    };
    Ok(Verified { headers: delivery.headers, body: delivery.body, key })
}

fn claim<'a>(auth: &Auth, headers: &'a Headers) -> Result<Claim<'a>, SignatureError> {
    let Signature { header, shape, encoding } = &auth.signature;
    let value = headers.required(header)?;
    let malformed = |why| SignatureError::MalformedHeader { header: header.clone(), why };
    let (texts, inner_time) = match shape {
        Shape::Plain { prefix } => {
            (vec![value.strip_prefix(prefix.as_str()).ok_or_else(|| malformed("lacks its prefix"))?], None)
        }
        Shape::Pairs { separator, equals, signature, timestamp } => {
            let (mut texts, mut times) = (Vec::new(), Vec::new());
            for part in value.split(*separator) {
                let (name, text) =
                    part.trim().split_once(*equals).ok_or_else(|| malformed("has a part without a name"))?;
                if name == signature {
                    texts.push(text);
                } else if name == timestamp {
                    times.push(text);
                }
            }
            match times.as_slice() {
                [] => return Err(malformed("has no timestamp")),
                [time] => (texts, Some(*time)),
                _ => return Err(SignatureError::DoubledHeader { header: header.clone() }),
            }
        }
        Shape::Versioned { separator, version } => {
            let mut texts = Vec::new();
            for entry in value.split(*separator).filter(|entry| !entry.is_empty()) {
                let (found, text) =
                    entry.split_once(',').ok_or_else(|| malformed("has an entry without a version"))?;
                if found == version {
                    texts.push(text);
                }
            }
            (texts, None)
        }
    };
    if texts.is_empty() {
        return Err(malformed("has no signature of the accepted version"));
    }
    if texts.len() > SIGNATURES_MAX {
        return Err(SignatureError::TooManySignatures { header: header.clone() });
    }
    // The edge joins a repeated header with a comma, which no signature holds.
    if texts.iter().any(|text| text.contains(',')) {
        return Err(SignatureError::DoubledHeader { header: header.clone() });
    }
    // What cannot be decoded fits no key, and does not spoil a right one beside it.
    let signatures: Vec<_> = texts.into_iter().filter_map(|text| decode(*encoding, text)).collect();
    if signatures.is_empty() {
        return Err(malformed("has no signature that can be decoded"));
    }
    Ok(Claim { signed_at: signed_at(auth, headers, inner_time)?, signatures })
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok(),
        Encoding::Base64 => BASE64.decode(text.as_bytes()).ok(),
    }
}

fn signed_at<'a>(
    auth: &Auth,
    headers: &'a Headers,
    inner: Option<&'a str>,
) -> Result<Option<(&'a str, i64)>, SignatureError> {
    let Some(time) = &auth.timestamp else { return Ok(None) };
    let (header, text) = match &time.from {
        TimeFrom::Header(header) => (header, headers.required(header)?),
        TimeFrom::Signature => (&auth.signature.header, inner.unwrap_or_default()),
    };
    let is_plain = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = is_plain.then(|| text.parse().ok()).flatten();
    let seconds = seconds.ok_or_else(|| SignatureError::MalformedHeader {
        header: header.clone(),
        why: "has a timestamp that is not Unix seconds",
    })?;
    Ok(Some((text, seconds)))
}

fn check_fresh(signed_at: i64, now: i64, past_max: i64, future_max: i64) -> Result<(), SignatureError> {
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

fn signed_parts<'a>(
    auth: &'a Auth,
    claim: &Claim<'a>,
    delivery: Delivery<'a>,
) -> Result<Vec<&'a [u8]>, SignatureError> {
    auth.signed
        .iter()
        .map(|piece| {
            Ok(match piece {
                Piece::Literal(text) => text.as_bytes(),
                Piece::Timestamp => claim.signed_at.map_or("", |(text, _)| text).as_bytes(),
                Piece::Header(header) => delivery.headers.required(header)?.as_bytes(),
                Piece::Body => delivery.body,
            })
        })
        .collect()
}

fn is_signed_by(key: &SigningKey, claim: &Claim<'_>, parts: &[&[u8]]) -> bool {
    match key {
        SigningKey::Sha256(bytes) => is_mac::<Hmac<Sha256>>(bytes, claim, parts),
        SigningKey::Sha512(bytes) => is_mac::<Hmac<Sha512>>(bytes, claim, parts),
        SigningKey::Ed25519(key) => {
            let message = parts.concat();
            claim.signatures.iter().fold(false, |fits, bytes| {
                let signature = ed25519_dalek::Signature::from_slice(bytes);
                fits | signature.is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok())
            })
        }
    }
}

fn is_mac<M: hmac::Mac + hmac::KeyInit + Clone>(key: &[u8], claim: &Claim<'_>, parts: &[&[u8]]) -> bool {
    let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(key) else { return false };
    for part in parts {
        mac.update(part);
    }
    claim.signatures.iter().fold(false, |fits, signature| fits | mac.clone().verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests;
