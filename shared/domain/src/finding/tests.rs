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

#[test]
fn what_is_found_of_one_thing_is_one_finding_that_names_all_of_it() {
    let of = |payment: &str, reason: &str, stake: Option<(i64, &str)>| Finding {
        reason: reason.to_owned(),
        at_stake: stake
            .map(|(minor, code)| Money { minor, currency: code.to_owned().try_into().expect("a code") }),
        ..finding(FindingKind::MissingHere, Subject::Payment(PaymentId::new(payment).expect("a payment")))
    };
    let said = |findings: Vec<Finding>| -> Vec<String> {
        let stake =
            |finding: &Finding| finding.at_stake.map_or("nothing".to_owned(), |money| money.to_string());
        gather(findings).iter().map(|f| format!("{}: {}, {}", f.subject, f.reason, stake(f))).collect()
    };
    assert_eq!(
        said(vec![
            of("p1", "re_1", Some((500, "EUR"))),
            of("p2", "re_3", None),
            of("p1", "re_2", Some((700, "EUR"))),
            of("p2", "re_4", Some((1, "EUR"))),
            of("p2", "re_5", Some((900, "USD"))),
        ]),
        ["payment p1: re_1; and re_2, 12.00 EUR", "payment p2: re_3; and re_4; and re_5, 0.01 EUR"]
    );
    let many = |count: usize| said(vec![of("p1", "x", Some((1, "EUR"))); count]).concat();
    assert!(many(REASONS_TOLD).ends_with("; and x, 0.20 EUR"), "{}", many(REASONS_TOLD));
    assert!(many(REASONS_TOLD + 2).ends_with("; and x; and 2 more, 0.22 EUR"), "{}", many(REASONS_TOLD + 2));
}
