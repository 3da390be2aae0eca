//! `countersign source rollback`, `disable`, `enable` and `history`: the versions of a source.

use super::super::{Command, Context};
use super::look::{at, how};
use super::secrets::provide;
use super::{Change, difference};
use crate::error::CliError;
use crate::output::{table, word};
use countersign_app::onboard::{self, GivenSecrets, OnboardError};
use countersign_app::ports::{Clock as _, Made, SourceVersion, SourceVersions as _};
use countersign_aws::clock::SystemClock;
use countersign_domain::ids::SourceName;
use countersign_domain::source::{Source, SourceConfig, SourceState};
use countersign_domain::time::Timestamp;
use serde::Serialize;

/// Which version to go back to.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The source.
    name: SourceName,
    /// The version; without it, the newest that says anything else.
    #[arg(long, value_name = "NUMBER")]
    to: Option<u32>,
}

impl Command for Rollback {
    type Output = Change;

    async fn run(self, context: &Context) -> Result<Change, CliError> {
        let Self { name, to } = self;
        let history = context.sources().history(&name).await?;
        let (_, config) = onboard::older(&name, &history, to)?;
        still_works(context, config).await?;
        let changed = onboard::roll_back(&context.sources(), &name, to, SystemClock.now()).await?;
        Change::of(context, &changed, &[])
    }

    fn show(output: &Change) -> String {
        output.shown()
    }
}

/// What was in force once may not work any more: a dialect or a secret may have changed since.
async fn still_works(context: &Context, config: SourceConfig) -> Result<(), CliError> {
    let source = Source::try_from(config)?;
    provide(context, &source, &GivenSecrets::default()).await.map(drop)
}

/// A source that is turned off or on.
#[derive(Debug)]
pub struct Switch {
    name: SourceName,
    state: SourceState,
}

impl Switch {
    /// Turned to this state.
    #[must_use]
    pub fn to(name: SourceName, state: SourceState) -> Self {
        Self { name, state }
    }
}

impl Command for Switch {
    type Output = Change;

    async fn run(self, context: &Context) -> Result<Change, CliError> {
        let Self { name, state } = self;
        if state == SourceState::Enabled
            && let Some(newest) = context.sources().newest(&name).await?
        {
            still_works(context, newest.config).await?;
        }
        let changed = onboard::switch(&context.sources(), &name, state, SystemClock.now()).await?;
        Change::of(context, &changed, &[])
    }

    fn show(output: &Change) -> String {
        output.shown()
    }
}

/// Whose versions.
#[derive(Debug, clap::Args)]
pub struct History {
    /// The source.
    name: SourceName,
    /// Show what each version changed.
    #[arg(long)]
    diff: bool,
}

/// One version.
#[derive(Debug, Serialize)]
pub struct Version {
    number: u32,
    made: Made,
    written_at: Timestamp,
    state: SourceState,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<String>,
}

impl Command for History {
    type Output = Vec<Version>;

    async fn run(self, context: &Context) -> Result<Vec<Version>, CliError> {
        let history = context.sources().history(&self.name).await?;
        if history.is_empty() {
            return Err(OnboardError::NoSource(self.name).into());
        }
        versions(&history, self.diff)
    }

    fn show(output: &Vec<Version>) -> String {
        let mut shown = table(["version", "made", "at", "state"]);
        for Version { number, made, written_at, state, .. } in output {
            shown.add_row([number.to_string(), how(*made), at(*written_at), word(state)]);
        }
        let mut text = format!("{shown}\n");
        for Version { number, difference, .. } in output {
            let Some(difference) = difference else { continue };
            let change = if difference.is_empty() { "nothing in its file\n" } else { difference };
            text.push_str(&format!("\nversion {number} changed:\n{change}"));
        }
        text
    }
}

fn versions(history: &[SourceVersion], with_differences: bool) -> Result<Vec<Version>, CliError> {
    let before = std::iter::once(None).chain(history.iter().map(Some));
    let pairs = history.iter().zip(before);
    let versions = pairs.map(|(version, before)| {
        let difference = || difference::between(before, &version.config);
        Ok(Version {
            number: version.number,
            made: version.made,
            written_at: version.written_at,
            state: version.config.state,
            difference: with_differences.then(difference).transpose()?,
        })
    });
    versions.collect()
}
