//! A file of rows against the ledger: what a provider, a partner or an accountant sends, compared with what we know.
//!
//! The file is read in the order of its references, some hundred at a time; the ledger is asked for each of them, and for
//! the payments of the window that the file does not name. Nothing of it moves a payment: what differs is a finding.

mod clerk;
mod evidence;
mod likely;
mod listed;
mod settled;
mod unread;

use crate::ports::{Ledger, PortError};
use countersign_domain::books::compare::{Discrepancy, Rules, Tolerance, compare};
use countersign_domain::books::matching::{AmountReach, Match, MatchRules, MatchedBy, match_rest};
use countersign_domain::books::sort::HeldRows;
use countersign_domain::books::{Entry, Row, Rows, Sums};
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::{PaymentId, SourceName};
use countersign_domain::limits::{FINDINGS_PER_RUN_MAX, RECORDS_IN_FLIGHT_MAX};
use countersign_domain::payment;
use countersign_domain::time::Window;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use clerk::{Clerk, ClerkError, Part, Plan};
pub use evidence::{FileDesk, FileError, FileRun, FileSaid};
pub use listed::{ListedError, settlement_lines};
pub use settled::{Agreed, Settlement, check as check_settlement};
pub use unread::{Reading, Unread};

/// References that are compared at once.
const REFERENCES_PER_STEP: usize = 200;

/// One difference, its rows with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What sort.
    pub kind: FindingKind,
    /// The ledger's row.
    pub ours: Option<Row>,
    /// The file's row.
    pub theirs: Option<Row>,
    /// What made the two one, where it was not their key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MatchedBy>,
}

/// What a comparison comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Every difference, in the order of the references.
    pub found: Vec<Found>,
    /// Both sides added up.
    pub sums: Sums,
}

/// Why a file cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum BooksError<E> {
    /// A row cannot be read, or the rows are out of order.
    #[error("the file cannot be compared: {0}")]
    Rows(E),
    /// The ledger does not answer.
    #[error(transparent)]
    Ledger(#[from] PortError),
    /// So many differences are one fault, not many.
    #[error(
        "more than {FINDINGS_PER_RUN_MAX} differences: that is one fault, not many; is it the right file, window and format?"
    )]
    TooMany,
}

/// What is compared with what.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// Whose books.
    pub source: &'a SourceName,
    /// Which of our payments the file should name.
    pub window: Window,
    /// What the file speaks of: of other entries its silence says nothing.
    pub entries: &'a BTreeSet<Entry>,
    /// What counts as a difference. What is within its tolerance is found, reported, and no finding.
    pub rules: Rules,
    /// How rows without a partner may be matched.
    pub matching: &'a MatchRules,
}

/// A stretch of references: one part of a file that is too large for one reader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first that belongs to it.
    pub from: String,
    /// The first that belongs to the next; nothing where it is the last.
    pub before: Option<String>,
}

impl Span {
    fn holds(&self, reference: &str) -> bool {
        reference >= self.from.as_str() && self.before.as_deref().is_none_or(|before| reference < before)
    }
}

/// Compares a whole file, sorted by key, with the ledger.
///
/// # Errors
/// [`BooksError`] when a side cannot be read; what was found until then means nothing.
pub async fn compare_with_ledger<R: Rows>(
    ledger: &impl Ledger,
    scope: &Scope<'_>,
    rows: R,
) -> Result<Compared, BooksError<R::Error>> {
    let compared = compare_part(ledger, scope, &Span::default(), rows).await?;
    join([compared], scope.matching).ok_or(BooksError::TooMany)
}

/// Puts together what the parts of one file came to, and matches what is left over all of them; nothing when there are so
/// many differences that they are one fault.
#[must_use]
pub fn join(parts: impl IntoIterator<Item = Compared>, matching: &MatchRules) -> Option<Compared> {
    let mut whole = Compared::default();
    for Compared { found, sums } in parts {
        whole.found.extend(found);
        whole.sums.add(&sums);
        if whole.found.len() > FINDINGS_PER_RUN_MAX as usize {
            return None;
        }
    }
    settle_rest(&mut whole.found, matching);
    Some(whole)
}

