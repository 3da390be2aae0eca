//! Two streams of rows in one order, and what tells them apart.
//!
//! Each side is read once. Two rows of each side are held at a time, so memory does not grow with the books. The order
//! is that of [`Row::key`], and it is checked: a side that is out of order is refused, never compared wrongly.

use super::row::{Entry, Row, Rows};
use super::sums::Sums;
use crate::finding::FindingKind;
use crate::reconcile::level;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// How far two sides may differ without a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    /// Minor units.
    pub absolute_minor: i64,
    /// Millionths of the provider's amount. The larger of the two counts.
    pub relative_ppm: u32,
}

/// What counts as a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// For amounts and fees.
    pub tolerance: Tolerance,
    /// Seconds that two times of one entry may be apart; without it times are not compared.
    pub late_seconds_max: Option<i64>,
    /// Whether each refund and dispute must follow its payment on either side. Only right for books that begin with the
    /// first payment: a day's books hold refunds of earlier days.
    pub needs_payments: bool,
}

/// One difference. An amount within the tolerance is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discrepancy<'a> {
    /// What sort.
    pub kind: FindingKind,
    /// The ledger's row, if it has one. Of a duplicate here: the one too many.
    pub ours: Option<&'a Row>,
    /// The provider's row, if it has one. Of a duplicate there: the one too many.
    pub theirs: Option<&'a Row>,
}

/// Whose books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The ledger.
    Ours,
    /// The provider, the partner or the bank.
    Theirs,
}

/// Why two sides cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError<E> {
    /// A row cannot be read.
    #[error("the rows of {0:?} cannot be read: {1}")]
    Unreadable(Side, E),
    /// A row comes after one that it should come before.
    #[error(
        "the rows of {side:?} are out of order: row {place} ({after}) comes after ({before}): sort them by reference, entry and item"
    )]
    Order {
        /// Whose.
        side: Side,
        /// The row's place in its input.
        place: u64,
        /// The row before it.
        before: String,
        /// The row.
        after: String,
    },
}

