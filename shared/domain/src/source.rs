//! One configured endpoint: a dialect, an account, a mode.

mod file;

pub use file::{FileError, read_file, template, write_file};

use crate::books::report::{FormatError, FormatRef};
use crate::dialect::{Dialect, DialectError, Settings};
use crate::ids::{Sha256Hex, SourceName};
use crate::policy::{Policy, PolicyError};
use crate::signature::SecondFactors;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Live money or play money. An event of the other mode never moves a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real money.
    Live,
    /// A provider's test mode or sandbox.
    Test,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Test => "test",
        })
    }
}

/// Where a source's dialect comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialectRef {
    /// One that is built in, by name.
    BuiltIn(String),
    /// A TOML text of its own, kept with the source.
    Own(String),
}

/// Whether deliveries of a source are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Accepted.
    Enabled,
    /// Answered like an unknown source.
    Disabled,
}

/// A source as it is stored. It becomes a [`Source`] only with a dialect that checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Its name, the last part of its URL.
    pub name: SourceName,
    /// How its provider speaks.
    pub dialect: DialectRef,
    /// The provider's account, for people.
    pub account: String,
    /// Live or test.
    pub mode: Mode,
    /// Whether it is in use.
    pub state: SourceState,
    /// Another base URL of the provider's API than the dialect's: a sandbox, or a fake on loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_base_url: Option<String>,
    /// What its dialect wants to know of the endpoint.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// Whether every event is asked back from the provider's API where its dialect knows how, and not only those that
    /// mean nothing without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_back: bool,
    /// What it asks for beside its dialect's proof.
    #[serde(default, skip_serializing_if = "SecondFactors::is_empty")]
    pub second_factors: SecondFactors,
    /// Seconds in which something must be heard of an announced payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_within_seconds: Option<u32>,
    /// What its owner has decided.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// How the report files are written that arrive for it, by the names of their folders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reports: BTreeMap<String, FormatRef>,
}

/// A source that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// Its compiled dialect, shared: sources are copied with every delivery, and dialects are large.
    pub dialect: Arc<Dialect>,
    /// Live or test.
    pub mode: Mode,
    /// Base URL of the provider's API, if it has one.
    pub api_base_url: Option<String>,
    /// Whether every event is asked back where its dialect knows how.
    pub asks_back: bool,
    /// What it asks for beside its dialect's proof.
    pub second_factors: SecondFactors,
    /// Seconds in which something must be heard of an announced payment.
    pub expect_within_seconds: Option<u32>,
    /// What its owner has decided.
    pub policy: Policy,
    /// How the report files are written that arrive for it, by the names of their folders.
    pub reports: BTreeMap<String, FormatRef>,
    /// The digest of its configuration: what a report of its books was made with.
    pub configuration: Sha256Hex,
}

/// Why a stored source does not work.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No such built-in dialect.
    #[error("source {source_name}: there is no built-in dialect {dialect:?}; there are {known}")]
    UnknownDialect {
        /// The source.
        source_name: SourceName,
        /// The name it gives.
        dialect: String,
        /// The names there are.
        known: String,
    },
    /// Its dialect does not check.
    #[error("source {source_name}: its dialect does not check")]
    Dialect {
        /// The source.
        source_name: SourceName,
        /// Why.
        #[source]
        error: Box<DialectError>,
    },
    /// Its policy cannot be kept.
    #[error("source {source_name}: {error}")]
    Policy {
        /// The source.
        source_name: SourceName,
        /// Why.
        error: Box<PolicyError>,
    },
    /// A format of its report files cannot be used.
    #[error("source {source_name}: reports.{folder}: {error}")]
    Report {
        /// The source.
        source_name: SourceName,
        /// The folder that its files arrive in.
        folder: String,
        /// Why.
        error: Box<FormatError>,
    },
    /// A base URL that could lead anywhere.
    #[error(
        "source {source_name}: api_base_url {url:?} is neither https:// nor http://127.0.0.1: only these are called"
    )]
    BaseUrl {
        /// The source.
        source_name: SourceName,
        /// The URL.
        url: String,
    },
}

