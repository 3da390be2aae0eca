//! The heart of a world: its time, what is due, and every call that crosses a port.
//!
//! A call takes time. When it is due it takes effect, and later its answer arrives; in between everything else goes on.
//! Which of two calls is first is a matter of how long they take, and that is a matter of the seed.

use super::dice::Dice;
use super::environment::Call;
use super::errand::Errand;
use super::faults::{Fault, Faults};
use super::scenario::Scenario;
use countersign_app::ports::{Port, PortError};
use countersign_domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// One invocation of a function.
pub(crate) type TaskId = u64;
type WaitId = u64;
type Effect = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a panic that the world injects carries, to tell it from one that the product raises.
pub(crate) struct InjectedPanic;

/// What comes to pass at some moment.
pub(crate) enum Due {
    /// A call goes on.
    Call(WaitId),
    /// An invocation dies.
    Crash(TaskId),
    /// An invocation's time is up.
    Timeout(TaskId),
    /// A call that failed takes effect all the same.
    Land(Effect),
    /// The queue is looked into.
    Poll,
    /// A provider makes a request about one of its webhooks.
    Webhook(usize),
    /// Somebody attacks.
    Attack,
    /// The operator does something.
    Operate(Operation),
    /// A function is called: by the schedule, or by the bus.
    Invoke(Call, u32),
    /// The operator sets out.
    Errand(Errand),
    /// The next version of the code is rolled out, or is out everywhere.
    Deploy(Rollout),
    /// Nothing goes wrong any more.
    Heal,
}

/// How far the next version of the code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Not begun, or taken back.
    None,
    /// Some environments have it.
    Partial,
    /// Every new environment has it.
    Full,
}

/// What happens at an operator's hands, without a call that could fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Puts the next secret of a source in force beside the old one, which is accepted for so many seconds.
    Rotate(usize, i64),
    /// Puts the dead letters back into the queue.
    Redrive,
    /// Sends what is no message of ours.
    Poison,
}

/// One thing that is made to go wrong in an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    /// It waits, and nothing fails.
    Delayed,
    /// A call fails, by its name.
    Failed(&'static str),
    /// So many entries of a call are not taken.
    Refused(usize),
    /// Its code panics.
    Panicked,
}

/// What was made to go wrong in an invocation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mishaps {
    /// How many things.
    pub(crate) all: u32,
    /// How many messages of a batch can have been held back by those that made a call fail.
    pub(crate) held_back: u32,
    /// How often its code panicked.
    pub(crate) panics: u32,
}

impl Mishaps {
    fn add(&mut self, mishap: Mishap) {
        self.all = self.all.saturating_add(1);
        let held_back = match mishap {
            Mishap::Delayed => 0,
            Mishap::Panicked => {
                self.panics = self.panics.saturating_add(1);
                0
            }
            Mishap::Refused(entries) => u32::try_from(entries).unwrap_or(u32::MAX),
            Mishap::Failed(call) => match call.split('.').next() {
                // Calls about one message.
                Some("inbox" | "ledger" | "findings" | "expectations" | "sources") => 1,
                // As many entries as it takes at once.
                Some("bus") => 10,
                // What the batch's messages have in common.
                _ => u32::MAX,
            },
        };
        self.held_back = self.held_back.saturating_add(held_back);
    }
}

struct Waiting {
    task: Option<TaskId>,
    is_due: bool,
    waker: Waker,
}

/// The state behind every handle.
pub(crate) struct State {
    pub(crate) now_ms: i64,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    agenda: BTreeMap<(i64, u64), Due>,
    entries: u64,
    waits: BTreeMap<WaitId, Waiting>,
    waited: WaitId,
    /// The invocation whose code runs at the moment.
    current: Option<TaskId>,
    mishaps: BTreeMap<TaskId, Mishaps>,
    /// Until when an invocation stands still.
    frozen: BTreeMap<TaskId, i64>,
    /// Which service refuses everything, from when to when.
    outages: Vec<(&'static str, i64, i64)>,
    trace: Option<String>,
}

impl State {
    /// Puts something on the agenda. Of two things at one moment, the one that was put there first is first.
    pub(crate) fn schedule(&mut self, at_ms: i64, due: Due) {
        self.entries = self.entries.saturating_add(1);
        self.agenda.insert((at_ms.max(self.now_ms), self.entries), due);
    }

    /// Puts something on the agenda some time from now.
    pub(crate) fn schedule_in(&mut self, delay_ms: i64, due: Due) {
        self.schedule(self.now_ms.saturating_add(delay_ms), due);
    }

