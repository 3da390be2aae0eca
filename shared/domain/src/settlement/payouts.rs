//! Payouts: their rows make their amount, and the bank booked it.

use super::Gap;
use crate::books::matching::{Match, MatchRules, match_rest};
use crate::books::{Entry, Row, Rows};
use crate::finding::{FindingKind, Subject};
use crate::money::{Currency, Money, major};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// One payout, and what its rows come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// The provider's name for it.
    pub id: String,
    /// Its currency.
    pub currency: Currency,
    /// Minor units that were paid, if the payout itself was seen.
    pub paid: Option<i64>,
    /// Minor units that its rows come to, less their fees.
    pub items: i128,
    /// How many rows those are.
    pub item_count: u64,
    /// When it was paid.
    pub at: Option<Timestamp>,
}

/// Adds up the rows of each payout, in one pass over rows in any order. Memory grows with the payouts, not with their
/// rows. Rows without a payout are not paid out yet, and left out.
///
/// # Errors
/// Why a row cannot be read.
pub fn payouts<R: Rows>(mut rows: R) -> Result<Vec<Payout>, R::Error> {
    let mut payouts: BTreeMap<(String, &'static str), Payout> = BTreeMap::new();
    let mut row = Row::empty();
    while rows.next(&mut row)? {
        let (id, currency, worth) = match row.entry {
            Entry::Payout => (&row.reference, row.currency, i128::from(row.minor)),
            _ if row.payout.is_empty() => continue,
            _ => (&row.payout, row.settled.map_or(row.currency, |settled| settled.currency), worth(&row)),
        };
        let payout = payouts.entry((id.clone(), currency.code())).or_insert_with(|| Payout {
            id: id.clone(),
            currency,
            paid: None,
            items: 0,
            item_count: 0,
            at: None,
        });
        if row.entry == Entry::Payout {
            payout.paid = Some(payout.paid.unwrap_or(0).saturating_add(row.minor));
            payout.at = payout.at.max(row.at);
        } else {
            payout.items = payout.items.saturating_add(worth);
            payout.item_count = payout.item_count.saturating_add(1);
        }
    }
    Ok(payouts.into_values().collect())
}

/// What a row adds to its payout: what was settled for it less the fee, else its own amount.
fn worth(row: &Row) -> i128 {
    let (gross, fee) = row.settled.map_or((row.minor, 0), |settled| (settled.gross_minor, settled.fee_minor));
    i128::from(gross).saturating_mul(i128::from(row.entry.sign())).saturating_sub(i128::from(fee))
}

/// Payouts whose rows do not make their amount. Of one whose rows are not in the books at all nothing is said, and neither
/// of rows whose payout is still to come.
#[must_use]
pub fn check_sums(payouts: &[Payout]) -> Vec<Gap> {
    let differs = |payout: &&Payout| {
        payout.item_count > 0 && payout.paid.is_some_and(|paid| i128::from(paid) != payout.items)
    };
    let gap = |payout: &Payout| {
        let amount = |minor: i128| {
            let major = i64::try_from(minor).map_or(minor.to_string(), |minor| major(minor, payout.currency));
            format!("{major} {}", payout.currency)
        };
        let paid = i128::from(payout.paid.unwrap_or_default());
        let reason = format!(
            "paid {}, and its {} rows come to {}: {} apart",
            amount(paid),
            payout.item_count,
            amount(payout.items),
            amount(paid.saturating_sub(payout.items))
        );
        let apart = i64::try_from(paid.saturating_sub(payout.items).saturating_abs()).unwrap_or(i64::MAX);
        let at_stake = Some(Money { minor: apart, currency: payout.currency });
        Gap {
            kind: FindingKind::PayoutDiffers,
            subject: Subject::Payout(payout.id.clone()),
            reason,
            at_stake,
        }
    };
    payouts.iter().filter(differs).map(gap).collect()
}

/// How payouts are looked for in the bank's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositRules {
    /// How a payout and a deposit are told to be one.
    pub matching: MatchRules,
    /// Seconds that the bank may take before a payout counts as not arrived.
    pub grace_seconds: i64,
}

/// Sets payouts against the bank's bookings of money that came in: by their reference, then by an amount that is there
/// once in the window of time, then by sums that can be made in one way (two payouts booked together, one in two parts).
///
/// `deposits` are the bookings that can only be payouts: the provider's. `now` is the end of the bank's statement.
#[must_use]
pub fn check_deposits(
    payouts: &[Payout],
    deposits: &[Row],
    rules: &DepositRules,
    now: Timestamp,
) -> Vec<Gap> {
    let paid: Vec<Row> = payouts.iter().filter_map(row_of).collect();
    let came_in = |row: &&Row| row.minor > 0;
    // For the matching both are one sort of thing.
    let booked: Vec<Row> = deposits
        .iter()
        .filter(came_in)
        .map(|row| Row { entry: Entry::Payout, item: String::new(), ..row.clone() })
        .collect();
    let matches = match_rest(&paid, &booked, &rules.matching);
    let mut gaps: Vec<_> = matches.iter().filter_map(|found| differing(found, &paid, &booked)).collect();
    let is_left = |at: usize, side: fn(&Match) -> &Vec<usize>| !matches.iter().any(|m| side(m).contains(&at));
    for (_, row) in paid.iter().enumerate().filter(|(at, _)| is_left(*at, |m| &m.ours)) {
        let waited = row.at.map(|at| now.as_second().saturating_sub(at.as_second()));
        if waited.is_some_and(|seconds| seconds > rules.grace_seconds) {
            gaps.push(Gap {
                kind: FindingKind::PayoutWithoutDeposit,
                subject: Subject::Payout(row.reference.clone()),
                reason: format!("{} were paid out, and the bank has booked nothing like it", amount(row)),
                at_stake: Some(Money { minor: row.minor, currency: row.currency }),
            });
        }
    }
    for (_, row) in booked.iter().enumerate().filter(|(at, _)| is_left(*at, |m| &m.theirs)) {
        gaps.push(Gap {
            kind: FindingKind::DepositWithoutPayout,
            subject: Subject::Deposit(row.reference.clone()),
            reason: format!("the bank has booked {}, and no payout is like it", amount(row)),
            at_stake: Some(Money { minor: row.minor, currency: row.currency }),
        });
    }
    gaps
}

fn row_of(payout: &Payout) -> Option<Row> {
    Some(Row {
        reference: payout.id.clone(),
        entry: Entry::Payout,
        currency: payout.currency,
        minor: payout.paid?,
        at: payout.at,
        ..Row::empty()
    })
}

fn amount(row: &Row) -> String {
    format!("{} {}", major(row.minor, row.currency), row.currency)
}

/// What a pair that belongs together by its reference has apart.
fn differing(found: &Match, paid: &[Row], booked: &[Row]) -> Option<Gap> {
    let ([paid_at], [booked_at]) = (found.ours.as_slice(), found.theirs.as_slice()) else { return None };
    let (paid, booked) = (paid.get(*paid_at)?, booked.get(*booked_at)?);
    if (paid.currency, paid.minor) == (booked.currency, booked.minor) {
        return None;
    }
    Some(Gap {
        kind: FindingKind::DepositDiffers,
        subject: Subject::Payout(paid.reference.clone()),
        reason: format!("{} were paid out, and the bank has booked {}", amount(paid), amount(booked)),
        at_stake: Some(Money { minor: paid.minor, currency: paid.currency }),
    })
}
