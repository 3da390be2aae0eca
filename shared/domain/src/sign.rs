//! Signing, for whoever plays the provider: the operator's `send`, and the tests.

use crate::dialect::{Algorithm, Auth, Encoding, Key, KeyDecoding, Mac, Piece, Shape, TimeFrom};
use crate::signature::KeyError;
use crate::time::Timestamp;
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit, Mac as HmacMac};
use sha2::{Sha256, Sha512};

/// Makes the headers that prove a body under a dialect, in the order they should be sent.
///
/// `secret` is what the source is configured with; for Ed25519 it is the private key, 32 bytes in the same encoding,
/// with or without the dialect's prefix. `headers` are the further headers of the request; those that the scheme signs
/// must be among them.
///
/// # Errors
/// [`KeyError`] when the secret is not a key.
pub fn sign(
    auth: &Auth,
    secret: &str,
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<Vec<(String, String)>, KeyError> {
    let time = now.as_second().to_string();
    let mut message = Vec::new();
    for piece in &auth.signed {
        match piece {
            Piece::Literal(text) => message.extend_from_slice(text.as_bytes()),
            Piece::Timestamp => message.extend_from_slice(time.as_bytes()),
            Piece::Header(name) => {
                let value = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
                message.extend_from_slice(value.map_or("", |(_, value)| value).as_bytes());
            }
            Piece::Body => message.extend_from_slice(body),
        }
    }
    let signature = raw_signature(auth, secret, &message)?;
    let text = match auth.signature.encoding {
        Encoding::Hex => HEXLOWER.encode(&signature),
        Encoding::Base64 => BASE64.encode(&signature),
    };
    let value = match &auth.signature.shape {
        Shape::Plain { prefix } => format!("{prefix}{text}"),
        Shape::Pairs { separator, equals, signature, timestamp } => {
            format!("{timestamp}{equals}{time}{separator}{signature}{equals}{text}")
        }
        Shape::Versioned { version, .. } => format!("{version},{text}"),
    };
    let mut signed = Vec::new();
    if let Some(TimeFrom::Header(header)) = auth.timestamp.as_ref().map(|time| &time.from) {
        signed.push((header.clone(), time));
    }
    signed.push((auth.signature.header.clone(), value));
    Ok(signed)
}

fn raw_signature(auth: &Auth, secret: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let key = secret_bytes(&auth.key, secret)?;
    match auth.algorithm {
        Algorithm::Mac(Mac::HmacSha256) => mac::<Hmac<Sha256>>(&key, message),
        Algorithm::Mac(Mac::HmacSha512) => mac::<Hmac<Sha512>>(&key, message),
        Algorithm::Ed25519 => {
            let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| KeyError::PublicKey)?;
            Ok(SigningKey::from_bytes(&key).sign(message).to_bytes().to_vec())
        }
    }
}

fn secret_bytes(key: &Key, secret: &str) -> Result<Vec<u8>, KeyError> {
    let text = secret.strip_prefix(key.strip.as_str()).unwrap_or(secret);
    match key.decode {
        KeyDecoding::Utf8 => Ok(text.as_bytes().to_vec()),
        KeyDecoding::Hex => {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| KeyError::Encoding("hex digits"))
        }
        KeyDecoding::Base64 => BASE64_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .map_err(|_| KeyError::Encoding("base64")),
    }
}

fn mac<M: HmacMac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| KeyError::TooShort { bytes: key.len() })?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

/// The public key, as a source is configured with it, of an Ed25519 private key of 32 bytes.
#[must_use]
pub fn public_key(auth: &Auth, private: &[u8; 32]) -> String {
    let public = SigningKey::from_bytes(private).verifying_key();
    let text = match auth.key.decode {
        KeyDecoding::Hex => HEXLOWER.encode(public.as_bytes()),
        KeyDecoding::Base64 | KeyDecoding::Utf8 => BASE64.encode(public.as_bytes()),
    };
    format!("{}{text}", auth.key.strip)
}
