//! What must never be, and what must have been seen for that to mean anything.

use crate::protocol::{Scope, World};
use crate::state::{Event, Ingest, IngestStep, Kept, LedgerRow, Processor, ProcessorStep, Row, State};
use stateright::Property;

/// What must hold at every moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// A 2xx means kept and handed over.
    AcknowledgedIsHeld,
    /// A put that is made again does not take its own row for another's.
    DuplicateIsTold,
    /// Once, however often it is delivered.
    AppliedOnce,
    /// The ledger is a history, and its newest row is the state.
    LedgerAddsUp,
    /// Nobody hears what is not so.
    PublishedIsApplied,
    /// In the end, what was acknowledged has its effect, and everybody has heard.
    NothingIsLost,
    /// In the end, the provider has its answer. It needs a provider that comes more often than we crash.
    AllAreAcknowledged,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AcknowledgedIsHeld,
        Self::DuplicateIsTold,
        Self::AppliedOnce,
        Self::LedgerAddsUp,
        Self::PublishedIsApplied,
        Self::NothingIsLost,
        Self::AllAreAcknowledged,
    ];

    /// The promise in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AcknowledgedIsHeld => {
                "an acknowledged event has its row, and a message or its place in the ledger"
            }
            Self::DuplicateIsTold => "only the row of another delivery makes a duplicate",
            Self::AppliedOnce => "an event is applied at most once",
            Self::LedgerAddsUp => "versions have no gaps, and each row adds its event to the one before",
            Self::PublishedIsApplied => "what is published is a row of the ledger",
            Self::NothingIsLost => "at rest, what was acknowledged is applied and published",
            Self::AllAreAcknowledged => "at rest, everything that was delivered is acknowledged",
        }
    }

    fn property(self) -> Property<World> {
        let condition = match self {
            Self::AcknowledgedIsHeld => acknowledged_is_held,
            Self::DuplicateIsTold => duplicate_is_told,
            Self::AppliedOnce => applied_once,
            Self::LedgerAddsUp => ledger_adds_up,
            Self::PublishedIsApplied => published_is_applied,
            Self::NothingIsLost => nothing_is_lost,
            Self::AllAreAcknowledged => all_are_acknowledged,
        };
        Property::always(self.name(), condition)
    }
}

type Sight = (&'static str, fn(&World, &State) -> bool);

/// What must be seen where the promises hold, or their holding means nothing.
pub(crate) const SIGHTS: [Sight; 7] = [
    ("everything went wrong that can, and both events came through", came_through_it_all),
    ("a duplicate brings the message that a crash kept back", duplicate_saves),
    ("a put meets its own row", put_meets_itself),
    ("two events want the same version", events_race),
    ("two messages of one event want the same version", messages_race),
    ("an append meets its own row", append_meets_itself),
    ("a message waits, its event is committed and not published, and nobody works", redelivery_saves),
];

pub(crate) fn properties() -> Vec<Property<World>> {
    let sights = SIGHTS.into_iter().map(|(name, condition)| Property::sometimes(name, condition));
    Promise::ALL.into_iter().map(Promise::property).chain(sights).collect()
}

fn each(holds: impl Fn(Event) -> bool) -> bool {
    Event::ALL.into_iter().all(holds)
}

fn is_through(state: &State, event: Event) -> bool {
    state.row_of(event).is_some() && state.is_published(event)
}

fn acknowledged_is_held(_: &World, state: &State) -> bool {
    each(|event| {
        let known = state.of(event);
        let is_on_its_way = || state.has_message(event) || state.row_of(event).is_some();
        !known.is_acknowledged || (known.row != Row::Absent && is_on_its_way())
    })
}

fn duplicate_is_told(_: &World, state: &State) -> bool {
    state.ingests.iter().all(|worker| {
        let is_own = state.of(worker.event).row == Row::Of(worker.attempt);
        worker.kept.is_none_or(|kept| (kept == Kept::New) == is_own)
    })
}

fn applied_once(_: &World, state: &State) -> bool {
    each(|event| state.ledger.iter().filter(|row| row.event == event).count() <= 1)
}

fn ledger_adds_up(_: &World, state: &State) -> bool {
    let mut newest = None;
    state.ledger.iter().all(|row| {
        let is_next = *row == LedgerRow::after(newest, row.event);
        newest = Some(*row);
        is_next
    })
}

fn published_is_applied(_: &World, state: &State) -> bool {
    state.bus.iter().all(|told| state.ledger.contains(told))
}

fn nothing_is_lost(world: &World, state: &State) -> bool {
    let is_kept = |event| !state.of(event).is_acknowledged || is_through(state, event);
    !state.is_at_rest(&world.scope) || each(is_kept)
}

fn all_are_acknowledged(world: &World, state: &State) -> bool {
    let is_answered = |event| state.of(event).is_acknowledged || state.of(event).deliveries == 0;
    !state.is_at_rest(&world.scope) || each(is_answered)
}

fn came_through_it_all(world: &World, state: &State) -> bool {
    let Scope { crashes, lost_answers, redeliveries, .. } = world.scope;
    let mishaps = (state.crashes, state.lost_answers, state.redeliveries);
    let is_through = |event| state.of(event).is_acknowledged && is_through(state, event);
    mishaps == (crashes, lost_answers, redeliveries) && state.is_at_rest(&world.scope) && each(is_through)
}

fn duplicate_saves(_: &World, state: &State) -> bool {
    state.ingests.iter().any(|worker| {
        let is_missing = !state.has_message(worker.event) && state.row_of(worker.event).is_none();
        worker.kept == Some(Kept::Duplicate) && worker.step == IngestStep::Send && is_missing
    })
}

fn put_meets_itself(_: &World, state: &State) -> bool {
    let is_own = |worker: &Ingest| state.of(worker.event).row == Row::Of(worker.attempt);
    state.ingests.iter().any(|worker| worker.step == IngestStep::Put && is_own(worker))
}

fn events_race(_: &World, state: &State) -> bool {
    appending(state).is_some_and(|(one, other)| one.event != other.event && one.version == other.version)
}

fn messages_race(_: &World, state: &State) -> bool {
    appending(state).is_some_and(|(one, other)| one == other)
}

/// The rows that two messages want to write at the same time.
fn appending(state: &State) -> Option<(LedgerRow, LedgerRow)> {
    let [one, other] = state.processors[..] else { return None };
    wanted(&one).zip(wanted(&other))
}

fn wanted(worker: &Processor) -> Option<LedgerRow> {
    if let ProcessorStep::Append(row) = worker.step { Some(row) } else { None }
}

fn append_meets_itself(_: &World, state: &State) -> bool {
    state.processors.iter().filter_map(wanted).any(|row| state.ledger.contains(&row))
}

fn redelivery_saves(_: &World, state: &State) -> bool {
    let is_unpublished = |event| state.row_of(event).is_some() && !state.is_published(event);
    let is_saved = |event| is_unpublished(event) && state.of(event).waiting > 0;
    state.processors.is_empty() && Event::ALL.into_iter().any(is_saved)
}
