//! One row of the append-only ledger: an event, its fact, what the fact changed, and the whole payment that results.
//!
//! The newest row of a payment is its state; the rows together are its audit trail, the record of which events were
//! applied, and, because a version is written once, the lock.

use crate::fact::Fact;
use crate::ids::{EventId, EventKind, PaymentId, SourceName, TraceId};
use crate::limits::PAYMENT_VERSIONS_MAX;
use crate::payment::{Change, Conflict, Payment, Step, apply};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a row records of the event that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The event.
    pub event: EventId,
    /// The provider's name for what it is.
    pub kind: EventKind,
    /// When it happened, by the provider's clock.
    pub occurred_at: Option<Timestamp>,
    /// When it came in, by our clock.
    pub received_at: Timestamp,
    /// The trace that began with its delivery.
    pub trace: TraceId,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Whose payment.
    pub source: SourceName,
    /// Which payment.
    pub payment: PaymentId,
    /// 1 for the first row of a payment, then one more each.
    pub version: u64,
    /// The event that made this row.
    pub cause: Cause,
    /// What the event says.
    pub fact: Fact,
    /// What it changed; absent when it said nothing new, in which case nothing is published.
    pub change: Option<Change>,
    /// The payment from here on.
    pub state: Payment,
    /// When the row was written, by our clock.
    pub recorded_at: Timestamp,
}

/// Decides the next row of a payment. Pure: the same latest row and event always give the same row.
///
/// # Errors
/// [`Conflict`] when the fact contradicts what the ledger knows.
pub fn next_row(
    latest: Option<&LedgerRow>,
    source: &SourceName,
    payment: &PaymentId,
    cause: Cause,
    fact: Fact,
    now: Timestamp,
) -> Result<LedgerRow, Conflict> {
    let nothing = Payment::default();
    let (before, version) = latest.map_or((&nothing, 0), |row| (&row.state, row.version));
    if version >= PAYMENT_VERSIONS_MAX {
        return Err(Conflict::TooMany { register: "events" });
    }
    let (state, change) = match apply(before, &fact)? {
        Step::Advanced { payment, change } => (payment, Some(change)),
        Step::Unchanged => (before.clone(), None),
    };
    Ok(LedgerRow {
        source: source.clone(),
        payment: payment.clone(),
        version: version.saturating_add(1),
        cause,
        fact,
        change,
        state,
        recorded_at: now,
    })
}
