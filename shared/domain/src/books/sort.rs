//! Rows in any order, brought into the order of their keys in runs of a bounded size.
//!
//! At most one run is held in memory. Each is sorted and handed to a [`Spill`]; [`Merged`] then reads all of them
//! together, one row of each at a time.

use super::row::{Row, Rows};

/// Where sorted runs wait until they are merged.
pub trait Spill {
    /// How a run is read back.
    type Run: Rows<Error = Self::Error>;
    /// Why a run cannot be kept or read.
    type Error;

    /// Keeps a run.
    ///
    /// # Errors
    /// Why it cannot.
    fn keep(&mut self, run: &[Row]) -> Result<(), Self::Error>;
    /// Every run, in the order in which they were kept.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn runs(self) -> Result<Vec<Self::Run>, Self::Error>;
}

/// Why rows cannot be sorted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SortError<R, S> {
    /// A row cannot be read.
    #[error("a row cannot be read: {0}")]
    Rows(R),
    /// A run cannot be kept.
    #[error("a sorted run cannot be kept: {0}")]
    Spill(S),
}

/// What sorting comes to.
pub type Sorted<R, S> = Result<Merged<<S as Spill>::Run>, SortError<<R as Rows>::Error, <S as Spill>::Error>>;

/// Reads all rows, and gives them back in the order of their keys; rows of one key stay in the order they came.
///
/// `run_rows_max` bounds what is held: a row takes about 300 bytes, and one more of each run while they are merged.
///
/// # Errors
/// [`SortError`] when a row cannot be read or a run cannot be kept.
pub fn sort<R: Rows, S: Spill>(mut rows: R, run_rows_max: usize, mut spill: S) -> Sorted<R, S> {
    let mut run: Vec<Row> = Vec::new();
    let mut filled = 0_usize;
    loop {
        if run.len() == filled {
            run.push(Row::empty());
        }
        let Some(slot) = run.get_mut(filled) else { break };
        let has_row = rows.next(slot).map_err(SortError::Rows)?;
        filled = filled.saturating_add(usize::from(has_row));
        if !has_row || filled >= run_rows_max.max(1) {
            let full = run.get_mut(..filled).unwrap_or_default();
            full.sort_by(|a, b| a.key().cmp(&b.key()));
            spill.keep(full).map_err(SortError::Spill)?;
            filled = 0;
        }
        if !has_row {
            break;
        }
    }
    Ok(Merged::new(spill.runs().map_err(SortError::Spill)?))
}

/// Which of `parts` parts a row belongs to: all rows of one reference are in one part.
#[must_use]
pub fn part_of(row: &Row, parts: u32) -> u32 {
    crc32fast::hash(row.reference.as_bytes()) % parts.max(1)
}

/// Sorted runs read as one.
pub struct Merged<R> {
    runs: Vec<R>,
    /// The next row of each run.
    heads: Vec<Row>,
    /// The runs that have a next row, the one whose row is first at the end.
    order: Vec<usize>,
    /// Runs whose next row is not read yet.
    unread: Vec<usize>,
}

impl<R: Rows> Merged<R> {
    /// Of runs that are sorted, each by itself.
    #[must_use]
    pub fn new(runs: Vec<R>) -> Self {
        let heads = vec![Row::empty(); runs.len()];
        let unread = (0..runs.len()).collect();
        Self { order: Vec::with_capacity(runs.len()), runs, heads, unread }
    }
}

impl<R: Rows> Rows for Merged<R> {
    type Error = R::Error;

    fn next(&mut self, row: &mut Row) -> Result<bool, R::Error> {
        while let Some(number) = self.unread.pop() {
            let (Some(run), Some(head)) = (self.runs.get_mut(number), self.heads.get_mut(number)) else {
                continue;
            };
            if run.next(head)? {
                let key = |number: usize| (self.heads.get(number).map(Row::key), number);
                let at = self.order.partition_point(|other| key(*other) > key(number));
                self.order.insert(at, number);
            }
        }
        let Some(number) = self.order.pop() else { return Ok(false) };
        if let Some(head) = self.heads.get_mut(number) {
            std::mem::swap(row, head);
        }
        self.unread.push(number);
        Ok(true)
    }
}

/// Rows that are held in memory.
#[derive(Clone, Debug, Default)]
pub struct HeldRows {
    rows: std::vec::IntoIter<Row>,
}

impl HeldRows {
    /// These rows, in this order.
    #[must_use]
    pub fn new(rows: Vec<Row>) -> Self {
        Self { rows: rows.into_iter() }
    }
}

impl Rows for HeldRows {
    type Error = std::convert::Infallible;

    fn next(&mut self, row: &mut Row) -> Result<bool, Self::Error> {
        Ok(self.rows.next().map(|next| *row = next).is_some())
    }
}

/// Runs that wait in memory.
#[derive(Clone, Debug, Default)]
pub struct HeldRuns(Vec<HeldRows>);

impl Spill for HeldRuns {
    type Run = HeldRows;
    type Error = std::convert::Infallible;

    fn keep(&mut self, run: &[Row]) -> Result<(), Self::Error> {
        self.0.push(HeldRows::new(run.to_vec()));
        Ok(())
    }

    fn runs(self) -> Result<Vec<HeldRows>, Self::Error> {
        Ok(self.0)
    }
}
