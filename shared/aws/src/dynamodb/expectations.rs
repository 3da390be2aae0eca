//! The payments that are waited for.

use super::item::{self, Writer, of_json};
use super::keys::{self, Key, PK};
use super::{failed, partition, read_all};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use countersign_app::ports::{Announced, Expectations, Port, PortError};
use countersign_domain::expect::Expectation;
use countersign_domain::time::Timestamp;

const PORT: &str = "expectations";
const EXPECTATION: &str = "expectation";

/// The payments that are waited for.
#[derive(Clone, Debug)]
pub struct ExpectationTable {
    client: Client,
    table: String,
}

impl ExpectationTable {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }
}

fn key(expectation: &Expectation) -> Key {
    Key::Expectation {
        source: expectation.source.clone(),
        due_at: expectation.due_at,
        payment: expectation.payment.clone(),
        purpose: expectation.purpose,
    }
}

impl Expectations for ExpectationTable {
    async fn announce(&self, expectation: &Expectation) -> Port<Announced> {
        let wrong = failed(PORT, "announce");
        let mut item = Writer::new(key(expectation).attributes());
        item.put(EXPECTATION, of_json(EXPECTATION, expectation).map_err(&wrong)?);
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item.finish()));
        let call = call
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call.send().await {
            Ok(_) => Ok(Announced::New),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(known)) => {
                    let known = item::json(known.item().unwrap_or(&Default::default()), EXPECTATION);
                    Ok(Announced::Known(Box::new(known.map_err(&wrong)?)))
                }
                _ => Err(PortError::new(PORT, "announce", error)),
            },
        }
    }

    async fn due_in(&self, hour: Timestamp) -> Port<Vec<Expectation>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = partition(query, keys::expectation_partition(hour));
        let items = read_all(items, PORT, "due_in").await?;
        let read = items.iter().map(|item| item::json(item, EXPECTATION)).collect::<Result<_, _>>();
        read.map_err(failed(PORT, "due_in"))
    }

    async fn settle(&self, expectation: &Expectation) -> Port<()> {
        let key = Some(key(expectation).attributes());
        let answer = self.client.delete_item().table_name(&self.table).set_key(key).send().await;
        answer.map(drop).map_err(|error| PortError::new(PORT, "settle", error))
    }
}
