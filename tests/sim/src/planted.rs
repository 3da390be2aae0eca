//! Whether every planted mistake is caught, by which promise, and how soon.

use crate::auditor::Invariant;
use crate::world::{Scenario, run};
use countersign_domain::planted::{Mistake, plant};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

/// How often each mistake is looked for, each time from another seed on.
pub const HUNTS: u64 = 11;
/// How many worlds one hunt goes through before it gives up.
const WORLDS_MAX: u64 = 5_000;
/// How far apart the hunts' first seeds are.
const APART: u64 = 100_000;

/// What became of one mistake.
#[derive(Clone, Debug)]
pub struct Caught {
    /// Which.
    pub mistake: Mistake,
    /// How many worlds each hunt went through until it was caught, in order; nothing for one that gave up.
    pub worlds: Vec<Option<u64>>,
    /// By which promise, and how often.
    pub by: BTreeMap<Invariant, u64>,
}

impl Caught {
    /// Whether every hunt caught it.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.worlds.iter().all(Option::is_some)
    }

    /// The middle of the hunts; nothing when half of them gave up.
    #[must_use]
    pub fn median(&self) -> Option<u64> {
        let mut worlds: Vec<_> = self.worlds.iter().map(|worlds| worlds.unwrap_or(u64::MAX)).collect();
        worlds.sort_unstable();
        worlds.get(worlds.len() / 2).copied().filter(|median| *median < u64::MAX)
    }
}

/// Hunts mistakes, on every processor.
///
/// # Panics
/// When a thread does.
#[must_use]
pub fn hunt_all(mistakes: &[Mistake], hunts: u64) -> Vec<Caught> {
    let waiting = Mutex::new(mistakes.iter().rev().copied().collect::<Vec<_>>());
    let work = || {
        let mut caught = Vec::new();
        loop {
            let Some(mistake) = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop() else {
                return caught;
            };
            caught.push(hunt(mistake, hunts));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut caught: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a world does not panic")).collect()
    });
    caught.sort_by_key(|caught: &Caught| caught.mistake);
    caught
}

/// Hunts one mistake, on this thread.
fn hunt(mistake: Mistake, hunts: u64) -> Caught {
    let mut caught = Caught { mistake, worlds: Vec::new(), by: BTreeMap::new() };
    plant(Some(mistake));
    for number in 0..hunts {
        let first = number.saturating_mul(APART);
        let violation = (0..WORLDS_MAX).find_map(|nth| {
            let violation = run(&Scenario::whole(first.saturating_add(nth)), false).violation?;
            Some((nth.saturating_add(1), violation.invariant))
        });
        caught.worlds.push(violation.map(|(worlds, _)| worlds));
        if let Some((_, invariant)) = violation {
            let count = caught.by.entry(invariant).or_default();
            *count = count.saturating_add(1);
        }
    }
    plant(None);
    caught
}

/// A table of what was caught.
///
/// # Errors
/// When the text cannot be written.
pub fn table(caught: &[Caught]) -> Result<String, fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<24} {:>6} {:>6}  {:<16} what is done wrong",
        "mistake", "median", "most", "caught by"
    )?;
    for one in caught {
        let shown =
            |worlds: Option<u64>| worlds.map_or_else(|| "never".to_owned(), |worlds| worlds.to_string());
        let most = if one.is_always() { one.worlds.iter().copied().max().flatten() } else { None };
        let mut by: Vec<_> = one.by.iter().collect();
        by.sort_by_key(|(invariant, count)| (std::cmp::Reverse(**count), **invariant));
        let by: Vec<_> = by.into_iter().map(|(invariant, _)| format!("{invariant:?}")).collect();
        writeln!(
            text,
            "{:<24} {:>6} {:>6}  {:<16} {}",
            format!("{:?}", one.mistake),
            shown(one.median()),
            shown(most),
            by.join(" "),
            one.mistake.what()
        )?;
    }
    let (all, always) = (caught.len(), caught.iter().filter(|one| one.is_always()).count());
    let hunts = caught.first().map_or(0, |one| one.worlds.len());
    writeln!(
        text,
        "\n{always} of {all} were caught each time, in {hunts} hunts each; the figures are worlds"
    )?;
    Ok(text)
}
