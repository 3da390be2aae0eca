//! A delivery becomes inbox rows and messages, or an answer that says why not.
//!
//! The order is the guarantee: verify, split, write the row, send the message, and only then a 2xx. A crash anywhere
//! leaves the provider without an answer, and it comes again; a duplicate is handed over again, so a row whose message
//! was never sent gets one.

mod proof;

use crate::caches::{CertificateCache, KeyCache, Reason, SourceCache};
use crate::ports::{
    Certificates, Inbox, InboxKey, InboxRow, Notice, Origin, Port, PortError, Put, Queue, Secrets, Sources,
};
use countersign_domain::content::form_field;
use countersign_domain::dialect::{Auth, Challenge, Content, Dialect, TokenFrom};
use countersign_domain::envelope::{RawEvent, Split, Unreadable, split};
use countersign_domain::ids::{Sha256Hex, SourceName, TraceId};
use countersign_domain::limits::{BODY_BYTES_MAX, QUEUE_ENTRIES_MAX, RECORDS_IN_FLIGHT_MAX};
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::signature::{Headers, KeyAge, SignatureError, Verified, answer_challenge};
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What ingest needs: its ports, and what it remembers between deliveries.
pub struct Ingest<S, K, C, I, Q> {
    /// The configured sources.
    pub sources: S,
    /// Their signing secrets.
    pub secrets: K,
    /// The certificates that some providers sign under.
    pub certificates: C,
    /// Where what comes in is kept.
    pub inbox: I,
    /// Where it is handed over.
    pub queue: Q,
    /// Sources read so far.
    pub source_cache: SourceCache,
    /// Keys read so far.
    pub key_cache: KeyCache,
    /// Certificates fetched so far.
    pub certificate_cache: CertificateCache,
}

/// A request as the edge saw it.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`; `GET` where a dialect's deliveries or its provider's challenges come that way.
    pub method: String,
    /// The source's name in the path.
    pub source: String,
    /// What stands in the path behind it.
    pub path_token: Option<String>,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// The query, as it was sent, without its question mark.
    pub query: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body after base64 decoding.
    pub body: Vec<u8>,
}

/// What the world gives to one invocation besides the request.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Now.
    pub now: Timestamp,
    /// Fresh and random: tells our own repeated put from a duplicate.
    pub attempt: TraceId,
    /// The trace that begins here.
    pub trace: TraceId,
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// Not a POST, or not a GET where those come.
    #[error("webhooks are sent here with {0}")]
    Method(&'static str),
    /// A body of another type than the source's, or an encoded one.
    #[error("the body must be {0} without content-encoding")]
    ContentType(&'static str),
    /// Over the limit.
    #[error("the body has {bytes} bytes, more than {BODY_BYTES_MAX}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// No such source, or a disabled one.
    #[error("there is no such webhook endpoint")]
    UnknownSource,
    /// Not authentic. The status is the dialect's.
    #[error("the delivery is not authentic")]
    Unauthentic {
        /// Why, for the log only.
        #[source]
        error: SignatureError,
        /// 401, or what the dialect asks for.
        status: u16,
    },
    /// Signed, but nothing in it is an event. It is kept, and a finding is on its way.
    #[error("no event can be read from the body")]
    Unreadable,
    /// Our own store, queue or secret store failed.
    #[error("try again later")]
    Unavailable(#[source] PortError),
}

impl Rejected {
    /// The status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Method(_) => 405,
            Self::ContentType(_) => 415,
            Self::TooLarge { .. } => 413,
            Self::UnknownSource => 404,
            Self::Unauthentic { status, .. } => *status,
            Self::Unreadable => 400,
            Self::Unavailable(_) => 503,
        }
    }

    /// A word for metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Method(_) => "method",
            Self::ContentType(_) => "content_type",
            Self::TooLarge { .. } => "too_large",
            Self::UnknownSource => "unknown_source",
            Self::Unauthentic { .. } => "signature",
            Self::Unreadable => "unreadable",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// What became of an accepted delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Body to answer with, if the dialect asks for one.
    pub ok_body: String,
    /// Events that are new.
    pub received: u32,
    /// Events that were known: handed over again.
    pub duplicates: u32,
    /// Events whose id was known with another meaning: kept apart, a finding is on its way.
    pub conflicts: u32,
    /// Items that are no event: kept, a finding is on its way.
    pub unreadable: u32,
    /// Whether it took the secret that is on its way out.
    pub by_previous_secret: bool,
}

