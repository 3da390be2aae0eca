//! The report as one page that needs nothing else: no script, no font, no request.

use super::chart::{self, Bar};
use super::table::{sum, urgency};
use super::{Day, Differing, Report, Urgent};
use crate::ports::Resolution;
use countersign_domain::money::major;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::reconcile::proof::{Line, Proof};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;

/// Differences shown on the page; the table and the object have all.
const ROWS_MAX: usize = 500;

pub(in crate::reconcile) const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5b6169; --line: #d6d9dd; --paper: #fff; --healed: #4c8a68; --open: #c2553f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9eb; --soft: #a0a6ae; --line: #3a3e44; --paper: #17191c; --healed: #6aae89; --open: #e07a63; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2.5rem 0 .5rem; }
p.lead { color: var(--soft); margin: .25rem 0 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; }
th { color: var(--soft); font-weight: 500; } td.n, th.n { text-align: right; white-space: nowrap; }
.ok, .bad { white-space: nowrap; } .ok { color: var(--healed); font-weight: 600; } .bad { color: var(--open); font-weight: 600; }
svg { max-width: 100%; height: auto; font-size: 13px; } svg text { fill: var(--ink); } svg line { stroke: var(--line); }
rect.healed, i.healed { fill: var(--healed); background: var(--healed); } rect.open, i.open { fill: var(--open); background: var(--open); }
i { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 1em; }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
.sign { display: flex; gap: 3rem; margin-top: 4rem; } .sign span { border-top: 1px solid var(--ink); padding-top: .3rem; flex: 1; color: var(--soft); }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
";

pub(super) fn html(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Reconciliation of " (report.source) ", " (report.from) }
                style { (PreEscaped(STYLE)) }
            }
            body { (head(report)) (proof(report)) (charts(report)) (urgent(report)) (differences(report)) (made_of(report)) }
        }
    };
    page.into_string()
}

fn head(report: &Report) -> Markup {
    let payments = report.totals.iter().map(|total| total.payments).fold(0, u64::saturating_add);
    let open = report.differences.iter().filter(|d| d.resolution == Resolution::Open).count();
    html! {
        h1 { "Reconciliation of " (report.source) }
        p.lead { (report.from) " to " (report.to) ", attempt " (report.attempt) }
        @if report.status == RunStatus::Complete {
            p {
                (payments) " payments and " (report.events_seen) " events compared: "
                (report.differences.len()) " differences, " (report.healed.len()) " corrections sent, "
                span class=(if open == 0 { "ok" } else { "bad" }) { (open) " open" } "; "
                (report.leveled.len()) " older findings settled. "
                (report.rate.per_million) " differences for a million payments"
                @if let Some(usual) = report.rate.usual_per_million { ", usually " (usual) }
                @if report.rate.deviates { ": " span.bad { "far above what is usual" } }
                "."
            }
        } @else {
            p.bad { "Incomplete: " (report.cause.as_deref().unwrap_or_default()) }
            @if report.differences.is_empty() { p { "Nothing was changed." } }
        }
    }
}

fn proof(report: &Report) -> Markup {
    html! {
        h2 { "Proof: ledger + differences = provider" }
        table {
            tr { th { "Currency" } th { "Sum" } th.n { "Ledger" } th.n { "+ Differences" } th.n { "= Provider" } th { "" } }
            @for proof in &report.proof {
                (proof_line(proof, "taken", proof.captured))
                (proof_line(proof, "given back", proof.refunded))
            }
        }
        @if report.proof.is_empty() { p.lead { "No money moved on either side." } }
    }
}

fn proof_line(proof: &Proof, name: &str, line: Line) -> Markup {
    let amount = |minor| sum(minor, proof.currency);
    html! {
        tr {
            td { (proof.currency.code()) } td { (name) }
            td.n { (amount(line.ledger)) } td.n { (amount(line.differences)) } td.n { (amount(line.provider)) }
            @if line.gap() == 0 { td.ok { "holds" } }
            @else { td.bad { "unexplained: " (amount(line.gap())) } }
        }
    }
}

