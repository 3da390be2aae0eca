//! The promises of the findings as people work on them.

use super::{event, instant, other};
use crate::ports::{Cases, Findings, Raised, Stepped};
use countersign_domain::finding::{Case, Finding, FindingKind, Move, Settlement, Standing, Step, Subject};
use countersign_domain::ids::SourceName;
use countersign_domain::money::{Currency, Money};
use countersign_domain::time::{SignedDuration, Timestamp};

fn later(minutes: i64) -> Timestamp {
    instant(0).checked_add(SignedDuration::from_mins(minutes)).expect("an instant")
}

fn step(minutes: i64, what: Move) -> Step {
    Step { at: later(minutes), by: "ada".to_owned(), what, why: "because of \"it\" {} <&".to_owned() }
}

/// The life of a finding: it is raised, taken and settled, and open again when it is raised again; nobody writes over what
/// another did.
///
/// # Panics
/// When the port breaks a promise.
pub async fn cases<P: Cases + Findings>(port: &P, source: &SourceName) {
    assert_eq!(port.of(source).await.expect("cases.of"), [], "nothing is in doubt yet");
    assert_eq!(port.find(source, "conflicting-1").await.expect("cases.find"), None);
    let finding = Finding {
        source: source.clone(),
        kind: FindingKind::Conflicting,
        subject: Subject::Event(event("evt_case")),
        reason: "found first".to_owned(),
        at_stake: Some(Money { minor: 500, currency: Currency::from_code("EUR").expect("a currency") }),
        found_at: instant(0),
    };
    let raise = async |minutes| {
        let again = Finding { found_at: later(minutes), reason: "found again".to_owned(), ..finding.clone() };
        port.raise(&again).await.expect("findings.raise")
    };
    let found = async || port.find(source, &finding.id()).await.expect("cases.find").expect("it is there");
    assert_eq!(port.raise(&finding).await.expect("findings.raise"), Raised::New);
    assert_eq!(found().await, Case::new(finding.clone()));
    assert_eq!(raise(1).await, Raised::Known);
    let open = found().await;
    assert_eq!(
        (open.seen_at, open.sightings, &open.finding),
        (later(1), 2, &finding),
        "the first record stays"
    );

    let taken = open.after(step(2, Move::Acknowledge)).expect("it can be taken");
    assert_eq!(port.step(&taken).await.expect("cases.step"), Stepped::Written);
    assert_eq!(
        port.step(&taken).await.expect("cases.step"),
        Stepped::Changed,
        "it was read before the other step"
    );
    assert_eq!(found().await, taken);
    assert_eq!(raise(3).await, Raised::Known, "somebody looks after it already");
    assert_eq!(found().await.standing, Standing::Acknowledged);

    let settled =
        found().await.after(step(4, Move::Resolve(Settlement::Corrected))).expect("it can be settled");
    assert_eq!(port.step(&settled).await.expect("cases.step"), Stepped::Written);
    assert_eq!(found().await, settled);
    assert_eq!(raise(5).await, Raised::Reopened);
    let again = found().await;
    assert_eq!((again.standing, again.sightings, again.steps.len()), (Standing::Open, 4, 3));
    assert_eq!(again.steps.last().map(|last| last.what), Some(Move::SeenAgain));
    assert_eq!(port.of(source).await.expect("cases.of"), [again]);
    assert_eq!(port.of(&other(source)).await.expect("cases.of"), [], "sources are apart");
}
