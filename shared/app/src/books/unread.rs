//! A report file while it is read: what of it could not be, which numbers are missing, which days it speaks of.

use countersign_domain::books::report::{ReportError, ReportRows};
use countersign_domain::books::sequence::{Gap, Sequence};
use countersign_domain::books::{Row, Rows};
use countersign_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// Faults that are told one by one; of more, their number.
const FAULTS_SHOWN: usize = 10;
/// Gaps that become findings; more of them are one fault.
const GAPS_SHOWN: usize = 100;

/// Reads a report file and keeps what must be said of it as a whole.
pub struct Reading<R: Read> {
    rows: ReportRows<R>,
    numbers: Result<Sequence, String>,
    times: Option<(Timestamp, Timestamp)>,
}

/// What of a file is not in its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Rows that could not be read.
    pub rows: usize,
    /// The first of them, and why not.
    pub faults: Vec<String>,
    /// Numbers that are missing between those that are there.
    pub gaps: Vec<Gap>,
    /// Why nothing is said of its numbers.
    pub unnumbered: Option<String>,
}

impl<R: Read> Reading<R> {
    /// Of a file whose rows are still to come.
    pub fn new(rows: ReportRows<R>) -> Self {
        Self { rows, numbers: Ok(Sequence::default()), times: None }
    }

    /// The first and the last time of its rows so far, if they have any.
    #[must_use]
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.times
    }

    /// What is not in the rows that were read so far.
    #[must_use]
    pub fn unread(&self) -> Unread {
        let faults = self.rows.faults();
        let (mut gaps, unnumbered) = match &self.numbers {
            Ok(numbers) => (numbers.gaps(None), None),
            Err(why) => (Vec::new(), Some(why.clone())),
        };
        gaps.truncate(GAPS_SHOWN);
        let shown = faults.iter().take(FAULTS_SHOWN).map(ToString::to_string).collect();
        Unread { rows: faults.len(), faults: shown, gaps, unnumbered }
    }
}

impl<R: Read> Rows for Reading<R> {
    type Error = ReportError;

    fn next(&mut self, row: &mut Row) -> Result<bool, ReportError> {
        if !self.rows.next(row)? {
            return Ok(false);
        }
        if let (Some(number), Ok(numbers)) = (row.sequence, &mut self.numbers)
            && let Err(error) = numbers.see(number)
        {
            self.numbers = Err(error.to_string());
        }
        if let Some(at) = row.at {
            let (first, last) = self.times.unwrap_or((at, at));
            self.times = Some((first.min(at), last.max(at)));
        }
        Ok(true)
    }
}
