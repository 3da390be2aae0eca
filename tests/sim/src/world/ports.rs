//! The ports in memory, with everything that can go wrong with a call.

mod books;

use super::bus::{describe, show_refused};
use super::faults::Fault;
use super::hub::Hub;
use countersign_app::ports::{
    Append, Bus, Drift, Drifted, Findings, Inbox, InboxKey, InboxRow, Ledger, LedgerView, Notice, Port, Put,
    Queue, Raised, SecretPair, Secrets, Seen, Sighting, Sources,
};
use countersign_domain::event::BusEvent;
use countersign_domain::finding::Finding;
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::source::SourceConfig;
use std::collections::BTreeSet;

/// For how long what came in is remembered by somebody who forgets it too soon, in milliseconds.
const TOO_SOON_MS: i64 = 1_200_000;

/// A port behind a network that cannot be trusted.
#[derive(Clone)]
pub(crate) struct Faulty<P> {
    inner: P,
    hub: Hub,
}

impl<P> Faulty<P> {
    pub(crate) fn new(inner: &P, hub: &Hub) -> Self
    where
        P: Clone,
    {
        Self { inner: inner.clone(), hub: hub.clone() }
    }
}

impl<P: Sources + Clone + 'static> Sources for Faulty<P> {
    async fn fetch(&self, name: &SourceName) -> Port<Option<SourceConfig>> {
        let (port, about, name) = (self.inner.clone(), name.clone(), name.clone());
        let show = |found: &Option<SourceConfig>| {
            found.as_ref().map_or("none".to_owned(), |c| format!("{:?}", c.state))
        };
        self.hub
            .call("sources.fetch", move || about.to_string(), async move { port.fetch(&name).await }, show)
            .await
    }

    async fn list(&self) -> Port<Vec<SourceConfig>> {
        let port = self.inner.clone();
        let show = |found: &Vec<SourceConfig>| format!("{} sources", found.len());
        self.hub.call("sources.list", String::new, async move { port.list().await }, show).await
    }
}

impl<P: Secrets + Clone + 'static> Secrets for Faulty<P> {
    async fn fetch(&self, source: &SourceName) -> Port<Option<SecretPair>> {
        let (port, about, source) = (self.inner.clone(), source.clone(), source.clone());
        let show = |found: &Option<SecretPair>| match found {
            None => "none".to_owned(),
            Some(SecretPair { previous: None, .. }) => "one secret".to_owned(),
            Some(SecretPair { previous: Some(_), .. }) => "two secrets".to_owned(),
        };
        self.hub
            .call("secrets.fetch", move || about.to_string(), async move { port.fetch(&source).await }, show)
            .await
    }
}

impl<P: Inbox + Clone + 'static> Inbox for Faulty<P> {
    async fn put(&self, row: &InboxRow) -> Port<Put> {
        let (port, about, row) = (self.inner.clone(), row.key.clone(), row.clone());
        let show = |put: &Put| match put {
            Put::Written => "written".to_owned(),
            Put::Exists { .. } => "exists".to_owned(),
        };
        self.hub.call("inbox.put", move || about.to_string(), async move { port.put(&row).await }, show).await
    }

    async fn get(&self, key: &InboxKey) -> Port<Option<InboxRow>> {
        let (port, about, key) = (self.inner.clone(), key.clone(), key.clone());
        let show =
            |row: &Option<InboxRow>| if row.is_some() { "a row".to_owned() } else { "none".to_owned() };
        let hub = self.hub.clone();
        let effect = async move {
            let row = port.get(&key).await?;
            let is_old =
                |row: &InboxRow| hub.now_ms().saturating_sub(row.received_at.as_millisecond()) > TOO_SOON_MS;
            Ok(row.filter(|row| !(is_planted(Mistake::ForgetsTooSoon) && is_old(row))))
        };
        self.hub.call("inbox.get", move || about.to_string(), effect, show).await
    }
}

impl<P: Queue + Clone + 'static> Queue for Faulty<P> {
    async fn send(&self, notices: &[Notice]) -> Port<Vec<usize>> {
        let refused = self.hub.refused_entries(Fault::PartialSend, notices.len());
        let (taken, about) = (without(notices, &refused), notices.to_vec());
        let about = move || about.iter().map(|notice| notice.key.to_string()).collect::<Vec<_>>().join(", ");
        let port = self.inner.clone();
        let effect = async move {
            port.send(&taken).await?;
            Ok(refused.into_iter().collect())
        };
        self.hub.call("queue.send", about, effect, show_refused).await
    }
}

