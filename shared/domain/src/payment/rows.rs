//! A payment as rows of our own books.

use super::Payment;
use crate::books::{Entry, Row};
use crate::ledger::LedgerRow;
use crate::time::Timestamp;

/// What the ledger knows of one payment, as rows in the order of their keys: money taken, each refund that counts, each
/// dispute that moved money. Nothing of a payment for which no money was taken.
///
/// Refunds that a provider only tells as a sum are one row without an item. The time of a row is that of the event by
/// which its money was first known.
#[must_use]
pub fn rows(history: &[LedgerRow]) -> Vec<Row> {
    let Some(latest) = history.last() else { return Vec::new() };
    let Some(amounts) = latest.state.amounts() else { return Vec::new() };
    let since = |is_known: &dyn Fn(&Payment) -> bool| -> Option<Timestamp> {
        let first = history.iter().find(|row| is_known(&row.state))?;
        Some(first.cause.occurred_at.unwrap_or(first.recorded_at))
    };
    let taken = |payment: &Payment| payment.amounts().map_or(0, |amounts| amounts.captured);
    let row = |entry, item: &str, minor, at| Row {
        reference: latest.payment.to_string(),
        entry,
        item: item.to_owned(),
        currency: amounts.currency,
        minor,
        at,
        ..Row::empty()
    };
    let mut rows = Vec::new();
    if amounts.captured != 0 {
        let paid = row(Entry::Payment, "", amounts.captured, since(&|payment| taken(payment) != 0));
        rows.push(Row { status: Some(latest.state.status()), ..paid });
    }
    let refunds: Vec<_> = latest.state.refunds.iter().filter(|(_, refund)| refund.state.is_live()).collect();
    let named = refunds.iter().map(|(_, refund)| refund.amount).fold(0, i64::saturating_add);
    let rest = amounts.refunded.saturating_sub(named);
    if rest > 0 {
        let back = |payment: &Payment| payment.amounts().map_or(0, |amounts| amounts.refunded);
        rows.push(row(Entry::Refund, "", rest, since(&|payment| back(payment) > 0)));
    }
    for (item, refund) in refunds {
        let at = since(&|payment| payment.refunds.contains_key(item));
        rows.push(row(Entry::Refund, item.as_str(), refund.amount, at));
    }
    for (item, dispute) in &latest.state.disputes {
        let moved = dispute.withdrawn.saturating_sub(dispute.reinstated);
        if moved != 0 {
            let at =
                since(&|payment| payment.disputes.get(item).is_some_and(|dispute| dispute.withdrawn > 0));
            rows.push(row(Entry::Dispute, item.as_str(), moved, at));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{DisputeStage, Fact, FundsMovement, RefundState};
    use crate::ids::{EventId, EventKind, ItemId, PaymentId, TraceId};
    use crate::ledger::Cause;
    use crate::money::{Currency, Money};
    use crate::payment::{Step, apply};
    use crate::testing::source_name;
    use crate::time::from_seconds;

    fn money(minor: i64) -> Money {
        Money { minor, currency: Currency::EUR }
    }

    /// The ledger after these facts, one a minute.
    fn history(facts: &[Fact]) -> Vec<LedgerRow> {
        let mut state = Payment::default();
        let mut history: Vec<LedgerRow> = Vec::new();
        for (fact, version) in facts.iter().zip(1_u32..) {
            let Ok(Step::Advanced { payment, change }) = apply(&state, fact) else {
                unreachable!("{fact} moves the payment")
            };
            state = payment;
            let at = from_seconds(i64::from(version) * 60);
            history.push(LedgerRow {
                source: source_name(),
                payment: PaymentId::new("pi_1").expect("a payment"),
                version: u64::from(version),
                cause: Cause {
                    event: EventId::new(format!("e{version}")).expect("an event"),
                    kind: EventKind::new("k").expect("a type"),
                    occurred_at: Some(at),
                    received_at: at,
                    trace: TraceId::of(&["t"]),
                },
                fact: fact.clone(),
                change: Some(change),
                state: state.clone(),
                recorded_at: at,
            });
        }
        history
    }

    /// The rows that facts come to.
    fn of(facts: &[Fact]) -> Vec<String> {
        let said = |row: &Row| {
            let minute = row.at.map_or(0, |at| at.as_second() / 60);
            format!("{} {}/{} {} in minute {minute}", row.entry.as_str(), row.reference, row.item, row.minor)
        };
        rows(&history(facts)).iter().map(said).collect()
    }

    #[test]
    fn a_row_has_the_payments_currency_and_status() {
        let usd = Money { minor: 500, currency: Currency::from_code("USD").expect("a currency") };
        let history = history(&[Fact::Captured { amount: usd }]);
        let rows = rows(&history);
        let found: Vec<_> = rows.iter().map(|row| (row.currency, row.status)).collect();
        assert_eq!(found, [(usd.currency, Some(crate::payment::PaymentStatus::Captured))]);
    }

    #[test]
    fn what_moved_money_is_a_row() {
        let item = |id: &str| ItemId::new(id).expect("an item");
        let captured = Fact::Captured { amount: money(1_000) };
        let refund = |state| Fact::Refund { refund: item("re_1"), amount: money(300), state };
        assert_eq!(of(&[]), [""; 0]);
        assert_eq!(of(&[Fact::Authorized { amount: money(1_000) }]), [""; 0]);
        assert_eq!(
            of(&[
                Fact::Authorized { amount: money(1_000) },
                captured.clone(),
                refund(RefundState::Succeeded)
            ]),
            ["payment pi_1/ 1000 in minute 2", "refund pi_1/re_1 300 in minute 3"]
        );
        assert_eq!(
            of(&[captured.clone(), refund(RefundState::Succeeded), refund(RefundState::Failed)]),
            ["payment pi_1/ 1000 in minute 1"]
        );
        assert_eq!(
            of(&[captured.clone(), Fact::Refunded { amount: money(400) }, refund(RefundState::Succeeded)]),
            [
                "payment pi_1/ 1000 in minute 1",
                "refund pi_1/ 100 in minute 2",
                "refund pi_1/re_1 300 in minute 3"
            ]
        );
        let withdrawn = Fact::DisputeFunds {
            dispute: item("dp_1"),
            movement: FundsMovement::Withdrawn,
            amount: money(1_000),
        };
        assert_eq!(
            of(&[captured.clone(), withdrawn.clone()]),
            ["payment pi_1/ 1000 in minute 1", "dispute pi_1/dp_1 1000 in minute 2"]
        );
        // A dispute moves no money by being opened.
        let opened = Fact::Dispute { dispute: item("dp_1"), amount: money(1_000), stage: DisputeStage::Open };
        assert_eq!(
            of(&[captured, opened, withdrawn]),
            ["payment pi_1/ 1000 in minute 1", "dispute pi_1/dp_1 1000 in minute 3"]
        );
    }
}
