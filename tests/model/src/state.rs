//! What there is at one moment.

use crate::protocol::Scope;

/// One of the two events of the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    A,
    B,
}

impl Event {
    pub(crate) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What provider, inbox and queue hold of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Known {
    /// How often it was delivered.
    pub(crate) deliveries: u8,
    /// Whether a 2xx was sent.
    pub(crate) is_acknowledged: bool,
    /// Its inbox row.
    pub(crate) row: Row,
    /// Its messages that nobody works on.
    pub(crate) waiting: u8,
}

impl Known {
    /// An attempt will not meet its row any more.
    pub(crate) fn forget(&mut self, attempt: u8) {
        if self.row == Row::Of(attempt) {
            self.row = Row::OfThePast;
        }
    }
}

/// An inbox row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Row {
    #[default]
    Absent,
    /// Written by an attempt that may meet it again.
    Of(u8),
    /// Written by an attempt that never will: which one it was makes no difference any more.
    OfThePast,
}

/// The next call of ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum IngestStep {
    Put,
    Send,
    Answer,
}

/// What a put came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kept {
    New,
    Duplicate,
}

/// A delivery that is being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ingest {
    pub(crate) event: Event,
    /// The id of the attempt: no other that is at work has it.
    pub(crate) attempt: u8,
    pub(crate) step: IngestStep,
    /// What the put came to, until the message is sent.
    pub(crate) kept: Option<Kept>,
}

/// The next call of the processor, with the row that it wants to write, or that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ProcessorStep {
    Load,
    Append(LedgerRow),
    Publish(LedgerRow),
    Acknowledge(LedgerRow),
    /// Only where a message is acknowledged first: the rest of its work, when the queue has forgotten it.
    PublishAcknowledged(LedgerRow),
}

impl ProcessorStep {
    fn renamed(self) -> Self {
        match self {
            Self::Load => Self::Load,
            Self::Append(row) => Self::Append(row.renamed()),
            Self::Publish(row) => Self::Publish(row.renamed()),
            Self::Acknowledge(row) => Self::Acknowledge(row.renamed()),
            Self::PublishAcknowledged(row) => Self::PublishAcknowledged(row.renamed()),
        }
    }
}

/// A message that is being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Processor {
    pub(crate) event: Event,
    pub(crate) step: ProcessorStep,
}

impl Processor {
    /// Whether the queue hands its message out again if nothing more is heard.
    pub(crate) fn holds_message(self) -> bool {
        !matches!(self.step, ProcessorStep::PublishAcknowledged(_))
    }
}

/// A row of the payment. What is published is made of it alone, so the row stands for the bus event as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LedgerRow {
    /// From 1.
    pub(crate) version: u8,
    pub(crate) event: Event,
    /// The resulting payment: how often each event is in it.
    pub(crate) payment: [u8; 2],
}

impl LedgerRow {
    /// The row that an event makes on top of the newest one.
    pub(crate) fn after(newest: Option<Self>, event: Event) -> Self {
        let mut payment = newest.map_or([0, 0], |row| row.payment);
        payment[event as usize] += 1;
        Self { version: newest.map_or(0, |row| row.version) + 1, event, payment }
    }

    fn renamed(self) -> Self {
        let [of_a, of_b] = self.payment;
        Self { event: self.event.other(), payment: [of_b, of_a], ..self }
    }
}

/// Everything at one moment. Workers and rows are sorted: two moments that differ in who is who are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State {
    pub(crate) events: [Known; 2],
    pub(crate) ingests: Vec<Ingest>,
    pub(crate) processors: Vec<Processor>,
    /// By version.
    pub(crate) ledger: Vec<LedgerRow>,
    pub(crate) bus: Vec<LedgerRow>,
    pub(crate) crashes: u8,
    pub(crate) lost_answers: u8,
    pub(crate) redeliveries: u8,
}

impl State {
    pub(crate) fn of(&self, event: Event) -> &Known {
        &self.events[event as usize]
    }

    pub(crate) fn of_mut(&mut self, event: Event) -> &mut Known {
        &mut self.events[event as usize]
    }

    pub(crate) fn newest(&self) -> Option<LedgerRow> {
        self.ledger.last().copied()
    }

    pub(crate) fn row_of(&self, event: Event) -> Option<LedgerRow> {
        self.ledger.iter().copied().find(|row| row.event == event)
    }

    pub(crate) fn has_version(&self, version: u8) -> bool {
        self.ledger.iter().any(|row| row.version == version)
    }

    pub(crate) fn is_published(&self, event: Event) -> bool {
        self.bus.iter().any(|row| row.event == event)
    }

    /// Sorts it, and calls the event `A` of which more is known. The two are alike, so a moment and the same with the names
    /// exchanged have the same future. Says whether the names were exchanged.
    pub(crate) fn fold(&mut self) -> bool {
        self.sort();
        let [of_a, of_b] = &self.events;
        if of_a > of_b {
            return false;
        }
        let renamed = self.renamed();
        let is_exchanged = renamed > *self;
        if is_exchanged {
            *self = renamed;
        }
        is_exchanged
    }

    pub(crate) fn renamed(&self) -> Self {
        let [of_a, of_b] = self.events;
        let ingest = |worker: &Ingest| Ingest { event: worker.event.other(), ..*worker };
        let processor =
            |worker: &Processor| Processor { event: worker.event.other(), step: worker.step.renamed() };
        let mut renamed = Self {
            events: [of_b, of_a],
            ingests: self.ingests.iter().map(ingest).collect(),
            processors: self.processors.iter().map(processor).collect(),
            ledger: self.ledger.iter().copied().map(LedgerRow::renamed).collect(),
            bus: self.bus.iter().copied().map(LedgerRow::renamed).collect(),
            ..*self
        };
        renamed.sort();
        renamed
    }

    fn sort(&mut self) {
        self.ingests.sort_unstable();
        self.processors.sort_unstable();
        self.ledger.sort_unstable();
        self.bus.sort_unstable();
    }

    /// Whether the queue holds a message of the event, handed out or not.
    pub(crate) fn has_message(&self, event: Event) -> bool {
        self.of(event).waiting > 0
            || self.processors.iter().any(|worker| worker.event == event && worker.holds_message())
    }

    /// Nobody works, nothing waits, and the provider need not come again: it has its answers, or has given up. What is now
    /// is what stays.
    pub(crate) fn is_at_rest(&self, scope: &Scope) -> bool {
        let is_settled = |known: &Known| {
            let is_open = known.deliveries > 0 && known.deliveries < scope.deliveries;
            known.waiting == 0 && (known.is_acknowledged || !is_open)
        };
        self.ingests.is_empty() && self.processors.is_empty() && self.events.iter().all(is_settled)
    }
}