impl<S: Sources, K: Secrets, C: Certificates, I: Inbox, Q: Queue> Ingest<S, K, C, I, Q> {
    /// An ingest with nothing remembered.
    pub fn new(sources: S, secrets: K, certificates: C, inbox: I, queue: Q) -> Self {
        Self {
            sources,
            secrets,
            certificates,
            inbox,
            queue,
            source_cache: SourceCache::default(),
            key_cache: KeyCache::default(),
            certificate_cache: CertificateCache::default(),
        }
    }

    /// Reads every source and its secrets ahead of the first delivery. What cannot be read is left to the delivery
    /// that needs it.
    pub async fn warm(&self, now: Timestamp) {
        let Ok(sources) = self.source_cache.warm(&self.sources, now).await else { return };
        stream::iter(sources)
            .for_each_concurrent(RECORDS_IN_FLIGHT_MAX, |source| async move {
                let keys = self.key_cache.get(&self.secrets, &source, now, Reason::Verify).await;
                drop(keys);
            })
            .await;
    }

    /// Accepts one delivery.
    ///
    /// # Errors
    /// [`Rejected`] with the status to answer. Only [`Rejected::Unavailable`] is ours to mend; the provider tries
    /// again.
    pub async fn accept(&self, request: &Request, arrival: &Arrival) -> Result<Accepted, Rejected> {
        if request.body.len() > BODY_BYTES_MAX {
            return Err(Rejected::TooLarge { bytes: request.body.len() });
        }
        let source = self.source(&request.source, arrival.now).await?;
        if request.path_token.is_some() && !has_secret_path(&source) {
            return Err(Rejected::UnknownSource);
        }
        if let Some(challenge) = &source.dialect.answers.challenge
            && let Some(text) = asked(challenge, request)
        {
            return self.answer(&source, challenge, &text, arrival.now).await;
        }
        check_form(&source.dialect, request)?;
        let verified = self.verify(&source, request, arrival.now).await?;
        let split = split(&source, &verified);
        let rows = rows(&source, &verified, split, arrival);
        let mut accepted = self.keep(rows, arrival).await.map_err(Rejected::Unavailable)?;
        let is_nothing_readable =
            accepted.received == 0 && accepted.duplicates == 0 && accepted.conflicts == 0;
        if accepted.unreadable > 0 && is_nothing_readable {
            return Err(Rejected::Unreadable);
        }
        accepted.ok_body.clone_from(&source.dialect.answers.ok_body);
        accepted.by_previous_secret = verified.key() == KeyAge::Previous;
        Ok(accepted)
    }

    async fn source(&self, name: &str, now: Timestamp) -> Result<Arc<Source>, Rejected> {
        let name = SourceName::new(name).map_err(|_| Rejected::UnknownSource)?;
        let source = self.source_cache.get(&self.sources, &name, now).await.map_err(Rejected::Unavailable)?;
        source.ok_or(Rejected::UnknownSource)
    }

    /// Answers a provider that asks whether we hold the key. Nothing is kept.
    async fn answer(
        &self,
        source: &Source,
        challenge: &Challenge,
        text: &str,
        now: Timestamp,
    ) -> Result<Accepted, Rejected> {
        let keys = self.key_cache.get(&self.secrets, source, now, Reason::Verify);
        let keys = keys.await.map_err(Rejected::Unavailable)?;
        let answer = keys.and_then(|keys| answer_challenge(&source.dialect.auth, challenge, &keys, text));
        let status = source.dialect.answers.unauthentic_status;
        let ok_body = answer.ok_or(Rejected::Unauthentic { error: SignatureError::Mismatch, status })?;
        Ok(Accepted { ok_body, ..Accepted::default() })
    }

