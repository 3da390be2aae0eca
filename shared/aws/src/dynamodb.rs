//! Inbox, ledger and control on DynamoDB. [`keys`] is the schema: every row, its key, its life and its writer.
//!
//! An adapter decides nothing. It makes one conditional write or one consistent read, and says what it came to.

mod drift;
mod expectations;
mod findings;
mod inbox;
pub mod item;
pub mod keys;
mod ledger;
mod runs;
mod sources;

pub use drift::DriftTable;
pub use expectations::ExpectationTable;
pub use findings::FindingTable;
pub use inbox::InboxTable;
pub use ledger::LedgerTable;
pub use runs::RunTable;
pub use sources::SourceTable;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use countersign_app::ports::{Port, PortError};
use countersign_domain::time::Timestamp;
use item::Item;

/// Calls of one step that are under way at the same time.
const CALLS_IN_FLIGHT_MAX: usize = 8;

/// Turns any error into this port's.
fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    port: &'static str,
    operation: &'static str,
) -> impl Fn(E) -> PortError {
    move |error| PortError::new(port, operation, error)
}

/// A query of one partition, read to its end. `ConsistentRead` is the caller's to set: an index has none.
async fn read_all(query: QueryFluentBuilder, port: &'static str, operation: &'static str) -> Port<Vec<Item>> {
    let items = query.into_paginator().items().send();
    items.collect::<Result<Vec<_>, _>>().await.map_err(failed(port, operation))
}

/// `pk = :pk`.
fn partition(query: QueryFluentBuilder, pk: String) -> QueryFluentBuilder {
    query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", AttributeValue::S(pk))
}

/// What DynamoDB's TTL and our own check compare: Unix seconds.
fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().to_string())
}

/// Unix seconds that lie a number of days after an instant.
fn seconds_after(at: Timestamp, days: u16) -> AttributeValue {
    AttributeValue::N(at.as_second().saturating_add(i64::from(days).saturating_mul(86_400)).to_string())
}