impl<P: Ledger + Clone + 'static> Ledger for Faulty<P> {
    async fn view(&self, source: &SourceName, payment: &PaymentId, event: &EventId) -> Port<LedgerView> {
        let port = self.inner.clone();
        let about = format!("{source} {payment} {event}");
        let (source, payment, event) = (source.clone(), payment.clone(), event.clone());
        let show = |view: &LedgerView| {
            let version = |row: &Option<LedgerRow>| row.as_ref().map_or(0, |row| row.version);
            format!("v{}, applied as v{}", version(&view.latest), version(&view.of_event))
        };
        let effect = async move { port.view(&source, &payment, &event).await };
        self.hub.call("ledger.view", move || about, effect, show).await
    }

    async fn history(&self, source: &SourceName, payment: &PaymentId) -> Port<Vec<LedgerRow>> {
        let (port, source, payment) = (self.inner.clone(), source.clone(), payment.clone());
        let about = format!("{source} {payment}");
        let show = |rows: &Vec<LedgerRow>| format!("{} rows", rows.len());
        let effect = async move { port.history(&source, &payment).await };
        self.hub.call("ledger.history", move || about, effect, show).await
    }

    async fn append(&self, row: &LedgerRow) -> Port<Append> {
        let (port, mut row) = (self.inner.clone(), row.clone());
        let about = format!("{} {} v{} {}", row.source, row.payment, row.version, row.cause.event);
        let effect = async move {
            // Whoever forgets the condition writes what follows from a state that is no longer the newest.
            while is_planted(Mistake::UnconditionalPut) && port.append(&row).await? == Append::Stale {
                row.version = row.version.saturating_add(1);
            }
            if is_planted(Mistake::UnconditionalPut) { Ok(Append::Appended) } else { port.append(&row).await }
        };
        self.hub.call("ledger.append", move || about, effect, |append| format!("{append:?}")).await
    }

    async fn opened_on(&self, source: &SourceName, date: &str) -> Port<Vec<PaymentId>> {
        let (port, source, date) = (self.inner.clone(), source.clone(), date.to_owned());
        let about = format!("{source} {date}");
        let show = |payments: &Vec<PaymentId>| format!("{} payments", payments.len());
        let effect = async move { port.opened_on(&source, &date).await };
        self.hub.call("ledger.opened_on", move || about, effect, show).await
    }
}

impl<P: Findings + Clone + 'static> Findings for Faulty<P> {
    async fn raise(&self, finding: &Finding) -> Port<Raised> {
        let (port, finding) = (self.inner.clone(), finding.clone());
        let about = format!("{} {} {}", finding.source, finding.kind.as_str(), finding.subject);
        let effect = async move { port.raise(&finding).await };
        self.hub.call("findings.raise", move || about, effect, |raised| format!("{raised:?}")).await
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Finding>> {
        let (port, about, source) = (self.inner.clone(), source.clone(), source.clone());
        let show = |findings: &Vec<Finding>| format!("{} findings", findings.len());
        let effect = async move { port.list(&source).await };
        self.hub.call("findings.list", move || about.to_string(), effect, show).await
    }
}

impl<P: Drift + Clone + 'static> Drift for Faulty<P> {
    async fn saw(&self, sighting: &Sighting) -> Port<Seen> {
        let (port, sighting) = (self.inner.clone(), sighting.clone());
        let about =
            format!("{} {} {}", sighting.source, sighting.unknown.key(&sighting.kind), sighting.events);
        let effect = async move { port.saw(&sighting).await };
        self.hub.call("drift.saw", move || about, effect, |seen| format!("{seen:?}")).await
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Drifted>> {
        let (port, about, source) = (self.inner.clone(), source.clone(), source.clone());
        let show = |drifted: &Vec<Drifted>| format!("{} unknown words", drifted.len());
        let effect = async move { port.list(&source).await };
        self.hub.call("drift.list", move || about.to_string(), effect, show).await
    }
}

impl<P: Bus + Clone + 'static> Bus for Faulty<P> {
    async fn publish(&self, events: &[BusEvent]) -> Port<Vec<usize>> {
        let refused = self.hub.refused_entries(Fault::PartialPublish, events.len());
        let (taken, about) = (without(events, &refused), events.to_vec());
        let port = self.inner.clone();
        let effect = async move {
            port.publish(&taken).await?;
            Ok(refused.into_iter().collect())
        };
        self.hub.call("bus.publish", move || describe(&about), effect, show_refused).await
    }
}

fn without<T: Clone>(entries: &[T], refused: &BTreeSet<usize>) -> Vec<T> {
    let taken = entries.iter().enumerate().filter(|(at, _)| !refused.contains(at));
    taken.map(|(_, entry)| entry.clone()).collect()
}
