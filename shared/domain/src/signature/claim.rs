//! What a delivery, or one event of it, claims: its signatures, and when it was signed.

use super::{Delivery, SignatureError};
use crate::content::form_field;
use crate::dialect::{Encoding, Piece, Shape, SignatureFrom, Signed, SignedTime, TimeFrom};
use crate::json::Doc;
use crate::limits::{HEADER_BYTES_MAX, SIGNATURES_MAX};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use std::borrow::Cow;

/// What is claimed, and the bytes it is claimed of.
pub(super) struct Claim<'a> {
    /// Seconds since 1970, where the scheme has a time.
    pub(super) signed_at: Option<i64>,
    /// The signatures that can be decoded.
    pub(super) signatures: Vec<Vec<u8>>,
    /// What was signed, in order.
    pub(super) parts: Vec<Cow<'a, [u8]>>,
}

/// Reads the claim of a delivery or, with `event`, of one event.
pub(super) fn claim<'a>(
    signed: &'a Signed,
    delivery: Delivery<'a>,
    event: Option<Doc<'a>>,
) -> Result<Claim<'a>, SignatureError> {
    let from = &signed.signature.from;
    let text = signature_text(from, delivery, event)?;
    let TakenApart { texts, time: inner_time, listed } = taken_apart(&signed.signature.shape, from, &text)?;
    let malformed = |why| SignatureError::Malformed { place: from.to_string(), why };
    if texts.is_empty() {
        return Err(malformed("has no signature of the accepted version"));
    }
    if texts.len() > SIGNATURES_MAX {
        return Err(SignatureError::TooManySignatures { place: from.to_string() });
    }
    // The edge joins a repeated header with a comma, which no signature holds.
    if texts.iter().any(|text| text.contains(',')) {
        return Err(SignatureError::Doubled { place: from.to_string() });
    }
    // What cannot be decoded fits no key, and does not spoil a right one beside it.
    let encoding = signed.signature.encoding;
    let signatures: Vec<_> = texts.iter().filter_map(|text| decode(encoding, text)).collect();
    if signatures.is_empty() {
        return Err(malformed("has no signature that can be decoded"));
    }
    let time = time_text(signed, delivery, inner_time)?;
    let signed_at = match (&time, &signed.timestamp) {
        (Some(text), Some(time)) => Some(seconds(text, time, from)?),
        _ => None,
    };
    Ok(Claim { signed_at, signatures, parts: parts(signed, delivery, event, (time, listed))? })
}

fn signature_text<'a>(
    from: &SignatureFrom,
    delivery: Delivery<'a>,
    event: Option<Doc<'a>>,
) -> Result<Cow<'a, str>, SignatureError> {
    let text = match from {
        SignatureFrom::Header(header) => return delivery.headers.required(header).map(Cow::Borrowed),
        SignatureFrom::Form(field) => form_text(delivery.body, field)?.map(Cow::Owned),
        SignatureFrom::Field(path) => match event {
            Some(event) => event
                .at(path)
                .map_err(|_| SignatureError::Doubled { place: from.to_string() })?
                .and_then(Doc::text),
            None => None,
        },
    };
    let text = text.ok_or_else(|| SignatureError::Missing { place: from.to_string() })?;
    if text.len() > HEADER_BYTES_MAX {
        return Err(SignatureError::TooLong { place: from.to_string(), bytes: text.len() });
    }
    Ok(text)
}

fn form_text(body: &[u8], field: &str) -> Result<Option<String>, SignatureError> {
    form_field(body, field).map_err(|_| SignatureError::Doubled { place: format!("the form field {field}") })
}

/// What a text that holds signatures says.
#[derive(Default)]
struct TakenApart<'t> {
    /// The signatures of the version or key that counts.
    texts: Vec<&'t str>,
    /// When it was signed, if its shape has a time.
    time: Option<&'t str>,
    /// The headers that are signed too, if its shape lists them.
    listed: Option<&'t str>,
}

