//! A source as a person writes it: one TOML file with `[source]`, `[source.settings]` and, for a partner with words of
//! its own, `[dialect]`. It holds nothing secret.
//!
//! [`read_file`] gives only what works; [`write_file`] is its way back, and what two versions are compared by.

mod template;

pub use template::template;

use super::{DialectRef, Mode, Source, SourceConfig, SourceError, SourceState};
use crate::books::report::FormatRef;
use crate::dialect::{Dialect, DialectError, Settings, built_in_names};
use crate::ids::SourceName;
use crate::limits::EXPECT_WITHIN_SECONDS_MAX;
use crate::policy::Policy;
use crate::signature::SecondFactors;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The file, unvalidated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: Endpoint,
    dialect: Option<Table>,
}

/// `[source]`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    name: SourceName,
    mode: Mode,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_base_url: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    asks_back: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expect_within_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    settings: Settings,
    #[serde(default, skip_serializing_if = "SecondFactors::is_empty")]
    second_factors: SecondFactors,
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    policy: Policy,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    reports: BTreeMap<String, WrittenFormat>,
}

/// A report format as it is written: the name of a ready one, or a table of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenFormat {
    Ready(String),
    Own(Table),
}

/// Why a file is not a source.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not TOML, an unknown key, a missing key, a wrong type: the parser names the line and what may stand there.
    #[error("the source file: {}", .0.to_string().trim_end())]
    Syntax(#[source] Box<toml::de::Error>),
    /// A key that cannot work with the others.
    #[error("the source file: {key}: {why}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong and what to write instead.
        why: String,
    },
    /// Its own dialect does not check.
    #[error(transparent)]
    Dialect(Box<DialectError>),
    /// What it says of the endpoint does not work.
    #[error(transparent)]
    Source(Box<SourceError>),
}

/// Reads a file. What comes back works: its dialect is there, its examples hold, and every setting has a value. The
/// source is enabled; a stored one's switch is not the file's to turn.
///
/// # Errors
/// [`FileError`] names the key, the value and what to write instead.
pub fn read_file(text: &str) -> Result<(SourceConfig, Source), FileError> {
    let file: File = toml::from_str(text).map_err(|error| FileError::Syntax(Box::new(error)))?;
    let dialect = dialect(&file)?;
    let Endpoint {
        name,
        mode,
        account,
        dialect: _,
        api_base_url,
        asks_back,
        expect_within_seconds,
        settings,
        second_factors,
        policy,
        reports,
    } = file.source;
    if let Some(seconds) =
        expect_within_seconds.filter(|seconds| !(1..=EXPECT_WITHIN_SECONDS_MAX).contains(seconds))
    {
        let why = format!("it is {seconds}: 1 to {EXPECT_WITHIN_SECONDS_MAX} seconds are possible");
        return Err(FileError::Value { key: "source.expect_within_seconds", why });
    }
    let config = SourceConfig {
        name,
        dialect,
        account,
        mode,
        state: SourceState::Enabled,
        api_base_url,
        settings,
        asks_back,
        second_factors,
        expect_within_seconds,
        policy,
        reports: reports.into_iter().map(format_ref).collect::<Result<_, _>>()?,
    };
    let source = Source::try_from(config.clone()).map_err(|error| FileError::Source(Box::new(error)))?;
    Ok((config, source))
}

fn dialect(file: &File) -> Result<DialectRef, FileError> {
    let known = || built_in_names().collect::<Vec<_>>().join(", ");
    let wrong = |why| Err(FileError::Value { key: "source.dialect", why });
    match (&file.source.dialect, &file.dialect) {
        (Some(name), None) => Ok(DialectRef::BuiltIn(name.clone())),
        (None, None) => wrong(format!(
            "it is absent, and there is no [dialect]: write one of {}, or a [dialect]",
            known()
        )),
        (Some(name), Some(_)) => wrong(format!(
            "it is {name:?}, and there is a [dialect] too: remove it, or write extends = {name:?} in [dialect]"
        )),
        (None, Some(table)) => {
            let mut table = table.clone();
            for key in ["name", "title"] {
                table.entry(key).or_insert_with(|| Value::String(file.source.name.to_string()));
            }
            // Before it is a text of its own: the lines of that text would be nobody's.
            let wrong = |error| FileError::Dialect(Box::new(error));
            Dialect::of_table(&table, &file.source.settings).map_err(wrong)?;
            let text = toml::to_string(&table);
            text.map(DialectRef::Own)
                .map_err(|error| FileError::Value { key: "dialect", why: error.to_string() })
        }
    }
}

fn format_ref((folder, written): (String, WrittenFormat)) -> Result<(String, FormatRef), FileError> {
    let is_name =
        !folder.is_empty() && folder.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_name {
        let why = format!("{folder:?} is the name of no folder: letters, digits, - and _ are possible");
        return Err(FileError::Value { key: "source.reports", why });
    }
    let unwritable =
        |error: toml::ser::Error| FileError::Value { key: "source.reports", why: error.to_string() };
    let format = match written {
        WrittenFormat::Ready(name) => FormatRef::Ready(name),
        WrittenFormat::Own(table) => FormatRef::Own(toml::to_string(&table).map_err(unwritable)?),
    };
    Ok((folder, format))
}

fn written_format((folder, format): (&String, &FormatRef)) -> Result<(String, WrittenFormat), FileError> {
    let written = match format {
        FormatRef::Ready(name) => WrittenFormat::Ready(name.clone()),
        FormatRef::Own(text) => {
            let table = toml::from_str(text).map_err(|error| FileError::Syntax(Box::new(error)))?;
            WrittenFormat::Own(table)
        }
    };
    Ok((folder.clone(), written))
}

/// Writes a source as a file: the same source is always the same text.
///
/// # Errors
/// [`FileError`] when its own dialect is not TOML, which nothing that was ever read can be.
pub fn write_file(config: &SourceConfig) -> Result<String, FileError> {
    let unwritable = |error: toml::ser::Error| FileError::Value {
        key: "source",
        why: format!("cannot be written: {error}"),
    };
    let built_in = match &config.dialect {
        DialectRef::BuiltIn(name) => Some(name.clone()),
        DialectRef::Own(_) => None,
    };
    let endpoint = Endpoint {
        name: config.name.clone(),
        mode: config.mode,
        account: config.account.clone(),
        dialect: built_in,
        api_base_url: config.api_base_url.clone(),
        asks_back: config.asks_back,
        expect_within_seconds: config.expect_within_seconds,
        settings: config.settings.clone(),
        second_factors: config.second_factors.clone(),
        policy: config.policy.clone(),
        reports: config.reports.iter().map(written_format).collect::<Result<_, _>>()?,
    };
    let mut file = Table::new();
    file.insert("source".to_owned(), Value::try_from(endpoint).map_err(unwritable)?);
    let mut text = toml::to_string(&file).map_err(unwritable)?;
    if let DialectRef::Own(own) = &config.dialect {
        let own: Table = toml::from_str(own).map_err(|error| FileError::Syntax(Box::new(error)))?;
        let own = Table::from_iter([("dialect".to_owned(), Value::Table(own))]);
        text.push('\n');
        text.push_str(&toml::to_string(&own).map_err(unwritable)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
