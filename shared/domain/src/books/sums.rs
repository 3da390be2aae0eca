//! Both sides added up, and what the differences explain of it.

use super::compare::{Discrepancy, Side};
use super::row::{Entry, Row};
use crate::finding::FindingKind;
use crate::money::Currency;
use crate::reconcile::proof::Line;
use serde::{Deserialize, Serialize};

/// The sums of one currency and entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Whose minor units.
    pub currency: Currency,
    /// Of which rows.
    pub entry: Entry,
    /// Rows of the ledger.
    pub rows_ours: u64,
    /// Rows of the provider.
    pub rows_theirs: u64,
    /// The amounts, and what the differences make of them.
    pub line: Line,
    /// What is within the tolerance, added up: minor units that the provider has more.
    pub tolerated: i128,
}

/// The sums of every currency and entry, in the order in which they were met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums(Vec<Sum>);

impl Sum {
    /// Minor units that nothing explains; zero where the proof line holds.
    #[must_use]
    pub fn gap(&self) -> i128 {
        self.line.gap().saturating_sub(self.tolerated)
    }
}

impl Sums {
    /// Each sum, by currency and entry.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Sum> {
        self.0.sort_by_key(|sum| (sum.currency, sum.entry));
        self.0
    }

    /// Adds those of another part of the same books.
    pub fn add(&mut self, other: &Self) {
        for theirs in &other.0 {
            let ours = self.of(theirs.currency, theirs.entry);
            ours.rows_ours = ours.rows_ours.saturating_add(theirs.rows_ours);
            ours.rows_theirs = ours.rows_theirs.saturating_add(theirs.rows_theirs);
            ours.line.ledger = ours.line.ledger.saturating_add(theirs.line.ledger);
            ours.line.differences = ours.line.differences.saturating_add(theirs.line.differences);
            ours.line.provider = ours.line.provider.saturating_add(theirs.line.provider);
            ours.tolerated = ours.tolerated.saturating_add(theirs.tolerated);
        }
    }

    /// A handful at most, and nearly always the first: looked for in order.
    fn of(&mut self, currency: Currency, entry: Entry) -> &mut Sum {
        let at = self.0.iter().position(|sum| sum.currency == currency && sum.entry == entry);
        let at = at.unwrap_or_else(|| {
            let line = Line::default();
            self.0.push(Sum { currency, entry, rows_ours: 0, rows_theirs: 0, line, tolerated: 0 });
            self.0.len().saturating_sub(1)
        });
        &mut self.0[at]
    }

    pub(super) fn count(&mut self, side: Side, row: &Row) {
        let sum = self.of(row.currency, row.entry);
        let (rows, minor) = match side {
            Side::Ours => (&mut sum.rows_ours, &mut sum.line.ledger),
            Side::Theirs => (&mut sum.rows_theirs, &mut sum.line.provider),
        };
        *rows = rows.saturating_add(1);
        *minor = minor.saturating_add(i128::from(row.minor));
    }

    /// A row that is alike on both sides.
    pub(super) fn count_both(&mut self, currency: Currency, entry: Entry, minor: i64) {
        let sum = self.of(currency, entry);
        sum.rows_ours = sum.rows_ours.saturating_add(1);
        sum.rows_theirs = sum.rows_theirs.saturating_add(1);
        sum.line.ledger = sum.line.ledger.saturating_add(i128::from(minor));
        sum.line.provider = sum.line.provider.saturating_add(i128::from(minor));
    }

    pub(super) fn tolerate(&mut self, currency: Currency, entry: Entry, minor: i64) {
        let sum = self.of(currency, entry);
        sum.tolerated = sum.tolerated.saturating_add(i128::from(minor));
    }

    /// Takes a difference into the lines that it explains.
    pub(super) fn explain(&mut self, discrepancy: &Discrepancy<'_>) {
        let is_of_amount = matches!(
            discrepancy.kind,
            FindingKind::MissingHere
                | FindingKind::MissingThere
                | FindingKind::AmountDiffers
                | FindingKind::RefundDiffers
                | FindingKind::CurrencyDiffers
                | FindingKind::DuplicateHere
                | FindingKind::DuplicateThere
        );
        if !is_of_amount {
            return;
        }
        let mut more = |row: &Row, minor: i64| {
            let differences = &mut self.of(row.currency, row.entry).line.differences;
            *differences = differences.saturating_add(i128::from(minor));
        };
        if let Some(ours) = discrepancy.ours {
            more(ours, ours.minor.saturating_neg());
        }
        if let Some(theirs) = discrepancy.theirs {
            more(theirs, theirs.minor);
        }
    }
}
