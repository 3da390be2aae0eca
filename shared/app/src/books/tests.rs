use super::*;
use crate::memory::{MemoryBus, MemoryClock, MemoryFindings, MemoryLedger, MemoryReports};
use crate::ports::Append;
use crate::testing::{at, event_id, now_or_never, payment_id, source_name};
use countersign_domain::books::report::{ReportFormat, ReportRows};
use countersign_domain::books::sort::{HeldRuns, sort};
use countersign_domain::event::ReconciliationData;
use countersign_domain::fact::{Fact, RefundState};
use countersign_domain::ids::{EventKind, ItemId, Sha256Hex, TraceId};
use countersign_domain::ledger::{Cause, next_row};
use countersign_domain::money::{Currency, Money};
use countersign_domain::reconcile::RunStatus;

const HOUR: i64 = 3_600;
const FORMAT: &str = r#"
title = "Acme's daily report"
format = "csv"
[columns]
reference = "payment"
entry = { column = "type", map = { sale = "payment", refund = "refund", chargeback = "dispute" } }
item = "refund"
currency = { column = "currency" }
amount = { column = "amount" }
at = { column = "at", form = "unix_seconds" }
"#;

type Desk = FileDesk<MemoryLedger, MemoryFindings, MemoryReports, MemoryBus, MemoryClock>;

fn desk() -> Desk {
    FileDesk {
        ledger: MemoryLedger::default(),
        findings: MemoryFindings::default(),
        reports: MemoryReports::default(),
        bus: MemoryBus::default(),
        clock: MemoryClock::at(at(30 * HOUR)),
        code: "countersign test".to_owned(),
    }
}

/// Writes a fact into the ledger, so many seconds after the window's begin.
fn book(desk: &Desk, payment: &str, fact: Fact, seconds: i64) {
    let (source, payment) = (source_name("shop"), payment_id(payment));
    let history = now_or_never(desk.ledger.history(&source, &payment)).expect("the ledger answers");
    let cause = Cause {
        event: event_id(&format!("e{}-{payment}", history.len())),
        kind: EventKind::new("k").expect("a type"),
        occurred_at: Some(at(seconds)),
        received_at: at(seconds),
        trace: TraceId::of(&["t"]),
    };
    let row =
        next_row(history.last(), &source, &payment, cause, fact, at(seconds)).expect("a fact that fits");
    assert_eq!(now_or_never(desk.ledger.append(&row)).expect("the ledger answers"), Append::Appended);
}

fn money(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("EUR").expect("a currency") }
}

fn paid(desk: &Desk, payment: &str, minor: i64, seconds: i64) {
    book(desk, payment, Fact::Captured { amount: money(minor) }, seconds);
}

fn refunded(desk: &Desk, payment: &str, refund: &str, minor: i64, seconds: i64) {
    let refund = ItemId::new(refund).expect("an item");
    book(
        desk,
        payment,
        Fact::Refund { refund, amount: money(minor), state: RefundState::Succeeded },
        seconds,
    );
}

/// Compares a file with the day.
fn compare_file(desk: &Desk, lines: &[String], is_dry: bool) -> ReconciliationData {
    let text = format!("payment,type,refund,currency,amount,at\n{}\n", lines.join("\n"));
    let format = ReportFormat::parse(FORMAT).expect("a format");
    let entries = format.entries();
    let mut rows = Reading::new(ReportRows::new(text.as_bytes(), format).expect("a file"));
    let sorted = sort(&mut rows, 3, HeldRuns::default()).expect("memory holds it");
    let unread = rows.unread();
    let source = source_name("shop");
    let matching = MatchRules::default();
    let scope = Scope {
        source: &source,
        window: Window { from: at(0), to: at(24 * HOUR) },
        entries: &entries,
        rules: Rules::default(),
        matching: &matching,
    };
    let digest = |text: &str| Sha256Hex::of(&[text.as_bytes()]);
    let file =
        FileSaid { name: "acme.csv".to_owned(), sha256: digest(&text), format: digest(FORMAT), is_dry };
    now_or_never(desk.run(&scope, &file, sorted, &unread)).expect("it is compared").data
}

fn line(payment: &str, kind: &str, refund: &str, amount: &str) -> String {
    format!("{payment},{kind},{refund},EUR,{amount},{}", at(100).as_second())
}

fn findings(desk: &Desk) -> Vec<String> {
    let found = desk.findings.all();
    found.iter().map(|f| format!("{} {}: {}", f.kind.as_str(), f.subject, f.reason)).collect()
}