fn charts(report: &Report) -> Markup {
    let mut kinds: BTreeMap<&str, Bar> = BTreeMap::new();
    for Differing { difference, resolution, .. } in &report.differences {
        let name = difference.kind.as_str();
        let bar =
            kinds.entry(name).or_insert_with(|| Bar { name: name.replace('_', " "), healed: 0, open: 0 });
        match resolution {
            Resolution::Healed => bar.healed = bar.healed.saturating_add(1),
            // Within what the policy allows: it is in the table, and no bar.
            Resolution::Tolerated => {}
            Resolution::Open => bar.open = bar.open.saturating_add(1),
        }
    }
    let kinds: Vec<_> = kinds.into_values().filter(|bar| bar.healed + bar.open > 0).collect();
    let waiting = report.waiting.iter();
    let waiting: Vec<_> = waiting
        .map(|waiting| Bar { name: waiting.age.to_owned(), healed: 0, open: waiting.findings })
        .collect();
    let day = |day: &Day| Bar { name: day.name(), healed: day.healed, open: day.open };
    let trend: Vec<_> = report.trend.iter().map(day).collect();
    html! {
        h2 { "Differences by kind" i.healed {} "healed" i.open {} "open" }
        @if kinds.is_empty() { p.lead { "None." } } @else { (chart::rows("Differences by kind", &kinds)) }
        h2 { "Findings that wait, by age" }
        (chart::rows("Findings that wait, by age", &waiting))
        h2 { "Day by day" i.healed {} "corrections" i.open {} "left open" }
        (chart::columns("Corrections and open differences, day by day", &trend))
    }
}

fn urgent(report: &Report) -> Markup {
    html! {
        @if !report.urgent.is_empty() {
            h2 { "Must be looked at" @if let Some(owner) = &report.owner { ", by " (owner) } }
            table {
                tr { th { "Finding" } th { "About" } th { "Found" } th { "" } }
                @for Urgent { finding, about, severity, found_at } in report.urgent.iter().take(ROWS_MAX) {
                    tr {
                        td { code { (finding) } } td { (about) }
                        td { (found_at.strftime("%Y-%m-%d %H:%M")) } td.bad { (urgency(*severity)) }
                    }
                }
            }
        }
    }
}

fn differences(report: &Report) -> Markup {
    // Those that wait for a person come first.
    let mut shown: Vec<_> = report.differences.iter().collect();
    shown.sort_by_key(|differing| differing.resolution != Resolution::Open);
    html! {
        h2 { "Every difference" }
        @if shown.len() > ROWS_MAX {
            p.lead { "The first " (ROWS_MAX) " of " (shown.len()) ", open ones first. The CSV beside this page has all." }
        }
        table {
            tr { th { "Payment" } th { "Kind" } th { "Ledger" } th { "Provider" } th.n { "Worth" } th { "" } }
            @for Differing { payment, difference, resolution } in shown.into_iter().take(ROWS_MAX) {
                tr {
                    td { (payment) } td { (difference.kind.as_str().replace('_', " ")) }
                    td { (difference.ours) } td { (difference.theirs) }
                    td.n {
                        @for effect in &difference.effects {
                            @let amount = |minor| major(minor, effect.currency);
                            @if effect.captured != 0 { (amount(effect.captured)) " " (effect.currency.code()) " taken" br; }
                            @if effect.refunded != 0 { (amount(effect.refunded)) " " (effect.currency.code()) " given back" br; }
                        }
                    }
                    @match resolution {
                        Resolution::Healed => td.ok { "healed" },
                        Resolution::Tolerated => td { "tolerated" },
                        Resolution::Open => td.bad { "open" },
                    }
                }
            }
        }
    }
}

fn made_of(report: &Report) -> Markup {
    html! {
        h2 { "What this was made of" }
        table {
            tr { th { "Input" } th.n { "Parts" } th { "SHA-256 over all parts, each with the digest of those before it" } }
            @for input in &report.inputs {
                tr { td { (input.name) } td.n { (input.parts) } td { code { (input.sha256.as_str()) } } }
            }
            tr {
                td { "configuration of the source" } td.n { "1" }
                td { code { (report.configuration.as_ref().map_or("", |digest| digest.as_str())) } }
            }
            tr { td { "code" } td.n { "1" } td { code { (report.code) } } }
            tr { td { "begun" } td.n {} td { (report.started_at) } }
        }
        div.sign { span { "Prepared by, date" } span { "Reviewed by, date" } }
    }
}
