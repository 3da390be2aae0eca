//! `countersign reconcile status`: how the newest runs ended.

use super::super::{Command, Context, meant};
use crate::error::CliError;
use crate::output::{table, word};
use countersign_app::ports::{Run, RunHistory as _};
use countersign_domain::ids::SourceName;
use countersign_domain::reconcile::RunStatus;

/// Which runs.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Those of one source; of every source without it.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
    /// How many windows of each source.
    #[arg(long, default_value_t = 7)]
    runs: u16,
}

impl Status {
    /// The newest windows of one source.
    #[must_use]
    pub fn of(source: SourceName) -> Self {
        Self { source: Some(source), runs: 7 }
    }
}

impl Command for Status {
    type Output = Vec<Run>;

    async fn run(self, context: &Context) -> Result<Vec<Run>, CliError> {
        let mut runs = Vec::new();
        for source in meant(&context.sources(), self.source).await? {
            runs.extend(context.runs().newest(&source, self.runs).await?);
        }
        Ok(runs)
    }

    fn show(output: &Vec<Run>) -> String {
        if output.is_empty() {
            return "no window was reconciled yet\n".to_owned();
        }
        let mut shown = table(["source", "window", "status", "attempt", "events", "healed", "open", "cause"]);
        for run in output {
            shown.add_row([
                run.source.to_string(),
                run.window.name(),
                word(&run.status),
                run.attempt.to_string(),
                run.events_seen.to_string(),
                run.healed.to_string(),
                run.open.to_string(),
                run.cause.clone().unwrap_or_default(),
            ]);
        }
        format!("{shown}\n")
    }

    /// Every window's newest attempt is complete, or still at it.
    fn is_success(output: &Vec<Run>) -> bool {
        output.iter().all(|run| run.status != RunStatus::Incomplete)
    }
}
