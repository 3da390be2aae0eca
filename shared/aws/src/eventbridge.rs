//! The bus, on EventBridge.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use countersign_app::ports::{Bus, Port, PortError};
use countersign_domain::event::{BUS_SOURCE, BusEvent};
use countersign_domain::limits::BUS_ENTRIES_MAX;
use std::collections::BTreeSet;

const PORT: &str = "bus";

/// The bus.
#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    pub(crate) fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.to_owned() }
    }

    fn entry(&self, event: &BusEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(BUS_SOURCE)
            .detail_type(event.detail_type)
            .detail(&event.detail)
            .build()
    }
}

impl Bus for EventBus {
    async fn publish(&self, events: &[BusEvent]) -> Port<Vec<usize>> {
        let refused = |why: String| PortError::new(PORT, "publish", why);
        if events.len() > BUS_ENTRIES_MAX {
            return Err(refused(format!(
                "{} events, and EventBridge takes {BUS_ENTRIES_MAX} at once",
                events.len()
            )));
        }
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let entries = events.iter().map(|event| self.entry(event)).collect();
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| PortError::new(PORT, "publish", error))?;
        // PutEvents answers 200 with failed entries in it, at the positions of the request.
        if answer.entries().len() != events.len() {
            return Err(refused(format!(
                "{} entries sent, {} answered",
                events.len(),
                answer.entries().len()
            )));
        }
        let is_failed = |entry: &aws_sdk_eventbridge::types::PutEventsResultEntry| entry.event_id().is_none();
        let failed: Vec<_> = answer
            .entries()
            .iter()
            .enumerate()
            .filter(|(_, entry)| is_failed(entry))
            .map(|(at, _)| at)
            .collect();
        if !failed.is_empty() {
            let codes: BTreeSet<&str> =
                answer.entries().iter().filter_map(|entry| entry.error_code()).collect();
            let detail = format!("{} of {} events were not taken: {codes:?}", failed.len(), events.len());
            tracing::warn!(target: "countersign::bus", detail);
        }
        Ok(failed)
    }
}
