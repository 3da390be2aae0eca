//! What partners are told of the answers is what they are.

use super::*;
use countersign_domain::pack::{Answer, Said, answers};

/// Every refusal of a partner's delivery, once. A new one does not compile until it is here.
fn every_refusal() -> Vec<Rejected> {
    let all = vec![
        Rejected::Method("POST"),
        Rejected::ContentType("application/json"),
        Rejected::TooLarge { bytes: BODY_BYTES_MAX + 1 },
        Rejected::UnknownSource,
        Rejected::Unauthentic { error: SignatureError::Mismatch, status: 401 },
        Rejected::Unreadable,
        Rejected::Unavailable(PortError::new("inbox", "put", "it is not there")),
    ];
    for refusal in &all {
        match refusal {
            Rejected::Method(_)
            | Rejected::ContentType(_)
            | Rejected::TooLarge { .. }
            | Rejected::UnknownSource
            | Rejected::Unauthentic { .. }
            | Rejected::Unreadable
            | Rejected::Unavailable(_) => {}
        }
    }
    all
}

#[test]
fn a_partner_is_told_of_every_answer_and_of_no_other() {
    let dialect = Dialect::built_in(DIALECT).expect("it checks").expect("it is built in");
    let told: Vec<_> = answers(&dialect).into_iter().filter(|answer| answer.said != Said::Gateway).collect();
    let is_said = |answer: &Answer, status, text: &str| {
        answer.status == status
            && match &answer.said {
                Said::Text(told) => told == text,
                Said::Counted(before, behind) => text.starts_with(before) && text.ends_with(behind.as_str()),
                Said::Gateway => false,
            }
    };
    let refusals = every_refusal();
    for refusal in &refusals {
        let (status, text) = (refusal.status(), refusal.to_string());
        assert!(
            told.iter().any(|answer| is_said(answer, status, &text)),
            "nobody is told of {status} {text}"
        );
    }
    assert_eq!(told.len(), refusals.len() + 1, "one of them is no refusal");
    assert!(told.iter().any(|answer| is_said(answer, 200, &Accepted::default().ok_body)));
}
