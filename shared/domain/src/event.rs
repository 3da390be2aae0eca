//! What the bus is told: CloudEvents 1.0 in the detail of an EventBridge entry.
//!
//! An event is a pure function of one ledger row, so publishing it again gives the same id and the same bytes. A
//! consumer drops what it has seen by `id`, and puts the events of a payment in order by `data.version`.

mod schema;

pub use schema::schemas;

use crate::expect::Announcement;
use crate::fact::{DisputeStage, Fact, FundsMovement, PayoutState, RefundState};
use crate::finding::FindingKind;
use crate::ids::{PaymentId, Sha256Hex, SourceName};
use crate::ledger::LedgerRow;
use crate::payment::{Amounts, Change};
use crate::policy::Severity;
use crate::reconcile::baseline::DiscrepancyRate;
use crate::reconcile::{RunStatus, Totals};
use crate::time::{Timestamp, Window};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `source` of every entry on the bus.
pub const BUS_SOURCE: &str = "countersign";

/// One entry for the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusEvent {
    /// Its detail-type.
    pub detail_type: &'static str,
    /// Its detail: a CloudEvent as JSON.
    pub detail: String,
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a payment event can be. The name is the entry's detail-type and the CloudEvent's `type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum EventType {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl EventType {
            /// Every type there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

event_types! {
    /// The payer was asked.
    PaymentInitiated = "payment.initiated",
    /// The payer must do something.
    PaymentRequiresAction = "payment.requires_action",
    /// On its way.
    PaymentPending = "payment.pending",
    /// Reserved.
    PaymentAuthorized = "payment.authorized",
    /// Taken.
    PaymentCaptured = "payment.captured",
    /// An attempt was declined.
    PaymentFailed = "payment.failed",
    /// Called off.
    PaymentCanceled = "payment.canceled",
    /// Ran out of time.
    PaymentExpired = "payment.expired",
    /// Taken money was pulled back by the bank.
    PaymentCaptureReversed = "payment.capture_reversed",
    /// Given back, as a running total.
    PaymentRefunded = "payment.refunded",
    /// A refund is on its way.
    RefundPending = "refund.pending",
    /// A refund arrived.
    RefundSucceeded = "refund.succeeded",
    /// A refund was called off.
    RefundCanceled = "refund.canceled",
    /// A refund came back.
    RefundFailed = "refund.failed",
    /// The bank asks.
    DisputeInquiry = "dispute.inquiry",
    /// The inquiry ended.
    DisputeInquiryClosed = "dispute.inquiry_closed",
    /// A chargeback.
    DisputeOpened = "dispute.opened",
    /// Evidence is with the bank.
    DisputeUnderReview = "dispute.under_review",
    /// The payer keeps the money.
    DisputeLost = "dispute.lost",
    /// We keep the money.
    DisputeWon = "dispute.won",
    /// A dispute took money from us.
    DisputeFundsWithdrawn = "dispute.funds_withdrawn",
    /// A dispute gave money back to us.
    DisputeFundsReinstated = "dispute.funds_reinstated",
    /// A payout is on its way.
    PayoutPending = "payout.pending",
    /// A payout arrived.
    PayoutPaid = "payout.paid",
    /// A payout was called off.
    PayoutCanceled = "payout.canceled",
    /// A payout came back.
    PayoutFailed = "payout.failed",
}

impl From<&Fact> for EventType {
    fn from(fact: &Fact) -> Self {
        match fact {
            Fact::Initiated { .. } => Self::PaymentInitiated,
            Fact::RequiresAction => Self::PaymentRequiresAction,
            Fact::Pending => Self::PaymentPending,
            Fact::Authorized { .. } => Self::PaymentAuthorized,
            Fact::Captured { .. } | Fact::CapturedPart { .. } => Self::PaymentCaptured,
            Fact::Failed { .. } => Self::PaymentFailed,
            Fact::Canceled => Self::PaymentCanceled,
            Fact::Expired => Self::PaymentExpired,
            Fact::CaptureReversed { .. } => Self::PaymentCaptureReversed,
            Fact::Refunded { .. } => Self::PaymentRefunded,
            Fact::Refund { state, .. } => match state {
                RefundState::Pending => Self::RefundPending,
                RefundState::Succeeded => Self::RefundSucceeded,
                RefundState::Canceled => Self::RefundCanceled,
                RefundState::Failed => Self::RefundFailed,
            },
            Fact::Dispute { stage, .. } => match stage {
                DisputeStage::Inquiry => Self::DisputeInquiry,
                DisputeStage::InquiryClosed => Self::DisputeInquiryClosed,
                DisputeStage::Open => Self::DisputeOpened,
                DisputeStage::UnderReview => Self::DisputeUnderReview,
                DisputeStage::Lost => Self::DisputeLost,
                DisputeStage::Won => Self::DisputeWon,
            },
            Fact::DisputeFunds { movement, .. } => match movement {
                FundsMovement::Withdrawn => Self::DisputeFundsWithdrawn,
                FundsMovement::Reinstated => Self::DisputeFundsReinstated,
            },
            Fact::Payout { state, .. } => match state {
                PayoutState::Pending => Self::PayoutPending,
                PayoutState::Paid => Self::PayoutPaid,
                PayoutState::Canceled => Self::PayoutCanceled,
                PayoutState::Failed => Self::PayoutFailed,
            },
        }
    }
}

/// A CloudEvent 1.0 (specification: github.com/cloudevents/spec), in the structured JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent<T, D> {
    /// Always `1.0`.
    pub specversion: String,
    /// The same for every publication of the same thing: 32 hex digits.
    #[schemars(extend("pattern" = "^[0-9a-f]{32}$"))]
    pub id: String,
    /// `/countersign/{source}`.
    #[schemars(extend("pattern" = "^/countersign/[a-z0-9-]+$"))]
    pub source: String,
    /// The entry's detail-type.
    #[serde(rename = "type")]
    pub kind: T,
    /// What it is about: a payment's reference, or a window.
    pub subject: String,
    /// When it happened: by the provider's clock where it told, else when it came in.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// Always `application/json`.
    #[schemars(extend("const" = "application/json"))]
    pub datacontenttype: String,
    /// The W3C trace that began with the delivery (CloudEvents distributed tracing extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$"))]
    pub traceparent: Option<String>,
    /// What happened.
    pub data: D,
}

/// What a payment event says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentData {
    /// Whose payment: the configured source.
    pub source: SourceName,
    /// Which payment, by the provider's reference.
    pub payment: PaymentId,
    /// The ledger row behind this event: rises with every event of the payment, without gaps in the ledger.
    pub version: u64,
    /// Which register changed, its item, and its state before and after.
    #[serde(flatten)]
    pub change: Change,
    /// What the provider's event said.
    pub fact: Fact,
    /// The payment's amounts from here on, in minor units; `null` while none is known.
    pub amounts: Option<Amounts>,
}

/// A payment event.
pub type PaymentEvent = CloudEvent<EventType, PaymentData>;

/// What a finished run says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconciliationData {
    /// Whose books.
    pub source: SourceName,
    /// Start of the window, inclusive.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// End of the window, exclusive.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub to: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// Corrections that were sent through the queue.
    pub healed: u32,
    /// Findings left open, by kind.
    pub open: BTreeMap<String, u32>,
    /// Per currency, both sides.
    pub totals: Vec<Totals>,
    /// How many payments differed, beside what is usual for the source.
    pub rate: DiscrepancyRate,
    /// Findings of the source that wait, new and old, by how severe they are by now.
    pub waiting: BTreeMap<Severity, u32>,
    /// Whether the ledger's sums and the differences add up to the provider's sums in every currency.
    pub proof_holds: bool,
    /// Object keys of the report in the report bucket.
    pub reports: Vec<String>,
}

/// The detail-type of a finished run.
pub const RECONCILIATION_COMPLETED: &str = "reconciliation.completed";
/// The detail-type of a run that is wanted, or that asks to go on.
pub const RECONCILIATION_REQUESTED: &str = "reconciliation.requested";
/// The detail-type of the schedule's daily call.
pub const RECONCILIATION_DUE: &str = "reconciliation.due";
/// The detail-type of a payment that the platform has started.
pub const PAYMENT_ANNOUNCED: &str = "payment.announced";
/// The detail-type of the schedule's call to look after announced payments.
pub const EXPECTATIONS_DUE: &str = "expectations.due";

/// Which window of which source is to be reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconciliationRequest {
    /// Whose books.
    pub source: SourceName,
    /// Start of the window, inclusive.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// End of the window, exclusive.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub to: Timestamp,
    /// Whether a window that was completed is to be done once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// The event that a ledger row publishes, or nothing when the row changed nothing.
///
/// # Errors
/// [`serde_json::Error`] cannot happen for these shapes; it is handed on rather than hidden.
pub fn of_row(row: &LedgerRow) -> Result<Option<BusEvent>, serde_json::Error> {
    let Some(change) = row.change.clone() else { return Ok(None) };
    let kind = EventType::from(&row.fact);
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: event_id(row),
        source: format!("/countersign/{}", row.source),
        kind,
        subject: row.payment.to_string(),
        time: row.cause.occurred_at.unwrap_or(row.cause.received_at),
        datacontenttype: "application/json".to_owned(),
        traceparent: Some(row.cause.trace.traceparent()),
        data: PaymentData {
            source: row.source.clone(),
            payment: row.payment.clone(),
            version: row.version,
            change,
            fact: row.fact.clone(),
            amounts: row.state.amounts(),
        },
    };
    Ok(Some(BusEvent { detail_type: kind.name(), detail: serde_json::to_string(&event)? }))
}

/// The id of the event of a row: a hash of payment and version.
#[must_use]
pub fn event_id(row: &LedgerRow) -> String {
    let version = row.version.to_be_bytes();
    #[cfg(feature = "planted")]
    if crate::planted::is_planted(crate::planted::Mistake::FreshIds) {
        return crate::planted::fresh().to_string();
    }
    Sha256Hex::of(&[row.source.as_str().as_bytes(), row.payment.as_str().as_bytes(), &version])
        .short()
        .to_owned()
}

/// The event of a finished attempt at a window. Its time is the window's end, so that saying it twice says the same.
///
/// # Errors
/// As [`of_row`].
pub fn of_run(data: &ReconciliationData, attempt: u32) -> Result<BusEvent, serde_json::Error> {
    completed(data, &attempt.to_be_bytes())
}

/// The same data of the same run or file is the same event.
fn completed(data: &ReconciliationData, of: &[u8]) -> Result<BusEvent, serde_json::Error> {
    let window = Window { from: data.from, to: data.to };
    let source = data.source.as_str().as_bytes();
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: Sha256Hex::of(&[source, window.name().as_bytes(), of]).short().to_owned(),
        source: format!("/countersign/{}", data.source),
        kind: RECONCILIATION_COMPLETED,
        subject: window.name(),
        time: data.to,
        datacontenttype: "application/json".to_owned(),
        traceparent: None,
        data,
    };
    Ok(BusEvent { detail_type: RECONCILIATION_COMPLETED, detail: serde_json::to_string(&event)? })
}

/// What a compared file says.
///
/// # Errors
/// As [`of_row`].
pub fn of_file(data: &ReconciliationData, file: &Sha256Hex) -> Result<BusEvent, serde_json::Error> {
    completed(data, file.as_str().as_bytes())
}

/// The request to reconcile a window, or to go on with it.
///
/// # Errors
/// As [`of_row`].
pub fn of_request(request: &ReconciliationRequest) -> Result<BusEvent, serde_json::Error> {
    Ok(BusEvent { detail_type: RECONCILIATION_REQUESTED, detail: serde_json::to_string(request)? })
}

/// The announcement of a payment, as the platform or an operator puts it on the bus.
///
/// # Errors
/// As [`of_row`].
pub fn of_announcement(announcement: &Announcement) -> Result<BusEvent, serde_json::Error> {
    Ok(BusEvent { detail_type: PAYMENT_ANNOUNCED, detail: serde_json::to_string(announcement)? })
}

/// Counts open findings by kind, for [`ReconciliationData::open`].
#[must_use]
pub fn count_kinds(kinds: impl IntoIterator<Item = FindingKind>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        let count: &mut u32 = counts.entry(kind.as_str().to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

#[cfg(test)]
mod tests;
