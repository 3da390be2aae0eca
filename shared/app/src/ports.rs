//! What the use cases need from the world. Each trait is as small as one use case wants it, in the domain's own types,
//! and has two implementations: on AWS, and in memory.
//!
//! Every call may fail without telling whether it took effect: a lost answer looks like a lost request. The use cases
//! are built so that doing it again is always right.

mod cases;
mod drift;
mod expectations;
mod files;
mod runs;
mod versions;

pub use cases::{Cases, Stepped};
pub use drift::{Drift, Drifted, Seen, Sighting, Unknown};
pub use expectations::{Announced, Expectations};
pub use files::{Arrived, Files};
pub use runs::{
    Checkpoint, Completed, Evidence, Heal, Input, Lease, Phase, Resolution, Run, RunHistory, Runs, StepId,
};
pub use versions::{Made, SourceVersion, SourceVersions, Written};

use countersign_domain::event::BusEvent;
use countersign_domain::finding::Finding;
use countersign_domain::ids::{EventId, EventKind, PaymentId, Sha256Hex, SourceName, TraceId};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::signature::TrustAnchors;
use countersign_domain::source::{Source, SourceConfig};
use countersign_domain::time::Timestamp;
use countersign_domain::translate::Body;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;

/// A call to the world that failed, or whose outcome is unknown.
#[derive(Debug, thiserror::Error)]
#[error("{port}: {operation} failed")]
pub struct PortError {
    /// Which port: `inbox`, `queue`, …
    pub port: &'static str,
    /// Which call.
    pub operation: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl PortError {
    /// A failure of one call.
    pub fn new(
        port: &'static str,
        operation: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { port, operation, source: source.into() }
    }

    /// The whole chain of reasons in one line, for a log.
    #[must_use]
    pub fn chain(&self) -> String {
        format!("{self}: {}", self.reasons())
    }

    /// The same failure for one more of those whom the call was made for, its reasons as text.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self::new(self.port, self.operation, self.reasons())
    }

    fn reasons(&self) -> String {
        let mut text = self.source.to_string();
        let mut source = self.source.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

/// What a port call comes to.
pub type Port<T> = Result<T, PortError>;

/// The only source of time.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// The name of an inbox row. The text of its key is `source#…`; no part can hold a `#`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InboxKey {
    /// An event: `source#event`.
    Event {
        /// Its source.
        source: SourceName,
        /// Its id.
        event: EventId,
    },
    /// Another meaning under the id of an event: `source#event#meaning`.
    Conflict {
        /// Its source.
        source: SourceName,
        /// The id it came under.
        event: EventId,
        /// The digest of its meaning.
        meaning: Sha256Hex,
    },
    /// Something signed that is no event: `source##digest`.
    Unreadable {
        /// Its source.
        source: SourceName,
        /// The digest of its bytes.
        digest: Sha256Hex,
    },
}

impl InboxKey {
    /// Whose row it is.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        match self {
            Self::Event { source, .. } | Self::Conflict { source, .. } | Self::Unreadable { source, .. } => {
                source
            }
        }
    }
}

impl std::fmt::Display for InboxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event { source, event } => write!(f, "{source}#{event}"),
            Self::Conflict { source, event, meaning } => write!(f, "{source}#{event}#{}", meaning.short()),
            Self::Unreadable { source, digest } => write!(f, "{source}##{}", digest.short()),
        }
    }
}

/// How an event came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A signed webhook.
    Delivery,
    /// Found in the provider's list of events by reconciliation.
    Listed,
    /// A delivered event with what the provider's API said of it.
    Fetched,
    /// Made by reconciliation from the provider's own payment; its body is our own
    /// [`PaymentFact`](countersign_domain::translate::PaymentFact).
    Correction,
}

/// One inbox row: what came in, byte for byte, and what is needed to prove and understand it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Its name.
    pub key: InboxKey,
    /// How it came in.
    pub origin: Origin,
    /// The provider's name for what it is; absent for what could not be read.
    pub kind: Option<EventKind>,
    /// The digest of its meaning; of its bytes for what could not be read.
    pub meaning: Sha256Hex,
    /// The bytes.
    pub body: Vec<u8>,
    /// The headers that prove it or carry its id.
    pub headers: BTreeMap<String, String>,
    /// By the provider's clock.
    pub occurred_at: Option<Timestamp>,
    /// By our clock.
    pub received_at: Timestamp,
    /// The request that wrote it: tells our own repeated put from a duplicate.
    pub attempt: TraceId,
    /// The trace that began with it.
    pub trace: TraceId,
    /// Why it could not be read, for what could not.
    pub reason: Option<String>,
}

impl InboxRow {
    /// What came in, by how it came in: only a delivery is in the form that its dialect says.
    #[must_use]
    pub fn content(&self) -> Body<'_> {
        match self.origin {
            Origin::Delivery => Body::Delivered(&self.body),
            Origin::Listed | Origin::Fetched | Origin::Correction => Body::Json(&self.body),
        }
    }
}

/// What a conditional put found.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The row is new.
    Written,
    /// The key was taken, by a row of this request and this meaning.
    Exists {
        /// The request that wrote the row that is there.
        attempt: TraceId,
        /// The digest of its meaning.
        meaning: Sha256Hex,
    },
}

