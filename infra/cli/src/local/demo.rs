//! `countersign local`: the system shown at work, on input that nobody here wrote.

use super::{Checks, LocalStripe, Options, PaidBy, Port, Stack};
use crate::cli::Global;
use crate::clients;
use crate::error::CliError;
use crate::output::{self, Progress};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often the servers are looked after while the system stays up.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// How the system is run.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Port of the emulated AWS on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    pub port: u16,
    /// Port of the fake Stripe on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8420)]
    pub stripe_port: u16,
    /// End after the demonstration, with 0 only if every check held.
    #[arg(long)]
    pub once: bool,
}

/// Runs it until the demonstration is over (`--once`) or somebody ends it. Says whether every check held.
///
/// # Errors
/// When it cannot be set up, or a part of it ends by itself.
pub async fn run(args: Args, global: &Global) -> Result<bool, CliError> {
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
        Stack::start(Options { port: port(args.port), ..Options::default() }),
        LocalStripe::start(port(args.stripe_port), progress),
    )?;

    let mut checks = Checks::default();
    progress.say("2. The front door");
    front_door(&stack, &mut checks).await?;
    progress.say("3. The fake Stripe");
    fake_stripe(&stripe, &mut checks).await?;

    let shown = if global.json { output::json(&checks)? } else { checks.show() };
    output::result(shown).map_err(|error| CliError::Refused(format!("cannot write the result: {error}")))?;
    if !args.once {
        stay(&mut stack, &mut stripe).await?;
    }
    Ok(checks.hold())
}

fn port(number: u16) -> Port {
    if number == 0 { Port::Free } else { Port::Exactly(number) }
}

/// What anybody can find out without a secret.
async fn front_door(stack: &Stack, checks: &mut Checks) -> Result<(), CliError> {
    let url = stack.webhook_url("nobody");
    let answer =
        clients::http()?.post(&url).header("content-type", "application/json").body("{}").send().await;
    let answer = answer.map_err(|error| CliError::http("post to", &url, error))?;
    checks.add("a source that does not exist", 404, answer.status().as_u16());
    Ok(())
}

async fn fake_stripe(stripe: &LocalStripe, checks: &mut Checks) -> Result<(), CliError> {
    let stripe = stripe.client();
    stripe.cut_webhook().await?;
    let payment = stripe.create_payment(2_000, "eur", PaidBy::Card, false).await?;
    stripe.confirm(&payment.id).await?;
    let kinds: Vec<String> = stripe.events().await?.into_iter().map(|event| event.kind).collect();
    checks.add("events of a paid payment", "payment_intent.succeeded", kinds.join(", "));
    Ok(())
}

async fn stay(stack: &mut Stack, stripe: &mut LocalStripe) -> Result<(), CliError> {
    let endpoint = stack.endpoint();
    Progress::Shown.say(format_args!(
        "\nIt stays up until Ctrl-C.\n  \
         webhooks      {webhooks}\n  \
         send one      countersign --endpoint {endpoint} send SOURCE FILE\n  \
         look          countersign --endpoint {endpoint} trace EVENT_OR_PAYMENT\n  \
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
