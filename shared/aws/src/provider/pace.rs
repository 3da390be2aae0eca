//! No more calls a second than a provider allows: a token bucket for each source.

use countersign_domain::time::Timestamp;
use std::time::Duration;

/// How full a bucket is. It holds as many calls as a second may have, and fills at the same pace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When it is full again, in milliseconds since 1970.
    full_at_ms: i64,
}

impl Pace {
    /// Takes one call out, and says how long to wait before it is made. Waiters are served in the order in which they took.
    #[must_use]
    pub(super) fn take(&mut self, calls_per_second: u16, now: Timestamp) -> Duration {
        let interval_ms = 1_000_i64.div_euclid(i64::from(calls_per_second).max(1)).max(1);
        let burst_ms = interval_ms.saturating_mul(i64::from(calls_per_second).saturating_sub(1));
        let now_ms = now.as_millisecond();
        let full_at_ms = self.full_at_ms.max(now_ms);
        self.full_at_ms = full_at_ms.saturating_add(interval_ms);
        let wait_ms = full_at_ms.saturating_sub(now_ms).saturating_sub(burst_ms);
        Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_each_call_waits_its_turn() {
        let mut pace = Pace::default();
        let at = |ms: i64| Timestamp::from_millisecond(1_764_000_000_000 + ms).expect("an instant");
        for (calls_per_second, now_ms, wait_ms) in [
            (4, 0, 0),
            (4, 0, 0),
            (4, 10, 0),
            (4, 10, 0),
            (4, 10, 240),
            (4, 10, 490),
            // Half a second later two calls have flowed back, and both were waited for.
            (4, 510, 240),
            (4, 5_000, 0),
            (4, 5_000, 0),
            (4, 5_000, 0),
            (4, 5_000, 0),
            (4, 5_000, 250),
        ] {
            assert_eq!(pace.take(calls_per_second, at(now_ms)).as_millis(), wait_ms, "at {now_ms} ms");
        }
        let mut slow = Pace::default();
        assert_eq!([slow.take(1, at(0)), slow.take(1, at(0))].map(|wait| wait.as_millis()), [0, 1_000]);
    }
}
