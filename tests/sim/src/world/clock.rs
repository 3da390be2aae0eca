//! The clock of one execution environment.

use super::hub::{Hub, instant};
use countersign_app::ports::Clock;
use countersign_domain::time::Timestamp;

/// The world's time, as far off as this environment's clock is.
#[derive(Clone)]
pub(crate) struct SkewedClock {
    hub: Hub,
    skew_ms: i64,
}

impl SkewedClock {
    pub(crate) fn new(hub: &Hub, skew_ms: i64) -> Self {
        Self { hub: hub.clone(), skew_ms }
    }
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        instant(self.hub.now_ms().saturating_add(self.skew_ms))
    }
}
