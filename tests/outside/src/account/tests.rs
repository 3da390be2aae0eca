//! Books in which everything is right, and then one mistake planted in them at a time.

use super::*;
use crate::plan::Plan;

/// A few blocks of deliveries, all acknowledged but the forged ones, and the books that follow.
fn right() -> (Sent, Books) {
    let (mut sent, mut books) = (Sent::default(), Books::default());
    let mut payments = BTreeMap::<(usize, String), (u64, i64)>::new();
    for delivery in Plan::new(11).take(800) {
        sent.record(&delivery, delivery.proof == Proof::Genuine);
        let source = SOURCES[delivery.source].0.to_owned();
        let key = format!("{source}#{}", delivery.event);
        let finding = |kind: &str| (source.clone(), kind.to_owned(), delivery.event.clone());
        if delivery.proof != Proof::Genuine {
            continue;
        }
        if delivery.meaning == Meaning::Other {
            books.findings.insert(finding("conflicting"));
            books.inbox.insert(format!("{key}#0a1b"));
        } else if delivery.event.ends_with("unusable") {
            books.findings.insert(finding("untranslatable"));
            books.inbox.insert(key);
        } else if books.inbox.insert(key) {
            let (version, captured) =
                payments.entry((delivery.source, delivery.payment.clone())).or_default();
            let is_change = *captured == 0 || delivery.captures.is_none();
            (*version, *captured) = (*version + 1, delivery.captures.unwrap_or(*captured));
            let (version, captured) = (*version, *captured);
            let (payment, event) = (delivery.payment, delivery.event);
            books.ledger.push(Entry { source, payment, version, event, is_change, captured });
        }
    }
    (sent, books)
}

/// The only thing wrong.
fn only(sent: &Sent, books: &Books) -> Wrong {
    let wrong = account(sent, books).wrong;
    let [wrong] = &wrong[..] else { panic!("{wrong:?}") };
    wrong.clone()
}

fn named(entry: &Entry) -> Name {
    let source = SOURCES.iter().position(|(name, _)| *name == entry.source).expect("a source");
    (source, entry.event.clone(), Meaning::First)
}

/// The newest row of a payment that is not captured: nothing else depends on it.
fn loose(books: &Books) -> usize {
    let is_newest = |entry: &Entry| {
        !books.ledger.iter().any(|other| other.payment == entry.payment && other.version > entry.version)
    };
    books.ledger.iter().position(|entry| entry.captured == 0 && is_newest(entry)).expect("there is one")
}

#[test]
fn when_all_is_right_every_event_has_its_fate() {
    let (sent, books) = right();
    let account = account(&sent, &books);
    assert_eq!(account.wrong, []);
    assert_eq!(account.fates.values().sum::<u64>(), sent.claims.len() as u64);
    for fate in [Fate::Applied, Fate::Superseded, Fate::Parked] {
        assert!(account.of(fate) > 0, "{fate:?}");
    }
    assert!(account.sums.0 > 0 && account.sums.0 == account.sums.1);
    assert_eq!((account.unheard, account.dead_after_all), (0, 0));
}

#[test]
fn a_lost_event_is_told() {
    let (sent, mut books) = right();
    let row = books.ledger.remove(loose(&books));
    assert_eq!(only(&sent, &books), Wrong::Lost(named(&row)));
    // In the dead letters it is not lost.
    books.dead.insert(format!("{}#{}", row.source, row.event));
    let account = account(&sent, &books);
    assert_eq!((account.of(Fate::Dead), account.wrong), (1, vec![]));
}

#[test]
fn a_lost_finding_is_told() {
    for kind in ["conflicting", "untranslatable"] {
        let (sent, mut books) = right();
        let finding =
            books.findings.iter().find(|(_, found, _)| found == kind).expect("there is one").clone();
        books.findings.remove(&finding);
        assert!(matches!(only(&sent, &books), Wrong::Lost((_, event, _)) if event == finding.2));
    }
}

#[test]
fn an_event_with_two_rows_is_told() {
    let (sent, mut books) = right();
    let row = books.ledger[loose(&books)].clone();
    books.ledger.push(Entry { version: row.version + 1, ..row.clone() });
    assert_eq!(only(&sent, &books), Wrong::Doubled(named(&row), 2));
}

#[test]
fn a_sum_that_was_counted_twice_is_told() {
    let (sent, mut books) = right();
    let row = books.ledger.iter_mut().rfind(|row| row.captured > 0).expect("there is one");
    row.captured *= 2;
    let expected = Wrong::Sum(format!("{}#{}", row.source, row.payment), row.captured / 2, row.captured);
    assert_eq!(only(&sent, &books), expected);
}

#[test]
fn a_row_that_was_overwritten_is_told() {
    let (sent, mut books) = right();
    let row = loose(&books);
    books.ledger[row].version += 1;
    assert!(matches!(only(&sent, &books), Wrong::Gap(_)));
}

#[test]
fn what_was_acknowledged_and_not_kept_is_told() {
    let (sent, mut books) = right();
    let row = books.ledger[loose(&books)].clone();
    books.inbox.remove(&format!("{}#{}", row.source, row.event));
    assert!(account(&sent, &books).wrong.contains(&Wrong::NotKept(named(&row))));
}

#[test]
fn another_meaning_that_was_not_kept_is_told() {
    let (sent, mut books) = right();
    let row = books.inbox.iter().find(|row| row.matches('#').count() == 2).expect("there is one").clone();
    books.inbox.remove(&row);
    assert!(
        matches!(only(&sent, &books), Wrong::NotKept((_, event, Meaning::Other)) if row.contains(&event))
    );
}

#[test]
fn a_believed_forgery_and_its_row_are_told() {
    let (mut sent, mut books) = right();
    let forged = Plan::new(11).find(|delivery| delivery.proof != Proof::Genuine).expect("there is one");
    sent.record(&forged, true);
    assert!(matches!(only(&sent, &books), Wrong::Believed(_)));
    let (sent, _) = right();
    let key = format!("{}#{}", SOURCES[forged.source].0, forged.event);
    books.inbox.insert(key.clone());
    assert_eq!(only(&sent, &books), Wrong::Invented(key));
}

#[test]
fn what_was_applied_without_an_answer_is_no_mistake() {
    let (mut sent, books) = right();
    let row = &books.ledger[loose(&books)];
    sent.claims.get_mut(&named(row)).expect("it was sent").acknowledged = 0;
    let account = account(&sent, &books);
    assert_eq!((account.unheard, account.wrong), (1, vec![]));
}
