//! `countersign local`: the system shown at work, on input that nobody here wrote.

mod scenario;
mod tools;

use super::{Checks, LocalStripe, Options, Port, Stack};
use crate::cli::Global;
use crate::commands::Context;
use crate::error::CliError;
use crate::given;
use crate::output::{self, Progress};
use countersign_domain::ids::SourceName;
use scenario::Scenario;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often the servers are looked after while the system stays up.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The source that the fake Stripe sends to.
const SOURCE: &str = "stripe-local";

/// How the system is run.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Port of the emulated AWS on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value = "4566", value_parser = given::port)]
    pub port: Port,
    /// Port of the fake Stripe on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value = "8420", value_parser = given::port)]
    pub stripe_port: Port,
    /// End after the demonstration, with 0 only if every check held.
    #[arg(long)]
    pub once: bool,
}

/// Runs it until the demonstration is over (`--once`) or somebody ends it. Says whether every check held.
///
/// # Errors
/// When it cannot be set up, or a part of it ends by itself.
pub async fn run(args: Args, global: &Global) -> Result<bool, CliError> {
    check_ports(&args)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(no_signals)?;
    let interrupted = tokio::signal::ctrl_c();
    // Whichever is first: leaving the other one drops the stack, and with it everything it started.
    tokio::select! {
        done = show(&args, global) => done,
        heard = interrupted => heard.map(|()| stopped(&args)).map_err(no_signals),
        _ = terminated.recv() => Ok(stopped(&args)),
    }
}

/// Being stopped is how it is meant to end, unless it was to end by itself.
fn stopped(args: &Args) -> bool {
    Progress::Shown.say("\nstopped");
    !args.once
}

fn no_signals(error: std::io::Error) -> CliError {
    CliError::Refused(format!("cannot listen for Ctrl-C: {error}"))
}

async fn show(args: &Args, global: &Global) -> Result<bool, CliError> {
    let progress = Progress::Shown;
    progress.say("1. Set up");
    let (mut stack, mut stripe) = tokio::try_join!(
        Stack::start(Options { port: args.port, ..Options::default() }),
        LocalStripe::start(args.stripe_port, progress),
    )?;
    let context = Context::of(stack.config().clone(), stack.outputs().clone())?;
    let mut checks = Checks::default();
    let source = SourceName::new(SOURCE).map_err(|error| CliError::Usage(error.to_string()))?;
    let mut scenario =
        Scenario { stack: &stack, stripe: stripe.client(), context: &context, source, checks: &mut checks };
    let story = scenario.play(progress).await?;

    let shown = if global.json { output::json(&checks)? } else { format!("{story}\n{}", checks.show()) };
    output::result(shown).map_err(|error| CliError::Refused(format!("cannot write the result: {error}")))?;
    if !args.once {
        stay(&mut stack, &mut stripe).await?;
    }
    Ok(checks.hold())
}

/// Two servers cannot share a port. It is said before the build, which takes minutes.
fn check_ports(args: &Args) -> Result<(), CliError> {
    match (args.port, args.stripe_port) {
        (Port::Exactly(port), Port::Exactly(stripe_port)) if port == stripe_port => {
            Err(CliError::Usage(format!(
                "--port and --stripe-port are both {port}, and two servers cannot share a port: give another to one of \
                 them, or 0 for a free one"
            )))
        }
        _ => Ok(()),
    }
}

async fn stay(stack: &mut Stack, stripe: &mut LocalStripe) -> Result<(), CliError> {
    let endpoint = stack.endpoint();
    Progress::Shown.say(format_args!(
        "\nIt stays up until Ctrl-C.\n  \
         webhooks      '{webhooks}'\n  \
         send one      cargo run -q -- --endpoint {endpoint} send {SOURCE} tests/fixtures/stripe/payout.paid.json\n  \
         look          cargo run -q -- --endpoint {endpoint} trace po_000000000000000000000000\n  \
         sources       cargo run -q -- --endpoint {endpoint} source list\n  \
         fake Stripe   {stripe}\n  \
         AWS           aws --endpoint-url {endpoint} …   (any credentials: key `test`, secret `test`)\n  \
         logs          .countersign/logs/",
        webhooks = stack.webhook_url("SOURCE"),
        stripe = stripe.client().base_url(),
    ));
    loop {
        tokio::time::sleep(LOOK_AFTER).await;
        stack.look_after()?;
        stripe.look_after()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_do_not_share_a_port() {
        for (port, stripe_port, is_possible) in [
            (Port::Exactly(4_566), Port::Exactly(8_420), true),
            (Port::Free, Port::Free, true),
            (Port::Exactly(4_570), Port::Free, true),
            (Port::Exactly(4_570), Port::Exactly(4_570), false),
        ] {
            match check_ports(&Args { port, stripe_port, once: true }) {
                Ok(()) => assert!(is_possible, "{port:?} {stripe_port:?}"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!is_possible && error.contains("are both 4570"), "{error}");
                }
            }
        }
    }
}
