//! One form for all the ways to write the same content.

use super::tape::Kind;
use super::{Doc, JsonError, Path};
use crate::ids::Sha256Hex;
use crate::limits::JSON_DEPTH_MAX;
use sha2::{Digest as _, Sha256};

/// The digest of what an event means: the canonical form of the given places, so that white space, key order and
/// fields that change from one delivery to the next (Stripe's `pending_webhooks`) do not count.
///
/// # Errors
/// [`JsonError`] when a place holds a doubled key or is nested too deep.
pub fn meaning(doc: Doc<'_>, places: &[Path]) -> Result<Sha256Hex, JsonError> {
    let mut form = Vec::with_capacity(doc.source().len());
    for path in places {
        form.push(0x1e);
        for place in doc.all(path)? {
            write(place, &mut form, 0)?;
        }
    }
    Ok(Sha256Hex::of(&[&Sha256::digest(&form)]))
}

/// Keys sorted, no spaces, strings unescaped, numbers as written.
fn write(doc: Doc<'_>, form: &mut Vec<u8>, depth: usize) -> Result<(), JsonError> {
    if depth > JSON_DEPTH_MAX {
        return Err(JsonError::TooDeep);
    }
    let deeper = depth.saturating_add(1);
    match doc.node().kind {
        Kind::Object => {
            let members = doc.members().map(|(key, value)| Ok((key.key()?, value)));
            let mut members = members.collect::<Result<Vec<_>, JsonError>>()?;
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            if let Some(pair) = members.windows(2).find(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
                let key = pair.first().map_or_else(String::new, |(key, _)| crate::money::excerpt(key));
                return Err(JsonError::DuplicateKey { at: "$".to_owned(), key });
            }
            form.push(b'{');
            for (key, value) in members {
                write_text(&key, form);
                write(value, form, deeper)?;
            }
            form.push(b'}');
        }
        Kind::List => {
            form.push(b'[');
            for item in doc.children() {
                write(item, form, deeper)?;
                form.push(b',');
            }
            form.push(b']');
        }
        Kind::PlainText | Kind::EscapedText => match doc.text() {
            Some(text) => write_text(&text, form),
            // Half of a surrogate pair: valid JSON, but no text. Its source tells it from any other.
            None => form.extend_from_slice(doc.source().as_bytes()),
        },
        Kind::Number | Kind::Boolean | Kind::Null => form.extend_from_slice(doc.source().as_bytes()),
    }
    Ok(())
}

/// A string, preceded by its length so that it cannot be confused with what follows.
fn write_text(text: &str, form: &mut Vec<u8>) {
    form.push(b'"');
    match u8::try_from(text.len()) {
        Ok(length) if length < u8::MAX => form.push(length),
        _ => {
            form.push(u8::MAX);
            form.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    form.extend_from_slice(text.as_bytes());
}
