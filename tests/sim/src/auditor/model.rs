//! What a payment must come to: the provider's own books, kept in the provider's own order.
//!
//! This is the specification, and it is deliberately not the product's: it is told what happened in the order in which it
//! happened, once each, and simply writes it down. The product sees the same in any order and any number of times.

use std::collections::BTreeMap;

/// How far a refund or a payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Pending,
    Succeeded,
    Canceled,
    Failed,
}

/// Something that happened to a payment, in a provider's terms. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Asked(i64),
    NeedsAction,
    Processing,
    Declined(String),
    Reserved(i64),
    TakenInAll(i64),
    CalledOff,
    RanOut,
    PulledBack { item: String, amount: i64 },
    GivenBackInAll(i64),
    Refund { item: String, amount: i64, progress: Progress },
    Dispute { item: String, amount: i64, stage: &'static str },
    DisputeTook { item: String, amount: i64 },
    DisputeGave { item: String, amount: i64 },
    Payout { item: String, amount: i64, progress: Progress },
}

impl Happening {
    /// The money in it.
    pub(crate) fn amount(&self) -> Option<i64> {
        match self {
            Self::NeedsAction | Self::Processing | Self::Declined(_) | Self::CalledOff | Self::RanOut => None,
            Self::Asked(amount)
            | Self::Reserved(amount)
            | Self::TakenInAll(amount)
            | Self::GivenBackInAll(amount)
            | Self::PulledBack { amount, .. }
            | Self::Refund { amount, .. }
            | Self::Dispute { amount, .. }
            | Self::DisputeTook { amount, .. }
            | Self::DisputeGave { amount, .. }
            | Self::Payout { amount, .. } => Some(*amount),
        }
    }

    /// The thing that cannot change its amount, if it is about one: a refund, a payout, a reversal.
    pub(crate) fn fixed_item(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Refund { item, .. } => Some(("refund", item)),
            Self::Payout { item, .. } => Some(("payout", item)),
            Self::PulledBack { item, .. } => Some(("reversal", item)),
            _ => None,
        }
    }

    /// The same with another amount.
    pub(crate) fn with_amount(&self, new: i64) -> Self {
        let mut other = self.clone();
        match &mut other {
            Self::NeedsAction | Self::Processing | Self::Declined(_) | Self::CalledOff | Self::RanOut => {}
            Self::Asked(amount)
            | Self::Reserved(amount)
            | Self::TakenInAll(amount)
            | Self::GivenBackInAll(amount)
            | Self::PulledBack { amount, .. }
            | Self::Refund { amount, .. }
            | Self::Dispute { amount, .. }
            | Self::DisputeTook { amount, .. }
            | Self::DisputeGave { amount, .. }
            | Self::Payout { amount, .. } => *amount = new,
        }
        other
    }
}

/// Where a payment stands. Each is later than the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    #[default]
    Unknown,
    Initiated,
    RequiresAction,
    Pending,
    Failed,
    Authorized,
    Expired,
    Canceled,
    PartiallyCaptured,
    Captured,
    Reversed,
}

impl Stage {
    const WORDS: [(&'static str, Self); 11] = [
        ("unknown", Self::Unknown),
        ("initiated", Self::Initiated),
        ("requires_action", Self::RequiresAction),
        ("pending", Self::Pending),
        ("failed", Self::Failed),
        ("authorized", Self::Authorized),
        ("expired", Self::Expired),
        ("canceled", Self::Canceled),
        ("partially_captured", Self::PartiallyCaptured),
        ("captured", Self::Captured),
        ("reversed", Self::Reversed),
    ];

    /// The stage of this name.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, stage)| *stage)
    }

    /// How far it is for good. Taking the rest of a partial capture is no step back or forth.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::PartiallyCaptured => Self::Captured as u8,
            other => other as u8,
        }
    }
}

/// One payment's page in the provider's books. A sum that is said of a whole only grows: where a provider says one thing and
/// another, the furthest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    stage: Stage,
    asked: i64,
    reserved: i64,
    taken: i64,
    pulled_back: i64,
    given_back_in_all: i64,
    refunds: BTreeMap<String, (i64, Progress)>,
    disputed: i64,
    payouts: BTreeMap<String, (i64, Progress)>,
    has_amount: bool,
}

impl Account {
    /// Writes down what happened next.
    pub(crate) fn happen(&mut self, what: &Happening) {
        self.has_amount |= what.amount().is_some();
        match what {
            Happening::Asked(amount) => {
                self.asked = self.asked.max(*amount);
                self.reach(Stage::Initiated);
            }
            Happening::NeedsAction => self.reach(Stage::RequiresAction),
            Happening::Processing => self.reach(Stage::Pending),
            Happening::Declined(_) => self.reach(Stage::Failed),
            Happening::Reserved(amount) => {
                self.reserved = self.reserved.max(*amount);
                self.reach(Stage::Authorized);
            }
            Happening::CalledOff => self.reach(Stage::Canceled),
            Happening::RanOut => self.reach(Stage::Expired),
            Happening::TakenInAll(amount) => {
                self.taken = self.taken.max(*amount);
                let is_all = self.taken >= self.reserved;
                self.stage = if is_all { Stage::Captured } else { Stage::PartiallyCaptured };
            }
            Happening::PulledBack { amount, .. } => {
                self.pulled_back = self.pulled_back.saturating_add(*amount);
                if self.taken > 0 && self.pulled_back >= self.taken {
                    self.stage = Stage::Reversed;
                }
            }
            Happening::GivenBackInAll(amount) => {
                self.given_back_in_all = self.given_back_in_all.max(*amount);
            }
            Happening::Refund { item, amount, progress } => {
                self.refunds.insert(item.clone(), (*amount, *progress));
            }
            Happening::Dispute { .. } => {}
            Happening::DisputeTook { amount, .. } => self.disputed = self.disputed.saturating_add(*amount),
            Happening::DisputeGave { amount, .. } => self.disputed = self.disputed.saturating_sub(*amount),
            Happening::Payout { item, amount, progress } => {
                self.payouts.insert(item.clone(), (*amount, *progress));
            }
        }
    }

    fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// What was asked for, reserved and taken.
    pub(crate) fn money(&self) -> (i64, i64, i64) {
        (self.asked, self.reserved, self.taken)
    }

    /// What was given back: the refunds by name, or the running total without those that came to nothing, if that is more.
    pub(crate) fn given_back(&self) -> i64 {
        let named: i64 = self.refunds.values().map(|(amount, _)| amount).sum();
        let in_vain = named.saturating_sub(alive(&self.refunds));
        alive(&self.refunds).max(self.given_back_in_all.saturating_sub(in_vain))
    }

    /// Amounts as `[requested, authorized, captured, disputed, paid out]`; nothing while no amount was named.
    pub(crate) fn amounts(&self) -> Option<[i64; 5]> {
        let captured = self.taken.saturating_sub(self.pulled_back);
        let amounts = [self.asked, self.reserved, captured, self.disputed, alive(&self.payouts)];
        self.has_amount.then_some(amounts)
    }
}

/// The sum of what is on its way or arrived.
fn alive(items: &BTreeMap<String, (i64, Progress)>) -> i64 {
    let is_alive = |progress: &Progress| matches!(progress, Progress::Pending | Progress::Succeeded);
    items.values().filter(|(_, progress)| is_alive(progress)).map(|(amount, _)| amount).sum()
}
