//! How a delivery is proven authentic, as compiled from a dialect.

pub use super::file::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::json::Path;

/// How a delivery is proven authentic. There is no variant that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// By a signature over what was sent.
    Signed(Box<Signed>),
    /// By a secret text that comes with it. It does not bind the body: whoever reads one delivery can forge the next, so
    /// a dialect does better to ask the provider back.
    Token(TokenFrom),
    /// By a signature under a certificate that the delivery names (PayPal).
    Certificate(Box<Certificate>),
}

/// Where a secret token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFrom {
    /// In a header, in lower case.
    Header(String),
    /// In the last part of the URL's path: `/v1/webhooks/{source}/{token}`.
    Path,
}

/// A signature under a secret or public key of ours to configure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// How a configured secret becomes a key.
    pub key: Key,
    /// Whether the delivery is signed, or each of its events.
    pub scope: Scope,
    /// What was signed, in order.
    pub pieces: Vec<Piece>,
    /// Where the signatures are.
    pub signature: Signature,
    /// Where the time of signing is, if the scheme has one.
    pub timestamp: Option<SignedTime>,
}

/// What one signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The delivery.
    Delivery,
    /// One event of it; every event carries its own. The path leads to all of them.
    Event(Path),
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A shared secret.
    Mac(Mac),
    /// A public key.
    Ed25519,
    /// A public key: RSA PKCS#1 v1.5 over SHA-256, 2048 to 8192 bits.
    RsaSha256,
}

/// How a configured secret becomes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// A prefix that is not part of the key: `whsec_`.
    pub strip: String,
    /// How the rest is written.
    pub decode: KeyDecoding,
    /// What is done to it before it is a key.
    pub derive: KeyDerivation,
}

/// One piece of what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Literal(String),
    /// The timestamp, as it was written.
    Timestamp,
    /// The value of a header, as it was written.
    Header(String),
    /// The list of headers that the signature names itself, and their values, all joined with `.`. Only with
    /// [`Shape::Pairs`] that have such a list.
    ListedHeaders,
    /// The body, as it was received.
    Body,
    /// A field of a form body, decoded.
    Form(String),
    /// A scalar of the event, empty when it is absent. Only in [`Scope::Event`].
    Field(Path),
}

/// Where the signatures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Where.
    pub from: SignatureFrom,
    /// How the text there is built.
    pub shape: Shape,
    /// How a signature is written.
    pub encoding: Encoding,
}

/// Where the signatures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFrom {
    /// In a header, in lower case.
    Header(String),
    /// In a field of a form body.
    Form(String),
    /// In the event itself. Only in [`Scope::Event`].
    Field(Path),
}

impl std::fmt::Display for SignatureFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header {name}"),
            Self::Form(name) => write!(f, "the form field {name}"),
            Self::Field(path) => write!(f, "the field {}", path.as_str()),
        }
    }
}

/// How the text that holds the signatures is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The signature and nothing else, after a fixed prefix (which may be empty): `sha256=<hex>`.
    Plain {
        /// The prefix.
        prefix: String,
    },
    /// Named parts: `t=1,v1=<hex>,v1=<hex>`. Only parts with the given name count.
    Pairs {
        /// Between parts.
        separator: char,
        /// Between name and value.
        equals: char,
        /// Name of a signature part.
        signature: String,
        /// Name of the timestamp part.
        timestamp: String,
        /// Name of the part that lists, between spaces, further headers that are signed.
        headers: Option<String>,
    },
    /// Versioned entries: `v1,<sig> v1a,<sig>`. Only entries of the given version count.
    Versioned {
        /// Between entries.
        separator: char,
        /// The version.
        version: String,
    },
    /// Entries by key: `keyId/SHA256/<sig>,…`. Only entries of the given key count; of any key when none is given.
    Keyed {
        /// Between entries.
        separator: char,
        /// Between the parts of an entry.
        between: char,
        /// The part between key and signature, if there is one: `SHA256`.
        algorithm: Option<String>,
        /// The key's public name.
        key_id: Option<String>,
    },
}

/// Where the time of signing is and how old it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTime {
    /// Where.
    pub from: TimeFrom,
    /// Oldest age accepted, in seconds.
    pub past_seconds_max: i64,
    /// Furthest future accepted, in seconds.
    pub future_seconds_max: i64,
}

/// Where the time of signing is: always Unix seconds, in every scheme that has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFrom {
    /// The timestamp part of [`Shape::Pairs`].
    Signature,
    /// A header, in lower case.
    Header(String),
}

/// RSA PKCS#1 v1.5 over SHA-256 under a certificate that the delivery names by URL. What is signed is
/// `id|time|webhook id|CRC-32 of the body in decimal`: the checksum does not bind the body, so a dialect with this
/// proof must ask the provider back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Header of the signature, in base64.
    pub signature: String,
    /// Header of the certificate's URL.
    pub url: String,
    /// Hosts that a certificate is fetched from, exact, over TLS.
    pub hosts: Vec<String>,
    /// Name that the certificate must be for.
    pub name: String,
    /// Header that names the algorithm.
    pub algorithm: String,
    /// The only algorithm accepted: `SHA256withRSA`.
    pub algorithm_is: String,
    /// Header of the delivery's id.
    pub id: String,
    /// Header of the delivery's time.
    pub time: String,
    /// The endpoint's id at the provider.
    pub webhook_id: String,
}

impl Auth {
    /// The headers that prove a delivery, in lower case.
    #[must_use]
    pub fn headers(&self) -> Vec<&str> {
        match self {
            Self::Signed(signed) => signed.headers(),
            // The token is a secret, not a proof that may be kept.
            Self::Token(_) => Vec::new(),
            Self::Certificate(c) => vec![&c.signature, &c.url, &c.algorithm, &c.id, &c.time],
        }
    }
}

impl Signed {
    fn headers(&self) -> Vec<&str> {
        let mut headers = Vec::new();
        if let SignatureFrom::Header(header) = &self.signature.from {
            headers.push(header.as_str());
        }
        if let Some(SignedTime { from: TimeFrom::Header(header), .. }) = &self.timestamp {
            headers.push(header);
        }
        headers.extend(self.pieces.iter().filter_map(|piece| match piece {
            Piece::Header(header) => Some(header.as_str()),
            _ => None,
        }));
        headers
    }
}
