//! Rows as lines of text with tabs between, in our own columns: what is sorted, parted and compared at scale.
//!
//! No field holds a tab or a line break ([`Rows`] are read by checks that refuse them), so there is no quoting, and a
//! line is a row. `duckdb`, a spreadsheet and `sort` read it as well.

use super::row::{Entry, Rate, Row, Rows, Settled};
use crate::money::{Currency, excerpt};
use crate::payment::PaymentStatus;
use crate::reconcile::word;
use crate::time::Timestamp;
use std::io::{BufRead, Read, Write};

/// The columns, in order. The first line of a file holds their names.
pub const COLUMNS: [&str; 14] = [
    "reference",
    "entry",
    "item",
    "currency",
    "minor",
    "status",
    "at_seconds",
    "payout",
    "method",
    "sequence",
    "settled_currency",
    "gross_minor",
    "fee_minor",
    "rate",
];

/// Longest line, in bytes: four texts of at most [`ID_BYTES_MAX`](crate::limits::ID_BYTES_MAX), and numbers.
const LINE_BYTES_MAX: usize = 4_096;

/// Why a canonical file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The file itself.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The first line does not hold the columns.
    #[error("its first line is {0:?}: the names of the columns are expected, with tabs between")]
    Header(String),
    /// A line is too long.
    #[error("line {place} has more than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// Which row, from 1.
        place: u64,
    },
    /// A field cannot be used.
    #[error("row {place}: {column} is {value:?}: {expected}")]
    Field {
        /// Which row, from 1.
        place: u64,
        /// Which column.
        column: &'static str,
        /// What it holds, shortened.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
}

/// Reads canonical rows.
pub struct CanonicalRows<R> {
    from: R,
    line: Vec<u8>,
    place: u64,
    /// The currency met last: nearly always the next one too.
    currency: Option<([u8; 3], Currency)>,
}

impl<R: BufRead> CanonicalRows<R> {
    /// Reads the line with the columns.
    ///
    /// # Errors
    /// [`CanonicalError`] when that line is not there.
    pub fn new(from: R) -> Result<Self, CanonicalError> {
        let mut rows = Self { from, line: Vec::with_capacity(256), place: 0, currency: None };
        let has_header = rows.read_line()?;
        let header = String::from_utf8_lossy(&rows.line).into_owned();
        if !has_header || !header.split('\t').eq(COLUMNS) {
            return Err(CanonicalError::Header(excerpt(&header)));
        }
        Ok(rows)
    }

    /// The next line without its end, or nothing.
    fn read_line(&mut self) -> Result<bool, CanonicalError> {
        self.line.clear();
        let bytes_max = LINE_BYTES_MAX as u64;
        let read = self.from.by_ref().take(bytes_max).read_until(b'\n', &mut self.line)?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read == LINE_BYTES_MAX {
            return Err(CanonicalError::TooLong { place: self.place });
        }
        Ok(read > 0)
    }
}

impl<R: BufRead> Rows for CanonicalRows<R> {
    type Error = CanonicalError;

    fn next(&mut self, row: &mut Row) -> Result<bool, CanonicalError> {
        self.place = self.place.saturating_add(1);
        if !self.read_line()? {
            return Ok(false);
        }
        let Self { line, place, currency, .. } = self;
        Fields { rest: Some(line), place: *place, currency }.fill(row)?;
        Ok(true)
    }
}

/// The fields of a line that are left to read.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
    place: u64,
    currency: &'a mut Option<([u8; 3], Currency)>,
}

const TEXT: &str = "UTF-8 text is expected";
const NUMBER: &str = "a whole number is expected";

impl<'a> Fields<'a> {
    fn fill(mut self, row: &mut Row) -> Result<(), CanonicalError> {
        row.place = self.place;
        self.text("reference", &mut row.reference)?;
        row.entry = match self.take("entry")? {
            b"payment" => Entry::Payment,
            b"refund" => Entry::Refund,
            b"dispute" => Entry::Dispute,
            b"fee" => Entry::Fee,
            b"adjustment" => Entry::Adjustment,
            b"payout" => Entry::Payout,
            b"deposit" => Entry::Deposit,
            other => {
                let expected = "payment, refund, dispute, fee, adjustment, payout or deposit is expected";
                return Err(self.wrong("entry", other, expected));
            }
        };
        self.text("item", &mut row.item)?;
        let currency = self.take("currency")?;
        row.currency = self.currency_of("currency", currency)?;
        let minor = self.take("minor")?;
        row.minor = self.number("minor", minor)?;
        let status = self.take("status")?;
        row.status = self.status(status)?;
        let at = self.take("at_seconds")?;
        row.at = self.instant(at)?;
        self.text("payout", &mut row.payout)?;
        self.text("method", &mut row.method)?;
        row.sequence = match self.take("sequence")? {
            b"" => None,
            digits => Some(self.number("sequence", digits)?),
        };
        row.settled = self.settled()?;
        match self.rest {
            None => Ok(()),
            Some(rest) => Err(self.wrong("rate", rest, "nothing is expected after it")),
        }
    }

    fn wrong(&self, column: &'static str, value: &[u8], expected: &'static str) -> CanonicalError {
        let value = excerpt(&String::from_utf8_lossy(value));
        CanonicalError::Field { place: self.place, column, value, expected }
    }

