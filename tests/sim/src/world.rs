//! A world in memory: the product's own use cases, on ports where everything that can go wrong does.
//!
//! One thread, one seed: everything that happens is on one agenda, and every choice is a throw of seeded dice. The same
//! seed is the same world, to the byte.

mod bus;
mod calendar;
mod clock;
pub(crate) mod dice;
mod environment;
mod epilogue;
mod errand;
mod faults;
mod finish;
pub(crate) mod hub;
mod listener;
mod operations;
mod ports;
pub(crate) mod provider;
pub(crate) mod queue;
mod scenario;
mod settings;

pub use dice::Dice;
pub use faults::{Fault, Tally};
pub use scenario::{Kept, Scenario};

use crate::auditor::{Auditor, History, Invariant, Looks, Stores, Violation};
use bus::WorldBus;
use calendar::Calendar;
use countersign_app::ports::SecretPair;
use countersign_domain::ids::SourceName;
use countersign_domain::planted::{Mistake, is_planted};
use environment::{Call, Environments, Parts};
use hub::{Due, Hub, InjectedPanic, TaskId};
use listener::Listener;
use provider::{Books, Delivery, Providers};
use queue::WorldQueue;
use settings::Settings;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

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
    /// The same for the same world: what it logged and published, and what is in its stores at the end.
    pub fingerprint: u64,
    /// How many things went wrong, or would have if they had not been left out.
    pub strikes: u32,
    /// How many payments there were, with those that were left out.
    pub payments: u32,
    /// The promise that was broken, if one was.
    pub violation: Option<Violation>,
}

struct World {
    hub: Hub,
    calendar: Calendar,
    settings: Settings,
    stores: Stores,
    bus: WorldBus,
    environments: Environments,
    providers: Providers,
    auditor: Auditor,
    listener: Listener,
    /// Calls that were tried for the last time.
    dead_calls: Vec<Call>,
    /// Whether the next version of the code was ever rolled out.
    is_next_out: bool,
    /// The queue is not looked into before, in milliseconds: every processor is at work.
    polls_again_ms: i64,
    steps: u64,
    /// Every line that was logged and most that was published.
    said: DefaultHasher,
}

/// Lets a world run until it falls quiet or breaks a promise.
#[must_use]
pub fn run(scenario: &Scenario, is_traced: bool) -> Ended {
    let _ = Looks::take();
    let mut world = World::begin(scenario, is_traced);
    let violation = {
        let _listens = tracing::subscriber::set_default(world.listener.clone());
        world.live().err()
    };
    if let Some(Violation { invariant, what }) = &violation {
        world.hub.trace(|| format!("BROKEN {invariant:?}: {what}"));
    }
    let trace = world.hub.take_trace();
    let state = world.hub.lock();
    Ended {
        trace,
        tally: state.faults.tally.clone(),
        looks: Looks::take(),
        steps: world.steps,
        lasted_ms: state.now_ms.saturating_sub(world.calendar.begins_ms),
        fingerprint: world.fingerprint(),
        strikes: state.faults.numbered(),
        payments: world.providers.payments,
        violation,
    }
}

/// The judge of a world that kept every promise, and its providers, to see what the judge sees.
#[cfg(test)]
pub(crate) fn judged(seed: u64) -> (Auditor, Providers) {
    let mut world = World::begin(&Scenario::whole(seed), false);
    let _listens = tracing::subscriber::set_default(world.listener.clone());
    world.live().expect("a world that keeps every promise");
    (world.auditor, world.providers)
}

impl World {
    fn begin(scenario: &Scenario, is_traced: bool) -> Self {
        let calendar = Calendar::of(scenario);
        let hub = Hub::new(scenario, calendar.begins_ms, is_traced);
        let (providers, rotations) = Providers::plan(&mut hub.lock(), scenario, calendar.beginnings_ms);
        let stores = Stores::new(WorldQueue::new(&hub));
        let (settings, bus) = (Settings::new(&hub), WorldBus::new(&hub));
        let books = Books::of(&providers, &hub);
        let histories = vec![History::default(); providers.sources.len()];
        let parts = Parts {
            hub: hub.clone(),
            settings: settings.clone(),
            stores: stores.clone(),
            bus: bus.clone(),
            books: books.clone(),
        };
        let mut world = Self {
            environments: Environments::new(parts),
            auditor: Auditor::new(stores.clone(), books, histories),
            hub,
            calendar,
            settings,
            stores,
            bus,
            providers,
            listener: Listener::default(),
            dead_calls: Vec::new(),
            is_next_out: false,
            polls_again_ms: 0,
            steps: 0,
            said: DefaultHasher::new(),
        };
        for source in 0..world.providers.sources.len() {
            let name = world.source_name(source);
            let format = world.providers.sources[source].format;
            let secret = world.providers.sources[source].secrets[0].clone();
            world.settings.sources.set(settings::config(&name, format, 0));
            world.auditor.histories[source].has_secret(world.calendar.begins_ms, &secret);
            world.settings.secrets.set(name, SecretPair { current: secret, ..SecretPair::default() });
        }
        world.note_changes();
        world.plan_operations(&rotations);
        world
    }

