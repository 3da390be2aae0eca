//! A report file against the ledger, with the operator's own command.

use super::harness::{Harness, e2e};
use countersign::commands::Command as _;
use countersign::commands::findings::List;
use countersign::commands::reconcile::{FileArgs, SettlementArgs};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::books::report::FormatRef;
use countersign_domain::finding::FindingKind;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::source::{DialectRef, SourceConfig};
use countersign_domain::time::{SignedDuration, Window, utc_date};
use std::io::Write as _;

const FORMAT: &str = r#"
title = "Acme's daily report"
format = "csv"
delimiter = ";"
[columns]
reference = "Payment"
entry = "payment"
currency = { column = "Currency" }
amount = { column = "Gross", decimal_mark = "," }
"#;

async fn pay(h: &Harness, source: &countersign_domain::ids::SourceName, payment: &str, amount: &str) {
    let body = format!(
        r#"{{"events":[{{"id":"e-{payment}","type":"payment.captured","payment":"{payment}","amount":"{amount}","currency":"EUR"}}]}}"#
    );
    assert_eq!(h.post_partner(source, &body).await.status, 200);
    h.until_version(source, payment, 1).await;
}

#[test]
fn a_report_file_is_compared_once_dry_and_once_for_good() {
    e2e(async |h| {
        let source = h.partner_source("report-file").await;
        for (payment, amount) in [("f1", "20.00"), ("f2", "30.00"), ("f3", "40.00")] {
            pay(h, &source, payment, amount).await;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (file, format) = (folder.path().join("acme.csv.gz"), folder.path().join("acme.toml"));
        std::fs::write(&format, FORMAT).expect("space");
        // f1 as it is, f2 with another amount, f3 not at all, and one that nobody told us of.
        let text = "Payment;Currency;Gross\nf9;EUR;1,00\nf2;EUR;31,00\nf1;EUR;20,00\n";
        let zipped = std::fs::File::create(&file).expect("space");
        let mut zipped = flate2::write::GzEncoder::new(zipped, flate2::Compression::default());
        zipped.write_all(text.as_bytes()).expect("space");
        zipped.finish().expect("space");

        let now = SystemClock.now();
        let hour = SignedDuration::from_hours(1);
        let window = Window {
            from: now.checked_sub(hour).expect("an instant"),
            to: now.checked_add(hour).expect("an instant"),
        };
        let compare = async |is_dry| {
            let args = FileArgs::new(source.clone(), file.clone(), format.clone(), window, is_dry);
            args.run(&h.context).await.expect("it is compared")
        };
        let waiting = async || {
            let listed = List::of(source.clone()).run(&h.context).await.expect("the findings answer");
            let mut said: Vec<_> = listed
                .iter()
                .map(|listed| {
                    format!("{} {}", listed.case.finding.kind.as_str(), listed.case.finding.subject)
                })
                .collect();
            said.sort();
            said
        };
        let dry = compare(true).await;
        assert!(waiting().await.is_empty(), "a dry run writes nothing");
        assert!(dry.run.reports.is_empty(), "what was not written is not listed");

        let done = compare(false).await;
        assert_eq!((&done.run.open, done.report.as_str()), (&dry.run.open, dry.report.as_str()));
        assert_eq!(
            waiting().await,
            ["amount_differs payment f2", "missing_here payment f9", "missing_there payment f3"]
        );
        assert!(done.run.proof_holds && done.run.status == RunStatus::Complete);
        let kept = h.context.reports().read(&done.run.reports[1]).await.expect("the bucket answers");
        assert_eq!(String::from_utf8(kept.expect("the report is kept")).expect("text"), done.report);
        compare(false).await;
        assert_eq!(waiting().await.len(), 3, "the same findings");
    });
}

#[test]
fn a_report_file_that_arrives_is_compared_in_parts() {
    e2e(async |h| {
        let source = h
            .source_with(SourceConfig {
                reports: [("daily".to_owned(), FormatRef::Own(FORMAT.to_owned()))].into(),
                ..Harness::config("file-arrives", DialectRef::BuiltIn("partner-hmac".to_owned()))
            })
            .await;
        for (payment, amount) in [("f1", "20.00"), ("f2", "30.00"), ("f3", "40.00"), ("f4", "50.00")] {
            pay(h, &source, payment, amount).await;
        }
        let text = "Payment;Currency;Gross\nf9;EUR;1,00\nf2;EUR;31,00\nf1;EUR;20,00\nf4;EUR;50,00\n";
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        zipped.write_all(text.as_bytes()).expect("memory");
        let today = utc_date(SystemClock.now());
        let key = format!("arrivals/{source}/daily/acme_{today}.csv.gz");
        let bytes = zipped.finish().expect("memory");
        h.context.files().put(&key, bytes.into()).await.expect("the bucket answers");
        for (kind, subject) in [
            (FindingKind::AmountDiffers, "payment f2"),
            (FindingKind::MissingHere, "payment f9"),
            (FindingKind::MissingThere, "payment f3"),
        ] {
            assert_eq!(h.until_finding(&source, kind).await.subject.to_string(), subject);
        }
        let told = h.until_reconciled(&source).await;
        assert_eq!(
            (told["proof_holds"].as_bool(), told["open"]["missing_there"].as_u64()),
            (Some(true), Some(1))
        );
        let report = told["reports"][1].as_str().expect("a key");
        let report = h.context.reports().read(report).await.expect("the bucket answers").expect("it is kept");
        assert!(String::from_utf8_lossy(&report).contains("difference,EUR,f3,,missing_there"));

        // One that nobody can read is on record, and the next one is compared all the same.
        let key = format!("arrivals/{source}/daily/torn_{today}.csv");
        h.context.files().put(&key, b"what;is\nthis;x\n".to_vec().into()).await.expect("the bucket answers");
        let finding = h.until_finding(&source, FindingKind::Unreadable).await;
        assert!(finding.reason.contains("it has no column \"Currency\""), "{}", finding.reason);
    });
}

const SETTLEMENT: &str = r#"
title = "Acme's settlement"
format = "csv"
[columns]
reference = "id"
entry = { column = "type", map = { charge = "payment", refund = "refund", payout = "payout" } }
currency = { column = "currency" }
amount = { column = "gross" }
at = { column = "at", form = "rfc_3339" }
payout = "payout"
settled = { currency = { column = "currency" }, gross = { column = "gross" }, fee = { column = "fee" } }
"#;

#[test]
fn a_settlement_is_checked_against_what_was_agreed_and_the_bank() {
    e2e(async |h| {
        let source = h.partner_source("settlement").await;
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("space");
            path
        };
        let format = write("acme.toml", SETTLEMENT);
        let fees = write("fees.toml", "[[fee]]\ncurrency = \"EUR\"\npercent = \"1.4\"\nfixed = \"0.25\"\n");
        // The second charge kept 0.10 too much, the second payout pays 1.00 too little, and a week later the bank has booked
        // only the first.
        let report = write(
            "settlement.csv",
            "id,type,currency,gross,fee,at,payout\n\
             ch_1,charge,EUR,100.00,1.65,2026-11-10T09:00:00Z,po_1\n\
             ch_2,charge,EUR,50.00,1.05,2026-11-10T10:00:00Z,po_2\n\
             ch_1,refund,EUR,10.00,0.00,2026-11-11T09:00:00Z,po_1\n\
             po_1,payout,EUR,88.35,0.00,2026-11-12T00:00:00Z,\n\
             po_2,payout,EUR,47.95,0.00,2026-11-12T00:00:00Z,\n",
        );
        let bank = write(
            "bank.sta",
            ":20:S\n:25:1\n:60F:C261112EUR0,00\n:61:261113C88,35NTRFPO-1//B1\n:86:ACME PAYOUT\n\
             :61:261120C5,00NTRFGIFT//B2\n:86:SOMEBODY\n:62F:C261120EUR93,35\n",
        );
        let args = || SettlementArgs::new(source.clone(), report.clone(), format.clone());
        let done = args().against(fees, bank, "ACME").run(&h.context).await.expect("it is checked");
        let listed = List::of(source.clone()).run(&h.context).await.expect("the findings answer");
        let mut said: Vec<_> = listed
            .iter()
            .map(|listed| format!("{} {}", listed.case.finding.kind.as_str(), listed.case.finding.subject))
            .collect();
        said.sort();
        let expected =
            ["fee_differs payment ch_2", "payout_differs payout po_2", "payout_without_deposit payout po_2"];
        assert_eq!(said, expected, "{}", done.report);
        let kept =
            h.context.reports().read(&done.key.expect("it is kept")).await.expect("the bucket answers");
        assert_eq!(String::from_utf8(kept.expect("the report is there")).expect("text"), done.report);
    });
}
