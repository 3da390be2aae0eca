//! The suite that every implementation of the ports passes: one check for each promise of [`crate::ports`].
//!
//! It runs against a store that others use at the same time, and may run there again and again: all it needs is a
//! source name of at most 30 bytes that nobody used before. What it finds wrong it says by panicking.

#![expect(clippy::expect_used, reason = "a suite of checks: a port that fails has failed the check")]

mod books;
mod cases;
mod expectations;
mod inbox;
mod messages;
mod onboarding;
mod provider;
mod runs;

pub use books::{findings, ledger};
pub use cases::cases;
pub use expectations::expectations;
pub use inbox::inbox;
pub use messages::{bus, queue, reports};
pub use onboarding::{drift, versions};
pub use provider::{Held, provider_api};
pub use runs::runs;

use crate::ports::{SecretPair, Secrets, Sources};
use countersign_domain::ids::{EventId, EventKind, PaymentId, SourceName, TraceId};
use countersign_domain::source::SourceConfig;
use countersign_domain::time::{SignedDuration, Timestamp, from_seconds};

/// The sources: those that were configured are found, one by one and all together, and no other is.
///
/// # Panics
/// When the port breaks a promise.
pub async fn sources(port: &impl Sources, configured: &[SourceConfig], absent: &SourceName) {
    for config in configured {
        let found = port.fetch(&config.name).await.expect("sources.fetch");
        assert_eq!(found.as_ref(), Some(config), "a source is fetched as it was configured");
    }
    assert_eq!(port.fetch(absent).await.expect("sources.fetch"), None, "{absent} was never configured");
    let listed = port.list().await.expect("sources.list");
    assert!(listed.is_sorted_by(|one, next| one.name < next.name), "sources are listed by name, each once");
    let ours: Vec<_> =
        listed.iter().filter(|listed| configured.iter().any(|c| c.name == listed.name)).collect();
    let mut expected: Vec<_> = configured.iter().collect();
    expected.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(ours, expected, "every configured source is listed");
    assert!(listed.iter().all(|listed| listed.name != *absent), "{absent} was never configured");
}

/// The signing secrets: the pair that was stored comes back, and nothing for a source that has none.
///
/// # Panics
/// When the port breaks a promise.
pub async fn secrets(port: &impl Secrets, stored: &[(SourceName, SecretPair)], absent: &SourceName) {
    for (source, pair) in stored {
        let found = port.fetch(source).await.expect("secrets.fetch");
        // Not `assert_eq!`: it would print what must not be printed, if it ever printed itself.
        assert!(found.as_ref() == Some(pair), "the secrets of {source} are fetched as they were stored");
    }
    assert!(port.fetch(absent).await.expect("secrets.fetch").is_none(), "{absent} has no secrets");
}

/// An instant that no store may round: sub-second to the nanosecond.
fn instant(seconds: i64) -> Timestamp {
    let nanoseconds = SignedDuration::from_nanos(123_456_789);
    from_seconds(1_764_000_000_i64.saturating_add(seconds)).checked_add(nanoseconds).expect("an instant")
}

fn other(source: &SourceName) -> SourceName {
    SourceName::new(format!("{source}-other")).expect("a source name of at most 30 bytes")
}

fn event(text: &str) -> EventId {
    EventId::new(text).expect("an event id")
}

fn kind(text: &str) -> EventKind {
    EventKind::new(text).expect("an event type")
}

fn payment(text: &str) -> PaymentId {
    PaymentId::new(text).expect("a payment reference")
}

fn trace(text: &str) -> TraceId {
    TraceId::of(&[text])
}

#[cfg(test)]
mod tests;
