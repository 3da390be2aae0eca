//! A world in memory: the product's own use cases, on ports where everything that can go wrong does.
//!
//! One thread, one seed: everything that happens is on one agenda, and every choice is a throw of seeded dice. The same
//! seed is the same world, to the byte.

mod bus;
mod clock;
pub(crate) mod dice;
mod environment;
mod faults;
pub(crate) mod hub;
mod ports;
pub(crate) mod provider;
pub(crate) mod queue;
mod scenario;

pub use faults::{Fault, Tally};
pub use scenario::{Kept, Scenario};

use crate::auditor::{Answer, Auditor, Batch, History, Invariant, Looks, Stores, Violation};
use bus::WorldBus;
use countersign_app::memory::{
    MemoryDrift, MemoryFindings, MemoryInbox, MemoryLedger, MemorySecrets, MemorySources,
};
use countersign_app::ports::SecretPair;
use countersign_app::process::Retry;
use countersign_domain::ids::SourceName;
use countersign_domain::source::{DialectRef, Mode, SourceConfig, SourceState};
use environment::{Done, Environments, Work};
use hub::{Due, Hub, InjectedPanic, Operation, TaskId};
use provider::{Delivery, Providers, Rotation};
use queue::WorldQueue;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// When every world begins, in Unix milliseconds.
const BEGINNING_MS: i64 = 1_764_000_000_000;
/// How long things go wrong, in milliseconds.
const TROUBLE_MS: i64 = 3_600_000;
/// How many things may come to pass before the world must have fallen quiet.
const STEPS_MAX: u64 = 60_000;
/// Batches that are worked on at the same time. As `ProcessorConcurrency`, only smaller.
const BATCHES_MAX: usize = 3;

/// What became of a world.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What happened, line by line, if it was written down.
    pub trace: String,
    /// What went wrong, and how often.
    pub tally: Tally,
    /// How often each promise was looked after.
    pub looks: Looks,
    /// How many things came to pass.
    pub steps: u64,
    /// How long it took, by the world's own clock, in milliseconds.
    pub lasted_ms: i64,
    /// The same for the same world: what is in its stores at the end.
    pub fingerprint: u64,
    /// How many things went wrong, or would have if they had not been left out.
    pub strikes: u32,
    /// How many payments there were, with those that were left out.
    pub payments: u32,
    /// The promise that was broken, if one was.
    pub violation: Option<Violation>,
}

/// The configured stores, behind no network: the operator's hands are steady.
#[derive(Clone, Default)]
struct Settings {
    sources: MemorySources,
    secrets: MemorySecrets,
    drift: MemoryDrift,
}

struct World {
    hub: Hub,
    settings: Settings,
    stores: Stores,
    bus: WorldBus,
    environments: Environments,
    providers: Providers,
    auditor: Auditor,
}

/// Lets a world run until it falls quiet or breaks a promise.
#[must_use]
pub fn run(scenario: &Scenario, is_traced: bool) -> Ended {
    let _ = Looks::take();
    let mut world = World::begin(scenario, is_traced);
    let mut steps = 0;
    let violation = world.go_on(&mut steps).err();
    if let Some(Violation { invariant, what }) = &violation {
        world.hub.trace(|| format!("BROKEN {invariant:?}: {what}"));
    }
    let trace = world.hub.take_trace();
    let state = world.hub.lock();
    Ended {
        trace,
        tally: state.faults.tally.clone(),
        looks: Looks::take(),
        steps,
        lasted_ms: state.now_ms.saturating_sub(BEGINNING_MS),
        fingerprint: world.fingerprint(steps),
        strikes: state.faults.numbered(),
        payments: world.providers.payments,
        violation,
    }
}

impl World {
    fn begin(scenario: &Scenario, is_traced: bool) -> Self {
        let hub = Hub::new(scenario, BEGINNING_MS, is_traced);
        let (providers, rotations) = Providers::plan(&mut hub.lock(), scenario);
        let stores = Stores {
            inbox: MemoryInbox::default(),
            ledger: MemoryLedger::default(),
            findings: MemoryFindings::default(),
            queue: WorldQueue::new(&hub),
        };
        let (settings, bus) = (Settings::default(), WorldBus::default());
        let histories = vec![History::default(); providers.sources.len()];
        let mut world = Self {
            environments: Environments::new(&hub, &settings, &stores, &bus),
            auditor: Auditor::new(stores.clone(), histories),
            hub,
            settings,
            stores,
            bus,
            providers,
        };
        for source in 0..world.providers.sources.len() {
            world.set_enabled(source, true);
            world.set_secrets(source, 0, None);
        }
        world.plan_operations(&rotations);
        world
    }