/// What came in.
pub trait Inbox: Send + Sync {
    /// Writes a row if its key is free.
    fn put(&self, row: &InboxRow) -> impl Future<Output = Port<Put>> + Send;
    /// Reads a row, with every write that was acknowledged before.
    fn get(&self, key: &InboxKey) -> impl Future<Output = Port<Option<InboxRow>>> + Send;
}

/// What crosses the queue: a name, never a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Version of this shape: 1. A reader refuses one it does not know.
    pub v: u32,
    /// The inbox row.
    pub key: InboxKey,
    /// The trace.
    pub trace: TraceId,
}

/// The queue between ingest and processor.
pub trait Queue: Send + Sync {
    /// Sends at most [`countersign_domain::limits::QUEUE_ENTRIES_MAX`] notices, each in the group of its source.
    /// Returns the positions that were not taken.
    fn send(&self, notices: &[Notice]) -> impl Future<Output = Port<Vec<usize>>> + Send;
}

/// What the ledger knows when an event is about to be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerView {
    /// The newest row of the payment.
    pub latest: Option<LedgerRow>,
    /// The row that this event made, if it was applied before.
    pub of_event: Option<LedgerRow>,
}

/// What a conditional append found.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Append {
    /// The row is the newest.
    Appended,
    /// Another row took its version first.
    Stale,
}

/// The append-only ledger.
pub trait Ledger: Send + Sync {
    /// Reads a payment, with every write that was acknowledged before.
    fn view(
        &self,
        source: &SourceName,
        payment: &PaymentId,
        event: &EventId,
    ) -> impl Future<Output = Port<LedgerView>> + Send;
    /// Every row of a payment, oldest first.
    fn history(
        &self,
        source: &SourceName,
        payment: &PaymentId,
    ) -> impl Future<Output = Port<Vec<LedgerRow>>> + Send;
    /// Writes a row if its version is free.
    fn append(&self, row: &LedgerRow) -> impl Future<Output = Port<Append>> + Send;
    /// The payments whose first row was written on a UTC date (`YYYY-MM-DD`), in any order.
    fn opened_on(&self, source: &SourceName, date: &str)
    -> impl Future<Output = Port<Vec<PaymentId>>> + Send;
}

/// The bus that the rest of the business listens to.
pub trait Bus: Send + Sync {
    /// Publishes at most [`countersign_domain::limits::BUS_ENTRIES_MAX`] events. Returns the positions that were not
    /// taken.
    fn publish(&self, events: &[BusEvent]) -> impl Future<Output = Port<Vec<usize>>> + Send;
}

/// Whether a finding was known.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// Seen for the first time.
    New,
    /// Seen before: the first record stays, the time of the last sight moves.
    Known,
    /// Seen before and settled since: it is open again.
    Reopened,
}

/// The doubts that wait for a person or a policy.
pub trait Findings: Send + Sync {
    /// Records a finding under its id.
    fn raise(&self, finding: &Finding) -> impl Future<Output = Port<Raised>> + Send;
    /// Every finding of a source.
    fn list(&self, source: &SourceName) -> impl Future<Output = Port<Vec<Finding>>> + Send;
}

/// The configured sources.
pub trait Sources: Send + Sync {
    /// One source, or nothing.
    fn fetch(&self, name: &SourceName) -> impl Future<Output = Port<Option<SourceConfig>>> + Send;
    /// All of them, by name.
    fn list(&self) -> impl Future<Output = Port<Vec<SourceConfig>>> + Send;
}

/// The signing secrets of a source, as they are stored. It does not print itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretPair {
    /// The one that is here to stay.
    pub current: String,
    /// The one that is on its way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// From when on the previous one is refused, and said to be retired; without it, it is accepted for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Timestamp>,
    /// `user:password`, where the source asks for basic authentication: up to two while it is being changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub basic: Vec<String>,
    /// The secret last part of the URL, where the source asks for one beside its dialect's proof: up to two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path_tokens: Vec<String>,
}

impl std::fmt::Debug for SecretPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretPair([REDACTED])")
    }
}

/// The store of signing secrets.
pub trait Secrets: Send + Sync {
    /// The secrets of a source, or nothing.
    fn fetch(&self, source: &SourceName) -> impl Future<Output = Port<Option<SecretPair>>> + Send;
}

/// The certificates that some providers sign their deliveries under.
pub trait Certificates: Send + Sync {
    /// The chain behind a URL, in PEM, leaf first; nothing when there is none. The caller has checked whose URL it is.
    fn fetch(&self, url: &str) -> impl Future<Output = Port<Option<Vec<u8>>>> + Send;
    /// The roots that a chain may lead to.
    fn anchors(&self) -> &TrustAnchors;
}

/// One call to a provider's API: always a GET, always below the source's base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// Path, beginning with a slash.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
}

/// The provider's own books. An implementation retries what may pass; what it returns is final for this run.
pub trait ProviderApi: Send + Sync {
    /// The body of a 200, or nothing for a 404.
    fn get(
        &self,
        source: &Source,
        request: &ApiRequest,
    ) -> impl Future<Output = Port<Option<Vec<u8>>>> + Send;
}

/// Where reports are kept.
pub trait Reports: Send + Sync {
    /// Writes one object, replacing an equal one.
    fn write(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> impl Future<Output = Port<()>> + Send;
}
