//! `countersign source apply`: a source file is put in force.

use super::super::{Command, Context};
use super::secrets::provide;
use super::{Change, Outcome, SecretFiles, difference, file, url};
use crate::error::CliError;
use countersign_app::onboard::{self, GivenSecrets};
use countersign_app::ports::{Clock as _, SourceVersions as _};
use countersign_aws::clock::SystemClock;
use countersign_domain::source::{Source, SourceConfig};
use std::path::PathBuf;

/// Check a source file, store its secrets, and put it in force.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The source file; `-` reads standard input.
    file: PathBuf,
    #[command(flatten)]
    secrets: SecretFiles,
    /// Only show what would change. Secrets are not looked at.
    #[arg(long)]
    dry_run: bool,
}

impl Command for Apply {
    type Output = Change;

    async fn run(self, context: &Context) -> Result<Change, CliError> {
        let (config, _) = file::read(&self.file)?;
        if self.dry_run {
            return plan(context, config).await;
        }
        let given = self.secrets.read(&self.file)?;
        put_in_force(context, config, &given).await
    }

    fn show(output: &Change) -> String {
        output.shown()
    }
}

/// Puts a source in force: first its secrets, so that it is never without them.
///
/// # Errors
/// [`CliError`] when it does not work, lacks a secret, or somebody else changed it meanwhile.
pub async fn put_in_force(
    context: &Context,
    config: SourceConfig,
    given: &GivenSecrets,
) -> Result<Change, CliError> {
    let source = Source::try_from(config.clone())?;
    let stored = provide(context, &source, given).await?;
    let changed = onboard::apply(&context.sources(), config, SystemClock.now()).await?;
    Change::of(context, &changed, &stored)
}

async fn plan(context: &Context, config: SourceConfig) -> Result<Change, CliError> {
    let before = context.sources().newest(&config.name).await?;
    let difference = difference::between(before.as_ref(), &config)?;
    Ok(Change {
        source: config.name.clone(),
        outcome: if difference.is_empty() { Outcome::Unchanged } else { Outcome::Planned },
        version: before.as_ref().map(|before| before.number),
        state: before.map_or(config.state, |before| before.config.state),
        stored: Vec::new(),
        difference,
        url: url(context, &config),
    })
}