/// Compares the rows of one span, sorted by key, with what the ledger has in it. What has no partner in it may still have
/// one in another: see [`join`].
///
/// # Errors
/// [`BooksError`] when a side cannot be read; what was found until then means nothing.
pub async fn compare_part<R: Rows>(
    ledger: &impl Ledger,
    scope: &Scope<'_>,
    span: &Span,
    rows: R,
) -> Result<Compared, BooksError<R::Error>> {
    let rules = Rules { tolerance: Tolerance::default(), ..scope.rules };
    let mut opened = BTreeSet::new();
    for date in scope.window.utc_dates() {
        let of_day = ledger.opened_on(scope.source, &date).await?.into_iter().map(String::from);
        opened.extend(of_day.filter(|reference| span.holds(reference)));
    }
    let mut compared = Compared::default();
    let mut groups = Groups { rows, next: None };
    groups.advance().map_err(BooksError::Rows)?;
    loop {
        let (theirs, is_last) = groups.take(REFERENCES_PER_STEP).map_err(BooksError::Rows)?;
        let later = theirs.last().filter(|_| !is_last).map(|row| row.reference.clone());
        let rest = later.map_or_else(BTreeSet::new, |last| {
            let mut rest = opened.split_off(&last);
            rest.remove(&last);
            rest
        });
        let unnamed = std::mem::replace(&mut opened, rest);
        let Ours { rows: ours, mut known } = ours(ledger, scope, &theirs, unnamed).await?;
        let payments = theirs.iter().filter(|row| row.entry == Entry::Payment);
        known.extend(payments.map(|row| row.reference.clone()));
        let sides = (HeldRows::new(ours), HeldRows::new(theirs));
        let found = &mut compared.found;
        let sums = compare(sides.0, sides.1, &rules, |Discrepancy { kind, ours, theirs }| {
            let kind = theirs.filter(|row| !known.contains(&row.reference)).and_then(orphan).unwrap_or(kind);
            found.push(Found { kind, ours: ours.cloned(), theirs: theirs.cloned(), by: None });
        });
        // Both sides are sorted: the groups by their reader, ours by the ledger's rows.
        let sums = sums.map_err(|error| PortError::new("books", "compare", error))?;
        compared.sums.add(&sums);
        if compared.found.len() > FINDINGS_PER_RUN_MAX as usize {
            return Err(BooksError::TooMany);
        }
        if is_last {
            return Ok(compared);
        }
    }
}

/// What a row is whose payment neither the ledger nor the file knows.
fn orphan(row: &Row) -> Option<FindingKind> {
    match row.entry {
        Entry::Refund => Some(FindingKind::RefundWithoutPayment),
        Entry::Dispute => Some(FindingKind::DisputeWithoutPayment),
        _ => None,
    }
}

/// What the ledger says of some references.
struct Ours {
    rows: Vec<Row>,
    /// Those that it knows anything of.
    known: BTreeSet<String>,
}

/// The ledger's rows for the references of the file, and for those of the window that it does not name.
async fn ours(
    ledger: &impl Ledger,
    scope: &Scope<'_>,
    theirs: &[Row],
    mut references: BTreeSet<String>,
) -> Result<Ours, PortError> {
    references.extend(theirs.iter().map(|row| row.reference.clone()));
    let named: BTreeSet<_> = theirs.iter().map(Row::key).collect();
    // A text that can be no payment's reference is in no ledger.
    let payments = references.into_iter().filter_map(|reference| PaymentId::new(reference).ok());
    let histories: Vec<_> = stream::iter(payments)
        .map(|payment| async move { ledger.history(scope.source, &payment).await })
        .buffered(RECORDS_IN_FLIGHT_MAX)
        .try_collect()
        .await?;
    let known =
        histories.iter().filter_map(|history| history.first()).map(|row| row.payment.to_string()).collect();
    let rows = histories.iter().flat_map(|history| payment::rows(history));
    let is_due = |row: &Row| row.at.is_some_and(|at| scope.window.contains(at));
    let is_meant =
        |row: &Row| scope.entries.contains(&row.entry) && (is_due(row) || named.contains(&row.key()));
    Ok(Ours { rows: rows.filter(is_meant).collect(), known })
}

