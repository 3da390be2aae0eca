//! Signing, for whoever plays the provider: the operator's `send`, and the tests.

use crate::content::form_field;
use crate::dialect::{
    Algorithm, Auth, Encoding, Key, KeyDecoding, KeyDerivation, Mac, Piece, Shape, SignatureFrom, Signed,
    TimeFrom, TokenFrom,
};
use crate::signature::KeyError;
use crate::time::Timestamp;
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit, Mac as HmacMac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

/// Why a delivery cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The secret is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The scheme is one that only the provider can play.
    #[error("{0}: take a delivery that the provider signed")]
    NotOurs(&'static str),
}

/// Makes the headers that prove a body under a dialect, in the order they should be sent.
///
/// `secret` is what the source is configured with; for Ed25519 it is the private key, 32 bytes in the same encoding,
/// with or without the dialect's prefix. `headers` are the further headers of the request; those that the scheme signs
/// must be among them.
///
/// # Errors
/// [`SignError`] when the secret is not a key, or the scheme's signatures are not in headers.
pub fn sign(
    auth: &Auth,
    secret: &str,
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<Vec<(String, String)>, SignError> {
    let signed = match auth {
        Auth::Signed(signed) => signed,
        Auth::Token(TokenFrom::Header(header)) => return Ok(vec![(header.clone(), secret.to_owned())]),
        // The caller puts it into the URL.
        Auth::Token(TokenFrom::Path) => return Ok(Vec::new()),
        Auth::Certificate(_) => {
            return Err(SignError::NotOurs("the deliveries are signed under the provider's own certificate"));
        }
    };
    let SignatureFrom::Header(header) = &signed.signature.from else {
        return Err(SignError::NotOurs("the signatures are inside the body"));
    };
    let time = now.as_second().to_string();
    let message = message(signed, headers, body, &time)?;
    let signature = raw_signature(signed, secret, &message)?;
    let text = match signed.signature.encoding {
        Encoding::Hex => HEXLOWER.encode(&signature),
        Encoding::Base64 => BASE64.encode(&signature),
    };
    let value = match &signed.signature.shape {
        Shape::Plain { prefix } => format!("{prefix}{text}"),
        Shape::Pairs { separator, equals, signature, timestamp, headers: list } => {
            let list = list.as_ref().map(|name| format!("{name}{equals}{}{separator}", names(headers)));
            let list = list.unwrap_or_default();
            format!("{timestamp}{equals}{time}{separator}{list}{signature}{equals}{text}")
        }
        Shape::Versioned { version, .. } => format!("{version},{text}"),
        Shape::Keyed { between, algorithm, key_id, .. } => {
            let algorithm = algorithm.as_ref().map(|name| format!("{name}{between}")).unwrap_or_default();
            format!("{}{between}{algorithm}{text}", key_id.as_deref().unwrap_or("key"))
        }
    };
    let mut made = Vec::new();
    if let Some(TimeFrom::Header(header)) = signed.timestamp.as_ref().map(|time| &time.from) {
        made.push((header.clone(), time));
    }
    made.push((header.clone(), value));
    Ok(made)
}

fn message(
    signed: &Signed,
    headers: &[(String, String)],
    body: &[u8],
    time: &str,
) -> Result<Vec<u8>, SignError> {
    let mut message = Vec::new();
    for piece in &signed.pieces {
        match piece {
            Piece::Literal(text) => message.extend_from_slice(text.as_bytes()),
            Piece::Timestamp => message.extend_from_slice(time.as_bytes()),
            Piece::Header(name) if is_of_time(signed, name) => message.extend_from_slice(time.as_bytes()),
            Piece::Header(name) => {
                let value = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
                message.extend_from_slice(value.map_or("", |(_, value)| value).as_bytes());
            }
            Piece::ListedHeaders => {
                let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
                message.extend_from_slice(format!("{}.{}", names(headers), values.join(".")).as_bytes());
            }
            Piece::Body => message.extend_from_slice(body),
            Piece::Form(field) => {
                let text = form_field(body, field).ok().flatten().unwrap_or_default();
                message.extend_from_slice(text.as_bytes());
            }
            Piece::Field(_) => return Err(SignError::NotOurs("each event is signed for itself")),
        }
    }
    Ok(message)
}

/// Whether the time of signing is sent in this header.
fn is_of_time(signed: &Signed, name: &str) -> bool {
    let from = signed.timestamp.as_ref().map(|time| &time.from);
    matches!(from, Some(TimeFrom::Header(header)) if header == name)
}

/// The further headers, all of them signed where the scheme lists them.
fn names(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect::<Vec<_>>().join(" ")
}

fn raw_signature(signed: &Signed, secret: &str, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let key = secret_bytes(&signed.key, secret)?;
    Ok(match signed.algorithm {
        Algorithm::Mac(Mac::HmacSha1) => mac::<Hmac<Sha1>>(&key, message)?,
        Algorithm::Mac(Mac::HmacSha256) => mac::<Hmac<Sha256>>(&key, message)?,
        Algorithm::Mac(Mac::HmacSha512) => mac::<Hmac<Sha512>>(&key, message)?,
        Algorithm::Ed25519 => {
            let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| KeyError::PublicKey)?;
            SigningKey::from_bytes(&key).sign(message).to_bytes().to_vec()
        }
        Algorithm::RsaSha256 => return Err(SignError::NotOurs("only the provider holds the private key")),
    })
}

fn secret_bytes(key: &Key, secret: &str) -> Result<Vec<u8>, KeyError> {
    let text = secret.strip_prefix(key.strip.as_str()).unwrap_or(secret);
    let bytes = match key.decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => text.as_bytes().to_vec(),
        KeyDecoding::Hex => {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| KeyError::Encoding("hex digits"))?
        }
        KeyDecoding::Base64 => BASE64_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .map_err(|_| KeyError::Encoding("base64"))?,
    };
    Ok(match key.derive {
        KeyDerivation::None => bytes,
        KeyDerivation::Sha1 => Sha1::digest(&bytes).to_vec(),
    })
}

fn mac<M: HmacMac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| KeyError::TooShort { bytes: key.len() })?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

/// The public key, as a source is configured with it, of an Ed25519 private key of 32 bytes.
#[must_use]
pub fn public_key(key: &Key, private: &[u8; 32]) -> String {
    let public = SigningKey::from_bytes(private).verifying_key();
    let text = match key.decode {
        KeyDecoding::Hex => HEXLOWER.encode(public.as_bytes()),
        KeyDecoding::Base64 | KeyDecoding::Utf8 | KeyDecoding::Pem => BASE64.encode(public.as_bytes()),
    };
    format!("{}{text}", key.strip)
}
