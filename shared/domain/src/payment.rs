//! What all the facts of one payment add up to.
//!
//! Webhooks repeat and overtake each other, so the state is built to make order irrelevant: four registers, each a
//! join (set union, maximum, or the later of two ranked states). Any order and any repetition of facts that do not
//! contradict each other give the same payment. What contradicts is a [`Conflict`], never a guess.

mod rows;

pub use rows::rows;

use crate::fact::{DisputeStage, Fact, FundsMovement, PayoutState, RefundState};
use crate::ids::ItemId;
use crate::limits::REGISTER_ITEMS_MAX;
use crate::money::{Currency, Money, MoneyError};
use crate::planted::{Mistake, is_planted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A step that a payment has taken at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Milestone {
    Initiated,
    RequiresAction,
    Pending,
    Canceled,
    Expired,
}

/// One refund: the second register's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Minor units.
    pub amount: i64,
    /// How far it is.
    pub state: RefundState,
}

/// One dispute: the third register's item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Minor units, the largest seen.
    pub amount: i64,
    /// How far it is; absent while only its money moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<DisputeStage>,
    /// Minor units taken from us.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub withdrawn: i64,
    /// Minor units given back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reinstated: i64,
}

/// One payout: the fourth register's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Minor units.
    pub amount: i64,
    /// How far it is.
    pub state: PayoutState,
}

/// The four registers of one payment. A ledger row holds one of these, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payment {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    milestones: BTreeSet<Milestone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    capture_parts: BTreeMap<ItemId, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<i64>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    declines: BTreeSet<ItemId>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    capture_reversals: BTreeMap<ItemId, i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    refunds: BTreeMap<ItemId, Refund>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    disputes: BTreeMap<ItemId, Dispute>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    payouts: BTreeMap<ItemId, Payout>,
}

/// Where the payment register stands, in rank order. It is computed from the facts, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is known of the payment itself (a refund or payout was seen first).
    Unknown,
    /// The payer was asked.
    Initiated,
    /// The payer must do something.
    RequiresAction,
    /// On its way.
    Pending,
    /// Every attempt seen so far was declined.
    Failed,
    /// Reserved.
    Authorized,
    /// Ran out of time.
    Expired,
    /// Called off.
    Canceled,
    /// Less was taken than was reserved.
    PartiallyCaptured,
    /// Taken.
    Captured,
    /// Taken, and pulled back by the bank in full.
    Reversed,
}

/// The amounts of a payment, in minor units of one currency, as the bus and the reports show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amounts {
    /// Whose minor units.
    pub currency: Currency,
    /// Asked for; 0 when never seen.
    pub requested: i64,
    /// Reserved in all.
    pub authorized: i64,
    /// Taken in all, less what the bank pulled back.
    pub captured: i64,
    /// Given back in all.
    pub refunded: i64,
    /// Withdrawn by disputes, less what was reinstated.
    pub disputed: i64,
    /// Sent to our bank by payouts that are on their way or arrived.
    pub paid_out: i64,
}

/// What a fact changed: the register, its item, and its state before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "register", rename_all = "snake_case")]
pub enum Change {
    /// Register 1.
    Payment {
        /// Before.
        from: PaymentStatus,
        /// After.
        to: PaymentStatus,
    },
    /// Register 2.
    Refund {
        /// Which refund.
        item: ItemId,
        /// Before; `null` when it is new.
        from: Option<RefundState>,
        /// After.
        to: RefundState,
    },
    /// Register 3.
    Dispute {
        /// Which dispute.
        item: ItemId,
        /// Before; `null` when it is new or only its money was seen.
        from: Option<DisputeStage>,
        /// After; `null` while only its money was seen.
        to: Option<DisputeStage>,
    },
    /// Register 4.
    Settlement {
        /// Which payout.
        item: ItemId,
        /// Before; `null` when it is new.
        from: Option<PayoutState>,
        /// After.
        to: PayoutState,
    },
}

/// What applying a fact comes to.
#[must_use]
#[expect(
    clippy::large_enum_variant,
    reason = "made once per event and taken apart at once: a box saves nothing"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The fact said something new.
    Advanced {
        /// The payment that results.
        payment: Payment,
        /// What changed.
        change: Change,
    },
    /// The fact was known already, or a later one had overtaken it.
    Unchanged,
}

/// Why a fact cannot be applied with confidence. The event is set aside with this as its finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another currency than the payment's, or a sum that overflows.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// One item, two amounts.
    #[error("{register} {item} was {known} and is now {found}: an amount that cannot change has changed")]
    AmountChanged {
        /// The register.
        register: &'static str,
        /// The item.
        item: ItemId,
        /// Known amount.
        known: Money,
        /// Amount of the fact.
        found: Money,
    },
    /// More items than a row may hold.
    #[error("the payment already holds as many {register} as it may: see the limits")]
    TooMany {
        /// The register.
        register: &'static str,
    },
}

