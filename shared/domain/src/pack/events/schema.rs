//! The body as a JSON Schema: one schema for each meaning, for a machine cannot otherwise be told which fields go together.

use super::{Events, Field, Meaning};
use crate::json::Path;
use crate::limits::EVENTS_PER_DELIVERY_MAX;
use serde_json::{Value, json};

/// The events by name, and the body that holds them.
pub(super) fn schemas(events: &Events) -> (Vec<(String, Value)>, Value) {
    let mut named = Vec::<(String, Value)>::new();
    for meaning in &events.meanings {
        let name = component_name(meaning, &named);
        named.push((name, event(events, meaning)));
    }
    let references: Vec<_> =
        named.iter().map(|(name, _)| json!({ "$ref": format!("#/components/schemas/{name}") })).collect();
    let event = json!({ "anyOf": references });
    let mut body = match events.list.as_ref().and_then(Path::keys) {
        None => event,
        Some(keys) => {
            let mut body = object();
            let list = json!({ "type": "array", "minItems": 1, "maxItems": EVENTS_PER_DELIVERY_MAX, "items": event });
            require(&mut body, &keys, list, true);
            body
        }
    };
    for field in &events.around {
        add(&mut body, field);
    }
    (named, body)
}

/// A schema's name holds nothing but letters, digits, points, dashes and underscores, and is nobody else's.
fn component_name(meaning: &Meaning, taken: &[(String, Value)]) -> String {
    let kind = meaning.types.first().map_or("event", String::as_str);
    let name: String =
        kind.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
    let is_free = |name: &String| taken.iter().all(|(other, _)| other != name);
    if is_free(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    numbered.take(taken.len().saturating_add(1)).find(is_free).unwrap_or(name)
}

fn event(events: &Events, meaning: &Meaning) -> Value {
    let mut schema = object();
    if let [place] = events.type_places.as_slice()
        && let Some(keys) = place.path().keys()
    {
        require(&mut schema, &keys, json!({ "enum": meaning.types }), true);
    }
    for field in &events.fields {
        add(&mut schema, field);
    }
    if meaning.each.is_none() {
        for field in &meaning.fields {
            add(&mut schema, field);
        }
    }
    let mut says = meaning.says.clone();
    for condition in meaning.conditions() {
        says.push_str(&format!("; {condition}"));
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(says));
    }
    schema
}

fn object() -> Value {
    json!({ "type": "object", "properties": {}, "required": [] })
}

/// Adds a field. Where several places would do, none of them is required, for the words say which comes first.
fn add(schema: &mut Value, field: &Field) {
    for place in &field.places {
        let Some(keys) = place.path().keys() else { continue };
        let mut leaf = field.leaf.schema();
        if let Some(leaf) = leaf.as_object_mut() {
            leaf.insert("description".to_owned(), json!(field.what));
        }
        require(schema, &keys, leaf, field.is_required && field.places.len() == 1);
    }
}

/// Writes what must hold at a place; what was said of it before stands.
fn require(schema: &mut Value, keys: &[&str], leaf: Value, is_required: bool) {
    let Some((key, rest)) = keys.split_first() else { return };
    let Some(this) = schema.as_object_mut() else { return };
    if is_required
        && let Some(required) = this.entry("required").or_insert_with(|| json!([])).as_array_mut()
        && !required.iter().any(|name| name == key)
    {
        required.push(json!(key));
    }
    let Some(properties) = this.entry("properties").or_insert_with(|| json!({})).as_object_mut() else {
        return;
    };
    if rest.is_empty() {
        properties.entry(*key).or_insert(leaf);
    } else {
        require(properties.entry(*key).or_insert_with(object), rest, leaf, is_required);
    }
}
