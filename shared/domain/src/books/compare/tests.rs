//! What the engine promises of any books.

use super::*;
use crate::books::canonical::{CanonicalRows, write_header, write_row};
use crate::books::lockstep::compare_canonical;
use crate::books::sort::{HeldRows, HeldRuns, part_of, sort};
use crate::books::sums::Sum;
use crate::books::{Settled, Sums};
use crate::money::Currency;
use crate::payment::PaymentStatus;
use crate::reconcile::proof::Line;
use crate::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

const ALL: Rules = Rules {
    tolerance: Tolerance { absolute_minor: 0, relative_ppm: 0 },
    late_seconds_max: Some(3_600),
    needs_payments: true,
};

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

fn row(number: usize, entry: Entry, item: &str, minor: i64, code: &str) -> Row {
    let settled = Settled {
        currency: currency("USD"),
        gross_minor: minor,
        fee_minor: minor / 50,
        rate: Some(crate::books::Rate::parse("1.0842").expect("a rate")),
    };
    Row {
        reference: format!("pi_{number:06}"),
        entry,
        item: item.to_owned(),
        currency: currency(code),
        minor,
        status: (entry == Entry::Payment).then_some(PaymentStatus::Captured),
        settled: Some(settled),
        at: Some(Timestamp::from_second(1_700_000_000).expect("an instant")),
        ..Row::empty()
    }
}

/// Payments, some with a refund and some with a dispute, in order.
fn books() -> impl Strategy<Value = Vec<Row>> {
    let code = prop::sample::select(vec!["EUR", "JPY", "BHD", "CLF"]);
    let one = (100_i64..1_000_000, code, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 1..40).prop_map(|payments| {
        let mut rows = Vec::new();
        for (number, (minor, code, is_refunded, is_disputed)) in payments.into_iter().enumerate() {
            rows.push(row(number, Entry::Payment, "", minor, code));
            if is_refunded {
                rows.push(row(number, Entry::Refund, "re_1", minor / 2, code));
            }
            if is_disputed {
                rows.push(row(number, Entry::Dispute, "dp_1", minor / 3, code));
            }
        }
        rows
    })
}

/// The differences and sums of the same rows in canonical files.
fn diff_of_files(ours: &[Row], theirs: &[Row], rules: &Rules) -> (Vec<Found>, Sums) {
    let file = |rows: &[Row]| {
        let mut text = Vec::new();
        write_header(&mut text).expect("memory");
        rows.iter().for_each(|row| write_row(&mut text, row).expect("memory"));
        text
    };
    let (ours, theirs) = (file(ours), file(theirs));
    let read = |text| CanonicalRows::new(text).expect("canonical rows");
    let mut found = Vec::new();
    let sums = compare_canonical(read(ours.as_slice()), read(theirs.as_slice()), rules, |discrepancy| {
        let row = discrepancy.ours.or(discrepancy.theirs).expect("a difference has a row");
        found.push((discrepancy.kind, row.reference.clone(), row.entry, row.item.clone()));
    });
    (found, sums.expect("both sides are in order"))
}

/// A difference without its rows: kind, reference, entry, item.
type Found = (FindingKind, String, Entry, String);

fn diff(ours: &[Row], theirs: &[Row], rules: &Rules) -> (Vec<Found>, Sums) {
    let mut found = Vec::new();
    let sides = (HeldRows::new(ours.to_vec()), HeldRows::new(theirs.to_vec()));
    let sums = compare(sides.0, sides.1, rules, |discrepancy| {
        let row = discrepancy.ours.or(discrepancy.theirs).expect("a difference has a row");
        found.push((discrepancy.kind, row.reference.clone(), row.entry, row.item.clone()));
    });
    (found, sums.expect("both sides are in order"))
}

fn mirrored(kind: FindingKind) -> FindingKind {
    match kind {
        FindingKind::MissingHere => FindingKind::MissingThere,
        FindingKind::MissingThere => FindingKind::MissingHere,
        FindingKind::StatusBehind => FindingKind::StatusAhead,
        FindingKind::StatusAhead => FindingKind::StatusBehind,
        FindingKind::DuplicateHere => FindingKind::DuplicateThere,
        FindingKind::DuplicateThere => FindingKind::DuplicateHere,
        same => same,
    }
}

/// Faults that one row can have, each a difference of its own.
const FAULTS: [FindingKind; 12] = [
    FindingKind::MissingHere,
    FindingKind::MissingThere,
    FindingKind::AmountDiffers,
    FindingKind::CurrencyDiffers,
    FindingKind::StatusBehind,
    FindingKind::StatusAhead,
    FindingKind::DuplicateHere,
    FindingKind::DuplicateThere,
    FindingKind::FeeDiffers,
    FindingKind::RateDiffers,
    FindingKind::Late,
    FindingKind::RefundDiffers,
];

