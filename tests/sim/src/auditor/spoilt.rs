//! The judge, judged: in a world that kept every promise something is spoilt, and the promise that it breaks is named.

use super::model::{Account, Happening, Stage};
use super::page::Page;
use super::*;
use crate::world::judged;
use countersign_app::ports::{Append, Findings as _, Raised};
use countersign_domain::fact::Fact;
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::money::{Currency, Money};
use countersign_domain::payment::{Payment, Step, apply};

/// Worlds in which something to spoil is looked for.
const WORLDS_MAX: u64 = 200;

/// Spoils something, if the world has it.
type Spoil = fn(&mut Auditor) -> Option<()>;

#[track_caller]
fn check_spoilt(promise: Invariant, spoil: Spoil) {
    let spoilt = |seed| {
        let (mut auditor, providers) = judged(seed);
        spoil(&mut auditor).map(|()| auditor.judge(&providers))
    };
    let verdict = (0..WORLDS_MAX).find_map(spoilt).expect("a world that has it");
    assert_eq!(verdict.map_err(|violation| violation.invariant), Err(promise));
}

/// The ledger with one row changed, if there is one like this.
fn change_row(
    auditor: &mut Auditor,
    is_it: fn(&LedgerRow) -> bool,
    change: fn(&mut LedgerRow),
) -> Option<()> {
    let mut rows = auditor.stores.ledger.rows();
    change(rows.iter_mut().find(|row| is_it(row))?);
    auditor.stores.ledger = Default::default();
    rows.iter().for_each(|row| assert_eq!(now(auditor.stores.ledger.append(row)), Append::Appended));
    Some(())
}

/// The inbox without one row, if there is one like this.
fn lose_row(auditor: &mut Auditor, is_it: impl Fn(&InboxRow) -> bool) -> Option<()> {
    let mut rows = auditor.stores.inbox.rows();
    rows.remove(rows.iter().position(is_it)?);
    auditor.stores.inbox = Default::default();
    rows.iter().for_each(|row| drop(now(auditor.stores.inbox.put(row))));
    Some(())
}

/// What was told of a change of a payment's status.
fn told_of_status(auditor: &mut Auditor) -> Option<&mut Value> {
    auditor.published.values_mut().find(|told| {
        let stage = told["data"]["to"].as_str().and_then(Stage::named);
        told["data"]["register"] == "payment" && stage > Some(Stage::Authorized)
    })
}

#[test]
fn an_event_that_is_not_kept() {
    check_spoilt(Invariant::I1, |auditor| {
        let applied = auditor.stores.ledger.rows().first()?.cause.event.clone();
        lose_row(auditor, |row| matches!(&row.key, InboxKey::Event { event, .. } if *event == applied))
    });
}

#[test]
fn a_payment_that_is_missing_there_and_was_never_asked_for() {
    check_spoilt(Invariant::I1, |auditor| {
        let never_denied = |row: &LedgerRow| {
            let book = auditor.provider_books.of_source(row.source.as_str())?;
            let is_theirs = book.payments.contains_key(row.payment.as_str());
            (is_theirs && book.denied_at_ms(row.payment.as_str()).is_none()).then(|| row.clone())
        };
        let row = auditor.stores.ledger.rows().iter().find_map(never_denied)?;
        let finding = Finding {
            source: row.source,
            kind: FindingKind::MissingThere,
            subject: Subject::Payment(row.payment),
            reason: "a test".to_owned(),
            at_stake: None,
            found_at: row.recorded_at,
        };
        let raised = now(auditor.stores.findings.raise(&finding));
        assert_eq!(raised, Raised::New);
        Some(())
    });
}

#[test]
fn an_event_that_is_applied_twice() {
    check_spoilt(Invariant::I2, |auditor| {
        let mut row = auditor.stores.ledger.rows().pop()?;
        row.version = row.version.saturating_add(1);
        assert_eq!(now(auditor.stores.ledger.append(&row)), Append::Appended);
        Some(())
    });
}

#[test]
fn a_payment_that_goes_back() {
    check_spoilt(Invariant::I3, |auditor| {
        let told = told_of_status(auditor)?;
        let from = told["data"]["from"].as_str().and_then(Stage::named)?;
        (from > Stage::Initiated).then(|| told["data"]["to"] = "initiated".into())
    });
}

