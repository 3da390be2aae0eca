//! What events mean, as compiled from a dialect.

use crate::fact::{DisputeStage, FundsMovement, PayoutState, RefundState};
use crate::json::{Path, Place};
use crate::money::{AmountForm, Currency};
use std::collections::BTreeMap;

/// When an event of some type is a fact, and where the fact's fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactRule {
    /// Event types, exact.
    pub on: Vec<String>,
    /// Further conditions, all of which must hold.
    pub when: Vec<Condition>,
    /// A list of the event: the rule holds for each of its items, and all its places are the item's.
    pub each: Option<Path>,
    /// Whether the rules below it are tried too, when it fits.
    pub goes_on: bool,
    /// Where the payment's reference is: the first place that holds something.
    pub payment: Vec<Place>,
    /// The fact.
    pub fact: FactForm,
}

/// What must hold at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The place.
    pub path: Path,
    /// What must hold there.
    pub test: Test,
}

/// What must hold at a place. Scalars are compared as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is one of these.
    Is(Vec<String>),
    /// Something stands there, and it is none of these.
    IsNot(Vec<String>),
    /// It begins with this.
    StartsWith(String),
    /// Nothing stands there.
    Absent,
}

/// What names an item of a register: the parts, joined with `:`. Each part is the first of its places that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFrom(pub Vec<Vec<Place>>);

/// Which fact, and where its fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactForm {
    /// [`crate::fact::Fact::Initiated`].
    Initiated(AmountFrom),
    /// [`crate::fact::Fact::RequiresAction`].
    RequiresAction,
    /// [`crate::fact::Fact::Pending`].
    Pending,
    /// [`crate::fact::Fact::Authorized`].
    Authorized(AmountFrom),
    /// [`crate::fact::Fact::Captured`].
    Captured(AmountFrom),
    /// [`crate::fact::Fact::CapturedPart`].
    CapturedPart(ItemFrom, AmountFrom),
    /// [`crate::fact::Fact::Failed`].
    Failed(ItemFrom),
    /// [`crate::fact::Fact::Canceled`].
    Canceled,
    /// [`crate::fact::Fact::Expired`].
    Expired,
    /// [`crate::fact::Fact::CaptureReversed`].
    CaptureReversed(ItemFrom, AmountFrom),
    /// [`crate::fact::Fact::Refunded`].
    Refunded(AmountFrom),
    /// [`crate::fact::Fact::Refund`].
    Refund(ItemFrom, AmountFrom, StateFrom<RefundState>),
    /// [`crate::fact::Fact::Dispute`].
    Dispute(ItemFrom, AmountFrom, StateFrom<DisputeStage>),
    /// [`crate::fact::Fact::DisputeFunds`].
    DisputeFunds(ItemFrom, AmountFrom, FundsMovement),
    /// [`crate::fact::Fact::Payout`].
    Payout(ItemFrom, AmountFrom, StateFrom<PayoutState>),
    /// What happened cannot be told from the event: a person must look. The text says why.
    Unclear(String),
}

/// Where an amount is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountFrom {
    /// The number.
    pub amount: Path,
    /// The currency code.
    pub currency: CurrencyFrom,
    /// What of it does not count, if anything.
    pub less: Option<Excess>,
    /// How the number is written.
    pub form: AmountForm,
    /// Decimals that the provider uses where they differ from ISO 4217, by upper-case code.
    pub exponents: BTreeMap<String, u32>,
}

/// Where a currency comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CurrencyFrom {
    /// A code in the event.
    At(Path),
    /// The account's only one: the event does not say.
    Always(Currency),
}

/// The part of an amount that does not count: by how much one place is above another. Stripe's running total of refunds,
/// for one, holds what a partial capture left and released, which was never taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The one.
    pub amount: Path,
    /// The other.
    pub above: Path,
}

/// Where a state comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateFrom<S> {
    /// The event type says it all.
    Always(S),
    /// A value of the event, translated. A value that is not listed parks the event.
    Mapped(Path, BTreeMap<String, S>),
}