    fn live(&mut self) -> Result<(), Violation> {
        self.until_quiet()?;
        self.look_after_everything()?;
        self.auditor.judge(&self.providers)
    }

    /// Goes on until nothing is on the agenda any more, and the dead letters have been put back twice.
    fn until_quiet(&mut self) -> Result<(), Violation> {
        let mut redrives_left = 2;
        loop {
            let Some(due) = self.hub.next() else {
                if redrives_left > 0 && self.stores.queue.redrive() > 0 {
                    redrives_left -= 1;
                    continue;
                }
                return Ok(());
            };
            self.steps = self.steps.saturating_add(1);
            if self.steps > STEPS_MAX {
                let what = format!("the world is not quiet after {STEPS_MAX} steps");
                return Err(Violation { invariant: Invariant::I15, what });
            }
            self.come_to_pass(due)?;
            self.note_changes();
            for event in self.bus.take() {
                event.detail.hash(&mut self.said);
                self.auditor.published(&event)?;
            }
            let lines = self.listener.take();
            lines.hash(&mut self.said);
            self.auditor.logged(&lines)?;
        }
    }

    fn come_to_pass(&mut self, due: Due) -> Result<(), Violation> {
        match due {
            Due::Call(wait) => {
                if let Some(task) = self.hub.release(wait) {
                    self.work(task)?;
                }
            }
            Due::Crash(task) => self.kill(task, "crashes"),
            Due::Timeout(task) => self.time_out(task),
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
            Due::Invoke(call, tries) => {
                let task = self.environments.begin_call(call, tries);
                self.work(task)?;
            }
            Due::Errand(errand) => {
                let task = self.environments.begin_errand(errand);
                self.work(task)?;
            }
            // What was to come later is overtaken by what put everything right.
            Due::Deploy(_) if self.hub.lock().faults.is_over() => {}
            Due::Deploy(rollout) => {
                self.hub.trace(|| format!("the next version of the code: {rollout:?}"));
                self.is_next_out = true;
                self.environments.roll_out(rollout);
            }
            Due::Heal => self.heal(),
        }
        Ok(())
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<(), Violation> {
        let task = self.environments.begin_delivery(delivery);
        self.work(task)
    }

    fn poll_queue(&mut self) -> Result<(), Violation> {
        let now_ms = self.hub.now_ms();
        if now_ms < self.polls_again_ms {
            return Ok(());
        }
        if self.environments.batches_at_work() >= BATCHES_MAX {
            self.polls_again_ms = now_ms.saturating_add(500);
            self.hub.lock().schedule(self.polls_again_ms, Due::Poll);
            return Ok(());
        }
        let messages_max = self.hub.lock().batch_size();
        let messages = self.stores.queue.receive(messages_max);
        if messages.is_empty() {
            return Ok(());
        }
        if is_planted(Mistake::DeletesFirst) {
            messages.iter().for_each(|message| self.stores.queue.delete(message.id));
        }
        let task = self.environments.begin_batch(messages);
        self.work(task)
    }

    /// Lets an invocation's code run until it waits again, or is over.
    fn work(&mut self, task: TaskId) -> Result<(), Violation> {
        match self.environments.run(task) {
            Ok(None) => Ok(()),
            Ok(Some((invocation, done))) => self.finish(task, invocation, done),
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

    /// What changed of the sources is in force from the moment on at which it was written.
    fn note_changes(&mut self) {
        for (at_ms, name, is_enabled) in self.settings.sources.take_changes() {
            let source = self.providers.sources.iter().position(|source| source.name == name.as_str());
            if let Some(source) = source {
                self.auditor.histories[source].set_enabled(at_ms, is_enabled);
            }
        }
    }

    fn source_name(&self, source: usize) -> SourceName {
        SourceName::new(&*self.providers.sources[source].name).expect("a source name")
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = self.said.clone();
        self.steps.hash(&mut hasher);
        // Every type in it writes itself by its fields.
        format!("{:?}", self.stores.ledger.rows()).hash(&mut hasher);
        format!("{:?}", self.stores.findings.all()).hash(&mut hasher);
        self.stores.inbox.rows().iter().for_each(|row| row.key.hash(&mut hasher));
        hasher.finish()
    }
}
