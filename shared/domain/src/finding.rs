//! A difference or a doubt that a person or a policy must settle.

mod case;

pub use case::{Case, Move, MoveError, Settlement, Standing, Step};

use crate::ids::{EventId, PaymentId, Sha256Hex, SourceName};
use crate::money::Money;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What sort of doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Signed, but no event can be read from it.
    Unreadable,
    /// An event id came again with another meaning. The first one counts.
    Conflicting,
    /// A rule fits the event, but one of its fields cannot be used.
    Untranslatable,
    /// The fact contradicts what the ledger knows.
    Contradiction,
    /// The provider has it, the ledger does not.
    MissingHere,
    /// The ledger has it, the provider does not.
    MissingThere,
    /// Both have it, with different amounts.
    AmountDiffers,
    /// Both have it, in different currencies.
    CurrencyDiffers,
    /// Both have it, with different amounts given back.
    RefundDiffers,
    /// The ledger is behind the provider.
    StatusBehind,
    /// The ledger is ahead of the provider.
    StatusAhead,
    /// More was given back than was taken.
    OutOfBalance,
    /// The ledger has the same entry more than once.
    DuplicateHere,
    /// The provider has the same entry more than once.
    DuplicateThere,
    /// The provider kept another fee than was agreed, or than the other side says.
    FeeDiffers,
    /// An amount was exchanged at another rate than was agreed.
    RateDiffers,
    /// Both have it, and one of them much later than the other.
    Late,
    /// Both have it, under references or items that are written differently. It is shown in a report, and is no finding.
    ReferenceDiffers,
    /// Money was given back, and nobody knows the payment it came from.
    RefundWithoutPayment,
    /// A payment is disputed that nobody knows.
    DisputeWithoutPayment,
    /// The source numbers what it sends, and numbers are missing.
    SequenceGap,
    /// What a payout says it holds does not add up to what it paid.
    PayoutDiffers,
    /// A payout was sent, and the bank knows nothing of it.
    PayoutWithoutDeposit,
    /// The bank booked another amount than the payout.
    DepositDiffers,
    /// The bank booked money that no payout explains.
    DepositWithoutPayout,
    /// A payment was announced, and nothing was heard of it in time.
    Overdue,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 26] = [
        Self::Unreadable,
        Self::Conflicting,
        Self::Untranslatable,
        Self::Contradiction,
        Self::MissingHere,
        Self::MissingThere,
        Self::AmountDiffers,
        Self::CurrencyDiffers,
        Self::RefundDiffers,
        Self::StatusBehind,
        Self::StatusAhead,
        Self::OutOfBalance,
        Self::DuplicateHere,
        Self::DuplicateThere,
        Self::FeeDiffers,
        Self::RateDiffers,
        Self::Late,
        Self::ReferenceDiffers,
        Self::RefundWithoutPayment,
        Self::DisputeWithoutPayment,
        Self::SequenceGap,
        Self::PayoutDiffers,
        Self::PayoutWithoutDeposit,
        Self::DepositDiffers,
        Self::DepositWithoutPayout,
        Self::Overdue,
    ];

    /// Whether one look at both sides of a payment tells that it holds no longer.
    #[must_use]
    pub fn is_between_books(self) -> bool {
        matches!(
            self,
            Self::MissingHere
                | Self::MissingThere
                | Self::AmountDiffers
                | Self::CurrencyDiffers
                | Self::RefundDiffers
                | Self::StatusBehind
                | Self::StatusAhead
                | Self::OutOfBalance
        )
    }

    /// The word that stands for it in keys, reports and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Conflicting => "conflicting",
            Self::Untranslatable => "untranslatable",
            Self::Contradiction => "contradiction",
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::AmountDiffers => "amount_differs",
            Self::CurrencyDiffers => "currency_differs",
            Self::RefundDiffers => "refund_differs",
            Self::StatusBehind => "status_behind",
            Self::StatusAhead => "status_ahead",
            Self::OutOfBalance => "out_of_balance",
            Self::DuplicateHere => "duplicate_here",
            Self::DuplicateThere => "duplicate_there",
            Self::FeeDiffers => "fee_differs",
            Self::RateDiffers => "rate_differs",
            Self::Late => "late",
            Self::ReferenceDiffers => "reference_differs",
            Self::RefundWithoutPayment => "refund_without_payment",
            Self::DisputeWithoutPayment => "dispute_without_payment",
            Self::SequenceGap => "sequence_gap",
            Self::PayoutDiffers => "payout_differs",
            Self::PayoutWithoutDeposit => "payout_without_deposit",
            Self::DepositDiffers => "deposit_differs",
            Self::DepositWithoutPayout => "deposit_without_payout",
            Self::Overdue => "overdue",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One event.
    Event(EventId),
    /// One payment.
    Payment(PaymentId),
    /// One delivery from which no event could be read, by the digest of its bytes.
    Delivery(Sha256Hex),
    /// One transfer from the provider to the bank.
    Payout(String),
    /// One entry of a bank's statement, by the bank's own reference.
    Deposit(String),
    /// The source as a whole: a number of its sequence, say.
    Sequence(u64),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(id) => write!(f, "event {id}"),
            Self::Payment(id) => write!(f, "payment {id}"),
            Self::Delivery(digest) => write!(f, "delivery {}", digest.short()),
            Self::Payout(id) => write!(f, "payout {id}"),
            Self::Deposit(reference) => write!(f, "deposit {reference}"),
            Self::Sequence(number) => write!(f, "number {number}"),
        }
    }
}

/// One difference or doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub source: SourceName,
    /// What sort.
    pub kind: FindingKind,
    /// About what.
    pub subject: Subject,
    /// What was found, in words that hold no body, secret or personal data.
    pub reason: String,
    /// The money that it is about, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Money>,
    /// When it was found.
    pub found_at: Timestamp,
}

impl Finding {
    /// Its id: the same doubt about the same thing is the same finding, however often it is found.
    #[must_use]
    pub fn id(&self) -> String {
        let subject = self.subject.to_string();
        let digest = Sha256Hex::of(&[
            self.source.as_str().as_bytes(),
            self.kind.as_str().as_bytes(),
            subject.as_bytes(),
        ]);
        format!("{}-{}", self.kind.as_str(), digest.short())
    }
}

/// Reasons that one finding tells; of more, their number.
const REASONS_TOLD: usize = 20;

/// Brings together what is one finding by its id: all that is found of a payment's entries is settled as one, so it is told
/// as one. Its reason names each entry, and what is at stake is their sum. Of another currency than the first entry's the
/// reason tells: nobody can add the two.
#[must_use]
pub fn gather(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut gathered: Vec<(Finding, usize)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let place = *places.entry(finding.id()).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some((first, reasons)) => {
                first.at_stake = added(first.at_stake, finding.at_stake);
                *reasons = reasons.saturating_add(1);
                if *reasons <= REASONS_TOLD {
                    first.reason = [first.reason.as_str(), &finding.reason].join("; and ");
                }
            }
            None => gathered.push((finding, 1)),
        }
    }
    let told = |(finding, reasons): (Finding, usize)| match reasons.saturating_sub(REASONS_TOLD) {
        0 => finding,
        more => Finding { reason: format!("{}; and {more} more", finding.reason), ..finding },
    };
    gathered.into_iter().map(told).collect()
}

fn added(one: Option<Money>, other: Option<Money>) -> Option<Money> {
    match (one, other) {
        (Some(one), Some(other)) if one.currency == other.currency => {
            Some(Money { minor: one.minor.saturating_add(other.minor), ..one })
        }
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
