//! `kill -9` and SIGSTOP of the functions' processes, at moments that a seed decides.

use crate::load::Load;
use crate::plan::Plan;
use crate::report::Outcome;
use crate::stage::Stage;
use countersign::local::{BuiltWith, Failure, Options, Process, Signal, signal};
use countersign_sim::world::Dice;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Deliveries on their way at the same time.
const SENDERS: usize = 8;

/// How long a message stays with a processor that does not answer: shorter than most holds, so that another one takes
/// the message while the held one still has it.
const VISIBILITY_SECONDS: u32 = 3;

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Kill,
    Hold(Duration),
}

/// One blow and when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Strike {
    /// After the one before.
    after: Duration,
    function: &'static str,
    blow: Blow,
    /// Picks one of the function's processes.
    die: u64,
}

/// The blows of a seed: one about every 0.8 s, as many kills as holds. Most holds are short; one in ten outlasts the function's
/// own timeout, 10 s and 30 s.
struct Strikes(Dice);

impl Iterator for Strikes {
    type Item = Strike;

    fn next(&mut self) -> Option<Strike> {
        let Self(dice) = self;
        let after = Duration::from_millis(dice.between(100, 1_500).unsigned_abs());
        let function = if dice.below(2) == 0 { "ingest" } else { "processor" };
        let blow = match (dice.below(20), function) {
            (0..10, _) => Blow::Kill,
            (10, "ingest") => Blow::Hold(Duration::from_secs(dice.between(11, 14).unsigned_abs())),
            (10, _) => Blow::Hold(Duration::from_secs(dice.between(31, 34).unsigned_abs())),
            _ => Blow::Hold(Duration::from_millis(dice.between(50, 6_000).unsigned_abs())),
        };
        Some(Strike { after, function, blow, die: dice.below(u64::MAX) })
    }
}

/// How many of which blows met a process.
type Met = BTreeMap<(&'static str, &'static str), u64>;

/// Runs the trial.
///
/// # Errors
/// When the stack does not start, does not fall quiet, or cannot be read.
pub async fn kill(seed: u64, length: Duration, built_with: BuiltWith) -> Result<Outcome, Failure> {
    let stage =
        Arc::new(Stage::start(Options { built_with, ..Options::default() }, VISIBILITY_SECONDS).await?);
    let load = Load::start(&stage, Plan::new(seed), SENDERS);
    let mut met = Met::new();
    let mut held = JoinSet::new();
    let strikes = async {
        for strike in Strikes(Dice::new(seed, 1)) {
            tokio::time::sleep(strike.after).await;
            deal(&stage, strike, &mut met, &mut held)?;
        }
        Ok(())
    };
    let ended = tokio::time::timeout(length, strikes).await;
    load.end();
    if let Ok(ended) = ended {
        ended?;
    }
    // Healing: whoever is held goes on, also with what has long been done by another.
    while let Some(resumed) = held.join_next().await {
        let was_there = resumed.map_err(|error| Failure::because("a held process was forgotten", error))?;
        let what = if was_there { "went on after being held" } else { "was gone before it could go on" };
        *met.entry(("any", what)).or_default() += 1;
    }
    let tally = load.finish().await?;
    let title = format!("kill, {} s, seed {seed}", length.as_secs());
    let mut outcome = Outcome::of(title, tally, &stage).await?;
    outcome.must(!met.is_empty(), "no process was hit: nothing is shown");
    for ((function, what), count) in met {
        outcome.add(format!("{function}: {what}"), count);
    }
    for function in ["ingest", "processor"] {
        outcome.add(format!("{function}: invocations that these cut short"), stage.interrupted(function)?);
    }
    Ok(outcome)
}

fn deal(stage: &Stage, strike: Strike, met: &mut Met, held: &mut JoinSet<bool>) -> Result<(), Failure> {
    let mut processes = stage.processes()?;
    processes.retain(|process| process.function == strike.function);
    processes.sort_by_key(|process| process.id);
    let position = strike.die.checked_rem(processes.len() as u64).and_then(|at| usize::try_from(at).ok());
    let Some(process) = position.map(|at| processes.swap_remove(at)) else { return Ok(()) };
    let (what, is_met) = match strike.blow {
        Blow::Kill => ("killed with SIGKILL", signal(&process, Signal::Kill).is_ok()),
        Blow::Hold(length) => {
            let is_met = signal(&process, Signal::Pause).is_ok();
            if is_met {
                held.spawn(resume(process, length));
            }
            ("held with SIGSTOP", is_met)
        }
    };
    // It may have ended by itself a moment ago.
    if is_met {
        *met.entry((strike.function, what)).or_default() += 1;
    }
    Ok(())
}

/// Lets a process go on after a while, and says whether it was still there.
async fn resume(process: Process, length: Duration) -> bool {
    tokio::time::sleep(length).await;
    signal(&process, Signal::Resume).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_blows_and_there_are_all_sorts() {
        let strikes = |seed| Strikes(Dice::new(seed, 1)).take(400).collect::<Vec<_>>();
        assert_eq!(strikes(5), strikes(5));
        assert_ne!(strikes(5), strikes(6));
        for function in ["ingest", "processor"] {
            let blows: Vec<_> = strikes(5)
                .iter()
                .filter(|strike| strike.function == function)
                .map(|strike| strike.blow)
                .collect();
            let kills = blows.iter().filter(|blow| **blow == Blow::Kill).count();
            assert!((blows.len() / 3..blows.len() * 2 / 3).contains(&kills), "{kills} of {}", blows.len());
            assert!(blows.iter().any(|blow| matches!(blow, Blow::Hold(length) if length.as_secs() > 10)));
        }
    }
}
