//! The statement as one page that needs nothing else.

use super::super::report::{STYLE, sum, urgency};
use super::{Statement, Waiting};
use countersign_domain::reconcile::Totals;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Findings shown on the page; the table and the object have all.
const ROWS_MAX: usize = 500;

pub(super) fn html(statement: &Statement) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Statement of " (statement.source) ", " (statement.month) }
                style { (PreEscaped(STYLE)) }
            }
            body { (head(statement)) (month(statement)) (days(statement)) (waiting(statement)) (signatures(statement)) }
        }
    };
    page.into_string()
}

fn head(statement: &Statement) -> Markup {
    html! {
        h1 { "Statement of " (statement.source) }
        p.lead { (statement.month) @if let Some(owner) = &statement.owner { ", looked after by " (owner) } }
        p {
            (statement.days.len()) " days were read to the end. "
            @if !statement.unread.is_empty() {
                span.bad { (statement.unread.len()) " were not: " (statement.unread.join(", ")) "." } " "
            }
            @if !statement.stale.is_empty() {
                span.bad {
                    "Of " (statement.stale.len()) " of them a later attempt was not read to the end, and they stand as they were read before it: "
                    (statement.stale.join(", ")) "."
                } " "
            }
            @if let Some(date) = &statement.goes_on_from {
                "The month is not over: " (date) " and the days after it are not in this statement. "
            }
            @if statement.is_level() { span.ok { "Ledger and provider agree." } }
            @else { span.bad { "Ledger and provider do not agree, or not every day was read." } }
        }
    }
}

fn sums(totals: &Totals) -> Markup {
    let amount = |minor| sum(minor, totals.currency);
    html! {
        td { (totals.currency.code()) } td.n { (totals.payments) }
        td.n { (amount(totals.captured_ours)) }
        td.n .bad[totals.captured_ours != totals.captured_theirs] { (amount(totals.captured_theirs)) }
        td.n { (amount(totals.refunded_ours)) }
        td.n .bad[totals.refunded_ours != totals.refunded_theirs] { (amount(totals.refunded_theirs)) }
    }
}

fn columns() -> Markup {
    html! {
        th { "Currency" } th.n { "Payments" } th.n { "Taken: ledger" } th.n { "provider" }
        th.n { "Given back: ledger" } th.n { "provider" }
    }
}

fn month(statement: &Statement) -> Markup {
    html! {
        h2 { "The month" }
        table { tr { (columns()) } @for totals in &statement.totals { tr { (sums(totals)) } } }
        @if statement.totals.is_empty() { p.lead { "No money moved on either side." } }
    }
}

fn days(statement: &Statement) -> Markup {
    html! {
        h2 { "Day by day" }
        table {
            tr { th { "Day" } (columns()) th.n { "Corrected" } th.n { "Open" } }
            @for day in &statement.days {
                @for totals in &day.totals {
                    tr { td { (day.date) } (sums(totals)) td.n { (day.healed) } td.n { (day.open) } }
                }
            }
        }
    }
}

fn waiting(statement: &Statement) -> Markup {
    html! {
        h2 { "What waits" }
        @if statement.waiting.is_empty() { p.lead { "Nothing." } }
        @else {
            @if statement.waiting.len() > ROWS_MAX {
                p.lead { "The first " (ROWS_MAX) " of " (statement.waiting.len()) ". The CSV beside this page has all." }
            }
            table {
                tr { th { "About" } th { "Severity" } th { "Found" } th { "What" } }
                @for Waiting { about, severity, found_at, reason, .. } in statement.waiting.iter().take(ROWS_MAX) {
                    tr {
                        td { (about) } td { (urgency(*severity)) } td { (found_at.strftime("%Y-%m-%d")) } td { (reason) }
                    }
                }
            }
        }
    }
}

fn signatures(statement: &Statement) -> Markup {
    html! {
        p.lead { "Made with " (statement.code) "." }
        div.sign { span { "Prepared by, date" } span { "Reviewed by, date" } }
    }
}
