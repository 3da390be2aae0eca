//! Lambda, and the operator's terminal: execution environments, each with a clock and a memory of its own, and one
//! invocation at a time in each.

mod apps;

pub(crate) use apps::{Hand, Parts};

use super::errand::{Errand, Went};
use super::faults::Fault;
use super::hub::{Due, Hub, Rollout, TaskId, instant};
use super::provider::Delivery;
use super::queue::{Message, Release};
use apps::{App, Desk, Function};
use countersign_app::expect::Checked;
use countersign_app::ingest::{Accepted, Arrival, Rejected, Request};
use countersign_app::ports::PortError;
use countersign_app::process::{Processed, Record};
use countersign_app::reconcile::Ended;
use countersign_domain::event::ReconciliationRequest;
use countersign_domain::expect::Announcement;
use countersign_domain::ids::TraceId;
use countersign_domain::signature::Headers;
use countersign_domain::time::Timestamp;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How long an invocation may take, in milliseconds. As in `template.yaml`.
const INGEST_TIMEOUT_MS: i64 = 10_000;
const PROCESSOR_TIMEOUT_MS: i64 = 30_000;
const RECONCILE_TIMEOUT_MS: i64 = 900_000;
/// How long before its end the processor begins nothing new, in milliseconds.
const PROCESSOR_MARGIN_MS: i64 = 16_000;
/// How long before its end a run asks to be taken up again, in milliseconds.
const RECONCILE_MARGIN_MS: i64 = 60_000;
/// An operator waits this long, in milliseconds.
const OPERATOR_PATIENCE_MS: i64 = 120_000;

/// What calls the function that looks after the books.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// The daily schedule.
    Due,
    /// The bus, for one window.
    Requested(ReconciliationRequest),
    /// The platform, for a payment that it has started.
    Announced(Announcement),
    /// The schedule that looks after announced payments.
    Check,
}

/// What an invocation was called for.
#[expect(clippy::large_enum_variant, reason = "there are a handful at a time")]
pub(crate) enum Work {
    /// A delivery.
    Delivery { request: Request, arrival: Arrival, delivery: Delivery },
    /// A batch of messages.
    Batch { messages: Vec<Message> },
    /// The books, for the so many-th time.
    Call { call: Call, tries: u32 },
    /// The operator's.
    Errand(Errand),
}

/// What an invocation came to.
pub(crate) enum Done {
    Answered(Result<Accepted, Rejected>),
    Processed(Vec<Processed>),
    Called(Result<Called, PortError>),
    Went(Went),
}

/// What the books' function came to.
pub(crate) enum Called {
    Requested(Vec<ReconciliationRequest>),
    Ran(Ended),
    Announced(bool),
    Checked(Checked),
}

/// An invocation that is over, or was ended.
pub(crate) struct Invocation {
    pub(crate) work: Work,
    pub(crate) began_at_ms: i64,
    /// How far its environment's clock is off, in milliseconds.
    pub(crate) skew_ms: i64,
    pub(crate) release: Release,
}

type Code = Pin<Box<dyn Future<Output = Done> + Send>>;

