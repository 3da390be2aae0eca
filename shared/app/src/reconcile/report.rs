//! What a run has to show: one JSON object for machines, one CSV table for a controller. The same notes give the same
//! bytes.

use crate::ports::{Evidence, Heal, Port, PortError, Resolution, Run};
use crate::spreadsheet::cell;
use countersign_domain::event::{ReconciliationData, count_kinds};
use countersign_domain::ids::{EventId, PaymentId};
use countersign_domain::money::major;
use countersign_domain::reconcile::{Difference, RunStatus, Totals};
use countersign_domain::time::Timestamp;
use serde::Serialize;

/// A correction, as a report shows it.
#[derive(Serialize)]
struct Healed {
    event: EventId,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentId>,
    origin: crate::ports::Origin,
}

/// A difference, as a report shows it.
#[derive(Serialize)]
struct Differing {
    payment: PaymentId,
    #[serde(flatten)]
    difference: Difference,
    resolution: Resolution,
}

/// The report of one attempt.
#[derive(Serialize)]
pub(super) struct Report {
    source: String,
    from: Timestamp,
    to: Timestamp,
    attempt: u32,
    status: RunStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    started_at: Timestamp,
    events_seen: u64,
    totals: Vec<Totals>,
    differences: Vec<Differing>,
    healed: Vec<Healed>,
    #[serde(skip)]
    run: Run,
}

impl Report {
    pub(super) fn new(run: &Run, notes: Vec<Evidence>) -> Self {
        let (mut differences, mut healed) = (Vec::new(), Vec::new());
        for note in notes {
            match note {
                Evidence::Page { .. } => {}
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
        Self {
            source: run.source.to_string(),
            from: run.window.from,
            to: run.window.to,
            attempt: run.attempt,
            status: run.status,
            cause: run.cause.clone(),
            started_at: run.started_at,
            events_seen: run.events_seen,
            totals: run.totals.clone(),
            differences,
            healed,
            run: run.clone(),
        }
    }

    /// What the bus is told.
    pub(super) fn summary(&self) -> ReconciliationData {
        let open = self.differences.iter().filter(|differing| differing.resolution == Resolution::Open);
        ReconciliationData {
            source: self.run.source.clone(),
            from: self.from,
            to: self.to,
            status: self.status,
            healed: u32::try_from(self.healed.len()).unwrap_or(u32::MAX),
            open: count_kinds(open.map(|differing| differing.difference.kind)),
            totals: self.totals.clone(),
            reports: keys(&self.run).to_vec(),
        }
    }

    /// Key, content type and bytes of each file.
    ///
    /// # Errors
    /// [`PortError`] when a file cannot be written as text, which these shapes rule out.
    pub(super) fn files(&self) -> Port<[(String, &'static str, Vec<u8>); 2]> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| PortError::new("reports", "encode", e))?;
        json.push(b'\n');
        let csv = self.csv().map_err(|e| PortError::new("reports", "encode", e))?;
        let [json_key, csv_key] = keys(&self.run);
        Ok([(json_key, "application/json", json), (csv_key, "text/csv; charset=utf-8", csv)])
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "record",
            "currency",
            "payment",
            "event",
            "kind",
            "ledger",
            "provider",
            "resolution",
        ])?;
        for t in &self.totals {
            let code = t.currency.code();
            let count = t.payments.to_string();
            csv.write_record(["total", code, "", "", "payments", &count, &count, ""])?;
            for (kind, ours, theirs) in [
                ("captured", t.captured_ours, t.captured_theirs),
                ("refunded", t.refunded_ours, t.refunded_theirs),
            ] {
                let amount =
                    |minor: i128| i64::try_from(minor).map_or(minor.to_string(), |m| major(m, t.currency));
                csv.write_record(["total", code, "", "", kind, &amount(ours), &amount(theirs), ""])?;
            }
        }
        for Differing { payment, difference, resolution } in &self.differences {
            let resolution = match resolution {
                Resolution::Healed => "healed",
                Resolution::Open => "open",
            };
            let Difference { kind, ours, theirs } = difference;
            csv.write_record([
                "difference",
                "",
                &cell(payment.as_str()),
                "",
                kind.as_str(),
                &cell(ours),
                &cell(theirs),
                resolution,
            ])?;
        }
        for Healed { event, kind, payment, .. } in &self.healed {
            let payment = payment.as_ref().map_or("", PaymentId::as_str);
            let (payment, event, kind) = (cell(payment), cell(event.as_str()), cell(kind));
            csv.write_record(["correction", "", &payment, &event, &kind, "", "", "sent"])?;
        }
        csv.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// The object keys of a run's reports: JSON, then CSV.
pub(super) fn keys(run: &Run) -> [String; 2] {
    let stamp = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let stem =
        format!("{}/{}-{}/attempt-{}", run.source, stamp(run.window.from), stamp(run.window.to), run.attempt);
    ["json", "csv"].map(|extension| format!("{stem}.{extension}"))
}