/// Adds one fact to a payment.
///
/// # Errors
/// [`Conflict`] when the fact contradicts what is known; the payment is then unchanged.
pub fn apply(payment: &Payment, fact: &Fact) -> Result<Step, Conflict> {
    let mut next = payment.clone();
    next.join(fact)?;
    next.check_sums()?;
    if next == *payment {
        return Ok(Step::Unchanged);
    }
    let change = Change::between(payment, &next, fact);
    Ok(Step::Advanced { payment: next, change })
}

impl Payment {
    fn join(&mut self, fact: &Fact) -> Result<(), Conflict> {
        let minor = match fact.amount() {
            Some(amount) => self.adopt(amount)?,
            None => 0,
        };
        match fact {
            Fact::Initiated { .. } => {
                self.milestones.insert(Milestone::Initiated);
                raise(&mut self.requested, minor);
            }
            Fact::RequiresAction => drop(self.milestones.insert(Milestone::RequiresAction)),
            Fact::Pending => drop(self.milestones.insert(Milestone::Pending)),
            Fact::Canceled => drop(self.milestones.insert(Milestone::Canceled)),
            Fact::Expired => drop(self.milestones.insert(Milestone::Expired)),
            Fact::Authorized { .. } => raise(&mut self.authorized, minor),
            Fact::Captured { .. } => raise(&mut self.captured, minor),
            Fact::CapturedPart { part, amount } => {
                let known = *self.capture_parts.entry(part.clone()).or_insert(minor);
                same_amount("capture", part, known, *amount)?;
            }
            Fact::Refunded { .. } if is_planted(Mistake::AddsUpTotals) => {
                self.refunded = Some(self.refunded.unwrap_or_default().saturating_add(minor));
            }
            Fact::Refunded { .. } => raise(&mut self.refunded, minor),
            Fact::Failed { attempt } => drop(self.declines.insert(attempt.clone())),
            Fact::CaptureReversed { reversal, amount } => {
                let known = *self.capture_reversals.entry(reversal.clone()).or_insert(minor);
                same_amount("capture reversal", reversal, known, *amount)?;
            }
            Fact::Refund { refund, amount, state } => {
                let fresh = Refund { amount: minor, state: *state };
                let known = self.refunds.entry(refund.clone()).or_insert(fresh);
                same_amount("refund", refund, known.amount, *amount)?;
                known.state = known.state.max(*state);
            }
            Fact::Dispute { dispute, stage, .. } => {
                let known = self.disputes.entry(dispute.clone()).or_default();
                known.amount = known.amount.max(minor);
                known.stage = known.stage.max(Some(*stage));
            }
            Fact::DisputeFunds { dispute, movement, .. } => {
                let known = self.disputes.entry(dispute.clone()).or_default();
                let moved = match movement {
                    FundsMovement::Withdrawn => &mut known.withdrawn,
                    FundsMovement::Reinstated => &mut known.reinstated,
                };
                *moved = minor.max(*moved);
            }
            Fact::Payout { payout, amount, state } => {
                let fresh = Payout { amount: minor, state: *state };
                let known = self.payouts.entry(payout.clone()).or_insert(fresh);
                same_amount("payout", payout, known.amount, *amount)?;
                known.state = known.state.max(*state);
            }
        }
        self.check_room()
    }

    /// The minor units of a fact's amount, once its currency is known to be the payment's.
    fn adopt(&mut self, amount: Money) -> Result<i64, MoneyError> {
        let expected = *self.currency.get_or_insert(amount.currency);
        if expected == amount.currency {
            Ok(amount.minor)
        } else {
            Err(MoneyError::CurrencyDiffers { expected, found: amount.currency })
        }
    }

    fn check_room(&self) -> Result<(), Conflict> {
        let counts = [
            ("declines", self.declines.len()),
            ("captures", self.capture_parts.len()),
            ("capture reversals", self.capture_reversals.len()),
            ("refunds", self.refunds.len()),
            ("disputes", self.disputes.len()),
            ("payouts", self.payouts.len()),
        ];
        match counts.into_iter().find(|(_, count)| *count > REGISTER_ITEMS_MAX) {
            Some((register, _)) => Err(Conflict::TooMany { register }),
            None => Ok(()),
        }
    }

    /// Every sum is taken once here, checked, so that reading the amounts later cannot fail.
    fn check_sums(&self) -> Result<(), MoneyError> {
        match (self.currency, self.sums()) {
            (Some(currency), None) => Err(MoneyError::Overflow { currency }),
            _ => Ok(()),
        }
    }

    fn sums(&self) -> Option<Sums> {
        let parts = match self.capture_parts.len() {
            0 => None,
            _ => Some(total(self.capture_parts.values().copied())?),
        };
        let reversed = total(self.capture_reversals.values().copied())?;
        let refunds = |live: bool| {
            total(
                self.refunds
                    .values()
                    .filter(|refund| refund.state.is_live() == live)
                    .map(|refund| refund.amount),
            )
        };
        let withdrawn = total(self.disputes.values().map(|dispute| dispute.withdrawn))?;
        let reinstated = total(self.disputes.values().map(|dispute| dispute.reinstated))?;
        let alive = |payout: &&Payout| matches!(payout.state, PayoutState::Pending | PayoutState::Paid);
        Some(Sums {
            // A running total and single captures may both be told; neither is ever above what was taken.
            captured: self.captured.max(parts),
            reversed,
            // A running total counts a refund when it is made and is not sent again, lower, when that refund fails.
            refunded: refunds(true)?.max(self.refunded.unwrap_or(0).checked_sub(refunds(false)?)?),
            disputed: withdrawn.checked_sub(reinstated)?,
            paid_out: total(self.payouts.values().filter(alive).map(|payout| payout.amount))?,
        })
    }

