//! A body with one event that means something: money taken, if there is such an event, or else the first there is.

use super::{Events, Field, Meaning, SAMPLE_ID};
use crate::dialect::{Condition, Test};
use crate::json::Path;
use crate::pack::Refusal;
use serde_json::{Value, json};

/// The body, and its event's type.
pub(super) fn sample(events: &Events) -> Result<(String, String), Refusal> {
    let is_capture = |meaning: &&Meaning| meaning.says.starts_with("money was taken");
    let captures = events.meanings.iter().filter(is_capture);
    let others = events.meanings.iter().filter(|meaning| !is_capture(meaning));
    let made = captures.chain(others).find_map(|meaning| event(events, meaning));
    let (event, kind) = made.ok_or_else(|| {
        let why =
            "no event stands at plain places like $.data.id, so there is none to show: the samples need one";
        Refusal::new("facts", why)
    })?;
    let mut body = json!({});
    match events.list.as_ref().map(Path::keys) {
        Some(Some(keys)) => drop(set(&mut body, &keys, json!([event]))),
        _ => body = event,
    }
    for field in &events.around {
        put(&mut body, field, SAMPLE_ID);
    }
    Ok((body.to_string(), kind))
}

/// An event of one meaning, and its type; nothing when a place of it cannot be written.
fn event(events: &Events, meaning: &Meaning) -> Option<(Value, String)> {
    if meaning.each.is_some() {
        return None;
    }
    let kind = match &events.constant_type {
        Some(kind) => meaning.types.contains(kind).then_some(kind)?,
        None => meaning.types.first()?,
    };
    let mut event = json!({});
    for Condition { path, test } in &meaning.when {
        let word = match test {
            Test::Is(words) => words.first()?.clone(),
            Test::IsNot(_) => "another".to_owned(),
            Test::StartsWith(text) => text.clone(),
            Test::Absent => continue,
        };
        set(&mut event, &path.keys()?, json!(word))?;
    }
    // The event's own fields last: what it is called counts more than what a part of it is called.
    for field in &meaning.fields {
        put(&mut event, field, item_name(&field.what))?;
    }
    for field in &events.fields {
        let is_type = events.type_places.first() == field.places.first();
        put(&mut event, field, if is_type { kind } else { SAMPLE_ID })?;
    }
    Some((event, kind.clone()))
}

/// A name that tells what it is of.
fn item_name(what: &str) -> &'static str {
    match what {
        "the payment" => "pay_test_1",
        "the payout's id" => "payout_test_1",
        "the refund's id" => "refund_test_1",
        "the dispute's id" => "dispute_test_1",
        _ => "item_test_1",
    }
}

/// Writes a field at its first place. Nothing when that cannot be done.
fn put(value: &mut Value, field: &Field, name: &str) -> Option<()> {
    set(value, &field.places.first()?.path().keys()?, field.leaf.sample(name))
}

fn set(value: &mut Value, keys: &[&str], leaf: Value) -> Option<()> {
    let Some((key, rest)) = keys.split_first() else {
        *value = leaf;
        return Some(());
    };
    let inner = value
        .as_object_mut()?
        .entry(*key)
        .or_insert_with(|| if rest.is_empty() { Value::Null } else { json!({}) });
    set(inner, rest, leaf)
}