    /// Writes the rows, then sends the messages: in that order, and all of them, or an error.
    async fn keep(&self, rows: Vec<InboxRow>, arrival: &Arrival) -> Port<Accepted> {
        let outcomes: Vec<(Kept, InboxKey)> = stream::iter(rows)
            .map(|row| put(&self.inbox, row))
            .buffered(RECORDS_IN_FLIGHT_MAX)
            .try_collect()
            .await?;
        let mut accepted = Accepted::default();
        for (kept, _) in &outcomes {
            let count = match kept {
                Kept::New => &mut accepted.received,
                Kept::Duplicate => &mut accepted.duplicates,
                Kept::Conflict => &mut accepted.conflicts,
                Kept::Unreadable => &mut accepted.unreadable,
            };
            *count = count.saturating_add(1);
        }
        let is_swallowed = |kept: &Kept| *kept == Kept::Duplicate && is_planted(Mistake::SwallowsDuplicates);
        let keys = outcomes.into_iter().filter(|(kept, _)| !is_swallowed(kept)).map(|(_, key)| key);
        let sent = hand_over(&self.queue, &keys.collect::<Vec<_>>(), &arrival.trace).await;
        if !is_planted(Mistake::AnswersBeforeItSends) {
            sent?;
        }
        Ok(accepted)
    }
}

fn has_secret_path(source: &Source) -> bool {
    source.second_factors.secret_path || source.dialect.auth == Auth::Token(TokenFrom::Path)
}

/// The text of a provider's challenge, if the request is one.
fn asked(challenge: &Challenge, request: &Request) -> Option<String> {
    if request.method != "GET" {
        return None;
    }
    form_field(request.query.as_bytes(), &challenge.parameter).ok().flatten()
}

fn check_form(dialect: &Dialect, request: &Request) -> Result<(), Rejected> {
    let (method, media_type) = match dialect.envelope.content {
        Content::Json => ("POST", "application/json"),
        Content::Form | Content::FormXml { .. } => ("POST", "application/x-www-form-urlencoded"),
        Content::Query => ("GET", "empty"),
    };
    if request.method != method {
        return Err(Rejected::Method(method));
    }
    let wrong = || Rejected::ContentType(media_type);
    let header = |name| request.headers.one(name).map_err(|_| wrong());
    if header("content-encoding")?.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(wrong());
    }
    if dialect.envelope.content == Content::Query {
        return if request.body.is_empty() { Ok(()) } else { Err(wrong()) };
    }
    let found = header("content-type")?.map(|value| value.split(';').next().unwrap_or_default().trim());
    match found {
        None => Ok(()),
        Some(kind) if kind.eq_ignore_ascii_case(media_type) => Ok(()),
        Some(kind)
            if media_type == "application/json"
                && kind.starts_with("application/")
                && kind.ends_with("+json") =>
        {
            Ok(())
        }
        Some(_) => Err(wrong()),
    }
}

/// The inbox rows of a delivery.
fn rows(source: &Source, verified: &Verified<'_>, split: Split, arrival: &Arrival) -> Vec<InboxRow> {
    let headers = kept_headers(&source.dialect, verified.headers());
    let events = split.events.into_iter().map(|event| event_row(&source.name, event, &headers, arrival));
    let unreadable =
        split.unreadable.into_iter().map(|item| unreadable_row(&source.name, item, &headers, arrival));
    events.chain(unreadable).collect()
}

fn kept_headers(dialect: &Dialect, headers: &Headers) -> BTreeMap<String, String> {
    let kept = dialect.kept_headers().into_iter();
    kept.filter_map(|name| Some((name.to_owned(), headers.one(name).ok()??.to_owned()))).collect()
}

