//! What can go wrong, how often it does in one world, and how often it did.

use super::dice::Dice;
use super::scenario::{Kept, Scenario};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One kind of misfortune.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

faults! {
    // A call to a port.
    /// It is refused, and nothing happened.
    CallRefused,
    /// It takes effect, and its answer is lost.
    AnswerLost,
    /// It fails, and takes effect later all the same.
    EffectLate,
    /// It takes long.
    CallSlow,
    /// The invocation dies before it takes effect.
    CrashBefore,
    /// The invocation dies after it took effect.
    CrashAfter,
    /// The code panics in it.
    Panic,
    /// Of the messages sent, some are not taken.
    PartialSend,
    /// Of the events published, some are not taken.
    PartialPublish,

    // An execution environment.
    /// The invocation's time is up.
    TimedOut,
    /// It stands still for minutes, and goes on as if nothing had been.
    Frozen,
    /// It belongs to the next version of the code, beside others of this one.
    OtherVersion,
    /// A service refuses every call for minutes.
    Outage,
    /// The environment is thrown away with all that it remembers.
    Recycled,
    /// Its clock is minutes off.
    ClockSkewed,
    /// Two environments of one function are at work at the same time.
    Concurrent,
    /// An event loses the race for its payment's next version until it gives up.
    Contended,

    // The queue.
    /// A message is delivered to two receivers at once.
    MessageDoubled,
    /// Messages are received in another order than they were sent.
    MessagesReordered,
    /// A message shows up late.
    MessageDelayed,
    /// A message was not acknowledged in time and comes back.
    MessageReturned,
    /// An acknowledgement is lost.
    DeleteLost,
    /// A message had its last try.
    DeadLettered,
    /// Dead letters are put back into the queue.
    Redriven,
    /// Somebody sends what is no message of ours.
    Poisoned,
    /// An event on the bus starts its target twice.
    BusDoubled,
    /// An invocation by the bus failed and is tried again.
    CallRetried,
    /// It was tried for the last time.
    CallGivenUp,
    /// A run of reconciliation asks to be taken up again.
    RunSuspended,
    /// A run finds another one at its window.
    RunBusy,
    /// A run could not read the provider's books to the end.
    RunIncomplete,

    // A provider.
    /// A webhook that was acknowledged comes again.
    WebhookRepeated,
    /// A webhook comes late.
    WebhookLate,
    /// A webhook overtakes an older one of the same payment.
    WebhookOvertakes,
    /// A webhook that was not acknowledged comes again.
    WebhookRetried,
    /// A request never arrives.
    RequestLost,
    /// A request arrives twice at once.
    RequestDoubled,
    /// The answer never arrives.
    ResponseLost,
    /// The provider's clock is minutes off when it signs.
    SignedAhead,
    /// An event comes a second time with another meaning.
    Altered,
    /// An event changes its meaning between two tries.
    AlteredInRetry,
    /// A delivery from which nothing can be read.
    Unreadable,
    /// An item in a list from which nothing can be read.
    BadItem,
    /// An event with a field that cannot be used.
    Untranslatable,
    /// An event that contradicts another.
    Contradiction,
    /// A payment of which a great deal happens at once.
    HotPayment,
    /// A webhook is never sent; the provider's list has its event.
    WebhookNeverSent,
    /// No webhook of a payment is ever sent; the provider's list has its events.
    PaymentUntold,
    /// No event is ever made of something; the provider's books show it.
    NeverGenerated,
    /// A provider tries no more.
    ProviderGaveUp,

    // A provider's API.
    /// It refuses: too many calls, or a fault of its own.
    ApiRefused,
    /// An event shows up late in its list.
    ListedLate,
    /// A page is answered from a copy of the books that is behind.
    ReplicaLags,
    /// What was on one page is on the next one too.
    PageDrifts,
    /// A page ends in the middle.
    PageTorn,

    // The platform.
    /// A payment is announced.
    Announced,

    // Somebody who is no provider.
    /// A delivery signed with a secret of their own.
    Forged,
    /// A delivery without a signature.
    Unsigned,
    /// A captured delivery with another body.
    Tampered,
    /// A captured delivery, while it is fresh.
    ReplayedFresh,
    /// A captured delivery, when it is stale.
    ReplayedStale,
    /// A delivery signed with a secret that was taken out of use.
    OldSecretUsed,
    /// A delivery to an endpoint that is not there.
    UnknownEndpoint,

    // The operator.
    /// A secret is rotated.
    SecretRotated,
    /// A source is out of use for some minutes.
    SourceDisabled,
    /// A source gets another configuration.
    SourceChanged,
    /// Events are handed over again by hand.
    Replayed,
    /// A window is reconciled by hand.
    RunByHand,
    /// A change of a source found another one in its way.
    ChangeRaced,
}

