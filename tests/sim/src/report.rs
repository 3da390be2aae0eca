//! What people read: the figures of a campaign, and the story of a broken world.

use crate::auditor::{Invariant, Violation};
use crate::campaign::Campaign;
use crate::shrink::shrink;
use crate::world::{Fault, Scenario, run};
use std::fmt::{self, Write as _};

const DAY_MS: u64 = 86_400_000;

/// The figures of a campaign.
///
/// # Errors
/// When the text cannot be written.
pub fn figures(campaign: &Campaign) -> Result<String, fmt::Error> {
    let Campaign { worlds, steps, lasted_ms, tally, looks, fingerprint, .. } = campaign;
    let mut text = String::new();
    writeln!(text, "what went wrong")?;
    for fault in Fault::ALL {
        writeln!(text, "{:>14}  {fault:?}", grouped(tally.of(*fault)))?;
    }
    writeln!(text, "\npromises looked after")?;
    for invariant in Invariant::ALL {
        let name = format!("{invariant:?}");
        writeln!(text, "{:>14}  {name:<4} {}", grouped(looks.at(*invariant)), invariant.promise())?;
    }
    writeln!(text)?;
    for (number, what) in [
        (*worlds, "worlds, one for each seed"),
        (lasted_ms.checked_div(DAY_MS).unwrap_or(0), "simulated days"),
        (*steps, "things that came to pass"),
        (tally.total(), "things that went wrong"),
        (looks.total(), "looks after a promise"),
    ] {
        writeln!(text, "{:>14}  {what}", grouped(number))?;
    }
    writeln!(text, "{fingerprint:>14x}  fingerprint: the same seeds and the same code give it again")?;
    Ok(text)
}

/// The story of a broken world: what is left of it when everything is left out that does not matter.
///
/// # Errors
/// When the text cannot be written.
pub fn story(seed: u64, violation: &Violation) -> Result<String, fmt::Error> {
    let Violation { invariant, what } = violation;
    let least = shrink(&Scenario::whole(seed), *invariant);
    let ended = run(&least, true);
    let mut text = String::new();
    write!(text, "{}", ended.trace)?;
    writeln!(text, "\nseed {seed} broke {invariant:?}: {}", invariant.promise())?;
    writeln!(text, "  {what}")?;
    writeln!(
        text,
        "above: as little of it as shows the same; {} things went wrong in it",
        ended.tally.total()
    )?;
    writeln!(text, "again: cargo run --release -p countersign-sim -- {least}")?;
    writeln!(text, "whole: cargo run --release -p countersign-sim -- --seed {seed}")?;
    Ok(text)
}

/// `12,345,678`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
