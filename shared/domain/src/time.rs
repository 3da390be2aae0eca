//! Instants and windows. There is no clock here: `now` is always an argument.

use crate::planted::{Mistake, is_planted};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
pub use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A half-open span of time, `[from, to)`, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First instant inside.
    pub from: Timestamp,
    /// First instant outside.
    pub to: Timestamp,
}

/// Why a pair of instants is not a window that may be reconciled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Nothing can be inside.
    #[error("the window from {from} to {to} is empty: give an end after its start")]
    Empty {
        /// Start given.
        from: Timestamp,
        /// End given.
        to: Timestamp,
    },
    /// More may still happen in it.
    #[error(
        "the window ends at {to}, and it is {now}: it is not over yet; wait until it is, or give an earlier end"
    )]
    NotOver {
        /// End given.
        to: Timestamp,
        /// The instant of asking.
        now: Timestamp,
    },
    /// Events of the window may still be on their way.
    #[error(
        "the window ends at {to}, less than {grace_seconds} s before {now}: wait, or give an earlier end"
    )]
    StillOpen {
        /// End given.
        to: Timestamp,
        /// The instant of asking.
        now: Timestamp,
        /// Youngest age a window's end may have.
        grace_seconds: i64,
    },
}

impl Window {
    /// A window in which something can be.
    ///
    /// # Errors
    /// [`WindowError::Empty`] when its end is not after its start.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, WindowError> {
        if from >= to { Err(WindowError::Empty { from, to }) } else { Ok(Self { from, to }) }
    }

    /// A window that has been closed for at least `grace_seconds` at `now`.
    ///
    /// # Errors
    /// [`WindowError`] when it is empty, not over or still open.
    pub fn closed(
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
        grace_seconds: i64,
    ) -> Result<Self, WindowError> {
        let window = Self::new(from, to)?;
        if now < to {
            return Err(WindowError::NotOver { to, now });
        }
        if now.as_second().saturating_sub(to.as_second()) < grace_seconds {
            return Err(WindowError::StillOpen { to, now, grace_seconds });
        }
        Ok(window)
    }

    /// The UTC day that began `days_ago` days before the day of `now`. UTC has no daylight saving, so every window
    /// is 24 hours long and none overlaps another.
    #[must_use]
    pub fn utc_day(now: Timestamp, days_ago: i64) -> Self {
        let day_seconds = 86_400;
        let length_seconds = if is_planted(Mistake::ShortDay) { 82_800 } else { day_seconds };
        let start =
            (now.as_second().div_euclid(day_seconds)).saturating_sub(days_ago).saturating_mul(day_seconds);
        Self { from: from_seconds(start), to: from_seconds(start.saturating_add(length_seconds)) }
    }

    /// A month in UTC, by its name: `2026-11`. Nothing when it is no name of a month.
    #[must_use]
    pub fn utc_month(name: &str) -> Option<Self> {
        let first = Date::strptime("%Y-%m-%d", format!("{name}-01")).ok().filter(|_| name.len() == 7)?;
        let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
        let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok();
        Some(Self { from: midnight(first)?, to: midnight(next)? })
    }

    /// Whether `instant` lies inside.
    #[must_use]
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.from <= instant && instant < self.to
    }

    /// The UTC dates (`YYYY-MM-DD`) that the window touches, in order.
    #[must_use]
    pub fn utc_dates(&self) -> Vec<String> {
        let mut dates = Vec::new();
        let mut day = Self::utc_day(self.from, 0);
        while day.from < self.to {
            dates.push(utc_date(day.from));
            let next = Self::utc_day(day.to, 0);
            // The last day that can be represented has no next one.
            if next.from <= day.from {
                break;
            }
            day = next;
        }
        dates
    }

    /// `2026-11-22T00:00:00Z..2026-11-23T00:00:00Z`: the window's name in keys, reports and logs.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}..{}", self.from, self.to)
    }
}

/// The UTC date of an instant, `YYYY-MM-DD`.
#[must_use]
pub fn utc_date(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d").to_string()
}

/// An instant from Unix seconds, clamped to what can be represented (year 9999).
#[must_use]
pub fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_that_no_calendar_has_are_clamped() {
        for (seconds, expected) in [(i64::MIN, Timestamp::MIN), (i64::MAX, Timestamp::MAX)] {
            assert_eq!(from_seconds(seconds), expected, "{seconds}");
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a valid instant in a test")
    }

    #[test]
    fn a_day_is_24_hours_in_utc_whatever_the_season() {
        for (now, name) in [
            ("2026-03-29T01:30:00Z", "2026-03-28T00:00:00Z..2026-03-29T00:00:00Z"),
            ("2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z..2026-03-01T00:00:00Z"),
            ("2028-03-01T23:59:59Z", "2028-02-29T00:00:00Z..2028-03-01T00:00:00Z"),
        ] {
            assert_eq!(Window::utc_day(at(now), 1).name(), name);
        }
    }

    #[test]
    fn an_open_or_empty_window_is_refused_with_its_reason() {
        let (from, to) = (at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"));
        assert!(Window::closed(from, to, at("2026-11-23T01:00:00Z"), 3600).is_ok());
        let open = Window::closed(from, to, at("2026-11-23T00:59:59Z"), 3600);
        assert!(matches!(open, Err(WindowError::StillOpen { .. })), "{open:?}");
        assert!(matches!(Window::closed(to, from, to, 0), Err(WindowError::Empty { .. })));
    }

    #[test]
    fn a_month_is_all_its_days_whatever_the_season() {
        for (name, days) in [
            ("2026-01", 31),
            ("2026-02", 28),
            ("2028-02", 29),
            ("2026-03", 31),
            ("2026-10", 31),
            ("2026-12", 31),
        ] {
            let month = Window::utc_month(name).expect(name);
            assert_eq!(month.utc_dates().len(), days, "{name}");
            assert_eq!(utc_date(month.from), format!("{name}-01"));
        }
        for wrong in ["2026-13", "2026-1", "2026", "2026-02-01", "", "november"] {
            assert_eq!(Window::utc_month(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_touched() {
        let window = Window { from: at("2026-11-22T23:00:00Z"), to: at("2026-11-24T00:00:00Z") };
        assert_eq!(window.utc_dates(), ["2026-11-22", "2026-11-23"]);
        assert!(window.contains(window.from) && !window.contains(window.to));
    }
}
