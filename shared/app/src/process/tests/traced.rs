//! What a person is told who asks what happened.

use super::*;
use crate::trace::{Entry, What, event, payment};
use countersign_domain::source::Source;

fn word(entry: &Entry) -> String {
    match &entry.what {
        What::Received { event, body_bytes, .. } => {
            assert!(*body_bytes > 0, "{event} has a body");
            format!("{event} received")
        }
        What::Recorded { event, version, .. } => format!("{event} recorded as {version}"),
        What::Published { detail_type, .. } => format!("{detail_type} published"),
        What::Found { finding } => format!("found {}", finding.kind.as_str()),
    }
}

pub(super) fn words(entries: Port<Vec<Entry>>) -> Vec<String> {
    let entries = entries.expect("ports in memory");
    assert!(entries.is_sorted_by_key(|entry| entry.at), "in the order of our clock");
    entries.iter().map(word).collect()
}

#[test]
fn a_payments_story_is_told_in_order() {
    let desk = Desk::new();
    let dollars = |id: &str| desk.event(id, "payment.captured", r#","amount":"1.00","currency":"USD""#);
    let other = r#"{"id":"e4","type":"payment.captured","payment":"p2","amount":"1.00","currency":"EUR"}"#;
    let messages = [desk.captured("e1", "20.00"), desk.captured("e2", "30.00"), dollars("e3")];
    desk.work(&messages);
    desk.work(&[desk.keep(&row(SOURCE, "e4", "payment.captured", other))]);
    let Processor { inbox, ledger, findings, .. } = &desk.processor;
    let (inbox, ledger, findings) = (&inbox.inner, &ledger.inner, &findings.inner);
    for (payment, kind) in [("p1", FindingKind::AmountDiffers), ("p2", FindingKind::Overdue)] {
        let (source, subject) = (source_name(SOURCE), Subject::Payment(payment_id(payment)));
        let finding =
            Finding { source, kind, subject, reason: String::new(), at_stake: None, found_at: at(99) };
        let _ = now_or_never(findings.raise(&finding)).expect("ports in memory");
    }
    let told = now_or_never(payment(inbox, ledger, findings, &source_name(SOURCE), &payment_id("p1")));
    assert_eq!(
        words(told),
        [
            "e1 received",
            "e2 received",
            "e1 recorded as 1",
            "e2 recorded as 2",
            "payment.captured published",
            "payment.captured published",
            "found contradiction",
            "found amount_differs",
        ]
    );
    let source = Source::try_from(source_config(SOURCE, "partner-hmac")).expect("a source");
    let of = |id: &str| words(now_or_never(event(inbox, ledger, findings, &source, &event_id(id))));
    assert_eq!(of("e1"), ["e1 received", "e1 recorded as 1", "payment.captured published"]);
    assert_eq!(of("e3"), ["e3 received", "found contradiction"]);
    assert_eq!(of("nobody"), [""; 0]);
}
