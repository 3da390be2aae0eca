//! What the use cases speak to and do not read back, and the time.

use super::Shared;
use crate::ports::{
    ApiRequest, Bus, Certificates, Clock, Notice, Port, PortError, ProviderApi, Queue, Reports,
};
use countersign_domain::event::BusEvent;
use countersign_domain::ids::SourceName;
use countersign_domain::limits::{BUS_ENTRIES_MAX, QUEUE_ENTRIES_MAX};
use countersign_domain::signature::TrustAnchors;
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use std::collections::BTreeMap;

/// The sending end of the queue, and whatever was sent.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue(Shared<Vec<Notice>>);

impl MemoryQueue {
    /// Takes out everything that was sent, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Queue for MemoryQueue {
    async fn send(&self, notices: &[Notice]) -> Port<Vec<usize>> {
        if notices.len() > QUEUE_ENTRIES_MAX {
            let why = format!("{} messages, and the queue takes {QUEUE_ENTRIES_MAX} at once", notices.len());
            return Err(PortError::new("queue", "send", why));
        }
        self.0.lock().extend_from_slice(notices);
        Ok(Vec::new())
    }
}

/// The bus, and whatever was published on it.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus(Shared<Vec<BusEvent>>);

impl MemoryBus {
    /// Everything that was published, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<BusEvent> {
        self.0.lock().clone()
    }
}

impl Bus for MemoryBus {
    async fn publish(&self, events: &[BusEvent]) -> Port<Vec<usize>> {
        if events.len() > BUS_ENTRIES_MAX {
            let why = format!("{} events, and the bus takes {BUS_ENTRIES_MAX} at once", events.len());
            return Err(PortError::new("bus", "publish", why));
        }
        self.0.lock().extend_from_slice(events);
        Ok(Vec::new())
    }
}

/// Certificate chains by URL.
#[derive(Clone, Debug, Default)]
pub struct MemoryCertificates {
    chains: Shared<BTreeMap<String, Vec<u8>>>,
    fetches: Shared<usize>,
    anchors: TrustAnchors,
}

impl MemoryCertificates {
    /// A store whose chains lead to these roots.
    #[must_use]
    pub fn with_anchors(anchors: TrustAnchors) -> Self {
        Self { anchors, ..Self::default() }
    }

    /// Puts a chain behind a URL.
    pub fn put(&self, url: &str, chain: &[u8]) {
        self.chains.lock().insert(url.to_owned(), chain.to_vec());
    }

    /// How often it was asked.
    #[must_use]
    pub fn fetches(&self) -> usize {
        *self.fetches.lock()
    }
}

impl Certificates for MemoryCertificates {
    async fn fetch(&self, url: &str) -> Port<Option<Vec<u8>>> {
        let mut fetches = self.fetches.lock();
        *fetches = fetches.saturating_add(1);
        Ok(self.chains.lock().get(url).cloned())
    }

    fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }
}

/// An object: its content type and its bytes.
type Object = (String, Vec<u8>);

/// The reports.
#[derive(Clone, Debug, Default)]
pub struct MemoryReports(Shared<BTreeMap<String, Object>>);

impl MemoryReports {
    /// The bytes of a report.
    #[must_use]
    pub fn read(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().get(key).map(|(_, bytes)| bytes.clone())
    }

    /// The keys of every report.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.0.lock().keys().cloned().collect()
    }
}

impl Reports for MemoryReports {
    async fn write(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Port<()> {
        self.0.lock().insert(key.to_owned(), (content_type.to_owned(), bytes));
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Books {
    /// By source, path and query. A failure is kept as its reason.
    answers: BTreeMap<(SourceName, String), Result<Vec<u8>, String>>,
    requests: Vec<String>,
}

/// A provider's books: answers that were put there before. What has no answer is a 404.
#[derive(Clone, Debug, Default)]
pub struct MemoryApi(Shared<Books>);

impl MemoryApi {
    /// Answers a call with a body from now on.
    pub fn answer(&self, source: &SourceName, request: &ApiRequest, body: impl Into<Vec<u8>>) {
        self.0.lock().answers.insert((source.clone(), line(request)), Ok(body.into()));
    }

    /// Fails a call from now on.
    pub fn fail(&self, source: &SourceName, request: &ApiRequest, why: &str) {
        self.0.lock().answers.insert((source.clone(), line(request)), Err(why.to_owned()));
    }

    /// Every call that was made, as `path?name=value&…`, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.0.lock().requests.clone()
    }
}

/// The call as one line; nothing is escaped, it is only compared.
fn line(request: &ApiRequest) -> String {
    let pairs: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}?{}", request.path, pairs.join("&"))
}

impl ProviderApi for MemoryApi {
    async fn get(&self, source: &Source, request: &ApiRequest) -> Port<Option<Vec<u8>>> {
        let mut books = self.0.lock();
        let line = line(request);
        books.requests.push(line.clone());
        match books.answers.get(&(source.name.clone(), line)) {
            None => Ok(None),
            Some(Ok(body)) => Ok(Some(body.clone())),
            Some(Err(why)) => Err(PortError::new("provider", "get", why.clone())),
        }
    }
}

/// A clock that stands until it is set.
#[derive(Clone, Debug)]
pub struct MemoryClock(Shared<Timestamp>);

impl MemoryClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        let clock = Self(Shared::default());
        clock.set(now);
        clock
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock() = now;
    }
}

impl Clock for MemoryClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}
