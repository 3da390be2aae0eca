//! What is configured: the sources with their versions, their secrets, the words that nobody knows.

use super::hub::Hub;
use super::provider::Format;
use countersign_app::memory::{MemoryDrift, MemorySecrets, MemorySources};
use countersign_app::ports::{Port, SourceVersion, SourceVersions, Sources, Written};
use countersign_domain::ids::SourceName;
use countersign_domain::policy::Policy;
use countersign_domain::source::{Mode, SourceConfig, SourceState};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The stores of what is configured.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) sources: WatchedSources,
    pub(crate) secrets: MemorySecrets,
    pub(crate) drift: MemoryDrift,
}

impl Settings {
    pub(crate) fn new(hub: &Hub) -> Self {
        let sources =
            WatchedSources { inner: MemorySources::default(), hub: hub.clone(), changes: Arc::default() };
        Self { sources, secrets: MemorySecrets::default(), drift: MemoryDrift::default() }
    }
}

/// A change that took effect: when, of which source, and whether it is on since.
pub(crate) type Change = (i64, SourceName, bool);

/// The configured sources, and when each change of them took effect.
#[derive(Clone)]
pub(crate) struct WatchedSources {
    inner: MemorySources,
    hub: Hub,
    changes: Arc<Mutex<Vec<Change>>>,
}

impl WatchedSources {
    /// Puts a source in force, before anything begins.
    pub(crate) fn set(&self, config: SourceConfig) {
        self.note(&config);
        self.inner.set(config);
    }

    /// The changes since this was last asked.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, config: &SourceConfig) {
        let change = (self.hub.now_ms(), config.name.clone(), config.state == SourceState::Enabled);
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }
}

impl Sources for WatchedSources {
    async fn fetch(&self, name: &SourceName) -> Port<Option<SourceConfig>> {
        self.inner.fetch(name).await
    }

    async fn list(&self) -> Port<Vec<SourceConfig>> {
        self.inner.list().await
    }
}

impl SourceVersions for WatchedSources {
    async fn newest(&self, name: &SourceName) -> Port<Option<SourceVersion>> {
        self.inner.newest(name).await
    }

    async fn history(&self, name: &SourceName) -> Port<Vec<SourceVersion>> {
        self.inner.history(name).await
    }

    async fn write(&self, version: &SourceVersion) -> Port<Written> {
        let written = self.inner.write(version).await?;
        if written == Written::InForce {
            self.note(&version.config);
        }
        Ok(written)
    }
}

/// A source as it is configured: one of several ways that its owner may have decided.
pub(crate) fn config(name: &SourceName, format: Format, variant: u32) -> SourceConfig {
    let policy = match variant {
        // Only a provider with books can be asked whether it agrees.
        1 if format.has_api() => {
            Policy { check_after_seconds: Some(120), grace_seconds: Some(1_800), ..Policy::default() }
        }
        2 => Policy { heals: Some(BTreeSet::new()), ..Policy::default() },
        3 => Policy {
            reread_days: Some([1, 2].into()),
            owner: Some("payments".to_owned()),
            ..Policy::default()
        },
        _ => Policy::default(),
    };
    SourceConfig { policy, ..SourceConfig::new(name.clone(), format.dialect_ref(), Mode::Live) }
}

/// How many ways [`config`] knows.
pub(crate) const VARIANTS: u32 = 4;
