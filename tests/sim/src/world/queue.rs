//! A standard queue as SQS is: at least once, in any order, with a visibility timeout, a receive count and dead letters.

use super::dice::Dice;
use super::faults::Fault;
use super::hub::{Due, Hub, State};
use countersign_app::ports::{Notice, Port, PortError, Queue};
use countersign_domain::limits::QUEUE_ENTRIES_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a message that was received stays out of sight, in milliseconds. As in `template.yaml`.
const VISIBILITY_MS: i64 = 181_000;
/// How long a poll waits for a batch to fill, in milliseconds: not at all, or as in `template.yaml`.
const BATCHING_WINDOWS_MS: [i64; 2] = [0, 1_000];
/// How often a message is received before it becomes a dead letter. As in `template.yaml`.
const RECEIVES_MAX: u32 = 6;

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) body: String,
    /// Whether it was sent by nobody of ours.
    pub(crate) is_poison: bool,
    visible_at_ms: i64,
    receives: u32,
}

#[derive(Default)]
struct Messages {
    waiting: BTreeMap<u64, Message>,
    dead: BTreeMap<u64, Message>,
    sent: u64,
    /// Which row was handed over under which trace.
    handed_over: BTreeSet<(String, String)>,
}

/// A version of the code, by how its messages look. The next one's cannot be read by this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Release {
    #[default]
    This,
    Next,
}