struct Task {
    code: Code,
    wakeup: Arc<Wakeup>,
    invocation: Invocation,
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

struct Environment {
    app: App,
    release: Release,
    skew_ms: i64,
    is_cold: bool,
    is_retired: bool,
    task: Option<TaskId>,
}

/// Every environment there is.
pub(crate) struct Environments {
    parts: Parts,
    hub: Hub,
    rollout: Rollout,
    /// How long an invocation that reconciles may take in this world, in milliseconds.
    run_timeout_ms: i64,
    environments: BTreeMap<u64, Environment>,
    tasks: BTreeMap<TaskId, Task>,
    begun: u64,
}

/// An environment that was chosen for an invocation.
struct Chosen {
    number: u64,
    app: App,
    release: Release,
    skew_ms: i64,
    is_cold: bool,
}

impl Environments {
    pub(super) fn new(parts: Parts) -> Self {
        let hub = parts.hub.clone();
        // As in `template.yaml`, or so short that a run has to be taken up again.
        let run_timeout_ms =
            hub.lock().dice.pick(&[RECONCILE_TIMEOUT_MS, RECONCILE_TIMEOUT_MS, RECONCILE_MARGIN_MS + 1_000]);
        Self {
            parts,
            hub,
            rollout: Rollout::None,
            run_timeout_ms,
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

    /// From now on new environments have the next version of the code, some of them, or none.
    pub(crate) fn roll_out(&mut self, rollout: Rollout) {
        self.rollout = rollout;
        if rollout != Rollout::Partial {
            self.retire_all();
        }
    }

    pub(crate) fn is_at_work(&self, task: TaskId) -> bool {
        self.tasks.contains_key(&task)
    }

    pub(crate) fn batches_at_work(&self) -> usize {
        self.tasks.values().filter(|task| matches!(task.invocation.work, Work::Batch { .. })).count()
    }

    /// Calls ingest. Its code runs when it is [`run`](Self::run).
    pub(crate) fn begin_delivery(&mut self, delivery: Delivery) -> TaskId {
        let chosen = self.choose(Function::Ingest);
        let App::Ingest(app) = chosen.app.clone() else { unreachable!("an environment of ingest") };
        let now = instant(self.hub.now_ms().saturating_add(chosen.skew_ms));
        let attempt = TraceId::from_bytes(self.hub.lock().dice.id());
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
        let arrival = Arrival { now, attempt: attempt.clone(), trace: attempt };
        let (their_request, their_arrival, is_cold) = (request.clone(), arrival.clone(), chosen.is_cold);
        let code = async move {
            if is_cold {
                app.warm(now).await;
            }
            Done::Answered(app.accept(&their_request, &their_arrival).await)
        };
        self.hub.trace(|| format!("request to {}: {}", chosen.number, delivery.what));
        self.begin(&chosen, Work::Delivery { request, arrival, delivery }, Box::pin(code), INGEST_TIMEOUT_MS)
    }

    /// Calls the processor. Its code runs when it is [`run`](Self::run).
    pub(crate) fn begin_batch(&mut self, messages: Vec<Message>) -> TaskId {
        let chosen = self.choose(Function::Processor);
        let App::Processor(app) = chosen.app.clone() else { unreachable!("an environment of the processor") };
        let stop_at = self.stop_at(&chosen, PROCESSOR_TIMEOUT_MS - PROCESSOR_MARGIN_MS);
        let record = |message: &Message| Record {
            message_id: message.id.to_string(),
            body: chosen.release.read(&message.body),
        };
        let records: Vec<_> = messages.iter().map(record).collect();
        let code = async move { Done::Processed(app.batch(records, stop_at).await) };
        let ids = || messages.iter().map(|message| message.id.to_string()).collect::<Vec<_>>().join(", ");
        self.hub.trace(|| format!("batch to {} ({:?}): messages {}", chosen.number, chosen.release, ids()));
        self.begin(&chosen, Work::Batch { messages }, Box::pin(code), PROCESSOR_TIMEOUT_MS)
    }

    /// Calls the function that looks after the books. Its code runs when it is [`run`](Self::run).
    pub(crate) fn begin_call(&mut self, call: Call, tries: u32) -> TaskId {
        let chosen = self.choose(Function::Reconcile);
        let App::Reconcile(desk) = chosen.app.clone() else { unreachable!("an environment of the books") };
        let timeout_ms = match call {
            Call::Requested(_) => self.run_timeout_ms,
            Call::Due | Call::Announced(_) | Call::Check => RECONCILE_TIMEOUT_MS,
        };
        let stop_at = self.stop_at(&chosen, timeout_ms.saturating_sub(RECONCILE_MARGIN_MS));
        let their_call = call.clone();
        let code = async move { Done::Called(called(&desk, their_call, stop_at).await) };
        self.hub.trace(|| format!("call to {}, try {tries}: {call:?}", chosen.number));
        self.begin(&chosen, Work::Call { call, tries }, Box::pin(code), timeout_ms)
    }

    /// Lets the operator do something. It happens when it is [`run`](Self::run).
    pub(crate) fn begin_errand(&mut self, errand: Errand) -> TaskId {
        let chosen = self.choose(Function::Operator);
        let App::Operator(hand) = chosen.app.clone() else { unreachable!("a terminal") };
        let (their_errand, hub) = (errand.clone(), self.hub.clone());
        let code = async move { Done::Went(their_errand.run(&hand, &hub).await) };
        self.hub.trace(|| format!("operator: {errand:?}"));
        self.begin(&chosen, Work::Errand(errand), Box::pin(code), OPERATOR_PATIENCE_MS)
    }

    fn stop_at(&self, chosen: &Chosen, after_ms: i64) -> Timestamp {
        instant(self.hub.now_ms().saturating_add(chosen.skew_ms).saturating_add(after_ms))
    }

    fn begin(&mut self, chosen: &Chosen, work: Work, code: Code, timeout_ms: i64) -> TaskId {
        self.begun = self.begun.saturating_add(1);
        let task = self.begun;
        if let Some(environment) = self.environments.get_mut(&chosen.number) {
            environment.task = Some(task);
            environment.is_cold = false;
        }
        let Chosen { number: environment, skew_ms, release, .. } = *chosen;
        let invocation = Invocation { work, began_at_ms: self.hub.now_ms(), skew_ms, release };
        self.tasks.insert(task, Task { code, wakeup: Arc::default(), invocation, environment });
        self.hub.lock().schedule_in(timeout_ms, Due::Timeout(task));
        task
    }

    /// An environment that is free: one that is there, or a new one.
    fn choose(&mut self, function: Function) -> Chosen {
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
        let mut chosen = if free.is_empty() { None } else { Some(state.dice.pick(&free)) };
        // A command line is begun anew each time.
        if let Some(number) = chosen
            && (function == Function::Operator || state.strikes(Fault::Recycled))
        {
            self.environments.remove(&number);
            chosen = None;
        }
        drop(state);
        let number = chosen.unwrap_or_else(|| self.fresh(function));
        let Some(Environment { app, release, skew_ms, is_cold, .. }) = self.environments.get(&number) else {
            unreachable!("an environment that was just found")
        };
        Chosen { number, app: app.clone(), release: *release, skew_ms: *skew_ms, is_cold: *is_cold }
    }

    fn fresh(&mut self, function: Function) -> u64 {
        let mut state = self.hub.lock();
        let is_off = state.strikes(Fault::ClockSkewed);
        let skew_ms =
            if is_off { state.dice.between(-600_000, 600_000) } else { state.dice.between(-900, 900) };
        let is_next = match self.rollout {
            Rollout::None => false,
            Rollout::Partial => state.dice.in_thousand(500),
            Rollout::Full => true,
        };
        if is_next && self.rollout == Rollout::Partial {
            state.faults.note(Fault::OtherVersion);
        }
        drop(state);
        let release = if is_next { Release::Next } else { Release::This };
        let app = self.parts.app(function, release, skew_ms);
        self.begun = self.begun.saturating_add(1);
        let fresh = Environment { app, release, skew_ms, is_cold: true, is_retired: false, task: None };
        self.environments.insert(self.begun, fresh);
        self.begun
    }

    /// Polls an invocation until it waits. Returns what it came to, once it is over.
    ///
    /// # Errors
    /// What it panicked with.
    pub(crate) fn run(&mut self, id: TaskId) -> Result<Option<(Invocation, Done)>, Box<dyn Any + Send>> {
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
                let Some(Task { invocation, environment, .. }) = self.tasks.remove(&id) else {
                    return Ok(None);
                };
                self.release(environment);
                Ok(Some((invocation, done)))
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
    pub(crate) fn kill(&mut self, id: TaskId) -> Option<Invocation> {
        let Task { invocation, environment, .. } = self.tasks.remove(&id)?;
        self.environments.remove(&environment);
        Some(invocation)
    }
}

/// As the handler of the function does.
async fn called(desk: &Desk, call: Call, stop_at: Timestamp) -> Result<Called, PortError> {
    Ok(match call {
        Call::Due => Called::Requested(desk.reconciler.request_due().await?),
        Call::Requested(request) => Called::Ran(desk.reconciler.run(&request, stop_at).await?),
        Call::Announced(announcement) => {
            Called::Announced(desk.expecter.announce(announcement).await?.is_some())
        }
        Call::Check => Called::Checked(desk.expecter.check(stop_at).await?),
    })
}
