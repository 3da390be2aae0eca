//! Bodies: the examples of every dialect, damaged.

use super::damage::{Script, damaged};
use crate::dialect::{Content, Dialect};
use crate::envelope::split_body;
use crate::fact::Fact;
use crate::hostile::everything;
use crate::json::Json;
use crate::money::Money;
use crate::signature::Headers;
use crate::testing::built_in;
use crate::translate::{Body, Translation, translate_example};

pub(super) const TOKENS: [&str; 28] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "{}",
    "[]",
    "0",
    "-1",
    "1e3",
    "1.5",
    "9007199254740993",
    "99999999999999999999",
    "\\u0000",
    "\\ud800",
    "\"id\":1,",
    "\"type\":\"x\",",
    "\"EUR\"",
    "\"XXX\"",
    "&",
    "=",
    "%00",
    "+",
    "\u{feff}",
];

/// The bodies of a dialect's own examples.
pub(super) fn samples(name: &str) -> Vec<String> {
    let text = Dialect::built_in_text(name).expect("a built-in dialect");
    let examples = Dialect::describe(text).expect("it can be read").examples;
    let fetched = examples.iter().filter_map(|example| example.fetched.clone());
    let bodies: Vec<_> = examples.iter().map(|example| example.body.clone()).chain(fetched).collect();
    assert!(!bodies.is_empty(), "{name} has examples");
    bodies
}

struct Sampled {
    dialect: Dialect,
    samples: Vec<String>,
}

fn all() -> Vec<Sampled> {
    let sampled = |name| Sampled { dialect: built_in(name), samples: samples(name) };
    Dialect::built_in_names().map(sampled).collect()
}

/// Whatever the body is: no panic, no lost item, the same answer twice, from the envelope to the facts.
#[test]
fn every_dialect() {
    let all = all();
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let Sampled { dialect, samples } = &all[script.one_of(all.len())];
        everything(dialect, &damaged(samples, &TOKENS, &mut script));
    });
}

/// A list of events with something else in it: the events are what they were.
#[test]
fn neighbours() {
    let lists: Vec<_> = all().into_iter().filter(|one| one.dialect.envelope.events.is_many()).collect();
    assert!(lists.len() >= 3, "{} dialects send lists", lists.len());
    let headers = Headers::default();
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let Sampled { dialect, samples } = &lists[script.one_of(lists.len())];
        let body = &samples[script.one_of(samples.len())];
        let path = dialect.envelope.events.list().expect("a list");
        let json = Json::parse(body.as_bytes()).expect("an example");
        let Some(list) = json.root().at(&path).expect("an example").map(|list| list.source()) else { return };
        let inside = list[1..list.len() - 1].trim();
        let is_first = script.byte().is_multiple_of(2);
        let items = json.root().at(&path).ok().flatten().and_then(|list| list.items()).unwrap_or_default();
        let items: Vec<_> = items.iter().map(|item| item.source()).chain(TOKENS).collect();
        let other = damaged(&items, &TOKENS, &mut script);
        // What is no JSON spoils the whole delivery.
        let Ok(other) = String::from_utf8(other) else { return };
        if Json::parse(other.as_bytes()).is_err() || inside.is_empty() {
            return;
        }
        let mixed = if is_first { format!("[{other},{inside}]") } else { format!("[{inside},{other}]") };
        let mixed = body.replacen(list, &mixed, 1);
        let (before, after) =
            (split_body(dialect, &headers, body.as_bytes()), split_body(dialect, &headers, mixed.as_bytes()));
        for event in &before.events {
            assert!(after.events.contains(event), "{}: {} is lost beside {other}", dialect.name, event.id);
        }
        let count = |split: &crate::envelope::Split| split.events.len() + split.unreadable.len();
        assert!(count(&after) > count(&before), "{}: {other} is passed over", dialect.name);
        for unreadable in &after.unreadable {
            assert!(!unreadable.error.to_string().is_empty() && unreadable.error.to_string().len() < 1_000);
        }
    });
}

/// The amounts of facts, in their order.
fn amounts(dialect: &Dialect, body: &str) -> Option<Vec<Money>> {
    let split = split_body(dialect, &Headers::new([("webhook-id", "msg_1")]), body.as_bytes());
    let mut amounts = Vec::new();
    for event in &split.events {
        let translated =
            translate_example(dialect, &event.kind, Body::Delivered(event.body.as_bytes())).ok()?;
        if let Translation::Facts(facts) = translated {
            amounts.extend(facts.iter().filter_map(|fact| amount_of(&fact.fact)));
        }
    }
    Some(amounts)
}

fn amount_of(fact: &Fact) -> Option<Money> {
    let value = serde_json::to_value(fact).ok()?;
    serde_json::from_value(value.get("amount")?.clone()).ok()
}

/// Every number of a body that an amount is read from may be any other: the amount is the digits that stand there.
#[test]
fn money_in_is_money_out() {
    let all: Vec<_> = all().into_iter().filter(|one| one.dialect.envelope.content == Content::Json).collect();
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let Sampled { dialect, samples } = &all[script.one_of(all.len())];
        let body = &samples[script.one_of(samples.len())];
        let Some(before) = amounts(dialect, body).filter(|amounts| !amounts.is_empty()) else { return };
        let wanted = before[script.one_of(before.len())];
        // As the dialect writes it: 2000, 20.00 or 20.0.
        let (minor, major) = (wanted.minor.to_string(), crate::money::major(wanted.minor, wanted.currency));
        let short = major.trim_end_matches('0').to_owned();
        let written = [minor, format!("{short}0"), major, short];
        let number = written.iter().find(|number| !places(body, number).is_empty());
        let Some(number) = number else { return };
        let decimals = number.split_once('.').map(|(_, part)| part.len());
        let digits = script.bytes(15).iter().map(|byte| char::from(b'0' + byte % 10));
        let whole = format!("9{}", digits.collect::<String>());
        let other = decimals.map_or(whole.clone(), |places| format!("{whole}.{}", "7".repeat(places)));
        let Some(after) = amounts(dialect, &replaced(body, number, &other)) else { return };
        let expected = shifted(&other, wanted.currency.exponent(), decimals.is_some());
        for (before, after) in before.iter().zip(&after) {
            let is_other = after.currency == wanted.currency && Some(after.minor) == expected;
            assert!(
                before == after || is_other,
                "{}: {other} is read as {after}, not {expected:?}",
                dialect.name
            );
        }
    });
}

/// The minor units that a number stands for.
fn shifted(number: &str, exponent: u32, is_major: bool) -> Option<i64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part = if is_major { format!("{part:0<width$}", width = exponent as usize) } else { String::new() };
    format!("{whole}{part}").parse().ok()
}

/// Where a number stands by itself, and not within another number or word.
fn places(body: &str, number: &str) -> Vec<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let found = body.match_indices(number).map(|(at, _)| at);
    found
        .filter(|at| {
            let (before, behind) = (&body[..*at], &body[at + number.len()..]);
            !before.ends_with(is_part) && !behind.starts_with(is_part)
        })
        .collect()
}

fn replaced(body: &str, number: &str, other: &str) -> String {
    let mut text = body.to_owned();
    for at in places(body, number).into_iter().rev() {
        text.replace_range(at..at + number.len(), other);
    }
    text
}
