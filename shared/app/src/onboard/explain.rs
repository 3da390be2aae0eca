//! What becomes of one captured request, step by step. Nothing here decides anything: the request goes through the same
//! ingest as every delivery, on ports in memory, and what that keeps through the same translation. So an explanation is
//! what would happen, and not what somebody wrote down about it.

use crate::ingest::{Accepted, Arrival, Ingest, Rejected, Request};
use crate::memory::{MemoryInbox, MemoryQueue, MemorySecrets, MemorySources};
use crate::ports::{Certificates, Inbox as _, InboxKey, InboxRow, PortError, SecretPair};
use countersign_domain::dialect::{Auth, TokenFrom};
use countersign_domain::fetch::question;
use countersign_domain::ids::TraceId;
use countersign_domain::signature::SignatureError;
use countersign_domain::source::{Source, SourceConfig};
use countersign_domain::time::Timestamp;
use countersign_domain::translate::{Body, PaymentFact, TranslateError, Translation, translate};
use serde::Serialize;
use std::collections::BTreeSet;

/// A captured request, and what it is looked at with.
pub struct Capture {
    /// The request, as the edge would have seen it.
    pub request: Request,
    /// The source's secrets; none where its deliveries are proven by a certificate.
    pub secrets: Option<SecretPair>,
    /// What the provider's API would answer when it is asked about an event.
    pub answer: Option<Vec<u8>>,
    /// When it is looked at.
    pub now: Timestamp,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Where the proof of a delivery is looked for.
    pub proof_at: String,
    /// Whether it is the source's, and what it is answered.
    pub proof: Proof,
    /// What it holds, in order.
    pub items: Vec<Item>,
}

/// Whether a request is its source's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// It is.
    Authentic {
        /// Under which of the secrets.
        by: ProvenBy,
    },
    /// It asks whether we hold the key, and this is the answer. It is no delivery.
    Challenge {
        /// The body of the answer.
        answer: String,
    },
    /// It is refused, or cannot be judged.
    Refused {
        /// What the sender is answered.
        status: u16,
        /// Why, which the sender is not told.
        why: String,
        /// What may help.
        hints: Vec<String>,
    },
}

/// What proved a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvenBy {
    /// The current secret, or the certificate that it names.
    Current,
    /// The secret that is on its way out.
    Previous,
}

/// One item of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// An event.
    Event {
        /// The provider's id of it.
        id: String,
        /// Its type.
        kind: String,
        /// When it happened, by the provider's clock.
        occurred_at: Option<Timestamp>,
        /// What the provider's API is asked before it is understood: the path of the call.
        asks: Option<String>,
        /// What it comes to.
        becomes: Becomes,
    },
    /// Signed, and no event: kept, and a finding.
    NoEvent {
        /// Why.
        why: String,
    },
    /// The same id with another meaning, in one delivery: kept apart, and a finding.
    Conflict {
        /// The id.
        id: String,
    },
}

/// What an event comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// These facts are booked.
    Facts(Vec<PaymentFact>),
    /// No rule is on its type, or none fits: it is acknowledged and moves nothing.
    Nothing,
    /// It cannot be understood before the provider's API has answered.
    Unanswered,
    /// It is set aside as a finding, for a person.
    SetAside {
        /// Why.
        why: String,
    },
}

impl Explanation {
    /// Whether nothing was refused, unreadable or set aside. An event that moves nothing is no fault.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let is_fine = |item: &Item| matches!(item, Item::Event { becomes, .. } if !matches!(becomes, Becomes::SetAside { .. }));
        !matches!(self.proof, Proof::Refused { .. }) && self.items.iter().all(is_fine)
    }
}

/// Says what becomes of a captured request at a source that was read from a file.
///
/// # Errors
/// [`PortError`] when a certificate has to be fetched and cannot be.
pub async fn explain<C: Certificates>(
    config: &SourceConfig,
    source: &Source,
    certificates: C,
    capture: &Capture,
) -> Result<Explanation, PortError> {
    let desk = Desk::new(config, certificates, capture);
    let (proof, items) = match desk.accept(capture.request.clone(), capture.now).await {
        Ok(Accepted { ok_body, received: 0, unreadable: 0, .. }) if capture.request.method == "GET" => {
            (Proof::Challenge { answer: ok_body }, Vec::new())
        }
        Ok(accepted) => {
            let by = if accepted.by_previous_secret { ProvenBy::Previous } else { ProvenBy::Current };
            (Proof::Authentic { by }, desk.items(source, capture.answer.as_deref()).await?)
        }
        // It was kept before it was refused: it is authentic.
        Err(Rejected::Unreadable) => {
            (Proof::Authentic { by: ProvenBy::Current }, desk.items(source, None).await?)
        }
        Err(rejected) => {
            let hints = desk.hints(capture, &rejected).await;
            (Proof::Refused { status: rejected.status(), why: reason(&rejected), hints }, Vec::new())
        }
    };
    Ok(Explanation { proof_at: proof_at(&source.dialect.auth), proof, items })
}

fn proof_at(auth: &Auth) -> String {
    match auth {
        Auth::Signed(signed) => signed.signature.from.to_string(),
        Auth::Token(TokenFrom::Header(header)) => format!("the header {header}"),
        Auth::Token(TokenFrom::Path) => "the last part of the path".to_owned(),
        Auth::Certificate(certificate) => {
            format!("the certificate that the header {} names", certificate.url)
        }
    }
}

