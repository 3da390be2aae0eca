//! The rows of a report file.

use super::super::row::{Entry, Rate, Row, Rows, Settled};
use super::csv_lines::{CsvLines, OPEN_QUOTE};
use super::format::{AmountFrom, EntryFrom, From, Kind, ReportFormat};
use crate::ids::PaymentId;
use crate::json::{Json, Path};
use crate::money::Currency;
use crate::shape::Shape;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};

/// Most rows that are set aside. A file with more of them is not the file that the format describes.
const FAULTS_MAX: usize = 1_000;
/// Longest line of JSON, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file itself.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Its CSV.
    #[error("it cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// Not even a header is there.
    #[error("it is empty: it has no header and no rows")]
    Empty,
    /// A column is not there, so no row can be read.
    #[error("it has no column {column:?}; of its {columns} columns the format knows {there}")]
    NoColumn {
        /// Which.
        column: String,
        /// How many it has.
        columns: usize,
        /// Those that the format knows.
        there: String,
    },
    /// A quote in the header takes in rows.
    #[error("its header cannot be read: {OPEN_QUOTE}")]
    OpenQuote,
    /// Two columns have one name.
    #[error("it has two columns {0:?}: nobody knows which is meant")]
    TwoColumns(String),
    /// Too many rows cannot be read.
    #[error("more than {FAULTS_MAX} of its rows cannot be read: another format is meant; the first: {0}")]
    TooManyFaults(RowFault),
    /// A line has no end.
    #[error("line {0} has more than {LINE_BYTES_MAX} bytes")]
    TooLong(u64),
}

/// A row that cannot be read. Those beside it can. It is told in findings and logs, and a row may name people: so it tells
/// where, what was expected and the shape of what stands there, and none of its words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("{}: {what}: {why}", self.place())]
pub struct RowFault {
    /// Where, from 1.
    pub line: u64,
    /// Its last line: a quoted field may hold line breaks.
    pub last_line: u64,
    /// What of it.
    pub what: Faulty,
    /// What was expected.
    pub why: String,
}

/// What of a row cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Faulty {
    /// The row as a whole.
    #[error("the row cannot be read")]
    Row,
    /// One of its cells.
    #[error("{column} is {shape}")]
    Cell {
        /// In which column.
        column: String,
        /// How it is written.
        shape: Shape,
    },
}

impl RowFault {
    fn place(&self) -> String {
        match self.last_line {
            last if last > self.line => format!("lines {} to {last}", self.line),
            _ => format!("line {}", self.line),
        }
    }
}

pub(super) type Decoded<R> = BufReader<DecodeReaderBytes<R, Vec<u8>>>;

enum Lines<R: Read> {
    Csv(CsvLines<R>),
    Json { reader: Decoded<R>, line: Vec<u8>, paths: Vec<Path> },
}

/// Reads a report file.
pub struct ReportRows<R: Read> {
    format: ReportFormat,
    lines: Lines<R>,
    cells: Cells,
    faults: Vec<RowFault>,
}

/// The columns of the row that is being read.
#[derive(Default)]
pub(super) struct Cells {
    pub(super) line: u64,
    pub(super) last_line: u64,
    index: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl<R: Read> ReportRows<R> {
    /// Reads what stands before the rows. `from` is decompressed already.
    ///
    /// # Errors
    /// [`ReportError`] when no row can be read.
    pub fn new(from: R, format: ReportFormat) -> Result<Self, ReportError> {
        let decoder =
            DecodeReaderBytesBuilder::new().encoding(Some(format.encoding)).bom_override(true).build(from);
        let mut decoded = BufReader::new(decoder);
        for _ in 0..format.skip_lines {
            let mut skipped = Vec::new();
            decoded.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut skipped)?;
        }
        let mut names: Vec<_> = format.names().into_iter().map(str::to_owned).collect();
        names.sort();
        names.dedup();
        let lines = match format.kind {
            Kind::Csv => Lines::Csv(CsvLines::new(decoded, &format, &names)?),
            Kind::JsonLines => {
                // The format has checked them.
                let paths = names.iter().filter_map(|name| Path::parse(name).ok()).collect();
                Lines::Json { reader: decoded, line: Vec::new(), paths }
            }
        };
        let texts = vec![String::new(); names.len()];
        let index = names.into_iter().zip(0..).collect();
        let line = u64::from(format.skip_lines);
        let cells = Cells { line, last_line: line, index, texts };
        Ok(Self { format, lines, cells, faults: Vec::new() })
    }

