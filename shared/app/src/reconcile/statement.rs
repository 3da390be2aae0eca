//! A month of a source's books on one page: every day that was reconciled, both sides, and what still waits.

mod page;

use super::report::{sum, urgency};
use crate::ports::{Completed, Port, PortError, Run};
use crate::spreadsheet::cell;
use countersign_domain::finding::{Case, Standing};
use countersign_domain::ids::SourceName;
use countersign_domain::policy::{Policy, Severity};
use countersign_domain::reconcile::Totals;
use countersign_domain::time::{Timestamp, Window, utc_date};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One day, as its newest complete run has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day, in UTC: `2026-11-23`.
    pub date: String,
    /// Which attempt.
    pub attempt: u32,
    /// When that attempt began.
    pub read_at: Timestamp,
    /// Both sides, per currency.
    pub totals: Vec<Totals>,
    /// Corrections that it sent.
    pub healed: u32,
    /// Differences that it left open.
    pub open: u32,
}

/// A finding that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Its id.
    pub finding: String,
    /// What it is about.
    pub about: String,
    /// How severe it is by now.
    pub severity: Severity,
    /// When it was found.
    pub found_at: Timestamp,
    /// What was found.
    pub reason: String,
}

/// A month of a source's books. The same runs and findings give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Whose books.
    pub source: SourceName,
    /// The month: `2026-11`.
    pub month: String,
    /// Who looks after its findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Every day that was read to the end, the oldest first.
    pub days: Vec<Day>,
    /// Days of the month, over by now, that were not.
    pub unread: Vec<String>,
    /// Days that were, and of which a later attempt is not: they stand as they were read before it.
    pub stale: Vec<String>,
    /// The first day of the month that is not over yet, if the month is not: of it and those after it nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goes_on_from: Option<String>,
    /// The days added up, per currency.
    pub totals: Vec<Totals>,
    /// Findings of the source that wait, the most severe first.
    pub waiting: Vec<Waiting>,
    /// What made it.
    pub code: String,
}

impl Statement {
    /// The statement of a month by now: `runs` are those of the source, `cases` its findings.
    #[must_use]
    pub fn new(
        source: &SourceName,
        month: (&str, Window),
        runs: Vec<Run>,
        (cases, policy): (&[Case], &Policy),
        (now, code): (Timestamp, &str),
    ) -> Self {
        let (name, window) = month;
        let is_of_month = |run: &Run| {
            let is_inside = run.window.from >= window.from && run.window.to <= window.to;
            is_inside && run.window == Window::utc_day(run.window.from, 0)
        };
        let (mut days, mut stale) = (BTreeMap::new(), BTreeSet::new());
        for run in runs.into_iter().filter(is_of_month) {
            let Some(complete) = run.last_complete() else { continue };
            let date = utc_date(run.window.from);
            if !run.is_complete() {
                stale.insert(date.clone());
            }
            let Completed { attempt, started_at: read_at, totals, healed, open } = complete;
            days.insert(date.clone(), Day { date, attempt, read_at, totals, healed, open });
        }
        let over = Window { to: window.to.min(Window::utc_day(now, 0).from), ..window };
        let goes_on_from = (over.to < window.to).then(|| utc_date(over.to.max(window.from)));
        let dates = if over.from < over.to { over.utc_dates() } else { Vec::new() };
        let unread = dates.into_iter().filter(|date| !days.contains_key(date)).collect();
        let days: Vec<_> = days.into_values().collect();
        let mut waiting: Vec<_> = cases
            .iter()
            .filter(|case| case.standing != Standing::Resolved)
            .map(|case| Waiting {
                finding: case.finding.id(),
                about: case.finding.subject.to_string(),
                severity: policy.severity(case, now),
                found_at: case.finding.found_at,
                reason: case.finding.reason.clone(),
            })
            .collect();
        waiting.sort_by(|one, other| {
            (other.severity, one.found_at, &one.finding).cmp(&(one.severity, other.found_at, &other.finding))
        });
        Self {
            source: source.clone(),
            month: name.to_owned(),
            owner: policy.owner.clone(),
            totals: added_up(&days),
            days,
            unread,
            stale: stale.into_iter().collect(),
            goes_on_from,
            waiting,
            code: code.to_owned(),
        }
    }

