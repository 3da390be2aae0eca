//! The lines of a CSV file, one row at a time.
//!
//! A quote that is never closed takes in the rows after it, and what comes out looks like a row with a long last field. So
//! each row is checked for rows that it holds.

use super::format::ReportFormat;
use super::rows::{Cells, Decoded, ReportError, RowFault};
use std::io::{BufRead, Read};

pub(super) const OPEN_QUOTE: &str =
    "a quote opens and is not closed before the lines after it: close it, or double it";

/// What is read behind a file. It comes back as a row of its own, unless a quote that is never closed takes it in.
const END: &[u8] = b"\0\n";

/// Hands out one line at a time, so that where the lines of a row are is known, and [`END`] behind the last.
struct ByLine<R> {
    from: R,
    /// The line that was handed out last, from 1.
    line: u64,
    last_byte: u8,
    is_ended: bool,
}

impl<R: BufRead> Read for ByLine<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.from.fill_buf()?;
        let is_at_end = rest.is_empty();
        let line = match memchr::memchr(b'\n', rest) {
            _ if is_at_end && self.is_ended => return Ok(0),
            _ if is_at_end && self.last_byte == b'\n' => END,
            // The last line may lack its end.
            _ if is_at_end => b"\n",
            Some(at) => rest.get(..=at).unwrap_or_default(),
            None => rest,
        };
        if self.last_byte == b'\n' {
            self.line = self.line.saturating_add(1);
        }
        let mut unread = line;
        let bytes = unread.read(into)?;
        self.is_ended = is_at_end && line == END;
        self.last_byte = line.get(bytes.saturating_sub(1)).copied().unwrap_or(self.last_byte);
        if !is_at_end {
            self.from.consume(bytes);
        }
        Ok(bytes)
    }
}

pub(super) struct CsvLines<R: Read> {
    reader: csv::Reader<ByLine<Decoded<R>>>,
    record: csv::StringRecord,
    delimiter: u8,
    /// Where the columns are that are read.
    at: Vec<usize>,
    /// How many fields the header has.
    fields: usize,
    /// Lines before the header.
    skipped: u64,
}

impl<R: Read> CsvLines<R> {
    /// Reads the header.
    pub(super) fn new(
        decoded: Decoded<R>,
        format: &ReportFormat,
        names: &[String],
    ) -> Result<Self, ReportError> {
        let builder = &mut csv::ReaderBuilder::new();
        let builder = builder.delimiter(format.delimiter).flexible(true).has_headers(false);
        let by_line = ByLine { from: decoded, line: 0, last_byte: b'\n', is_ended: false };
        let mut lines = Self {
            reader: builder.from_reader(by_line),
            record: csv::StringRecord::new(),
            delimiter: format.delimiter,
            at: Vec::new(),
            fields: 0,
            skipped: u64::from(format.skip_lines),
        };
        if !lines.next()? {
            return Err(ReportError::Empty);
        }
        lines.fields = lines.record.len();
        // How many delimiters a row has is not known yet.
        if lines.holds_rows(1) {
            return Err(ReportError::OpenQuote);
        }
        let header: Vec<_> = lines.record.iter().map(str::trim).collect();
        lines.at = names.iter().map(|name| position(&header, name, names)).collect::<Result<_, _>>()?;
        Ok(lines)
    }

    /// Reads the columns of the next row; nothing at the end.
    pub(super) fn read(&mut self, cells: &mut Cells) -> Result<Option<Result<(), RowFault>>, ReportError> {
        if !self.next()? {
            return Ok(None);
        }
        let (record, fields) = (&self.record, self.fields);
        let breaks = memchr::memchr_iter(b'\n', record.as_slice().as_bytes()).count();
        let breaks = u64::try_from(breaks).unwrap_or(u64::MAX);
        let end = u64::from(self.is_at_end());
        let last = self.reader.get_ref().line.saturating_add(self.skipped).saturating_sub(end);
        cells.last_line = last;
        // A row that reaches the end holds its own last line break too, and the one of the end.
        cells.line = last.saturating_sub(breaks.saturating_sub(end.saturating_mul(2)));
        if self.holds_rows(fields.saturating_sub(1)) {
            return Ok(Some(Err(cells.row_fault(OPEN_QUOTE))));
        }
        if record.len() != fields {
            let why = format!("it has {} fields, and {fields} are expected, as in the header", record.len());
            return Ok(Some(Err(cells.row_fault(why))));
        }
        cells.set(self.at.iter().map(|at| record.get(*at).unwrap_or_default()));
        Ok(Some(Ok(())))
    }

    /// Reads the next record; `false` at the end.
    fn next(&mut self) -> Result<bool, ReportError> {
        let is_read = self.reader.read_record(&mut self.record)?;
        let is_end = self.is_at_end() && self.record.len() == 1 && self.record.get(0) == Some("\0");
        if is_end {
            self.record.clear();
        }
        Ok(is_read && !is_end)
    }

    fn is_at_end(&self) -> bool {
        self.reader.get_ref().is_ended
    }

    /// Whether the record took in lines that are rows: it reached the end, or has a line break and as many delimiters
    /// inside its fields as a row has between them.
    fn holds_rows(&self, delimiters_min: usize) -> bool {
        let text = self.record.as_slice().as_bytes();
        self.is_at_end()
            || (memchr::memchr2(b'\n', b'\r', text).is_some()
                && memchr::memchr_iter(self.delimiter, text).count() >= delimiters_min)
    }
}

/// Where a column is. Of a header without it only what the format knows is told: a file may have none, and begin with a row.
fn position(header: &[&str], name: &str, names: &[String]) -> Result<usize, ReportError> {
    let mut found = header.iter().enumerate().filter(|(_, other)| **other == name).map(|(at, _)| at);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(ReportError::TwoColumns(name.to_owned())),
        (None, _) => {
            let known: Vec<_> =
                names.iter().map(String::as_str).filter(|name| header.contains(name)).collect();
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(ReportError::NoColumn { column: name.to_owned(), columns: header.len(), there })
        }
    }
}