    /// Lets a service refuse every call for a while. It is named as the calls begin: `ledger`.
    pub(crate) fn black_out(&mut self, service: &'static str, from_ms: i64, to_ms: i64) {
        self.outages.push((service, from_ms, to_ms));
    }

    fn is_out(&self, call: &str) -> bool {
        let is_now = |(service, from_ms, to_ms): &(&str, i64, i64)| {
            call.split('.').next() == Some(service) && (*from_ms..*to_ms).contains(&self.now_ms)
        };
        !self.faults.is_over() && self.outages.iter().any(is_now)
    }

    /// Rolls for a fault that does not strike a call.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        self.faults.strike(fault)
    }
}

/// A handle on the world's time and chance.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Mutex<State>>);

/// How a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Works,
    Refused,
    AnswerLost,
    EffectLate,
    CrashBefore,
    CrashAfter,
    Panics,
}

const FATES: [(Fault, Fate); 6] = [
    (Fault::CallRefused, Fate::Refused),
    (Fault::AnswerLost, Fate::AnswerLost),
    (Fault::EffectLate, Fate::EffectLate),
    (Fault::CrashBefore, Fate::CrashBefore),
    (Fault::CrashAfter, Fate::CrashAfter),
    (Fault::Panic, Fate::Panics),
];

impl Hub {
    pub(crate) fn new(scenario: &Scenario, start_ms: i64, is_traced: bool) -> Self {
        let mut dice = Dice::new(scenario.seed, 0);
        let faults = Faults::new(scenario, &mut dice);
        Self(Arc::new(Mutex::new(State {
            now_ms: start_ms,
            dice,
            faults,
            agenda: BTreeMap::new(),
            entries: 0,
            waits: BTreeMap::new(),
            waited: 0,
            current: None,
            mishaps: BTreeMap::new(),
            frozen: BTreeMap::new(),
            outages: Vec::new(),
            trace: is_traced.then(String::new),
        })))
    }

