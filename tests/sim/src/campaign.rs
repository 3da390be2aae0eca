//! Many worlds, one after the other on every processor.

use crate::auditor::{Invariant, Looks, Violation};
use crate::world::{Ended, Scenario, Tally, run};
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Of so many worlds, one is lived through twice and must be the same.
const REPEATED_EVERY: u64 = 50;

/// What became of many worlds.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// Worlds that were lived through.
    pub worlds: u64,
    /// How many things came to pass in them.
    pub steps: u64,
    /// How long they took, by their own clocks, in milliseconds.
    pub lasted_ms: u64,
    /// What went wrong in them.
    pub tally: Tally,
    /// How often each promise was looked after.
    pub looks: Looks,
    /// The same for the same seeds and the same code: the sum of the worlds' own.
    pub fingerprint: u64,
    /// The first broken world that was found.
    pub broken: Option<(u64, Violation)>,
}

impl Campaign {
    fn add(&mut self, ended: &Ended) {
        self.worlds = self.worlds.saturating_add(1);
        self.steps = self.steps.saturating_add(ended.steps);
        self.lasted_ms = self.lasted_ms.saturating_add(u64::try_from(ended.lasted_ms).unwrap_or(0));
        self.tally.add(&ended.tally);
        self.looks.add(&ended.looks);
        self.fingerprint = self.fingerprint.wrapping_add(ended.fingerprint);
    }

    fn merge(mut self, other: Self) -> Self {
        self.worlds = self.worlds.saturating_add(other.worlds);
        self.steps = self.steps.saturating_add(other.steps);
        self.lasted_ms = self.lasted_ms.saturating_add(other.lasted_ms);
        self.tally.add(&other.tally);
        self.looks.add(&other.looks);
        self.fingerprint = self.fingerprint.wrapping_add(other.fingerprint);
        self.broken = match (self.broken, other.broken) {
            (Some(one), Some(another)) => Some(if another.0 < one.0 { another } else { one }),
            (one, another) => one.or(another),
        };
        self
    }
}

/// Lives through the worlds of these seeds, or until one is broken. `each` is told how many are over.
///
/// # Panics
/// When a thread does.
#[must_use]
pub fn campaign(seeds: Range<u64>, each: &(dyn Fn(u64) + Sync)) -> Campaign {
    let (next, over, is_broken) = (AtomicU64::new(seeds.start), AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        let mut done = Campaign::default();
        while !is_broken.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let ended = live_through(seed, &mut done.looks);
            done.add(&ended);
            if let Some(violation) = ended.violation {
                is_broken.store(true, Ordering::Relaxed);
                done.broken = Some((seed, violation));
            }
            each(over.fetch_add(1, Ordering::Relaxed).saturating_add(1));
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let parts: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a world does not panic")).collect()
    });
    parts.into_iter().fold(Campaign::default(), Campaign::merge)
}

/// Lives through one world; now and then twice (I17).
fn live_through(seed: u64, looks: &mut Looks) -> Ended {
    let scenario = Scenario::whole(seed);
    if !seed.is_multiple_of(REPEATED_EVERY) {
        return run(&scenario, false);
    }
    let (one, other) = (run(&scenario, true), run(&scenario, true));
    looks.count(Invariant::I17);
    let is_same = one.trace == other.trace && one.fingerprint == other.fingerprint;
    let differs = || Violation {
        invariant: Invariant::I17,
        what: format!("seed {seed} gave two different worlds: compare the traces of two runs"),
    };
    Ended { violation: one.violation.clone().or_else(|| (!is_same).then(differs)), ..one }
}
