//! A report file that arrives by itself: whose it is, how it is written and which days it speaks of.

use crate::ids::SourceName;
use crate::time::{SignedDuration, Timestamp, Window};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What every arriving file's key begins with.
pub const ARRIVALS: &str = "arrivals/";

/// The place of a file that arrived: `arrivals/{source}/{folder}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Whose payments it lists.
    pub source: SourceName,
    /// Which of the source's formats it is written in.
    pub folder: String,
    /// Its own name, for people.
    pub name: String,
}

/// A key that is no place of a report file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{key:?} is no place of a report file: {ARRIVALS}SOURCE/FOLDER/NAME is expected, with a FOLDER of [source.reports]"
)]
pub struct ArrivalError {
    /// The key, shortened.
    pub key: String,
}

impl Arrival {
    /// Reads a key.
    ///
    /// # Errors
    /// [`ArrivalError`] when it is none.
    pub fn parse(key: &str) -> Result<Self, ArrivalError> {
        let wrong = || ArrivalError { key: crate::money::excerpt(key) };
        let rest = key.strip_prefix(ARRIVALS).ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(source), Some(folder), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        if folder.is_empty() || name.is_empty() {
            return Err(wrong());
        }
        let source = SourceName::new(source).map_err(|_| wrong())?;
        Ok(Self { source, folder: folder.to_owned(), name: name.to_owned() })
    }

    /// The days that the file speaks of: those of its name (`…2026-11-01_2026-11-30…`, one or two), else those of its rows
    /// (`first` to `last`), else the day before it arrived. Whole days in UTC.
    #[must_use]
    pub fn window(&self, rows: Option<(Timestamp, Timestamp)>, now: Timestamp) -> Window {
        let dates = dates(&self.name);
        if let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) {
            return Window { from: midnight(*first), to: after(midnight(*last)) };
        }
        match rows {
            Some((first, last)) => {
                Window { from: Window::utc_day(first, 0).from, to: Window::utc_day(last, 0).to }
            }
            None => Window::utc_day(now, 1),
        }
    }
}

/// Every date in a name.
fn dates(name: &str) -> Vec<Date> {
    let is_digit = |at: usize| name.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let starts = (0..name.len())
        .filter(|at| !at.checked_sub(1).is_some_and(is_digit) && !is_digit(at.saturating_add(10)));
    let texts = starts.filter_map(|at| name.get(at..at.saturating_add(10)));
    texts.filter_map(|text| Date::strptime("%Y-%m-%d", text).ok()).collect()
}

fn midnight(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).unwrap_or(Timestamp::MIN)
}

fn after(midnight: Timestamp) -> Timestamp {
    midnight.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_key_names_source_folder_and_file() {
        let arrival = Arrival::parse("arrivals/acme/daily/2026/report.csv.gz").expect("a place");
        assert_eq!((arrival.source.as_str(), arrival.folder.as_str()), ("acme", "daily"));
        assert_eq!(arrival.name, "2026/report.csv.gz");
        for key in [
            "acme/daily/x.csv",
            "arrivals/acme/x.csv",
            "arrivals/acme//x.csv",
            "arrivals/acme/daily/",
            "arrivals/A B/c/d",
        ] {
            let error = Arrival::parse(key).expect_err(key).to_string();
            assert!(error.starts_with(&format!("{key:?} is no place of a report file")), "{error}");
        }
    }

    #[test]
    fn its_days_are_those_of_its_name_or_of_its_rows_or_yesterday() {
        let rows = Some((at("2026-10-31T23:59:59Z"), at("2026-11-02T00:00:00Z")));
        for (name, rows, expected) in [
            ("report_2026-11-01.csv", rows, "2026-11-01T00:00:00Z..2026-11-02T00:00:00Z"),
            ("2026-10-01_2026-10-31.csv", None, "2026-10-01T00:00:00Z..2026-11-01T00:00:00Z"),
            // Names with other numbers, and months that are none.
            ("batch-12026-11-01-2026-13-01.csv", rows, "2026-10-31T00:00:00Z..2026-11-03T00:00:00Z"),
            ("report.csv", rows, "2026-10-31T00:00:00Z..2026-11-03T00:00:00Z"),
            ("report.csv", None, "2026-11-09T00:00:00Z..2026-11-10T00:00:00Z"),
        ] {
            let arrival = Arrival::parse(&format!("arrivals/acme/daily/{name}")).expect("a place");
            let Window { from, to } = arrival.window(rows, at("2026-11-10T08:00:00Z"));
            assert_eq!(format!("{from}..{to}"), expected, "{name}");
        }
    }
}