#[test]
fn what_a_file_and_the_ledger_know_differently() {
    let desk = desk();
    paid(&desk, "p1", 1_000, 10);
    refunded(&desk, "p1", "r1", 300, 20);
    paid(&desk, "p2", 2_000, 10);
    paid(&desk, "p3", 3_000, 10);
    // Known before the day, named by the file: no difference. Known after the day, not named yet: none either.
    paid(&desk, "p4", 400, -HOUR);
    paid(&desk, "p5", 500, 25 * HOUR);
    // The same payment under a reference that is written differently.
    paid(&desk, "INV-0007", 700, 10);
    let lines = [
        line("p1", "sale", "", "10.00"),
        line("p1", "refund", "r1", "3.00"),
        line("p2", "sale", "", "20.01"),
        line("p4", "sale", "", "4.00"),
        line("p9", "sale", "", "9.00"),
        line("inv7", "sale", "", "7.00"),
    ];
    let dry = compare_file(&desk, &lines, true);
    assert!(findings(&desk).is_empty() && desk.bus.events().is_empty() && desk.reports.keys().is_empty());
    let data = compare_file(&desk, &lines, false);
    assert_eq!(dry, data, "a dry run finds the same");
    assert_eq!(
        findings(&desk),
        [
            "amount_differs payment p2: ledger: captured 20.00 EUR; acme.csv: payment 20.01 EUR",
            "missing_here payment p9: ledger: nothing; acme.csv: payment 9.00 EUR",
            "missing_there payment p3: ledger: captured 30.00 EUR; acme.csv: nothing",
        ]
    );
    assert!(data.proof_holds && data.status == RunStatus::Complete, "{data:?}");
    assert_eq!((data.totals[0].captured_ours, data.totals[0].captured_theirs), (7_100, 5_001));
    assert_eq!((data.totals[0].refunded_ours, data.totals[0].refunded_theirs), (300, 300));
    assert_eq!(BTreeSet::from_iter(desk.reports.keys()), BTreeSet::from_iter(data.reports.clone()));
    let report = &data.reports[0];
    assert!(report.starts_with("shop/20251124T160000Z-20251125T160000Z/file-"), "{report}: it is of no run");
    let report = String::from_utf8(desk.reports.read(report).expect("it was written")).expect("text");
    assert!(report.contains(r#""code": "countersign test""#), "{report}");
    // What was matched by anything but its reference is no finding, and is seen.
    for said in [
        r#""payment": "INV-0007""#,
        r#""kind": "reference_differs""#,
        r#""theirs": "payment 7.00 EUR under inv7, matched by its amount, day and reference without zeros""#,
        r#""resolution": "tolerated""#,
    ] {
        assert!(report.contains(said), "{said}\n{report}");
    }
    let again = compare_file(&desk, &lines, false);
    assert_eq!((again.open, desk.findings.all().len()), (data.open, 3), "the same findings");
    assert_eq!(desk.bus.events()[0], desk.bus.events()[1], "the same event");
}

#[test]
fn a_row_that_cannot_be_read_hides_no_other_and_accuses_nobody() {
    let desk = desk();
    paid(&desk, "p1", 1_000, 10);
    paid(&desk, "p2", 2_000, 10);
    let lines = [line("p1", "sale", "", "10,00"), line("p2", "sale", "", "19.00")];
    let data = compare_file(&desk, &lines, false);
    assert_eq!(data.status, RunStatus::Incomplete);
    let found = findings(&desk);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[0],
        "amount_differs payment p2: ledger: captured 20.00 EUR; acme.csv: payment 19.00 EUR"
    );
    assert!(found[1].starts_with("untranslatable delivery "), "{found:?}");
    assert!(found[1].contains("1 rows of the file cannot be read"), "{found:?}");
}

#[test]
fn more_references_than_are_compared_at_once() {
    let desk = desk();
    let names: Vec<_> = (0..REFERENCES_PER_STEP * 2 + 7).map(|number| format!("p{number:05}")).collect();
    names.iter().for_each(|name| paid(&desk, name, 100, 10));
    // Every hundredth is missing on one side, every hundred-and-first on the other.
    let listed = names.iter().enumerate().filter(|(at, _)| at % 100 != 0);
    let mut lines: Vec<_> = listed.map(|(_, name)| line(name, "sale", "", "1.00")).collect();
    lines.extend((0..3).map(|number| line(&format!("q{number}"), "sale", "", "8.00")));
    lines.reverse();
    let data = compare_file(&desk, &lines, false);
    assert_eq!(data.open.get("missing_there"), Some(&5));
    assert_eq!(data.open.get("missing_here"), Some(&3));
    assert!(data.proof_holds);
}

#[test]
fn a_refund_or_dispute_whose_payment_nobody_knows_is_named_so() {
    let desk = desk();
    paid(&desk, "p1", 1_000, 10);
    let lines = [
        line("p1", "sale", "", "10.00"),
        line("p1", "refund", "r1", "1.00"),
        line("p7", "sale", "", "2.00"),
        line("p7", "refund", "r7", "1.00"),
        line("p8", "refund", "r8", "1.00"),
        line("p8", "chargeback", "d8", "1.00"),
    ];
    let data = compare_file(&desk, &lines, false);
    let open: Vec<_> = data.open.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let expected = [("dispute_without_payment", 1), ("missing_here", 3), ("refund_without_payment", 1)];
    assert_eq!(open, expected, "{:?}", findings(&desk));
    assert!(data.proof_holds);
}

#[test]
fn what_is_like_a_row_without_a_partner_is_named_and_not_taken() {
    let desk = desk();
    paid(&desk, "order-10234", 1_000, 10);
    paid(&desk, "x", 2_000, 10);
    let lines = [line("order-10243", "sale", "", "10.50"), line("unlike", "sale", "", "3.00")];
    let _ = compare_file(&desk, &lines, false);
    let mut found = findings(&desk);
    found.sort();
    assert_eq!(
        found,
        [
            "missing_here payment order-10243: ledger: nothing; acme.csv: payment 10.50 EUR; perhaps it is order-10234",
            "missing_here payment unlike: ledger: nothing; acme.csv: payment 3.00 EUR",
            "missing_there payment order-10234: ledger: captured 10.00 EUR; acme.csv: nothing; perhaps it is order-10243",
            "missing_there payment x: ledger: captured 20.00 EUR; acme.csv: nothing",
        ]
    );
}

#[test]
fn one_entry_under_two_references_may_still_differ_in_money() {
    let (ours, named) = ("ledger: captured 7.00 EUR", "payment INV-7");
    let how = "under inv7, matched by its reference, which is written differently";
    let sale = |amount: &str| line("inv7", "sale", "", amount);
    let refund = |amount: &str| line("inv7", "refund", "r1", amount);
    for (lines, expected) in [
        ([sale("7.00"), refund("3.00")], None),
        (
            [sale("7.50"), refund("3.00")],
            Some((format!("amount_differs {named}: {ours}; acme.csv: payment 7.50 EUR {how}"), "0.50 EUR")),
        ),
        // Of two currencies there is no difference to tell: it is about what the file names.
        (
            [sale("7.50").replace("EUR", "USD"), refund("3.00")],
            Some((format!("currency_differs {named}: {ours}; acme.csv: payment 7.50 USD {how}"), "7.50 USD")),
        ),
        (
            [sale("7.00"), refund("2.00")],
            Some((
                format!(
                    "refund_differs {named}: ledger: refund 3.00 EUR r1; acme.csv: refund 2.00 EUR r1 {how}"
                ),
                "1.00 EUR",
            )),
        ),
    ] {
        let desk = desk();
        paid(&desk, "INV-7", 700, 10);
        refunded(&desk, "INV-7", "r1", 300, 20);
        let _ = compare_file(&desk, &lines, false);
        let stakes =
            desk.findings.all().into_iter().map(|found| found.at_stake.map(|money| money.to_string()));
        let found: Vec<_> = findings(&desk).into_iter().zip(stakes).collect();
        let expected = expected.map(|(finding, stake)| (finding, Some(stake.to_owned())));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{lines:?}");
    }
}

/// Two payments of one price on one day are no pair: one was never heard of, and the other is not in the file.
#[test]
fn two_payments_of_one_price_are_two_differences_and_each_names_the_other() {
    let desk = desk();
    paid(&desk, "pi_B", 999, 10);
    let data = compare_file(&desk, &[line("pi_A", "sale", "", "9.99")], false);
    let mut found = findings(&desk);
    found.sort();
    assert_eq!(
        found,
        [
            "missing_here payment pi_A: ledger: nothing; acme.csv: payment 9.99 EUR; perhaps it is pi_B",
            "missing_there payment pi_B: ledger: captured 9.99 EUR; acme.csv: nothing; perhaps it is pi_A",
        ]
    );
    assert!(data.proof_holds);
}

#[test]
fn a_refund_that_the_file_numbers_otherwise_is_seen_in_the_report() {
    let desk = desk();
    paid(&desk, "p1", 1_000, 10);
    refunded(&desk, "p1", "re_1", 300, 20);
    let lines = [line("p1", "sale", "", "10.00"), line("p1", "refund", "rf-9", "3.00")];
    let data = compare_file(&desk, &lines, false);
    assert!(findings(&desk).is_empty() && data.proof_holds, "{data:?}");
    let report = desk.reports.read(&data.reports[0]).expect("it was written");
    let report = String::from_utf8(report).expect("text");
    for said in [
        r#""ours": "refund 3.00 EUR re_1""#,
        r#""theirs": "refund 3.00 EUR rf-9 under p1, matched by its amount, day and reference without zeros""#,
    ] {
        assert!(report.contains(said), "{said}\n{report}");
    }
}

#[test]
fn what_differs_in_several_entries_of_a_payment_is_one_finding_of_all_of_it() {
    let desk = desk();
    paid(&desk, "p1", 2_000, 10);
    let refund = |item: &str, amount: &str| line("p1", "refund", item, amount);
    let lines = [line("p1", "sale", "", "20.00"), refund("re_1", "5.00"), refund("re_2", "7.00")];
    let data = compare_file(&desk, &lines, false);
    assert_eq!(data.open.get("missing_here"), Some(&2), "the report tells them one by one");
    let found = desk.findings.all();
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        finding.reason,
        "ledger: nothing; acme.csv: refund 5.00 EUR re_1; and ledger: nothing; acme.csv: refund 7.00 EUR re_2"
    );
    assert_eq!(finding.at_stake, Some(money(1_200)));
}

