//! `countersign source`: what an operator does about sources.

pub mod apply;
mod captured;
pub mod check;
mod difference;
pub mod drift;
mod file;
pub mod init;
pub mod look;
pub mod pack;
pub mod rotate;
mod secrets;
pub mod versions;

pub use secrets::SecretFiles;

use super::Context;
use crate::cli::{Global, offline, on_stack};
use crate::error::CliError;
use apply::Apply;
use check::Check;
use countersign_app::onboard::{Changed, SecretOption};
use countersign_domain::dialect::{Auth, TokenFrom};
use countersign_domain::ids::SourceName;
use countersign_domain::source::{Source, SourceConfig, SourceState};
use drift::DriftOf;
use init::Init;
use look::{List, Show};
use pack::Pack;
use rotate::Rotate;
use serde::Serialize;
use versions::{History, Rollback, Switch};

/// Put sources in force, look at them, change them.
#[derive(Debug, clap::Subcommand)]
pub enum SourceCommand {
    /// Begin a source file from a dialect. Needs no stack.
    Init(Init),
    /// Check a source file, and say what a captured request becomes under it. Needs no stack.
    Check(Box<Check>),
    /// Put a source file in force, as a new version of its source.
    Apply(Apply),
    /// Put an older version of a source in force again.
    Rollback(Rollback),
    /// Turn a source off: its deliveries are answered like those of an unknown source.
    Disable {
        /// Its name.
        name: SourceName,
    },
    /// Turn a source on again.
    Enable {
        /// Its name.
        name: SourceName,
    },
    /// List every source.
    List,
    /// Show one source: where its webhooks are posted to, and its file.
    Show(Show),
    /// Show every version of a source, and how it came to be.
    History(History),
    /// Give a source another signing secret; the one that it has is accepted for a while.
    Rotate(Rotate),
    /// Show the event types and states of a source that its dialect does not know.
    Drift(DriftOf),
    /// Write what a partner is handed: a page, samples that sign, a test vector and an OpenAPI description.
    Pack(Pack),
}

impl SourceCommand {
    /// Does it, and says whether it succeeded.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be done.
    pub async fn run(self, global: &Global) -> Result<bool, CliError> {
        match self {
            Self::Init(init) => offline(init, global).await,
            Self::Check(check) => offline(*check, global).await,
            Self::Apply(apply) => on_stack(apply, global).await,
            Self::Rollback(rollback) => on_stack(rollback, global).await,
            Self::Disable { name } => on_stack(Switch::to(name, SourceState::Disabled), global).await,
            Self::Enable { name } => on_stack(Switch::to(name, SourceState::Enabled), global).await,
            Self::List => on_stack(List, global).await,
            Self::Show(show) => on_stack(show, global).await,
            Self::History(history) => on_stack(history, global).await,
            Self::Rotate(rotate) => on_stack(rotate, global).await,
            Self::Drift(drift) => on_stack(drift, global).await,
            Self::Pack(pack) => pack.run(global).await,
        }
    }
}

/// What became of a source, or would.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Which.
    pub source: SourceName,
    /// Whether anything was written.
    pub outcome: Outcome,
    /// The version in force; nothing when a new source was only looked at.
    pub version: Option<u32>,
    /// Whether it is on.
    pub state: SourceState,
    /// The secrets that were stored, by the option that gives them.
    pub stored: Vec<String>,
    /// The source file in force before beside that of after, as a unified difference.
    pub difference: String,
    /// Where its webhooks are posted to.
    pub url: String,
}

/// Whether a version was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was, and is in force.
    Written,
    /// There was nothing to change.
    Unchanged,
    /// It would be: nothing was written.
    Planned,
}

impl Change {
    fn of(context: &Context, changed: &Changed, stored: &[SecretOption]) -> Result<Self, CliError> {
        let Changed { before, after } = changed;
        let outcome = if changed.is_new() { Outcome::Written } else { Outcome::Unchanged };
        Ok(Self {
            source: after.config.name.clone(),
            outcome,
            version: Some(after.number),
            state: after.config.state,
            stored: stored.iter().map(ToString::to_string).collect(),
            difference: difference::between(before.as_ref(), &after.config)?,
            url: url(context, &after.config),
        })
    }

    /// For a person.
    fn shown(&self) -> String {
        let Self { source, outcome, version, state, stored, difference, url } = self;
        let mut text = difference.clone();
        for option in stored {
            text.push_str(&format!("stored: what {option} gave\n"));
        }
        text.push_str(&match (outcome, version) {
            (Outcome::Written, Some(number)) => {
                format!("source {source}: version {number} is in force within a minute\n")
            }
            (Outcome::Unchanged, Some(number)) => {
                format!("source {source}: nothing to change, version {number} says the same\n")
            }
            (_, Some(number)) => {
                format!("source {source}: nothing was written, version {number} is in force\n")
            }
            (_, None) => format!("source {source}: nothing was written, there is none of that name yet\n"),
        });
        text.push_str(&match state {
            SourceState::Enabled => format!("its webhooks are posted to {url}\n"),
            SourceState::Disabled => {
                format!("it is off: `countersign source enable {source}` turns it on\n")
            }
        });
        text
    }
}

/// What stands in a URL where a part of it is secret.
pub(super) const SECRET_PART: &str = "TOKEN";

/// Where a source's webhooks are posted to. A part of it that is secret is not shown.
fn url(context: &Context, config: &SourceConfig) -> String {
    let url = context.webhook_url(&config.name);
    let has_token = Source::try_from(config.clone()).is_ok_and(|source| {
        source.second_factors.secret_path || matches!(source.dialect.auth, Auth::Token(TokenFrom::Path))
    });
    if has_token { format!("{url}/{SECRET_PART}") } else { url }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(outcome: Outcome, version: Option<u32>, state: SourceState) -> String {
        let change = Change {
            source: SourceName::new("acme").unwrap(),
            outcome,
            version,
            state,
            stored: vec![SecretOption::Signing.to_string()],
            difference: "-old\n+new\n".to_owned(),
            url: "https://hooks.example/v1/webhooks/acme".to_owned(),
        };
        change.shown()
    }

    #[test]
    fn a_change_says_what_differs_what_was_stored_and_what_is_in_force() {
        let stored = "-old\n+new\nstored: what --secret-file gave\nsource acme: ";
        let posted = "its webhooks are posted to https://hooks.example/v1/webhooks/acme\n";
        let off = "it is off: `countersign source enable acme` turns it on\n";
        for (outcome, version, state, says, then) in [
            (
                Outcome::Written,
                Some(3),
                SourceState::Enabled,
                "version 3 is in force within a minute",
                posted,
            ),
            (
                Outcome::Unchanged,
                Some(2),
                SourceState::Disabled,
                "nothing to change, version 2 says the same",
                off,
            ),
            (
                Outcome::Planned,
                Some(2),
                SourceState::Enabled,
                "nothing was written, version 2 is in force",
                posted,
            ),
            (
                Outcome::Planned,
                None,
                SourceState::Enabled,
                "nothing was written, there is none of that name yet",
                posted,
            ),
        ] {
            assert_eq!(change(outcome, version, state), format!("{stored}{says}\n{then}"));
        }
    }
}
