//! `countersign reconcile`: asks for a window to be reconciled, and waits for the run.

mod dry;
mod file;
mod report;
mod settlement;
mod statement;
mod status;

pub use dry::DryArgs;
pub use file::FileArgs;
pub use report::Report;
pub use settlement::SettlementArgs;
pub use statement::StatementArgs;
pub use status::Status;

use super::{Command, Context};
use crate::cli::{Global, on_stack};
use crate::error::CliError;
use countersign_app::ports::{Bus as _, Clock as _, Phase, Run, Runs as _};
use countersign_aws::clock::SystemClock;
use countersign_domain::event::{self, ReconciliationRequest};
use countersign_domain::ids::SourceName;
use countersign_domain::money::major;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::{Timestamp, Window};
use serde::Serialize;
use std::time::Duration;

/// Reconcile a window of a source.
#[derive(Debug, clap::Subcommand)]
pub enum Reconcile {
    /// Ask for a run, and wait until it is over.
    Run(RunArgs),
    /// Show the newest runs of each source.
    Status(Status),
    /// Print the report of a run.
    Report(Report),
    /// Compare a report file with the ledger.
    File(FileArgs),
    /// Check what was kept and paid out against what was agreed and what the bank booked.
    Settlement(SettlementArgs),
    /// Write the statement of a month: every day, both sides, and what still waits.
    Statement(StatementArgs),
}

impl Reconcile {
    /// Does it, and says whether it succeeded.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be done.
    pub async fn run(self, global: &Global) -> Result<bool, CliError> {
        match self {
            Self::Run(run) if run.dry_run => on_stack(DryArgs::of(run), global).await,
            Self::Run(run) => on_stack(run, global).await,
            Self::Status(status) => on_stack(status, global).await,
            Self::Report(report) => on_stack(report, global).await,
            Self::File(file) => on_stack(file, global).await,
            Self::Settlement(settlement) => on_stack(settlement, global).await,
            Self::Statement(statement) => on_stack(statement, global).await,
        }
    }
}

/// Which window.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// The source.
    source: SourceName,
    /// Start of the window, RFC 3339, inclusive. Without it: yesterday, in UTC.
    #[arg(long, requires = "to", value_parser = crate::given::time)]
    from: Option<Timestamp>,
    /// End of the window, RFC 3339, exclusive.
    #[arg(long, requires = "from", value_parser = crate::given::time)]
    to: Option<Timestamp>,
    /// Do a window once more that was completed before.
    #[arg(long)]
    again: bool,
    /// Read and compare, say what would be done, and change nothing. It needs the provider's API token.
    #[arg(long, conflicts_with = "again")]
    dry_run: bool,
    /// How long to wait for the run, in seconds.
    #[arg(long, default_value_t = 900)]
    wait_seconds: u64,
}

impl RunArgs {
    /// One window of a source.
    #[must_use]
    pub fn over(source: SourceName, from: Timestamp, to: Timestamp) -> Self {
        Self { source, from: Some(from), to: Some(to), again: false, dry_run: false, wait_seconds: 90 }
    }

    /// The same once more, even though it was completed.
    #[must_use]
    pub fn again(self) -> Self {
        Self { again: true, ..self }
    }
}

/// When a run was made that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// For this command.
    Now,
    /// Before it: the window was complete already, and nothing was read anew.
    Before,
}

/// A run that is over.
#[derive(Debug, Serialize)]
pub struct Done {
    /// How it ended and what it counted.
    pub run: Run,
    /// When it was made.
    pub made: Made,
    /// Object keys of its reports in the report bucket.
    pub reports: Vec<String>,
}

impl Command for RunArgs {
    type Output = Done;

    async fn run(self, context: &Context) -> Result<Done, CliError> {
        let args = self;
        let now = SystemClock.now();
        let window = window(args.from, args.to, now)?;
        let Window { from, to } = window;
        let window = Window::closed(from, to, now, 0).map_err(|e| CliError::Usage(e.to_string()))?;
        let source = context.source(&args.source).await?;
        if source.dialect.reconcile.is_none() {
            let why = format!("the dialect {} of source {} lists no books", source.dialect.name, source.name);
            return Err(CliError::Usage(why));
        }
        let before = context.runs().find(&args.source, window).await?;
        if let Some(run) = before.as_ref().filter(|run| run.phase == Phase::Done && !args.again)
            && run.status == RunStatus::Complete
        {
            return Ok(done(run.clone(), Made::Before));
        }
        let attempt_before = before.filter(|run| run.phase == Phase::Done).map_or(0, |run| run.attempt);
        let request = ReconciliationRequest { source: args.source.clone(), from, to, again: args.again };
        let event = event::of_request(&request).map_err(|e| CliError::Usage(e.to_string()))?;
        if !context.bus().publish(&[event]).await?.is_empty() {
            return Err(CliError::Refused("the bus did not take the request".to_owned()));
        }
        wait(context, &args.source, window, attempt_before, Duration::from_secs(args.wait_seconds)).await
    }

