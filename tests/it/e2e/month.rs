//! A month of synthetic business with planted faults of every kind: each is found once, healed or reported, and when everything
//! is done a second time nothing new comes of it.

mod business;

use super::harness::{Harness, e2e};
use super::lambda::Answer;
use business::{Business, FORMAT, SETTLEMENT};
use countersign::commands::Command as _;
use countersign::commands::expect::Announce;
use countersign::commands::findings::List;
use countersign::commands::reconcile::{DryArgs, RunArgs, SettlementArgs};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::books::report::FormatRef;
use countersign_domain::event::EXPECTATIONS_DUE;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::{PaymentId, SourceName};
use countersign_domain::policy::Policy;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::source::{DialectRef, SourceConfig};
use countersign_domain::time::{SignedDuration, Timestamp, utc_date};
use serde_json::json;
use std::collections::BTreeSet;

/// Kinds of which no finding is left: a run heals what is missing or behind by itself, the ledger has one row for each
/// entry, so it is never it that has two, and two names of one entry are a line of a report.
const WITHOUT_FINDING: [FindingKind; 4] = [
    FindingKind::MissingHere,
    FindingKind::StatusBehind,
    FindingKind::DuplicateHere,
    FindingKind::ReferenceDiffers,
];

/// Everything that waits of a source, once each: kind and subject.
async fn waiting(h: &Harness, source: &SourceName) -> BTreeSet<String> {
    let listed = List::of(source.clone()).run(&h.context).await.expect("the findings answer");
    let said = |listed: &countersign::commands::findings::Listed| {
        format!("{} {}", listed.case.finding.kind.as_str(), listed.case.finding.subject)
    };
    let all: Vec<_> = listed.iter().map(said).collect();
    let once: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(all.len(), once.len(), "each is found once: {all:?}");
    once
}

/// The books of a window, until the run is over.
async fn reconcile(
    h: &Harness,
    source: &SourceName,
    window: (Timestamp, Timestamp),
    again: bool,
) -> (u32, u32) {
    let args = RunArgs::over(source.clone(), window.0, window.1);
    let args = if again { args.again() } else { args };
    let done = args.run(&h.context).await.expect("the run is over");
    assert_eq!(done.run.status, RunStatus::Complete, "{:?}", done.run.cause);
    (done.run.healed, done.run.open)
}

/// What the schedule does every five minutes, until nobody is waited for.
async fn ask_about_announced(h: &Harness, source: &SourceName) {
    let reconcile = h.function("reconcile", None).await;
    h.until("nobody is waited for", || async {
        let call = json!({ "detail-type": EXPECTATIONS_DUE, "detail": {} });
        assert!(matches!(reconcile.invoke(call).await, Answer::Response(_)));
        let waiting = countersign::commands::expect::Waiting::of(source.clone()).run(&h.context).await;
        waiting.expect("the table answers").is_empty().then_some(())
    })
    .await;
}

/// One source's month.
struct Month {
    h: &'static Harness,
    business: Business,
    source: SourceName,
    window: (Timestamp, Timestamp),
    folder: tempfile::TempDir,
}

impl Month {
    async fn begin(h: &'static Harness) -> Self {
        let now = SystemClock.now();
        let business = Business::plan(now);
        let policy = Policy { late_seconds: Some(86_400), ..Policy::default() };
        let config = SourceConfig {
            api_base_url: Some(business.serve().await),
            reports: [("daily".to_owned(), FormatRef::Own(FORMAT.to_owned()))].into(),
            policy,
            ..Harness::config("month", DialectRef::BuiltIn("stripe".to_owned()))
        };
        let source = h.source_with(config).await;
        let folder = tempfile::tempdir().expect("a folder");
        Self { h, business, source, window: (now - SignedDuration::from_hours(30 * 24), now), folder }
    }

    /// The month ends: what came in until now is in it.
    fn ended(self) -> Self {
        Self { window: (self.window.0, SystemClock.now()), ..self }
    }

