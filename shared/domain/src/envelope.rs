//! From verified bytes to events.

use crate::content::{ContentError, as_json};
use crate::dialect::{Content, Dialect, Livemode, LivemodeOf, NameFrom, TimeForm};
use crate::ids::{EventId, EventKind, IdError, Sha256Hex};
use crate::json::{self, Doc, Json, JsonError, Path, Place};
use crate::limits::EVENTS_PER_DELIVERY_MAX;
use crate::signature::{Headers, SignatureError, Verified};
use crate::source::{Mode, Source};
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
    /// Not the form or the XML that its dialect says.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Play money at a source for real money, or the other way round.
    #[error(
        "the delivery says livemode = {livemode}, but the source is for {mode} mode: check which endpoint it is sent to"
    )]
    ModeDiffers {
        /// What the delivery says, at most 40 characters of it.
        livemode: String,
        /// What the source is for.
        mode: Mode,
    },
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
pub fn split(source: &Source, verified: &Verified<'_>) -> Split {
    split_sample(source, verified.headers(), verified.body())
}

/// Splits a body that needs no proof; a delivery goes through [`split`].
pub(crate) fn split_sample(source: &Source, headers: &Headers, body: &[u8]) -> Split {
    match check_mode(source, body) {
        Err(error) => whole(error, body),
        Ok(()) => split_body(&source.dialect, headers, body),
    }
}

/// Nothing of a delivery of the other mode is an event.
fn check_mode(source: &Source, body: &[u8]) -> Result<(), EnvelopeError> {
    let Some(livemode) = source.dialect.envelope.livemode.as_ref().filter(|l| l.of == LivemodeOf::Delivery)
    else {
        return Ok(());
    };
    let json = as_json(&source.dialect.envelope.content, body)?;
    match mode_of(livemode, Json::parse(&json)?.root())? {
        Some(mode) if mode == Ok(source.mode) => Ok(()),
        Some(Ok(found)) => Err(EnvelopeError::ModeDiffers { livemode: found.to_string(), mode: source.mode }),
        Some(Err(livemode)) => Err(EnvelopeError::ModeDiffers { livemode, mode: source.mode }),
        None => Err(EnvelopeError::Missing { field: "livemode", at: livemode.path.as_str().to_owned() }),
    }
}

/// The mode that a place says, or the text that stands there and says neither; nothing when nothing does.
pub(crate) fn mode_of(livemode: &Livemode, doc: Doc<'_>) -> Result<Option<Result<Mode, String>>, JsonError> {
    let found = doc.at(&livemode.path)?.and_then(Doc::scalar);
    Ok(found.map(|found| match found.as_ref() {
        text if text == livemode.live => Ok(Mode::Live),
        text if text == livemode.test => Ok(Mode::Test),
        text => Err(crate::money::excerpt(text)),
    }))
}

fn whole(error: EnvelopeError, body: &[u8]) -> Split {
    Split { events: Vec::new(), unreadable: vec![Unreadable { at: 0, error, body: body.to_vec() }] }
}

/// Splits a body of no source, such as a dialect's example.
pub(crate) fn split_body(dialect: &Dialect, headers: &Headers, body: &[u8]) -> Split {
    let json = match as_json(&dialect.envelope.content, body) {
        Ok(json) => json,
        Err(error) => return whole(error.into(), body),
    };
    let json = match Json::parse(&json) {
        Ok(json) => json,
        Err(error) => return whole(error.into(), body),
    };
    let items = match items(&dialect.envelope.events, json.root()) {
        Err(error) => return whole(error, body),
        Ok(items) if items.len() > EVENTS_PER_DELIVERY_MAX => {
            return whole(EnvelopeError::TooMany { events: items.len() }, body);
        }
        Ok(items) => items,
    };
    let mut split = Split::default();
    // Byte for byte as it came, for whoever asks what was signed.
    let is_whole_body = dialect.envelope.events.is_root();
    for (at, item) in items.into_iter().enumerate() {
        let (item, read) = match item {
            Item::Event(doc) => (doc, event(dialect, headers, doc)),
            Item::Other(doc, error) => (doc, Err(error)),
        };
        match read {
            Ok(mut event) => {
                if is_whole_body && let Ok(body) = std::str::from_utf8(body) {
                    body.clone_into(&mut event.body);
                }
                split.events.push(event);
            }
            Err(error) => {
                let body =
                    if dialect.envelope.content == Content::Json { item.source().as_bytes() } else { body };
                split.unreadable.push(Unreadable { at, error, body: body.to_vec() });
            }
        }
    }
    split
}

