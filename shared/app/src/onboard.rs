//! A source is put in force, taken back, turned off and on, and given another secret: what the operator decides about it.
//!
//! Every change is a version of its own, written only if it is the one after the newest. Two operators at the same time
//! cannot overwrite each other: the second is told, and looks again.

mod explain;
mod secrets;

pub use explain::{Becomes, Capture, Explanation, Item, Proof, ProvenBy, explain};
pub use secrets::{GivenSecrets, SecretOption, SecretsError, StoredSecrets, check_secret, secrets_for};

use crate::ports::{Made, PortError, SecretPair, SourceVersion, SourceVersions, Written};
use countersign_domain::ids::SourceName;
use countersign_domain::source::{SourceConfig, SourceState};
use countersign_domain::time::{SignedDuration, Timestamp};

/// A source before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What was in force, if anything was.
    pub before: Option<SourceVersion>,
    /// What is in force now. It is the same version when there was nothing to change.
    pub after: SourceVersion,
}

impl Changed {
    /// Whether a version was written.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.before.as_ref().map(|before| before.number) != Some(self.after.number)
    }
}

/// Why a source was not changed.
#[derive(Debug, thiserror::Error)]
pub enum OnboardError {
    /// There is none of that name.
    #[error("there is no source {0}: `countersign source list` shows those there are")]
    NoSource(SourceName),
    /// There is no such version.
    #[error("source {name} has no version {number}: it has {}", .known.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))]
    NoVersion {
        /// The source.
        name: SourceName,
        /// The version.
        number: u32,
        /// Those there are.
        known: Vec<u32>,
    },
    /// There is nothing to go back to.
    #[error("source {0} has no version that says anything else: there is nothing to go back to")]
    NothingBefore(SourceName),
    /// Somebody else changed it meanwhile.
    #[error(
        "somebody else wrote version {number} of source {name} meanwhile: nothing was changed; look at it with \
         `countersign source history {name}`, and do it again"
    )]
    Taken {
        /// The source.
        name: SourceName,
        /// The version.
        number: u32,
    },
    /// A call failed. It is not known whether it took effect; doing it again is right either way.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Puts a configuration in force. A source that is turned off stays off; a new one is on. What is in force already is
/// not written again.
///
/// # Errors
/// [`OnboardError`] when somebody else was first, or a call fails.
pub async fn apply(
    versions: &impl SourceVersions,
    config: SourceConfig,
    now: Timestamp,
) -> Result<Changed, OnboardError> {
    let before = versions.newest(&config.name).await?;
    let state = before.as_ref().map_or(SourceState::Enabled, |before| before.config.state);
    write(versions, before, SourceConfig { state, ..config }, Made::Applied, now).await
}

/// Puts an older version in force again, as a new one: without a number the newest that says anything else. Whether the
/// source is on stays as it is.
///
/// # Errors
/// [`OnboardError`] when there is no such version, somebody else was first, or a call fails.
pub async fn roll_back(
    versions: &impl SourceVersions,
    name: &SourceName,
    to: Option<u32>,
    now: Timestamp,
) -> Result<Changed, OnboardError> {
    let history = versions.history(name).await?;
    let (number, config) = older(name, &history, to)?;
    write(versions, history.last().cloned(), config, Made::RolledBack { to: number }, now).await
}

/// What [`roll_back`] would put in force: the number of the version that it goes back to, and its content.
///
/// # Errors
/// [`OnboardError`] when there is no such version.
pub fn older(
    name: &SourceName,
    history: &[SourceVersion],
    to: Option<u32>,
) -> Result<(u32, SourceConfig), OnboardError> {
    let newest = history.last().ok_or_else(|| OnboardError::NoSource(name.clone()))?;
    let state = newest.config.state;
    let says = |version: &SourceVersion| SourceConfig { state, ..version.config.clone() };
    let old = match to {
        Some(number) => history.iter().find(|version| version.number == number).ok_or_else(|| {
            let known = history.iter().map(|version| version.number).collect();
            OnboardError::NoVersion { name: name.clone(), number, known }
        })?,
        None => {
            let other = history.iter().rev().find(|version| says(version) != newest.config);
            other.ok_or_else(|| OnboardError::NothingBefore(name.clone()))?
        }
    };
    Ok((old.number, says(old)))
}

/// Turns a source off or on.
///
/// # Errors
/// [`OnboardError`] when there is none of that name, somebody else was first, or a call fails.
pub async fn switch(
    versions: &impl SourceVersions,
    name: &SourceName,
    state: SourceState,
    now: Timestamp,
) -> Result<Changed, OnboardError> {
    let before = versions.newest(name).await?.ok_or_else(|| OnboardError::NoSource(name.clone()))?;
    let made = match state {
        SourceState::Enabled => Made::Enabled,
        SourceState::Disabled => Made::Disabled,
    };
    let config = SourceConfig { state, ..before.config.clone() };
    write(versions, Some(before), config, made, now).await
}

async fn write(
    versions: &impl SourceVersions,
    before: Option<SourceVersion>,
    config: SourceConfig,
    made: Made,
    written_at: Timestamp,
) -> Result<Changed, OnboardError> {
    if let Some(before) = &before
        && before.config == config
    {
        return Ok(Changed { after: before.clone(), before: Some(before.clone()) });
    }
    let number = before.as_ref().map_or(1, |before| before.number.saturating_add(1));
    let after = SourceVersion { number, config, made, written_at };
    match versions.write(&after).await? {
        Written::InForce => Ok(Changed { before, after }),
        Written::Taken => Err(OnboardError::Taken { name: after.config.name, number }),
    }
}

/// Why a secret was not rotated. It never repeats one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// The new one is the current one.
    #[error("it is in force already")]
    Current,
    /// A third secret would push out one that senders may still use.
    #[error(
        "the previous secret is accepted until {}: wait for that, or give --retire-previous to refuse it from now on",
        .0.map_or_else(|| "it is replaced".to_owned(), |until| until.to_string())
    )]
    Overlaps(Option<Timestamp>),
    /// Longer than a time can be.
    #[error("the overlap is no span of time that can be added to now: give hours, such as 72h")]
    Overlap,
}

/// The secrets of a source with a new one in force: the one that was current is accepted for the overlap, and then
/// refused by name. What else the source is asked for stays.
///
/// # Errors
/// [`RotateError`] when it is in force already, or would push out one that is.
pub fn rotated(
    pair: &SecretPair,
    new: String,
    overlap: SignedDuration,
    retires_previous: bool,
    now: Timestamp,
) -> Result<SecretPair, RotateError> {
    if pair.current == new {
        return Err(RotateError::Current);
    }
    let is_over = pair.previous_until.is_some_and(|until| now >= until);
    if pair.previous.is_some() && !is_over && !retires_previous {
        return Err(RotateError::Overlaps(pair.previous_until));
    }
    if overlap.is_negative() {
        return Err(RotateError::Overlap);
    }
    let until = now.checked_add(overlap).map_err(|_| RotateError::Overlap)?;
    Ok(SecretPair {
        current: new,
        previous: Some(pair.current.clone()),
        previous_until: Some(until),
        basic: pair.basic.clone(),
        path_tokens: pair.path_tokens.clone(),
    })
}

#[cfg(test)]
mod tests;
