//! Which protocol, and how much of the world.

use crate::promises::Promise;

/// The protocol as it is, or with one decision taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// As it is built.
    True,
    /// Decision 1 taken out: the 2xx goes out before the message.
    AnswersBeforeSending,
    /// Decision 2 taken out: a known event is answered with a 2xx, and no message is sent.
    SwallowsDuplicates,
    /// Decision 2 without the id of the attempt: the put that is tried again takes its own row for a duplicate.
    ForgetsItsAttempt,
    /// Decision 3 without the condition: the row of a version is written over the one that is there.
    OverwritesVersions,
    /// Decision 3 without the loading: the row that came too late is written under the next version.
    GuessesTheNextVersion,
    /// Decision 3 without the look at the event's own row.
    ForgetsItsEvent,
    /// Decision 5 taken out: the message is acknowledged before the event is published.
    AcknowledgesBeforePublishing,
    /// Decision 5 taken out: what is found committed is acknowledged and not published again.
    NeverPublishesAgain,
}

impl Variant {
    /// All of them, the true one first.
    pub const ALL: [Self; 9] = [
        Self::True,
        Self::AnswersBeforeSending,
        Self::SwallowsDuplicates,
        Self::ForgetsItsAttempt,
        Self::OverwritesVersions,
        Self::GuessesTheNextVersion,
        Self::ForgetsItsEvent,
        Self::AcknowledgesBeforePublishing,
        Self::NeverPublishesAgain,
    ];

    /// What a person calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "as it is built",
            Self::AnswersBeforeSending => "1: answers before sending",
            Self::SwallowsDuplicates => "2: swallows duplicates",
            Self::ForgetsItsAttempt => "2: forgets its attempt",
            Self::OverwritesVersions => "3: overwrites versions",
            Self::GuessesTheNextVersion => "3: guesses the next version",
            Self::ForgetsItsEvent => "3: forgets its event",
            Self::AcknowledgesBeforePublishing => "5: acknowledges before publishing",
            Self::NeverPublishesAgain => "5: never publishes again",
        }
    }

    /// What does not hold without the decision.
    #[must_use]
    pub fn breaks(self) -> &'static [Promise] {
        match self {
            Self::True => &[],
            Self::AnswersBeforeSending | Self::SwallowsDuplicates => {
                &[Promise::AcknowledgedIsHeld, Promise::NothingIsLost]
            }
            Self::ForgetsItsAttempt => &[Promise::DuplicateIsTold],
            Self::OverwritesVersions => &[Promise::PublishedIsApplied, Promise::NothingIsLost],
            Self::GuessesTheNextVersion => &[Promise::LedgerAddsUp],
            Self::ForgetsItsEvent => &[Promise::AppliedOnce],
            Self::AcknowledgesBeforePublishing | Self::NeverPublishesAgain => &[Promise::NothingIsLost],
        }
    }
}

/// How much can happen. Within it, everything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// How often the provider delivers an event at most. It may come again at any time, answered or not, and gives up only
    /// then.
    pub deliveries: u8,
    /// How many deliveries are worked on at the same time.
    pub ingests: usize,
    /// How many messages are worked on at the same time.
    pub processors: usize,
    /// How often a function ends between two of its calls.
    pub crashes: u8,
    /// How often a call takes effect and its answer is lost, so that it is tried again.
    pub lost_answers: u8,
    /// How often the queue hands out a message twice.
    pub redeliveries: u8,
}

impl Scope {
    /// What is checked: two workers of each kind, and a provider that comes once more than we crash.
    pub const FULL: Self =
        Self { deliveries: 3, ingests: 2, processors: 2, crashes: 2, lost_answers: 1, redeliveries: 1 };
}

/// A protocol in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) variant: Variant,
    pub(crate) scope: Scope,
}
