//! Trying everything, and what came of it.

use crate::promises::{self, Promise};
use crate::protocol::{Scope, Variant, World};
use crate::state::State;
use crate::steps::Action;
use crate::words;
use stateright::{Checker, HasDiscoveries, Model, Path};

/// A promise that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// A shortest way to break it, step by step.
    pub steps: Vec<String>,
}

/// What trying everything came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which protocol.
    pub variant: Variant,
    /// States that were reached, each as often as it was.
    pub states: usize,
    /// Different states.
    pub unique: usize,
    /// Steps to the state that is furthest away.
    pub depth: usize,
    /// Whether nothing was left to try. Otherwise it ended when what the variant breaks was found.
    pub is_exhaustive: bool,
    /// The promises that do not hold.
    pub broken: Vec<Broken>,
    /// What should have been seen and was not. It means something only where everything was tried.
    pub unseen: Vec<&'static str>,
}

impl Report {
    /// Whether exactly what the variant breaks was found, and nothing was left to try where it breaks nothing.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        let is_found =
            self.broken.iter().map(|broken| broken.promise).eq(self.variant.breaks().iter().copied());
        let is_whole = self.is_exhaustive && self.unseen.is_empty();
        is_found && (is_whole || !self.variant.breaks().is_empty())
    }
}

type Way = Path<State, Action>;

/// Tries everything that can happen to a protocol, until what its variant breaks is found. The true one breaks nothing: it
/// ends with the first promise that does not hold, or with everything tried.
#[must_use]
pub fn check(variant: Variant, scope: Scope) -> Report {
    let world = World { variant, scope };
    let (promises, until) = match variant.breaks() {
        [] => (Promise::ALL.as_slice(), HasDiscoveries::AnyFailures),
        promises => {
            (promises, HasDiscoveries::AllOf(promises.iter().map(|promise| promise.name()).collect()))
        }
    };
    // One thread: then the walk is by breadth, and its figures are the same each time.
    let checker = world.checker().finish_when(until.clone()).spawn_bfs().join();
    let mut seen = checker.discoveries();
    let is_ended = until.matches(&seen.keys().copied().collect(), &world.properties());
    let unseen =
        promises::SIGHTS.into_iter().map(|(name, _)| name).filter(|name| !seen.contains_key(name)).collect();
    let ways = promises.iter().filter_map(|promise| Some((*promise, seen.remove(promise.name())?)));
    let broken = ways
        .map(|(promise, way)| Broken { promise, steps: words::story(&world, shortest(world, promise, way)) });
    Report {
        variant,
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth() - 1,
        is_exhaustive: !is_ended && checker.is_done(),
        broken: broken.collect(),
        unseen,
    }
}

/// The checker goes on for a while when it has found a way, and keeps the last. So it is asked for a shorter one until there
/// is none.
fn shortest(world: World, promise: Promise, mut way: Way) -> Way {
    loop {
        let states = way.clone().into_states().len();
        let until = HasDiscoveries::AnyOf([promise.name()].into());
        let checker = world.checker().target_max_depth(states).finish_when(until).spawn_bfs().join();
        match checker.discovery(promise.name()) {
            Some(shorter) => way = shorter,
            None => return way,
        }
    }
}