    fn show(output: &Done) -> String {
        let Done { run, made, reports } = output;
        let status = crate::output::word(&run.status);
        let mut text =
            format!("run of {} over {}: {status}, attempt {}\n", run.source, run.window.name(), run.attempt);
        if let Some(cause) = &run.cause {
            text.push_str(&format!("cause: {cause}\n"));
        }
        let mut table = crate::output::table([
            "currency",
            "payments",
            "captured: ledger",
            "provider",
            "refunded: ledger",
            "provider",
        ]);
        for totals in &run.totals {
            let amount =
                |minor: i128| i64::try_from(minor).map_or(minor.to_string(), |m| major(m, totals.currency));
            table.add_row([
                totals.currency.to_string(),
                totals.payments.to_string(),
                amount(totals.captured_ours),
                amount(totals.captured_theirs),
                amount(totals.refunded_ours),
                amount(totals.refunded_theirs),
            ]);
        }
        text.push_str(&format!("{table}\n"));
        for report in reports {
            text.push_str(&format!("report: {report}\n"));
        }
        if *made == Made::Before {
            text.push_str("complete already: nothing was read anew; --again does it once more\n");
        }
        text
    }

    fn is_success(output: &Done) -> bool {
        output.run.status == RunStatus::Complete
    }
}

/// The window that is meant: yesterday where nothing is said. In an empty one nothing could differ.
fn window(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> Result<Window, CliError> {
    match (from, to) {
        (Some(from), Some(to)) => Window::new(from, to).map_err(|error| CliError::Usage(error.to_string())),
        _ => Ok(Window::utc_day(now, 1)),
    }
}

async fn wait(
    context: &Context,
    source: &SourceName,
    window: Window,
    attempt_before: u32,
    limit: Duration,
) -> Result<Done, CliError> {
    let poll = async {
        loop {
            let run = context.runs().find(source, window).await?;
            if let Some(run) = run.filter(|run| run.phase == Phase::Done && run.attempt > attempt_before) {
                return Ok::<_, CliError>(done(run, Made::Now));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(limit, poll).await.unwrap_or_else(|_| {
        Err(CliError::Refused(format!(
            "the run of {source} over {} is not over after {} s: `countersign reconcile status --source {source}` \
             shows how it goes on",
            window.name(),
            limit.as_secs()
        )))
    })
}

fn done(run: Run, made: Made) -> Done {
    let reports = countersign_app::reconcile::report_keys(&run);
    Done { run, made, reports }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_domain::time::from_seconds;

    const DAY: i64 = 86_400;

    #[test]
    fn the_window_that_is_meant_has_something_in_it() {
        let at = |seconds: i64| Some(from_seconds(seconds));
        let refused = "the window from 1970-01-02T00:00:00Z to 1970-01-01T00:00:00Z is empty: give an end after its start";
        let day = "1970-01-01T00:00:00Z..1970-01-02T00:00:00Z";
        for (from, to, expected) in [
            (None, None, day),
            (at(0), at(DAY), day),
            (at(DAY), at(0), refused),
            (
                at(0),
                at(0),
                "the window from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z is empty: give an end after its start",
            ),
        ] {
            let found = window(from, to, from_seconds(DAY + 1));
            let found = found.map_or_else(|error| error.to_string(), |window| window.name());
            assert_eq!(found, expected, "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_result_of_before_is_not_shown_as_one_of_now() {
        let window = Window { from: from_seconds(0), to: from_seconds(DAY) };
        let mut run = Run::begin(SourceName::new("acme").unwrap(), window, 1, 0, from_seconds(DAY));
        run.status = RunStatus::Complete;
        for (made, is_said) in [(Made::Now, false), (Made::Before, true)] {
            let shown = RunArgs::show(&done(run.clone(), made));
            let says = "complete already: nothing was read anew; --again does it once more";
            assert_eq!(shown.contains(says), is_said, "{shown}");
        }
    }
}
