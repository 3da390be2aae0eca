//! What of a broken world matters: everything that can be left out without mending it is.

use crate::auditor::Invariant;
use crate::world::{Kept, Scenario, run};

/// How much may come to pass in all the worlds that are tried.
const STEPS_MAX: u64 = 10_000_000;

/// The smallest world that could be found in which the same promise is broken: as few payments and as few misfortunes as
/// possible.
#[must_use]
pub fn shrink(broken: &Scenario, invariant: Invariant) -> Scenario {
    let mut shrinker = Shrinker { least: broken.clone(), invariant, steps_left: STEPS_MAX };
    // Fewer payments make fewer misfortunes necessary, and the other way round.
    shrinker.payments();
    shrinker.strikes();
    shrinker.payments();
    shrinker.strikes();
    shrinker.least
}

struct Shrinker {
    least: Scenario,
    invariant: Invariant,
    steps_left: u64,
}

impl Shrinker {
    /// Whether a smaller world is broken in the same way. If so, it is the smallest so far.
    fn is_still_broken(&mut self, candidate: Scenario) -> bool {
        if self.steps_left == 0 {
            return false;
        }
        let ended = run(&candidate, false);
        self.steps_left = self.steps_left.saturating_sub(ended.steps);
        let is_broken = ended.violation.is_some_and(|v| v.invariant == self.invariant);
        if is_broken {
            self.least = candidate;
        }
        is_broken
    }

    fn payments(&mut self) {
        let count = run(&self.least, false).payments;
        for left_out in 0..count {
            if self.least.payments.has(left_out) {
                let kept =
                    (0..count).filter(|number| *number != left_out && self.least.payments.has(*number));
                let payments = kept.collect();
                self.is_still_broken(Scenario { payments, ..self.least.clone() });
            }
        }
    }

    /// Delta debugging (Zeller and Hildebrandt's `ddmin`): halves, quarters and so on are left out as long as the rest is
    /// still broken.
    fn strikes(&mut self) {
        let count = run(&self.least, false).strikes;
        let mut kept: Vec<_> = (0..count).filter(|number| self.least.strikes.has(*number)).collect();
        let mut parts = 2;
        while !kept.is_empty() {
            let length = kept.len().div_ceil(parts);
            let rests = (0..parts).map(|part| without(&kept, part.saturating_mul(length), length));
            let rests: Vec<_> = rests.filter(|rest| rest.len() < kept.len()).collect();
            let smaller = rests.into_iter().find(|rest| {
                let strikes: Kept = rest.iter().copied().collect();
                self.is_still_broken(Scenario { strikes, ..self.least.clone() })
            });
            match smaller {
                Some(rest) => {
                    kept = rest;
                    parts = parts.saturating_sub(1).max(2);
                }
                None if length <= 1 => break,
                None => parts = parts.saturating_mul(2).min(kept.len()),
            }
        }
    }
}

fn without(kept: &[u32], from: usize, length: usize) -> Vec<u32> {
    let to = from.saturating_add(length);
    let rest = kept.iter().enumerate().filter(|(at, _)| !(from..to).contains(at));
    rest.map(|(_, number)| *number).collect()
}
