//! The doubts that wait for a person or a policy.

use super::item::{self, Item, ItemError, of_json, of_text};
use super::keys::{self, Key};
use super::{failed, partition, read_all};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use countersign_app::ports::{Findings, Port, PortError, Raised};
use countersign_domain::finding::Finding;
use countersign_domain::ids::SourceName;

const PORT: &str = "findings";

const KIND: &str = "kind";
const SUBJECT: &str = "subject";
const REASON: &str = "reason";
const FOUND_AT: &str = "found_at";

/// The first record stays, the time of the last sight moves. Names stand behind `#` because some are reserved words.
const RAISE: &str = "SET #kind = if_not_exists(#kind, :kind), #subject = if_not_exists(#subject, :subject), \
     #reason = if_not_exists(#reason, :reason), #found_at = if_not_exists(#found_at, :at), #seen_at = :at";

/// The findings.
#[derive(Clone, Debug)]
pub struct FindingTable {
    client: Client,
    table: String,
}

impl FindingTable {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }
}

impl Findings for FindingTable {
    async fn raise(&self, finding: &Finding) -> Port<Raised> {
        let Finding { source, kind, subject, reason, found_at } = finding;
        let key = Key::Finding { source: source.clone(), id: finding.id() };
        let values = [
            (":kind", of_text(kind.as_str())),
            (":subject", of_json(SUBJECT, subject).map_err(failed(PORT, "raise"))?),
            (":reason", of_text(reason)),
            (":at", of_text(found_at.to_string())),
        ];
        let mut call = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        for name in [KIND, SUBJECT, REASON, FOUND_AT, "seen_at"] {
            call = call.expression_attribute_names(format!("#{name}"), name);
        }
        for (name, value) in values {
            call = call.expression_attribute_values(name, value);
        }
        // What the row was before tells new from known, at no cost.
        let answer = call.update_expression(RAISE).return_values(ReturnValue::AllOld).send().await;
        let answer = answer.map_err(|error| PortError::new(PORT, "raise", error))?;
        let is_known = answer.attributes().is_some_and(|before| !before.is_empty());
        Ok(if is_known { Raised::Known } else { Raised::New })
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Finding>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, keys::finding_partition(source)), PORT, "list").await?;
        let read = |item: &Item| from_item(source, item);
        items.iter().map(read).collect::<Result<_, _>>().map_err(failed(PORT, "list"))
    }
}

fn from_item(source: &SourceName, item: &Item) -> Result<Finding, ItemError> {
    Ok(Finding {
        source: source.clone(),
        kind: item::word(item, KIND)?,
        subject: item::json(item, SUBJECT)?,
        reason: item::text(item, REASON)?.to_owned(),
        found_at: item::text(item, FOUND_AT)?
            .parse()
            .map_err(|error: jiff::Error| ItemError::unreadable(FOUND_AT, error))?,
    })
}