    /// Whether every day that is over was read, and both sides agree in every currency.
    #[must_use]
    pub fn is_level(&self) -> bool {
        let agrees =
            |t: &Totals| t.captured_ours == t.captured_theirs && t.refunded_ours == t.refunded_theirs;
        self.unread.is_empty() && self.totals.iter().all(agrees)
    }

    /// Key, content type and bytes of each file: JSON, CSV, HTML.
    ///
    /// # Errors
    /// [`PortError`] when a file cannot be written as text, which these shapes rule out.
    pub fn files(&self) -> Port<[(String, &'static str, Vec<u8>); 3]> {
        let unwritable =
            |error: &dyn std::fmt::Display| PortError::new("reports", "encode", error.to_string());
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| unwritable(&error))?;
        json.push(b'\n');
        let csv = self.csv().map_err(|error| unwritable(&error))?;
        let key = |form: &str| format!("{}/statement/{}.{form}", self.source, self.month);
        Ok([
            (key("json"), "application/json", json),
            (key("csv"), "text/csv; charset=utf-8", csv),
            (key("html"), "text/html; charset=utf-8", page::html(self).into_bytes()),
        ])
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "record",
            "date",
            "currency",
            "payments",
            "captured_ledger",
            "captured_provider",
            "refunded_ledger",
            "refunded_provider",
            "healed",
            "open",
            "about",
            "severity",
            "text",
        ])?;
        let mut write = |record: &str, date: &str, totals: &Totals, healed: &str, open: &str| {
            let amount = |minor| sum(minor, totals.currency);
            csv.write_record([
                record,
                date,
                totals.currency.code(),
                &totals.payments.to_string(),
                &amount(totals.captured_ours),
                &amount(totals.captured_theirs),
                &amount(totals.refunded_ours),
                &amount(totals.refunded_theirs),
                healed,
                open,
                "",
                "",
                "",
            ])
        };
        for day in &self.days {
            for totals in &day.totals {
                write("day", &day.date, totals, &day.healed.to_string(), &day.open.to_string())?;
            }
        }
        for totals in &self.totals {
            write("month", &self.month, totals, "", "")?;
        }
        let unread = self.unread.iter().map(|date| ("unread", date, "not read to the end"));
        let stale = self.stale.iter().map(|date| ("stale", date, "a later attempt was not read to the end"));
        let goes_on = self.goes_on_from.iter().map(|date| ("goes_on", date, GOES_ON));
        for (record, date, text) in unread.chain(stale).chain(goes_on) {
            csv.write_record([record, date, "", "", "", "", "", "", "", "", "", "", text])?;
        }
        for Waiting { about, severity, found_at, reason, .. } in &self.waiting {
            let (date, severity) = (utc_date(*found_at), urgency(*severity));
            let (about, reason) = (cell(about), cell(reason));
            csv.write_record(["waiting", &date, "", "", "", "", "", "", "", "", &about, severity, &reason])?;
        }
        csv.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// What is said of the first day that is not over.
const GOES_ON: &str = "the month is not over: this day and those after it are not in the statement";

fn added_up(days: &[Day]) -> Vec<Totals> {
    let mut totals: BTreeMap<_, Totals> = BTreeMap::new();
    for day in days.iter().flat_map(|day| &day.totals) {
        let total = totals.entry(day.currency).or_insert_with(|| Totals::zero(day.currency));
        total.payments = total.payments.saturating_add(day.payments);
        total.captured_ours = total.captured_ours.saturating_add(day.captured_ours);
        total.captured_theirs = total.captured_theirs.saturating_add(day.captured_theirs);
        total.refunded_ours = total.refunded_ours.saturating_add(day.refunded_ours);
        total.refunded_theirs = total.refunded_theirs.saturating_add(day.refunded_theirs);
    }
    totals.into_values().collect()
}

#[cfg(test)]
mod tests;
