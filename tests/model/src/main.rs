//! Tries everything that can happen to each variant of the protocol, and prints what came of it. Fails when the true protocol
//! breaks a promise, or a variant breaks others than it should.

use countersign_model::{Report, Scope, Variant, check};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let scope = Scope::FULL;
    writeln!(
        out,
        "2 events of one payment, {} deliveries of each, {} ingests and {} processors at a time,\n\
         {} crashes, {} lost answer, {} redelivery\n",
        scope.deliveries,
        scope.ingests,
        scope.processors,
        scope.crashes,
        scope.lost_answers,
        scope.redeliveries
    )?;
    writeln!(out, "{:<34} {:>11} {:>10} {:>5}  verdict", "decision taken out", "states", "unique", "depth")?;
    let mut reports = Vec::new();
    for variant in Variant::ALL {
        let report = check(variant, scope);
        line(&mut out, &report)?;
        reports.push(report);
    }
    for report in &reports {
        stories(&mut out, report)?;
    }
    Ok(if reports.iter().all(Report::is_as_expected) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report { states, unique, depth, .. } = report;
    let shortest = report.broken.iter().map(|broken| broken.steps.len()).min();
    let verdict = match shortest {
        Some(steps) => format!("broken in {steps} steps"),
        None if report.is_exhaustive && report.unseen.is_empty() => "holds, everything was tried".to_owned(),
        None => format!("means little: {} was not seen", report.unseen.join(", ")),
    };
    writeln!(out, "{:<34} {states:>11} {unique:>10} {depth:>5}  {verdict}", report.variant.name())
}

fn stories(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for broken in &report.broken {
        writeln!(out, "\n{}\n  no more: {}", report.variant.name(), broken.promise.name())?;
        for (number, step) in (1..).zip(&broken.steps) {
            writeln!(out, "  {number:>2}. {step}")?;
        }
    }
    Ok(())
}
