//! The ports in memory: for tests, and for the simulator that runs the use cases whole.
//!
//! Each is a handle on shared state, cheap to clone, and keeps the promises of [`crate::ports`] as its counterpart on
//! AWS does: [`crate::contract`] holds both to them. Nothing here is random and nothing has a clock; everything is kept
//! in order, so that the same calls always give the same answers.

mod control;
mod edges;
mod expectations;
mod files;
mod stores;

pub use control::{MemoryDrift, MemoryRuns, MemorySecrets, MemorySources};
pub use edges::{MemoryApi, MemoryBus, MemoryCertificates, MemoryClock, MemoryQueue, MemoryReports};
pub use expectations::MemoryExpectations;
pub use files::MemoryFiles;
pub use stores::{MemoryFindings, MemoryInbox, MemoryLedger};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// State behind every clone of one handle.
#[derive(Debug, Default)]
struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// Every change is made whole while the lock is held, so a panic elsewhere leaves nothing half-written.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
