//! The configured sources: every version, and the newest once more where the functions look.

use super::item::{self, Item, ItemError, Writer, of_json, of_number, of_time};
use super::keys::{self, Key, SOURCES};
use super::{failed, partition, read_all};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use countersign_app::ports::{Port, PortError, SourceVersion, SourceVersions, Sources, Written};
use countersign_domain::ids::SourceName;
use countersign_domain::source::SourceConfig;

const PORT: &str = "sources";

const CONFIG: &str = "config";
const NUMBER: &str = "number";
const MADE: &str = "made";
const WRITTEN_AT: &str = "written_at";

/// A transaction's reason for a put whose condition does not hold.
const UNMET: &str = "ConditionalCheckFailed";

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

    /// The row in force, if there is one. A query, not a get: it is the one call that ingest and the processor may make
    /// on this table.
    async fn row(&self, name: &SourceName, operation: &'static str) -> Port<Option<Item>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", AttributeValue::S(SOURCES.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(name.to_string()));
        Ok(read_all(query, PORT, operation).await?.pop())
    }

    fn put(
        &self,
        key: &Key,
        version: &SourceVersion,
    ) -> Result<aws_sdk_dynamodb::types::builders::PutBuilder, ItemError> {
        let mut item = Writer::new(key.attributes());
        item.put(CONFIG, of_json(CONFIG, &version.config)?);
        item.put(NUMBER, of_number(version.number));
        item.put(MADE, of_json(MADE, &version.made)?);
        item.put(WRITTEN_AT, of_time(version.written_at));
        Ok(Put::builder().table_name(&self.table).set_item(Some(item.finish())))
    }

    /// The version itself if its number is free, and the row in force if it is of the number before.
    fn puts(&self, version: &SourceVersion) -> Port<[TransactWriteItem; 2]> {
        let (name, number) = (version.config.name.clone(), version.number);
        let unwritable = failed(PORT, "write");
        let kept =
            self.put(&Key::SourceVersion { source: name.clone(), number }, version).map_err(&unwritable)?;
        let kept = kept.condition_expression("attribute_not_exists(pk)");
        let in_force = self.put(&Key::Source(name), version).map_err(&unwritable)?;
        let in_force = match number.saturating_sub(1) {
            0 => in_force.condition_expression("attribute_not_exists(pk)"),
            before => in_force
                .condition_expression("#number = :before")
                .expression_attribute_names("#number", NUMBER)
                .expression_attribute_values(":before", of_number(before)),
        };
        let built =
            [kept.build().map_err(failed(PORT, "write"))?, in_force.build().map_err(failed(PORT, "write"))?];
        Ok(built.map(|put| TransactWriteItem::builder().put(put).build()))
    }
}

impl Sources for SourceTable {
    async fn fetch(&self, name: &SourceName) -> Port<Option<SourceConfig>> {
        let row = self.row(name, "fetch").await?;
        row.as_ref().map(config).transpose().map_err(failed(PORT, "fetch"))
    }

    async fn list(&self) -> Port<Vec<SourceConfig>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, SOURCES.to_owned()), PORT, "list").await?;
        items.iter().map(config).collect::<Result<_, _>>().map_err(failed(PORT, "list"))
    }
}

impl SourceVersions for SourceTable {
    async fn newest(&self, name: &SourceName) -> Port<Option<SourceVersion>> {
        let row = self.row(name, "newest").await?;
        row.as_ref().map(version).transpose().map_err(failed(PORT, "newest"))
    }

    async fn history(&self, name: &SourceName) -> Port<Vec<SourceVersion>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, keys::version_partition(name)), PORT, "history").await?;
        items.iter().map(version).collect::<Result<_, _>>().map_err(failed(PORT, "history"))
    }

    /// A transaction: half of it would leave a number that is taken and not in force. The SDK sends one token with each
    /// of its own tries, so a lost answer does not look like another operator.
    async fn write(&self, version: &SourceVersion) -> Port<Written> {
        let puts = Vec::from(self.puts(version)?);
        match self.client.transact_write_items().set_transact_items(Some(puts)).send().await {
            Ok(_) => Ok(Written::InForce),
            Err(error) => match cancellation(&error) {
                Cancellation::Condition => Ok(Written::Taken),
                Cancellation::Passing => {
                    Err(PortError::new(PORT, "write", NotWritten { number: version.number, error }))
                }
                Cancellation::Other => Err(PortError::new(PORT, "write", error)),
            },
        }
    }
}

type WriteError = SdkError<TransactWriteItemsError>;

/// Another call was at the same rows, or there were too many calls. Whether the number is free is not known.
#[derive(Debug, thiserror::Error)]
#[error("version {number} was not written: the table was busy with these rows; try again")]
struct NotWritten {
    number: u32,
    #[source]
    error: WriteError,
}

/// Why a transaction wrote nothing.
enum Cancellation {
    /// Its conditions do not hold, and nothing else was in its way.
    Condition,
    /// Something that passes: another call at the same rows, or too many calls.
    Passing,
    /// It was not cancelled, or trying again does not help.
    Other,
}

fn cancellation(error: &WriteError) -> Cancellation {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error()
    else {
        return Cancellation::Other;
    };
    let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let codes: Vec<_> = codes.filter(|code| *code != "None").collect();
    let is_all_of = |known: &[&str]| !codes.is_empty() && codes.iter().all(|code| known.contains(code));
    if is_all_of(&[UNMET]) {
        Cancellation::Condition
    } else if is_all_of(&[UNMET, "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]) {
        Cancellation::Passing
    } else {
        Cancellation::Other
    }
}

fn config(item: &Item) -> Result<SourceConfig, ItemError> {
    item::json(item, CONFIG)
}

fn version(item: &Item) -> Result<SourceVersion, ItemError> {
    Ok(SourceVersion {
        number: item::number(item, NUMBER)?,
        config: config(item)?,
        made: item::json(item, MADE)?,
        written_at: item::time(item, WRITTEN_AT)?,
    })
}
