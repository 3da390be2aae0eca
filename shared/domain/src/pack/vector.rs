//! A delivery with a key that is no secret: what a sender checks its own code with.

use super::events::Events;
use super::recipe::{Part, Recipe, Signing};
use crate::dialect::KeyDecoding;
use crate::envelope::split;
use crate::sign::{public_key, sign};
use crate::signature::{Delivery, Headers, SigningKeys, verify};
use crate::source::Source;
use crate::time::from_seconds;
use crate::translate::{Body, Translation, translate};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

/// Bytes of a key that cannot be taken for a secret.
const KEY: &[u8; 32] = b"a-test-key-that-is-not-a-secret!";
/// When the vector was signed: 2025-11-24T16:00:00Z.
pub(super) const SIGNED_AT: i64 = 1_764_000_000;

/// A signed delivery.
pub(super) struct Vector {
    /// What signs it.
    pub(super) secret: String,
    /// What the endpoint would be given to verify it, where that is something else.
    pub(super) public_key: Option<String>,
    pub(super) body: String,
    /// Headers in the order they are shown.
    pub(super) headers: Vec<(String, String)>,
}

impl Vector {
    /// Signs a delivery, and proves it with the verifier itself: an error says what that did not like.
    pub(super) fn of(source: &Source, recipe: &Recipe, events: &Events) -> Result<Self, String> {
        let auth = &source.dialect.auth;
        let secret = secret(recipe);
        let public_key = (recipe.signing == Signing::Ed25519).then(|| public_key(&recipe.key, KEY));
        let body = events.sample.clone();
        let mut headers = Vec::new();
        for sent in &recipe.headers {
            if let [Part::Given(given)] = sent.value.as_slice() {
                headers.push((sent.name.clone(), events.given(*given).to_owned()));
            }
        }
        let mut signed_headers = headers.clone();
        signed_headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let now = from_seconds(SIGNED_AT);
        let signed = sign(auth, &secret, &signed_headers, body.as_bytes(), now).map_err(|e| e.to_string())?;
        headers.extend(signed);
        let vector = Self { secret, public_key, body, headers };
        vector.prove(source)?;
        Ok(vector)
    }

    /// What the endpoint does with it: accept it, and understand its event.
    fn prove(&self, source: &Source) -> Result<(), String> {
        let auth = &source.dialect.auth;
        let key = self.public_key.as_ref().unwrap_or(&self.secret);
        let keys = SigningKeys::new(auth, key, None).map_err(|e| e.to_string())?;
        let sent = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = Headers::new(sent.chain([("content-type", "application/json")]));
        let delivery =
            Delivery { headers: &headers, body: self.body.as_bytes(), path_token: None, source_ip: None };
        let verified = verify(auth, &keys, delivery, from_seconds(SIGNED_AT)).map_err(|e| e.to_string())?;
        let split = split(source, &verified);
        if let Some(unreadable) = split.unreadable.first() {
            return Err(unreadable.error.to_string());
        }
        let [event] = split.events.as_slice() else {
            return Err(format!("the body holds {} events instead of one", split.events.len()));
        };
        match translate(source, &event.kind, Body::Delivered(event.body.as_bytes())) {
            Ok(Translation::Facts(_)) => Ok(()),
            Ok(Translation::Unmapped) => Err(format!("an event of type {} means nothing", event.kind)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The vector for machines.
    pub(super) fn to_json(&self, recipe: &Recipe) -> String {
        let given: serde_json::Map<_, _> = recipe
            .headers
            .iter()
            .zip(&self.headers)
            .filter_map(|(sent, (_, value))| match sent.value.as_slice() {
                [Part::Given(given)] => Some((given.variable().to_owned(), json!(value))),
                _ => None,
            })
            .collect();
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let vector = json!({
            "about": "A delivery signed with a key that is no secret. The body is samples/body.json, byte for byte.",
            "secret": self.secret,
            "public_key": self.public_key,
            "timestamp": SIGNED_AT,
            "given": given,
            "body": self.body,
            "headers": headers,
        });
        super::pretty(&vector)
    }
}

/// The key as a sender holds it.
fn secret(recipe: &Recipe) -> String {
    let prefix = if recipe.signing == Signing::Ed25519 { "" } else { recipe.key.strip.as_str() };
    let text = match recipe.key.decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => String::from_utf8_lossy(KEY).into_owned(),
        KeyDecoding::Hex => HEXLOWER.encode(KEY),
        KeyDecoding::Base64 => BASE64.encode(KEY),
    };
    format!("{prefix}{text}")
}
