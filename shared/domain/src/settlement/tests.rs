//! What was kept, paid out and booked.

use super::fees::FeeSchedule;
use super::payouts::{DepositRules, Payout, check_deposits, check_sums, payouts};
use super::rates::Rates;
use super::*;
use crate::books::compare::Tolerance;
use crate::books::matching::MatchRules;
use crate::books::sort::HeldRows;
use crate::books::{Entry, Row, Settled};
use crate::money::Currency;
use crate::time::{Timestamp, from_seconds};
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

fn said(gaps: &[Gap]) -> Vec<String> {
    gaps.iter().map(|gap| format!("{} {}: {}", gap.kind.as_str(), gap.subject, gap.reason)).collect()
}

fn item(entry: Entry, minor: i64, fee_minor: i64, payout: &str) -> Row {
    let currency = Currency::EUR;
    Row {
        reference: "pi_1".to_owned(),
        entry,
        minor,
        payout: payout.to_owned(),
        settled: Some(Settled { currency, gross_minor: minor, fee_minor, rate: None }),
        ..Row::empty()
    }
}

fn paid(id: &str, minor: i64, day: i64) -> Row {
    Row {
        reference: id.to_owned(),
        entry: Entry::Payout,
        minor,
        at: Some(from_seconds(day * DAY)),
        ..Row::empty()
    }
}

fn sums(rows: Vec<Row>) -> Vec<Payout> {
    payouts(HeldRows::new(rows)).unwrap_or_else(|never| match never {})
}

#[test]
fn the_rows_of_a_payout_make_its_amount() {
    let rows = vec![
        item(Entry::Payment, 10_000, 170, "po_1"),
        item(Entry::Refund, 3_000, 0, "po_1"),
        item(Entry::Dispute, 2_000, 1_500, "po_1"),
        item(Entry::Adjustment, -5, 0, "po_1"),
        item(Entry::Fee, 100, 0, "po_1"),
        item(Entry::Payment, 999, 0, ""),
        paid("po_1", 3_225, 1),
        paid("po_2", 50, 1),
        item(Entry::Payment, 7, 0, "po_3"),
    ];
    assert_eq!(said(&check_sums(&sums(rows.clone()))), [""; 0]);
    let mut other = rows;
    other[6].minor = 3_220;
    assert_eq!(
        said(&check_sums(&sums(other))),
        ["payout_differs payout po_1: paid 32.20 EUR, and its 5 rows come to 32.25 EUR: -0.05 EUR apart"]
    );
}

proptest! {
    /// A payout made of its rows holds, in any order; one row changed is one gap.
    #[test]
    fn a_payout_of_its_rows_holds_and_one_changed_row_is_found(
        items in prop::collection::vec((0_usize..5, 1_i64..1_000_000, 0_i64..10_000), 1..30),
        changed in any::<prop::sample::Index>(),
        by in 1_i64..1_000,
    ) {
        let entries = [Entry::Payment, Entry::Refund, Entry::Dispute, Entry::Fee, Entry::Adjustment];
        let mut rows: Vec<_> =
            items.iter().map(|(entry, minor, fee)| item(entries[*entry], *minor, *fee, "po_1")).collect();
        let total = sums(rows.clone())[0].items;
        let total = i64::try_from(total).expect("small amounts");
        rows.push(paid("po_1", total, 0));
        rows.rotate_left(items.len() / 2);
        prop_assert_eq!(check_sums(&sums(rows.clone())), []);
        let at = changed.index(items.len());
        let at = rows.iter().enumerate().filter(|(_, row)| row.entry != Entry::Payout).nth(at).expect("a row").0;
        rows[at].settled.as_mut().expect("it is settled").gross_minor += by;
        let gaps = check_sums(&sums(rows));
        prop_assert_eq!(gaps.len(), 1);
        let apart = format!("{} EUR apart", crate::money::major(by, Currency::EUR));
        prop_assert!(gaps[0].reason.ends_with(&apart), "{:?}", gaps);
    }
}

fn booked(reference: &str, minor: i64, day: i64) -> Row {
    Row { entry: Entry::Deposit, ..paid(reference, minor, day) }
}

