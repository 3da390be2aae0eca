//! What a run has to show: one object for machines, one table for a controller's spreadsheet, one page to read and to
//! sign. The same run with the same notes and history gives the same bytes.

mod chart;
mod page;
mod table;

pub(super) use page::STYLE;
pub(super) use table::{sum, urgency};

use crate::ports::{Completed, Evidence, Heal, Input, Origin, Port, PortError, Resolution, Run};
use countersign_domain::event::{ReconciliationData, count_kinds};
use countersign_domain::finding::{Case, Standing};
use countersign_domain::ids::{EventId, PaymentId, Sha256Hex};
use countersign_domain::policy::{Policy, Severity};
use countersign_domain::reconcile::baseline::{DiscrepancyRate, beside, per_million};
use countersign_domain::reconcile::proof::{Proof, prove};
use countersign_domain::reconcile::{Difference, RunStatus, Totals};
use countersign_domain::time::{Timestamp, utc_date};
use serde::Serialize;
use std::collections::BTreeMap;

/// A correction, as a report shows it.
#[derive(Serialize)]
struct Healed {
    event: EventId,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentId>,
    origin: Origin,
}

/// A difference, as a report shows it.
#[derive(Serialize)]
struct Differing {
    payment: PaymentId,
    #[serde(flatten)]
    difference: Difference,
    resolution: Resolution,
}

/// Findings that wait, by their age when the run began.
#[derive(Serialize)]
struct Waiting {
    age: &'static str,
    findings: u32,
}

/// A finding that must be looked at today, or now.
#[derive(Serialize)]
struct Urgent {
    finding: String,
    about: String,
    severity: Severity,
    found_at: Timestamp,
}

/// An earlier run, or this one.
#[derive(Serialize)]
struct Day {
    from: Timestamp,
    healed: u32,
    open: u32,
}

impl Day {
    fn name(&self) -> String {
        utc_date(self.from)
    }
}

/// What a report sets its run beside.
#[derive(Default)]
pub(crate) struct History {
    /// The newest runs of the source, this one or not, the newest first.
    pub(crate) runs: Vec<Run>,
    /// Every finding of the source.
    pub(crate) cases: Vec<Case>,
    /// What the source's owner has decided.
    pub(crate) policy: Policy,
    /// What made the report.
    pub(crate) code: String,
}

/// The report of one attempt.
#[derive(Serialize)]
pub(crate) struct Report {
    source: String,
    from: Timestamp,
    to: Timestamp,
    attempt: u32,
    status: RunStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    started_at: Timestamp,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Sha256Hex>,
    inputs: Vec<Input>,
    events_seen: u64,
    totals: Vec<Totals>,
    proof: Vec<Proof>,
    rate: DiscrepancyRate,
    differences: Vec<Differing>,
    healed: Vec<Healed>,
    leveled: Vec<String>,
    waiting: Vec<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    urgent: Vec<Urgent>,
    trend: Vec<Day>,
    #[serde(skip)]
    severities: BTreeMap<Severity, u32>,
    #[serde(skip)]
    run: Run,
    #[serde(skip)]
    name: String,
}

impl Report {
    pub(crate) fn new(run: &Run, notes: Vec<Evidence>, history: History) -> Self {
        let (mut differences, mut healed, mut leveled) = (Vec::new(), Vec::new(), Vec::new());
        for note in notes {
            match note {
                Evidence::Page { .. } => {}
                Evidence::Level { finding } => leveled.push(finding),
                Evidence::Difference { payment, difference, resolution } => {
                    differences.push(Differing { payment, difference, resolution });
                }
                Evidence::Heal(heal) => {
                    let Heal { event, kind, facts, origin, .. } = *heal;
                    let payment = facts.into_iter().next().map(|fact| fact.payment);
                    healed.push(Healed { event, kind: kind.to_string(), payment, origin });
                }
            }
        }
        let open = differences.iter().filter(|differing| differing.resolution == Resolution::Open).count();
        let this = Day { from: run.window.from, healed: count(healed.len()), open: count(open) };
        let effects = differences.iter().flat_map(|differing| &differing.difference.effects);
        Self {
            source: run.source.to_string(),
            from: run.window.from,
            to: run.window.to,
            attempt: run.attempt,
            status: run.status,
            cause: run.cause.clone(),
            started_at: run.started_at,
            code: history.code.clone(),
            configuration: run.configuration.clone(),
            inputs: run.inputs.clone(),
            events_seen: run.events_seen,
            totals: run.totals.clone(),
            // Of sums that were not read to the end there is nothing to prove.
            proof: if run.status == RunStatus::Complete { prove(&run.totals, effects) } else { Vec::new() },
            rate: beside(
                rate_of(&run.totals, &this),
                earlier(run, &history.runs).map(|(day, totals)| rate_of(&totals, &day)).collect(),
            ),
            waiting: waiting(&history.cases, run.started_at),
            urgent: urgent(&history, run.started_at),
            severities: severities(&history, run.started_at),
            owner: history.policy.owner.clone(),
            trend: trend(run, &history.runs, this),
            differences,
            healed,
            leveled,
            run: run.clone(),
            name: attempt_name(run),
        }
    }

