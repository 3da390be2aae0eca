//! From verified bytes to events.

use crate::dialect::{Dialect, IdFrom, TimeForm};
use crate::ids::{EventId, EventKind, IdError, Sha256Hex};
use crate::json::{self, Doc, JsonError, Path};
use crate::limits::EVENTS_PER_DELIVERY_MAX;
use crate::signature::{Headers, SignatureError, Verified};
use crate::time::{Timestamp, from_seconds};

/// One event of a delivery, named but not yet understood: what it means is decided behind the queue, so that a
/// mistake in a translation never loses a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// The provider's id of it.
    pub id: EventId,
    /// The provider's name for what it is.
    pub kind: EventKind,
    /// The digest of its meaning.
    pub meaning: Sha256Hex,
    /// When it happened, by the provider's clock: shown, never decided on.
    pub occurred_at: Option<Timestamp>,
    /// Its source text, byte for byte.
    pub body: String,
}

/// Something signed that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its position in the delivery.
    pub at: usize,
    /// Why.
    pub error: EnvelopeError,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Why signed bytes are no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, a doubled key, too deep.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field that an event must have is absent.
    #[error("the event has no {field}: nothing stands at {at}")]
    Missing {
        /// Which field.
        field: &'static str,
        /// Where it should be.
        at: String,
    },
    /// An id or type that cannot be one.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The id's header came twice.
    #[error(transparent)]
    Header(#[from] SignatureError),
    /// Over [`EVENTS_PER_DELIVERY_MAX`].
    #[error("the delivery holds {events} events, more than {EVENTS_PER_DELIVERY_MAX}")]
    TooMany {
        /// How many.
        events: usize,
    },
}

/// What a delivery holds. A bad item never loses a good one beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The events.
    pub events: Vec<RawEvent>,
    /// What is no event.
    pub unreadable: Vec<Unreadable>,
}

/// Splits a verified delivery into its events.
#[must_use]
pub fn split(dialect: &Dialect, verified: &Verified<'_>) -> Split {
    split_body(dialect, verified.headers(), verified.body())
}

/// Splits a body of our own making, such as a dialect's example; a delivery goes through [`split`].
pub(crate) fn split_body(dialect: &Dialect, headers: &Headers, body: &[u8]) -> Split {
    let whole = |error| Split {
        events: Vec::new(),
        unreadable: vec![Unreadable { at: 0, error, body: body.to_vec() }],
    };
    let items = match places(&dialect.envelope.events, body) {
        Err(error) => return whole(error),
        Ok(items) if items.len() > EVENTS_PER_DELIVERY_MAX => {
            return whole(EnvelopeError::TooMany { events: items.len() });
        }
        Ok(items) => items,
    };
    let mut split = Split::default();
    let is_whole_body = !dialect.envelope.events.is_many();
    for (at, item) in items.into_iter().enumerate() {
        match event(dialect, headers, item) {
            Ok(mut event) => {
                if is_whole_body && let Ok(body) = std::str::from_utf8(body) {
                    body.clone_into(&mut event.body);
                }
                split.events.push(event);
            }
            Err(error) => {
                let body = item.source().as_bytes().to_vec();
                split.unreadable.push(Unreadable { at, error, body });
            }
        }
    }
    split
}

/// The places of the events. An empty list is a delivery of nothing; no list at all is a delivery of something else.
fn places<'a>(events: &Path, body: &'a [u8]) -> Result<Vec<Doc<'a>>, EnvelopeError> {
    let doc = Doc::parse(body)?;
    let places = doc.all(events)?;
    let (field, at) = match events.list() {
        Some(list) => ("list of events", list),
        None => ("content", events.clone()),
    };
    if places.is_empty() && doc.at(&at)?.is_none() {
        return Err(EnvelopeError::Missing { field, at: at.as_str().to_owned() });
    }
    Ok(places)
}

/// Reads one event, wherever it came from: a delivery, or a provider's list.
///
/// # Errors
/// [`EnvelopeError`] names the field or the place.
pub fn event(dialect: &Dialect, headers: &Headers, doc: Doc<'_>) -> Result<RawEvent, EnvelopeError> {
    let envelope = &dialect.envelope;
    let id = match &envelope.id {
        IdFrom::Body(path) => required(doc, "id", path)?,
        IdFrom::Header(header) => headers
            .one(header)?
            .ok_or_else(|| EnvelopeError::Missing { field: "id", at: format!("the header {header}") })?
            .to_owned(),
    };
    let occurred_at = match &envelope.occurred_at {
        Some((path, form)) => time_at(doc, path, *form)?,
        None => None,
    };
    Ok(RawEvent {
        id: EventId::new(id)?,
        kind: EventKind::new(required(doc, "type", &envelope.kind)?)?,
        meaning: json::meaning(doc, &envelope.meaning)?,
        occurred_at,
        body: doc.source().to_owned(),
    })
}

fn required(doc: Doc<'_>, field: &'static str, path: &Path) -> Result<String, EnvelopeError> {
    let text = doc.at(path)?.and_then(Doc::scalar);
    let text = text.ok_or_else(|| EnvelopeError::Missing { field, at: path.as_str().to_owned() })?;
    Ok(text.into_owned())
}

/// The time at a place; nothing when there is none or it cannot be read, because a time decides nothing.
///
/// # Errors
/// [`JsonError`] when an object on the way names a key twice.
pub fn time_at(doc: Doc<'_>, path: &Path, form: TimeForm) -> Result<Option<Timestamp>, JsonError> {
    let text = doc.at(path)?.and_then(Doc::scalar);
    Ok(text.and_then(|text| match form {
        TimeForm::UnixS => text.parse().ok().map(from_seconds),
        TimeForm::Rfc3339 => text.parse().ok(),
    }))
}

#[cfg(test)]
mod tests;