#[test]
fn a_version_that_is_not_what_its_events_add_up_to() {
    check_spoilt(Invariant::I4, |auditor| {
        change_row(auditor, |row| row.change.is_some(), |row| row.state = Payment::default())
    });
}

#[test]
fn a_version_that_is_missing() {
    check_spoilt(Invariant::I4, |auditor| {
        change_row(auditor, |row| row.version == 2, |row| row.version = 1_000)
    });
}

#[test]
fn a_change_that_is_not_published() {
    check_spoilt(Invariant::I5, |auditor| auditor.published.pop_first().map(drop));
}

#[test]
fn a_status_that_nobody_was_told_of() {
    check_spoilt(Invariant::I6, |auditor| {
        told_of_status(auditor).map(|told| told["data"]["from"] = "expired".into())
    });
}

#[test]
fn a_row_of_a_forger() {
    check_spoilt(Invariant::I8, |auditor| {
        let row = auditor.stores.inbox.rows().pop()?;
        auditor.powerless.insert(row.attempt.as_str().to_owned());
        Some(())
    });
}

#[test]
fn another_meaning_that_is_applied() {
    check_spoilt(Invariant::I9, |auditor| {
        let is_taken = |row: &LedgerRow| matches!(row.fact, Fact::Captured { .. });
        change_row(auditor, is_taken, |row| {
            if let Fact::Captured { amount } = &mut row.fact {
                amount.minor = amount.minor.saturating_add(1);
            }
        })
    });
}

#[test]
fn another_meaning_that_is_not_kept() {
    check_spoilt(Invariant::I9, |auditor| {
        lose_row(auditor, |row| matches!(row.key, InboxKey::Conflict { .. }))
    });
}

#[test]
fn a_message_that_is_left() {
    check_spoilt(Invariant::I15, |auditor| {
        auditor.stores.queue.put("{}".to_owned(), false);
        Some(())
    });
}

/// A row in which something was given back that was never taken.
fn given_back_too_much() -> LedgerRow {
    let (auditor, _) = judged(0);
    let mut row = auditor.stores.ledger.rows().pop().expect("something happened");
    let amount = Money { minor: 5, currency: Currency::from_code("EUR").expect("a currency") };
    let step = apply(&Payment::default(), &Fact::Refunded { amount }).expect("no contradiction");
    let Step::Advanced { payment, .. } = step else { panic!("it says something new") };
    row.state = payment;
    row
}

#[test]
fn more_given_back_than_taken() {
    let page =
        Page { name: "shop pi_1".to_owned(), is_spoilt: true, is_doubted: false, is_contradicted: false };
    let verdict = page.check_end(Some(&given_back_too_much()), &Account::default(), Stage::Unknown);
    assert_eq!(verdict.map_err(|violation| violation.invariant), Err(Invariant::I10));
}

#[test]
fn an_end_that_is_not_that_of_the_books() {
    let page =
        Page { name: "shop pi_1".to_owned(), is_spoilt: false, is_doubted: false, is_contradicted: false };
    let mut books = Account::default();
    books.happen(&Happening::Asked(5));
    let verdict = page.check_end(None, &books, Stage::Unknown);
    assert_eq!(verdict.map_err(|violation| violation.invariant), Err(Invariant::I16));
}

#[test]
fn a_run_done_again_that_changes_something() {
    let (mut auditor, _) = judged(0);
    let before = auditor.ledgers();
    assert_eq!(auditor.is_unchanged(&before), Ok(()));
    lose_row(&mut auditor, |_| true).expect("something came in");
    let verdict = auditor.is_unchanged(&before);
    assert_eq!(verdict.map_err(|violation| violation.invariant), Err(Invariant::I12));
}

#[test]
fn whatever_may_not_leave_is_seen_wherever_it_stands() {
    let (mut auditor, _) = judged(0);
    auditor.histories[0].has_secret(0, "whsec_00112233445566778899");
    let forbidden = auditor.forbidden(&BODIES);
    for planted in PERSONAL.into_iter().chain([SECRET, "00112233445566778899", BYTES]).chain(BODIES) {
        let violation = check_discreet("a line", &format!("detail={{x: {planted}}} end"), &forbidden);
        let violation = violation.expect_err("is not discreet");
        assert_eq!(violation.invariant, Invariant::I14);
        assert!(violation.what.contains(planted), "{}", violation.what);
    }
    check_discreet("a line", "source=shop trace=ab12 detail=amount is missing", &forbidden)
        .expect("is discreet");
}