impl Release {
    /// A message as this version writes it.
    fn written(self, notice: &Notice) -> Result<String, serde_json::Error> {
        match self {
            Self::This => serde_json::to_string(notice),
            Self::Next => Ok(format!(r#"{{"v":2,"notice":{}}}"#, serde_json::to_string(notice)?)),
        }
    }

    /// A message as the use case of this version is given it: the next one still reads what this one wrote.
    pub(crate) fn read(self, body: &str) -> String {
        let of_next = body.strip_prefix(r#"{"v":2,"notice":"#).and_then(|rest| rest.strip_suffix('}'));
        match (self, of_next) {
            (Self::Next, Some(notice)) => notice.to_owned(),
            _ => body.to_owned(),
        }
    }

    /// Whether this version can read a message at all.
    pub(crate) fn can_read(self, body: &str) -> bool {
        self == Self::Next || !body.starts_with(r#"{"v":2,"notice":"#)
    }
}

/// The queue with its dead letters, as one version of the code sends to it.
#[derive(Clone)]
pub(crate) struct WorldQueue {
    hub: Hub,
    release: Release,
    window_ms: i64,
    messages: Arc<Mutex<Messages>>,
}

impl WorldQueue {
    pub(crate) fn new(hub: &Hub) -> Self {
        let window_ms = hub.lock().dice.pick(&BATCHING_WINDOWS_MS);
        Self { hub: hub.clone(), release: Release::This, window_ms, messages: Arc::default() }
    }

    /// The same queue, as another version sends to it.
    pub(crate) fn of(&self, release: Release) -> Self {
        Self { release, ..self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one message in, from whomever.
    pub(crate) fn put(&self, body: String, is_poison: bool) {
        let mut state = self.hub.lock();
        let delay_ms =
            if state.strikes(Fault::MessageDelayed) { state.dice.between(1_000, 900_000) } else { 0 };
        let visible_at_ms = state.now_ms.saturating_add(delay_ms);
        state.schedule(visible_at_ms.saturating_add(self.window_ms), Due::Poll);
        let mut messages = self.lock();
        messages.sent = messages.sent.saturating_add(1);
        let id = messages.sent;
        messages.waiting.insert(id, Message { id, body, is_poison, visible_at_ms, receives: 0 });
    }

    /// Receives at most so many messages that can be seen now.
    pub(crate) fn receive(&self, messages_max: usize) -> Vec<Message> {
        let mut state = self.hub.lock();
        let mut messages = self.lock();
        let now_ms = state.now_ms;
        let visible = messages.waiting.values().filter(|message| message.visible_at_ms <= now_ms);
        let mut ids: Vec<_> = visible.map(|message| message.id).collect();
        if state.strikes(Fault::MessagesReordered) {
            state.dice.shuffle(&mut ids);
        }
        let mut received = Vec::new();
        for id in ids {
            if received.len() == messages_max {
                // The rest is for the next poll.
                state.schedule_in(1, Due::Poll);
                break;
            }
            let Some(message) = messages.waiting.get_mut(&id) else { continue };
            if message.receives >= RECEIVES_MAX {
                state.faults.note(Fault::DeadLettered);
                let dead = messages.waiting.remove(&id);
                messages.dead.extend(dead.map(|message| (id, message)));
                continue;
            }
            if message.receives > 0 {
                state.faults.note(Fault::MessageReturned);
            }
            message.receives = message.receives.saturating_add(1);
            let hidden_ms = if state.strikes(Fault::MessageDoubled) { 1 } else { VISIBILITY_MS };
            message.visible_at_ms = now_ms.saturating_add(hidden_ms);
            state.schedule(message.visible_at_ms, Due::Poll);
            received.push(message.clone());
        }
        received
    }

    /// Acknowledges a message.
    pub(crate) fn delete(&self, id: u64) {
        if !self.hub.lock().strikes(Fault::DeleteLost) {
            self.lock().waiting.remove(&id);
        }
    }

    /// Puts the dead letters back, as new as if they had just been sent. Returns how many there were.
    pub(crate) fn redrive(&self) -> usize {
        let dead = std::mem::take(&mut self.lock().dead);
        let mut state = self.hub.lock();
        for (id, letter) in &dead {
            state.faults.note(Fault::Redriven);
            let fresh = Message { receives: 0, visible_at_ms: state.now_ms, ..letter.clone() };
            self.lock().waiting.insert(*id, fresh);
        }
        state.schedule_in(1, Due::Poll);
        dead.len()
    }

    /// Messages that are not acknowledged, and dead letters.
    pub(crate) fn left(&self) -> (Vec<Message>, Vec<Message>) {
        let messages = self.lock();
        (messages.waiting.values().cloned().collect(), messages.dead.values().cloned().collect())
    }

    /// Whether a row was handed over under a trace.
    pub(crate) fn was_handed_over(&self, row: &str, trace: &str) -> bool {
        self.lock().handed_over.contains(&(row.to_owned(), trace.to_owned()))
    }

    /// Every trace under which anything was handed over.
    pub(crate) fn traces(&self) -> BTreeSet<String> {
        self.lock().handed_over.iter().map(|(_, trace)| trace.clone()).collect()
    }
}

impl Queue for WorldQueue {
    async fn send(&self, notices: &[Notice]) -> Port<Vec<usize>> {
        if notices.len() > QUEUE_ENTRIES_MAX {
            return Err(PortError::new("queue", "send", format!("{} messages are too many", notices.len())));
        }
        for notice in notices {
            let body =
                self.release.written(notice).map_err(|error| PortError::new("queue", "encode", error))?;
            self.put(body, false);
            let named = (notice.key.to_string(), notice.trace.as_str().to_owned());
            self.lock().handed_over.insert(named);
        }
        Ok(Vec::new())
    }
}

/// Text that is no message of ours, of several sorts.
pub(crate) fn poison(dice: &mut Dice) -> String {
    let sorts = [
        "",
        "hello",
        r#""jo@private.example""#,
        r#"{"jo@private.example":1}"#,
        r#"{"v":2,"key":{"kind":"event","source":"shop-0","event":"e"},"trace":"0"}"#,
        r#"{"v":1,"key":{"kind":"event","source":"shop-0","event":"never-came-in"},"trace":"0"}"#,
        r#"{"v":1,"key":{"kind":"event","source":"NO NAME","event":"e"},"trace":"0"}"#,
    ];
    dice.pick(&sorts).to_owned()
}

impl State {
    /// How many messages the next batch may hold: at most as in `template.yaml`.
    pub(crate) fn batch_size(&mut self) -> usize {
        usize::try_from(self.dice.between(1, 25)).unwrap_or(1)
    }
}
