//! Statements of a bank: CAMT.053 (ISO 20022) and MT940 (SWIFT), read into one shape.
//!
//! A statement proves itself: its opening balance and its entries make its closing balance, or it is refused. An entry is
//! one booking of the bank, however many payments it holds.

mod camt;
mod mt940;

use crate::books::{Entry, Row};
use crate::money::{AmountForm, Currency, Money, MoneyError, excerpt, major};
use crate::shape::Shape;
use crate::time::Timestamp;

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The account, as the statement names it.
    pub account: String,
    /// Its currency.
    pub currency: Currency,
    /// Minor units at the beginning; below zero where the account is overdrawn.
    pub opening: i64,
    /// Minor units at the end.
    pub closing: i64,
    /// What was booked, in the order of the statement.
    pub entries: Vec<Booking>,
}

/// One booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The best name that the statement has for it: the payer's reference, else the bank's.
    pub reference: String,
    /// Who paid and what for, in the statement's words.
    pub text: String,
    /// Minor units, positive for money that came in.
    pub minor: i64,
    /// When it was booked: the beginning of that day in UTC.
    pub at: Timestamp,
}

impl Booking {
    /// Its words stand in lines of reports and on terminals: they hold no line break and no control character.
    fn tidy(&mut self) {
        for text in [&mut self.reference, &mut self.text] {
            if text.contains(char::is_control) {
                *text = text.replace(char::is_control, " ").trim().to_owned();
            }
        }
    }
}

/// A place in a file of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Which statement of the file, from 1.
    pub statement: usize,
    /// Which of its entries, from 1; nothing for what is not in an entry.
    pub entry: Option<usize>,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the statement {}", self.statement)?;
        self.entry.map_or(Ok(()), |entry| write!(f, ", entry {entry}"))
    }
}

impl At {
    fn missing(self, what: &'static str) -> BankError {
        BankError::Missing { at: self, what }
    }

    /// Of an amount, a mark or a name of the form itself.
    fn wrong(self, what: &'static str, value: &str, why: impl Into<String>) -> BankError {
        BankError::Value { at: self, what, value: format!("{:?}", excerpt(value)), why: why.into() }
    }

    /// Of a whole line, which may name people: only how it is written is told.
    fn wrong_line(self, what: &'static str, line: &str, why: impl Into<String>) -> BankError {
        BankError::Value { at: self, what, value: Shape::of(line).to_string(), why: why.into() }
    }
}

/// Why a statement cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// It is no XML, or XML with more in it than a statement may have.
    #[error("the statement is not readable as XML at byte {at}: {why}")]
    Xml {
        /// Where.
        at: u64,
        /// Why.
        why: String,
    },
    /// It is neither form.
    #[error("the file is no statement: CAMT.053 begins with `<`, MT940 holds lines that begin with `:20:`")]
    Unknown,
    /// Something that a statement must have.
    #[error("{at}: {what} is missing")]
    Missing {
        /// Where.
        at: At,
        /// What.
        what: &'static str,
    },
    /// Something that cannot be used.
    #[error("{at}: {what} is {value}: {why}")]
    Value {
        /// Where.
        at: At,
        /// What.
        what: &'static str,
        /// What it holds, shortened; of a whole line, how it is written.
        value: String,
        /// What was expected.
        why: String,
    },
    /// It does not add up.
    #[error(
        "the statement {statement}: {opening} at the beginning and {booked} booked make {sum}, and not {closing}: entries are missing, or the file was changed"
    )]
    Balance {
        /// Which statement of the file, from 1.
        statement: usize,
        /// What it says of the beginning.
        opening: String,
        /// What its entries come to.
        booked: String,
        /// Both together.
        sum: String,
        /// What it says of the end.
        closing: String,
    },
}

/// Reads the statements of a file, whichever form it has.
///
/// # Errors
/// [`BankError`] names the statement, the field and what was expected.
pub fn read(file: &[u8]) -> Result<Vec<Statement>, BankError> {
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    if text.trim_ascii_start().starts_with(b"<") {
        camt::read(text)
    } else {
        mt940::read(&String::from_utf8_lossy(text))
    }
}

impl Statement {
    /// Its entries as rows: money that came in is a deposit; what went out is one with the other sign.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let row = |(booking, place): (&Booking, u64)| Row {
            reference: booking.reference.clone(),
            entry: Entry::Deposit,
            currency: self.currency,
            minor: booking.minor,
            at: Some(booking.at),
            place,
            ..Row::empty()
        };
        self.entries.iter().zip(1..).map(row).collect()
    }

    fn check(mut self, statement: usize) -> Result<Self, BankError> {
        self.entries.iter_mut().for_each(Booking::tidy);
        let booked =
            self.entries.iter().fold(0_i128, |sum, entry| sum.saturating_add(i128::from(entry.minor)));
        let sum = booked.saturating_add(i128::from(self.opening));
        if sum == i128::from(self.closing) {
            return Ok(self);
        }
        let amount = |minor: i128| {
            let major =
                i64::try_from(minor).map_or_else(|_| minor.to_string(), |minor| major(minor, self.currency));
            format!("{major} {}", self.currency)
        };
        Err(BankError::Balance {
            statement,
            opening: amount(i128::from(self.opening)),
            booked: amount(booked),
            sum: amount(sum),
            closing: amount(i128::from(self.closing)),
        })
    }
}

/// Minor units of an unsigned decimal amount.
fn minor(text: &str, currency: Currency) -> Result<i64, MoneyError> {
    Money::parse(text, AmountForm::DecimalString, currency, None).map(|money| money.minor)
}

/// A day as the instant at which it begins in UTC.
fn day(year: i16, month: i8, day: i8) -> Option<Timestamp> {
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()
}

#[cfg(test)]
pub(crate) mod tests;