    /// The rows that could not be read so far.
    #[must_use]
    pub fn faults(&self) -> &[RowFault] {
        &self.faults
    }

    /// Reads the columns of the next line; nothing at the end.
    fn read_cells(&mut self) -> Result<Option<Result<(), RowFault>>, ReportError> {
        let Self { lines, cells, .. } = self;
        match lines {
            Lines::Csv(lines) => lines.read(cells),
            Lines::Json { reader, line, paths } => loop {
                line.clear();
                cells.line = cells.line.saturating_add(1);
                cells.last_line = cells.line;
                let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line)?;
                if read == 0 {
                    return Ok(None);
                }
                if line.last() != Some(&b'\n') && read as u64 == LINE_BYTES_MAX {
                    return Err(ReportError::TooLong(cells.line));
                }
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(cells.fill(line, paths)));
                }
            },
        }
    }
}

impl<R: Read> Rows for ReportRows<R> {
    type Error = ReportError;

    /// The next row that can be read. Those that cannot are set aside.
    fn next(&mut self, row: &mut Row) -> Result<bool, ReportError> {
        loop {
            let Some(read) = self.read_cells()? else { return Ok(false) };
            let fault = match read.and_then(|()| self.cells.row(&self.format, row)) {
                Ok(true) => {
                    row.place = self.cells.line;
                    return Ok(true);
                }
                Ok(false) => continue,
                Err(fault) => fault,
            };
            self.faults.push(fault);
            if self.faults.len() > FAULTS_MAX {
                return Err(ReportError::TooManyFaults(self.faults.swap_remove(0)));
            }
        }
    }
}

const NO_RATE: &str = "a positive decimal number such as 1.0842 of at most 18 digits is expected";

impl Cells {
    fn fill(&mut self, line: &[u8], paths: &[Path]) -> Result<(), RowFault> {
        let json = Json::parse(line).map_err(|error| self.row_fault(error.to_string()))?;
        for at in 0..paths.len() {
            let (Some(path), Some(_)) = (paths.get(at), self.texts.get(at)) else { continue };
            let value = json.root().at(path);
            // It names the path's own words.
            let value = value.map_err(|error| self.row_fault(error.to_string()))?;
            let scalar = value.and_then(crate::json::Doc::scalar).unwrap_or_default();
            if let Some(text) = self.texts.get_mut(at) {
                text.clear();
                text.push_str(scalar.trim());
            }
        }
        Ok(())
    }

