//! The only clock and the only randomness.

use countersign_app::ports::Clock;
use countersign_domain::ids::TraceId;
use countersign_domain::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's clock, in UTC, to the millisecond: what a row, a log line or a person can use.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the only clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// A fresh id: of an attempt, or of a trace. It must be unique, not secret: where the system has no randomness to give,
/// the time and a counter keep ids apart.
#[must_use]
pub fn random_id() -> TraceId {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 16];
    let is_random = rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).is_ok();
    if is_random {
        return TraceId::from_bytes(bytes);
    }
    let count = COUNTER.fetch_add(1, Ordering::Relaxed).to_string();
    TraceId::of(&[&SystemClock.now().to_string(), &std::process::id().to_string(), &count])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_fresh_and_well_formed() {
        let ids: BTreeSet<String> = (0..1_000).map(|_| random_id().as_str().to_owned()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    #[test]
    fn the_clock_counts_milliseconds() {
        let now = SystemClock.now();
        assert_eq!(now.as_nanosecond() % 1_000_000, 0);
        assert!(SystemClock.now() >= now);
    }
}