/// Takes a text apart by its shape.
fn taken_apart<'t>(
    shape: &Shape,
    from: &SignatureFrom,
    value: &'t str,
) -> Result<TakenApart<'t>, SignatureError> {
    let malformed = |why| SignatureError::Malformed { place: from.to_string(), why };
    Ok(match shape {
        Shape::Plain { prefix } => {
            let text = value.strip_prefix(prefix.as_str()).ok_or_else(|| malformed("lacks its prefix"))?;
            TakenApart { texts: vec![text], ..TakenApart::default() }
        }
        Shape::Pairs { separator, equals, signature, timestamp, headers } => {
            let (mut texts, mut times, mut lists) = (Vec::new(), Vec::new(), Vec::new());
            for part in value.split(*separator) {
                let (name, text) =
                    part.trim().split_once(*equals).ok_or_else(|| malformed("has a part without a name"))?;
                if name == signature {
                    texts.push(text);
                } else if name == timestamp {
                    times.push(text);
                } else if headers.as_deref() == Some(name) {
                    lists.push(text);
                }
            }
            match (times.as_slice(), lists.as_slice()) {
                ([], _) => return Err(malformed("has no timestamp")),
                (_, []) if headers.is_some() => return Err(malformed("does not list the headers it signs")),
                ([time], []) => TakenApart { texts, time: Some(time), listed: None },
                ([time], [list]) => TakenApart { texts, time: Some(time), listed: Some(list) },
                _ => return Err(SignatureError::Doubled { place: from.to_string() }),
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
            TakenApart { texts, ..TakenApart::default() }
        }
        Shape::Keyed { separator, between, algorithm, key_id } => {
            let mut texts = Vec::new();
            for entry in value.split(*separator).map(str::trim) {
                let (key, rest) =
                    entry.split_once(*between).ok_or_else(|| malformed("has an entry without a key"))?;
                let text = match algorithm {
                    None => Some(rest),
                    Some(algorithm) => rest
                        .split_once(*between)
                        .filter(|(found, _)| found == algorithm)
                        .map(|(_, text)| text),
                };
                if key_id.as_deref().is_none_or(|wanted| wanted == key) {
                    texts.extend(text);
                }
            }
            TakenApart { texts, ..TakenApart::default() }
        }
    })
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok(),
        Encoding::Base64 => BASE64.decode(text.as_bytes()).ok(),
    }
}

/// The time of signing as it was written.
fn time_text<'t>(
    signed: &Signed,
    delivery: Delivery<'t>,
    inner: Option<&'t str>,
) -> Result<Option<&'t str>, SignatureError> {
    Ok(match signed.timestamp.as_ref().map(|time| &time.from) {
        None => None,
        Some(TimeFrom::Header(header)) => Some(delivery.headers.required(header)?),
        Some(TimeFrom::Signature) => Some(inner.unwrap_or_default()),
    })
}

fn seconds(text: &str, time: &SignedTime, from: &SignatureFrom) -> Result<i64, SignatureError> {
    let is_plain = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = is_plain.then(|| text.parse().ok()).flatten();
    seconds.ok_or_else(|| SignatureError::Malformed {
        place: match &time.from {
            TimeFrom::Header(header) => format!("the header {header}"),
            TimeFrom::Signature => from.to_string(),
        },
        why: "has a timestamp that is not Unix seconds",
    })
}

fn parts<'a>(
    signed: &'a Signed,
    delivery: Delivery<'a>,
    event: Option<Doc<'a>>,
    (time, listed): (Option<&str>, Option<&str>),
) -> Result<Vec<Cow<'a, [u8]>>, SignatureError> {
    let part = |piece: &'a Piece| {
        Ok(match piece {
            Piece::Literal(text) => Cow::Borrowed(text.as_bytes()),
            Piece::Timestamp => Cow::Owned(time.unwrap_or_default().as_bytes().to_vec()),
            Piece::Header(header) => Cow::Borrowed(delivery.headers.required(header)?.as_bytes()),
            Piece::ListedHeaders => Cow::Owned(listed_headers(delivery, listed.unwrap_or_default())?),
            Piece::Body => Cow::Borrowed(delivery.body),
            Piece::Form(field) => match form_text(delivery.body, field)? {
                Some(text) => Cow::Owned(text.into_bytes()),
                None => return Err(SignatureError::Missing { place: format!("the form field {field}") }),
            },
            Piece::Field(path) => {
                let place = || format!("the field {}", path.as_str());
                let found = event.map(|event| event.at(path)).transpose();
                let found = found.map_err(|_| SignatureError::Doubled { place: place() })?.flatten();
                match found.map(|found| found.scalar()) {
                    // Absent and null are signed as nothing.
                    None => Cow::Borrowed(&b""[..]),
                    Some(Some(text)) => Cow::Owned(text.into_owned().into_bytes()),
                    Some(None) => {
                        return Err(SignatureError::Malformed {
                            place: place(),
                            why: "is no text, number or boolean",
                        });
                    }
                }
            }
        })
    };
    signed.pieces.iter().map(part).collect()
}

/// The list and the values of what it lists. A header that is listed and absent, or there twice, proves nothing.
fn listed_headers(delivery: Delivery<'_>, list: &str) -> Result<Vec<u8>, SignatureError> {
    let names = list.split(' ').filter(|name| !name.is_empty());
    let values = names.map(|name| delivery.headers.required(&name.to_ascii_lowercase()));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{list}.{}", values.join(".")).into_bytes())
}
