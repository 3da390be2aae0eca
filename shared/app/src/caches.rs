//! What an execution environment remembers between invocations: sources and signing secrets.
//!
//! Both are read when they are first needed and kept for a bounded time. An attacker who sends forged deliveries must
//! not be able to drive calls to the secret store, so a failed verification reads a secret again at most every
//! [`SECRET_REFRESH_SECONDS_MIN`].

mod certificates;

pub use certificates::CertificateCache;

use crate::ports::{Port, PortError, SecretPair, Secrets, Sources};
use countersign_domain::dialect::Auth;
use countersign_domain::ids::SourceName;
use countersign_domain::signature::SigningKeys;
use countersign_domain::source::{Source, SourceConfig, SourceState};
use countersign_domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a source is believed, in seconds: a change is in force everywhere within a minute.
pub const SOURCE_SECONDS_MAX: i64 = 60;
/// How long a secret is believed, in seconds.
pub const SECRET_SECONDS_MAX: i64 = 300;
/// How soon a secret may be read again because a verification failed, in seconds.
pub const SECRET_REFRESH_SECONDS_MIN: i64 = 30;
/// Most unknown names remembered, so that made-up URLs cannot fill the memory.
const UNKNOWN_NAMES_MAX: usize = 1_000;

#[derive(Clone)]
struct Kept<T> {
    value: T,
    read_at: Timestamp,
    /// When it was last tried to read it, in vain or not.
    tried_at: Timestamp,
}

/// Whether less than so many seconds have passed. A clock that was set back has not: what is kept is read again.
fn is_within(since: Timestamp, now: Timestamp, seconds_max: i64) -> bool {
    (0..seconds_max).contains(&now.as_second().saturating_sub(since.as_second()))
}

type Map<T> = Mutex<HashMap<SourceName, Kept<Option<Arc<T>>>>>;

/// A panic elsewhere cannot leave a cache half-written: every write is one insert.
fn lock<T>(map: &Map<T>) -> MutexGuard<'_, HashMap<SourceName, Kept<Option<Arc<T>>>>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a source.
#[must_use]
#[derive(Debug)]
pub enum Found {
    /// It is enabled, and works.
    Enabled(Arc<Source>),
    /// There is none of that name, or it is disabled.
    NotEnabled,
    /// It is enabled, and what is stored of it does not work.
    Unusable(PortError),
}

/// A source as it is stored, made ready for use.
///
/// # Errors
/// [`PortError`] when what is stored does not work.
pub(crate) fn compiled(config: SourceConfig) -> Port<Source> {
    Source::try_from(config).map_err(|error| PortError::new("sources", "compile", error))
}

/// Compiled sources by name.
#[derive(Default)]
pub struct SourceCache {
    known: Map<Source>,
}

impl SourceCache {
    /// A source that is enabled; nothing when there is none of that name.
    ///
    /// # Errors
    /// [`PortError`] when it has to be read and cannot be, or when what is stored does not work.
    pub async fn get(
        &self,
        sources: &impl Sources,
        name: &SourceName,
        now: Timestamp,
    ) -> Port<Option<Arc<Source>>> {
        match self.find(sources, name, now).await? {
            Found::Enabled(source) => Ok(Some(source)),
            Found::NotEnabled => Ok(None),
            Found::Unusable(error) => Err(error),
        }
    }

    /// A source, for whoever goes on with the others when it does not work.
    ///
    /// # Errors
    /// [`PortError`] when it has to be read and cannot be.
    pub async fn find(&self, sources: &impl Sources, name: &SourceName, now: Timestamp) -> Port<Found> {
        let found = |source: Option<Arc<Source>>| source.map_or(Found::NotEnabled, Found::Enabled);
        if let Some(kept) = lock(&self.known).get(name)
            && is_within(kept.read_at, now, SOURCE_SECONDS_MAX)
        {
            return Ok(found(kept.value.clone()));
        }
        let config = sources.fetch(name).await?.filter(|config| config.state == SourceState::Enabled);
        let source = match config.map(compiled).transpose() {
            Ok(source) => source.map(Arc::new),
            Err(error) => return Ok(Found::Unusable(error)),
        };
        self.keep(name.clone(), source.clone(), now);
        Ok(found(source))
    }

