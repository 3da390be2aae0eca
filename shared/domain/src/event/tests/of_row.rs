//! An event is a pure function of its row.

use super::*;
use crate::limits::PAYMENT_VERSIONS_MAX;
use crate::payment::Conflict;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The id is `sha256` over length and bytes of source, payment and version, cut to 128 bits: computed elsewhere, and fixed for
/// ever, because consumers have seen it.
#[test]
fn the_whole_event() {
    let first = row(None, Fact::Authorized { amount: money(2000, "EUR") });
    let event = super::super::of_row(&row(Some(&first), Fact::Captured { amount: money(1500, "EUR") }));
    let event = event.expect("JSON").expect("a change is published");
    assert_eq!(event.detail_type, "payment.captured");
    let expected = concat!(
        r#"{"specversion":"1.0","id":"f3d6de5ba941a66219a0c0580ca952e1","source":"/countersign/shop","type":"payment.captured","subject":"pi_1","#,
        r#""time":"2025-11-24T15:59:50Z","datacontenttype":"application/json","traceparent":"00-5dd96b37b2f1aa7b962093886b683e63-5dd96b37b2f1aa7b-01","#,
        r#""data":{"source":"shop","payment":"pi_1","version":2,"register":"payment","from":"authorized","#,
        r#""to":"partially_captured","fact":{"kind":"captured","amount":{"minor":1500,"currency":"EUR"}},"#,
        r#""amounts":{"currency":"EUR","requested":0,"authorized":2000,"captured":1500,"refunded":0,"disputed":0,"paid_out":0}}}"#,
    );
    assert_eq!(event.detail, expected);
}

fn published_id(detail: &str) -> String {
    let detail: serde_json::Value = serde_json::from_str(detail).expect("JSON");
    detail["id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_changed_nothing_is_not_published() {
    let first = row(None, Fact::Canceled);
    let again = row(Some(&first), Fact::Canceled);
    assert_eq!((again.version, &again.change), (2, &None));
    assert_eq!(super::super::of_row(&again).expect("JSON"), None);
}

#[test]
fn the_time_is_the_providers_or_else_ours() {
    let mut row = row(None, Fact::Canceled);
    assert_eq!(published(&row).1["time"], "2025-11-24T15:59:50Z");
    row.cause.occurred_at = None;
    assert_eq!(published(&row).1["time"], "2025-11-24T16:00:00Z");
}

#[test]
fn ids_differ_by_source_payment_and_version() {
    let first = row(None, Fact::Pending);
    let mut others = vec![first.clone()];
    others.push(LedgerRow { version: 2, ..first.clone() });
    others.push(LedgerRow { payment: PaymentId::new("pi_2").expect("a payment"), ..first.clone() });
    others.push(LedgerRow { source: SourceName::new("shop2").expect("a source"), ..first.clone() });
    // The same letters, cut elsewhere.
    let (source, payment) =
        (SourceName::new("shopp").expect("a source"), PaymentId::new("i_1").expect("a payment"));
    others.push(LedgerRow { source, payment, ..first });
    let ids: BTreeSet<_> = others.iter().map(event_id).collect();
    assert_eq!(ids.len(), others.len());
}

/// The trace context of the W3C: version 00, a trace id and a parent id that are not all zeros, flags.
fn assert_traceparent(text: &str) {
    let [version, trace, parent, flags] = text.split('-').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    assert!(is_hex(trace, 32) && is_hex(parent, 16), "{text}");
    assert!(trace.bytes().any(|b| b != b'0') && parent.bytes().any(|b| b != b'0'), "{text}");
    assert_eq!((version, flags), ("00", "01"));
}

proptest! {
    #[test]
    fn a_trace_is_valid(bytes in any::<[u8; 16]>()) {
        prop_assume!(bytes[..8] != [0; 8]);
        let trace = TraceId::from_bytes(bytes);
        assert_traceparent(&trace.traceparent());
        prop_assert_eq!(trace.as_str().len(), 32);
    }

    #[test]
    fn a_trace_of_parts_is_valid_and_theirs(one in prop::collection::vec("\\PC{0,5}", 0..4), other in prop::collection::vec("\\PC{0,5}", 0..4)) {
        let of = |parts: &[String]| TraceId::of(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_traceparent(&of(&one).traceparent());
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }

    /// The same row gives the same bytes, also after it was kept and read again.
    #[test]
    fn the_same_row_gives_the_same_bytes(chosen in prop::collection::vec(0_usize..26, 1..8)) {
        let facts = facts();
        let mut latest: Option<LedgerRow> = None;
        let mut ids = BTreeSet::new();
        for at in chosen {
            let next = row(latest.as_ref(), facts[at].clone());
            let once = super::super::of_row(&next).expect("JSON");
            prop_assert_eq!(&super::super::of_row(&next).expect("JSON"), &once);
            let kept = serde_json::to_string(&next).expect("JSON");
            let read: LedgerRow = serde_json::from_str(&kept).expect("its own JSON");
            prop_assert_eq!(&read, &next);
            prop_assert_eq!(&super::super::of_row(&read).expect("JSON"), &once);
            prop_assert_eq!(once.is_some(), next.change.is_some());
            prop_assert!(ids.insert(event_id(&next)), "one id a version");
            prop_assert_eq!(next.version, latest.map_or(1, |row| row.version + 1));
            latest = Some(next);
        }
    }
}

#[test]
fn a_payment_has_at_most_1000_rows() {
    let last = LedgerRow { version: PAYMENT_VERSIONS_MAX, ..row(None, Fact::Pending) };
    let next = |latest: &LedgerRow| {
        next_row(Some(latest), &source_name(), &payment(), cause("e"), Fact::Canceled, now())
    };
    assert_eq!(next(&last), Err(Conflict::TooMany { register: "events" }));
    let before = LedgerRow { version: PAYMENT_VERSIONS_MAX - 1, ..last };
    assert_eq!(next(&before).map(|row| row.version), Ok(PAYMENT_VERSIONS_MAX));
}

#[test]
fn what_contradicts_makes_no_row() {
    let first = row(None, Fact::Captured { amount: money(5, "EUR") });
    let refund = Fact::Refunded { amount: money(5, "USD") };
    let next = next_row(Some(&first), &source_name(), &payment(), cause("e"), refund, now());
    assert_eq!(next.map_err(|e| e.to_string()), Err("USD where the payment is in EUR".to_owned()));
}

#[test]
fn a_run_is_told_once_an_attempt() {
    let of = |data: &ReconciliationData, attempt| of_run(data, attempt).expect("JSON");
    assert_eq!(of(&run(), 1), of(&run(), 1));
    let ids: BTreeSet<_> = [1, 2].map(|attempt| published_id(&of(&run(), attempt).detail)).into();
    assert_eq!(ids.len(), 2);
    let detail: serde_json::Value = serde_json::from_str(&of(&run(), 1).detail).expect("JSON");
    assert_eq!(detail["subject"], "2025-11-23T00:00:00Z..2025-11-24T00:00:00Z");
    assert_eq!(detail["time"], "2025-11-24T00:00:00Z", "the window's end, not the clock's");
    assert_eq!(detail["data"]["open"], serde_json::json!({ "amount_differs": 1, "missing_there": 2 }));
}
