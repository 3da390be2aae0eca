//! The schemas in `infra/events` are those of the types, and real events keep to them.

use super::*;
use crate::testing::{assert_checked_in, repository};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Keys sorted all the way down, whatever map the JSON crate was built with.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<_, _> =
                members.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        scalar => scalar.clone(),
    }
}

#[test]
fn the_files_are_those_of_the_types() {
    let mut expected = BTreeSet::new();
    for (name, schema) in super::super::schemas() {
        let text = serde_json::to_string_pretty(&sorted(&schema)).expect("JSON");
        assert_checked_in(&format!("infra/events/{name}.json"), &format!("{text}\n"));
        expected.insert(format!("{name}.json"));
    }
    let folder = std::fs::read_dir(repository("infra/events")).expect("the folder");
    let found: BTreeSet<_> =
        folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    assert_eq!(found, expected, "a schema of a type that is gone, or none of one that is new");
}

/// Whether a detail keeps to the schema of its type; what the validator says, if not.
fn validate(name: &str, detail: &Value) -> Result<(), String> {
    let (_, schema) =
        super::super::schemas().into_iter().find(|(known, _)| *known == name).expect("a schema");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("schema.json", schema).expect("a place");
    let index = compiler.compile("schema.json", &mut schemas).expect("a valid schema");
    schemas.validate(detail, index).map_err(|error| error.to_string())
}

#[test]
fn every_event_type_is_published_and_keeps_to_its_schema() {
    let mut seen = BTreeSet::new();
    for fact in facts() {
        let first = row(None, fact.clone());
        let captured = row(None, Fact::Captured { amount: money(2000, "EUR") });
        let rows = match fact {
            Fact::Captured { .. } => vec![first],
            _ => vec![first, row(Some(&captured), fact)],
        };
        for row in rows.iter().filter(|row| row.change.is_some()) {
            let (name, detail) = published(row);
            assert_eq!(validate(name, &detail), Ok(()), "{detail}");
            seen.insert(name);
        }
    }
    assert_eq!(seen, EventType::ALL.iter().map(|kind| kind.name()).collect());
}

#[test]
fn a_run_and_a_request_keep_to_their_schemas() {
    for status in [RunStatus::Running, RunStatus::Complete, RunStatus::Incomplete] {
        let event = of_run(&ReconciliationData { status, ..run() }, 1).expect("JSON");
        let detail = serde_json::from_str(&event.detail).expect("JSON");
        assert_eq!(
            (event.detail_type, validate(event.detail_type, &detail)),
            (RECONCILIATION_COMPLETED, Ok(()))
        );
    }
    for again in [false, true] {
        let request = ReconciliationRequest { source: source_name(), from: now(), to: now(), again };
        let event = of_request(&request).expect("JSON");
        let detail = serde_json::from_str(&event.detail).expect("JSON");
        assert_eq!(
            (event.detail_type, validate(event.detail_type, &detail)),
            (RECONCILIATION_REQUESTED, Ok(()))
        );
        assert_eq!(serde_json::from_value::<ReconciliationRequest>(detail).expect("its own JSON"), request);
    }
}

/// A schema that lets everything through would prove nothing.
#[test]
fn what_is_no_such_event_is_refused() {
    let (name, detail) = published(&row(None, Fact::Captured { amount: money(2000, "EUR") }));
    for (place, value) in [
        ("/id", json!("1")),
        ("/id", Value::Null),
        ("/type", json!("payment.refunded")),
        ("/specversion", json!("0.3")),
        ("/source", json!("/elsewhere/shop")),
        ("/time", json!("yesterday")),
        ("/datacontenttype", json!("text/plain")),
        ("/traceparent", json!("00-1-1-01")),
        ("/data/version", json!(-1)),
        ("/data/register", json!("refund")),
        ("/data/from", json!("gone")),
        ("/data/to", Value::Null),
        ("/data/payment", json!(1)),
        ("/data/fact/kind", json!("refunded")),
        ("/data/fact/amount/minor", json!(-2000)),
        ("/data/fact/amount/minor", json!(20.5)),
        ("/data/fact/amount/minor", json!("2000")),
        ("/data/fact/amount/currency", json!("eur")),
        ("/data/amounts/captured", json!("2000")),
    ] {
        let mut changed = detail.clone();
        *changed.pointer_mut(place).expect("the place is there") = value;
        assert!(validate(name, &changed).is_err(), "{place}: {changed}");
    }
    for key in ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"] {
        let mut changed = detail.clone();
        changed.as_object_mut().expect("an object").remove(key);
        assert!(validate(name, &changed).is_err(), "without {key}");
    }
}

/// Every schema stands by itself, and says no more than its own type can hold.
#[test]
fn a_schema_holds_one_fact_and_one_register() {
    for kind in EventType::ALL {
        let (_, schema) =
            super::super::schemas().into_iter().find(|(name, _)| *name == kind.name()).expect("a schema");
        for place in ["/$defs/PaymentData/oneOf", "/$defs/Fact/oneOf"] {
            let variants = schema.pointer(place).and_then(Value::as_array).expect("variants");
            assert_eq!(variants.len(), 1, "{} {place}", kind.name());
        }
        assert_eq!(schema["title"], kind.name());
    }
}
