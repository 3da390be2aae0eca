//! Every fixture and what it comes to, one text file a dialect, in `tests/fixtures/translations`.

use super::*;
use crate::envelope::{RawEvent, Unreadable, split_body, split_sample};

use crate::fetch::question;
use crate::signature::Headers;
use crate::testing::{assert_checked_in, built_in, repository, source};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One delivery of the fixtures.
struct Sample {
    /// Its file, below `tests/fixtures`.
    path: String,
    mode: Mode,
    body: Vec<u8>,
    /// From `<name>.headers.json`, where it is.
    headers: Vec<(String, String)>,
    /// What the provider's API answers, from `<name>.fetched.json`, where it is.
    fetched: Option<Vec<u8>>,
}

fn show(text: &mut String, source: &Source, sample: &Sample, event: &RawEvent) {
    let time = event.occurred_at.map_or_else(|| "(no time)".to_owned(), |time| time.to_string());
    let delivered = Body::Delivered(event.body.as_bytes());
    let translated = match (question(source, &event.kind, delivered), &sample.fetched) {
        (Err(error), _) => Err(error),
        (Ok(None), _) => translate(source, &event.kind, delivered),
        (Ok(Some(question)), None) => {
            writeln!(text, "    {} | {} | {time}\n        asks for {}", event.id, event.kind, question.path)
                .expect("a text");
            return;
        }
        (Ok(Some(question)), Some(answer)) => {
            let fetched = question.answered(source, &event.id, delivered, answer);
            fetched.and_then(|fetched| translate(source, &event.kind, Body::Json(&fetched.body)))
        }
    };
    let meaning = match translated {
        Ok(Translation::Facts(facts)) => {
            let facts =
                facts.iter().map(|PaymentFact { payment, fact }| format!("payment {payment}: {fact}"));
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

/// The deliveries below a folder, by name. Those in `live/` came to a source for real money.
fn samples(folder: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    for inner in ["", "live/", "ours/"] {
        let folder = format!("{folder}/{inner}");
        let Ok(entries) = std::fs::read_dir(repository("tests/fixtures").join(&folder)) else { continue };
        for entry in entries {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            let is_beside = name.ends_with(".headers.json") || name.ends_with(".fetched.json");
            let stem = ["json", "form.txt", "query.txt"]
                .iter()
                .find_map(|end| name.strip_suffix(&format!(".{end}")));
            let (Some(stem), false) = (stem, is_beside) else { continue };
            let beside = |what: &str| {
                std::fs::read(repository("tests/fixtures").join(format!("{folder}{stem}.{what}.json"))).ok()
            };
            let headers = match beside("headers") {
                Some(json) => serde_json::from_slice::<BTreeMap<String, String>>(&json)
                    .expect("headers")
                    .into_iter()
                    .collect(),
                None => vec![("webhook-id".to_owned(), format!("msg_{stem}"))],
            };
            samples.push(Sample {
                body: crate::testing::fixture(&format!("{folder}{name}")),
                mode: if inner == "live/" { Mode::Live } else { Mode::Test },
                headers,
                fetched: beside("fetched"),
                path: format!("{folder}{name}"),
            });
        }
    }
    samples.sort_by(|a, b| a.path.cmp(&b.path));
    samples
}

fn headers(sample: &Sample) -> Headers {
    Headers::new(sample.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn check(dialect: &str) {
    let mut text = format!(
        "What the bodies in tests/fixtures/{dialect} come to under infra/providers/{dialect}.toml, at a source for test mode.\n"
    );
    for sample in samples(dialect) {
        writeln!(text, "\n{}", sample.path).expect("a text");
        let source = source(built_in(dialect), sample.mode);
        let split = split_sample(&source, &headers(&sample), &sample.body);
        split.events.iter().for_each(|event| show(&mut text, &source, &sample, event));
        split.unreadable.iter().for_each(|item| show_unreadable(&mut text, item));
    }
    assert_checked_in(&format!("tests/fixtures/translations/{dialect}.txt"), &text);
}

/// A reader checks these files by eye.
#[test]
fn every_body_comes_to_what_is_written() {
    for dialect in Dialect::built_in_names().filter(|dialect| !samples(dialect).is_empty()) {
        check(dialect);
    }
}

/// The same envelope and the same words under another lock.
#[test]
fn standard_webhooks_under_other_locks() {
    let base = built_in("standard-webhooks");
    assert_eq!(base.facts, built_in("svix").facts);
    let ed25519 = built_in("standard-webhooks-ed25519");
    assert_eq!((base.envelope, base.facts), (ed25519.envelope, ed25519.facts));
}

/// Every rule of a dialect is used by some fixture or example: a rule that nothing tries is one that nobody has seen work.
#[test]
fn every_event_type_with_a_rule_has_a_body() {
    for dialect in Dialect::built_in_names() {
        let compiled = built_in(dialect);
        let mut seen = std::collections::BTreeSet::new();
        let mut see = |headers: &Headers, body: &[u8]| {
            let split = split_body(&compiled, headers, body);
            seen.extend(split.events.into_iter().map(|event| event.kind.to_string()));
        };
        for sample in samples(dialect) {
            see(&headers(&sample), &sample.body);
        }
        let text = Dialect::built_in_text(dialect).expect("a built-in dialect");
        for example in Dialect::describe(text).expect("a dialect").examples {
            let headers =
                Headers::new(example.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            see(&headers, example.body.as_bytes());
        }
        // Their rules are those of standard-webhooks, under another lock.
        if ["standard-webhooks-ed25519", "svix"].contains(&dialect) {
            continue;
        }
        let rules = compiled.facts.iter().flat_map(|rule| &rule.on);
        let unseen: Vec<_> = rules.filter(|kind| !seen.contains(*kind)).collect();
        assert!(unseen.is_empty(), "{dialect}: no fixture and no example of {unseen:?}");
    }
}
