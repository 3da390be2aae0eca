//! The bus: it takes what is published, says so for each entry, and starts what listens.

use super::environment::Call;
use super::faults::Fault;
use super::hub::{Due, Hub};
use countersign_app::ports::{Bus, Port, PortError};
use countersign_domain::event::{BusEvent, RECONCILIATION_REQUESTED};
use countersign_domain::limits::BUS_ENTRIES_MAX;
use std::sync::{Arc, Mutex, PoisonError};

/// The bus, and what it took that nobody has looked at yet.
#[derive(Clone)]
pub(crate) struct WorldBus {
    hub: Hub,
    taken: Arc<Mutex<Vec<BusEvent>>>,
}

impl WorldBus {
    pub(crate) fn new(hub: &Hub) -> Self {
        Self { hub: hub.clone(), taken: Arc::default() }
    }

    /// What was taken since the last look, but for what only starts something.
    pub(crate) fn take(&self) -> Vec<BusEvent> {
        std::mem::take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A request to reconcile starts the function, at least once.
    fn start(&self, request: &BusEvent) -> Port<()> {
        let request: countersign_domain::event::ReconciliationRequest =
            serde_json::from_str(&request.detail).map_err(|error| PortError::new("bus", "decode", error))?;
        let mut state = self.hub.lock();
        let copies = if state.strikes(Fault::BusDoubled) { 2 } else { 1 };
        for _ in 0..copies {
            let delay_ms = state.dice.between(1, 2_000);
            state.schedule_in(delay_ms, Due::Invoke(Call::Requested(request.clone()), 0));
        }
        Ok(())
    }
}

impl Bus for WorldBus {
    async fn publish(&self, events: &[BusEvent]) -> Port<Vec<usize>> {
        if events.len() > BUS_ENTRIES_MAX {
            return Err(PortError::new("bus", "publish", format!("{} entries are too many", events.len())));
        }
        let (requests, others): (Vec<_>, Vec<_>) =
            events.iter().partition(|event| event.detail_type == RECONCILIATION_REQUESTED);
        requests.into_iter().try_for_each(|request| self.start(request))?;
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).extend(others.into_iter().cloned());
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
