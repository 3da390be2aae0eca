//! Files that arrive, in however many parts.

use super::*;
use crate::caches::SourceCache;
use crate::memory::{
    MemoryBus, MemoryClock, MemoryFiles, MemoryFindings, MemoryLedger, MemoryReports, MemorySources,
};
use crate::ports::Append;
use crate::testing::{at, captured_row, now_or_never, source_config};
use countersign_domain::books::report::FormatRef;
use countersign_domain::books::sort::HeldRuns;
use countersign_domain::event::ReconciliationData;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::source::SourceConfig;
use proptest::prelude::*;

type Desk =
    Clerk<MemorySources, MemoryFiles, MemoryLedger, MemoryFindings, MemoryReports, MemoryBus, MemoryClock>;

const KEY: &str = "arrivals/shop/daily/report.csv";
const FORMAT: &str = r#"
title = "Numbered"
format = "csv"
[columns]
reference = "payment"
entry = "payment"
currency = { constant = "EUR" }
amount = { column = "amount", units = "minor" }
at = { column = "at", form = "unix_seconds" }
sequence = "number"
"#;

fn clerk(part_rows_max: usize) -> Desk {
    let sources = MemorySources::default();
    sources.set(SourceConfig {
        reports: [("daily".to_owned(), FormatRef::Own(FORMAT.to_owned()))].into(),
        policy: countersign_domain::policy::Policy {
            tolerance: countersign_domain::books::compare::Tolerance { absolute_minor: 1, relative_ppm: 0 },
            ..Default::default()
        },
        ..source_config("shop", "partner-hmac")
    });
    let desk = FileDesk {
        ledger: MemoryLedger::default(),
        findings: MemoryFindings::default(),
        reports: MemoryReports::default(),
        bus: MemoryBus::default(),
        clock: MemoryClock::at(at(48 * 3_600)),
        code: "countersign test".to_owned(),
    };
    Clerk {
        sources,
        files: MemoryFiles::default(),
        desk,
        source_cache: SourceCache::default(),
        part_rows_max,
    }
}

fn paid(clerk: &Desk, payment: &str, minor: i64) {
    let row = captured_row("shop", payment, minor, 10);
    assert_eq!(now_or_never(clerk.desk.ledger.append(&row)).expect("it answers"), Append::Appended);
}

/// Everything that the state machine does, each step twice.
fn work(clerk: &Desk) -> (ReconciliationData, usize) {
    let plan = || now_or_never(clerk.plan(KEY, HeldRuns::default())).expect("it is read");
    let (planned, parts) = plan();
    assert_eq!(plan(), (planned.clone(), parts.clone()), "planned again, it is the same plan");
    for part in parts.iter().chain(&parts) {
        now_or_never(clerk.compare(part)).expect("it is compared");
    }
    let run = now_or_never(clerk.conclude(&planned)).expect("it is kept");
    let again = now_or_never(clerk.conclude(&planned)).expect("it is kept again");
    assert_eq!(run.files, again.files);
    (run.data, parts.len())
}

fn file(lines: &[(String, i64, u64)]) -> String {
    let lines = lines
        .iter()
        .map(|(payment, minor, number)| format!("{payment},{minor},{},{number}", at(100).as_second()));
    format!("payment,amount,at,number\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

fn findings(clerk: &Desk) -> Vec<String> {
    let found = clerk.desk.findings.all();
    found.iter().map(|f| format!("{} {}: {}", f.kind.as_str(), f.subject, f.reason)).collect()
}

#[test]
fn a_file_that_arrives_is_compared_part_by_part() {
    let lines = [("p1", 1_000, 1), ("p2", 2_001, 2), ("p3", 3_005, 4), ("p9", 900, 5), ("inv7", 700, 6)];
    let lines = lines.map(|(payment, minor, number)| (payment.to_owned(), minor, number));
    for (part_rows_max, parts) in [(1, 5), (2, 3), (1_000, 1)] {
        let clerk = clerk(part_rows_max);
        for (payment, minor) in
            [("p1", 1_000), ("p2", 2_000), ("p3", 3_000), ("p4", 400), ("INV-0007", 700), ("a", 50)]
        {
            paid(&clerk, payment, minor);
        }
        clerk.files.arrive(KEY, file(&lines));
        let (data, count) = work(&clerk);
        assert_eq!((count, data.status), (parts, RunStatus::Complete));
        assert!(data.proof_holds, "what is tolerated is part of the sums");
        let expected = [
            "amount_differs payment p3: ledger: captured 30.00 EUR; report.csv: payment 30.05 EUR",
            "missing_here payment p9: ledger: nothing; report.csv: payment 9.00 EUR",
            "missing_there payment a: ledger: captured 0.50 EUR; report.csv: nothing",
            "missing_there payment p4: ledger: captured 4.00 EUR; report.csv: nothing",
            "sequence_gap number 3: report.csv: number 3 is missing",
        ];
        let mut found = findings(&clerk);
        found.sort();
        assert_eq!(found, expected, "{part_rows_max} rows a part");
        assert_eq!(data.from.to_string(), "2025-11-24T00:00:00Z", "the day of its rows");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_what_cannot_be_read_is_on_record() {
    let text = |text: &str| text.to_owned();
    for (key, body, says, found) in [
        ("daily/x.csv", text("x"), "\"daily/x.csv\" is no place of a report file", 0),
        ("arrivals/nobody/daily/x.csv", text("x"), "there is no enabled source nobody", 0),
        ("arrivals/shop/weekly/x.csv", text("x"), "source shop has no format for the folder \"weekly\"", 0),
        ("arrivals/shop/daily/x.csv", text("a,b\n"), "x.csv cannot be read: it has no column \"amount\"", 1),
    ] {
        let clerk = clerk(10);
        clerk.files.arrive(key, body);
        let error = now_or_never(clerk.plan(key, HeldRuns::default())).expect_err(says).to_string();
        assert!(error.starts_with(says), "{error}");
        assert_eq!(findings(&clerk).len(), found, "{key}");
    }
    let gone =
        now_or_never(clerk(10).plan(KEY, HeldRuns::default())).expect_err("it is not there").to_string();
    assert_eq!(gone, format!("there is nothing at {KEY:?}: it was taken away again"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a file is split, the same is found.
    #[test]
    fn any_partitioning_gives_the_same_report(
        ours in prop::collection::btree_map(0_u8..40, 1_i64..50, 0..20),
        theirs in prop::collection::vec((0_u8..40, 1_i64..50), 0..25),
        part_rows_max in 1_usize..9,
    ) {
        let lines: Vec<_> = theirs.iter().zip(1_u64..).map(|((p, minor), n)| (format!("p{p:02}"), *minor, n)).collect();
        let report = |part_rows_max| {
            let clerk = clerk(part_rows_max);
            ours.iter().for_each(|(payment, minor)| paid(&clerk, &format!("p{payment:02}"), *minor));
            clerk.files.arrive(KEY, file(&lines));
            let (data, _) = work(&clerk);
            let bytes: Vec<_> = data.reports.iter().map(|key| clerk.desk.reports.read(key)).collect();
            (data, bytes, findings(&clerk))
        };
        let (parts, whole) = (report(part_rows_max), report(1_000));
        prop_assert!(whole.0.proof_holds);
        prop_assert_eq!(parts, whole);
    }
}
