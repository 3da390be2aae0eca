//! Lambda: execution environments, each with a clock and a memory of its own, and one invocation at a time in each.

use super::bus::WorldBus;
use super::clock::SkewedClock;
use super::faults::Fault;
use super::hub::{Due, Hub, TaskId, instant};
use super::ports::Faulty;
use super::provider::Delivery;
use super::queue::{Message, WorldQueue};
use super::{Settings, Stores};
use countersign_app::caches::SourceCache;
use countersign_app::ingest::{Accepted, Arrival, Ingest, Rejected, Request};
use countersign_app::memory::{
    MemoryApi, MemoryCertificates, MemoryDrift, MemoryExpectations, MemoryFindings, MemoryInbox,
    MemoryLedger, MemorySecrets, MemorySources,
};
use countersign_app::process::{Processed, Processor, Record};
use countersign_domain::ids::TraceId;
use countersign_domain::signature::Headers;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

type IngestApp = Ingest<
    Faulty<MemorySources>,
    Faulty<MemorySecrets>,
    MemoryCertificates,
    Faulty<MemoryInbox>,
    Faulty<WorldQueue>,
>;
type ProcessorApp = Processor<
    Faulty<MemorySources>,
    Faulty<MemoryInbox>,
    Faulty<MemoryLedger>,
    Faulty<MemoryFindings>,
    Faulty<WorldBus>,
    MemoryApi,
    SkewedClock,
    Faulty<MemoryDrift>,
    MemoryExpectations,
>;

/// How long an invocation may take, in milliseconds. As in `template.yaml`.
const INGEST_TIMEOUT_MS: i64 = 10_000;
const PROCESSOR_TIMEOUT_MS: i64 = 30_000;
/// How long before its end the processor begins nothing new, in milliseconds.
const PROCESSOR_MARGIN_MS: i64 = 5_000;

/// What an invocation was called for.
#[expect(clippy::large_enum_variant, reason = "there are a handful at a time")]
pub(crate) enum Work {
    /// A delivery.
    Delivery {
        delivery: Delivery,
        attempt: String,
        began_at_ms: i64,
        /// What the environment's clock said.
        clock_seconds: i64,
    },
    /// A batch of messages.
    Batch { messages: Vec<Message>, began_at_ms: i64 },
}

/// What an invocation came to.
pub(crate) enum Done {
    Answered(Result<Accepted, Rejected>),
    Processed(Vec<Processed>),
}

type Code = Pin<Box<dyn Future<Output = Done> + Send>>;

struct Task {
    code: Code,
    wakeup: Arc<Wakeup>,
    work: Work,
    environment: u64,
}

/// Whether a task has asked to be polled again.
#[derive(Default)]
struct Wakeup(AtomicBool);

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
enum App {
    Ingest(Arc<IngestApp>),
    Processor(Arc<ProcessorApp>),
}

struct Environment {
    app: App,
    skew_ms: i64,
    is_cold: bool,
    is_retired: bool,
    task: Option<TaskId>,
}

/// Every environment of both functions.
pub(crate) struct Environments {
    hub: Hub,
    settings: Settings,
    stores: Stores,
    bus: WorldBus,
    environments: BTreeMap<u64, Environment>,
    tasks: BTreeMap<TaskId, Task>,
    begun: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    Ingest,
    Processor,
}

impl App {
    fn function(&self) -> Function {
        match self {
            Self::Ingest(_) => Function::Ingest,
            Self::Processor(_) => Function::Processor,
        }
    }
}

impl Environments {
    pub(super) fn new(hub: &Hub, settings: &Settings, stores: &Stores, bus: &WorldBus) -> Self {
        Self {
            hub: hub.clone(),
            settings: settings.clone(),
            stores: stores.clone(),
            bus: bus.clone(),
            environments: BTreeMap::new(),
            tasks: BTreeMap::new(),
            begun: 0,
        }
    }

