//! A settlement report, looked at in one pass, and what is left of it for people.

use super::*;
use crate::memory::{MemoryFindings, MemoryReports};
use crate::testing::{SOURCE, at, currency, now_or_never, source_name};
use countersign_domain::books::Settled;
use countersign_domain::books::matching::MatchRules;
use countersign_domain::books::sort::HeldRows;
use countersign_domain::finding::{FindingKind, Subject};
use countersign_domain::ids::{PaymentId, Sha256Hex};

const DAY: i64 = 86_400;

/// The second line is what a payout would cost, and payouts are not looked at.
const FEES: &str = r#"
[[fee]]
currency = "EUR"
percent = "1.5"
[[fee]]
entry = "payout"
currency = "EUR"
fixed = "9.00"
"#;
/// The rates of the day on which every row was booked.
const RATES: &str = "date,from,to,rate\n2025-11-24,USD,EUR,0.9224\n";

fn row(reference: &str, entry: Entry, code: &str, minor: i64) -> Row {
    let (reference, currency) = (reference.to_owned(), currency(code));
    Row { reference, entry, currency, minor, at: Some(at(0)), ..Row::empty() }
}

/// A payment that was settled in euros and is part of payout `po_1`.
fn settled(reference: &str, code: &str, minor: i64, (gross_minor, fee_minor): (i64, i64)) -> Row {
    let settled = Settled { currency: currency("EUR"), gross_minor, fee_minor, rate: None };
    let payment = row(reference, Entry::Payment, code, minor);
    Row { payout: "po_1".to_owned(), settled: Some(settled), ..payment }
}

/// 287.80 EUR of rows under a payout of 287.00 EUR.
fn report() -> Vec<Row> {
    let payout = row("po_1", Entry::Payout, "EUR", 28_700);
    let fee = Settled { currency: currency("EUR"), gross_minor: 28_700, fee_minor: 5, rate: None };
    vec![
        settled("pi_as_agreed", "EUR", 10_000, (10_000, 150)),
        settled("pi_dear", "EUR", 10_000, (10_000, 170)),
        settled("pi_exchanged", "USD", 10_000, (9_100, 0)),
        Row { settled: Some(fee), ..payout },
    ]
}

fn settlement(agreed: &Agreed) -> Settlement {
    check(HeldRows::new(report()), agreed, at(10 * DAY)).unwrap_or_else(|never| match never {})
}

fn file() -> FileSaid {
    let sha256 = Sha256Hex::of(&[b"a report"]);
    FileSaid { name: "=report.csv".to_owned(), format: sha256.clone(), sha256, is_dry: false }
}

#[test]
fn what_was_agreed_is_checked_and_of_the_rest_nothing_is_said() {
    let fee = "fee_differs payment pi_dear: 1.70 EUR of 100.00 EUR kept, and 1.50 EUR agreed";
    let rate = "rate_differs payment pi_exchanged: 100.00 USD were settled as 91.00 EUR, and at 0.9224 they are 92.24 EUR";
    let sum =
        "payout_differs payout po_1: paid 287.00 EUR, and its 3 rows come to 287.80 EUR: -0.80 EUR apart";
    let bank = "payout_without_deposit payout po_1: 287.00 EUR were paid out, and the bank has booked nothing like it";
    let fees = Some(FeeSchedule::parse(FEES).expect("a schedule"));
    let rates = Some(Rates::read(RATES.as_bytes()).expect("rates"));
    let rules = DepositRules { matching: MatchRules::default(), grace_seconds: 3 * DAY };
    let deposits = |rows: Vec<Row>| Some((rows, rules.clone()));
    let arrived = row("po_1", Entry::Deposit, "EUR", 28_700);
    let tolerance = Tolerance { absolute_minor: 20, relative_ppm: 0 };
    let nothing = Agreed::default;
    for (agreed, expected) in [
        (nothing(), vec![sum]),
        (Agreed { fees: fees.clone(), ..nothing() }, vec![fee, sum]),
        (Agreed { fees: fees.clone(), tolerance, ..nothing() }, vec![sum]),
        (Agreed { rates: rates.clone(), ..nothing() }, vec![rate, sum]),
        (Agreed { deposits: deposits(vec![]), ..nothing() }, vec![sum, bank]),
        (Agreed { deposits: deposits(vec![arrived]), ..nothing() }, vec![sum]),
        (Agreed { fees, rates, deposits: deposits(vec![]), ..nothing() }, vec![fee, rate, sum, bank]),
    ] {
        let gaps = settlement(&agreed).gaps;
        let said: Vec<_> =
            gaps.iter().map(|gap| format!("{} {}: {}", gap.kind.as_str(), gap.subject, gap.reason)).collect();
        assert_eq!(said, expected, "{agreed:?}");
    }
}

