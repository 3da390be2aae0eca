//! The versions of a source: what the operator's command writes, and the functions only read the newest of.

use super::Port;
use countersign_domain::ids::SourceName;
use countersign_domain::source::SourceConfig;
use countersign_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// How a version came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// From a file.
    Applied,
    /// From an older version.
    RolledBack {
        /// Which.
        to: u32,
    },
    /// By turning the source off.
    Disabled,
    /// By turning the source on.
    Enabled,
}

/// One version of a source. It is never overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceVersion {
    /// 1, 2, … without a gap.
    pub number: u32,
    /// What it says.
    pub config: SourceConfig,
    /// How it came to be.
    pub made: Made,
    /// By our clock.
    pub written_at: Timestamp,
}

/// What writing a version found.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is the newest, and in force.
    InForce,
    /// It is not the one after the newest: somebody else was first. Nothing was written.
    Taken,
}

/// The versions of the configured sources. The newest is in force.
pub trait SourceVersions: Send + Sync {
    /// The newest version, or nothing.
    fn newest(&self, name: &SourceName) -> impl Future<Output = Port<Option<SourceVersion>>> + Send;
    /// Every version, oldest first.
    fn history(&self, name: &SourceName) -> impl Future<Output = Port<Vec<SourceVersion>>> + Send;
    /// Writes the version after the newest, and puts it in force: both or neither.
    fn write(&self, version: &SourceVersion) -> impl Future<Output = Port<Written>> + Send;
}
