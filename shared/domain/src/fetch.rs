//! What a provider's API is asked before an event is understood: thin events that only name an object, and events whose
//! signature does not bind what they say.
//!
//! Pure: it says what to ask and puts the answer where the rules find it. What results is kept as an event of its own,
//! under an id made from its meaning: the same answer is the same event again, another answer another one.

use crate::dialect::{Content, Fetch, FetchInto, PathPart};
use crate::envelope;
use crate::ids::{EventId, EventKind, Sha256Hex};
use crate::json::{Doc, Json, meaning};
use crate::signature::Headers;
use crate::source::Source;
use crate::translate::{Body, TranslateError, all_hold};

/// What must be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'s> {
    /// Path of the call, beginning with a slash.
    pub path: String,
    /// Its query parameters.
    pub query: &'s [(String, String)],
    fetch: &'s Fetch,
}

/// An event with what the provider's API said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its id: the delivered event's, and what the answer means.
    pub id: EventId,
    /// The digest of its meaning.
    pub meaning: Sha256Hex,
    /// Its body, in JSON.
    pub body: Vec<u8>,
}

/// What must be asked before this event is understood; nothing when it stands for itself.
///
/// # Errors
/// [`TranslateError`] when the event does not name what is to be asked for.
pub fn question<'s>(
    source: &'s Source,
    kind: &EventKind,
    body: Body<'_>,
) -> Result<Option<Question<'s>>, TranslateError> {
    let fetches = source.dialect.fetches.iter().filter(|fetch| fetch.is_required || source.asks_back);
    let mut candidates = fetches.filter(|fetch| fetch.is_on(kind.as_str())).peekable();
    let is_mapped = source.dialect.facts.iter().any(|rule| rule.on.iter().any(|on| on == kind.as_str()));
    if !is_mapped || candidates.peek().is_none() {
        return Ok(None);
    }
    let json = body.as_json(&source.dialect.envelope.content)?;
    let json = Json::parse(&json)?;
    let doc = json.root();
    for fetch in candidates {
        if all_hold(&fetch.when, doc)? {
            let path = fetch.path.iter().map(|part| path_part(part, doc)).collect::<Result<String, _>>()?;
            return Ok(Some(Question { path, query: &fetch.query, fetch }));
        }
    }
    Ok(None)
}

/// A name from outside becomes one segment of the path and nothing else.
fn path_part(part: &PathPart, doc: Doc<'_>) -> Result<String, TranslateError> {
    let path = match part {
        PathPart::Literal(text) => return Ok(text.clone()),
        PathPart::Field(path) => path,
    };
    let text = doc.at(path)?.and_then(Doc::scalar);
    let is_plain = |text: &str| {
        !text.chars().all(|c| c == '.')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    match text {
        Some(text) if is_plain(&text) => Ok(text.into_owned()),
        _ => Err(TranslateError::Missing {
            field: "name to ask the provider for",
            at: format!("{} (letters, digits, -, _, . and ~)", path.as_str()),
        }),
    }
}

impl Question<'_> {
    /// Puts the answer where the rules look for it.
    ///
    /// # Errors
    /// [`TranslateError`] when the answer is not JSON, or is another event than the one that was asked for.
    pub fn answered(
        &self,
        source: &Source,
        id: &EventId,
        delivered: Body<'_>,
        answer: &[u8],
    ) -> Result<Fetched, TranslateError> {
        let content = &source.dialect.envelope.content;
        let body = match self.fetch.into {
            FetchInto::Fetched => beside(&delivered.as_json(content)?, answer)?,
            FetchInto::Event => {
                self.is_same_event(source, &delivered.as_json(content)?, answer)?;
                answer.to_vec()
            }
        };
        let meaning = meaning(Json::parse(&body)?.root(), &self.fetch.meaning)?;
        Ok(Fetched { id: id.with_digest(meaning.as_str()), meaning, body })
    }

    fn is_same_event(&self, source: &Source, delivered: &[u8], answer: &[u8]) -> Result<(), TranslateError> {
        let named = |body| -> Result<_, TranslateError> {
            let event = envelope::event(&source.dialect, &Headers::default(), Json::parse(body)?.root());
            event.map_err(|error| TranslateError::Unclear(format!("the provider's API: {error}")))
        };
        let (asked, found) = (named(delivered)?, named(answer)?);
        let pairs = [
            ("id", asked.id.to_string(), found.id.to_string()),
            ("type", asked.kind.to_string(), found.kind.to_string()),
        ];
        match pairs.into_iter().find(|(_, asked, found)| asked != found) {
            Some((field, asked, found)) => {
                let (asked, found) = (crate::money::excerpt(&asked), crate::money::excerpt(&found));
                Err(TranslateError::OtherFetched { field, asked, found })
            }
            None => Ok(()),
        }
    }
}

/// What was delivered, with the answer as its member `fetched`. A delivery that holds such a member already then holds
/// two, and is refused where it is read.
fn beside(delivered: &[u8], answer: &[u8]) -> Result<Vec<u8>, TranslateError> {
    let (delivered, answer) = (Json::parse(delivered)?, Json::parse(answer)?);
    let (delivered, answer) = (delivered.root(), answer.root());
    let Some(members) = delivered.source().strip_prefix('{') else {
        return Err(TranslateError::Missing { field: "object", at: "$".to_owned() });
    };
    let comma = if members.trim_start().starts_with('}') { "" } else { "," };
    Ok(format!("{{\"fetched\":{}{comma}{members}", answer.source()).into_bytes())
}

/// The same for an example, which has no source.
pub(crate) fn example(
    content: &Content,
    fetches: &[Fetch],
    kind: &EventKind,
    delivered: &[u8],
    answer: &[u8],
) -> Result<Vec<u8>, TranslateError> {
    let delivered = Body::Delivered(delivered).as_json(content)?;
    let json = Json::parse(&delivered)?;
    let doc = json.root();
    for fetch in fetches.iter().filter(|fetch| fetch.is_on(kind.as_str())) {
        if all_hold(&fetch.when, doc)? {
            fetch.path.iter().try_for_each(|part| path_part(part, doc).map(drop))?;
            return match fetch.into {
                FetchInto::Event => Ok(answer.to_vec()),
                FetchInto::Fetched => beside(&delivered, answer),
            };
        }
    }
    Err(TranslateError::Unclear(format!(
        "no [[fetch]] fits an event of type {kind}, but the example has an answer"
    )))
}

#[cfg(test)]
mod tests;
