//! The JSON Schema of every detail, generated from the types, so that a consumer can rely on what it says.

use super::{
    CloudEvent, EventType, PAYMENT_ANNOUNCED, PaymentEvent, RECONCILIATION_COMPLETED,
    RECONCILIATION_REQUESTED, ReconciliationData, ReconciliationRequest,
};
use crate::expect::Announcement;
use schemars::schema_for;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The JSON Schema of every detail that is published, by detail-type. They are checked in, and a test compares.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas: Vec<_> = EventType::ALL.iter().map(|kind| (kind.name(), of_payment(*kind))).collect();
    let completed = schema_for!(CloudEvent<String, ReconciliationData>);
    schemas.push((RECONCILIATION_COMPLETED, of_cloud_event(completed.into(), RECONCILIATION_COMPLETED)));
    let requested = schema_for!(ReconciliationRequest);
    schemas.push((RECONCILIATION_REQUESTED, titled(requested.into(), RECONCILIATION_REQUESTED)));
    let announced = schema_for!(Announcement);
    schemas.push((PAYMENT_ANNOUNCED, titled(announced.into(), PAYMENT_ANNOUNCED)));
    schemas
}

/// A payment event of one type holds one kind of fact and one kind of change: the schema says which.
fn of_payment(kind: EventType) -> Value {
    let mut schema = of_cloud_event(schema_for!(PaymentEvent).into(), kind.name());
    let (register, fact) = parts(kind);
    keep_variants(&mut schema, "/$defs/PaymentData/oneOf", "register", register);
    keep_variants(&mut schema, "/$defs/Fact/oneOf", "kind", fact);
    drop_unused_definitions(&mut schema);
    schema
}

/// The register that an event type changes, and the fact that it comes from.
fn parts(kind: EventType) -> (&'static str, &'static str) {
    match kind {
        EventType::PaymentInitiated => ("payment", "initiated"),
        EventType::PaymentRequiresAction => ("payment", "requires_action"),
        EventType::PaymentPending => ("payment", "pending"),
        EventType::PaymentAuthorized => ("payment", "authorized"),
        EventType::PaymentCaptured => ("payment", "captured"),
        EventType::PaymentFailed => ("payment", "failed"),
        EventType::PaymentCanceled => ("payment", "canceled"),
        EventType::PaymentExpired => ("payment", "expired"),
        EventType::PaymentCaptureReversed => ("payment", "capture_reversed"),
        EventType::PaymentRefunded => ("payment", "refunded"),
        EventType::RefundPending
        | EventType::RefundSucceeded
        | EventType::RefundCanceled
        | EventType::RefundFailed => ("refund", "refund"),
        EventType::DisputeInquiry
        | EventType::DisputeInquiryClosed
        | EventType::DisputeOpened
        | EventType::DisputeUnderReview
        | EventType::DisputeLost
        | EventType::DisputeWon => ("dispute", "dispute"),
        EventType::DisputeFundsWithdrawn | EventType::DisputeFundsReinstated => ("dispute", "dispute_funds"),
        EventType::PayoutPending
        | EventType::PayoutPaid
        | EventType::PayoutCanceled
        | EventType::PayoutFailed => ("settlement", "payout"),
    }
}

/// A CloudEvent schema narrowed to one type.
fn of_cloud_event(schema: Value, name: &str) -> Value {
    let mut schema = titled(schema, name);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("type".to_owned(), json!({ "const": name }));
        properties.insert("specversion".to_owned(), json!({ "const": "1.0" }));
    }
    schema
}

fn titled(mut schema: Value, name: &str) -> Value {
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), name.into());
    }
    schema
}

fn keep_variants(schema: &mut Value, place: &str, tag: &str, wanted: &str) {
    if let Some(variants) = schema.pointer_mut(place).and_then(Value::as_array_mut) {
        let is_wanted = |variant: &Value| variant["properties"][tag]["const"] == wanted;
        variants.retain(is_wanted);
    }
}

fn drop_unused_definitions(schema: &mut Value) {
    let mut used = BTreeSet::new();
    let root = schema.as_object().into_iter().flatten().filter(|(key, _)| *key != "$defs");
    let mut open: Vec<&Value> = root.map(|(_, value)| value).collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::String(text) => {
                if let Some(name) = text.strip_prefix("#/$defs/")
                    && used.insert(name.to_owned())
                {
                    open.extend(schema.pointer(&format!("/$defs/{name}")));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.retain(|name, _| used.contains(name));
    }
}
