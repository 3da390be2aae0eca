//! What runs in an environment: the use cases, on ports that cannot be trusted.

use crate::world::Stores;
use crate::world::bus::WorldBus;
use crate::world::clock::SkewedClock;
use crate::world::hub::Hub;
use crate::world::ports::Faulty;
use crate::world::provider::{Books, WorldApi};
use crate::world::queue::{Release, WorldQueue};
use crate::world::settings::{Settings, WatchedSources};
use countersign_app::caches::SourceCache;
use countersign_app::expect::Expecter;
use countersign_app::ingest::Ingest;
use countersign_app::memory::{
    MemoryApi, MemoryCertificates, MemoryDrift, MemoryExpectations, MemoryFindings, MemoryInbox,
    MemoryLedger, MemoryReports, MemoryRuns, MemorySecrets,
};
use countersign_app::process::Processor;
use countersign_app::reconcile::Reconciler;
use std::sync::Arc;

pub(super) type IngestApp = Ingest<
    Faulty<WatchedSources>,
    Faulty<MemorySecrets>,
    MemoryCertificates,
    Faulty<MemoryInbox>,
    Faulty<WorldQueue>,
>;
pub(super) type ProcessorApp = Processor<
    Faulty<WatchedSources>,
    Faulty<MemoryInbox>,
    Faulty<MemoryLedger>,
    Faulty<MemoryFindings>,
    Faulty<WorldBus>,
    MemoryApi,
    SkewedClock,
    Faulty<MemoryDrift>,
    Faulty<MemoryExpectations>,
>;
type ReconcilerApp = Reconciler<
    Faulty<WatchedSources>,
    WorldApi,
    Faulty<MemoryInbox>,
    Faulty<WorldQueue>,
    Faulty<MemoryLedger>,
    Faulty<MemoryFindings>,
    Faulty<MemoryRuns>,
    Faulty<MemoryReports>,
    Faulty<WorldBus>,
    SkewedClock,
>;
type ExpecterApp = Expecter<
    Faulty<MemoryExpectations>,
    Faulty<WatchedSources>,
    WorldApi,
    Faulty<MemoryInbox>,
    Faulty<WorldQueue>,
    Faulty<MemoryLedger>,
    Faulty<MemoryFindings>,
    SkewedClock,
>;

/// The books' function: both of its use cases.
pub(super) struct Desk {
    pub(super) reconciler: ReconcilerApp,
    pub(super) expecter: ExpecterApp,
}

/// The operator's command.
pub(crate) struct Hand {
    pub(crate) sources: Faulty<WatchedSources>,
    pub(crate) inbox: Faulty<MemoryInbox>,
    pub(crate) queue: Faulty<WorldQueue>,
}

#[derive(Clone)]
pub(super) enum App {
    Ingest(Arc<IngestApp>),
    Processor(Arc<ProcessorApp>),
    Reconcile(Arc<Desk>),
    Operator(Arc<Hand>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Ingest,
    Processor,
    Reconcile,
    Operator,
}

impl App {
    pub(super) fn function(&self) -> Function {
        match self {
            Self::Ingest(_) => Function::Ingest,
            Self::Processor(_) => Function::Processor,
            Self::Reconcile(_) => Function::Reconcile,
            Self::Operator(_) => Function::Operator,
        }
    }
}

/// What every environment is made of.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) hub: Hub,
    pub(crate) settings: Settings,
    pub(crate) stores: Stores,
    pub(crate) bus: WorldBus,
    pub(crate) books: Books,
}

impl Parts {
    fn faulty<P: Clone>(&self, port: &P) -> Faulty<P> {
        Faulty::new(port, &self.hub)
    }

    /// A new one, of a version of the code, whose clock is so far off.
    pub(super) fn app(&self, function: Function, release: Release, skew_ms: i64) -> App {
        let queue = self.faulty(&self.stores.queue.of(release));
        match function {
            Function::Ingest => App::Ingest(Arc::new(Ingest::new(
                self.faulty(&self.settings.sources),
                self.faulty(&self.settings.secrets),
                MemoryCertificates::default(),
                self.faulty(&self.stores.inbox),
                queue,
            ))),
            Function::Processor => App::Processor(Arc::new(self.processor(skew_ms))),
            Function::Reconcile => App::Reconcile(Arc::new(Desk {
                reconciler: self.reconciler(&queue, skew_ms),
                expecter: self.expecter(queue, skew_ms),
            })),
            Function::Operator => App::Operator(Arc::new(Hand {
                sources: self.faulty(&self.settings.sources),
                inbox: self.faulty(&self.stores.inbox),
                queue,
            })),
        }
    }

    fn processor(&self, skew_ms: i64) -> ProcessorApp {
        Processor {
            sources: self.faulty(&self.settings.sources),
            inbox: self.faulty(&self.stores.inbox),
            ledger: self.faulty(&self.stores.ledger),
            findings: self.faulty(&self.stores.findings),
            bus: self.faulty(&self.bus),
            api: MemoryApi::default(),
            clock: SkewedClock::new(&self.hub, skew_ms),
            drift: self.faulty(&self.settings.drift),
            expectations: self.faulty(&self.stores.expectations),
            source_cache: SourceCache::default(),
        }
    }

    fn reconciler(&self, queue: &Faulty<WorldQueue>, skew_ms: i64) -> ReconcilerApp {
        Reconciler {
            sources: self.faulty(&self.settings.sources),
            api: WorldApi::new(&self.hub, &self.books),
            inbox: self.faulty(&self.stores.inbox),
            queue: queue.clone(),
            ledger: self.faulty(&self.stores.ledger),
            findings: self.faulty(&self.stores.findings),
            runs: self.faulty(&self.stores.runs),
            reports: self.faulty(&self.stores.reports),
            bus: self.faulty(&self.bus),
            clock: SkewedClock::new(&self.hub, skew_ms),
            source_cache: SourceCache::default(),
            // As `ReconcileGraceSeconds` in `template.yaml`.
            grace_seconds: 3_600,
            code: "simulated".to_owned(),
        }
    }

    fn expecter(&self, queue: Faulty<WorldQueue>, skew_ms: i64) -> ExpecterApp {
        Expecter {
            expectations: self.faulty(&self.stores.expectations),
            sources: self.faulty(&self.settings.sources),
            api: WorldApi::new(&self.hub, &self.books),
            inbox: self.faulty(&self.stores.inbox),
            queue,
            ledger: self.faulty(&self.stores.ledger),
            findings: self.faulty(&self.stores.findings),
            clock: SkewedClock::new(&self.hub, skew_ms),
            source_cache: SourceCache::default(),
        }
    }
}
