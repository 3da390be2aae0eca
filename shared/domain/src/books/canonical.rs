//! Rows as lines of text with tabs between, in our own columns: what is sorted, parted and compared at scale.
//!
//! No field holds a tab or a line break ([`Rows`] are read by checks that refuse them), so there is no quoting, and a
//! line is a row. `duckdb`, a spreadsheet and `sort` read it as well.

use super::row::{Entry, Rate, Row, Rows, Settled};
use crate::money::Currency;
use crate::payment::PaymentStatus;
use crate::reconcile::word;
use crate::shape::Shape;
use crate::time::Timestamp;
use std::io::{Read, Write};

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
    #[error("its first line does not hold the names of the columns, with tabs between")]
    Header,
    /// A line is too long.
    #[error("line {place} has more than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// Which row, from 1.
        place: u64,
    },
    /// A field cannot be used.
    #[error("row {place}: {column} is {shape}: {expected}")]
    Field {
        /// Which row, from 1.
        place: u64,
        /// Which column.
        column: &'static str,
        /// How it is written: it may hold anything.
        shape: Shape,
        /// What it should hold.
        expected: &'static str,
    },
}

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 18;

/// Reads canonical rows.
pub struct CanonicalRows<R> {
    from: R,
    block: Vec<u8>,
    /// What of the block is not read yet.
    rest: std::ops::Range<usize>,
    place: u64,
    /// The currencies met so far: a handful.
    currencies: Vec<([u8; 3], Currency)>,
}

impl<R: Read> CanonicalRows<R> {
    /// Reads the line with the columns.
    ///
    /// # Errors
    /// [`CanonicalError`] when that line is not there.
    pub fn new(from: R) -> Result<Self, CanonicalError> {
        let mut rows =
            Self { from, block: vec![0; BLOCK_BYTES], rest: 0..0, place: 0, currencies: Vec::new() };
        let header = String::from_utf8_lossy(rows.peek()?.unwrap_or_default()).into_owned();
        if !header.split('\t').eq(COLUMNS) {
            return Err(CanonicalError::Header);
        }
        rows.pass(header.len());
        rows.place = 0;
        Ok(rows)
    }

    /// The next line, without its end and without going past it; nothing at the end of the input.
    pub(super) fn peek(&mut self) -> Result<Option<&[u8]>, CanonicalError> {
        let line = self.find_line()?;
        Ok(line.and_then(|line| self.block.get(line)))
    }

    /// Goes past a line of so many bytes that was seen.
    pub(super) fn pass(&mut self, line_bytes: usize) {
        // The last line may lack its end.
        self.rest.start = self.rest.start.saturating_add(line_bytes).saturating_add(1).min(self.rest.end);
        self.place = self.place.saturating_add(1);
    }

    /// Reads a line, wherever it comes from, as if it were the one before.
    pub(super) fn reread(&mut self, line: &[u8], row: &mut Row) -> Result<(), CanonicalError> {
        Fields::new(line, self.place, &mut self.currencies).fill(row)
    }

    /// The currency of a code that was met before.
    pub(super) fn known_currency(&self, code: &[u8]) -> Option<Currency> {
        self.currencies.iter().find(|(known, _)| known == code).map(|(_, currency)| *currency)
    }

    /// Where in the block the next line is, without its end; nothing at the end of the input.
    fn find_line(&mut self) -> Result<Option<std::ops::Range<usize>>, CanonicalError> {
        loop {
            let rest = self.block.get(self.rest.clone()).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', rest) {
                return Ok(Some(self.rest.start..self.rest.start.saturating_add(length)));
            }
            if rest.len() > LINE_BYTES_MAX {
                return Err(CanonicalError::TooLong { place: self.place.saturating_add(1) });
            }
            self.block.copy_within(self.rest.clone(), 0);
            self.rest = 0..self.rest.len();
            let read = self.from.read(self.block.get_mut(self.rest.end..).unwrap_or_default())?;
            if read == 0 {
                return Ok(Some(self.rest.clone()).filter(|last| !last.is_empty()));
            }
            self.rest.end = self.rest.end.saturating_add(read);
        }
    }
}

impl<R: Read> Rows for CanonicalRows<R> {
    type Error = CanonicalError;

    fn next(&mut self, row: &mut Row) -> Result<bool, CanonicalError> {
        let Some(range) = self.find_line()? else { return Ok(false) };
        self.pass(range.len());
        let line = self.block.get(range).unwrap_or_default();
        Fields::new(line, self.place, &mut self.currencies).fill(row)?;
        Ok(true)
    }
}

