//! The command line: what can be said, and what each exit code means.

use crate::commands::expect::Expect;
use crate::commands::findings::FindingsCommand;
use crate::commands::reconcile::Reconcile;
use crate::commands::replay::Replay;
use crate::commands::send::Send;
use crate::commands::source::SourceCommand;
use crate::commands::trace::Trace;
use crate::commands::{self, Context};
use crate::error::CliError;
use crate::given::{ENDPOINT_VARIABLE, Endpoint, STACK_VARIABLE, StackName};
use crate::local::demo;
use crate::output::{self, Progress};
use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _};
use serde::Serialize;
use std::process::ExitCode;

/// Exit code when the command was used wrongly. It is clap's own.
const USAGE: u8 = 2;

/// Payment webhooks in, an append-only ledger, a bus of facts, and the books checked every day.
#[derive(Debug, clap::Parser)]
#[command(name = "countersign", version, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// An emulator to talk to instead of AWS, as `countersign local` prints it.
    #[arg(long, global = true, value_name = "URL", env = ENDPOINT_VARIABLE)]
    pub endpoint: Option<Endpoint>,
    /// The deployed stack.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = STACK_VARIABLE,
        default_value = "countersign-dev"
    )]
    pub stack: StackName,
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run the whole system on this machine and show it at work. Needs Rust, Python 3 and, the first time, a network.
    Local(demo::Args),
    /// Play the provider: sign a file as a source's dialect says, and post it.
    Send(Send),
    /// Show everything that is known of an event or a payment, in order.
    Trace(Trace),
    /// Hand events over again that came in before: after a dialect learnt a word, or a fault was mended.
    Replay(Replay),
    /// Put sources in force, look at them, change them.
    #[command(subcommand)]
    Source(SourceCommand),
    /// Look at what waits for a person, take it, settle it.
    #[command(subcommand)]
    Findings(FindingsCommand),
    /// Announce payments that somebody must hear of.
    #[command(subcommand)]
    Expect(Expect),
    /// Reconcile a window of a source against the provider's books.
    #[command(subcommand)]
    Reconcile(Reconcile),
}

impl Cli {
    /// Reads the command line and the variables of this process, which ends here if they cannot be understood.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "an empty variable is to be told from an empty option")]
    pub fn read() -> Self {
        let is_empty = std::env::var_os(ENDPOINT_VARIABLE).is_some_and(|value| value.is_empty());
        // `export COUNTERSIGN_ENDPOINT=` is how many a shell's user unsets it, and says that AWS is meant.
        let command = Self::command().mut_arg("endpoint", |endpoint| {
            if is_empty { endpoint.env(Resettable::Reset) } else { endpoint }
        });
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// Does it. 0: it succeeded; 1: it failed, or what it looked at is not as it should be; 2: it was used wrongly.
    pub async fn run(self) -> ExitCode {
        let Self { global, command } = self;
        let done = match command {
            Command::Local(args) => demo::run(args, &global).await,
            Command::Send(send) => on_stack(send, &global).await,
            Command::Trace(trace) => on_stack(trace, &global).await,
            Command::Replay(replay) => on_stack(replay, &global).await,
            Command::Source(source) => source.run(&global).await,
            Command::Findings(findings) => findings.run(&global).await,
            Command::Expect(expect) => expect.run(&global).await,
            Command::Reconcile(reconcile) => reconcile.run(&global).await,
        };
        match done {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                Progress::Shown.say(format_args!("error: {}", error.chain()));
                if matches!(error, CliError::Usage(_)) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
            }
        }
    }
}

/// Runs one command on the stack that the options name, and shows what it comes to.
pub(crate) async fn on_stack<C: commands::Command>(command: C, global: &Global) -> Result<bool, CliError> {
    let context = Context::find(global).await?;
    let done = command.run(&context).await?;
    show(global, &done, C::show)?;
    Ok(C::is_success(&done))
}

/// Runs one command that needs no stack.
pub(crate) async fn offline<C: commands::Offline>(command: C, global: &Global) -> Result<bool, CliError> {
    let done = command.run().await?;
    show(global, &done, C::show)?;
    Ok(C::is_success(&done))
}

fn show<T: Serialize>(global: &Global, done: &T, text: impl Fn(&T) -> String) -> Result<(), CliError> {
    let shown = if global.json { output::json(done)? } else { text(done) };
    output::result(shown.trim_end())
        .map_err(|error| CliError::Refused(format!("cannot write the result: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_before_or_after_the_command() {
        for line in
            [["countersign", "--json", "local", "--once"], ["countersign", "local", "--once", "--json"]]
        {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.global.json);
            assert!(matches!(cli.command, Command::Local(args) if args.once));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_named_with_its_value_and_what_to_write() {
        let window = ["reconcile", "run", "acme", "--to", "2026-11-03T00:00:00Z", "--from"];
        let report = ["reconcile", "report", "acme", "--from", "2026-11-02T00:00:00Z", "--to"];
        let settlement = ["reconcile", "settlement", "acme", "--to", "2026-11-03T00:00:00Z", "--from"];
        let check = ["source", "check", "acme.toml", "--request", "paid.http", "--at"];
        let rotate = ["source", "rotate", "acme", "--secret-file", "new.secret", "--overlap"];
        let list = ["source", "list"];
        for (line, more, says) in [
            (
                &list[..],
                &["--endpoint", ""][..],
                "'' for '--endpoint <URL>': an endpoint is an http or https URL",
            ),
            (&list, &["--endpoint", "127.0.0.1:4566"], "'127.0.0.1:4566' for '--endpoint <URL>'"),
            (&list, &["--stack", ""], "'' for '--stack <NAME>': a stack's name is a letter and then"),
            (&window, &["2026-11-02"], "'2026-11-02' for '--from <FROM>': there is no such time"),
            (&report, &["tomorrow"], "'tomorrow' for '--to <TO>': there is no such time"),
            (&settlement, &["yesterday"], "'yesterday' for '--from <FROM>': there is no such time"),
            (&check, &["2026-11-23"], "'2026-11-23' for '--at <TIME>': there is no such time"),
            (&rotate, &["72x"], "'72x' for '--overlap <SPAN>': a span is a number and a unit"),
            (&["local"], &["--port", "abc"], "'abc' for '--port <PORT>': a port is a number from 1 to 65535"),
            (&["local"], &["--stripe-port", "65536"], "'65536' for '--stripe-port <STRIPE_PORT>': a port is"),
            (&["source", "drift"], &[], "<NAME|--all>"),
        ] {
            let line = ["countersign"].iter().chain(line).chain(more);
            let refused = Cli::try_parse_from(line).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
