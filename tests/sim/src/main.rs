//! Lives through simulated worlds, and says what became of them.

use clap::Parser;
#[cfg(feature = "planted")]
use countersign_domain::planted::Mistake;
use countersign_sim::auditor::Violation;
use countersign_sim::campaign::campaign;
use countersign_sim::report;
use countersign_sim::world::{Kept, Scenario, run};
use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Worlds copy much and keep little.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lives through simulated worlds, in which everything goes wrong that can, and judges what becomes of every payment.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// How many worlds
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// One world, told from beginning to end
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Of what goes wrong in it, only these: all, none, or numbers such as 3,17
    #[arg(long, default_value_t, requires = "seed", value_name = "NUMBERS")]
    strikes: Kept,
    /// Of its payments, only these: all, none, or numbers
    #[arg(long, default_value_t, requires = "seed", value_name = "NUMBERS")]
    payments: Kept,
    /// Plants every classic mistake, one after the other, and says how soon each is caught
    #[cfg(feature = "planted")]
    #[arg(long, conflicts_with_all = ["seed", "seeds", "from"])]
    planted: bool,
    /// How often each planted mistake is looked for, each time from another seed on
    #[cfg(feature = "planted")]
    #[arg(long, requires = "planted", default_value_t = countersign_sim::planted::HUNTS, value_name = "N")]
    hunts: u64,
    /// Only the mistake of this name
    #[cfg(feature = "planted")]
    #[arg(long, requires = "planted", value_name = "NAME")]
    mistake: Option<String>,
}

#[cfg(feature = "planted")]
fn hunt(hunts: u64, wanted: Option<&str>) -> Result<ExitCode, Box<dyn Error>> {
    let is_wanted = |mistake: &Mistake| wanted.is_none_or(|wanted| format!("{mistake:?}") == wanted);
    let mistakes: Vec<_> = Mistake::ALL.iter().copied().filter(is_wanted).collect();
    if mistakes.is_empty() {
        return Err(format!(
            "there is no mistake {}: there are {:?}",
            wanted.unwrap_or_default(),
            Mistake::ALL
        )
        .into());
    }
    let caught = countersign_sim::planted::hunt_all(&mistakes, hunts);
    writeln!(io::stdout().lock(), "{}", countersign_sim::planted::table(&caught)?)?;
    let are_all = caught.iter().all(countersign_sim::planted::Caught::is_always);
    Ok(if are_all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    #[cfg(feature = "planted")]
    if options.planted {
        return hunt(options.hunts, options.mistake.as_deref());
    }
    let Options { seeds, from, seed, strikes, payments, .. } = options;
    match seed {
        Some(seed) => tell(&Scenario { seed, strikes, payments }),
        None => live_through(from, seeds),
    }
}

fn tell(scenario: &Scenario) -> Result<ExitCode, Box<dyn Error>> {
    let ended = run(scenario, true);
    let mut out = io::stdout().lock();
    write!(out, "{}", ended.trace)?;
    Ok(match ended.violation {
        None => {
            writeln!(out, "every promise was kept ({} looks)", report::grouped(ended.looks.total()))?;
            ExitCode::SUCCESS
        }
        Some(Violation { invariant, .. }) => {
            writeln!(out, "{invariant:?} was broken: {}", invariant.promise())?;
            ExitCode::FAILURE
        }
    })
}

fn live_through(from: u64, seeds: u64) -> Result<ExitCode, Box<dyn Error>> {
    let is_watched = io::stderr().is_terminal();
    let each = |over: u64| {
        if is_watched && (over.is_multiple_of(100) || over == seeds) {
            // Progress that nobody can read is no reason to stop.
            let _ = write!(io::stderr(), "\r{} of {} worlds", report::grouped(over), report::grouped(seeds));
        }
    };
    let campaign = campaign(from..from.saturating_add(seeds), &each);
    let mut out = io::stdout().lock();
    if is_watched {
        writeln!(io::stderr())?;
    }
    Ok(match &campaign.broken {
        None => {
            writeln!(out, "{}\nevery promise was kept", report::figures(&campaign)?)?;
            ExitCode::SUCCESS
        }
        Some((seed, violation)) => {
            writeln!(out, "{}", report::story(*seed, violation)?)?;
            ExitCode::FAILURE
        }
    })
}