    async fn deliver(&self) {
        for (body, status) in self.business.webhooks() {
            assert_eq!(self.h.post_signed(&self.source, body).await.status, status, "{body}");
        }
        self.h.until_queue_is_empty().await;
        for payment in self.business.webhook_payments() {
            self.h.until_version(&self.source, payment, 1).await;
        }
    }

    /// Per transaction: what the platform announced, and nobody told of.
    async fn announce(&self) {
        let never = PaymentId::new("pi_never").expect("a payment");
        let announce = Announce::new(self.source.clone(), never, "20.00", "EUR", 1);
        announce.run(&self.h.context).await.expect("it is waited for");
        ask_about_announced(self.h, &self.source).await;
    }

    /// Per day, all of the month in one window; what was healed and left open.
    async fn compare_books(&self) -> (u32, u32) {
        let (h, source) = (self.h, &self.source);
        let before = waiting(h, source).await;
        let dry =
            DryArgs::of(RunArgs::over(source.clone(), self.window.0, self.window.1)).run(&h.context).await;
        let dry = dry.expect("it can be read");
        assert_eq!(waiting(h, source).await, before, "a dry run changes nothing");
        let (healed, open) = reconcile(h, source, self.window, false).await;
        assert_eq!((healed, open), (dry.run.healed, dry.run.open.values().sum()), "as the dry run said");
        for (payment, captured, refunded) in self.business.after_healing() {
            let condition = || async {
                let row = h.history(source, payment).await.pop()?;
                let amounts = row.state.amounts()?;
                ((amounts.captured, amounts.refunded) == (captured, refunded)).then_some(())
            };
            h.until(&format!("{payment} is healed"), condition).await;
        }
        (healed, open)
    }

    /// A report file that arrives by itself.
    async fn compare_file(&self) {
        let key = format!("arrivals/{}/daily/acme_{}.csv", self.source, utc_date(self.window.1));
        let text = self.business.report_file().into_bytes();
        self.h.context.files().put(&key, text.into()).await.expect("the bucket answers");
        self.h.until_finding(&self.source, FindingKind::SequenceGap).await;
    }

    /// Per settlement: against what was agreed, and the bank.
    async fn settle(&self) -> usize {
        let write = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).expect("space");
            path
        };
        let (report, format) =
            (write("settled.csv", business::SETTLED), write("settlement.toml", SETTLEMENT));
        let args = SettlementArgs::new(self.source.clone(), report, format);
        let args =
            args.against(write("fees.toml", business::FEES), write("bank.sta", business::BANK), "ACME");
        let args = args.at_rates(write("rates.csv", business::RATES));
        args.run(&self.h.context).await.expect("it is checked").gaps
    }
}

#[test]
fn every_planted_fault_is_found_once_and_the_second_run_is_silent() {
    e2e(async |h| {
        let month = Month::begin(h).await;
        month.deliver().await;
        let month = month.ended();
        month.announce().await;
        let (healed, open) = month.compare_books().await;
        assert_eq!(healed, month.business.healed());
        month.compare_file().await;
        let gaps = month.settle().await;
        let found = waiting(h, &month.source).await;
        assert_eq!(found, month.business.expected(), "each planted fault, and nothing else");
        assert_eq!(
            kinds(&found),
            FindingKind::ALL.map(|kind| kind.as_str().to_owned()).into(),
            "every kind there is"
        );

        month.deliver().await;
        let again = reconcile(h, &month.source, month.window, true).await;
        assert_eq!(again, (0, open), "nothing to heal, and the same differences");
        assert_eq!(month.settle().await, gaps);
        assert_eq!(waiting(h, &month.source).await, found, "the second run is silent");
    });
}

/// The kinds that were found, and those that leave no finding here.
fn kinds(found: &BTreeSet<String>) -> BTreeSet<String> {
    let found = found.iter().filter_map(|said| said.split(' ').next());
    found.chain(WITHOUT_FINDING.map(FindingKind::as_str)).map(str::to_owned).collect()
}
