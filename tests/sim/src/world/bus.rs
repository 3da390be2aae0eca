//! The bus: it takes what is published, and says so for each entry.

use countersign_app::ports::{Bus, Port, PortError};
use countersign_domain::event::BusEvent;
use countersign_domain::limits::BUS_ENTRIES_MAX;
use std::sync::{Arc, Mutex, PoisonError};

/// The bus, and what it took that nobody has looked at yet.
#[derive(Clone, Default)]
pub(crate) struct WorldBus(Arc<Mutex<Vec<BusEvent>>>);

impl WorldBus {
    /// What was taken since the last look.
    pub(crate) fn take(&self) -> Vec<BusEvent> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bus for WorldBus {
    async fn publish(&self, events: &[BusEvent]) -> Port<Vec<usize>> {
        if events.len() > BUS_ENTRIES_MAX {
            return Err(PortError::new("bus", "publish", format!("{} entries are too many", events.len())));
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        Ok(Vec::new())
    }
}

/// What the trace says of entries.
pub(crate) fn show_refused(refused: &Vec<usize>) -> String {
    if refused.is_empty() { "all taken".to_owned() } else { format!("refused {refused:?}") }
}

/// What the trace says of events.
pub(crate) fn describe(events: &[BusEvent]) -> String {
    events.iter().map(|event| event.detail_type).collect::<Vec<_>>().join(", ")
}
