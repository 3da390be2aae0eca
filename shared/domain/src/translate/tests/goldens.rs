//! Every fixture and what it comes to, one text file a dialect, in `tests/fixtures/translations`.

use super::*;
use crate::envelope::{RawEvent, Unreadable, split_body};
use crate::fact::{DisputeStage, FundsMovement, PayoutState, RefundState};
use crate::signature::Headers;
use crate::testing::{assert_checked_in, built_in, repository, source};
use std::fmt::Write as _;

fn said(fact: &Fact) -> String {
    fn word<S: serde::Serialize>(state: S) -> String {
        serde_json::to_value(state).expect("a word").as_str().expect("a word").to_owned()
    }
    match fact {
        Fact::Initiated { amount } => format!("initiated, {amount} asked for"),
        Fact::RequiresAction => "requires action".to_owned(),
        Fact::Pending => "pending".to_owned(),
        Fact::Authorized { amount } => format!("authorized {amount}"),
        Fact::Captured { amount } => format!("captured {amount} in all"),
        Fact::CapturedPart { part, amount } => format!("captured {amount} ({part})"),
        Fact::Failed { attempt } => format!("failed attempt {attempt}"),
        Fact::Canceled => "canceled".to_owned(),
        Fact::Expired => "expired".to_owned(),
        Fact::CaptureReversed { reversal, amount } => format!("capture reversed by {amount} ({reversal})"),
        Fact::Refunded { amount } => format!("refunded {amount} in all"),
        Fact::Refund { refund, amount, state } => {
            format!("refund {refund} of {amount} {}", word::<RefundState>(*state))
        }
        Fact::Dispute { dispute, amount, stage } => {
            format!("dispute {dispute} of {amount} {}", word::<DisputeStage>(*stage))
        }
        Fact::DisputeFunds { dispute, amount, movement } => {
            format!("dispute {dispute}: {amount} {}", word::<FundsMovement>(*movement))
        }
        Fact::Payout { payout, amount, state } => {
            format!("payout {payout} of {amount} {}", word::<PayoutState>(*state))
        }
    }
}

fn show(text: &mut String, source: &Source, event: &RawEvent) {
    let time = event.occurred_at.map_or_else(|| "(no time)".to_owned(), |time| time.to_string());
    let meaning = match translate(source, &event.kind, Body::Delivered(event.body.as_bytes())) {
        Ok(Translation::Facts(facts)) => {
            let facts = facts
                .iter()
                .map(|PaymentFact { payment, fact }| format!("payment {payment}: {}", said(fact)));
            facts.collect::<Vec<_>>().join("\n        ")
        }
        Ok(Translation::Unmapped) => "no rule: counted and acknowledged".to_owned(),
        Err(error) => format!("SET ASIDE: {error}"),
    };
    writeln!(text, "    {} | {} | {time}\n        {meaning}", event.id, event.kind).expect("a text");
}

fn show_unreadable(text: &mut String, item: &Unreadable) {
    writeln!(text, "    item {}\n        NO EVENT: {}", item.at, item.error).expect("a text");
}

/// The JSON files below a folder, by name.
fn bodies(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut bodies = Vec::new();
    for inner in ["", "ours/"] {
        let folder = format!("{folder}/{inner}");
        let Ok(entries) = std::fs::read_dir(repository("tests/fixtures").join(&folder)) else { continue };
        for entry in entries {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            if name.ends_with(".json") {
                let path = format!("{folder}{name}");
                bodies.push((path.clone(), crate::testing::fixture(&path)));
            }
        }
    }
    bodies.sort();
    assert!(!bodies.is_empty(), "no fixtures in {folder}");
    bodies
}

fn check(dialect: &str) {
    let source = source(built_in(dialect), Mode::Test);
    let mut text = format!(
        "What the bodies in tests/fixtures/{dialect} come to under infra/providers/{dialect}.toml, at a source for test mode.\n"
    );
    for (path, body) in bodies(dialect) {
        writeln!(text, "\n{path}").expect("a text");
        let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
        let id = format!("msg_{stem}");
        let headers = Headers::new([("webhook-id", id.as_str())]);
        let split = split_body(&source.dialect, &headers, &body);
        split.events.iter().for_each(|event| show(&mut text, &source, event));
        split.unreadable.iter().for_each(|item| show_unreadable(&mut text, item));
    }
    assert_checked_in(&format!("tests/fixtures/translations/{dialect}.txt"), &text);
}

#[test]
fn stripe() {
    check("stripe");
}

#[test]
fn partner_hmac() {
    check("partner-hmac");
}

#[test]
fn standard_webhooks() {
    check("standard-webhooks");
}

/// The same envelope and the same words under another lock.
#[test]
fn standard_webhooks_ed25519() {
    let (one, other) = (built_in("standard-webhooks"), built_in("standard-webhooks-ed25519"));
    assert_eq!((one.envelope, one.facts), (other.envelope, other.facts));
}

/// Every rule of a dialect is used by some fixture: a rule that nothing tries is a rule that nobody has seen work.
#[test]
fn every_event_type_with_a_rule_has_a_fixture() {
    for dialect in ["stripe", "partner-hmac", "standard-webhooks"] {
        let compiled = built_in(dialect);
        let mut seen = std::collections::BTreeSet::new();
        for (_, body) in bodies(dialect) {
            let headers = Headers::new([("webhook-id", "msg_1")]);
            let split = split_body(&compiled, &headers, &body);
            seen.extend(split.events.into_iter().map(|event| event.kind.to_string()));
        }
        let rules = compiled.facts.iter().flat_map(|rule| &rule.on);
        let unseen: Vec<_> = rules.filter(|kind| !seen.contains(*kind)).collect();
        assert!(unseen.is_empty(), "{dialect}: no fixture of {unseen:?}");
    }
}