    /// Every environment there is takes no more work.
    pub(crate) fn retire_all(&mut self) {
        self.environments.retain(|_, environment| environment.task.is_some());
        self.environments.values_mut().for_each(|environment| environment.is_retired = true);
    }

    pub(crate) fn is_at_work(&self, task: TaskId) -> bool {
        self.tasks.contains_key(&task)
    }

    pub(crate) fn batches_at_work(&self) -> usize {
        self.tasks.values().filter(|task| matches!(task.work, Work::Batch { .. })).count()
    }

    /// Calls ingest. Its code runs when it is [`run`](Self::run).
    pub(crate) fn begin_delivery(&mut self, delivery: Delivery) -> TaskId {
        let number = self.environment(Function::Ingest);
        let began_at_ms = self.hub.now_ms();
        let attempt = TraceId::from_bytes(self.hub.lock().dice.id());
        let Some(Environment { app: App::Ingest(app), skew_ms, is_cold, .. }) =
            self.environments.get_mut(&number)
        else {
            unreachable!("an environment of ingest")
        };
        let now = instant(began_at_ms.saturating_add(*skew_ms));
        let (app, is_cold) = (Arc::clone(app), std::mem::take(is_cold));
        let headers = delivery.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request {
            method: "POST".to_owned(),
            source: delivery.endpoint.clone(),
            path_token: None,
            source_ip: None,
            query: String::new(),
            headers: Headers::new(headers),
            body: delivery.body.clone(),
        };
        let arrival = Arrival { now, attempt: attempt.clone(), trace: attempt.clone() };
        let code = async move {
            if is_cold {
                app.warm(now).await;
            }
            Done::Answered(app.accept(&request, &arrival).await)
        };
        self.hub.trace(|| format!("request to {number}: {}", delivery.what));
        let attempt = attempt.as_str().to_owned();
        let work = Work::Delivery { delivery, attempt, began_at_ms, clock_seconds: now.as_second() };
        self.begin(number, work, Box::pin(code), INGEST_TIMEOUT_MS)
    }

    /// Calls the processor. Its code runs when it is [`run`](Self::run).
    pub(crate) fn begin_batch(&mut self, messages: Vec<Message>) -> TaskId {
        let number = self.environment(Function::Processor);
        let began_at_ms = self.hub.now_ms();
        let Some(Environment { app: App::Processor(app), skew_ms, .. }) = self.environments.get(&number)
        else {
            unreachable!("an environment of the processor")
        };
        let margin_ms = PROCESSOR_TIMEOUT_MS - PROCESSOR_MARGIN_MS;
        let stop_at = instant(began_at_ms.saturating_add(*skew_ms).saturating_add(margin_ms));
        let app = Arc::clone(app);
        let record =
            |message: &Message| Record { message_id: message.id.to_string(), body: message.body.clone() };
        let records: Vec<_> = messages.iter().map(record).collect();
        let code = async move { Done::Processed(app.batch(records, stop_at).await) };
        let ids = || messages.iter().map(|message| message.id.to_string()).collect::<Vec<_>>().join(", ");
        self.hub.trace(|| format!("batch to {number}: messages {}", ids()));
        self.begin(number, Work::Batch { messages, began_at_ms }, Box::pin(code), PROCESSOR_TIMEOUT_MS)
    }

    fn begin(&mut self, number: u64, work: Work, code: Code, timeout_ms: i64) -> TaskId {
        self.begun = self.begun.saturating_add(1);
        let task = self.begun;
        if let Some(environment) = self.environments.get_mut(&number) {
            environment.task = Some(task);
        }
        self.tasks.insert(task, Task { code, wakeup: Arc::default(), work, environment: number });
        self.hub.lock().schedule_in(timeout_ms, Due::Timeout(task));
        task
    }