#[test]
fn payouts_arrive_at_the_bank() {
    let rules = DepositRules { matching: MatchRules::default(), grace_seconds: 3 * DAY };
    let check = |paid: Vec<Row>, booked: &[Row]| {
        said(&check_deposits(&sums(paid), booked, &rules, from_seconds(20 * DAY)))
    };
    let two = || vec![paid("po_1", 500, 10), paid("po_2", 700, 11)];
    // By reference, by amount, together, and a debit beside them that is none of ours.
    assert_eq!(
        check(two(), &[booked("PO 1", 500, 12), booked("B7", 700, 13), booked("rent", -700, 11)]),
        [""; 0]
    );
    assert_eq!(check(two(), &[booked("B9", 1_200, 12)]), [""; 0]);
    assert_eq!(
        check(vec![paid("po_9", 1_200, 11)], &[booked("B1", 500, 12), booked("B2", 700, 12)]),
        [""; 0]
    );
    assert_eq!(
        check(two(), &[booked("po_1", 499, 12), booked("B3", 55, 12)]),
        [
            "deposit_differs payout po_1: 5.00 EUR were paid out, and the bank has booked 4.99 EUR",
            "payout_without_deposit payout po_2: 7.00 EUR were paid out, and the bank has booked nothing like it",
            "deposit_without_payout deposit B3: the bank has booked 0.55 EUR, and no payout is like it",
        ]
    );
    // What the bank adds to a booking's reference does not part it from its payout.
    let added = Row { item: "7".to_owned(), ..booked("po_1", 499, 12) };
    assert_eq!(
        check(vec![paid("po_1", 500, 10)], &[added]),
        ["deposit_differs payout po_1: 5.00 EUR were paid out, and the bank has booked 4.99 EUR"]
    );
    // A booking of nothing is nobody's.
    assert_eq!(check(vec![], &[booked("B4", 0, 12)]), [""; 0]);
    // It may still be on its way.
    assert_eq!(check(vec![paid("po_1", 500, 18)], &[]), [""; 0]);
}

const FEES: &str = r#"
[[fee]]
currency = "EUR"
percent = "1.4"
fixed = "0.25"
[[fee]]
currency = "EUR"
method = "sepa_debit"
percent = "0.8"
most = "5.00"
[[fee]]
currency = "EUR"
percent = "1.2"
fixed = "0.25"
above = "1000.00"
[[fee]]
entry = "dispute"
currency = "EUR"
fixed = "15.00"
[[fee]]
currency = "JPY"
percent = "3.6"
least = "10"
[[fee]]
currency = "EUR"
percent = "1.5"
fixed = "0.25"
from = "2027-01-01T00:00:00Z"
"#;

