//! One row on one side, several on the other.

use super::{Left, Match, MatchRules, MatchedBy, is_near};
use crate::books::row::{Entry, Row};
use crate::money::Currency;
use std::collections::{BTreeMap, BTreeSet};

type Placed<'a> = (usize, &'a Row);

/// A match as it is found, whichever side the one row is on.
struct Found {
    one: usize,
    many: Vec<usize>,
}

/// What a row adds to a payout. Of payouts and deposits themselves it is their amount.
fn worth(row: &Row) -> i128 {
    let sign = if row.entry == Entry::Payout { 1 } else { row.entry.sign() };
    let fee = row.settled.filter(|settled| settled.currency == row.currency).map_or(0, |s| s.fee_minor);
    i128::from(row.minor).saturating_mul(i128::from(sign)).saturating_sub(i128::from(fee))
}

/// Whether it may be made of several: money that went to the bank. Payments that happen to add up to another are none.
fn is_one(row: &Row) -> bool {
    matches!(row.entry, Entry::Payout | Entry::Deposit)
}

/// The rows of one payout on one side, and the payout or deposit on the other, by the payout's own reference.
pub(super) fn by_payout(left: &Left<'_>, _: &MatchRules) -> Vec<Match> {
    both_ways(left, MatchedBy::PayoutSum, |ones, many| {
        let mut groups: BTreeMap<(&str, Currency), Vec<&Placed<'_>>> = BTreeMap::new();
        for placed in many.iter().filter(|(_, row)| !row.payout.is_empty()) {
            groups.entry((&placed.1.payout, placed.1.currency)).or_default().push(placed);
        }
        let mut found = Vec::new();
        for (one, row) in ones.iter().filter(|(_, row)| is_one(row)) {
            let names = ones.iter().filter(|(_, other)| is_one(other) && other.reference == row.reference);
            let Some(group) = groups.get(&(row.reference.as_str(), row.currency)) else { continue };
            let sum = group.iter().fold(0_i128, |sum, (_, row)| sum.saturating_add(worth(row)));
            if names.count() == 1 && sum == worth(row) {
                found.push(Found { one: *one, many: group.iter().map(|(at, _)| *at).collect() });
            }
        }
        found
    })
}

/// Rows near a payout or deposit in time that add up to it, where there is one such set and no other row claims one of its rows.
pub(super) fn by_sum(left: &Left<'_>, rules: &MatchRules) -> Vec<Match> {
    both_ways(left, MatchedBy::Sum, |ones, many| {
        let found = |(one, row): &Placed<'_>| {
            let is_candidate =
                |(_, other): &&Placed<'_>| other.currency == row.currency && is_near(row, other, rules);
            let near: Vec<_> = many.iter().filter(is_candidate).collect();
            Some(Found { one: *one, many: only_set(&near, worth(row), rules.group_rows_max)? })
        };
        ones.iter().filter(|(_, row)| is_one(row)).filter_map(found).collect()
    })
}

/// What is found with the one row on either side. A row that two matches claim is in neither: nobody knows which is meant,
/// from whichever side it is looked at.
fn both_ways(
    left: &Left<'_>,
    by: MatchedBy,
    find: impl Fn(&[Placed<'_>], &[Placed<'_>]) -> Vec<Found>,
) -> Vec<Match> {
    let one_of_theirs = find(&left.theirs, &left.ours).into_iter().map(|Found { one, many }| Match {
        by,
        ours: many,
        theirs: vec![one],
    });
    let one_of_ours = find(&left.ours, &left.theirs).into_iter().map(|Found { one, many }| Match {
        by,
        ours: vec![one],
        theirs: many,
    });
    let all: Vec<_> = one_of_theirs.chain(one_of_ours).collect();
    let claimed_once = |side: fn(&Match) -> &Vec<usize>| -> BTreeSet<usize> {
        let mut claims: BTreeMap<usize, usize> = BTreeMap::new();
        for at in all.iter().flat_map(side) {
            let claims = claims.entry(*at).or_default();
            *claims = claims.saturating_add(1);
        }
        claims.into_iter().filter(|(_, claims)| *claims == 1).map(|(at, _)| at).collect()
    };
    let (ours, theirs) = (claimed_once(|m| &m.ours), claimed_once(|m| &m.theirs));
    let is_alone = |m: &Match| {
        m.ours.iter().all(|at| ours.contains(at)) && m.theirs.iter().all(|at| theirs.contains(at))
    };
    all.into_iter().filter(is_alone).collect()
}

/// The only set of two or more rows that adds up to `sum`, if there is exactly one. Of more rows than `rows_max` nothing
/// is tried.
fn only_set(rows: &[&Placed<'_>], sum: i128, rows_max: usize) -> Option<Vec<usize>> {
    if rows.len() > rows_max.min(20) {
        return None;
    }
    let mut only = None;
    for set in 1_u32..(1_u32 << rows.len()) {
        if set.count_ones() < 2 {
            continue;
        }
        let chosen = rows.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, row)| *row);
        let total = chosen.clone().fold(0_i128, |total, (_, row)| total.saturating_add(worth(row)));
        if total == sum && only.replace(chosen.map(|(at, _)| *at).collect()).is_some() {
            return None;
        }
    }
    only
}