/// Makes one of two that only seemed to be missing: the same entry under a reference that is written differently, or the
/// only one of its amount under a reference that differs in zeros at most. What is left is how they differ, if only in their
/// names: no pair goes unseen.
fn settle_rest(found: &mut Vec<Found>, rules: &MatchRules) {
    let missing = |side: fn(&Found) -> Option<&Row>, kind: FindingKind| -> (Vec<usize>, Vec<Row>) {
        let of_kind = found.iter().enumerate().filter(|(_, found)| found.kind == kind);
        of_kind.filter_map(|(at, found)| Some((at, side(found)?.clone()))).unzip()
    };
    let (ours_at, ours) = missing(|found| found.ours.as_ref(), FindingKind::MissingThere);
    let (theirs_at, theirs) = missing(|found| found.theirs.as_ref(), FindingKind::MissingHere);
    // Both sides name the payment. Two payments of one price on one day are two, and each may be missing.
    let rules = MatchRules { amounts: AmountReach::OneReference, ..rules.clone() };
    let mut taken = BTreeSet::new();
    let mut pairs = BTreeMap::new();
    // Sums are of payouts and deposits, and a payment's books hold none.
    let is_pair = |found: &Match| matches!(found.by, MatchedBy::Reference | MatchedBy::Amount);
    for Match { by, ours: mine, theirs: other } in
        match_rest(&ours, &theirs, &rules).into_iter().filter(is_pair)
    {
        if let ([mine], [other]) = (mine.as_slice(), other.as_slice())
            && let (Some(ours), Some(theirs)) = (ours.get(*mine), theirs.get(*other))
            && let (Some(here), Some(there)) = (ours_at.get(*mine), theirs_at.get(*other))
        {
            let kind = differs(ours, theirs).unwrap_or(FindingKind::ReferenceDiffers);
            let (ours, theirs) = (Some(ours.clone()), Some(theirs.clone()));
            pairs.insert(*here, Found { kind, ours, theirs, by: Some(by) });
            taken.insert(*there);
        }
    }
    let mut at = 0_usize;
    found.retain_mut(|found| {
        let here = at;
        at = at.saturating_add(1);
        match pairs.remove(&here) {
            Some(pair) => {
                *found = pair;
                true
            }
            None => !taken.contains(&here),
        }
    });
}

/// How two rows that belong together differ in money, if they do.
fn differs(ours: &Row, theirs: &Row) -> Option<FindingKind> {
    if ours.currency != theirs.currency {
        Some(FindingKind::CurrencyDiffers)
    } else if ours.minor == theirs.minor {
        None
    } else if ours.entry == Entry::Refund {
        Some(FindingKind::RefundDiffers)
    } else {
        Some(FindingKind::AmountDiffers)
    }
}

/// Rows taken by whole references.
struct Groups<R> {
    rows: R,
    next: Option<Row>,
}

impl<R: Rows> Groups<R> {
    fn advance(&mut self) -> Result<Option<Row>, R::Error> {
        let mut row = Row::empty();
        let next = if self.rows.next(&mut row)? { Some(row) } else { None };
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// The rows of so many references, and whether they are the last.
    fn take(&mut self, references: usize) -> Result<(Vec<Row>, bool), R::Error> {
        let mut taken: Vec<Row> = Vec::new();
        let mut count = 0_usize;
        while let Some(next) = &self.next {
            if taken.last().is_none_or(|last| last.reference != next.reference) {
                count = count.saturating_add(1);
                if count > references {
                    return Ok((taken, false));
                }
            }
            taken.extend(self.advance()?);
        }
        Ok((taken, true))
    }
}

#[cfg(test)]
mod tests;
