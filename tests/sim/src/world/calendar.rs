//! When a world begins, how long things go wrong, and when its books are looked after.

use super::dice::Dice;
use super::scenario::Scenario;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// 2025-11-24, midnight in UTC, in Unix milliseconds.
const FIRST_MIDNIGHT_MS: i64 = 1_763_942_400_000;
/// Payments begin so long after the beginning at the latest: by day, and when business goes through midnight.
const BEGINNINGS_BY_DAY_MS: i64 = HOUR_MS / 4;
const BEGINNINGS_BY_NIGHT_MS: i64 = 2 * HOUR_MS;
/// Business is over so long after the beginning.
const BUSINESS_MS: i64 = 3 * HOUR_MS;
/// Nights after the business in which the books are looked after: each day once, and once more a day later.
const NIGHTS: i64 = 3;
/// When in the night that is, after midnight. As `ReconcileSchedule` in `template.yaml`.
const NIGHTLY_MS: i64 = 3 * HOUR_MS + 15 * MINUTE_MS;
/// The stream of its dice.
const STREAM: u64 = 2;

/// The dates of one world.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    pub(crate) begins_ms: i64,
    /// How long things go wrong.
    pub(crate) trouble_ms: i64,
    /// How long after the beginning payments begin at the latest.
    pub(crate) beginnings_ms: i64,
    /// When the daily call comes.
    pub(crate) due_ms: Vec<i64>,
    /// The first instants of the days with business, in order.
    pub(crate) days_ms: Vec<i64>,
}

impl Calendar {
    /// Half of the worlds have business by day, and trouble for an hour. The others go through midnight into a night in which
    /// the books are looked after while things go wrong.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let mut dice = Dice::new(scenario.seed, STREAM);
        let midnight_ms = FIRST_MIDNIGHT_MS.saturating_add(DAY_MS);
        let is_night = dice.in_thousand(500);
        let (begins_ms, trouble_ms) = if is_night {
            let begins_ms = midnight_ms.saturating_sub(dice.between(5 * MINUTE_MS, 3 * HOUR_MS));
            (begins_ms, midnight_ms.saturating_add(150 * MINUTE_MS).saturating_sub(begins_ms))
        } else {
            (FIRST_MIDNIGHT_MS.saturating_add(dice.between(6 * HOUR_MS, 20 * HOUR_MS)), HOUR_MS)
        };
        let midnight_before = |at_ms: i64| at_ms.saturating_sub(at_ms.rem_euclid(DAY_MS));
        let first_ms = midnight_before(begins_ms);
        let last_ms = midnight_before(begins_ms.saturating_add(BUSINESS_MS));
        let mut due_ms = Vec::new();
        if is_night {
            due_ms.extend([70, 100, 130].map(|minutes| midnight_ms.saturating_add(minutes * MINUTE_MS)));
        }
        for night in 1..=NIGHTS {
            due_ms.push(last_ms.saturating_add(night.saturating_mul(DAY_MS)).saturating_add(NIGHTLY_MS));
        }
        let mut days_ms = vec![first_ms, last_ms];
        days_ms.dedup();
        let beginnings_ms = if is_night { BEGINNINGS_BY_NIGHT_MS } else { BEGINNINGS_BY_DAY_MS };
        Self { begins_ms, trouble_ms, beginnings_ms, due_ms, days_ms }
    }
}
