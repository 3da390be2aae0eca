//! The use cases in a simulated world, seed by seed, before an auditor that shares no code with them.
//!
//! A seed that breaks a promise is printed with its trace and the command that replays it.

use countersign_tests::world::{self, Fault, Tally};
use std::num::NonZero;
use std::thread;

/// Worlds that every run of the tests lives through.
const SEEDS: u64 = 2_000;

/// One world, traced to the end: `COUNTERSIGN_SEED=7 cargo test --workspace --test it simulate -- --nocapture`.
const SEED_VARIABLE: &str = "COUNTERSIGN_SEED";

#[test]
fn thousands_of_worlds_keep_every_promise() {
    if let Some(seed) = wanted_seed() {
        return replay(seed);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let tallies = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || live_through(first, threads))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a world broke a promise: see above"))
            .collect::<Vec<_>>()
    });
    let mut total = Tally::default();
    tallies.iter().for_each(|tally| total.add(tally));
    for fault in Fault::ALL {
        assert!(total.of(*fault) > 0, "{fault:?} never happened in {SEEDS} worlds:\n{total}");
    }
}

#[test]
fn the_same_seed_is_the_same_world_to_the_byte() {
    for seed in 0..5 {
        let (one, other) = (world::run(seed, true), world::run(seed, true));
        assert!(!one.trace.is_empty());
        assert!(one.trace == other.trace, "seed {seed} gave two different worlds");
    }
    assert!(world::run(0, true).trace != world::run(1, true).trace);
}

/// Every `stride`th world, from `first` on.
fn live_through(first: u64, stride: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in (first..SEEDS).step_by(usize::try_from(stride).expect("few threads")) {
        let ended = world::run(seed, false);
        if ended.violation.is_some() {
            replay(seed);
        }
        tally.add(&ended.tally);
    }
    tally
}

#[expect(clippy::print_stdout, reason = "whoever replays a world wants to read it")]
fn replay(seed: u64) {
    let ended = world::run(seed, true);
    println!("{}", ended.trace);
    if let Some(violation) = ended.violation {
        panic!(
            "seed {seed} broke {violation:?} after {} steps; again: {SEED_VARIABLE}={seed} cargo test --workspace --test it \
             simulate -- --nocapture",
            ended.steps
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may be told which world to replay")]
fn wanted_seed() -> Option<u64> {
    let text = std::env::var(SEED_VARIABLE).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} is {text:?}, not a number")))
}
