//! The findings as people work on them.

use super::Port;
use countersign_domain::finding::Case;
use countersign_domain::ids::SourceName;
use std::future::Future;

/// What writing a step found.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// It was written.
    Written,
    /// Something was done about the finding meanwhile. Nothing was written.
    Changed,
}

/// The findings, and what is done about them.
pub trait Cases: Send + Sync {
    /// Every finding of a source, by id.
    fn of(&self, source: &SourceName) -> impl Future<Output = Port<Vec<Case>>> + Send;
    /// One finding, or nothing.
    fn find(&self, source: &SourceName, id: &str) -> impl Future<Output = Port<Option<Case>>> + Send;
    /// Writes a finding with one step more, if nothing was done about it since it was read.
    fn step(&self, after: &Case) -> impl Future<Output = Port<Stepped>> + Send;
}
