//! `countersign source`: adds, lists and shows sources.

use super::{Command, Context};
use crate::error::CliError;
use countersign_app::ports::{SecretPair, Sources as _};
use countersign_domain::dialect::Dialect;
use countersign_domain::ids::SourceName;
use countersign_domain::signature::SigningKeys;
use countersign_domain::source::{DialectRef, Mode, Source, SourceConfig, SourceState};
use serde::Serialize;
use std::path::PathBuf;

/// Add, list or show sources.
#[derive(Debug, clap::Subcommand)]
pub enum SourceCommand {
    /// Add a source, or replace its configuration.
    Add(Box<Add>),
    /// List every source.
    List,
    /// Show one source.
    Show {
        /// Its name.
        name: SourceName,
    },
}

/// What a source needs.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Its name, the last part of its URL: lower-case letters, digits and `-`.
    name: SourceName,
    /// A built-in dialect: stripe, standard-webhooks, standard-webhooks-ed25519, partner-hmac.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "dialect_file",
        conflicts_with = "dialect_file"
    )]
    dialect: Option<String>,
    /// A dialect of its own, as TOML.
    #[arg(long, value_name = "FILE")]
    dialect_file: Option<PathBuf>,
    /// The provider's account, for people.
    #[arg(long, default_value = "")]
    account: String,
    /// Whether its money is real.
    #[arg(long, value_enum)]
    mode: ModeArg,
    /// A file that holds the signing secret or public key; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// A file that holds the secret that is on its way out, accepted beside the other one.
    #[arg(long, value_name = "FILE")]
    previous_secret_file: Option<PathBuf>,
    /// A file that holds the read-only API key that reconciliation uses.
    #[arg(long, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// Another base URL of the provider's API than the dialect's.
    #[arg(long, value_name = "URL")]
    api_base_url: Option<String>,
}

/// Whether money is real.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ModeArg {
    /// Real money.
    Live,
    /// A test mode or sandbox.
    Test,
}

/// A source as it is shown: never its secrets.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    config: SourceConfig,
    url: String,
}

impl Command for SourceCommand {
    type Output = Vec<Shown>;

    async fn run(self, context: &Context) -> Result<Vec<Shown>, CliError> {
        let configs = match self {
            Self::Add(add) => vec![add.add(context).await?],
            Self::List => context.sources().list().await?,
            Self::Show { name } => {
                let config = context.sources().fetch(&name).await?;
                vec![config.ok_or_else(|| super::no_source(&name))?]
            }
        };
        Ok(configs
            .into_iter()
            .map(|config| Shown { url: context.webhook_url(&config.name), config })
            .collect())
    }

    fn show(output: &Vec<Shown>) -> String {
        let mut table = crate::output::table(["source", "dialect", "mode", "state", "account", "url"]);
        for Shown { config, url } in output {
            let dialect = match &config.dialect {
                DialectRef::BuiltIn(name) => name.clone(),
                DialectRef::Own(_) => "(its own)".to_owned(),
            };
            table.add_row([
                config.name.to_string(),
                dialect,
                crate::output::word(&config.mode),
                crate::output::word(&config.state),
                config.account.clone(),
                url.clone(),
            ]);
        }
        format!("{table}\n")
    }
}

impl Add {
    /// Checks everything first, then writes the secrets, then the source: a source is never in force without them.
    async fn add(self, context: &Context) -> Result<SourceConfig, CliError> {
        let dialect = match (self.dialect, &self.dialect_file) {
            (Some(name), _) => DialectRef::BuiltIn(name),
            (None, Some(path)) => {
                DialectRef::Own(std::fs::read_to_string(path).map_err(|e| CliError::file("read", path, e))?)
            }
            (None, None) => {
                let known = Dialect::built_in_names().collect::<Vec<_>>().join(", ");
                return Err(CliError::Usage(format!("give --dialect (one of {known}) or --dialect-file")));
            }
        };
        let config = SourceConfig {
            name: self.name,
            dialect,
            account: self.account,
            mode: match self.mode {
                ModeArg::Live => Mode::Live,
                ModeArg::Test => Mode::Test,
            },
            state: SourceState::Enabled,
            api_base_url: self.api_base_url,
            settings: Default::default(),
            asks_back: false,
            second_factors: Default::default(),
        };
        let source = Source::try_from(config.clone())?;
        let current = super::read_secret(&self.secret_file)?;
        let previous = self.previous_secret_file.as_deref().map(super::read_secret).transpose()?;
        SigningKeys::new(&source.dialect.auth, &current, previous.as_deref())
            .map_err(|e| CliError::Usage(format!("the signing secret: {e}")))?;
        let api_token = self.api_token_file.as_deref().map(super::read_secret).transpose()?;
        context
            .write_secrets(&source.name, SecretPair { current, previous, ..SecretPair::default() }, api_token)
            .await?;
        context.write_source(&config).await?;
        Ok(config)
    }
}