    /// The same under another name than that of its attempt.
    pub(crate) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// What the bus is told.
    pub(crate) fn summary(&self) -> ReconciliationData {
        let open = self.differences.iter().filter(|differing| differing.resolution == Resolution::Open);
        ReconciliationData {
            source: self.run.source.clone(),
            from: self.from,
            to: self.to,
            status: self.status,
            healed: count(self.healed.len()),
            open: count_kinds(open.map(|differing| differing.difference.kind)),
            totals: self.totals.clone(),
            rate: self.rate,
            waiting: self.severities.clone(),
            proof_holds: self.proof.iter().all(Proof::holds),
            reports: keys(&self.run, &self.name).to_vec(),
        }
    }

    /// Key, content type and bytes of each file.
    ///
    /// # Errors
    /// [`PortError`] when a file cannot be written as text, which these shapes rule out.
    pub(crate) fn files(&self) -> Port<[(String, &'static str, Vec<u8>); 3]> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| PortError::new("reports", "encode", e))?;
        json.push(b'\n');
        let csv = table::csv(self).map_err(|e| PortError::new("reports", "encode", e))?;
        let html = page::html(self).into_bytes();
        let [json_key, csv_key, html_key] = keys(&self.run, &self.name);
        Ok([
            (json_key, "application/json", json),
            (csv_key, "text/csv; charset=utf-8", csv),
            (html_key, "text/html; charset=utf-8", html),
        ])
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn rate_of(totals: &[Totals], day: &Day) -> u64 {
    let payments = totals.iter().map(|total| total.payments).fold(0, u64::saturating_add);
    per_million(u64::from(day.healed).saturating_add(u64::from(day.open)), payments)
}

/// The windows before this run's, each as it was last read to the end, the newest first.
fn earlier(run: &Run, runs: &[Run]) -> impl Iterator<Item = (Day, Vec<Totals>)> {
    runs.iter().filter(|other| other.window.from < run.window.from).filter_map(|other| {
        let Completed { totals, healed, open, .. } = other.last_complete()?;
        Some((Day { from: other.window.from, healed, open }, totals))
    })
}

/// This run and those before it, the oldest first.
fn trend(run: &Run, runs: &[Run], this: Day) -> Vec<Day> {
    let mut days: Vec<_> = earlier(run, runs).map(|(day, _)| day).collect();
    days.reverse();
    days.push(this);
    days
}

const DAY_SECONDS: i64 = 86_400;
const AGES: [(&str, i64); 4] = [
    ("under 1 day", DAY_SECONDS),
    ("1 to 7 days", 7 * DAY_SECONDS),
    ("7 to 30 days", 30 * DAY_SECONDS),
    ("over 30 days", i64::MAX),
];

fn waiting(cases: &[Case], now: Timestamp) -> Vec<Waiting> {
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.standing != Standing::Resolved) {
        let age = case.age_seconds(now);
        let bucket = AGES.iter().position(|(_, below)| age < *below).unwrap_or(AGES.len());
        let count = counts.entry(bucket).or_default();
        *count = count.saturating_add(1);
    }
    let of = |at: usize| counts.get(&at).copied().unwrap_or_default();
    AGES.iter().enumerate().map(|(at, (age, _))| Waiting { age, findings: of(at) }).collect()
}

/// The findings that must be looked at today or now, the most severe first and then the oldest.
fn urgent(history: &History, now: Timestamp) -> Vec<Urgent> {
    let mut urgent: Vec<_> = history
        .cases
        .iter()
        .map(|case| (history.policy.severity(case, now), case))
        .filter(|(severity, _)| *severity >= Severity::High)
        .map(|(severity, Case { finding, .. })| Urgent {
            finding: finding.id(),
            about: finding.subject.to_string(),
            severity,
            found_at: finding.found_at,
        })
        .collect();
    urgent.sort_by(|one, other| {
        (other.severity, one.found_at, &one.finding).cmp(&(one.severity, other.found_at, &other.finding))
    });
    urgent
}

/// How many findings wait, by how severe they are by now.
fn severities(history: &History, now: Timestamp) -> BTreeMap<Severity, u32> {
    let mut counts = BTreeMap::new();
    for case in history.cases.iter().filter(|case| case.standing != Standing::Resolved) {
        let count: &mut u32 = counts.entry(history.policy.severity(case, now)).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// What the reports of an attempt are called.
pub(super) fn attempt_name(run: &Run) -> String {
    format!("attempt-{}", run.attempt)
}

/// The object keys of the reports of that name: JSON, CSV, HTML.
pub(super) fn keys(run: &Run, name: &str) -> [String; 3] {
    let stamp = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let stem = format!("{}/{}-{}/{name}", run.source, stamp(run.window.from), stamp(run.window.to));
    ["json", "csv", "html"].map(|extension| format!("{stem}.{extension}"))
}

#[cfg(test)]
mod tests;