/// Plants a fault in payment `number` of both sides, and says what is to be found. A fault that needs a refund becomes one
/// of the amount where there is none.
fn plant(kind: FindingKind, at: usize, ours: &mut Vec<Row>, theirs: &mut Vec<Row>) -> FindingKind {
    let has_refund = theirs[at].entry == Entry::Refund;
    match kind {
        FindingKind::MissingHere => drop(ours.remove(at)),
        FindingKind::MissingThere => drop(theirs.remove(at)),
        FindingKind::DuplicateHere => ours.insert(at, ours[at].clone()),
        FindingKind::DuplicateThere => theirs.insert(at, theirs[at].clone()),
        FindingKind::CurrencyDiffers => {
            let is_euro = theirs[at].currency == Currency::EUR;
            theirs[at].currency = currency(if is_euro { "USD" } else { "EUR" });
        }
        FindingKind::StatusBehind | FindingKind::StatusAhead => {
            let (later, earlier) = (Some(PaymentStatus::Captured), Some(PaymentStatus::Authorized));
            let is_behind = kind == FindingKind::StatusBehind;
            ours[at].status = if is_behind { earlier } else { later };
            theirs[at].status = if is_behind { later } else { earlier };
        }
        FindingKind::FeeDiffers => theirs[at].settled.as_mut().expect("it is settled").fee_minor += 1,
        FindingKind::RateDiffers => {
            let rate = crate::books::Rate::parse("1.0843").expect("a rate");
            theirs[at].settled.as_mut().expect("it is settled").rate = Some(rate);
        }
        FindingKind::Late => theirs[at].at = Some(Timestamp::from_second(1_700_003_601).expect("an instant")),
        _ => {
            theirs[at].minor += 1;
            return if has_refund { FindingKind::RefundDiffers } else { FindingKind::AmountDiffers };
        }
    }
    kind
}

proptest! {
    #[test]
    fn books_do_not_differ_from_themselves(books in books()) {
        let (found, sums) = diff(&books, &books, &ALL);
        prop_assert_eq!(found, []);
        for sum in sums.sorted() {
            prop_assert_eq!((sum.gap(), sum.line.differences, sum.rows_ours), (0, 0, sum.rows_theirs));
        }
    }

    #[test]
    fn every_fault_is_found_once_whatever_the_partition_and_from_either_side(
        books in books(),
        faults in prop::collection::vec((prop::sample::select(FAULTS.to_vec()), any::<Index>()), 0..12),
        parts in 1_u32..6,
        run_rows_max in 1_usize..50,
    ) {
        let (mut ours, mut theirs) = (books.clone(), books.clone());
        let mut planted = Vec::new();
        // Each payment takes one fault, from the back, so that the positions before it stay.
        let mut places: Vec<_> = faults.iter().map(|(kind, index)| (index.index(books.len()), *kind)).collect();
        places.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        places.dedup_by_key(|(at, _)| *at);
        for (at, kind) in places {
            let Row { reference, entry, item, .. } = books[at].clone();
            // A payment that is gone from one side is still there on the other: its refunds stand on that.
            planted.push((plant(kind, at, &mut ours, &mut theirs), reference, entry, item));
        }
        planted.sort();
        let (mut found, sums) = diff(&ours, &theirs, &ALL);
        found.sort();
        prop_assert_eq!(&found, &planted);
        for sum in sums.clone().sorted() {
            prop_assert_eq!(sum.gap(), 0, "{:?}", sum);
        }

        let without_history = Rules { needs_payments: false, ..ALL };
        for rules in [ALL, without_history] {
            let (found, sums) = diff(&ours, &theirs, &rules);
            let (found_in_files, sums_of_files) = diff_of_files(&ours, &theirs, &rules);
            prop_assert_eq!(found_in_files, found);
            prop_assert_eq!(sums_of_files.sorted(), sums.sorted());
        }

        let (swapped, _) = diff(&theirs, &ours, &ALL);
        let mut swapped: Vec<_> = swapped.into_iter().map(|(kind, a, b, c)| (mirrored(kind), a, b, c)).collect();
        swapped.sort();
        prop_assert_eq!(&swapped, &planted);

        let (mut parted, mut added) = (Vec::new(), Sums::default());
        for part in 0..parts {
            let of_part = |rows: &[Row]| {
                let mut rows: Vec<_> = rows.iter().filter(|row| part_of(row, parts) == part).cloned().collect();
                // In no order at all, as a file may be.
                rows.reverse();
                sort(HeldRows::new(rows), run_rows_max, HeldRuns::default()).expect("memory holds it")
            };
            let sums = compare(of_part(&ours), of_part(&theirs), &ALL, |discrepancy| {
                let row = discrepancy.ours.or(discrepancy.theirs).expect("a row");
                parted.push((discrepancy.kind, row.reference.clone(), row.entry, row.item.clone()));
            });
            added.add(&sums.expect("sorted"));
        }
        parted.sort();
        prop_assert_eq!(parted, planted);
        prop_assert_eq!(added.sorted(), sums.sorted());
    }

    /// A payment that both sides lost leaves its refund and its dispute behind: one finding each.
    #[test]
    fn what_follows_no_payment_is_found(books in books(), index in any::<Index>()) {
        let gone = &books[index.index(books.len())].reference;
        let is_left = |row: &&Row| row.reference != *gone || row.entry != Entry::Payment;
        let rest: Vec<_> = books.iter().filter(is_left).cloned().collect();
        let expected: Vec<_> = rest
            .iter()
            .filter(|row| row.reference == *gone)
            .map(|row| match row.entry {
                Entry::Refund => FindingKind::RefundWithoutPayment,
                _ => FindingKind::DisputeWithoutPayment,
            })
            .collect();
        let kinds = |rules| diff(&rest, &rest, rules).0.into_iter().map(|found| found.0).collect::<Vec<_>>();
        prop_assert_eq!(kinds(&ALL), expected);
        prop_assert_eq!(kinds(&Rules { needs_payments: false, ..ALL }), []);
    }
}

