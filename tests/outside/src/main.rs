//! Runs a trial from outside, and says what became of everything.

use clap::{Parser, Subcommand};
use countersign::local::{BuiltWith, Failure};
use countersign::output;
use countersign_outside::burst::burst;
use countersign_outside::kill::kill;
use countersign_outside::proxy::proxy;
use countersign_outside::report::Outcome;
use std::process::ExitCode;
use std::time::Duration;

/// Trials of the real functions on a local stack of their own.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    trial: Trial,
    /// What decides everything that is left to chance
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Takes the functions as `cargo test --workspace` builds them, which after that command spares building them again
    #[arg(long, global = true)]
    after_tests: bool,
}

#[derive(Subcommand)]
enum Trial {
    /// The functions' processes are killed and held at random moments
    Kill {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
    /// The functions' calls to AWS are throttled, fail, lose their answers or take long
    Proxy {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
    /// As many deliveries as the stack takes, and the functions' memory
    Burst {
        /// How many
        #[arg(long, default_value_t = 50_000)]
        deliveries: usize,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = Options::parse();
    let outcome = run(&options).await?;
    output::result(outcome.show())?;
    Ok(if outcome.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(Options { trial, seed, after_tests }: &Options) -> Result<Outcome, Failure> {
    let built_with = if *after_tests { BuiltWith::Tests } else { BuiltWith::Binaries };
    match trial {
        Trial::Kill { minutes } => kill(*seed, of_minutes(*minutes), built_with).await,
        Trial::Proxy { minutes } => proxy(*seed, of_minutes(*minutes), built_with).await,
        Trial::Burst { deliveries } => burst(*seed, *deliveries, built_with).await,
    }
}

fn of_minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes.saturating_mul(60))
}