fn event_row(
    source: &SourceName,
    event: RawEvent,
    headers: &BTreeMap<String, String>,
    arrival: &Arrival,
) -> InboxRow {
    InboxRow {
        key: InboxKey::Event { source: source.clone(), event: event.id },
        origin: Origin::Delivery,
        kind: Some(event.kind),
        meaning: event.meaning,
        body: event.body.into_bytes(),
        headers: headers.clone(),
        occurred_at: event.occurred_at,
        received_at: arrival.now,
        attempt: arrival.attempt.clone(),
        trace: arrival.trace.clone(),
        reason: None,
    }
}

fn unreadable_row(
    source: &SourceName,
    item: Unreadable,
    headers: &BTreeMap<String, String>,
    arrival: &Arrival,
) -> InboxRow {
    let digest = Sha256Hex::of(&[&item.body]);
    InboxRow {
        key: InboxKey::Unreadable { source: source.clone(), digest: digest.clone() },
        origin: Origin::Delivery,
        kind: None,
        meaning: digest,
        body: item.body,
        headers: headers.clone(),
        occurred_at: None,
        received_at: arrival.now,
        attempt: arrival.attempt.clone(),
        trace: arrival.trace.clone(),
        reason: Some(item.error.to_string()),
    }
}

/// What a put came to, seen from the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    New,
    Duplicate,
    Conflict,
    Unreadable,
}

/// Keeps one row. The same id with another meaning is kept beside the first, under a key of its own.
pub(crate) async fn put(inbox: &impl Inbox, mut row: InboxRow) -> Port<(Kept, InboxKey)> {
    let put = inbox.put(&row).await;
    if put.is_err() && is_planted(Mistake::FailedPutIsDuplicate) {
        return Ok((Kept::Duplicate, row.key));
    }
    let existing = match put? {
        Put::Written if matches!(row.key, InboxKey::Unreadable { .. }) => {
            return Ok((Kept::Unreadable, row.key));
        }
        Put::Written => return Ok((Kept::New, row.key)),
        Put::Exists { attempt, meaning } => (attempt, meaning),
    };
    match (existing, row.key.clone()) {
        (_, InboxKey::Unreadable { .. }) => Ok((Kept::Unreadable, row.key)),
        // Our own put, whose answer was lost.
        ((attempt, meaning), _) if attempt == row.attempt && meaning == row.meaning => {
            Ok((Kept::New, row.key))
        }
        ((_, meaning), _) if meaning == row.meaning || is_planted(Mistake::ForgetsMeaning) => {
            Ok((Kept::Duplicate, row.key))
        }
        (_, InboxKey::Event { source, event } | InboxKey::Conflict { source, event, .. }) => {
            row.key = InboxKey::Conflict { source, event, meaning: row.meaning.clone() };
            // Kept already or not, it is kept now.
            let (Put::Written | Put::Exists { .. }) = inbox.put(&row).await?;
            Ok((Kept::Conflict, row.key))
        }
    }
}

/// Sends a message for every key; an error if any of them was not taken.
///
/// With another meaning goes the event that was first under its id: that one counts, and the delivery that kept it may
/// have ended before it was handed over.
pub(crate) async fn hand_over(queue: &impl Queue, keys: &[InboxKey], trace: &TraceId) -> Port<()> {
    let mut notices = Vec::with_capacity(keys.len());
    for key in keys {
        if let InboxKey::Conflict { source, event, .. } = key {
            let first = InboxKey::Event { source: source.clone(), event: event.clone() };
            notices.push(Notice { v: 1, key: first, trace: trace.clone() });
        }
        notices.push(Notice { v: 1, key: key.clone(), trace: trace.clone() });
    }
    for chunk in notices.chunks(QUEUE_ENTRIES_MAX) {
        let failed = queue.send(chunk).await?;
        if !failed.is_empty() {
            let why = format!("{} of {} messages were not taken", failed.len(), chunk.len());
            return Err(PortError::new("queue", "send", why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
