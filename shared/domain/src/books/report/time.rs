//! Times as report files write them.

use crate::time::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// How a time is written.
#[derive(Clone, Debug)]
pub(super) enum Clock {
    /// `2026-11-23T22:37:48+01:00`.
    Rfc3339,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
    /// By a pattern of `strptime`. A pattern without an offset is read in the zone: of a time that the clocks show twice
    /// it is the first, and of one that they leave out the one after the gap.
    Pattern(String, TimeZone),
}

impl Clock {
    /// # Errors
    /// The key, its value, and what to do.
    pub(super) fn new(form: &str, zone: Option<&str>) -> Result<Self, (&'static str, String, &'static str)> {
        let fixed = match form {
            "rfc_3339" => Some(Self::Rfc3339),
            "unix_seconds" => Some(Self::UnixSeconds),
            "unix_milliseconds" => Some(Self::UnixMilliseconds),
            _ => None,
        };
        if let Some(fixed) = fixed {
            let remedy = "only a pattern has a zone: leave it out";
            return zone.map_or(Ok(fixed), |zone| Err(("columns.at.zone", zone.to_owned(), remedy)));
        }
        if !form.contains('%') {
            let remedy = "rfc_3339, unix_seconds, unix_milliseconds or a pattern such as %d.%m.%Y %H:%M:%S is expected";
            return Err(("columns.at.form", form.to_owned(), remedy));
        }
        let has_offset = form.contains("%z") || form.contains("%:z");
        let zone = match (zone, has_offset) {
            (None, true) => TimeZone::UTC,
            (Some(zone), false) => TimeZone::get(zone).map_err(|_| {
                ("columns.at.zone", zone.to_owned(), "a name such as Europe/Berlin or UTC is expected")
            })?,
            (None, false) => {
                let remedy =
                    "a pattern without an offset needs columns.at.zone: UTC, or a name such as Europe/Berlin";
                return Err(("columns.at.form", form.to_owned(), remedy));
            }
            (Some(zone), true) => {
                let remedy = "the pattern has an offset of its own: leave the zone out";
                return Err(("columns.at.zone", zone.to_owned(), remedy));
            }
        };
        Ok(Self::Pattern(form.to_owned(), zone))
    }

    /// The instant, or what was expected.
    pub(super) fn read(&self, text: &str) -> Result<Timestamp, &'static str> {
        match self {
            Self::Rfc3339 => text.parse().map_err(|_| "a time such as 2026-11-23T22:37:48+01:00 is expected"),
            Self::UnixSeconds => {
                let instant = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
                instant.ok_or("seconds since 1970 are expected")
            }
            Self::UnixMilliseconds => {
                let instant = text.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
                instant.ok_or("milliseconds since 1970 are expected")
            }
            Self::Pattern(pattern, zone) => {
                let expected = "a time in the form that the format gives is expected";
                let parsed = strtime::parse(pattern, text).map_err(|_| expected)?;
                if parsed.offset().is_some() {
                    return parsed.to_timestamp().map_err(|_| expected);
                }
                let date = parsed.to_date().map_err(|_| expected)?;
                let time = parsed.to_time().unwrap_or(jiff::civil::Time::midnight());
                zone.to_timestamp(date.to_datetime(time)).map_err(|_| expected)
            }
        }
    }
}