#[test]
fn what_is_within_the_tolerance_is_added_up_and_not_found() {
    let ours = [row(1, Entry::Payment, "", 10_000, "EUR")];
    for (theirs, absolute_minor, relative_ppm, expected) in [
        (10_001, 0, 0, vec![FindingKind::AmountDiffers]),
        (10_001, 1, 0, vec![]),
        (9_999, 1, 0, vec![]),
        (10_100, 0, 10_000, vec![]),
        (10_102, 0, 10_000, vec![FindingKind::AmountDiffers]),
    ] {
        let mut other = ours.clone();
        other[0].minor = theirs;
        let rules = Rules { tolerance: Tolerance { absolute_minor, relative_ppm }, ..ALL };
        let (found, sums) = diff(&ours, &other, &rules);
        assert_eq!(found.into_iter().map(|found| found.0).collect::<Vec<_>>(), expected, "{theirs}");
        assert_eq!(sums.sorted()[0].gap(), 0, "{theirs}");
    }
}

#[test]
fn a_side_in_another_order_is_refused() {
    let rows: Vec<_> = [2, 1].map(|number| row(number, Entry::Payment, "", 1, "EUR")).into();
    let sorted: Vec<_> = rows.iter().rev().cloned().collect();
    let error = compare(HeldRows::new(sorted), HeldRows::new(rows), &ALL, |_| {}).expect_err("out of order");
    assert_eq!(
        error.to_string(),
        "the rows of Theirs are out of order: row 0 (payment pi_000001) comes after (payment pi_000002): sort them by reference, entry and item"
    );
}

#[test]
fn a_row_is_late_after_the_seconds_that_may_pass_and_not_before() {
    let ours = [row(1, Entry::Payment, "", 100, "EUR")];
    for (seconds, expected) in [
        (3_600, vec![]),
        (3_601, vec![FindingKind::Late]),
        (-3_600, vec![]),
        (-3_601, vec![FindingKind::Late]),
    ] {
        let mut theirs = ours.clone();
        theirs[0].at = Some(Timestamp::from_second(1_700_000_000 + seconds).expect("an instant"));
        let (found, _) = diff(&ours, &theirs, &ALL);
        assert_eq!(found.into_iter().map(|found| found.0).collect::<Vec<_>>(), expected, "{seconds}");
    }
}

/// Lines that are alike are passed over: not where they are alike in being wrong.
#[test]
fn a_row_that_both_files_have_twice_is_found_on_both_sides() {
    let twice = [1, 1, 2].map(|number| row(number, Entry::Payment, "", 100, "EUR"));
    let rules = Rules { needs_payments: false, ..ALL };
    let mut kinds: Vec<_> =
        diff_of_files(&twice, &twice, &rules).0.into_iter().map(|found| found.0).collect();
    kinds.sort();
    let mut expected = [FindingKind::DuplicateHere, FindingKind::DuplicateThere];
    expected.sort();
    assert_eq!(kinds, expected);
}

#[test]
fn the_gap_is_what_neither_differences_nor_tolerance_explain() {
    for ((ledger, differences, provider, tolerated), gap) in
        [((100, 20, 120, 0), 0), ((100, 20, 125, 0), 5), ((100, 20, 125, 5), 0), ((100, 0, 90, -4), -6)]
    {
        let line = Line { ledger, differences, provider };
        let (currency, entry) = (Currency::EUR, Entry::Payment);
        let sum = Sum { currency, entry, rows_ours: 1, rows_theirs: 1, line, tolerated };
        assert_eq!(sum.gap(), gap, "{sum:?}");
    }
}
