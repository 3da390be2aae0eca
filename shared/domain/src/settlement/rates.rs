//! Exchange rates by day, and what was exchanged at them.

use super::Gap;
use crate::books::compare::Tolerance;
use crate::books::{Rate, Row};
use crate::finding::{FindingKind, Subject};
use crate::ids::PaymentId;
use crate::money::{Currency, Money, excerpt, major};
use crate::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Days that an older rate holds: over a week-end and a holiday there is no new one.
const DAYS_HELD_MAX: i64 = 4;

/// Why a file of rates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RatesError {
    /// It is no CSV.
    #[error("the file of rates cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A line cannot be used.
    #[error("the file of rates, line {line}: {column} is {value:?}: {expected}")]
    Line {
        /// Where, from 1.
        line: u64,
        /// Which column.
        column: &'static str,
        /// What it holds, shortened.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// Rates by currency pair and day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    days: BTreeMap<(&'static str, &'static str, Date), Rate>,
}

impl Rates {
    /// Reads a CSV with the columns `date`, `from`, `to`, `rate`: units of `to` for one unit of `from` on that day. No rate
    /// is made from another: neither its inverse nor a cross rate.
    ///
    /// # Errors
    /// [`RatesError`] names the line, the column and what was expected. Two rates of one pair and day are refused.
    pub fn read(file: impl std::io::Read) -> Result<Self, RatesError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let header = reader.headers()?.clone();
        let mut rates = Self::default();
        if header.iter().ne(["date", "from", "to", "rate"]) {
            let value = excerpt(&header.iter().collect::<Vec<_>>().join(","));
            return Err(RatesError::Line {
                line: 1,
                column: "the header",
                value,
                expected: "date,from,to,rate is expected",
            });
        }
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let field = |at: usize| record.get(at).unwrap_or_default();
            let wrong = |column, at: usize, expected| RatesError::Line {
                line,
                column,
                value: excerpt(field(at)),
                expected,
            };
            let day: Date =
                field(0).parse().map_err(|_| wrong("date", 0, "a day such as 2026-11-23 is expected"))?;
            let code = |column, at: usize| {
                Currency::from_code(field(at))
                    .map_err(|_| wrong(column, at, "a currency of ISO 4217 is expected"))
            };
            let (from, to) = (code("from", 1)?, code("to", 2)?);
            let rate = Rate::parse(field(3))
                .map_err(|_| wrong("rate", 3, "a decimal number such as 1.0842 is expected"))?;
            if rates.days.insert((from.code(), to.code(), day), rate).is_some() {
                return Err(wrong("date", 0, "one rate of a pair and day is expected, and this is another"));
            }
        }
        Ok(rates)
    }

    /// The rate of a day, in UTC: its own, or that of the last day before it which has one, for a few days.
    #[must_use]
    pub fn of(&self, from: Currency, to: Currency, at: Timestamp) -> Option<Rate> {
        let day = TimeZone::UTC.to_datetime(at).date();
        let oldest = day.checked_sub(jiff::Span::new().try_days(DAYS_HELD_MAX).ok()?).ok()?;
        let key = |day| (from.code(), to.code(), day);
        self.days.range(key(oldest)..=key(day)).next_back().map(|(_, rate)| *rate)
    }

    /// What was exchanged at another rate than that of its day. Nothing is said of a row without a time, or of a day and
    /// pair without a rate.
    #[must_use]
    pub fn check(&self, row: &Row, tolerance: Tolerance) -> Option<Gap> {
        let settled = row.settled.filter(|settled| settled.currency != row.currency)?;
        let rate = self.of(row.currency, settled.currency, row.at?)?;
        let expected = rate.exchange(row.minor, row.currency, settled.currency)?;
        if tolerance.allows(settled.gross_minor, expected) {
            return None;
        }
        let amount = |minor, currency| format!("{} {currency}", major(minor, currency));
        Some(Gap {
            kind: FindingKind::RateDiffers,
            subject: Subject::Payment(PaymentId::new(row.reference.as_str()).ok()?),
            reason: format!(
                "{} were settled as {}, and at {rate} they are {}",
                amount(row.minor, row.currency),
                amount(settled.gross_minor, settled.currency),
                amount(expected, settled.currency)
            ),
            at_stake: Some(Money {
                minor: settled.gross_minor.saturating_sub(expected).saturating_abs(),
                currency: settled.currency,
            }),
        })
    }
}
