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
    clerk_of("shop", part_rows_max)
}

fn clerk_of(source: &str, part_rows_max: usize) -> Desk {
    let sources = MemorySources::default();
    let weekly = FORMAT.replace(", units = \"minor\"", "");
    sources.set(SourceConfig {
        reports: [("daily", FORMAT), ("weekly", &weekly)]
            .map(|(folder, format)| (folder.to_owned(), FormatRef::Own(format.to_owned())))
            .into(),
        policy: countersign_domain::policy::Policy {
            tolerance: countersign_domain::books::compare::Tolerance { absolute_minor: 1, relative_ppm: 0 },
            ..Default::default()
        },
        ..source_config(source, "partner-hmac")
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
        ("arrivals/shop/yearly/x.csv", text("x"), "source shop has no format for the folder \"yearly\"", 0),
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

/// The keys of everything that is kept of a file.
fn kept(clerk: &Desk, key: &str) -> BTreeSet<String> {
    let (_, parts) = now_or_never(clerk.plan(key, HeldRuns::default())).expect("it is read");
    parts.into_iter().flat_map(|part| [part.rows, part.result]).collect()
}

#[test]
fn the_same_bytes_in_another_folder_or_under_another_name_have_parts_of_their_own() {
    let lines =
        [("p1", 1_000, 1), ("p2", 2_000, 2)].map(|(payment, minor, at)| (payment.to_owned(), minor, at));
    let clerk = clerk(1);
    let places = ["daily/2025-11-24.csv", "daily/2025-11-25.csv", "weekly/2025-11-24.csv"];
    let mut all = BTreeSet::new();
    for place in places {
        let key = format!("arrivals/shop/{place}");
        clerk.files.arrive(&key, file(&lines));
        let kept = kept(&clerk, &key);
        assert!(kept.len() == 4 && kept.iter().all(|key| key.starts_with("parts/shop/")), "{kept:?}");
        all.extend(kept);
    }
    assert_eq!(all.len(), 4 * places.len());
}

/// Step Functions hands at most 256 KiB from step to step, with what Lambda says of the invocation around it.
#[test]
fn what_is_said_of_all_parts_fits_into_one_message_whatever_they_are_called() {
    for (source, name, reference, parts_min) in [
        ("shop", "report.csv".to_owned(), "pi_3OtZLkJLbPPOT0dq0".to_owned(), 500),
        // A backslash takes two bytes in JSON.
        ("s".repeat(40).as_str(), "\u{1}".repeat(900), "\\".repeat(195), 150),
    ] {
        let of = |count: usize| {
            let clerk = clerk_of(source, 1);
            let key = format!("arrivals/{source}/daily/{name}");
            let lines: Vec<_> = (0..count).map(|at| (format!("{reference}{at:05}"), 1, 1)).collect();
            clerk.files.arrive(&key, file(&lines));
            now_or_never(clerk.plan(&key, HeldRuns::default())).map_err(|error| error.to_string())
        };
        let error = of(2_000).expect_err("so many are not told");
        assert!(
            error.ends_with("parts of 1 rows, and no more are told in one message: raise FilePartRows"),
            "{error}"
        );
        let most =
            error.split("more than ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number");
        let most: usize = most.parse().expect("a number");
        assert!(most >= parts_min, "{most}");
        let (plan, parts) = of(most).expect("so many are told");
        let state = serde_json::json!({ "plan": plan, "parts": parts }).to_string().len();
        assert!(state <= STATE_BYTES_MAX && STATE_BYTES_MAX < 262_144, "{most} parts in {state} bytes");
        assert!(state + 3_000 > STATE_BYTES_MAX, "{most} parts in {state} bytes");
    }
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
