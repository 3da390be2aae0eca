//! `[auth]` as it is written.

use serde::Deserialize;

/// A keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mac {
    /// HMAC with SHA-1: only where a provider offers nothing else (Braintree).
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// How the bytes of a key are written in the configured secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyDecoding {
    /// The text is the key.
    Utf8,
    /// Hex digits of either case.
    Hex,
    /// Base64; padding may be absent.
    Base64,
    /// A public key in PEM: `-----BEGIN PUBLIC KEY-----`.
    Pem,
}

/// What is done to the bytes of a secret before they are a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyDerivation {
    /// Nothing.
    #[default]
    None,
    /// The key is their SHA-1 (Braintree).
    Sha1,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hex digits of either case.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// Everything that any scheme may say; which of it a scheme must say is checked when it is compiled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Auth {
    pub(in crate::dialect) algorithm: Algorithm,
    pub(in crate::dialect) key: Option<Key>,
    #[serde(default)]
    pub(in crate::dialect) scope: Scope,
    pub(in crate::dialect) signed: Option<String>,
    pub(in crate::dialect) signature: Option<Signature>,
    pub(in crate::dialect) timestamp: Option<SignedTime>,
    pub(in crate::dialect) token: Option<Token>,
    pub(in crate::dialect) certificate: Option<Certificate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::dialect) enum Algorithm {
    HmacSha1,
    HmacSha256,
    HmacSha512,
    Ed25519,
    RsaSha256,
    Token,
    Certificate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::dialect) enum Scope {
    #[default]
    Delivery,
    Event,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Key {
    #[serde(default)]
    pub(in crate::dialect) strip: String,
    pub(in crate::dialect) decode: KeyDecoding,
    #[serde(default)]
    pub(in crate::dialect) derive: KeyDerivation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Signature {
    pub(in crate::dialect) header: Option<String>,
    pub(in crate::dialect) form: Option<String>,
    pub(in crate::dialect) field: Option<String>,
    pub(in crate::dialect) encoding: Encoding,
    pub(in crate::dialect) shape: Shape,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(in crate::dialect) enum Shape {
    Plain {
        #[serde(default)]
        prefix: String,
    },
    Pairs {
        separator: char,
        equals: char,
        signature: String,
        timestamp: String,
        headers: Option<String>,
    },
    Versioned {
        separator: char,
        version: String,
    },
    Keyed {
        separator: char,
        between: char,
        algorithm: Option<String>,
        key_id: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct SignedTime {
    pub(in crate::dialect) header: Option<String>,
    pub(in crate::dialect) past_seconds_max: i64,
    pub(in crate::dialect) future_seconds_max: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(in crate::dialect) enum Token {
    Header(String),
    Path(Yes),
}

/// `path = true`: the only thing it can say.
#[derive(Debug)]
pub(in crate::dialect) struct Yes;

impl<'de> Deserialize<'de> for Yes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(serde::de::Error::custom("only `true` can be said here: remove the key instead")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Certificate {
    pub(in crate::dialect) signature_header: String,
    pub(in crate::dialect) url_header: String,
    pub(in crate::dialect) hosts: Vec<String>,
    pub(in crate::dialect) name: String,
    pub(in crate::dialect) algorithm_header: String,
    pub(in crate::dialect) algorithm_is: String,
    pub(in crate::dialect) id_header: String,
    pub(in crate::dialect) time_header: String,
    pub(in crate::dialect) webhook_id: String,
}
