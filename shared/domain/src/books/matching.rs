//! Rows that found no partner by their key, matched by other means.
//!
//! A match is a decision only where nothing else is possible: one reference on each side once both are written the same
//! way, one amount in a window of time on each side, one set of rows that adds up. Whatever is ambiguous stays unmatched,
//! and [`suggest`] ranks what a person may look at.

mod group;

use super::row::{Entry, Row};
use crate::money::Currency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How rows may be matched without their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchRules {
    /// What some write before a reference and others do not: `pi_`, `REF-`. Compared without case and separators.
    pub prefixes: Vec<String>,
    /// Seconds that two rows of one amount may be apart; rows without a time are not matched by amount.
    pub window_seconds: i64,
    /// Which rows may be one by their amount.
    pub amounts: AmountReach,
    /// Most rows of which sums are tried: with n rows, 2^n sums are.
    pub group_rows_max: usize,
}

/// Among which rows the only one of its amount on each side is taken for one entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmountReach {
    /// Among all: what a bank writes as a reference may be anything.
    #[default]
    All,
    /// Among those of one reference, zeros before its numbers left out: where both sides name the payment itself, another
    /// name is another payment.
    OneReference,
}

impl Default for MatchRules {
    /// Three days, and sums of at most twelve rows.
    fn default() -> Self {
        Self {
            prefixes: Vec::new(),
            window_seconds: 3 * 86_400,
            amounts: AmountReach::All,
            group_rows_max: 12,
        }
    }
}

/// What made a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The references, once case, separators, prefixes and leading zeros are left out. Amounts may still differ.
    Reference,
    /// Entry, currency and amount, in the window of time.
    Amount,
    /// The rows of one payout add up to one row.
    PayoutSum,
    /// Several rows in the window of time add up to one payout or deposit.
    Sum,
}

/// Rows that belong together, by their positions on each side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// How that is known.
    pub by: MatchedBy,
    /// Rows of ours.
    pub ours: Vec<usize>,
    /// Rows of theirs.
    pub theirs: Vec<usize>,
}