impl SourceConfig {
    /// A source in use of which nothing else is said.
    #[must_use]
    pub fn new(name: SourceName, dialect: DialectRef, mode: Mode) -> Self {
        Self {
            name,
            dialect,
            account: String::new(),
            mode,
            state: SourceState::Enabled,
            api_base_url: None,
            settings: Settings::new(),
            asks_back: false,
            second_factors: SecondFactors::default(),
            expect_within_seconds: None,
            policy: Policy::default(),
            reports: BTreeMap::new(),
        }
    }

    /// The digest of everything that it says.
    #[must_use]
    pub fn digest(&self) -> Sha256Hex {
        // These shapes are always written: there is no map with keys that are not text.
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256Hex::of(&[&json])
    }
}

impl TryFrom<SourceConfig> for Source {
    type Error = SourceError;

    fn try_from(config: SourceConfig) -> Result<Self, SourceError> {
        let configuration = config.digest();
        let SourceConfig {
            name,
            dialect,
            mode,
            api_base_url,
            settings,
            asks_back,
            second_factors,
            expect_within_seconds,
            policy,
            reports,
            account: _,
            state: _,
        } = config;
        check_owners_part(&name, &policy, &reports)?;
        let wrong = |error| SourceError::Dialect { source_name: name.clone(), error: Box::new(error) };
        let dialect = match dialect {
            DialectRef::Own(text) => Arc::new(Dialect::for_source(&text, &settings).map_err(wrong)?),
            DialectRef::BuiltIn(wanted) => match Dialect::built_in_for_source(&wanted, &settings)
                .map_err(wrong)?
            {
                Some(dialect) => dialect,
                None => {
                    let known = Dialect::built_in_names().collect::<Vec<_>>().join(", ");
                    return Err(SourceError::UnknownDialect { source_name: name, dialect: wanted, known });
                }
            },
        };
        if let Some(url) = &api_base_url
            && !is_callable(url)
        {
            return Err(SourceError::BaseUrl { source_name: name, url: url.clone() });
        }
        let api_base_url = api_base_url.or_else(|| {
            let api = dialect.api.as_ref()?;
            let other = api.test_base_url.as_ref().filter(|_| mode == Mode::Test);
            Some(other.unwrap_or(&api.base_url).clone())
        });
        check_can_be_asked(&name, &policy, &dialect)?;
        Ok(Self {
            name,
            dialect,
            mode,
            api_base_url,
            asks_back,
            second_factors,
            expect_within_seconds,
            policy,
            reports,
            configuration,
        })
    }
}

/// What the source's owner has decided, by itself.
fn check_owners_part(
    name: &SourceName,
    policy: &Policy,
    reports: &BTreeMap<String, FormatRef>,
) -> Result<(), SourceError> {
    policy
        .check()
        .map_err(|error| SourceError::Policy { source_name: name.clone(), error: Box::new(error) })?;
    for (folder, format) in reports {
        format.read().map_err(|error| SourceError::Report {
            source_name: name.clone(),
            folder: folder.clone(),
            error: Box::new(error),
        })?;
    }
    Ok(())
}

/// What the owner has decided must be possible with the dialect.
fn check_can_be_asked(name: &SourceName, policy: &Policy, dialect: &Dialect) -> Result<(), SourceError> {
    if let Some(seconds) = policy.check_after_seconds.filter(|_| dialect.reconcile.is_none()) {
        let why = PolicyError {
            key: "check_after_seconds",
            value: seconds.to_string(),
            remedy: format!("the dialect {} lists no books, so nobody can be asked: remove it", dialect.name),
        };
        return Err(SourceError::Policy { source_name: name.clone(), error: Box::new(why) });
    }
    Ok(())
}

/// Whether the API token may be sent there: over TLS, or to a port of this machine and nothing that only begins like one.
fn is_callable(url: &str) -> bool {
    let port = url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split('/').next());
    url.starts_with("https://") || port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests;