    /// The amounts, or nothing while no fact with an amount was seen.
    #[must_use]
    pub fn amounts(&self) -> Option<Amounts> {
        let (currency, sums) = (self.currency?, self.sums()?);
        Some(Amounts {
            currency,
            requested: self.requested.unwrap_or(0),
            authorized: self.authorized.unwrap_or(0),
            captured: sums.captured.unwrap_or(0).saturating_sub(sums.reversed),
            refunded: sums.refunded,
            disputed: sums.disputed,
            paid_out: sums.paid_out,
        })
    }

    /// Where the payment register stands.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        let reached = |milestone| self.milestones.contains(&milestone);
        let (taken, reversed) = self.sums().map_or((None, 0), |sums| (sums.captured, sums.reversed));
        let captured = taken.unwrap_or(0);
        if captured > 0 && reversed >= captured {
            PaymentStatus::Reversed
        } else if captured > 0 && self.authorized.is_some_and(|authorized| captured < authorized) {
            PaymentStatus::PartiallyCaptured
        } else if taken.is_some() {
            PaymentStatus::Captured
        } else if reached(Milestone::Canceled) {
            PaymentStatus::Canceled
        } else if reached(Milestone::Expired) {
            PaymentStatus::Expired
        } else if self.authorized.is_some() {
            PaymentStatus::Authorized
        } else if !self.declines.is_empty() {
            PaymentStatus::Failed
        } else if reached(Milestone::Pending) {
            PaymentStatus::Pending
        } else if reached(Milestone::RequiresAction) {
            PaymentStatus::RequiresAction
        } else if reached(Milestone::Initiated) {
            PaymentStatus::Initiated
        } else {
            PaymentStatus::Unknown
        }
    }

    /// Whether more was given back than was taken. Out of order that is normal for a moment; if it stays,
    /// reconciliation reports it.
    #[must_use]
    pub fn is_out_of_balance(&self) -> bool {
        self.amounts().is_some_and(|amounts| amounts.refunded > amounts.captured)
    }

    /// One refund.
    #[must_use]
    pub fn refund(&self, refund: &ItemId) -> Option<&Refund> {
        self.refunds.get(refund)
    }

    /// One dispute.
    #[must_use]
    pub fn dispute(&self, dispute: &ItemId) -> Option<&Dispute> {
        self.disputes.get(dispute)
    }

    /// One payout.
    #[must_use]
    pub fn payout(&self, payout: &ItemId) -> Option<&Payout> {
        self.payouts.get(payout)
    }
}

struct Sums {
    captured: Option<i64>,
    reversed: i64,
    refunded: i64,
    disputed: i64,
    paid_out: i64,
}

impl Change {
    fn between(before: &Payment, after: &Payment, fact: &Fact) -> Self {
        match fact {
            Fact::Refund { refund, state, .. } => Self::Refund {
                item: refund.clone(),
                from: before.refund(refund).map(|r| r.state),
                to: after.refund(refund).map_or(*state, |r| r.state),
            },
            Fact::Dispute { dispute, .. } | Fact::DisputeFunds { dispute, .. } => Self::Dispute {
                item: dispute.clone(),
                from: before.dispute(dispute).and_then(|d| d.stage),
                to: after.dispute(dispute).and_then(|d| d.stage),
            },
            Fact::Payout { payout, state, .. } => Self::Settlement {
                item: payout.clone(),
                from: before.payout(payout).map(|p| p.state),
                to: after.payout(payout).map_or(*state, |p| p.state),
            },
            Fact::Initiated { .. }
            | Fact::RequiresAction
            | Fact::Pending
            | Fact::Authorized { .. }
            | Fact::Captured { .. }
            | Fact::CapturedPart { .. }
            | Fact::Failed { .. }
            | Fact::Canceled
            | Fact::Expired
            | Fact::CaptureReversed { .. }
            | Fact::Refunded { .. } => Self::Payment { from: before.status(), to: after.status() },
        }
    }
}

fn total(mut amounts: impl Iterator<Item = i64>) -> Option<i64> {
    amounts.try_fold(0, i64::checked_add)
}

fn raise(register: &mut Option<i64>, minor: i64) {
    let furthest = (*register).max(Some(minor));
    *register = if is_planted(Mistake::LastOneWins) { Some(minor) } else { furthest };
}

fn same_amount(register: &'static str, item: &ItemId, known: i64, found: Money) -> Result<(), Conflict> {
    if known == found.minor {
        return Ok(());
    }
    let known = Money { minor: known, currency: found.currency };
    Err(Conflict::AmountChanged { register, item: item.clone(), known, found })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_zero(minor: &i64) -> bool {
    *minor == 0
}

#[cfg(test)]
mod tests;
