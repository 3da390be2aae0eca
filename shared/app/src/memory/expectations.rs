//! The payments that are waited for, in memory.

use super::Shared;
use crate::ports::{Announced, Expectations, Port};
use countersign_domain::expect::Expectation;
use countersign_domain::time::Timestamp;

const HOUR_SECONDS: i64 = 3_600;

/// The payments that are waited for.
#[derive(Clone, Debug, Default)]
pub struct MemoryExpectations(Shared<Vec<Expectation>>);

impl MemoryExpectations {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Expectation> {
        self.0.lock().clone()
    }
}

fn hour(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(HOUR_SECONDS)
}

fn is_same(one: &Expectation, other: &Expectation) -> bool {
    let key = |e: &'_ Expectation| (e.source.clone(), e.payment.clone(), e.purpose, hour(e.due_at));
    key(one) == key(other)
}

impl Expectations for MemoryExpectations {
    async fn announce(&self, expectation: &Expectation) -> Port<Announced> {
        let mut all = self.0.lock();
        if let Some(known) = all.iter().find(|known| is_same(known, expectation)) {
            return Ok(Announced::Known(Box::new(known.clone())));
        }
        all.push(expectation.clone());
        Ok(Announced::New)
    }

    async fn due_in(&self, at: Timestamp) -> Port<Vec<Expectation>> {
        let all = self.0.lock();
        let due = all.iter().filter(|known| hour(known.due_at) == hour(at));
        Ok(due.cloned().collect())
    }

    async fn settle(&self, expectation: &Expectation) -> Port<()> {
        self.0.lock().retain(|known| !is_same(known, expectation));
        Ok(())
    }
}
