//! Ports whose calls are counted, and go wrong on request.

use crate::ports::{
    Append, Bus, Drift, Drifted, Findings, Inbox, InboxKey, InboxRow, Ledger, LedgerView, Notice, Port,
    PortError, Put, Queue, Raised, SecretPair, Secrets, Seen, Sighting, Sources,
};
use countersign_domain::event::BusEvent;
use countersign_domain::finding::Finding;
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::source::SourceConfig;
use std::future::Future;
use std::sync::{Arc, Mutex};

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It never took effect.
    Refused,
    /// It took effect, and the answer was lost.
    Lost,
    /// The code of the port panics.
    Panics,
    /// Of a call with entries, these are not taken.
    Partial(Vec<usize>),
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<&'static str>,
    mishaps: Vec<(&'static str, Mishap)>,
}

/// What was called, and what is to go wrong. Clones are one script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

impl Script {
    /// The next call of this name that has no mishap yet goes wrong.
    pub(crate) fn next(&self, call: &'static str, mishap: Mishap) {
        self.0.lock().expect("a lock").mishaps.push((call, mishap));
    }

    /// The names of all calls so far, oldest first; then they are forgotten.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().expect("a lock").calls)
    }

    fn begin(&self, call: &'static str) -> Option<Mishap> {
        let mut state = self.0.lock().expect("a lock");
        state.calls.push(call);
        let at = state.mishaps.iter().position(|(name, _)| *name == call)?;
        Some(state.mishaps.remove(at).1)
    }
}

/// A port under a script.
#[derive(Clone, Debug)]
pub(crate) struct Scripted<P> {
    pub(crate) inner: P,
    pub(crate) script: Script,
}

impl<P> Scripted<P> {
    pub(crate) fn new(inner: P, script: &Script) -> Self {
        Self { inner, script: script.clone() }
    }

    async fn call<T>(&self, name: &'static str, effect: impl Future<Output = Port<T>>) -> Port<T> {
        match self.script.begin(name) {
            None => effect.await,
            Some(Mishap::Refused | Mishap::Partial(_)) => Err(PortError::new("scripted", name, "refused")),
            Some(Mishap::Lost) => {
                drop(effect.await?);
                Err(PortError::new("scripted", name, "the answer was lost"))
            }
            Some(Mishap::Panics) => panic!("{name} was told to panic"),
        }
    }

    /// A call with entries: those that are taken, and the positions of those that are not.
    async fn entries<T: Clone>(
        &self,
        name: &'static str,
        entries: &[T],
        effect: impl AsyncFnOnce(&[T]) -> Port<Vec<usize>>,
    ) -> Port<Vec<usize>> {
        let mishap = self.script.begin(name);
        if let Some(Mishap::Partial(refused)) = mishap {
            let is_taken = |at: &usize| !refused.contains(at);
            let taken: Vec<_> = (0..entries.len()).filter(is_taken).map(|at| entries[at].clone()).collect();
            assert!(effect(&taken).await?.is_empty(), "ports in memory take every entry");
            return Ok(refused);
        }
        let script = Script::default();
        if let Some(mishap) = mishap {
            script.next(name, mishap);
        }
        Scripted { inner: (), script }.call(name, effect(entries)).await
    }
}

impl<P: Sources> Sources for Scripted<P> {
    async fn fetch(&self, name: &SourceName) -> Port<Option<SourceConfig>> {
        self.call("sources.fetch", self.inner.fetch(name)).await
    }

    async fn list(&self) -> Port<Vec<SourceConfig>> {
        self.call("sources.list", self.inner.list()).await
    }
}

impl<P: Secrets> Secrets for Scripted<P> {
    async fn fetch(&self, source: &SourceName) -> Port<Option<SecretPair>> {
        self.call("secrets.fetch", self.inner.fetch(source)).await
    }
}

impl<P: Inbox> Inbox for Scripted<P> {
    async fn put(&self, row: &InboxRow) -> Port<Put> {
        self.call("inbox.put", self.inner.put(row)).await
    }

    async fn get(&self, key: &InboxKey) -> Port<Option<InboxRow>> {
        self.call("inbox.get", self.inner.get(key)).await
    }
}

impl<P: Queue> Queue for Scripted<P> {
    async fn send(&self, notices: &[Notice]) -> Port<Vec<usize>> {
        self.entries("queue.send", notices, async |taken| self.inner.send(taken).await).await
    }
}

impl<P: Ledger> Ledger for Scripted<P> {
    async fn view(&self, source: &SourceName, payment: &PaymentId, event: &EventId) -> Port<LedgerView> {
        self.call("ledger.view", self.inner.view(source, payment, event)).await
    }

    async fn history(&self, source: &SourceName, payment: &PaymentId) -> Port<Vec<LedgerRow>> {
        self.call("ledger.history", self.inner.history(source, payment)).await
    }

    async fn append(&self, row: &LedgerRow) -> Port<Append> {
        self.call("ledger.append", self.inner.append(row)).await
    }

    async fn opened_on(&self, source: &SourceName, date: &str) -> Port<Vec<PaymentId>> {
        self.call("ledger.opened_on", self.inner.opened_on(source, date)).await
    }
}

impl<P: Findings> Findings for Scripted<P> {
    async fn raise(&self, finding: &Finding) -> Port<Raised> {
        self.call("findings.raise", self.inner.raise(finding)).await
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Finding>> {
        self.call("findings.list", self.inner.list(source)).await
    }
}

impl<P: Drift> Drift for Scripted<P> {
    async fn saw(&self, sighting: &Sighting) -> Port<Seen> {
        self.call("drift.saw", self.inner.saw(sighting)).await
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Drifted>> {
        self.call("drift.list", self.inner.list(source)).await
    }
}

impl<P: Bus> Bus for Scripted<P> {
    async fn publish(&self, events: &[BusEvent]) -> Port<Vec<usize>> {
        self.entries("bus.publish", events, async |taken| self.inner.publish(taken).await).await
    }
}
