//! What the sources say that their dialects have no word for.

use super::item::{self, Item, ItemError, of_json, of_number, of_text, of_time};
use super::keys::{self, EXPIRES_AT, Key};
use super::{failed, partition, read_all, seconds_after};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use countersign_app::ports::{Drift, Drifted, Port, PortError, Seen, Sighting};
use countersign_domain::ids::SourceName;

const PORT: &str = "drift";

const KIND: &str = "kind";
const UNKNOWN: &str = "unknown";
const EXAMPLE: &str = "example";
const EVENTS: &str = "events";
const FIRST_SEEN: &str = "first_seen";
const LAST_SEEN: &str = "last_seen";

/// How long a word is remembered after it was last seen, in days.
const FORGOTTEN_AFTER_DAYS: u16 = 90;

/// The first example stays, the count grows, the last sight moves, and with it the end.
const SAW: &str = "SET #kind = :kind, #unknown = :unknown, #example = if_not_exists(#example, :example), \
     #first_seen = if_not_exists(#first_seen, :at), #last_seen = :at, #expires_at = :expires_at ADD #events :events";

/// The drift.
#[derive(Clone, Debug)]
pub struct DriftTable {
    client: Client,
    table: String,
}

impl DriftTable {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }
}

impl Drift for DriftTable {
    async fn saw(&self, sighting: &Sighting) -> Port<Seen> {
        let Sighting { source, kind, unknown, example, events, at } = sighting;
        let key = Key::Drift { source: source.clone(), word: unknown.key(kind) };
        let mut call = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        for name in [KIND, UNKNOWN, EXAMPLE, EVENTS, FIRST_SEEN, LAST_SEEN, EXPIRES_AT] {
            call = call.expression_attribute_names(format!("#{name}"), name);
        }
        for (name, value) in [
            (":kind", of_text(kind.as_str())),
            (":unknown", of_json(UNKNOWN, unknown).map_err(failed(PORT, "saw"))?),
            (":example", of_text(example.as_str())),
            (":events", of_number(events)),
            (":at", of_time(*at)),
            (":expires_at", seconds_after(*at, FORGOTTEN_AFTER_DAYS)),
        ] {
            call = call.expression_attribute_values(name, value);
        }
        // What the row was before tells new from known, at no cost.
        let answer = call.update_expression(SAW).return_values(ReturnValue::AllOld).send().await;
        let answer = answer.map_err(|error| PortError::new(PORT, "saw", error))?;
        let is_known = answer.attributes().is_some_and(|before| !before.is_empty());
        Ok(if is_known { Seen::Known } else { Seen::New })
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Drifted>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, keys::drift_partition(source)), PORT, "list").await?;
        items.iter().map(drifted).collect::<Result<_, _>>().map_err(failed(PORT, "list"))
    }
}

fn drifted(item: &Item) -> Result<Drifted, ItemError> {
    Ok(Drifted {
        kind: item::word(item, KIND)?,
        unknown: item::json(item, UNKNOWN)?,
        example: item::word(item, EXAMPLE)?,
        events: item::number(item, EVENTS)?,
        first_seen: item::time(item, FIRST_SEEN)?,
        last_seen: item::time(item, LAST_SEEN)?,
    })
}
