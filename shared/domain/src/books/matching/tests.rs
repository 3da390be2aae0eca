use super::*;
use crate::books::Settled;
use crate::time::Timestamp;

const DAY: i64 = 86_400;

fn row(reference: &str, entry: Entry, minor: i64, day: i64, payout: &str) -> Row {
    Row {
        reference: reference.to_owned(),
        entry,
        minor,
        payout: payout.to_owned(),
        at: Some(Timestamp::from_second(1_700_000_000 + day * DAY).expect("an instant")),
        ..Row::empty()
    }
}

fn payment(reference: &str, minor: i64, day: i64) -> Row {
    row(reference, Entry::Payment, minor, day, "")
}

#[track_caller]
fn check(ours: &[Row], theirs: &[Row], expected: &[(MatchedBy, &[usize], &[usize])]) {
    let rules = MatchRules { prefixes: vec!["REF-".to_owned()], ..MatchRules::default() };
    let flat = |matches: Vec<Match>| {
        let mut flat: Vec<_> = matches.into_iter().map(|m| (m.by, m.ours, m.theirs)).collect();
        flat.sort();
        flat
    };
    let expected: Vec<_> =
        expected.iter().map(|(by, ours, theirs)| (*by, ours.to_vec(), theirs.to_vec())).collect();
    assert_eq!(flat(match_rest(ours, theirs, &rules)), expected);
    let mut mirrored: Vec<_> = expected.into_iter().map(|(by, ours, theirs)| (by, theirs, ours)).collect();
    mirrored.sort();
    assert_eq!(flat(match_rest(theirs, ours, &rules)), mirrored, "the other way round");
}

#[test]
fn references_that_are_written_differently() {
    let ours = [payment("REF-00042/a", 100, 0), payment("inv 7", 200, 0)];
    let theirs = [payment("42A", 999, 90), payment("INV-7", 200, 0)];
    check(&ours, &theirs, &[(MatchedBy::Reference, &[0], &[0]), (MatchedBy::Reference, &[1], &[1])]);
    // Two that become one: nobody knows which.
    let twice = [payment("42-A", 1, 0), payment("42a", 2, 0)];
    check(&ours[..1], &twice, &[]);
}

#[test]
fn amounts_that_are_there_once_in_the_window() {
    let ours = [payment("a", 100, 0), payment("b", 200, 0), payment("c", 300, 0), payment("d", 400, 0)];
    let theirs = [payment("w", 100, 2), payment("x", 200, 1), payment("y", 200, 2), payment("z", 300, 9)];
    check(&ours, &theirs, &[(MatchedBy::Amount, &[0], &[0])]);
    let timeless = Row { at: None, ..payment("w", 100, 0) };
    check(&ours[..1], &[timeless], &[]);
}

#[test]
fn a_payout_and_what_it_holds() {
    let mut items =
        [row("pi_1", Entry::Payment, 1_000, 0, "po_1"), row("pi_2", Entry::Refund, 300, 0, "po_1")];
    items[0].settled =
        Some(Settled { currency: items[0].currency, gross_minor: 1_000, fee_minor: 30, rate: None });
    let deposit = row("po_1", Entry::Payout, 670, 40, "");
    check(&items, std::slice::from_ref(&deposit), &[(MatchedBy::PayoutSum, &[0, 1], &[0])]);
    check(&items, &[Row { minor: 671, ..deposit }], &[]);
}

#[test]
fn sums_that_can_be_made_in_one_way() {
    let payouts = [
        row("po_1", Entry::Payout, 500, 0, ""),
        row("po_2", Entry::Payout, 700, 1, ""),
        row("po_3", Entry::Payout, 90, 0, ""),
    ];
    let deposit = |minor| row("bank", Entry::Deposit, minor, 1, "");
    check(&payouts, &[deposit(1_200)], &[(MatchedBy::Sum, &[0, 1], &[0])]);
    check(&payouts, &[deposit(1_201)], &[]);
    // 500 + 700 and 500 + 700 with another 500: two ways.
    let twins = [payouts[0].clone(), payouts[0].clone(), payouts[1].clone()];
    check(&twins, &[deposit(1_200)], &[]);
    // Two deposits that would need the same payout.
    check(&payouts, &[deposit(1_200), deposit(590)], &[]);
}

#[test]
fn suggestions_are_ranked_and_never_taken() {
    let row = payment("INV-2024-0042", 100, 0);
    let candidates = [
        payment("INV-2024-0043", 900, 0),
        payment("unlike", 100, 0),
        payment("INV-2024-0024", 100, 1),
        payment("x", 1, 0),
    ];
    let ranked: Vec<_> = suggest(&row, &candidates, 3).into_iter().map(|s| s.at).collect();
    assert_eq!(ranked, [2, 1, 0]);
}

