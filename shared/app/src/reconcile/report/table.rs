//! The report as a table.

use super::{Differing, Healed, Report, Urgent};
use crate::ports::Resolution;
use crate::spreadsheet::cell;
use countersign_domain::ids::PaymentId;
use countersign_domain::money::{Currency, major};
use countersign_domain::policy::Severity;
use countersign_domain::reconcile::proof::Line;

const HEADER: [&str; 10] = [
    "record",
    "currency",
    "payment",
    "event",
    "kind",
    "ledger",
    "provider",
    "captured_more",
    "refunded_more",
    "resolution",
];

/// A sum in major units; one beyond the range of amounts in minor units, and said so.
pub(in crate::reconcile) fn sum(minor: i128, currency: Currency) -> String {
    i64::try_from(minor).map_or_else(|_| format!("{minor} minor units"), |minor| major(minor, currency))
}

pub(super) fn csv(report: &Report) -> Result<Vec<u8>, csv::Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER)?;
    write_sums(&mut csv, report)?;
    for differing in &report.differences {
        write_difference(&mut csv, differing)?;
    }
    for Healed { event, kind, payment, .. } in &report.healed {
        let payment = payment.as_ref().map_or("", PaymentId::as_str);
        let (payment, event, kind) = (cell(payment), cell(event.as_str()), cell(kind));
        csv.write_record(["correction", "", &payment, &event, &kind, "", "", "", "", "sent"])?;
    }
    for finding in &report.leveled {
        csv.write_record(["finding", "", "", &cell(finding), "", "", "", "", "", "leveled"])?;
    }
    for Urgent { finding, about, severity, .. } in &report.urgent {
        let severity = urgency(*severity);
        csv.write_record(["waiting", "", &cell(about), &cell(finding), "", "", "", "", "", severity])?;
    }
    for input in &report.inputs {
        let (name, parts) = (cell(&input.name), input.parts.to_string());
        csv.write_record(["input", "", "", &name, "sha256", &parts, input.sha256.as_str(), "", "", ""])?;
    }
    let configuration = report.configuration.as_ref().map_or("", |digest| digest.as_str());
    csv.write_record(["made_with", "", "", "", "configuration", configuration, "", "", "", ""])?;
    csv.write_record(["made_with", "", "", "", "code", &cell(&report.code), "", "", "", ""])?;
    csv.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// How severe a finding is, in a word.
pub(in crate::reconcile) fn urgency(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn write_sums(csv: &mut csv::Writer<Vec<u8>>, report: &Report) -> Result<(), csv::Error> {
    for t in &report.totals {
        let count = t.payments.to_string();
        csv.write_record(["total", t.currency.code(), "", "", "payments", &count, &count, "", "", ""])?;
    }
    for proof in &report.proof {
        let amount = |minor| sum(minor, proof.currency);
        let mut line = |kind: &str, line: Line, more: [&str; 2]| {
            let (ledger, provider) = (amount(line.ledger), amount(line.provider));
            let holds = if line.gap() == 0 { "holds" } else { "does not hold" };
            let [captured, refunded] = more;
            let code = proof.currency.code();
            csv.write_record(["proof", code, "", "", kind, &ledger, &provider, captured, refunded, holds])
        };
        line("captured", proof.captured, [&amount(proof.captured.differences), ""])?;
        line("refunded", proof.refunded, ["", &amount(proof.refunded.differences)])?;
    }
    Ok(())
}

/// A row for each currency that the difference is worth something in, or one without.
fn write_difference(csv: &mut csv::Writer<Vec<u8>>, differing: &Differing) -> Result<(), csv::Error> {
    let Differing { payment, difference, resolution } = differing;
    let resolution = match resolution {
        Resolution::Healed => "healed",
        Resolution::Tolerated => "tolerated",
        Resolution::Open => "open",
    };
    let (payment, ours, theirs) = (cell(payment.as_str()), cell(&difference.ours), cell(&difference.theirs));
    let kind = difference.kind.as_str();
    let mut row = |currency: &str, captured: &str, refunded: &str| {
        csv.write_record([
            "difference",
            currency,
            &payment,
            "",
            kind,
            &ours,
            &theirs,
            captured,
            refunded,
            resolution,
        ])
    };
    for effect in &difference.effects {
        let amount = |minor: i64| if minor == 0 { String::new() } else { major(minor, effect.currency) };
        row(effect.currency.code(), &amount(effect.captured), &amount(effect.refunded))?;
    }
    if difference.effects.is_empty() {
        row("", "", "")?;
    }
    Ok(())
}