    /// An environment that is free: one that is there, or a new one.
    fn environment(&mut self, function: Function) -> u64 {
        let of_function = self.environments.iter().filter(|(_, known)| known.app.function() == function);
        let (mut free, mut busy) = (Vec::new(), 0);
        for (number, environment) in of_function {
            match environment.task {
                None => free.push(*number),
                Some(_) => busy += 1,
            }
        }
        let mut state = self.hub.lock();
        if busy > 0 {
            state.faults.note(Fault::Concurrent);
        }
        if !free.is_empty() {
            let chosen = state.dice.pick(&free);
            if !state.strikes(Fault::Recycled) {
                return chosen;
            }
            self.environments.remove(&chosen);
        }
        let is_off = state.strikes(Fault::ClockSkewed);
        let skew_ms =
            if is_off { state.dice.between(-600_000, 600_000) } else { state.dice.between(-900, 900) };
        drop(state);
        let app = match function {
            Function::Ingest => App::Ingest(Arc::new(self.new_ingest())),
            Function::Processor => App::Processor(Arc::new(self.new_processor(skew_ms))),
        };
        self.begun = self.begun.saturating_add(1);
        let fresh = Environment { app, skew_ms, is_cold: true, is_retired: false, task: None };
        self.environments.insert(self.begun, fresh);
        self.begun
    }

    fn new_ingest(&self) -> IngestApp {
        Ingest::new(
            Faulty::new(&self.settings.sources, &self.hub),
            Faulty::new(&self.settings.secrets, &self.hub),
            MemoryCertificates::default(),
            Faulty::new(&self.stores.inbox, &self.hub),
            Faulty::new(&self.stores.queue, &self.hub),
        )
    }

    fn new_processor(&self, skew_ms: i64) -> ProcessorApp {
        Processor {
            sources: Faulty::new(&self.settings.sources, &self.hub),
            inbox: Faulty::new(&self.stores.inbox, &self.hub),
            ledger: Faulty::new(&self.stores.ledger, &self.hub),
            findings: Faulty::new(&self.stores.findings, &self.hub),
            bus: Faulty::new(&self.bus, &self.hub),
            api: MemoryApi::default(),
            clock: SkewedClock::new(&self.hub, skew_ms),
            drift: Faulty::new(&self.settings.drift, &self.hub),
            expectations: MemoryExpectations::default(),
            source_cache: SourceCache::default(),
        }
    }

    /// Polls an invocation until it waits. Returns what it came to, once it is over.
    ///
    /// # Errors
    /// What it panicked with.
    pub(crate) fn run(&mut self, id: TaskId) -> Result<Option<(Work, Done)>, Box<dyn Any + Send>> {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(None) };
        let waker = Waker::from(Arc::clone(&task.wakeup));
        self.hub.enter(Some(id));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            loop {
                task.wakeup.0.store(false, Ordering::Relaxed);
                let polled = task.code.as_mut().poll(&mut Context::from_waker(&waker));
                if polled.is_ready() || !task.wakeup.0.load(Ordering::Relaxed) {
                    return polled;
                }
            }
        }));
        self.hub.enter(None);
        match polled? {
            Poll::Pending => Ok(None),
            Poll::Ready(done) => {
                let Some(Task { work, environment, .. }) = self.tasks.remove(&id) else { return Ok(None) };
                self.release(environment);
                Ok(Some((work, done)))
            }
        }
    }

    /// Frees an environment, or throws it away if its time is over.
    fn release(&mut self, number: u64) {
        if let Some(environment) = self.environments.get_mut(&number) {
            environment.task = None;
            if environment.is_retired {
                self.environments.remove(&number);
            }
        }
    }

    /// Ends an invocation and its environment. Returns what it was called for, if it was still at it.
    pub(crate) fn kill(&mut self, id: TaskId) -> Option<Work> {
        let Task { work, environment, .. } = self.tasks.remove(&id)?;
        self.environments.remove(&environment);
        Some(work)
    }
}
