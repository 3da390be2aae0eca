//! What an event says, in our own terms.

use crate::ids::ItemId;
use crate::money::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that happened to one payment. Facts accumulate: a payment is what all its facts add up to, in any order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The payer was asked for this amount.
    Initiated {
        /// Amount asked for.
        amount: Money,
    },
    /// The payer must do something (3-D Secure, a redirect).
    RequiresAction,
    /// It is on its way and nobody can speed it up (bank debit).
    Pending,
    /// The amount is reserved and can be captured.
    Authorized {
        /// Amount reserved, so far in all.
        amount: Money,
    },
    /// Money was taken.
    Captured {
        /// Amount taken, so far in all: a later and larger figure replaces a smaller one.
        amount: Money,
    },
    /// Part of the money was taken, by a capture that says only what it took itself.
    CapturedPart {
        /// The provider's id of the capture.
        part: ItemId,
        /// Amount that it took.
        amount: Money,
    },
    /// An attempt was declined. The payment may still succeed by another attempt.
    Failed {
        /// The provider's id of the attempt.
        attempt: ItemId,
    },
    /// It was called off before any money was taken.
    Canceled,
    /// It ran out of time before any money was taken.
    Expired,
    /// Money taken was pulled back by the bank (a late failure of a bank debit). A named reversal.
    CaptureReversed {
        /// The provider's id of the reversal.
        reversal: ItemId,
        /// Amount pulled back.
        amount: Money,
    },
    /// Money was given back, as a running total.
    Refunded {
        /// Amount given back, so far in all.
        amount: Money,
    },
    /// What became of one refund.
    Refund {
        /// The provider's id of the refund.
        refund: ItemId,
        /// Its amount.
        amount: Money,
        /// How far it is.
        state: RefundState,
    },
    /// What became of one dispute.
    Dispute {
        /// The provider's id of the dispute.
        dispute: ItemId,
        /// Amount in dispute.
        amount: Money,
        /// How far it is.
        stage: DisputeStage,
    },
    /// A dispute moved money.
    DisputeFunds {
        /// The provider's id of the dispute.
        dispute: ItemId,
        /// Amount moved.
        amount: Money,
        /// Which way.
        movement: FundsMovement,
    },
    /// What became of one payout to our bank.
    Payout {
        /// The provider's id of the payout.
        payout: ItemId,
        /// Its amount.
        amount: Money,
        /// How far it is.
        state: PayoutState,
    },
}

/// How far a refund is. A later state in this order replaces an earlier one: a refund can fail after it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// On its way.
    Pending,
    /// Given back.
    Succeeded,
    /// Called off.
    Canceled,
    /// It came back to us.
    Failed,
}

impl RefundState {
    /// Whether money is, or is about to be, with the payer.
    #[must_use]
    pub fn is_live(self) -> bool {
        match self {
            Self::Pending | Self::Succeeded => true,
            Self::Canceled | Self::Failed => false,
        }
    }
}

/// How far a dispute is. A later stage in this order replaces an earlier one; `won` after `lost` happens
/// (pre-arbitration), `lost` after `won` is a new dispute at every provider read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStage {
    /// The bank asks; no money moved.
    Inquiry,
    /// The inquiry ended without a dispute.
    InquiryClosed,
    /// A chargeback.
    Open,
    /// Evidence is with the bank.
    UnderReview,
    /// The payer keeps the money.
    Lost,
    /// We keep the money.
    Won,
}

/// Which way a dispute moved money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FundsMovement {
    /// Taken from us.
    Withdrawn,
    /// Given back to us.
    Reinstated,
}

/// How far a payout is. A later state in this order replaces an earlier one: a payout can fail after it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutState {
    /// On its way to the bank.
    Pending,
    /// The provider says it arrived.
    Paid,
    /// Called off.
    Canceled,
    /// It came back.
    Failed,
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Initiated { amount } => write!(f, "initiated, {amount} asked for"),
            Self::RequiresAction => f.write_str("requires action"),
            Self::Pending => f.write_str("pending"),
            Self::Authorized { amount } => write!(f, "authorized {amount}"),
            Self::Captured { amount } => write!(f, "captured {amount} in all"),
            Self::CapturedPart { part, amount } => write!(f, "captured {amount} ({part})"),
            Self::Failed { attempt } => write!(f, "failed attempt {attempt}"),
            Self::Canceled => f.write_str("canceled"),
            Self::Expired => f.write_str("expired"),
            Self::CaptureReversed { reversal, amount } => {
                write!(f, "capture reversed by {amount} ({reversal})")
            }
            Self::Refunded { amount } => write!(f, "refunded {amount} in all"),
            Self::Refund { refund, amount, state } => {
                write!(f, "refund {refund} of {amount} {}", word(state))
            }
            Self::Dispute { dispute, amount, stage } => {
                write!(f, "dispute {dispute} of {amount} {}", word(stage))
            }
            Self::DisputeFunds { dispute, amount, movement } => {
                write!(f, "dispute {dispute}: {amount} {}", word(movement))
            }
            Self::Payout { payout, amount, state } => {
                write!(f, "payout {payout} of {amount} {}", word(state))
            }
        }
    }
}

/// A state, as it is written in a dialect.
fn word(state: impl Serialize) -> String {
    match serde_json::to_value(state) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

impl Fact {
    /// The money it carries, if any.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::Initiated { amount }
            | Self::Authorized { amount }
            | Self::Captured { amount }
            | Self::CapturedPart { amount, .. }
            | Self::CaptureReversed { amount, .. }
            | Self::Refunded { amount }
            | Self::Refund { amount, .. }
            | Self::Dispute { amount, .. }
            | Self::DisputeFunds { amount, .. }
            | Self::Payout { amount, .. } => Some(*amount),
            Self::RequiresAction | Self::Pending | Self::Failed { .. } | Self::Canceled | Self::Expired => {
                None
            }
        }
    }
}
