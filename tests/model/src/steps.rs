//! What can happen next, and what comes of it.

use crate::promises;
use crate::protocol::World;
use crate::state::{Event, Ingest, IngestStep, Processor, State};
use crate::workers::left_of_processor;
use stateright::{Model, Property};

/// More steps than a message takes.
pub(crate) const MESSAGE: usize = 20;

/// How a worker's call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It took effect, and the answer came.
    Answered,
    /// It took effect, the answer did not come, and the call will be made again.
    AnswerLost,
    /// The worker ended before it. To the rest of the world, one that gives up after an error is the same.
    Crash,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The provider delivers.
    Deliver(Event),
    /// A delivery's next call.
    Ingest(Ingest, Ending),
    /// The queue hands out a message, and the processor loads the payment. Nothing can be seen between the two.
    Take(Event),
    /// The queue forgets that it handed out a message, or that it was acknowledged.
    Redeliver(Event),
    /// A message's next call.
    Process(Processor, Ending),
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What goes wrong comes first: of ways of one length the checker keeps the last, so rather one with few mishaps.
        self.mishaps(state, actions);
        for event in Event::ALL {
            let may_come = state.of(event).deliveries < self.scope.deliveries;
            let may_come = may_come && state.ingests.len() < self.scope.ingests;
            actions.extend(may_come.then_some(Action::Deliver(event)));
            let may_go = state.of(event).waiting > 0 && state.processors.len() < self.scope.processors;
            actions.extend(may_go.then_some(Action::Take(event)));
        }
        actions.extend(distinct(&state.ingests).map(|worker| Action::Ingest(worker, Ending::Answered)));
        actions.extend(distinct(&state.processors).map(|worker| Action::Process(worker, Ending::Answered)));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = self.after(last, action);
        next.fold();
        // Every step uses something up, so every path ends: what holds at rest is what everything comes to.
        assert!(self.left(&next) < self.left(last), "{action:?} leads nowhere from {last:?}");
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties()
    }
}

impl World {
    /// What an action makes of a state, before it is folded.
    pub(crate) fn after(&self, last: &State, action: Action) -> State {
        let mut next = last.clone();
        match action {
            Action::Deliver(event) => deliver(&mut next, event),
            Action::Take(event) => {
                next.of_mut(event).waiting -= 1;
                next.processors.push(Processor { event, step: self.load(last, event) });
            }
            Action::Redeliver(event) => {
                next.redeliveries += 1;
                next.of_mut(event).waiting += 1;
            }
            Action::Ingest(worker, ending) => {
                remove(&mut next.ingests, worker);
                let left = self.ingest(&mut next, worker, ending);
                next.ingests.extend(left);
            }
            Action::Process(worker, ending) => {
                remove(&mut next.processors, worker);
                let left = self.process(&mut next, worker, ending);
                next.processors.extend(left);
            }
        }
        next
    }

    fn mishaps(&self, state: &State, actions: &mut Vec<Action>) {
        if state.redeliveries < self.scope.redeliveries {
            let repeated = Event::ALL.into_iter().filter(|event| state.has_message(*event));
            actions.extend(repeated.map(Action::Redeliver));
        }
        if state.crashes < self.scope.crashes {
            actions.extend(distinct(&state.ingests).map(|worker| Action::Ingest(worker, Ending::Crash)));
            actions.extend(distinct(&state.processors).map(|worker| Action::Process(worker, Ending::Crash)));
        }
        if state.lost_answers < self.scope.lost_answers {
            let ingests = distinct(&state.ingests).filter(|worker| self.ingest_changes(state, *worker));
            actions.extend(ingests.map(|worker| Action::Ingest(worker, Ending::AnswerLost)));
            let processors =
                distinct(&state.processors).filter(|worker| self.processor_changes(state, *worker));
            actions.extend(processors.map(|worker| Action::Process(worker, Ending::AnswerLost)));
        }
    }

    /// What can still happen at most: to go wrong, to be delivered, to be written, to be worked on.
    fn left(&self, state: &State) -> [usize; 4] {
        let mishaps = self.scope.crashes - state.crashes + self.scope.lost_answers - state.lost_answers
            + self.scope.redeliveries
            - state.redeliveries;
        let came: u8 = state.events.iter().map(|known| known.deliveries).sum();
        let waiting: u8 = state.events.iter().map(|known| known.waiting).sum();
        let ingests: usize = state.ingests.iter().map(|worker| self.left_of_ingest(worker)).sum();
        let processors: usize = state.processors.iter().map(|worker| left_of_processor(state, worker)).sum();
        let work = ingests + processors + usize::from(waiting) * MESSAGE;
        [mishaps.into(), (2 * self.scope.deliveries - came).into(), usize::MAX - state.ledger.len(), work]
    }
}

fn deliver(state: &mut State, event: Event) {
    let known = state.of_mut(event);
    known.deliveries += 1;
    let is_free =
        |attempt: &u8| state.ingests.iter().all(|other| (other.event, other.attempt) != (event, *attempt));
    // A new id each time would be the same story with other names.
    let attempt = (1..=u8::MAX).find(is_free).unwrap_or_default();
    state.ingests.push(Ingest { event, attempt, step: IngestStep::Put, kept: None });
}

/// Sorted workers, those that are alike once.
fn distinct<W: Copy + PartialEq>(workers: &[W]) -> impl Iterator<Item = W> {
    let is_first = |at: usize| at == 0 || workers[at - 1] != workers[at];
    workers.iter().enumerate().filter(move |(at, _)| is_first(*at)).map(|(_, worker)| *worker)
}

fn remove<W: PartialEq>(workers: &mut Vec<W>, worker: W) {
    if let Some(at) = workers.iter().position(|other| *other == worker) {
        workers.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Scope, Variant};
    use std::collections::{BTreeSet, HashSet};

    /// Without this, folding would hide states instead of finding them again.
    #[test]
    fn a_state_and_the_same_with_the_names_exchanged_have_the_same_future() {
        let world =
            World { variant: Variant::True, scope: Scope { deliveries: 1, crashes: 1, ..Scope::FULL } };
        let future = |state: &State| world.next_states(state).into_iter().collect::<BTreeSet<_>>();
        let (mut open, mut seen) = (world.init_states(), HashSet::new());
        while let Some(state) = open.pop() {
            let next = future(&state);
            assert_eq!(next, future(&state.renamed()), "{state:?}");
            open.extend(next.into_iter().filter(|next| seen.insert(next.clone())));
        }
        assert!(seen.len() > 1_000, "{}", seen.len());
    }
}