/// A row with a quote too many may hold a customer's name.
#[test]
fn nothing_that_a_row_says_gets_into_a_finding_a_report_or_an_event() {
    let desk = desk();
    let lines = ["\"Jane Doe <jane@example.com>,p1,10.00".to_owned(), line("p2", "sale", "", "1.00")];
    let data = compare_file(&desk, &lines, false);
    assert_eq!(data.status, RunStatus::Incomplete);
    let reports = data.reports.iter().filter_map(|key| desk.reports.read(key));
    let written = reports.map(|bytes| String::from_utf8(bytes).expect("text")).collect::<String>();
    let told = format!("{written}\n{:?}\n{:?}", findings(&desk), desk.bus.events());
    assert!(told.contains("lines 2 to 3: the row cannot be read: a quote opens"), "{told}");
    assert!(!told.contains("Jane") && !told.contains("jane@"), "{told}");
}

fn row(reference: &str) -> Row {
    Row { reference: reference.to_owned(), minor: 100, at: Some(at(100)), ..Row::empty() }
}

/// So many rows, each of a payment of its own.
fn rows(count: usize) -> Vec<Row> {
    (0..count).map(|number| row(&format!("p{number:06}"))).collect()
}

#[test]
fn a_step_takes_whole_references() {
    for (references, expected) in
        [(1, vec!["a a", "b", "c c c", "d"]), (2, vec!["a a b", "c c c d"]), (4, vec!["a a b c c c d"])]
    {
        let rows = HeldRows::new(["a", "a", "b", "c", "c", "c", "d"].map(row).to_vec());
        let (mut groups, last) = (Groups { rows, next: None }, expected.len());
        groups.advance().expect("rows in memory");
        for (step, expected) in (1..).zip(expected) {
            let (taken, is_last) = groups.take(references).expect("rows in memory");
            let taken: Vec<_> = taken.into_iter().map(|row| row.reference).collect();
            assert_eq!((taken.join(" ").as_str(), is_last), (expected, step == last), "{references} at once");
        }
    }
}