#[test]
fn what_may_be_kept() {
    let schedule = FeeSchedule::parse(FEES).expect("a schedule");
    let at = |text: &str| -> Timestamp { text.parse().expect("an instant") };
    for (entry, method, code, minor, when, expected) in [
        (Entry::Payment, "card", "EUR", 10_000, "2026-11-23T00:00:00Z", Some(165)),
        // 1.4 % of 0.50 is 0.007: half a cent and more is rounded up.
        (Entry::Payment, "card", "EUR", 50, "2026-11-23T00:00:00Z", Some(26)),
        (Entry::Payment, "card", "EUR", 100_000, "2026-11-23T00:00:00Z", Some(1_425)),
        (Entry::Payment, "card", "EUR", 100_001, "2026-11-23T00:00:00Z", Some(1_225)),
        (Entry::Payment, "sepa_debit", "EUR", 10_000, "2026-11-23T00:00:00Z", Some(80)),
        (Entry::Payment, "sepa_debit", "EUR", 90_000, "2026-11-23T00:00:00Z", Some(500)),
        (Entry::Payment, "card", "EUR", 10_000, "2027-01-01T00:00:00Z", Some(175)),
        (Entry::Dispute, "card", "EUR", 10_000, "2026-11-23T00:00:00Z", Some(1_500)),
        (Entry::Payment, "card", "JPY", 100, "2026-11-23T00:00:00Z", Some(10)),
        (Entry::Payment, "card", "JPY", 1_000, "2026-11-23T00:00:00Z", Some(36)),
        (Entry::Payment, "card", "USD", 1_000, "2026-11-23T00:00:00Z", None),
        (Entry::Refund, "card", "EUR", 1_000, "2026-11-23T00:00:00Z", None),
    ] {
        let row = Row {
            currency: currency(code),
            method: method.to_owned(),
            at: Some(at(when)),
            ..item(entry, minor, 0, "")
        };
        assert_eq!(schedule.expected(&row), expected, "{} {method} {minor} {code} {when}", entry.as_str());
    }
    let kept = |fee| schedule.check(&item(Entry::Payment, 10_000, fee, ""), Tolerance::default());
    assert_eq!(kept(165), None);
    assert_eq!(
        said(&kept(170).into_iter().collect::<Vec<_>>()),
        ["fee_differs payment pi_1: 1.70 EUR of 100.00 EUR kept, and 1.65 EUR agreed"]
    );
    let as_much_as_most = FEES.replacen("most = \"5.00\"", "most = \"5.00\"\nleast = \"5.00\"", 1);
    assert!(FeeSchedule::parse(&as_much_as_most).is_ok());
    for (from, to, message) in [
        ("percent = \"1.4\"", "percent = \"1.4%\"", "fee 1: percent is \"1.4%\": a positive decimal number"),
        ("fixed = \"15.00\"", "fixed = \"15.001\"", "fee 4: fixed is \"15.001\": an amount in major units"),
        ("fixed = \"15.00\"", "", "fee 4: percent is \"\": a fee needs percent, fixed, or both"),
        (
            "most = \"5.00\"",
            "most = \"5.00\"\nleast = \"6.00\"",
            "fee 2: least is \"6.00\": it is more than most",
        ),
        ("method =", "metod =", "unknown field `metod`"),
    ] {
        let error = FeeSchedule::parse(&FEES.replacen(from, to, 1)).expect_err(to).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_was_exchanged() {
    let file =
        "date,from,to,rate\n2026-11-20,USD,EUR,0.9224\n2026-11-24,USD,EUR,0.93\n2026-11-20,JPY,EUR,0.0062\n";
    let rates = Rates::read(file.as_bytes()).expect("rates");
    let settled = |code: &str, minor: i64, gross_minor: i64, when: &str| {
        let row = Row {
            currency: currency(code),
            at: Some(when.parse().expect("an instant")),
            ..item(Entry::Payment, minor, 0, "")
        };
        let settled = Settled { currency: Currency::EUR, gross_minor, fee_minor: 0, rate: None };
        rates.check(&Row { settled: Some(settled), ..row }, Tolerance::default())
    };
    assert_eq!(settled("USD", 10_000, 9_224, "2026-11-20T23:59:59Z"), None);
    // Monday the 23rd has no rate of its own: that of Friday holds.
    assert_eq!(settled("USD", 10_000, 9_224, "2026-11-23T12:00:00Z"), None);
    assert_eq!(settled("USD", 10_000, 9_300, "2026-11-24T00:00:00Z"), None);
    assert_eq!(settled("JPY", 1_000, 620, "2026-11-20T12:00:00Z"), None);
    assert_eq!(settled("USD", 10_000, 1, "2026-11-29T00:00:00Z"), None, "no rate holds so long");
    assert_eq!(settled("GBP", 10_000, 1, "2026-11-20T00:00:00Z"), None, "no rate was agreed");
    assert_eq!(
        said(&settled("USD", 10_000, 9_100, "2026-11-20T00:00:00Z").into_iter().collect::<Vec<_>>()),
        ["rate_differs payment pi_1: 100.00 USD were settled as 91.00 EUR, and at 0.9224 they are 92.24 EUR"]
    );
    for (file, message) in [
        ("day,from,to,rate\n", "line 1: the header is \"day,from,to,rate\": date,from,to,rate is expected"),
        ("date,from,to,rate\n2026-02-30,USD,EUR,1\n", "line 2: date is \"2026-02-30\""),
        ("date,from,to,rate\n2026-02-03,USD,XXX,1\n", "line 2: to is \"XXX\""),
        ("date,from,to,rate\n2026-02-03,USD,EUR,0\n", "line 2: rate is \"0\""),
        (
            "date,from,to,rate\n2026-02-03,USD,EUR,1\n2026-02-03,USD,EUR,2\n",
            "line 3: date is \"2026-02-03\": one rate",
        ),
    ] {
        let error = Rates::read(file.as_bytes()).expect_err(file).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn rows_that_are_not_paid_out_yet_make_no_payout() {
    assert_eq!(sums(vec![item(Entry::Payment, 999, 0, "")]), []);
}

#[test]
fn a_payout_is_missed_after_the_grace_and_not_before() {
    let rules = DepositRules { matching: MatchRules::default(), grace_seconds: DAY };
    let payouts = sums(vec![Row { currency: currency("USD"), ..paid("po_1", 500, 1) }]);
    let at = |seconds: i64| check_deposits(&payouts, &[], &rules, from_seconds(2 * DAY + seconds));
    assert_eq!(at(0), []);
    let gaps = at(1);
    assert_eq!(
        said(&gaps),
        [
            "payout_without_deposit payout po_1: 5.00 USD were paid out, and the bank has booked nothing like it"
        ]
    );
}