/// Why, with what the sender is not told.
fn reason(rejected: &Rejected) -> String {
    match rejected {
        Rejected::Unauthentic { error, .. } => error.to_string(),
        Rejected::Unavailable(error) => error.chain(),
        other => other.to_string(),
    }
}

/// An ingest of one source.
struct Desk<C> {
    ingest: Ingest<MemorySources, MemorySecrets, C, MemoryInbox, MemoryQueue>,
    name: String,
}

impl<C: Certificates> Desk<C> {
    fn new(config: &SourceConfig, certificates: C, capture: &Capture) -> Self {
        let (sources, secrets) = (MemorySources::default(), MemorySecrets::default());
        if let Some(pair) = &capture.secrets {
            secrets.set(config.name.clone(), pair.clone());
        }
        sources.set(config.clone());
        let (inbox, queue) = (MemoryInbox::default(), MemoryQueue::default());
        let name = config.name.to_string();
        Self { ingest: Ingest::new(sources, secrets, certificates, inbox, queue), name }
    }

    async fn accept(&self, request: Request, now: Timestamp) -> Result<Accepted, Rejected> {
        let attempt = TraceId::of(&["captured"]);
        let request = Request { source: self.name.clone(), ..request };
        self.ingest.accept(&request, &Arrival { now, attempt: attempt.clone(), trace: attempt }).await
    }

    /// What was handed over, in its order.
    async fn items(&self, source: &Source, answer: Option<&[u8]>) -> Result<Vec<Item>, PortError> {
        let mut items = Vec::new();
        let mut seen = BTreeSet::new();
        for notice in self.ingest.queue.take() {
            // A conflict hands over the first event again.
            if !seen.insert(notice.key.clone()) {
                continue;
            }
            let Some(row) = self.ingest.inbox.get(&notice.key).await? else { continue };
            items.push(item(source, row, answer));
        }
        Ok(items)
    }

    /// What may help: a capture is easily damaged, and easily old.
    async fn hints(&self, capture: &Capture, rejected: &Rejected) -> Vec<String> {
        let Rejected::Unauthentic { error, .. } = rejected else { return Vec::new() };
        match error {
            SignatureError::Stale { .. } => {
                vec!["it was good when it came: give --at with the time of the capture".to_owned()]
            }
            SignatureError::Mismatch => self.mismatch(capture).await,
            _ => Vec::new(),
        }
    }

    async fn mismatch(&self, capture: &Capture) -> Vec<String> {
        for (what, body) in changed(&capture.request.body) {
            let request = Request { body, ..capture.request.clone() };
            let found = self.accept(request, capture.now).await;
            if matches!(found, Ok(_) | Err(Rejected::Unreadable)) {
                return vec![format!("the signature fits the body {what}: the capture changed it")];
            }
        }
        vec![
            "the secret is another one than it was signed with, or the body is not byte for byte what was sent"
                .to_owned(),
        ]
    }
}

/// What editors, shells and proxies do to a body, undone.
fn changed(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut bodies = Vec::new();
    if let Some(shorter) = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")) {
        bodies.push(("without its last line's end", shorter.to_vec()));
    }
    bodies.push(("with a line's end behind it", [body, b"\n"].concat()));
    if let Ok(text) = std::str::from_utf8(body) {
        bodies.push(("with plain line ends", text.replace("\r\n", "\n").into_bytes()));
        bodies.push(("without the white space around it", text.trim().as_bytes().to_vec()));
    }
    bodies
}

fn item(source: &Source, row: InboxRow, answer: Option<&[u8]>) -> Item {
    match (&row.key, &row.kind) {
        (InboxKey::Event { event, .. }, Some(kind)) => {
            let (asks, becomes) = understood(source, &row, answer);
            let becomes = becomes.unwrap_or_else(|error| Becomes::SetAside { why: error.to_string() });
            let (id, kind) = (event.to_string(), kind.to_string());
            Item::Event { id, kind, occurred_at: row.occurred_at, asks, becomes }
        }
        (InboxKey::Conflict { event, .. }, _) => Item::Conflict { id: event.to_string() },
        (InboxKey::Event { .. } | InboxKey::Unreadable { .. }, _) => {
            Item::NoEvent { why: row.reason.unwrap_or_default() }
        }
    }
}

type Understood = (Option<String>, Result<Becomes, TranslateError>);

/// What is asked, and what the event comes to: as the processor does it.
fn understood(source: &Source, row: &InboxRow, answer: Option<&[u8]>) -> Understood {
    let (Some(kind), InboxKey::Event { event, .. }) = (&row.kind, &row.key) else {
        return (None, Ok(Becomes::Nothing));
    };
    let delivered = Body::Delivered(&row.body);
    let translated = |body: Body<'_>| translate(source, kind, body).map(becomes);
    match question(source, kind, delivered) {
        Err(error) => (None, Err(error)),
        Ok(None) => (None, translated(delivered)),
        Ok(Some(question)) => {
            let becomes = answer.map_or(Ok(Becomes::Unanswered), |answer| {
                let fetched = question.answered(source, event, delivered, answer)?;
                translated(Body::Json(&fetched.body))
            });
            (Some(question.path), becomes)
        }
    }
}

fn becomes(translation: Translation) -> Becomes {
    match translation {
        Translation::Facts(facts) => Becomes::Facts(facts),
        Translation::Unmapped => Becomes::Nothing,
    }
}

#[cfg(test)]
mod tests;
