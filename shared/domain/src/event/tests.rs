//! What the bus is told: fixed by the row, described by a schema, the same each time.

mod of_row;
mod schemas;

use super::*;
use crate::fact::{DisputeStage, FundsMovement, PayoutState, RefundState};
use crate::ids::{EventId, EventKind, TraceId};
use crate::ledger::{Cause, next_row};
use crate::testing::{item, money, now, source_name};
use crate::time::from_seconds;

fn cause(event: &str) -> Cause {
    Cause {
        event: EventId::new(event).expect("an event"),
        kind: EventKind::new("x").expect("a type"),
        occurred_at: Some(from_seconds(1_763_999_990)),
        received_at: now(),
        trace: TraceId::of(&[event]),
    }
}

fn payment() -> PaymentId {
    PaymentId::new("pi_1").expect("a payment")
}

/// The row that a fact makes of a payment, first or after another.
fn row(latest: Option<&LedgerRow>, fact: Fact) -> LedgerRow {
    let event = format!("evt_{}", latest.map_or(1, |row| row.version + 1));
    next_row(latest, &source_name(), &payment(), cause(&event), fact, now()).expect("no conflict")
}

/// A fact for every event type.
fn facts() -> Vec<Fact> {
    let amount = money(2000, "EUR");
    let mut facts = vec![
        Fact::Initiated { amount },
        Fact::RequiresAction,
        Fact::Pending,
        Fact::Authorized { amount },
        Fact::Captured { amount },
        Fact::Failed { attempt: item("ch_1") },
        Fact::Canceled,
        Fact::Expired,
        Fact::CaptureReversed { reversal: item("rv_1"), amount },
        Fact::Refunded { amount },
    ];
    let refund = |state| Fact::Refund { refund: item("re_1"), amount, state };
    facts.extend(
        [RefundState::Pending, RefundState::Succeeded, RefundState::Canceled, RefundState::Failed]
            .map(refund),
    );
    let stages = [
        DisputeStage::Inquiry,
        DisputeStage::InquiryClosed,
        DisputeStage::Open,
        DisputeStage::UnderReview,
        DisputeStage::Lost,
        DisputeStage::Won,
    ];
    facts.extend(stages.map(|stage| Fact::Dispute { dispute: item("dp_1"), amount, stage }));
    let movements = [FundsMovement::Withdrawn, FundsMovement::Reinstated];
    facts.extend(movements.map(|movement| Fact::DisputeFunds { dispute: item("dp_1"), amount, movement }));
    let payout = |state| Fact::Payout { payout: item("po_1"), amount, state };
    facts.extend(
        [PayoutState::Pending, PayoutState::Paid, PayoutState::Canceled, PayoutState::Failed].map(payout),
    );
    facts
}

/// The published detail of a row, and its detail-type.
fn published(row: &LedgerRow) -> (&'static str, serde_json::Value) {
    let event = super::of_row(row).expect("JSON").expect("a change is published");
    (event.detail_type, serde_json::from_str(&event.detail).expect("JSON"))
}

fn run() -> ReconciliationData {
    let totals = Totals {
        currency: money(0, "EUR").currency,
        payments: 2,
        captured_ours: 4000,
        captured_theirs: 4000,
        refunded_ours: 0,
        refunded_theirs: i128::from(i64::MAX),
    };
    ReconciliationData {
        source: source_name(),
        from: from_seconds(1_763_856_000),
        to: from_seconds(1_763_942_400),
        status: RunStatus::Complete,
        healed: 1,
        open: count_kinds([FindingKind::MissingThere, FindingKind::AmountDiffers, FindingKind::MissingThere]),
        totals: vec![totals],
        rate: crate::reconcile::baseline::beside(1_000, vec![0; 5]),
        waiting: [(Severity::Medium, 2), (Severity::Critical, 1)].into(),
        proof_holds: true,
        reports: vec!["shop/2025-11-23/report.csv".to_owned()],
    }
}