    /// Puts the operator's work and the attacks on the agenda.
    fn plan_operations(&self, rotations: &[Rotation]) {
        let mut state = self.hub.lock();
        for Rotation { source, begins_at_ms, ends_at_ms } in rotations {
            state.schedule(*begins_at_ms, Due::Operate(Operation::BeginRotation(*source)));
            state.schedule(*ends_at_ms, Due::Operate(Operation::EndRotation(*source)));
        }
        for source in 0..self.providers.sources.len() {
            if state.strikes(Fault::SourceDisabled) {
                let at_ms = state.dice.between(1, TROUBLE_MS / 2);
                let back_ms = at_ms.saturating_add(state.dice.between(1_000, TROUBLE_MS / 2));
                state.schedule_in(at_ms, Due::Operate(Operation::Disable(source)));
                state.schedule_in(back_ms, Due::Operate(Operation::Enable(source)));
            }
        }
        for _ in 0..3 {
            let at_ms = state.dice.between(1, TROUBLE_MS);
            state.schedule_in(at_ms, Due::Operate(Operation::Redrive));
            if state.strikes(Fault::Poisoned) {
                let at_ms = state.dice.between(1, TROUBLE_MS);
                state.schedule_in(at_ms, Due::Operate(Operation::Poison));
            }
        }
        for _ in 0..8 {
            let at_ms = state.dice.between(1, TROUBLE_MS);
            state.schedule_in(at_ms, Due::Attack);
        }
        state.schedule_in(TROUBLE_MS, Due::Heal);
    }

    fn go_on(&mut self, steps: &mut u64) -> Result<(), Violation> {
        let mut redrives_left = 2;
        loop {
            let Some(due) = self.hub.next() else {
                if redrives_left > 0 && self.stores.queue.redrive() > 0 {
                    redrives_left -= 1;
                    continue;
                }
                break;
            };
            *steps = steps.saturating_add(1);
            if *steps > STEPS_MAX {
                let what = format!("the world is not quiet after {STEPS_MAX} steps");
                return Err(Violation { invariant: Invariant::I15, what });
            }
            self.come_to_pass(due)?;
            for event in self.bus.take() {
                self.auditor.published(&event)?;
            }
        }
        self.auditor.judge(&self.providers)
    }