#[test]
fn what_was_found_is_on_record_under_the_files_name_with_a_table_beside_it() {
    let (findings, reports) = (MemoryFindings::default(), MemoryReports::default());
    let fees = Some(FeeSchedule::parse(FEES).expect("a schedule"));
    let mut settlement = settlement(&Agreed { fees, ..Agreed::default() });
    // Its rows are in this report and it is to come; its name is no formula.
    let to_come = Row { payout: "=po_2".to_owned(), ..settled("pi_late", "EUR", 500, (500, 8)) };
    settlement.payouts.extend(payouts(HeldRows::new(vec![to_come])).unwrap_or_else(|never| match never {}));
    // Kept twice, it is kept once.
    let keep = || now_or_never(settlement.keep(&findings, &reports, &source_name(SOURCE), &file(), at(7)));
    let key = keep().expect("it is kept");
    assert_eq!(keep().expect("it is kept"), key);
    assert_eq!(key, format!("shop/settlement/file-{}.csv", file().sha256.short()));
    let found: Vec<_> = findings
        .all()
        .into_iter()
        .map(|finding| (finding.kind, finding.reason, finding.at_stake.map(|money| money.minor)))
        .collect();
    let (fee, sum) = (
        "1.70 EUR of 100.00 EUR kept, and 1.50 EUR agreed",
        "paid 287.00 EUR, and its 3 rows come to 287.80 EUR: -0.80 EUR apart",
    );
    let said = |reason: &str| format!("=report.csv: {reason}");
    assert_eq!(
        found,
        [(FindingKind::FeeDiffers, said(fee), Some(20)), (FindingKind::PayoutDiffers, said(sum), Some(80))]
    );
    assert!(findings.all().iter().all(|finding| finding.found_at == at(7)));
    let table = String::from_utf8(reports.read(&key).expect("a table")).expect("text");
    let expected = [
        "record,payout,currency,paid,rows,rows_come_to,kind,about,reason".to_owned(),
        "payout,po_1,EUR,287.00,3,287.80,,,".to_owned(),
        "payout,'=po_2,EUR,,1,4.92,,,".to_owned(),
        format!("gap,,,,,,fee_differs,payment pi_dear,\"{fee}\""),
        format!("gap,,,,,,payout_differs,payout po_1,\"{sum}\""),
        format!("input,,,,,,sha256,'=report.csv,{}", file().sha256.as_str()),
    ];
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn so_many_gaps_are_one_fault_and_none_of_them_is_kept() {
    let max = FINDINGS_PER_RUN_MAX as usize;
    let gap = |number: usize| Gap {
        kind: FindingKind::FeeDiffers,
        subject: Subject::Payment(PaymentId::new(format!("pi_{number}")).expect("a reference")),
        reason: "a test".to_owned(),
        at_stake: None,
    };
    for (count, kept) in [(max, max), (max + 1, 0)] {
        let (findings, reports) = (MemoryFindings::default(), MemoryReports::default());
        let settlement = Settlement { payouts: Vec::new(), gaps: (0..count).map(gap).collect() };
        let key = now_or_never(settlement.keep(&findings, &reports, &source_name(SOURCE), &file(), at(0)));
        assert_eq!((key.is_ok(), findings.all().len()), (kept > 0, kept), "{count} gaps");
        assert_eq!(reports.keys().is_empty(), kept == 0);
    }
}