    /// Never held while a task is polled or dropped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.lock().now_ms
    }

    /// The next thing on the agenda; time goes on to it.
    pub(crate) fn next(&self) -> Option<Due> {
        let mut state = self.lock();
        let ((at_ms, _), due) = state.agenda.pop_first()?;
        state.now_ms = at_ms;
        Some(due)
    }

    /// Lets a call go on. Returns whose it is, unless that one is gone.
    pub(crate) fn release(&self, wait: WaitId) -> Option<TaskId> {
        let mut state = self.lock();
        let waiting = state.waits.get_mut(&wait)?;
        waiting.is_due = true;
        waiting.waker.wake_by_ref();
        waiting.task
    }

    /// Says whose code runs from now on.
    pub(crate) fn enter(&self, task: Option<TaskId>) {
        self.lock().current = task;
    }

    /// What was made to go wrong in an invocation that is over.
    pub(crate) fn close(&self, task: TaskId) -> Mishaps {
        let mut state = self.lock();
        state.frozen.remove(&task);
        state.mishaps.remove(&task).unwrap_or_default()
    }

    /// Until when an invocation stands still, if it does: nobody can end it before.
    pub(crate) fn frozen_until(&self, task: TaskId) -> Option<i64> {
        let state = self.lock();
        state.frozen.get(&task).copied().filter(|until_ms| *until_ms > state.now_ms)
    }

    /// Writes a line of the trace, if there is one.
    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        let mut state = self.lock();
        let (now_ms, task) = (state.now_ms, state.current);
        if let Some(trace) = &mut state.trace {
            let whose = task.map_or_else(|| "    -".to_owned(), |task| format!("#{task:>4}"));
            let seconds = now_ms.div_euclid(1_000).rem_euclid(100_000);
            trace.push_str(&format!("{seconds:>5}.{:03} {whose} {}\n", now_ms.rem_euclid(1_000), line()));
        }
    }

    /// The trace so far.
    pub(crate) fn take_trace(&self) -> String {
        self.lock().trace.take().unwrap_or_default()
    }

    /// Makes a call: it takes time, it may go wrong, and its effect and its answer are two moments.
    pub(crate) async fn call<T>(
        &self,
        name: &'static str,
        about: impl FnOnce() -> String + Send,
        effect: impl Future<Output = Port<T>> + Send + 'static,
        show: fn(&T) -> String,
    ) -> Port<T>
    where
        T: Send + 'static,
    {
        let fate = self.fate(name);
        let about = if self.lock().trace.is_some() { about() } else { String::new() };
        self.wait(fate == Fate::CrashBefore).await;
        let failed = |why: &'static str| Err(PortError::new("world", name, why));
        match fate {
            Fate::Works | Fate::CrashAfter | Fate::AnswerLost | Fate::CrashBefore => {
                let answer = effect.await;
                self.trace(|| {
                    let answer = answer.as_ref().map_or_else(|error| error.chain(), show);
                    let note = if fate == Fate::Works { String::new() } else { format!(" ({fate:?})") };
                    format!("{name} {about} -> {answer}{note}")
                });
                self.wait(fate == Fate::CrashAfter).await;
                if fate == Fate::AnswerLost { failed("the answer was lost") } else { answer }
            }
            Fate::Refused => {
                self.trace(|| format!("{name} {about} -> refused"));
                failed("refused")
            }
            Fate::EffectLate => {
                self.trace(|| format!("{name} {about} -> failed, and it is on its way"));
                let hub = self.clone();
                let landing = async move {
                    let answer = effect.await;
                    hub.trace(|| {
                        let answer = answer.as_ref().map_or_else(|error| error.chain(), show);
                        format!("{name} {about} -> {answer} (EffectLate)")
                    });
                };
                self.land_later(Box::pin(landing));
                failed("no answer came")
            }
            Fate::Panics => {
                self.trace(|| format!("{name} {about} -> panic"));
                resume_unwind(Box::new(InjectedPanic))
            }
        }
    }

    fn land_later(&self, effect: Effect) {
        let mut state = self.lock();
        let delay_ms = state.dice.between(1, 400_000);
        state.schedule_in(delay_ms, Due::Land(effect));
    }

    /// The positions of entries that are not taken, of a call with several.
    pub(crate) fn refused_entries(&self, fault: Fault, entries: usize) -> BTreeSet<usize> {
        let mut state = self.lock();
        if entries == 0 || !state.strikes(fault) {
            return BTreeSet::new();
        }
        let first = state.dice.index(entries);
        let refused: BTreeSet<_> =
            (0..entries).filter(|at| *at == first || state.dice.in_thousand(300)).collect();
        state.blame_current(Mishap::Refused(refused.len()));
        refused
    }

    fn fate(&self, name: &'static str) -> Fate {
        let mut state = self.lock();
        if state.is_out(name) {
            state.faults.note(Fault::Outage);
            state.blame_current(Mishap::Failed(name));
            return Fate::Refused;
        }
        let struck = FATES.iter().find(|(fault, _)| state.strikes(*fault)).map(|(_, fate)| *fate);
        let Some(fate) = struck else { return Fate::Works };
        state.blame_current(if fate == Fate::Panics { Mishap::Panicked } else { Mishap::Failed(name) });
        fate
    }

    /// Waits as long as half a call takes; or dies then.
    fn wait(&self, is_death: bool) -> Wait {
        let mut state = self.lock();
        let delay_ms = if state.strikes(Fault::Frozen) {
            state.blame_current(Mishap::Delayed);
            let delay_ms = state.dice.between(10_000, 400_000);
            let until_ms = state.now_ms.saturating_add(delay_ms);
            if let Some(task) = state.current {
                state.frozen.insert(task, until_ms);
            }
            delay_ms
        } else if state.strikes(Fault::CallSlow) {
            state.blame_current(Mishap::Delayed);
            state.dice.between(2_000, 20_000)
        } else {
            state.dice.between(1, 40)
        };
        let (task, id) = (state.current, state.waited);
        state.waited = id.saturating_add(1);
        let due = match task {
            Some(task) if is_death => Due::Crash(task),
            _ => Due::Call(id),
        };
        state.schedule_in(delay_ms, due);
        state.waits.insert(id, Waiting { task, is_due: false, waker: Waker::noop().clone() });
        Wait { hub: self.clone(), id }
    }
}

impl State {
    /// Counts one thing more that was made to go wrong in the invocation whose code runs.
    pub(crate) fn blame_current(&mut self, mishap: Mishap) {
        if let Some(task) = self.current {
            self.mishaps.entry(task).or_default().add(mishap);
        }
    }
}

/// Half of a call under way.
struct Wait {
    hub: Hub,
    id: WaitId,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.hub.lock().waits.get_mut(&self.id) {
            Some(waiting) if !waiting.is_due => {
                waiting.waker.clone_from(context.waker());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.hub.lock().waits.remove(&self.id);
    }
}

/// An instant from the world's milliseconds.
pub(crate) fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}
