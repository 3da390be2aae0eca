//! What is usual for a source, and what is not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewest earlier runs that say what is usual.
const RUNS_MIN: usize = 5;
/// A run deviates when it has more than so many times the usual differences ...
const TIMES_USUAL_MAX: u64 = 3;
/// ... and at least so many of a million payments more, so that one difference after a clean week is no alarm.
const MORE_PER_MILLION_MIN: u64 = 1_000;

/// How many payments of a run differed, beside what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscrepancyRate {
    /// Differences, healed or not, for a million payments compared.
    pub per_million: u64,
    /// The median of the earlier runs; absent while there are fewer than five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_per_million: Option<u64>,
    /// Whether it is far above what is usual.
    pub deviates: bool,
}

/// Differences for a million payments. Differences without any payment count as a difference for each.
#[must_use]
pub fn per_million(differences: u64, payments: u64) -> u64 {
    let payments = payments.max(differences).max(1);
    let rate = u128::from(differences).saturating_mul(1_000_000).checked_div(u128::from(payments));
    u64::try_from(rate.unwrap_or_default()).unwrap_or(u64::MAX)
}

/// A run's rate beside those of earlier runs, in any order.
#[must_use]
pub fn beside(per_million: u64, mut earlier: Vec<u64>) -> DiscrepancyRate {
    earlier.sort_unstable();
    let usual = earlier.get(earlier.len() / 2).copied().filter(|_| earlier.len() >= RUNS_MIN);
    let deviates = usual.is_some_and(|usual| {
        per_million > usual.saturating_mul(TIMES_USUAL_MAX)
            && per_million.saturating_sub(usual) >= MORE_PER_MILLION_MIN
    });
    DiscrepancyRate { per_million, usual_per_million: usual, deviates }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_a_million_payments() {
        for (differences, payments, expected) in [
            (0, 0, 0),
            (0, 10, 0),
            (1, 1_000, 1_000),
            (3, 0, 1_000_000),
            (5, 2, 1_000_000),
            (u64::MAX, 1, 1_000_000),
        ] {
            assert_eq!(per_million(differences, payments), expected, "{differences} of {payments}");
        }
    }

    #[test]
    fn what_is_usual_takes_five_runs_and_an_outlier_does_not_move_it() {
        for (now, earlier, usual, deviates) in [
            (900_000, vec![0, 0, 0, 0], None, false),
            (900, vec![0, 0, 0, 0, 0], Some(0), false),
            (1_000, vec![0, 0, 0, 0, 0], Some(0), true),
            (3_000, vec![1_000, 900_000, 1_000, 900, 1_100], Some(1_000), false),
            (3_001, vec![1_000, 900_000, 1_000, 900, 1_100], Some(1_000), true),
            (0, vec![5_000; 9], Some(5_000), false),
            (0, vec![500, 100, 400, 200, 300], Some(300), false),
            (0, vec![700, 600, 500, 100, 400, 200, 300], Some(400), false),
        ] {
            let rate = beside(now, earlier.clone());
            assert_eq!((rate.usual_per_million, rate.deviates), (usual, deviates), "{now} after {earlier:?}");
        }
    }
}