/// How many of each there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally([u64; Fault::ALL.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; Fault::ALL.len()])
    }
}

impl Tally {
    /// How many of one kind.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// How many in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds another world's.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(count);
        }
    }

    fn count(&mut self, fault: Fault) {
        self.0[fault as usize] = self.0[fault as usize].saturating_add(1);
    }
}

/// How often what goes wrong in one world. Each world knows only some of the misfortunes, so that those it knows can be
/// frequent without drowning each other. Each has dice of its own: one that is spared does not move the others.
#[derive(Debug)]
pub(crate) struct Faults {
    times_in_thousand: [u64; Fault::ALL.len()],
    dice: Vec<Dice>,
    kept: Kept,
    /// How many struck or were spared.
    numbered: u32,
    is_over: bool,
    pub(crate) tally: Tally,
}

/// The first of the streams that the misfortunes' own dice have.
const STREAM: u64 = 100;

impl Faults {
    pub(crate) fn new(scenario: &Scenario, dice: &mut Dice) -> Self {
        let mut times_in_thousand = [0; Fault::ALL.len()];
        for fault in Fault::ALL {
            let frequencies = match fault {
                // An invocation makes many calls, and dies of one.
                Fault::CallRefused | Fault::AnswerLost | Fault::EffectLate => [0, 0, 20, 80],
                Fault::PageDrifts => [0, 0, 250, 500],
                Fault::CallSlow | Fault::CrashBefore | Fault::CrashAfter | Fault::Panic => [0, 0, 10, 40],
                Fault::Frozen => [0, 0, 5, 15],
                // Once in a world, or for each payment.
                Fault::OtherVersion | Fault::Announced | Fault::SourceChanged | Fault::RunByHand => {
                    [0, 0, 500, 500]
                }
                _ => [0, 0, 60, 250],
            };
            times_in_thousand[*fault as usize] = dice.pick(&frequencies);
        }
        let streams = STREAM..STREAM.saturating_add(Fault::ALL.len() as u64);
        Self {
            times_in_thousand,
            dice: streams.map(|stream| Dice::new(scenario.seed, stream)).collect(),
            kept: scenario.strikes.clone(),
            numbered: 0,
            is_over: false,
            tally: Tally::default(),
        }
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    /// How many things went wrong, or would have.
    pub(crate) fn numbered(&self) -> u32 {
        self.numbered
    }

    /// Whether it goes wrong now. What does is counted.
    pub(crate) fn strike(&mut self, fault: Fault) -> bool {
        let times = if self.is_over { 0 } else { self.times_in_thousand[fault as usize] };
        if times == 0 || !self.dice[fault as usize].in_thousand(times) {
            return false;
        }
        let is_kept = self.kept.has(self.numbered);
        self.numbered = self.numbered.saturating_add(1);
        if is_kept {
            self.tally.count(fault);
        }
        is_kept
    }

    /// Counts what came about by itself.
    pub(crate) fn note(&mut self, fault: Fault) {
        self.tally.count(fault);
    }
}
