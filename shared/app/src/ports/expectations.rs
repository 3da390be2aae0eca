//! The payments that are waited for.

use super::Port;
use countersign_domain::expect::Expectation;
use countersign_domain::time::Timestamp;
use std::future::Future;

/// What an announcement came to.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// It is waited for.
    New,
    /// It was announced before, in the same hour of its deadline: what was said then counts.
    Known(Box<Expectation>),
}

/// The payments that are waited for, by the hour in which something must have been heard.
pub trait Expectations: Send + Sync {
    /// Waits for a payment.
    fn announce(&self, expectation: &Expectation) -> impl Future<Output = Port<Announced>> + Send;
    /// Those of every source whose deadline is in the hour of this instant, in any order.
    fn due_in(&self, hour: Timestamp) -> impl Future<Output = Port<Vec<Expectation>>> + Send;
    /// Waits no longer. Doing it twice is harmless.
    fn settle(&self, expectation: &Expectation) -> impl Future<Output = Port<()>> + Send;
}
