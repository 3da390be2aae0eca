//! `extends` and `[rename]`: a partner's own words on top of a dialect that is there.

use crate::dialect::{DialectError, built_in_names, built_in_text};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// Tables that say one thing of several: what a file says takes the place of the base's instead of adding to it.
const CHOICES: [&str; 5] = ["id", "type", "livemode", "shape", "token"];
/// What is each file's own: a base's need not hold for what was built on it.
const OWN: [&str; 2] = ["examples", "docs"];
/// Where places, types and states are.
const RENAMED: [&str; 4] = ["envelope", "amounts", "fetch", "facts"];

/// What `extends` comes to.
pub(super) enum Resolved {
    /// The file says everything itself.
    Own,
    /// The file and its base as one.
    Inherited(Table),
}

/// How a partner's words differ from the base's. Keys are the base's words, values the partner's.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rename {
    /// Places: `"$.amount" = "$.total.value"`. Places below a renamed one move with it.
    fields: BTreeMap<String, String>,
    /// Event types: `"payment.captured" = ["PAID", "SETTLED"]`.
    types: BTreeMap<String, Words>,
    /// States of a place: `"$.state" = { succeeded = ["OK"], failed = "NOK" }`.
    states: BTreeMap<String, BTreeMap<String, Words>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Words {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

pub(super) fn resolve(name: &str, mut table: Table) -> Result<Resolved, DialectError> {
    let wrong =
        |key: &str, why: String| DialectError::Value { dialect: name.to_owned(), key: key.to_owned(), why };
    let syntax = |error| DialectError::Syntax { dialect: name.to_owned(), error };
    let rename = table.remove("rename");
    let without = table.remove("without");
    let Some(base) = table.remove("extends") else {
        return match rename.or(without) {
            Some(_) => Err(wrong(
                "extends",
                "it is absent, and `rename` and `without` are about what it brings: add it".to_owned(),
            )),
            None => Ok(Resolved::Own),
        };
    };
    let Some(base) = base.as_str() else {
        return Err(wrong("extends", "it is not a text: write the name of a built-in dialect".to_owned()));
    };
    let Some(text) = built_in_text(base) else {
        let known = built_in_names().collect::<Vec<_>>().join(", ");
        return Err(DialectError::UnknownBase { dialect: name.to_owned(), base: base.to_owned(), known });
    };
    let inherited: Table = toml::from_str(text).map_err(syntax)?;
    // A base may have one of its own.
    let mut inherited = match resolve(base, inherited.clone())? {
        Resolved::Inherited(inherited) => inherited,
        Resolved::Own => inherited,
    };
    inherited.retain(|key, _| !OWN.contains(&key));
    if let Some(rename) = rename {
        let rename: Rename = rename.try_into().map_err(syntax)?;
        rename
            .apply(&mut inherited)
            .map_err(|(key, why)| wrong(&key, format!("{why} in the dialect {base}")))?;
    }
    if let Some(without) = without {
        let without: Vec<String> = without.try_into().map_err(syntax)?;
        for key in &without {
            remove(&mut inherited, key)
                .ok_or_else(|| wrong("without", format!("the dialect {base} has no {key:?}")))?;
        }
    }
    lay_over(&mut inherited, table);
    Ok(Resolved::Inherited(inherited))
}

/// Takes out `auth.timestamp`, or whatever stands at such a place.
fn remove(table: &mut Table, key: &str) -> Option<Value> {
    match key.split_once('.') {
        None => table.remove(key),
        Some((key, rest)) => remove(table.get_mut(key)?.as_table_mut()?, rest),
    }
}

/// Tables are joined key by key; everything else is replaced, and so is a table that says one thing of several.
fn lay_over(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) if !CHOICES.contains(&key.as_str()) => {
                lay_over(below, above)
            }
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

impl Rename {
    fn apply(&self, base: &mut Table) -> Result<(), (String, String)> {
        for (from, to) in &self.states {
            self.rename_states(base, from, to)?;
        }
        for (from, to) in &self.types {
            if !rename_type(base, from, to.as_slice()) {
                return Err((
                    format!("rename.types.{from}"),
                    format!("no rule is on an event type {from:?}"),
                ));
            }
        }
        let mut used = Vec::new();
        for key in RENAMED {
            if let Some(value) = base.get_mut(key) {
                self.rename_places(value, &mut used);
            }
        }
        match self.fields.keys().find(|from| !used.contains(from)) {
            Some(from) => Err((format!("rename.fields.{from}"), format!("nothing is read at {from:?}"))),
            None => Ok(()),
        }
    }

    /// Several rules may read a state at one place: a word is renamed in each that knows it.
    fn rename_states(
        &self,
        base: &mut Table,
        at: &str,
        words: &BTreeMap<String, Words>,
    ) -> Result<(), (String, String)> {
        let mut known = BTreeSet::new();
        for map in state_maps(base, at) {
            known.extend(map.keys().cloned());
            for (from, to) in words {
                let Some(ours) = map.remove(from) else { continue };
                for word in to.as_slice() {
                    map.insert(word.clone(), ours.clone());
                }
            }
        }
        if known.is_empty() {
            return Err((format!("rename.states.{at}"), format!("no state is read at {at:?}")));
        }
        match words.keys().find(|word| !known.contains(*word)) {
            Some(word) => {
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                Err((
                    format!("rename.states.{at}.{word}"),
                    format!("there is no state {word:?} (there are {known})"),
                ))
            }
            None => Ok(()),
        }
    }

    fn rename_places<'a>(&'a self, value: &mut Value, used: &mut Vec<&'a String>) {
        match value {
            Value::String(text) => {
                let longest = self
                    .fields
                    .iter()
                    .filter(|(from, _)| leads_to(text, from))
                    .max_by_key(|(from, _)| from.len());
                if let Some((from, to)) = longest {
                    *text = format!("{to}{}", text.get(from.len()..).unwrap_or_default());
                    used.push(from);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.rename_places(value, used)),
            Value::Table(table) => {
                for (_, value) in table.iter_mut() {
                    self.rename_places(value, used);
                }
            }
            _ => {}
        }
    }
}

/// Whether `text` is the place `from` or one below it.
fn leads_to(text: &str, from: &str) -> bool {
    text.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ' ']))
}

fn rules(base: &mut Table) -> impl Iterator<Item = &mut Table> {
    base.iter_mut()
        .filter(|(key, _)| ["facts", "fetch"].contains(&key.as_str()))
        .filter_map(|(_, value)| value.as_array_mut())
        .flatten()
        .filter_map(Value::as_table_mut)
}

/// The maps of states that are read at a place.
fn state_maps<'t>(base: &'t mut Table, at: &'t str) -> impl Iterator<Item = &'t mut Table> {
    rules(base).filter_map(move |rule| {
        let state = rule.get_mut("state")?.as_table_mut()?;
        let is_there = state.get("path").and_then(Value::as_str) == Some(at);
        state.get_mut("map").filter(|_| is_there)?.as_table_mut()
    })
}

fn rename_type(base: &mut Table, from: &str, to: &[String]) -> bool {
    let mut is_used = false;
    for rule in rules(base) {
        let Some(Value::Array(on)) = rule.get_mut("on") else { continue };
        if let Some(at) = on.iter().position(|kind| kind.as_str() == Some(from)) {
            on.splice(at..=at, to.iter().cloned().map(Value::String));
            is_used = true;
        }
    }
    is_used
}