/// An item of a delivery.
enum Item<'a> {
    /// An event.
    Event(Doc<'a>),
    /// An element of the list that holds none, or none that can be found.
    Other(Doc<'a>, EnvelopeError),
}

/// The items of a delivery. An empty list is a delivery of nothing; no list at all is a delivery of something else.
fn items<'a>(events: &Path, doc: Doc<'a>) -> Result<Vec<Item<'a>>, EnvelopeError> {
    let missing = |field, at: &Path| EnvelopeError::Missing { field, at: at.as_str().to_owned() };
    let Some((list, onward)) = events.each() else {
        let places = doc.all(events)?;
        let (field, at) =
            events.list().map_or_else(|| ("content", events.clone()), |list| ("list of events", list));
        if places.is_empty() && doc.at(&at)?.is_none() {
            return Err(missing(field, &at));
        }
        return Ok(places.into_iter().map(Item::Event).collect());
    };
    let Some(elements) = doc.at(&list)?.and_then(Doc::items) else {
        // What is there and no list says so itself.
        doc.all(events)?;
        return Err(missing("list of events", &list));
    };
    let item = |element: Doc<'a>| match element.at(&onward) {
        _ if onward.is_root() => Item::Event(element),
        Ok(Some(event)) => Item::Event(event),
        Ok(None) => Item::Other(element, missing("content", events)),
        Err(error) => Item::Other(element, error.into()),
    };
    Ok(elements.into_iter().map(item).collect())
}

/// Reads one event, wherever it came from: a delivery, or a provider's list.
///
/// # Errors
/// [`EnvelopeError`] names the field or the place.
pub fn event(dialect: &Dialect, headers: &Headers, doc: Doc<'_>) -> Result<RawEvent, EnvelopeError> {
    let envelope = &dialect.envelope;
    let id = EventId::new(name(&envelope.id, "id", headers, doc)?)?;
    let kind = EventKind::new(name(&envelope.kind, "type", headers, doc)?)?;
    let occurred_at = match &envelope.occurred_at {
        Some((path, form)) => time_at(doc, path, *form)?,
        None => None,
    };
    Ok(RawEvent {
        id,
        kind,
        meaning: json::meaning(doc, &envelope.meaning)?,
        occurred_at,
        body: doc.source().to_owned(),
    })
}

fn name(
    from: &NameFrom,
    field: &'static str,
    headers: &Headers,
    doc: Doc<'_>,
) -> Result<String, EnvelopeError> {
    match from {
        NameFrom::Body(places) => first(doc, field, places),
        NameFrom::Header(header) => {
            let text = headers.one(header)?;
            let text =
                text.ok_or_else(|| EnvelopeError::Missing { field, at: format!("the header {header}") })?;
            Ok(text.to_owned())
        }
        NameFrom::Constant(text) => Ok(text.clone()),
        NameFrom::Compose(parts) => {
            let parts = parts.iter().map(|places| first(doc, field, places));
            Ok(parts.collect::<Result<Vec<_>, _>>()?.join(":"))
        }
    }
}

fn first(doc: Doc<'_>, field: &'static str, places: &[Place]) -> Result<String, EnvelopeError> {
    for place in places {
        if let Some(text) = place.read(doc)? {
            return Ok(text.into_owned());
        }
    }
    let at = places.iter().map(|place| place.path().as_str()).collect::<Vec<_>>().join(" or ");
    Err(EnvelopeError::Missing { field, at })
}

/// The time at a place; nothing when there is none or it cannot be read, because a time decides nothing.
///
/// # Errors
/// [`JsonError`] when an object on the way names a key twice.
pub fn time_at(doc: Doc<'_>, path: &Path, form: TimeForm) -> Result<Option<Timestamp>, JsonError> {
    let text = doc.at(path)?.and_then(Doc::scalar);
    Ok(text.and_then(|text| match form {
        TimeForm::UnixS => text.parse().ok().map(from_seconds),
        TimeForm::UnixMs => text.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        TimeForm::Rfc3339 => text.parse().ok(),
    }))
}

#[cfg(test)]
mod tests;