#[test]
fn a_deposit_of_a_payouts_amount_is_the_payout() {
    let payout = row("po_1", Entry::Payout, 500, 0, "");
    let deposit = row("bank", Entry::Deposit, 500, 1, "");
    check(&[payout], std::slice::from_ref(&deposit), &[(MatchedBy::Amount, &[0], &[0])]);
    check(&[payment("pi_1", 500, 0)], &[deposit], &[]);
}

#[test]
fn sums_are_tried_of_as_many_rows_as_the_rules_say() {
    let payouts = [row("po_1", Entry::Payout, 500, 0, ""), row("po_2", Entry::Payout, 700, 1, "")];
    let deposit = [row("bank", Entry::Deposit, 1_200, 1, "")];
    for (group_rows_max, expected) in [(1, 0), (2, 1), (3, 1)] {
        let rules = MatchRules { group_rows_max, ..MatchRules::default() };
        assert_eq!(match_rest(&payouts, &deposit, &rules).len(), expected, "{group_rows_max}");
    }
    // The other currency adds up to nothing, and neither does what was booked much later.
    let usd = Currency::from_code("USD").expect("a currency");
    let dollars = payouts.clone().map(|row| Row { currency: usd, ..row });
    check(&dollars, &deposit, &[]);
    let late = [row("bank", Entry::Deposit, 1_200, 30, "")];
    check(&payouts, &late, &[]);
}

#[test]
fn a_payouts_rows_and_two_payouts_of_one_reference() {
    let items = [row("pi_1", Entry::Payment, 400, 0, "po_1"), row("pi_2", Entry::Payment, 300, 0, "po_1")];
    let payout = row("po_1", Entry::Payout, 700, 40, "");
    check(&items, std::slice::from_ref(&payout), &[(MatchedBy::PayoutSum, &[0, 1], &[0])]);
    let twice = [payout.clone(), Row { item: "2".to_owned(), ..payout }];
    check(&items, &twice, &[]);
}

#[test]
fn each_payout_is_matched_with_its_own_rows() {
    let items = ["po_1", "po_2"].map(|payout| row("pi_1", Entry::Payment, 400, 0, payout));
    let payouts = ["po_1", "po_2"].map(|payout| row(payout, Entry::Payout, 400, 40, ""));
    let expected: [(MatchedBy, &[usize], &[usize]); 2] =
        [(MatchedBy::PayoutSum, &[0], &[0]), (MatchedBy::PayoutSum, &[1], &[1])];
    check(&items, &payouts, &expected);
}

#[test]
fn one_row_may_be_several_on_either_side_and_no_row_is_in_two_matches() {
    let booked = |minor| row("b", Entry::Deposit, minor, 1, "");
    let paid = |minor| row("p", Entry::Payout, minor, 0, "");
    // Two payouts booked together, and one booked in two parts.
    let ours = [paid(501), paid(699), paid(900)];
    let theirs = [booked(1_200), booked(430), booked(470)];
    let expected: [(MatchedBy, &[usize], &[usize]); 2] =
        [(MatchedBy::Sum, &[0, 1], &[0]), (MatchedBy::Sum, &[2], &[1, 2])];
    check(&ours, &theirs, &expected);
    // The first of two payouts that were booked together may as well have been booked in two parts: nobody knows.
    let either = [booked(1_200), booked(200), booked(301)];
    check(&ours[..2], &either, &[]);
}

#[test]
fn where_both_sides_name_the_payment_one_amount_is_one_entry_of_that_payment_only() {
    let refund = |reference: &str, item: &str, day| Row {
        item: item.to_owned(),
        ..row(reference, Entry::Refund, 500, day, "")
    };
    let rules = |amounts| MatchRules { amounts, ..MatchRules::default() };
    for (ours, theirs, anywhere, in_one) in [
        (payment("pi_B", 999, 0), payment("pi_A", 999, 1), 1, 0),
        (payment("INV-0070", 700, 0), payment("inv70", 700, 1), 1, 1),
        (payment("INV-70", 700, 0), payment("inv7", 700, 1), 1, 0),
        (refund("pi_A", "re_1", 0), refund("pi_A", "rf-9", 1), 1, 1),
        (refund("pi_A", "re_1", 0), refund("PI-A", "rf-9", 1), 1, 1),
        (refund("pi_A", "re_1", 0), refund("pi_A", "rf-9", 4), 0, 0),
        (refund("pi_A", "re_1", 0), refund("pi_B", "rf-9", 1), 1, 0),
    ] {
        for (reach, expected) in [(AmountReach::All, anywhere), (AmountReach::OneReference, in_one)] {
            let found = match_rest(std::slice::from_ref(&ours), std::slice::from_ref(&theirs), &rules(reach));
            assert_eq!(found.len(), expected, "{ours:?} {theirs:?} {reach:?}");
            assert!(found.iter().all(|found| found.by == MatchedBy::Amount), "{found:?}");
        }
    }
}
