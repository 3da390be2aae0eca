//! The promises, by number, and how often each was looked after.

use std::cell::Cell;

macro_rules! invariants {
    ($($name:ident $promise:literal,)*) => {
        /// One promise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $(#[doc = $promise] $name,)*
        }

        impl Invariant {
            /// Every promise there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What is promised.
            #[must_use]
            pub fn promise(self) -> &'static str {
                match self {
                    $(Self::$name => $promise,)*
                }
            }
        }
    };
}

invariants! {
    I1 "what was acknowledged is applied, says nothing new, is set aside with a reason, or is none of our business",
    I2 "an event changes its payment at most once",
    I3 "a payment never goes back",
    I4 "versions have no gaps, and each is what its events add up to",
    I5 "what is applied is published, with one id and the same bytes each time; nothing else is",
    I6 "the order of a payment's events can be told from their versions",
    I7 "no 2xx without a row and a message; a 2xx when nothing went wrong",
    I8 "what is not authentic leaves nothing; a secret works while it is in force, and not after",
    I9 "another meaning under an id changes nothing, and is seen",
    I10 "no more is given back than was taken, no more taken than was asked for; sums are whole",
    I11 "after a complete run both books agree, or each difference is a finding; an incomplete run changes nothing",
    I12 "a run done again changes nothing",
    I13 "a batch names exactly the messages that are unfinished",
    I14 "no secret, no personal data and no body in a log line, a message or anything else that leaves the inbox",
    I15 "when faults stop, everything falls quiet and nothing is left behind",
    I16 "the end is that of the provider's own books, whatever the order was",
    I17 "the same seed is the same world, to the byte",
}

thread_local! {
    /// A world runs on one thread.
    static LOOKS: Cell<Looks> = const { Cell::new(Looks([0; Invariant::ALL.len()])) };
}

/// How often each promise was looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks([u64; Invariant::ALL.len()]);

impl Default for Looks {
    fn default() -> Self {
        Self([0; Invariant::ALL.len()])
    }
}

impl Looks {
    /// How often one was.
    #[must_use]
    pub fn at(&self, invariant: Invariant) -> u64 {
        self.0[invariant as usize]
    }

    /// How often all were.
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

    /// Counts one look.
    pub fn count(&mut self, invariant: Invariant) {
        self.0[invariant as usize] = self.0[invariant as usize].saturating_add(1);
    }

    /// Those of the world that ran last on this thread.
    pub(crate) fn take() -> Self {
        LOOKS.take()
    }
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub what: String,
}

/// What one look at the world found.
pub(super) type Verdict = Result<(), Violation>;

/// Looks after one promise.
pub(crate) fn check(
    invariant: Invariant,
    is_kept: bool,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    let mut looks = LOOKS.get();
    looks.count(invariant);
    LOOKS.set(looks);
    if is_kept { Ok(()) } else { Err(Violation { invariant, what: what() }) }
}
