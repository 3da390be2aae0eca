use super::super::item::item_bytes;
use super::*;
use countersign_domain::fact::{Fact, PayoutState, RefundState};
use countersign_domain::ids::{ItemId, TraceId};
use countersign_domain::ledger::next_row;
use countersign_domain::money::{Currency, Money};
use countersign_domain::time::Timestamp;
use proptest::prelude::*;

const UNIT_BYTES: usize = 1_024;

fn money(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("EUR").expect("a currency") }
}

fn fact() -> impl Strategy<Value = Fact> {
    let item = |id: u8| ItemId::new(format!("re_{id}")).expect("an item id");
    (0_u8..9, 0_i64..1_000_000, 0_u8..4).prop_map(move |(which, minor, id)| match which {
        0 => Fact::Initiated { amount: money(minor) },
        1 => Fact::RequiresAction,
        2 => Fact::Authorized { amount: money(minor) },
        3 => Fact::Captured { amount: money(minor) },
        4 => Fact::Failed { attempt: item(id) },
        5 => Fact::Canceled,
        6 => Fact::Refunded { amount: money(minor) },
        7 => Fact::Refund { refund: item(id), amount: money(i64::from(id)), state: RefundState::Succeeded },
        _ => Fact::Payout { payout: item(id), amount: money(i64::from(id)), state: PayoutState::Paid },
    })
}

fn cause(event: &str, kind: &str) -> Cause {
    Cause {
        event: EventId::new(event).expect("an event id"),
        kind: EventKind::new(kind).expect("an event type"),
        occurred_at: Some(countersign_domain::time::from_seconds(1_764_000_033)),
        received_at: Timestamp::from_millisecond(1_764_000_033_456).expect("an instant"),
        trace: TraceId::of(&[event]),
    }
}

/// The rows that these facts make, one after the other.
fn rows(facts: &[(&str, Fact)]) -> Vec<LedgerRow> {
    let source = SourceName::new("stripe-main").expect("a source name");
    let payment = PaymentId::new("pi_3MtwBwLkdIwHu7ix28a3tqPa").expect("a payment reference");
    let now = Timestamp::from_millisecond(1_764_000_034_567).expect("an instant");
    let mut rows: Vec<LedgerRow> = Vec::new();
    for (at, (kind, fact)) in facts.iter().enumerate() {
        let cause = cause(&format!("evt_3MtwBwLkdIwHu7ix0Q2bZ8k{at}"), kind);
        let row =
            next_row(rows.last(), &source, &payment, cause, fact.clone(), now).expect("no contradiction");
        rows.push(row);
    }
    rows
}

proptest! {
    #[test]
    fn a_row_comes_back_as_it_was(facts in proptest::collection::vec(fact(), 1..8)) {
        let facts: Vec<_> = facts.into_iter().map(|fact| ("a.kind", fact)).collect();
        for row in rows(&facts) {
            let item = to_item(&row).expect("can be written");
            prop_assert_eq!(item.contains_key(DAY), row.version == 1, "the index is sparse");
            prop_assert_eq!(from_item(&item).expect("can be read"), row);
        }
    }
}

#[test]
fn an_ordinary_payment_costs_one_write_unit_a_row() {
    let id = |id: &str| ItemId::new(id).expect("an item id");
    let facts = [
        ("payment_intent.created", Fact::Initiated { amount: money(129_900) }),
        ("payment_intent.payment_failed", Fact::Failed { attempt: id("ch_3MtwBwLkdIwHu7ix28a3tqPb") }),
        ("payment_intent.requires_action", Fact::RequiresAction),
        ("payment_intent.amount_capturable_updated", Fact::Authorized { amount: money(129_900) }),
        ("payment_intent.succeeded", Fact::Captured { amount: money(129_900) }),
        ("charge.refunded", Fact::Refunded { amount: money(29_900) }),
        (
            "charge.refund.updated",
            Fact::Refund {
                refund: id("re_3MtwBwLkdIwHu7ix28a3tqPc"),
                amount: money(29_900),
                state: RefundState::Succeeded,
            },
        ),
    ];
    for row in rows(&facts) {
        let bytes = item_bytes(&to_item(&row).expect("can be written"));
        println!("| {} | {} | {bytes} |", row.version, row.cause.kind);
        assert!(bytes <= UNIT_BYTES, "version {}: {bytes} bytes are more than one write unit", row.version);
    }
}