#[test]
fn so_many_differences_are_one_fault_in_a_part_and_in_the_whole() {
    let max = FINDINGS_PER_RUN_MAX as usize;
    let (source, matching, entries) = (source_name("shop"), MatchRules::default(), [Entry::Payment].into());
    let scope = Scope {
        source: &source,
        window: Window { from: at(0), to: at(24 * HOUR) },
        entries: &entries,
        rules: Rules::default(),
        matching: &matching,
    };
    let part = |count: usize| {
        let rows = HeldRows::new(rows(count));
        now_or_never(compare_part(&MemoryLedger::default(), &scope, &Span::default(), rows))
    };
    assert_eq!(part(max).expect("so many are allowed").found.len(), max);
    assert!(matches!(part(max + 1), Err(BooksError::TooMany)));

    let found = |count: usize| Compared {
        found: rows(count)
            .into_iter()
            .map(|row| Found { kind: FindingKind::AmountDiffers, ours: None, theirs: Some(row), by: None })
            .collect(),
        sums: Sums::default(),
    };
    assert!(join([found(max - 1), found(1)], &matching).is_some());
    assert!(join([found(max), found(1)], &matching).is_none());
}

/// Each row of a side is compared with each of the other.
#[test]
fn likeness_is_looked_for_among_so_many_rows_and_no_more() {
    for (count, is_named) in [(500, true), (501, false)] {
        let mut found: Vec<_> = rows(count)
            .into_iter()
            .map(|row| Found { kind: FindingKind::MissingThere, ours: Some(row), theirs: None, by: None })
            .collect();
        let like = Row { minor: 90, ..row("p000007x") };
        found.push(Found { kind: FindingKind::MissingHere, ours: None, theirs: Some(like), by: None });
        let named = super::likely::likely(&found);
        assert_eq!(
            named.get(&count).is_some_and(|names| names.starts_with("p000007")),
            is_named,
            "{count} rows"
        );
    }
}
