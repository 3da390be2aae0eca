//! What ingest and processor do, call by call. This is `countersign_app::ingest` and `countersign_app::process` with
//! everything taken out but the calls and what follows from their answers.

use crate::protocol::{Variant, World};
use crate::state::{Event, Ingest, IngestStep, Kept, LedgerRow, Processor, ProcessorStep, Row, State};
use crate::steps::{Ending, MESSAGE};

impl World {
    /// A delivery's call: what it does to the world, and the worker that is left of it.
    pub(crate) fn ingest(&self, state: &mut State, worker: Ingest, ending: Ending) -> Option<Ingest> {
        if ending == Ending::Crash {
            state.crashes += 1;
            state.of_mut(worker.event).forget(worker.attempt);
            return None;
        }
        let known = state.of_mut(worker.event);
        let mut kept = worker.kept;
        match worker.step {
            IngestStep::Put => kept = Some(self.put(&mut known.row, worker.attempt)),
            IngestStep::Send => known.waiting += 1,
            IngestStep::Answer => known.is_acknowledged = true,
        }
        if ending == Ending::AnswerLost {
            state.lost_answers += 1;
            return Some(worker);
        }
        if worker.step != IngestStep::Put {
            state.of_mut(worker.event).forget(worker.attempt);
            kept = None;
        }
        let step = self.after_ingest(worker.step, kept)?;
        Some(Ingest { step, kept, ..worker })
    }

    /// The conditional put: ALL_OLD says whose row is there.
    fn put(&self, row: &mut Row, attempt: u8) -> Kept {
        match *row {
            Row::Absent => {
                *row = Row::Of(attempt);
                Kept::New
            }
            Row::Of(there) if there == attempt && self.variant != Variant::ForgetsItsAttempt => Kept::New,
            Row::Of(_) | Row::OfThePast => Kept::Duplicate,
        }
    }

    fn after_ingest(&self, step: IngestStep, kept: Option<Kept>) -> Option<IngestStep> {
        match (step, self.variant) {
            (IngestStep::Put, Variant::SwallowsDuplicates) if kept == Some(Kept::Duplicate) => {
                Some(IngestStep::Answer)
            }
            (IngestStep::Put, Variant::AnswersBeforeSending) => Some(IngestStep::Answer),
            (IngestStep::Answer, Variant::AnswersBeforeSending) => Some(IngestStep::Send),
            (IngestStep::Send, Variant::AnswersBeforeSending) => None,
            (IngestStep::Put, _) => Some(IngestStep::Send),
            (IngestStep::Send, _) => Some(IngestStep::Answer),
            (IngestStep::Answer, _) => None,
        }
    }

    /// Whether the delivery's call would be felt if its answer were lost.
    pub(crate) fn ingest_changes(&self, state: &State, worker: Ingest) -> bool {
        match worker.step {
            IngestStep::Put => state.of(worker.event).row == Row::Absent,
            IngestStep::Send => true,
            // Nobody answers twice. A provider that has not heard it comes again, as it may anyway.
            IngestStep::Answer => false,
        }
    }

    /// A message's call: what it does to the world, and the worker that is left of it.
    pub(crate) fn process(&self, state: &mut State, worker: Processor, ending: Ending) -> Option<Processor> {
        if ending == Ending::Crash {
            state.crashes += 1;
            state.of_mut(worker.event).waiting += u8::from(worker.holds_message());
            return None;
        }
        let event = worker.event;
        let after = match worker.step {
            ProcessorStep::Load => Some(self.load(state, event)),
            ProcessorStep::Append(row) => Some(self.append(state, row)),
            ProcessorStep::Publish(row) => {
                publish(state, row);
                Some(ProcessorStep::Acknowledge(row))
            }
            ProcessorStep::Acknowledge(row) => (self.variant == Variant::AcknowledgesBeforePublishing)
                .then_some(ProcessorStep::PublishAcknowledged(row)),
            ProcessorStep::PublishAcknowledged(row) => {
                publish(state, row);
                None
            }
        };
        if ending == Ending::AnswerLost {
            state.lost_answers += 1;
            return Some(worker);
        }
        after.map(|step| Processor { event, step })
    }

    /// Reads the payment, strongly consistent: what the event made of it, or what it is to make.
    pub(crate) fn load(&self, state: &State, event: Event) -> ProcessorStep {
        let done = state.row_of(event).filter(|_| self.variant != Variant::ForgetsItsEvent);
        match done {
            Some(row) if self.variant == Variant::NeverPublishesAgain => ProcessorStep::Acknowledge(row),
            Some(row) => self.when_committed(row),
            None => ProcessorStep::Append(LedgerRow::after(state.newest(), event)),
        }
    }

    /// The conditional put of a version.
    fn append(&self, state: &mut State, row: LedgerRow) -> ProcessorStep {
        let is_stale = state.has_version(row.version);
        if !is_stale || self.variant == Variant::OverwritesVersions {
            state.ledger.retain(|there| there.version != row.version);
            state.ledger.push(row);
            return self.when_committed(row);
        }
        match self.variant {
            Variant::GuessesTheNextVersion => {
                ProcessorStep::Append(LedgerRow { version: row.version + 1, ..row })
            }
            _ => ProcessorStep::Load,
        }
    }

    fn when_committed(&self, row: LedgerRow) -> ProcessorStep {
        match self.variant {
            Variant::AcknowledgesBeforePublishing => ProcessorStep::Acknowledge(row),
            _ => ProcessorStep::Publish(row),
        }
    }

    /// Whether the message's call would be felt if its answer were lost.
    pub(crate) fn processor_changes(&self, state: &State, worker: Processor) -> bool {
        match worker.step {
            ProcessorStep::Append(row) => {
                !state.has_version(row.version) || self.variant == Variant::OverwritesVersions
            }
            ProcessorStep::Publish(row) | ProcessorStep::PublishAcknowledged(row) => {
                !state.bus.contains(&row)
            }
            // Reading changes nothing; a message whose acknowledgement is lost is handed out again, as any may be.
            ProcessorStep::Load | ProcessorStep::Acknowledge(_) => false,
        }
    }

    /// How many steps a delivery has before it at most.
    pub(crate) fn left_of_ingest(&self, worker: &Ingest) -> usize {
        let sends_last = self.variant == Variant::AnswersBeforeSending;
        match worker.step {
            IngestStep::Put => MESSAGE + 3,
            IngestStep::Answer if sends_last => MESSAGE + 2,
            IngestStep::Send => MESSAGE + 1 + usize::from(!sends_last),
            IngestStep::Answer => 1,
        }
    }
}

/// The bus may be told twice; what it is told is made of the row, so it is the same.
fn publish(state: &mut State, row: LedgerRow) {
    if !state.bus.contains(&row) {
        state.bus.push(row);
    }
}

/// How many steps a message has before it at most, if nobody else writes.
pub(crate) fn left_of_processor(state: &State, worker: &Processor) -> usize {
    let newest = state.newest().map_or(0, |row| row.version);
    match worker.step {
        ProcessorStep::PublishAcknowledged(_) => 1,
        ProcessorStep::Acknowledge(_) => 2,
        ProcessorStep::Publish(_) => 3,
        ProcessorStep::Append(row) if row.version <= newest => 6 + usize::from(newest - row.version),
        ProcessorStep::Append(_) => 4,
        ProcessorStep::Load => 5,
    }
}