    fn take(&mut self, column: &'static str) -> Result<&'a [u8], CanonicalError> {
        let Some(rest) = self.rest else {
            return Err(self.wrong(column, b"", "another column is expected"));
        };
        match memchr::memchr(b'\t', rest) {
            Some(at) => {
                let (field, after) = rest.split_at(at);
                self.rest = after.get(1..);
                Ok(field)
            }
            None => {
                self.rest = None;
                Ok(rest)
            }
        }
    }

    fn text(&mut self, column: &'static str, into: &mut String) -> Result<(), CanonicalError> {
        let field = self.take(column)?;
        into.clear();
        into.push_str(std::str::from_utf8(field).map_err(|_| self.wrong(column, field, TEXT))?);
        Ok(())
    }

    fn number<N: std::str::FromStr>(&self, column: &'static str, digits: &[u8]) -> Result<N, CanonicalError> {
        let text = std::str::from_utf8(digits).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.wrong(column, digits, NUMBER))
    }

    fn currency_of(&mut self, column: &'static str, code: &[u8]) -> Result<Currency, CanonicalError> {
        if let Some((known, currency)) = &*self.currency
            && known == code
        {
            return Ok(*currency);
        }
        let unknown = |fields: &Self| fields.wrong(column, code, "a currency of ISO 4217 is expected");
        let bytes: [u8; 3] = code.try_into().map_err(|_| unknown(self))?;
        let text = std::str::from_utf8(code).map_err(|_| unknown(self))?;
        let currency = Currency::from_code(text).map_err(|_| unknown(self))?;
        *self.currency = Some((bytes, currency));
        Ok(currency)
    }

    fn status(&self, word: &[u8]) -> Result<Option<PaymentStatus>, CanonicalError> {
        Ok(Some(match word {
            b"" => return Ok(None),
            b"captured" => PaymentStatus::Captured,
            b"unknown" => PaymentStatus::Unknown,
            b"initiated" => PaymentStatus::Initiated,
            b"requires_action" => PaymentStatus::RequiresAction,
            b"pending" => PaymentStatus::Pending,
            b"failed" => PaymentStatus::Failed,
            b"authorized" => PaymentStatus::Authorized,
            b"expired" => PaymentStatus::Expired,
            b"canceled" => PaymentStatus::Canceled,
            b"partially_captured" => PaymentStatus::PartiallyCaptured,
            b"reversed" => PaymentStatus::Reversed,
            other => return Err(self.wrong("status", other, "a status of a payment is expected")),
        }))
    }

    fn instant(&self, seconds: &[u8]) -> Result<Option<Timestamp>, CanonicalError> {
        if seconds.is_empty() {
            return Ok(None);
        }
        let number = self.number("at_seconds", seconds)?;
        let instant = Timestamp::from_second(number);
        instant.map(Some).map_err(|_| self.wrong("at_seconds", seconds, "seconds since 1970 are expected"))
    }

    fn settled(&mut self) -> Result<Option<Settled>, CanonicalError> {
        let (code, gross) = (self.take("settled_currency")?, self.take("gross_minor")?);
        let (fee, rate) = (self.take("fee_minor")?, self.take("rate")?);
        if code.is_empty() {
            let stray = [gross, fee, rate].concat();
            return if stray.is_empty() {
                Ok(None)
            } else {
                Err(self.wrong("settled_currency", b"", "a currency is expected beside settled amounts"))
            };
        }
        let rate = match rate {
            b"" => None,
            text => {
                let wrong = || self.wrong("rate", text, "a decimal number such as 1.0842 is expected");
                let text = std::str::from_utf8(text).map_err(|_| wrong())?;
                Some(Rate::parse(text).map_err(|_| wrong())?)
            }
        };
        Ok(Some(Settled {
            currency: self.currency_of("settled_currency", code)?,
            gross_minor: self.number("gross_minor", gross)?,
            fee_minor: self.number("fee_minor", fee)?,
            rate,
        }))
    }
}

/// Writes the line with the columns.
///
/// # Errors
/// What the writer says.
pub fn write_header(into: &mut impl Write) -> std::io::Result<()> {
    writeln!(into, "{}", COLUMNS.join("\t"))
}

/// Writes a row, its place excepted.
///
/// # Errors
/// What the writer says.
pub fn write_row(into: &mut impl Write, row: &Row) -> std::io::Result<()> {
    let Row { reference, entry, item, currency, minor, payout, method, .. } = row;
    write!(into, "{reference}\t{}\t{item}\t{}\t{minor}\t", entry.as_str(), currency.code())?;
    if let Some(status) = row.status {
        into.write_all(word(status).as_bytes())?;
    }
    into.write_all(b"\t")?;
    if let Some(at) = row.at {
        write!(into, "{}", at.as_second())?;
    }
    write!(into, "\t{payout}\t{method}\t")?;
    if let Some(sequence) = row.sequence {
        write!(into, "{sequence}")?;
    }
    match row.settled {
        None => into.write_all(b"\t\t\t\t\n"),
        Some(Settled { currency, gross_minor, fee_minor, rate }) => {
            write!(into, "\t{}\t{gross_minor}\t{fee_minor}\t", currency.code())?;
            if let Some(rate) = rate {
                write!(into, "{rate}")?;
            }
            into.write_all(b"\n")
        }
    }
}

#[cfg(test)]
mod tests;