/// What may be matched still: rows by their position.
struct Left<'a> {
    ours: Vec<(usize, &'a Row)>,
    theirs: Vec<(usize, &'a Row)>,
}

/// Matches what can be matched without doubt, each row at most once: by reference, then by amount, then by sums.
#[must_use]
pub fn match_rest(ours: &[Row], theirs: &[Row], rules: &MatchRules) -> Vec<Match> {
    let mut left =
        Left { ours: ours.iter().enumerate().collect(), theirs: theirs.iter().enumerate().collect() };
    let mut matches = Vec::new();
    for step in [by_reference, by_amount, group::by_payout, group::by_sum] {
        let found = step(&left, rules);
        let is_free =
            |at: usize, side: fn(&Match) -> &Vec<usize>| !found.iter().any(|m| side(m).contains(&at));
        left.ours.retain(|(at, _)| is_free(*at, |m| &m.ours));
        left.theirs.retain(|(at, _)| is_free(*at, |m| &m.theirs));
        matches.extend(found);
    }
    matches
}

/// A reference without what people and programs write differently.
#[must_use]
pub fn normalized(reference: &str, prefixes: &[String]) -> String {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let text = plain(reference);
    let stripped = prefixes.iter().find_map(|prefix| text.strip_prefix(plain(prefix).as_str()));
    let stripped = stripped.filter(|rest| !rest.is_empty()).unwrap_or(&text);
    let digits = stripped.trim_start_matches('0');
    if digits.is_empty() { stripped.to_owned() } else { digits.to_owned() }
}

/// The same without zeros before any of its numbers: `inv0007` is `inv7`. Too little by itself to make two rows one.
fn without_zeros(normalized: &str) -> String {
    let mut plain = String::with_capacity(normalized.len());
    for character in normalized.chars() {
        if character != '0' || plain.ends_with(|last: char| last.is_ascii_digit()) {
            plain.push(character);
        }
    }
    plain
}

/// The position of what is there exactly once.
fn only(positions: Option<&Vec<usize>>) -> Option<usize> {
    match positions.map(Vec::as_slice) {
        Some([at]) => Some(*at),
        _ => None,
    }
}

fn by_reference(left: &Left<'_>, rules: &MatchRules) -> Vec<Match> {
    let index = |rows: &[(usize, &Row)]| {
        let mut index: BTreeMap<(String, Entry, String), Vec<usize>> = BTreeMap::new();
        for (at, row) in rows {
            let reference = normalized(&row.reference, &rules.prefixes);
            if !reference.is_empty() {
                let key = (reference, row.entry, normalized(&row.item, &rules.prefixes));
                index.entry(key).or_default().push(*at);
            }
        }
        index
    };
    let theirs = index(&left.theirs);
    let ours = index(&left.ours);
    let pairs = ours.iter().filter_map(|(key, at)| Some((only(Some(at))?, only(theirs.get(key))?)));
    pairs.map(|(ours, theirs)| pair(MatchedBy::Reference, ours, theirs)).collect()
}

fn pair(by: MatchedBy, ours: usize, theirs: usize) -> Match {
    Match { by, ours: vec![ours], theirs: vec![theirs] }
}

/// Whether two rows are near enough in time to be one.
fn is_near(one: &Row, other: &Row, rules: &MatchRules) -> bool {
    let (Some(one), Some(other)) = (one.at, other.at) else { return false };
    one.as_second().saturating_sub(other.as_second()).saturating_abs() <= rules.window_seconds
}

/// What a bank books is what a provider paid out: for their amounts they are one entry.
fn kind_of_amount(entry: Entry) -> Entry {
    if entry == Entry::Deposit { Entry::Payout } else { entry }
}

fn by_amount(left: &Left<'_>, rules: &MatchRules) -> Vec<Match> {
    type Amount = (Entry, Currency, i64, Option<String>);
    let amount = |row: &Row| -> Amount {
        let reference = match rules.amounts {
            AmountReach::All => None,
            AmountReach::OneReference => Some(without_zeros(&normalized(&row.reference, &rules.prefixes))),
        };
        (kind_of_amount(row.entry), row.currency, row.minor, reference)
    };
    let mut groups: BTreeMap<Amount, [Vec<(usize, &Row)>; 2]> = BTreeMap::new();
    for (at, row) in &left.ours {
        groups.entry(amount(row)).or_default()[0].push((*at, row));
    }
    for (at, row) in &left.theirs {
        groups.entry(amount(row)).or_default()[1].push((*at, row));
    }
    let mut found = Vec::new();
    for [ours, theirs] in groups.values() {
        for (at, row) in ours {
            let near: Vec<_> = theirs.iter().filter(|(_, other)| is_near(row, other, rules)).collect();
            let [(there, other)] = near.as_slice() else { continue };
            if ours.iter().filter(|(_, row)| is_near(row, other, rules)).count() == 1 {
                found.push(pair(MatchedBy::Amount, *at, *there));
            }
        }
    }
    found
}

/// What a person may look at for a row without a partner, by its position among the candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Which candidate.
    pub at: usize,
    /// Whether currency and amount are the same.
    pub has_amount: bool,
    /// Likeness of the references, in millionths: edits that make one of the other, for its length.
    pub likeness_ppm: u32,
    /// Seconds between them, if both have a time.
    pub apart_seconds: Option<u64>,
}

/// Ranks candidates: the same amount first, then the likest reference, then the nearest in time. It never decides.
#[must_use]
pub fn suggest(row: &Row, candidates: &[Row], most: usize) -> Vec<Suggestion> {
    let mine = normalized(&row.reference, &[]);
    let mut ranked: Vec<_> = candidates
        .iter()
        .enumerate()
        .map(|(at, other)| Suggestion {
            at,
            has_amount: (row.currency, row.minor) == (other.currency, other.minor),
            likeness_ppm: likeness(&mine, &normalized(&other.reference, &[])),
            apart_seconds: row
                .at
                .zip(other.at)
                .map(|(one, other)| one.as_second().abs_diff(other.as_second())),
        })
        .collect();
    ranked.sort_by_key(|s| {
        (!s.has_amount, std::cmp::Reverse(s.likeness_ppm), s.apart_seconds.unwrap_or(u64::MAX), s.at)
    });
    ranked.truncate(most);
    ranked
}

fn likeness(one: &str, other: &str) -> u32 {
    let longest = one.len().max(other.len());
    let edits = strsim::osa_distance(one, other).min(longest);
    let share = (longest.saturating_sub(edits)).saturating_mul(1_000_000).checked_div(longest.max(1));
    u32::try_from(share.unwrap_or_default()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