    fn come_to_pass(&mut self, due: Due) -> Result<(), Violation> {
        match due {
            Due::Call(wait) => {
                if let Some(task) = self.hub.release(wait) {
                    self.work(task)?;
                }
            }
            Due::Crash(task) => self.kill(task, "crashes"),
            Due::Timeout(task) => {
                if self.environments.is_at_work(task) {
                    self.hub.lock().faults.note(Fault::TimedOut);
                    self.kill(task, "is out of time");
                }
            }
            Due::Land(mut effect) => {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                // A store in memory does not wait.
                let std::task::Poll::Ready(()) = effect.as_mut().poll(&mut context) else {
                    unreachable!("a store in memory waits")
                };
            }
            Due::Poll => self.poll_queue()?,
            Due::Webhook(number) => {
                for delivery in self.providers.requests(&self.hub, number) {
                    self.deliver(delivery)?;
                }
            }
            Due::Attack => {
                for delivery in self.providers.attack(&self.hub) {
                    self.deliver(delivery)?;
                }
            }
            Due::Operate(operation) => self.operate(operation),
            Due::Heal => {
                self.hub.lock().faults.end();
                self.hub.trace(|| "from here on nothing goes wrong".to_owned());
                self.environments.retire_all();
                self.stores.queue.redrive();
            }
        }
        Ok(())
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<(), Violation> {
        let task = self.environments.begin_delivery(delivery);
        self.work(task)
    }

    fn poll_queue(&mut self) -> Result<(), Violation> {
        if self.environments.batches_at_work() >= BATCHES_MAX {
            self.hub.lock().schedule_in(500, Due::Poll);
            return Ok(());
        }
        let messages_max = self.hub.lock().batch_size();
        let messages = self.stores.queue.receive(messages_max);
        if messages.is_empty() {
            return Ok(());
        }
        let task = self.environments.begin_batch(messages);
        self.work(task)
    }

    /// Lets an invocation's code run until it waits again, or is over.
    fn work(&mut self, task: TaskId) -> Result<(), Violation> {
        match self.environments.run(task) {
            Ok(None) => Ok(()),
            Ok(Some((work, done))) => self.finish(task, work, done),
            Err(panic) if panic.is::<InjectedPanic>() => {
                self.kill(task, "panics");
                Ok(())
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
                Err(Violation { invariant: Invariant::I7, what: format!("an invocation panicked: {text}") })
            }
        }
    }

    fn finish(&mut self, task: TaskId, work: Work, done: Done) -> Result<(), Violation> {
        let (mishaps, has_panicked) = self.hub.close(task);
        let ended_at_ms = self.hub.now_ms();
        match (work, done) {
            (Work::Delivery { delivery, attempt, began_at_ms, clock_seconds }, Done::Answered(result)) => {
                let status = result.as_ref().map_or_else(|rejected| rejected.status(), |_| 200);
                self.hub.trace(|| format!("#{task} answers {status}: {result:?}"));
                let answer = Answer {
                    delivery: &delivery,
                    attempt: &attempt,
                    began_at_ms,
                    ended_at_ms,
                    clock_seconds,
                    status,
                    mishaps,
                };
                self.auditor.answered(&self.providers, &answer)?;
                if let Some(webhook) = delivery.webhook {
                    self.providers.answered(&self.hub, webhook, Some(status));
                }
            }
            (Work::Batch { messages, began_at_ms }, Done::Processed(processed)) => {
                for one in &processed {
                    if matches!(one.outcome, Err(Retry::Contended)) {
                        self.hub.lock().faults.note(Fault::Contended);
                    }
                    self.hub.trace(|| format!("#{task} message {}: {:?}", one.trail.message_id, one.outcome));
                }
                // What was published last is looked at before the batch is believed.
                for event in self.bus.take() {
                    self.auditor.published(&event)?;
                }
                let batch = Batch {
                    messages: &messages,
                    processed: &processed,
                    began_at_ms,
                    ended_at_ms,
                    mishaps,
                    has_panicked,
                };
                self.auditor.processed(&self.providers, &batch)?;
                let finished = messages.iter().zip(&processed).filter(|(_, one)| one.outcome.is_ok());
                finished.for_each(|(message, _)| self.stores.queue.delete(message.id));
            }
            _ => unreachable!("an invocation ends as what it began"),
        }
        Ok(())
    }

    /// Ends an invocation where it stands, and its environment with it.
    fn kill(&mut self, task: TaskId, how: &str) {
        let Some(work) = self.environments.kill(task) else { return };
        self.hub.close(task);
        self.hub.trace(|| format!("#{task} {how}"));
        if let Work::Delivery { delivery, attempt, began_at_ms, clock_seconds } = work {
            let span = (began_at_ms, self.hub.now_ms());
            self.auditor.doubt(&delivery, &attempt, clock_seconds, span);
            if let Some(webhook) = delivery.webhook {
                self.providers.answered(&self.hub, webhook, None);
            }
        }
    }

    fn operate(&mut self, operation: Operation) {
        self.hub.trace(|| format!("operator: {operation:?}"));
        match operation {
            Operation::BeginRotation(source) => self.set_secrets(source, 1, Some(0)),
            Operation::EndRotation(source) => {
                self.set_secrets(source, 1, None);
                self.providers.sources[source].retired_at_ms = Some(self.hub.now_ms());
            }
            Operation::Disable(source) => self.set_enabled(source, false),
            Operation::Enable(source) => self.set_enabled(source, true),
            Operation::Redrive => drop(self.stores.queue.redrive()),
            Operation::Poison => {
                let body = queue::poison(&mut self.hub.lock().dice);
                self.stores.queue.put(body, true);
            }
        }
    }

    fn source_name(&self, source: usize) -> SourceName {
        SourceName::new(&*self.providers.sources[source].name).expect("a source name")
    }

    fn fingerprint(&self, steps: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        steps.hash(&mut hasher);
        // Every type in it writes itself by its fields.
        format!("{:?}", self.stores.ledger.rows()).hash(&mut hasher);
        format!("{:?}", self.stores.findings.all()).hash(&mut hasher);
        self.stores.inbox.rows().iter().for_each(|row| row.key.hash(&mut hasher));
        hasher.finish()
    }

    fn set_enabled(&mut self, source: usize, is_enabled: bool) {
        self.settings.sources.set(SourceConfig {
            name: self.source_name(source),
            dialect: DialectRef::BuiltIn(self.providers.sources[source].format.dialect().to_owned()),
            account: "acct".to_owned(),
            mode: Mode::Live,
            state: if is_enabled { SourceState::Enabled } else { SourceState::Disabled },
            api_base_url: None,
            settings: Default::default(),
            asks_back: false,
            second_factors: Default::default(),
            expect_within_seconds: None,
            policy: Default::default(),
            reports: Default::default(),
        });
        self.auditor.histories[source].set_enabled(self.hub.now_ms(), is_enabled);
    }

    fn set_secrets(&mut self, source: usize, current: usize, previous: Option<usize>) {
        let secrets = &self.providers.sources[source].secrets;
        let pair = SecretPair {
            current: secrets[current].clone(),
            previous: previous.map(|which| secrets[which].clone()),
            ..SecretPair::default()
        };
        let in_force = [Some(pair.current.clone()), pair.previous.clone()].into_iter().flatten().collect();
        self.auditor.histories[source].set_secrets(self.hub.now_ms(), in_force);
        self.settings.secrets.set(self.source_name(source), pair);
    }
}
