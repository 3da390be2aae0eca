//! `countersign source list` and `show`: the sources as they are.

use super::super::{Command, Context, no_source};
use super::url;
use crate::error::CliError;
use crate::output::{table, word};
use countersign_app::ports::{Made, SourceVersion, SourceVersions as _, Sources as _};
use countersign_domain::ids::SourceName;
use countersign_domain::source::{DialectRef, SourceConfig, write_file};
use countersign_domain::time::Timestamp;
use serde::Serialize;

/// Every source.
#[derive(Debug)]
pub struct List;

/// A source as it is shown: never its secrets.
#[derive(Debug, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    config: SourceConfig,
    url: String,
}

impl Command for List {
    type Output = Vec<Listed>;

    async fn run(self, context: &Context) -> Result<Vec<Listed>, CliError> {
        let configs = context.sources().list().await?;
        Ok(configs.into_iter().map(|config| Listed { url: url(context, &config), config }).collect())
    }

    fn show(output: &Vec<Listed>) -> String {
        let mut shown = table(["source", "dialect", "mode", "state", "account", "url"]);
        for Listed { config, url } in output {
            shown.add_row([
                config.name.to_string(),
                dialect(config),
                word(&config.mode),
                word(&config.state),
                config.account.clone(),
                url.clone(),
            ]);
        }
        format!("{shown}\n")
    }
}

/// Which one.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Its name.
    name: SourceName,
}

/// A source and its file.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    config: SourceConfig,
    url: String,
    version: u32,
    made: Made,
    written_at: Timestamp,
    file: String,
}

impl Command for Show {
    type Output = Shown;

    async fn run(self, context: &Context) -> Result<Shown, CliError> {
        let newest = context.sources().newest(&self.name).await?;
        let SourceVersion { number, config, made, written_at } =
            newest.ok_or_else(|| no_source(&self.name))?;
        let (url, file) = (url(context, &config), write_file(&config)?);
        Ok(Shown { config, url, version: number, made, written_at, file })
    }

    fn show(output: &Shown) -> String {
        let Shown { config, url, version, made, written_at, file } = output;
        format!(
            "source   {}, {}, {}\nurl      {url}\ndialect  {}\nversion  {version}, {} at {}\n\n{file}",
            config.name,
            word(&config.state),
            config.mode,
            dialect(config),
            how(*made),
            at(*written_at),
        )
    }
}

fn dialect(config: &SourceConfig) -> String {
    match &config.dialect {
        DialectRef::BuiltIn(name) => name.clone(),
        DialectRef::Own(_) => "(its own)".to_owned(),
    }
}

/// How a version came to be, for a person.
pub(super) fn how(made: Made) -> String {
    match made {
        Made::Applied => "applied".to_owned(),
        Made::RolledBack { to } => format!("rolled back to {to}"),
        Made::Disabled => "disabled".to_owned(),
        Made::Enabled => "enabled".to_owned(),
    }
}

/// A time for a person, in UTC.
pub(super) fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