/// Reads both sides to their ends, hands every difference to `found`, in the order of the keys, and adds both up.
///
/// # Errors
/// [`CompareError`] when a side cannot be read or is out of order. What was found until then means nothing.
pub fn compare<A, B, E>(
    ours: A,
    theirs: B,
    rules: &Rules,
    found: impl FnMut(Discrepancy<'_>),
) -> Result<Sums, CompareError<E>>
where
    A: Rows<Error = E>,
    B: Rows<Error = E>,
{
    compare_and_skip(ours, theirs, rules, |_, _, _| Ok(()), found)
}

/// The same, where `skip` may pass over rows that are alike on both sides, after two of one key were compared. It counts
/// what it passes, and leaves the last of it in both readers.
pub(super) fn compare_and_skip<A, B, E>(
    ours: A,
    theirs: B,
    rules: &Rules,
    mut skip: impl FnMut(&mut Reader<A>, &mut Reader<B>, &mut Sums) -> Result<(), CompareError<E>>,
    mut found: impl FnMut(Discrepancy<'_>),
) -> Result<Sums, CompareError<E>>
where
    A: Rows<Error = E>,
    B: Rows<Error = E>,
{
    let mut sums = Sums::default();
    let mut ours = Reader::new(Side::Ours, ours);
    let mut theirs = Reader::new(Side::Theirs, theirs);
    let mut paid = String::new();
    ours.advance(&mut sums, &mut found)?;
    theirs.advance(&mut sums, &mut found)?;
    loop {
        let order = match (ours.row(), theirs.row()) {
            (None, None) => return Ok(sums),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(ours), Some(theirs)) => ours.key().cmp(&theirs.key()),
        };
        let ours_now = ours.row().filter(|_| order != Ordering::Greater);
        let theirs_now = theirs.row().filter(|_| order != Ordering::Less);
        if let Some(row) = ours_now.or(theirs_now)
            && row.entry == Entry::Payment
            && rules.needs_payments
        {
            paid.clone_from(&row.reference);
        }
        match (ours_now, theirs_now) {
            (Some(ours), Some(theirs)) => {
                weigh(ours, theirs, rules, &paid, &mut sums, &mut found);
            }
            (ours, theirs) => {
                let kind =
                    if theirs.is_none() { FindingKind::MissingThere } else { FindingKind::MissingHere };
                report(&mut sums, &mut found, Discrepancy { kind, ours, theirs });
            }
        }
        if order == Ordering::Equal {
            skip(&mut ours, &mut theirs, &mut sums)?;
        }
        if order != Ordering::Greater {
            ours.advance(&mut sums, &mut found)?;
        }
        if order != Ordering::Less {
            theirs.advance(&mut sums, &mut found)?;
        }
    }
}

fn report(sums: &mut Sums, found: &mut impl FnMut(Discrepancy<'_>), discrepancy: Discrepancy<'_>) {
    sums.explain(&discrepancy);
    found(discrepancy);
}

/// Two rows of one key.
fn weigh(
    ours: &Row,
    theirs: &Row,
    rules: &Rules,
    paid: &str,
    sums: &mut Sums,
    found: &mut impl FnMut(Discrepancy<'_>),
) {
    let mut differ = |kind, sums: &mut Sums| {
        report(sums, found, Discrepancy { kind, ours: Some(ours), theirs: Some(theirs) });
    };
    if rules.needs_payments && paid != ours.reference {
        match ours.entry {
            Entry::Refund => differ(FindingKind::RefundWithoutPayment, sums),
            Entry::Dispute => differ(FindingKind::DisputeWithoutPayment, sums),
            _ => {}
        }
    }
    if ours.currency != theirs.currency {
        differ(FindingKind::CurrencyDiffers, sums);
    } else if ours.minor != theirs.minor {
        if rules.tolerance.allows(ours.minor, theirs.minor) {
            sums.tolerate(theirs.currency, theirs.entry, theirs.minor.saturating_sub(ours.minor));
        } else if ours.entry == Entry::Refund {
            differ(FindingKind::RefundDiffers, sums);
        } else {
            differ(FindingKind::AmountDiffers, sums);
        }
    }
    if let (Some(here), Some(there)) = (ours.status, theirs.status) {
        match level(here).cmp(&level(there)) {
            Ordering::Less => differ(FindingKind::StatusBehind, sums),
            Ordering::Greater => differ(FindingKind::StatusAhead, sums),
            Ordering::Equal => {}
        }
    }
    if let (Some(here), Some(there)) = (ours.settled, theirs.settled) {
        if here.currency != there.currency || !rules.tolerance.allows(here.fee_minor, there.fee_minor) {
            differ(FindingKind::FeeDiffers, sums);
        }
        if here.rate.is_some() && there.rate.is_some() && here.rate != there.rate {
            differ(FindingKind::RateDiffers, sums);
        }
    }
    if let (Some(here), Some(there), Some(seconds_max)) = (ours.at, theirs.at, rules.late_seconds_max)
        && here.as_second().saturating_sub(there.as_second()).saturating_abs() > seconds_max
    {
        differ(FindingKind::Late, sums);
    }
}

impl Tolerance {
    /// Whether two amounts count as the same.
    #[must_use]
    pub fn allows(self, ours: i64, theirs: i64) -> bool {
        if ours == theirs {
            return true;
        }
        let gap = i128::from(ours).saturating_sub(i128::from(theirs)).saturating_abs();
        let share = i128::from(theirs).saturating_abs().saturating_mul(i128::from(self.relative_ppm));
        gap <= i128::from(self.absolute_minor) || gap.saturating_mul(1_000_000) <= share
    }
}

/// One side: the row that is next to be compared, and the one before it.
pub(super) struct Reader<R> {
    side: Side,
    pub(super) rows: R,
    pub(super) now: Row,
    before: Row,
    state: ReaderState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Unread,
    AtRow,
    AtEnd,
}

impl<R: Rows> Reader<R> {
    fn new(side: Side, rows: R) -> Self {
        Self { side, rows, now: Row::empty(), before: Row::empty(), state: ReaderState::Unread }
    }

    fn row(&self) -> Option<&Row> {
        (self.state == ReaderState::AtRow).then_some(&self.now)
    }

    /// Goes to the next row of another key. Rows of the same key on the way are duplicates.
    fn advance(
        &mut self,
        sums: &mut Sums,
        found: &mut impl FnMut(Discrepancy<'_>),
    ) -> Result<(), CompareError<R::Error>> {
        let is_first = self.state == ReaderState::Unread;
        std::mem::swap(&mut self.now, &mut self.before);
        loop {
            let has_row = self.rows.next(&mut self.now);
            if !has_row.map_err(|error| CompareError::Unreadable(self.side, error))? {
                self.state = ReaderState::AtEnd;
                return Ok(());
            }
            sums.count(self.side, &self.now);
            if is_first {
                break;
            }
            match self.before.key().cmp(&self.now.key()) {
                Ordering::Less => break,
                Ordering::Equal => report(sums, found, self.duplicate()),
                Ordering::Greater => return Err(self.out_of_order()),
            }
        }
        self.state = ReaderState::AtRow;
        Ok(())
    }

    fn duplicate(&self) -> Discrepancy<'_> {
        match self.side {
            Side::Ours => {
                Discrepancy { kind: FindingKind::DuplicateHere, ours: Some(&self.now), theirs: None }
            }
            Side::Theirs => {
                Discrepancy { kind: FindingKind::DuplicateThere, ours: None, theirs: Some(&self.now) }
            }
        }
    }

    fn out_of_order(&self) -> CompareError<R::Error> {
        let name =
            |row: &Row| [row.entry.as_str(), &row.reference, &row.item].join(" ").trim_end().to_owned();
        CompareError::Order {
            side: self.side,
            place: self.now.place,
            before: name(&self.before),
            after: name(&self.now),
        }
    }
}

#[cfg(test)]
mod tests;
