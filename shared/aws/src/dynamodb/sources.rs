//! The configured sources.

use super::item::{self, Item, Writer, of_json};
use super::keys::{Key, SOURCES};
use super::{failed, partition, read_all};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use countersign_app::ports::{Port, PortError, Sources};
use countersign_domain::ids::SourceName;
use countersign_domain::source::SourceConfig;

const PORT: &str = "sources";

const CONFIG: &str = "config";

/// The sources.
#[derive(Clone, Debug)]
pub struct SourceTable {
    client: Client,
    table: String,
}

impl SourceTable {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    /// Writes a source, replacing the one of its name. For the operator: no function may.
    ///
    /// # Errors
    /// [`PortError`] when the store refuses or cannot be reached.
    pub async fn put(&self, config: &SourceConfig) -> Port<()> {
        let mut item = Writer::new(Key::Source(config.name.clone()).attributes());
        item.put(CONFIG, of_json(CONFIG, config).map_err(failed(PORT, "put"))?);
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item.finish()));
        call.send().await.map(drop).map_err(|error| PortError::new(PORT, "put", error))
    }
}

impl Sources for SourceTable {
    /// A query, not a get: it is the one call that ingest and the processor may make on this table.
    async fn fetch(&self, name: &SourceName) -> Port<Option<SourceConfig>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", AttributeValue::S(SOURCES.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(name.to_string()));
        let items = read_all(query, PORT, "fetch").await?;
        items.first().map(config).transpose().map_err(failed(PORT, "fetch"))
    }

    async fn list(&self) -> Port<Vec<SourceConfig>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, SOURCES.to_owned()), PORT, "list").await?;
        items.iter().map(config).collect::<Result<_, _>>().map_err(failed(PORT, "list"))
    }
}

fn config(item: &Item) -> Result<SourceConfig, item::ItemError> {
    item::json(item, CONFIG)
}
