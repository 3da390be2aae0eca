//! A circuit breaker: an API that failed several times in a row is left alone for a while, so that events which need it do
//! not use up the time of those that do not.
//!
//! One for each source, in one environment of a function. It knows no time of its own; an event that it holds back stays in
//! the queue and comes again.

use countersign_domain::time::{SignedDuration, Timestamp};
use std::time::Duration;

/// Failed calls in a row after which the API is left alone.
pub(super) const FAILURES_MAX: u32 = 5;
/// How long it is left alone, in seconds, and how long a lost probe is waited for.
pub(super) const PAUSE_SECONDS: u64 = 30;
/// Longest pause that a provider may ask for, in seconds.
const PAUSE_SECONDS_MAX: u64 = 300;

/// Whether an API may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Breaker {
    /// It answers, or did not fail often enough.
    #[default]
    Closed,
    /// It failed this many times in a row, which is not yet enough.
    Failing(u32),
    /// It is left alone until then.
    Open {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// One call is on its way to find out; the others wait until then.
    Probing {
        /// When the call counts as lost.
        until: Timestamp,
    },
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It was answered, whatever the answer says: the API is there.
    Answered,
    /// It failed as calls to an API fail that is down or overloaded.
    Failed {
        /// How long the API asks to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Breaker {
    /// Whether a call may be made now.
    ///
    /// # Errors
    /// When it may be made.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        match *self {
            Self::Closed | Self::Failing(_) => Ok(()),
            Self::Open { until } | Self::Probing { until } if now < until => Err(until),
            Self::Open { .. } | Self::Probing { .. } => {
                *self = Self::Probing { until: later(now, PAUSE_SECONDS) };
                Ok(())
            }
        }
    }

    /// Learns what became of a call.
    pub(super) fn learn(&mut self, call: Call, now: Timestamp) {
        let Call::Failed { retry_after } = call else {
            *self = Self::Closed;
            return;
        };
        let asked = retry_after.map_or(0, |wait| wait.as_secs()).min(PAUSE_SECONDS_MAX);
        let pause = Self::Open { until: later(now, asked.max(PAUSE_SECONDS)) };
        *self = match *self {
            Self::Closed => Self::Failing(1),
            Self::Failing(failures) if failures.saturating_add(1) < FAILURES_MAX => {
                Self::Failing(failures.saturating_add(1))
            }
            Self::Failing(_) | Self::Probing { .. } => pause,
            // A call that was admitted before it opened says nothing new.
            Self::Open { until } => Self::Open { until },
        };
    }
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Call::Answered;
    use countersign_domain::time::from_seconds;
    use proptest::prelude::*;

    const FAILED: Call = Call::Failed { retry_after: None };

    fn at(seconds: i64) -> Timestamp {
        from_seconds(1_764_000_000 + seconds)
    }

    /// Calls one after the other, each at a second: what is admitted, and when the next may be made where it is not.
    fn check(calls: &[(i64, Call)], then: i64, expected: Result<(), i64>) {
        let mut breaker = Breaker::default();
        for (seconds, call) in calls {
            assert_eq!(breaker.admit(at(*seconds)), Ok(()), "the call at {seconds} is admitted");
            breaker.learn(*call, at(*seconds));
        }
        assert_eq!(breaker.admit(at(then)), expected.map_err(at), "{calls:?}, then at {then}");
    }

    #[test]
    fn five_failures_in_a_row_and_it_is_left_alone() {
        let four = [(0, FAILED), (1, FAILED), (2, FAILED), (3, FAILED)];
        let five = [&four[..], &[(4, FAILED)]].concat();
        check(&four, 4, Ok(()));
        check(&five, 5, Err(34));
        check(&five, 33, Err(34));
        check(&five, 34, Ok(()));
        check(&[&four[..], &[(4, Answered), (5, FAILED)]].concat(), 6, Ok(()));
        // The probe fails: alone again. It is answered: as if nothing had been.
        check(&[&five[..], &[(34, FAILED)]].concat(), 35, Err(64));
        check(&[&five[..], &[(34, Answered), (35, FAILED)]].concat(), 36, Ok(()));
    }

    #[test]
    fn an_api_may_ask_for_more_and_not_for_any_time() {
        let asks = |seconds| Call::Failed { retry_after: Some(Duration::from_secs(seconds)) };
        let failed = |last| [(0, FAILED), (0, FAILED), (0, FAILED), (0, FAILED), (0, last)];
        check(&failed(asks(120)), 1, Err(120));
        check(&failed(asks(1)), 1, Err(30));
        check(&failed(asks(1_000_000)), 1, Err(300));
    }

    #[test]
    fn one_probe_at_a_time_and_a_lost_one_is_not_waited_for_forever() {
        let mut breaker = Breaker::Open { until: at(0) };
        assert_eq!(breaker.admit(at(0)), Ok(()));
        assert_eq!(breaker.admit(at(1)), Err(at(30)));
        assert_eq!(breaker.admit(at(30)), Ok(()), "the first was lost");
    }

    proptest! {
        #[test]
        fn while_it_is_open_nothing_is_called_and_it_always_recovers(
            steps in prop::collection::vec((0_i64..20, any::<bool>()), 0..200)
        ) {
            let (mut breaker, mut now, mut failures) = (Breaker::default(), 0, 0_u32);
            for (seconds, is_answered) in steps {
                now += seconds;
                let closed_before = matches!(breaker, Breaker::Closed | Breaker::Failing(_));
                match breaker.admit(at(now)) {
                    Err(until) => {
                        prop_assert!(!closed_before && until > at(now));
                        continue;
                    }
                    Ok(()) => prop_assert!(closed_before || failures >= FAILURES_MAX),
                }
                failures = if is_answered { 0 } else { failures + 1 };
                breaker.learn(if is_answered { Answered } else { FAILED }, at(now));
                let is_open = matches!(breaker, Breaker::Open { .. });
                prop_assert_eq!(is_open, failures >= FAILURES_MAX, "open after {} failures", failures);
            }
            now += i64::try_from(PAUSE_SECONDS_MAX).expect("seconds");
            prop_assert_eq!(breaker.admit(at(now)), Ok(()));
            breaker.learn(Answered, at(now));
            prop_assert_eq!(breaker, Breaker::Closed);
        }
    }
}
