//! From a configured secret to a key.

use crate::dialect::{Algorithm, Auth, Key, KeyDecoding, KeyDerivation, Mac, Signed};
use crate::limits::{SECRET_BYTES_MIN, SECRETS_MAX};
use crate::time::Timestamp;
use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use ed25519_dalek::VerifyingKey;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use sha1::{Digest as _, Sha1};
use webpki::RawPublicKeyEntity;
use zeroize::Zeroizing;

pub(super) enum SigningKey {
    Sha1(Zeroizing<Vec<u8>>),
    Sha256(Zeroizing<Vec<u8>>),
    Sha512(Zeroizing<Vec<u8>>),
    Ed25519(Box<VerifyingKey>),
    Rsa(SubjectPublicKeyInfoDer<'static>),
    Token(Zeroizing<Vec<u8>>),
    /// None: what is delivered names its certificate.
    Certificate,
}

/// The keys in force for one source: never none, at most [`SECRETS_MAX`]. It does not print itself.
pub struct SigningKeys {
    pub(super) current: SigningKey,
    pub(super) previous: Option<SigningKey>,
    /// From when on the previous one is retired: known, and refused.
    pub(super) previous_until: Option<Timestamp>,
    pub(super) basic: Vec<Zeroizing<Vec<u8>>>,
    pub(super) path_tokens: Vec<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeys([REDACTED])")
    }
}

/// Why a configured secret is not a key. It never repeats the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The dialect wants a prefix that is not there. It is the dialect's, and no secret.
    #[error("the secret does not begin with {0:?}, as this dialect's secrets do")]
    Prefix(String),
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
    /// Not an RSA public key in PEM.
    #[error("the secret is not a public key in PEM: it begins with -----BEGIN PUBLIC KEY-----")]
    Pem,
    /// The dialect's deliveries are proven by a certificate that they name.
    #[error("this dialect has no secret: its deliveries are proven by a certificate")]
    NoSecret,
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
            previous_until: None,
            basic: Vec::new(),
            path_tokens: Vec::new(),
        })
    }

    /// The keys of a source whose deliveries name their certificate: it has no secret of its own.
    #[must_use]
    pub fn certificate() -> Self {
        Self {
            current: SigningKey::Certificate,
            previous: None,
            previous_until: None,
            basic: Vec::new(),
            path_tokens: Vec::new(),
        }
    }

    /// The same with an instant from which on the previous secret is retired; without one it is accepted for ever.
    #[must_use]
    pub fn with_previous_until(mut self, until: Option<Timestamp>) -> Self {
        self.previous_until = until;
        self
    }

    /// The same with what the second factors are compared with: `user:password`, and the last part of the URL. Each may
    /// be two while it is being changed.
    ///
    /// # Errors
    /// [`KeyError::TooShort`], without the secret.
    pub fn with_factors(mut self, basic: &[String], path_tokens: &[String]) -> Result<Self, KeyError> {
        let read = |secrets: &[String]| {
            secrets.iter().map(|secret| long_enough(secret.as_bytes().to_vec())).collect::<Result<_, _>>()
        };
        self.basic = read(basic)?;
        self.path_tokens = read(path_tokens)?;
        Ok(self)
    }
}

fn signing_key(auth: &Auth, secret: &str) -> Result<SigningKey, KeyError> {
    match auth {
        Auth::Signed(signed) => key_of(signed, secret),
        Auth::Token(_) => Ok(SigningKey::Token(long_enough(secret.as_bytes().to_vec())?)),
        Auth::Certificate(_) => Err(KeyError::NoSecret),
    }
}

fn key_of(signed: &Signed, secret: &str) -> Result<SigningKey, KeyError> {
    if signed.algorithm == Algorithm::RsaSha256 {
        let key = SubjectPublicKeyInfoDer::from_pem_slice(secret.as_bytes()).map_err(|_| KeyError::Pem)?;
        RawPublicKeyEntity::try_from(&key).map_err(|_| KeyError::Pem)?;
        return Ok(SigningKey::Rsa(key));
    }
    let bytes = long_enough(key_bytes(&signed.key, secret)?.to_vec())?;
    let bytes = match signed.key.derive {
        KeyDerivation::None => bytes,
        KeyDerivation::Sha1 => Zeroizing::new(Sha1::digest(bytes.as_slice()).to_vec()),
    };
    Ok(match signed.algorithm {
        Algorithm::Mac(Mac::HmacSha1) => SigningKey::Sha1(bytes),
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
        Algorithm::RsaSha256 => return Err(KeyError::Pem),
    })
}

fn long_enough(bytes: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let bytes = Zeroizing::new(bytes);
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(KeyError::TooShort { bytes: bytes.len() });
    }
    Ok(bytes)
}

fn key_bytes(key: &Key, secret: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = secret.strip_prefix(key.strip.as_str()).ok_or_else(|| KeyError::Prefix(key.strip.clone()))?;
    let bytes = match key.decode {
        KeyDecoding::Utf8 => text.as_bytes().to_vec(),
        KeyDecoding::Hex => {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| KeyError::Encoding("hex digits"))?
        }
        KeyDecoding::Base64 => BASE64_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .map_err(|_| KeyError::Encoding("base64"))?,
        KeyDecoding::Pem => return Err(KeyError::Pem),
    };
    Ok(Zeroizing::new(bytes))
}
