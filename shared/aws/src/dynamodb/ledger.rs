//! The books: append-only.

use super::item::{self, Item, ItemError, Writer, of_hex, of_json, of_text, of_time};
use super::keys::{self, DAY, Key, PAYMENTS_BY_DAY, PK, VERSION};
use super::{failed, partition, read_all};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use countersign_app::ports::{Append, Ledger, LedgerView, Port, PortError};
use countersign_domain::ids::{EventId, EventKind, PaymentId, SourceName};
use countersign_domain::ledger::{Cause, LedgerRow};
use countersign_domain::time::utc_date;
use futures::future::try_join_all;

const PORT: &str = "ledger";

const EVENT: &str = "e";
const KIND: &str = "k";
const OCCURRED_AT: &str = "t";
const RECEIVED_AT: &str = "r";
const TRACE: &str = "c";
const FACT: &str = "f";
const CHANGE: &str = "g";
const STATE: &str = "s";
const RECORDED_AT: &str = "w";

/// The ledger.
#[derive(Clone, Debug)]
pub struct LedgerTable {
    client: Client,
    table: String,
}

impl LedgerTable {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    /// Every row of a payment, with every write that was acknowledged before.
    async fn rows(
        &self,
        source: &SourceName,
        payment: &PaymentId,
        is_oldest_first: bool,
        operation: &'static str,
    ) -> Port<Vec<Item>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query =
            partition(query, keys::payment_partition(source, payment)).scan_index_forward(is_oldest_first);
        read_all(query, PORT, operation).await
    }
}

impl Ledger for LedgerTable {
    async fn view(&self, source: &SourceName, payment: &PaymentId, event: &EventId) -> Port<LedgerView> {
        let rows = self.rows(source, payment, false, "view").await?;
        let is_of_event = |item: &&Item| item::text(item, EVENT).is_ok_and(|id| id == event.as_str());
        let read = |item: Option<&Item>| item.map(from_item).transpose().map_err(failed(PORT, "view"));
        Ok(LedgerView { latest: read(rows.first())?, of_event: read(rows.iter().find(is_of_event))? })
    }

    async fn history(&self, source: &SourceName, payment: &PaymentId) -> Port<Vec<LedgerRow>> {
        let rows = self.rows(source, payment, true, "history").await?;
        rows.iter().map(from_item).collect::<Result<_, _>>().map_err(failed(PORT, "history"))
    }

    async fn append(&self, row: &LedgerRow) -> Port<Append> {
        let item = to_item(row).map_err(failed(PORT, "append"))?;
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match call.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(Append::Appended),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Append::Stale),
                _ => Err(PortError::new(PORT, "append", error)),
            },
        }
    }

    async fn opened_on(&self, source: &SourceName, date: &str) -> Port<Vec<PaymentId>> {
        let shards = keys::days_of(source, date).into_iter().map(|day| {
            let query = self.client.query().table_name(&self.table).index_name(PAYMENTS_BY_DAY);
            let query = query.key_condition_expression("#day = :day").expression_attribute_names("#day", DAY);
            read_all(query.expression_attribute_values(":day", AttributeValue::S(day)), PORT, "opened_on")
        });
        let payment =
            |item: &Item| keys::parse_payment_partition(item::text(item, PK)?).map(|(_, payment)| payment);
        let payments = try_join_all(shards).await?.into_iter().flatten().map(|item| payment(&item));
        payments.collect::<Result<_, _>>().map_err(failed(PORT, "opened_on"))
    }
}

fn to_item(row: &LedgerRow) -> Result<Item, ItemError> {
    let LedgerRow { source, payment, version, cause, fact, change, state, recorded_at } = row;
    let key = Key::Ledger { source: source.clone(), payment: payment.clone(), version: *version };
    let mut item = Writer::new(key.attributes());
    if *version == 1 {
        item.put(DAY, of_text(keys::day_of(source, &utc_date(*recorded_at), payment)));
    }
    item.put(EVENT, of_text(cause.event.as_str()));
    item.put(KIND, of_text(cause.kind.as_str()));
    item.put(OCCURRED_AT, cause.occurred_at.map(of_time));
    item.put(RECEIVED_AT, of_time(cause.received_at));
    item.put(TRACE, of_hex(TRACE, cause.trace.as_str())?);
    item.put(FACT, of_json(FACT, fact)?);
    item.put(CHANGE, change.as_ref().map(|change| of_json(CHANGE, change)).transpose()?);
    item.put(STATE, of_json(STATE, state)?);
    item.put(RECORDED_AT, of_time(*recorded_at));
    Ok(item.finish())
}

fn from_item(item: &Item) -> Result<LedgerRow, ItemError> {
    let (source, payment) = keys::parse_payment_partition(item::text(item, PK)?)?;
    let event =
        EventId::new(item::text(item, EVENT)?).map_err(|error| ItemError::unreadable(EVENT, error))?;
    let kind = EventKind::new(item::text(item, KIND)?).map_err(|error| ItemError::unreadable(KIND, error))?;
    let cause = Cause {
        event,
        kind,
        occurred_at: item::optional_time(item, OCCURRED_AT)?,
        received_at: item::time(item, RECEIVED_AT)?,
        trace: item::trace(item, TRACE)?,
    };
    Ok(LedgerRow {
        source,
        payment,
        version: item::number(item, VERSION)?,
        cause,
        fact: item::json(item, FACT)?,
        change: item::optional_json(item, CHANGE)?,
        state: item::json(item, STATE)?,
        recorded_at: item::time(item, RECORDED_AT)?,
    })
}

#[cfg(test)]
mod tests;
