//! The endpoint for machines: OpenAPI 3.1.

use super::Partner;
use super::answers::{Answer, Said, answers};
use super::recipe::{Given, Part, Recipe, Sent};
use super::vector::SIGNED_AT;
use crate::dialect::Encoding;
use crate::limits::{ID_BYTES_MAX, KIND_BYTES_MAX};
use crate::source::Mode;
use serde_json::{Map, Value, json};

pub(super) fn openapi(partner: &Partner<'_>) -> String {
    let Partner { source, url, recipe, events, .. } = partner;
    let (server, path) = url.rsplit_once('/').unwrap_or((url, ""));
    let is_secret_path = source.second_factors.secret_path;
    let path = if is_secret_path { format!("/{path}/{{token}}") } else { format!("/{path}") };
    let (schemas, body) = events.schemas();
    let schemas: Map<_, _> = schemas.into_iter().collect();
    let mut operation = json!({
        "operationId": "sendWebhook",
        "summary": "Send events",
        "description": "Sign every attempt anew; the page beside this file says how. Answers other than 2xx are tried again or \
                        corrected as it says.",
        "parameters": parameters(recipe, is_secret_path),
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": body, "examples": { "vector": { "value": example(partner) } } } }
        },
        "responses": responses(&answers(&source.dialect)),
    });
    let mut components = json!({ "schemas": schemas });
    if source.second_factors.basic {
        components["securitySchemes"] = json!({ "basic": { "type": "http", "scheme": "basic" } });
        operation["security"] = json!([{ "basic": [] }]);
    }
    let money = match source.mode {
        Mode::Live => "Live mode: its money is real.",
        Mode::Test => "Test mode: its money is not real.",
    };
    super::pretty(&json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Webhooks for {}", source.name),
            "version": "1",
            "summary": "Where a partner posts its events.",
            "description": money,
        },
        "servers": [{ "url": server }],
        "paths": { path: { "post": operation } },
        "components": components,
    }))
}

fn example(partner: &Partner<'_>) -> Value {
    serde_json::from_str(&partner.vector.body).unwrap_or_default()
}

fn parameters(recipe: &Recipe, is_secret_path: bool) -> Vec<Value> {
    let mut parameters: Vec<_> = recipe.headers.iter().map(|sent| header(recipe, sent)).collect();
    if is_secret_path {
        parameters.push(json!({
            "name": "token", "in": "path", "required": true,
            "description": "The secret part of the URL, which you were given apart from this file.",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]{8,200}$" },
        }));
    }
    parameters
}

fn header(recipe: &Recipe, sent: &Sent) -> Value {
    let (description, schema) = match sent.value.as_slice() {
        [Part::Given(Given::Id)] => ("The event's id, the same for every attempt.", named(ID_BYTES_MAX)),
        [Part::Given(Given::Kind)] => ("The event's type.", named(KIND_BYTES_MAX)),
        [Part::Timestamp] => (
            "When this attempt was signed: Unix seconds.",
            json!({ "type": "string", "pattern": "^[0-9]{1,12}$", "examples": [SIGNED_AT.to_string()] }),
        ),
        parts => (
            "The signature, as the page beside this file says.",
            json!({ "type": "string", "pattern": pattern(recipe, parts) }),
        ),
    };
    json!({ "name": sent.name, "in": "header", "required": true, "description": description, "schema": schema })
}

/// A name: every printable ASCII character but the space and #.
fn named(bytes_max: usize) -> Value {
    json!({ "type": "string", "pattern": format!("^[!-\"$-~]{{1,{bytes_max}}}$") })
}

/// What the header of the signature looks like.
fn pattern(recipe: &Recipe, parts: &[Part]) -> String {
    let mut pattern = "^".to_owned();
    for part in parts {
        match part {
            Part::Text(text) => {
                for c in text.chars() {
                    if !c.is_ascii_alphanumeric() && !"=,_- :;/".contains(c) {
                        pattern.push('\\');
                    }
                    pattern.push(c);
                }
            }
            Part::Timestamp => pattern.push_str("[0-9]{1,12}"),
            Part::Signature => pattern.push_str(match recipe.encoding {
                Encoding::Hex => "[0-9A-Fa-f]+",
                Encoding::Base64 => "[0-9A-Za-z+/]+={0,2}",
            }),
            Part::Given(_) | Part::Body => {}
        }
    }
    pattern.push('$');
    pattern
}

/// Answers by status: one that comes in two forms has two media types.
fn responses(answers: &[Answer]) -> Map<String, Value> {
    let mut responses = Map::new();
    for Answer { status, said, when, .. } in answers {
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({ "description": when }));
        if response["description"] != json!(when) {
            let both = format!("{} {when}", response["description"].as_str().unwrap_or_default());
            response["description"] = json!(both);
        }
        let (media, schema) = match said {
            Said::Text(text) => ("text/plain; charset=utf-8", json!({ "type": "string", "enum": [text] })),
            Said::Counted(before, behind) => (
                "text/plain; charset=utf-8",
                json!({ "type": "string", "pattern": format!("^{before}[0-9]+{behind}$") }),
            ),
            Said::Gateway => ("application/json", gateway_schema()),
        };
        add(&mut response["content"], media, schema);
        if *status == 405 {
            response["headers"] = json!({ "Allow": {
                "description": "The method to use.", "schema": { "type": "string", "const": "POST" }
            } });
        }
        if *status == 503 {
            response["headers"] = json!({ "Retry-After": {
                "description": "Seconds to wait, where the endpoint itself answers.", "schema": { "type": "integer" }
            } });
        }
    }
    responses
}

/// Two texts of one status are one schema.
fn add(content: &mut Value, media: &str, schema: Value) {
    let there = &mut content[media]["schema"];
    match there.get_mut("enum").and_then(Value::as_array_mut) {
        Some(texts) => texts.extend(schema["enum"].as_array().into_iter().flatten().cloned()),
        None => *there = schema,
    }
}

fn gateway_schema() -> Value {
    json!({
        "description": "What the gateway says when the endpoint itself does not.",
        "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"],
    })
}