    /// Reads every source, so that the first delivery finds them compiled. One that does not work is left for its own
    /// delivery to report. Returns the names of those that do.
    ///
    /// # Errors
    /// [`PortError`] when they cannot be read.
    pub async fn warm(&self, sources: &impl Sources, now: Timestamp) -> Port<Vec<Arc<Source>>> {
        let mut warmed = Vec::new();
        for config in sources.list().await? {
            if config.state == SourceState::Enabled
                && let Ok(source) = Source::try_from(config).map(Arc::new)
            {
                self.keep(source.name.clone(), Some(Arc::clone(&source)), now);
                warmed.push(source);
            }
        }
        Ok(warmed)
    }

    fn keep(&self, name: SourceName, value: Option<Arc<Source>>, now: Timestamp) {
        let mut known = lock(&self.known);
        if known.len() >= UNKNOWN_NAMES_MAX {
            known.retain(|_, kept| kept.value.is_some());
        }
        known.insert(name, Kept { value, read_at: now, tried_at: now });
    }
}

/// Signing keys by source.
#[derive(Default)]
pub struct KeyCache {
    known: Map<SigningKeys>,
}

/// Why a key is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// To verify a delivery.
    Verify,
    /// A verification has just failed: perhaps the secret was rotated.
    Failed,
}

impl KeyCache {
    /// The keys of a source. With [`Reason::Failed`], nothing unless they were read again just now and are worth
    /// another try.
    ///
    /// # Errors
    /// [`PortError`] when they have to be read and cannot be, are absent, or are no keys: a source without keys
    /// accepts nothing.
    pub async fn get(
        &self,
        secrets: &impl Secrets,
        source: &Source,
        now: Timestamp,
        reason: Reason,
    ) -> Port<Option<Arc<SigningKeys>>> {
        if let Some(kept) = lock(&self.known).get_mut(&source.name) {
            match reason {
                Reason::Verify if is_within(kept.read_at, now, SECRET_SECONDS_MAX) => {
                    return Ok(kept.value.clone());
                }
                Reason::Failed if is_within(kept.tried_at, now, SECRET_REFRESH_SECONDS_MIN) => {
                    return Ok(None);
                }
                Reason::Verify | Reason::Failed => {}
            }
            // Before the call, so that a secret store that fails is not called more often than one that answers.
            kept.tried_at = now;
        }
        let keys = Some(Arc::new(keys_of(source, secrets.fetch(&source.name).await?)?));
        lock(&self.known)
            .insert(source.name.clone(), Kept { value: keys.clone(), read_at: now, tried_at: now });
        Ok(keys)
    }
}

/// A source without a secret accepts nothing, unless its deliveries are proven by a certificate and it asks for nothing
/// else.
fn keys_of(source: &Source, pair: Option<SecretPair>) -> Port<SigningKeys> {
    let is_certified = matches!(source.dialect.auth, Auth::Certificate(_));
    let Some(SecretPair { current, previous, previous_until, basic, path_tokens }) = pair else {
        if is_certified {
            return Ok(SigningKeys::certificate());
        }
        let why = format!("source {} has no signing secret: add one", source.name);
        return Err(PortError::new("secrets", "fetch", why));
    };
    let undecodable = |error| PortError::new("secrets", "decode", error);
    let keys = if is_certified {
        SigningKeys::certificate()
    } else {
        let keys = SigningKeys::new(&source.dialect.auth, &current, previous.as_deref());
        keys.map_err(undecodable)?.with_previous_until(previous_until)
    };
    keys.with_factors(&basic, &path_tokens).map_err(undecodable)
}

#[cfg(test)]
mod tests;
