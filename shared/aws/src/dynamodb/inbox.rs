//! What came in.

use super::item::{self, Item, ItemError, Writer, of_bytes, of_hex, of_text, of_time};
use super::keys::{EXPIRES_AT, Key};
use super::{failed, seconds, seconds_after};
use crate::clock::SystemClock;
use crate::codec;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use countersign_app::ports::{Clock as _, Inbox, InboxKey, InboxRow, Origin, Port, PortError, Put};
use countersign_domain::ids::EventKind;
use std::collections::BTreeMap;

const PORT: &str = "inbox";

const ORIGIN: &str = "o";
const KIND: &str = "k";
const MEANING: &str = "m";
const DELIVERY: &str = "d";
const OCCURRED_AT: &str = "t";
const RECEIVED_AT: &str = "r";
const ATTEMPT: &str = "a";
const TRACE: &str = "c";
const REASON: &str = "w";

/// A key is free if there is no row, or one whose life is over and that DynamoDB has not deleted yet (it may take days).
const IS_FREE: &str = "attribute_not_exists(pk) OR expires_at <= :now";

/// The inbox.
#[derive(Clone, Debug)]
pub struct InboxTable {
    client: Client,
    table: String,
    ttl_days: u16,
}

impl InboxTable {
    pub(crate) fn new(client: Client, table: &str, ttl_days: u16) -> Self {
        Self { client, table: table.to_owned(), ttl_days }
    }
}

impl Inbox for InboxTable {
    async fn put(&self, row: &InboxRow) -> Port<Put> {
        let now = SystemClock.now();
        let mut item = to_item(row).map_err(failed(PORT, "put"))?;
        item.insert(EXPIRES_AT.to_owned(), seconds_after(now, self.ttl_days));
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let answer = call
            .condition_expression(IS_FREE)
            .expression_attribute_values(":now", seconds(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Put::Written),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                    exists(taken.item()).map_err(failed(PORT, "put"))
                }
                _ => Err(PortError::new(PORT, "put", error)),
            },
        }
    }

    async fn get(&self, key: &InboxKey) -> Port<Option<InboxRow>> {
        let call = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = call.set_key(Some(Key::Inbox(key.clone()).attributes())).send().await;
        let Some(item) = answer.map_err(|error| PortError::new(PORT, "get", error))?.item else {
            return Ok(None);
        };
        let expires_at: i64 = item::number(&item, EXPIRES_AT).map_err(failed(PORT, "get"))?;
        if expires_at <= SystemClock.now().as_second() {
            return Ok(None);
        }
        from_item(key, &item).map(Some).map_err(failed(PORT, "get"))
    }
}

fn exists(item: Option<&Item>) -> Result<Put, ItemError> {
    let item =
        item.ok_or_else(|| ItemError::unreadable(super::keys::PK, "the store did not return the row"))?;
    Ok(Put::Exists { attempt: item::trace(item, ATTEMPT)?, meaning: item::digest(item, MEANING)? })
}

/// The row without its expiry.
fn to_item(row: &InboxRow) -> Result<Item, ItemError> {
    let mut item = Writer::new(Key::Inbox(row.key.clone()).attributes());
    item.put(ORIGIN, of_text(origin_letter(row.origin)));
    item.put(KIND, row.kind.as_ref().map(|kind| of_text(kind.as_str())));
    item.put(MEANING, of_hex(MEANING, row.meaning.as_str())?);
    item.put(DELIVERY, of_bytes(pack(row)?));
    item.put(OCCURRED_AT, row.occurred_at.map(of_time));
    item.put(RECEIVED_AT, of_time(row.received_at));
    item.put(ATTEMPT, of_hex(ATTEMPT, row.attempt.as_str())?);
    if row.trace != row.attempt {
        item.put(TRACE, of_hex(TRACE, row.trace.as_str())?);
    }
    item.put(REASON, row.reason.as_ref().map(of_text));
    Ok(item.finish())
}

fn from_item(key: &InboxKey, item: &Item) -> Result<InboxRow, ItemError> {
    let kind = |text: &str| EventKind::new(text).map_err(|error| ItemError::unreadable(KIND, error));
    let (headers, body) = unpack(item::bytes(item, DELIVERY)?)?;
    let attempt = item::trace(item, ATTEMPT)?;
    Ok(InboxRow {
        key: key.clone(),
        origin: origin(item::text(item, ORIGIN)?)?,
        kind: item::optional_text(item, KIND)?.map(kind).transpose()?,
        meaning: item::digest(item, MEANING)?,
        body,
        headers,
        occurred_at: item::optional_time(item, OCCURRED_AT)?,
        received_at: item::time(item, RECEIVED_AT)?,
        trace: item::optional_trace(item, TRACE)?.unwrap_or_else(|| attempt.clone()),
        attempt,
        reason: item::optional_text(item, REASON)?.map(str::to_owned),
    })
}

/// Headers and body are packed together, so that both profit from the dictionary: one line of JSON, then the bytes.
fn pack(row: &InboxRow) -> Result<Vec<u8>, ItemError> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| ItemError::unreadable(DELIVERY, error);
    let mut plain = serde_json::to_vec(&row.headers).map_err(|error| broken(error.into()))?;
    plain.push(b'\n');
    plain.extend_from_slice(&row.body);
    codec::pack(&plain).map_err(|error| broken(error.into()))
}

fn unpack(packed: &[u8]) -> Result<(BTreeMap<String, String>, Vec<u8>), ItemError> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| ItemError::unreadable(DELIVERY, error);
    let plain = codec::unpack(packed).map_err(|error| broken(error.into()))?;
    let mut parts = plain.splitn(2, |byte| *byte == b'\n');
    let (Some(headers), Some(body)) = (parts.next(), parts.next()) else {
        return Err(broken("no line of headers stands before the body".into()));
    };
    let headers = serde_json::from_slice(headers).map_err(|error| broken(error.into()))?;
    Ok((headers, body.to_vec()))
}

fn origin_letter(origin: Origin) -> &'static str {
    match origin {
        Origin::Delivery => "D",
        Origin::Listed => "L",
        Origin::Fetched => "F",
        Origin::Correction => "C",
    }
}

fn origin(letter: &str) -> Result<Origin, ItemError> {
    match letter {
        "D" => Ok(Origin::Delivery),
        "L" => Ok(Origin::Listed),
        "F" => Ok(Origin::Fetched),
        "C" => Ok(Origin::Correction),
        other => Err(ItemError::unreadable(ORIGIN, format!("it is {other:?}, and D, L, F and C are known"))),
    }
}

#[cfg(test)]
mod tests;
