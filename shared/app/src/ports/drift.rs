//! What a live source says that its dialect has no word for.

use super::Port;
use countersign_domain::ids::{EventId, EventKind, Sha256Hex, SourceName};
use countersign_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// A word without a meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// An event type that no rule is on: its events are acknowledged and move nothing.
    Type,
    /// A state that is not mapped: its events are set aside as findings.
    State {
        /// Where it stands.
        at: String,
        /// The state, at most 40 characters of it.
        value: String,
    },
}

impl Unknown {
    /// Its name among those of one source. It holds nothing but ASCII.
    #[must_use]
    pub fn key(&self, kind: &EventKind) -> String {
        match self {
            Self::Type => format!("type#{kind}"),
            Self::State { at, value } => {
                format!("state#{}#{kind}", Sha256Hex::of(&[at.as_bytes(), value.as_bytes()]).short())
            }
        }
    }
}

/// Events of one batch that say the same unknown word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Who says it.
    pub source: SourceName,
    /// In events of this type.
    pub kind: EventKind,
    /// What is unknown.
    pub unknown: Unknown,
    /// One of the events.
    pub example: EventId,
    /// How many.
    pub events: u32,
    /// By our clock.
    pub at: Timestamp,
}

/// All sightings of one unknown word. An event that is redelivered is counted again: the figures say how pressing it is,
/// not how many events there were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// In events of this type.
    pub kind: EventKind,
    /// What is unknown.
    pub unknown: Unknown,
    /// The event that said it first.
    pub example: EventId,
    /// How often it was seen.
    pub events: u64,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
}

/// Whether a word was seen before.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// For the first time.
    New,
    /// Before.
    Known,
}

/// What the sources say that their dialects have no word for. What is not seen for a quarter of a year may be forgotten.
pub trait Drift: Send + Sync {
    /// Adds to what is known of one word.
    fn saw(&self, sighting: &Sighting) -> impl Future<Output = Port<Seen>> + Send;
    /// Everything unknown that a source says, by type.
    fn list(&self, source: &SourceName) -> impl Future<Output = Port<Vec<Drifted>>> + Send;
}