/// The fields of a line that are left to read.
struct Fields<'a> {
    line: &'a [u8],
    /// Where the next field begins; nothing after the last.
    at: Option<usize>,
    tabs: memchr::Memchr<'a>,
    place: u64,
    currencies: &'a mut Vec<([u8; 3], Currency)>,
}

/// A number without a sign that cannot overflow: nearly all are.
pub(super) fn plain_number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number.wrapping_mul(10).wrapping_add(i64::from(digit)))
    })
}

const TEXT: &str = "UTF-8 text is expected";
const NUMBER: &str = "a whole number is expected";

impl<'a> Fields<'a> {
    fn new(line: &'a [u8], place: u64, currencies: &'a mut Vec<([u8; 3], Currency)>) -> Self {
        Self { line, at: Some(0), tabs: memchr::memchr_iter(b'\t', line), place, currencies }
    }

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
        row.minor = match plain_number(minor) {
            Some(minor) => minor,
            None => self.number("minor", minor)?,
        };
        let status = self.take("status")?;
        row.status = self.status(status)?;
        let at = self.take("at_seconds")?;
        row.at = self.instant(at)?;
        self.text("payout", &mut row.payout)?;
        self.text("method", &mut row.method)?;
        if self.at.and_then(|at| self.line.get(at..)) == Some(b"\t\t\t\t") {
            // Most rows end here.
            (row.sequence, row.settled) = (None, None);
            return Ok(());
        }
        row.sequence = match self.take("sequence")? {
            b"" => None,
            digits => Some(self.number("sequence", digits)?),
        };
        row.settled = self.settled()?;
        match self.at.and_then(|at| self.line.get(at..)) {
            None => Ok(()),
            Some(more) => Err(self.wrong("rate", more, "nothing is expected after it")),
        }
    }

    fn wrong(&self, column: &'static str, value: &[u8], expected: &'static str) -> CanonicalError {
        let shape = Shape::of(&String::from_utf8_lossy(value));
        CanonicalError::Field { place: self.place, column, shape, expected }
    }

    fn take(&mut self, column: &'static str) -> Result<&'a [u8], CanonicalError> {
        let Some(at) = self.at else {
            return Err(self.wrong(column, b"", "another column is expected"));
        };
        let end = self.tabs.next();
        self.at = end.map(|end| end.saturating_add(1));
        Ok(self.line.get(at..end.unwrap_or(self.line.len())).unwrap_or_default())
    }

    fn text(&mut self, column: &'static str, into: &mut String) -> Result<(), CanonicalError> {
        let field = self.take(column)?;
        into.clear();
        if field.is_empty() {
            return Ok(());
        }
        into.push_str(std::str::from_utf8(field).map_err(|_| self.wrong(column, field, TEXT))?);
        Ok(())
    }

    fn number<N: std::str::FromStr>(&self, column: &'static str, digits: &[u8]) -> Result<N, CanonicalError> {
        let text = std::str::from_utf8(digits).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.wrong(column, digits, NUMBER))
    }

    fn currency_of(&mut self, column: &'static str, code: &[u8]) -> Result<Currency, CanonicalError> {
        if let Some((_, currency)) = self.currencies.iter().find(|(known, _)| known == code) {
            return Ok(*currency);
        }
        let unknown = |fields: &Self| fields.wrong(column, code, "a currency of ISO 4217 is expected");
        let bytes: [u8; 3] = code.try_into().map_err(|_| unknown(self))?;
        let text = std::str::from_utf8(code).map_err(|_| unknown(self))?;
        let currency = Currency::from_code(text).map_err(|_| unknown(self))?;
        self.currencies.push((bytes, currency));
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
        let number = match plain_number(seconds) {
            Some(number) => number,
            None => self.number("at_seconds", seconds)?,
        };
        let instant = Timestamp::from_second(number);
        instant.map(Some).map_err(|_| self.wrong("at_seconds", seconds, "seconds since 1970 are expected"))
    }

    fn settled(&mut self) -> Result<Option<Settled>, CanonicalError> {
        let (code, gross) = (self.take("settled_currency")?, self.take("gross_minor")?);
        let (fee, rate) = (self.take("fee_minor")?, self.take("rate")?);
        if code.is_empty() {
            return if gross.is_empty() && fee.is_empty() && rate.is_empty() {
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
