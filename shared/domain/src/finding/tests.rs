//! The same doubt is one finding, however often it is found.

use super::*;
use crate::testing::{now, source_name};
use std::collections::BTreeSet;

const KINDS: [FindingKind; FindingKind::ALL.len()] = FindingKind::ALL;

fn finding(kind: FindingKind, subject: Subject) -> Finding {
    Finding {
        source: source_name(),
        kind,
        subject,
        reason: "why".to_owned(),
        at_stake: None,
        found_at: now(),
    }
}

#[test]
fn a_kind_is_called_the_same_everywhere() {
    for kind in KINDS {
        assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.as_str());
    }
}

#[test]
fn an_id_is_of_source_kind_and_subject() {
    let event = || Subject::Event(EventId::new("x1").expect("an event"));
    let first = finding(FindingKind::AmountDiffers, event());
    let again = Finding { reason: "in other words".to_owned(), found_at: Timestamp::MAX, ..first.clone() };
    assert_eq!(first.id(), again.id());
    assert!(first.id().starts_with("amount_differs-") && first.id().len() == "amount_differs-".len() + 32);
    let mut ids: BTreeSet<_> = KINDS.map(|kind| finding(kind, event()).id()).into();
    // A payment and an event of one name are two things.
    ids.insert(
        finding(FindingKind::AmountDiffers, Subject::Payment(PaymentId::new("x1").expect("a payment"))).id(),
    );
    ids.insert(finding(FindingKind::AmountDiffers, Subject::Delivery(Sha256Hex::of(&[b"x1"]))).id());
    let elsewhere = Finding { source: SourceName::new("shop2").expect("a source"), ..first };
    ids.insert(elsewhere.id());
    assert_eq!(ids.len(), KINDS.len() + 3);
}

#[test]
fn a_subject_is_said_in_words() {
    let digest = Sha256Hex::of(&[b"x"]);
    for (subject, text) in [
        (Subject::Event(EventId::new("evt_1").expect("an event")), "event evt_1".to_owned()),
        (Subject::Payment(PaymentId::new("pi_1").expect("a payment")), "payment pi_1".to_owned()),
        (Subject::Delivery(digest.clone()), format!("delivery {}", &digest.as_str()[..32])),
    ] {
        assert_eq!(subject.to_string(), text);
        let json = serde_json::to_string(&subject).expect("JSON");
        assert_eq!(serde_json::from_str::<Subject>(&json).expect("its own JSON"), subject);
    }
}

#[test]
fn what_one_look_at_a_payments_two_sides_tells() {
    use FindingKind as K;
    let expected = [
        K::MissingHere,
        K::MissingThere,
        K::AmountDiffers,
        K::CurrencyDiffers,
        K::RefundDiffers,
        K::StatusBehind,
        K::StatusAhead,
        K::OutOfBalance,
    ];
    for kind in KINDS {
        assert_eq!(kind.is_between_books(), expected.contains(&kind), "{kind:?}");
    }
}
