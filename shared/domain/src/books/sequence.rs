//! Numbers that a source gives what it sends, and the gaps between them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most stretches of numbers that are held. Numbers in no order at all would need one for each.
const STRETCHES_MAX: usize = 100_000;

/// The numbers seen so far, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// First and last number of each stretch without a gap.
    stretches: BTreeMap<u64, u64>,
}

/// Numbers that are missing between two that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The first that is missing.
    pub first: u64,
    /// The last that is missing.
    pub last: u64,
}

/// Numbers that are scattered too far to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sequence numbers are in more than {STRETCHES_MAX} stretches at number {0}: they number something else, or must be sorted"
)]
pub struct Scattered(pub u64);

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            write!(f, "number {} is missing", self.first)
        } else {
            write!(f, "numbers {} to {} are missing", self.first, self.last)
        }
    }
}

impl Sequence {
    /// Takes a number. One that was there before changes nothing.
    ///
    /// # Errors
    /// [`Scattered`] when they are in too many stretches.
    pub fn see(&mut self, number: u64) -> Result<(), Scattered> {
        let before = self.stretches.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let joins_before = before.filter(|(_, last)| last.saturating_add(1) >= number);
        if joins_before.is_some_and(|(_, last)| last >= number) {
            return Ok(());
        }
        let first = joins_before.map_or(number, |(first, _)| first);
        let after = number.checked_add(1).and_then(|next| self.stretches.remove(&next));
        self.stretches.insert(first, after.unwrap_or(number));
        if self.stretches.len() > STRETCHES_MAX { Err(Scattered(number)) } else { Ok(()) }
    }

    /// What is missing, after `last_before` (the last number of the books before these, if it is known).
    #[must_use]
    pub fn gaps(&self, last_before: Option<u64>) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut expected = last_before.and_then(|last| last.checked_add(1));
        for (first, last) in &self.stretches {
            if let Some(missing) = expected.filter(|expected| expected < first) {
                gaps.push(Gap { first: missing, last: first.saturating_sub(1) });
            }
            // A number that was there in the books before starts nothing again.
            expected = last.checked_add(1).max(expected);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn gaps_are_named() {
        for (numbers, before, expected) in [
            (vec![], None, vec![]),
            (vec![1, 2, 3], None, vec![]),
            (vec![3, 1, 2, 2], Some(0), vec![]),
            (vec![4, 5], Some(1), vec!["numbers 2 to 3 are missing"]),
            (vec![1, 3, 7], None, vec!["number 2 is missing", "numbers 4 to 6 are missing"]),
            (vec![u64::MAX, u64::MAX - 2], None, vec!["number 18446744073709551614 is missing"]),
            (vec![1, 2], Some(5), vec![]),
        ] {
            let mut sequence = Sequence::default();
            numbers.iter().for_each(|number| sequence.see(*number).expect("few stretches"));
            let gaps: Vec<_> = sequence.gaps(before).iter().map(ToString::to_string).collect();
            assert_eq!(gaps, expected, "{numbers:?} after {before:?}");
        }
    }

    #[test]
    fn as_many_stretches_as_there_may_be() {
        let mut sequence = Sequence::default();
        let most = u64::try_from(STRETCHES_MAX).expect("a small number");
        for number in 0..most {
            assert!(sequence.see(number * 2).is_ok(), "{number}");
        }
        assert_eq!(sequence.see(most * 2).map_err(|error| error.0), Err(most * 2));
    }

    proptest! {
        /// In any order and any repetition: every number between the first and the last is there or in a gap.
        #[test]
        fn nothing_is_missed(numbers in prop::collection::vec(0_u64..60, 1..60)) {
            let mut sequence = Sequence::default();
            numbers.iter().for_each(|number| sequence.see(*number).expect("few stretches"));
            let there: BTreeSet<_> = numbers.iter().copied().collect();
            let (first, last) = (*there.first().expect("one"), *there.last().expect("one"));
            let missing: Vec<_> = (first..=last).filter(|number| !there.contains(number)).collect();
            let named: Vec<_> =
                sequence.gaps(None).into_iter().flat_map(|gap| gap.first..=gap.last).collect();
            prop_assert_eq!(named, missing);
        }
    }
}