    /// The texts of the columns, in their order.
    pub(super) fn set<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        for (into, text) in self.texts.iter_mut().zip(texts) {
            into.clear();
            into.push_str(text.trim());
        }
    }

    fn get(&self, column: &str) -> &str {
        self.index.get(column).and_then(|at| self.texts.get(*at)).map_or("", String::as_str)
    }

    /// What is wrong with the row as a whole.
    pub(super) fn row_fault(&self, why: impl Into<String>) -> RowFault {
        RowFault { line: self.line, last_line: self.last_line, what: Faulty::Row, why: why.into() }
    }

    /// What is wrong with one of its cells. `why` repeats no word of it.
    fn fault(&self, column: &str, value: &str, why: impl Into<String>) -> RowFault {
        let what = Faulty::Cell { column: column.to_owned(), shape: Shape::of(value) };
        RowFault { what, ..self.row_fault(why) }
    }

    /// Fills a row; `false` when the format leaves it out.
    fn row(&self, format: &ReportFormat, row: &mut Row) -> Result<bool, RowFault> {
        let columns = &format.columns;
        if format.leave_out.iter().any(|rule| rule.is.iter().any(|is| is == self.get(&rule.column))) {
            return Ok(false);
        }
        row.entry = match &columns.entry {
            EntryFrom::Constant(entry) => *entry,
            EntryFrom::Words(words) => self.word(&words.column, &words.map)?,
        };
        self.copy_id(&columns.reference, &mut row.reference, true)?;
        for (column, into) in [
            (&columns.item, &mut row.item),
            (&columns.payout, &mut row.payout),
            (&columns.method, &mut row.method),
        ] {
            into.clear();
            if let Some(column) = column {
                self.copy_id(column, into, false)?;
            }
        }
        if row.entry == Entry::Payment {
            // A provider gives the taking of the money an id of its own; here it is the payment itself.
            row.item.clear();
        }
        row.currency = self.currency(&columns.currency)?;
        row.minor = self.amount(&columns.amount, row.entry, row.currency)?;
        row.status = match &columns.status {
            Some(words) => Some(self.word(&words.column, &words.map)?),
            None => None,
        };
        row.at = match &columns.at {
            Some((column, clock)) => {
                let text = self.get(column);
                Some(clock.read(text).map_err(|why| self.fault(column, text, why))?)
            }
            None => None,
        };
        row.sequence = match &columns.sequence {
            Some(column) => {
                let text = self.get(column);
                Some(text.parse().map_err(|_| self.fault(column, text, "a whole number is expected"))?)
            }
            None => None,
        };
        row.settled = match &columns.settled {
            Some(from) if !self.get(&from.gross.column).is_empty() || from.gross.debit.is_some() => {
                let currency = self.currency(&from.currency)?;
                Some(Settled {
                    currency,
                    gross_minor: self.amount(&from.gross, row.entry, currency)?,
                    // A fee is money from us, whatever it is for.
                    fee_minor: self.amount(&from.fee, Entry::Fee, currency)?,
                    rate: from.rate.as_ref().map(|column| self.rate(column)).transpose()?.flatten(),
                })
            }
            _ => None,
        };
        Ok(true)
    }

    fn word<T: Copy>(&self, column: &str, map: &BTreeMap<String, T>) -> Result<T, RowFault> {
        let word = self.get(column);
        let known = || map.keys().cloned().collect::<Vec<_>>().join(", ");
        let meant = map.get(word).copied();
        meant.ok_or_else(|| self.fault(column, word, format!("the format knows {}", known())))
    }

    fn currency(&self, from: &From<Currency>) -> Result<Currency, RowFault> {
        match from {
            From::Constant(currency) => Ok(*currency),
            From::Column(column) => {
                let code = self.get(column);
                Currency::from_code(code).map_err(|error| self.fault(column, code, error.expected()))
            }
        }
    }

    fn amount(&self, from: &AmountFrom, entry: Entry, currency: Currency) -> Result<i64, RowFault> {
        let (credit, debit) = (self.get(&from.column), from.debit.as_ref().map(|column| self.get(column)));
        let read = from.read(credit, debit, entry, currency);
        read.map_err(|why| self.fault(&from.column, credit, why))
    }

    fn rate(&self, column: &str) -> Result<Option<Rate>, RowFault> {
        match self.get(column) {
            "" => Ok(None),
            text => Rate::parse(text).map(Some).map_err(|_| self.fault(column, text, NO_RATE)),
        }
    }

    fn copy_id(&self, column: &str, into: &mut String, is_needed: bool) -> Result<(), RowFault> {
        let text = self.get(column);
        into.clear();
        if text.is_empty() && !is_needed {
            return Ok(());
        }
        // It becomes part of keys and reports: no other characters than a webhook's reference may have.
        let id = PaymentId::new(text).map_err(|error| self.fault(column, text, error.to_string()))?;
        into.push_str(id.as_str());
        Ok(())
    }
}
