//! The doubts that wait for a person or a policy.

use super::item::{self, Item, ItemError, of_json, of_number, of_text};
use super::keys::{self, Key};
use super::{failed, partition, read_all};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use countersign_app::ports::{Cases, Findings, Port, PortError, Raised, Stepped};
use countersign_domain::finding::{Case, Finding, Standing, Step};
use countersign_domain::ids::SourceName;
use countersign_domain::money::Money;
use countersign_domain::time::Timestamp;

const PORT: &str = "findings";

const KIND: &str = "kind";
const SUBJECT: &str = "subject";
const REASON: &str = "reason";
const AT_STAKE: &str = "at_stake";
const FOUND_AT: &str = "found_at";
const SEEN_AT: &str = "seen_at";
const SIGHTINGS: &str = "sightings";
const STANDING: &str = "standing";
const STEPS: &str = "steps";

/// The first record stays, the time of the last sight moves. Names stand behind `#` because some are reserved words.
const RAISE: &str = "SET #kind = if_not_exists(#kind, :kind), #subject = if_not_exists(#subject, :subject), \
     #reason = if_not_exists(#reason, :reason), #at_stake = if_not_exists(#at_stake, :at_stake), #found_at = if_not_exists(#found_at, :at), #seen_at = :at \
     ADD #sightings :one";
/// One step more, and where the finding stands then; only on top of the steps that were read.
const STEP: &str = "SET #standing = :standing, #steps = :steps";

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
        let Finding { source, kind, subject, reason, at_stake, found_at } = finding;
        let key = Key::Finding { source: source.clone(), id: finding.id() };
        let values = [
            (":kind", of_text(kind.as_str())),
            (":subject", of_json(SUBJECT, subject).map_err(failed(PORT, "raise"))?),
            (":reason", of_text(reason)),
            (":at_stake", of_json(AT_STAKE, at_stake).map_err(failed(PORT, "raise"))?),
            (":at", of_text(found_at.to_string())),
            (":one", of_number(1)),
        ];
        let mut call = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        for name in [KIND, SUBJECT, REASON, AT_STAKE, FOUND_AT, SEEN_AT, SIGHTINGS] {
            call = call.expression_attribute_names(format!("#{name}"), name);
        }
        for (name, value) in values {
            call = call.expression_attribute_values(name, value);
        }
        // What the row was before tells new from known, at no cost.
        let answer = call.update_expression(RAISE).return_values(ReturnValue::AllOld).send().await;
        let answer = answer.map_err(|error| PortError::new(PORT, "raise", error))?;
        let Some(before) = answer.attributes().filter(|before| !before.is_empty()) else {
            return Ok(Raised::New);
        };
        let standing = item::optional_text(before, STANDING).map_err(failed(PORT, "raise"))?;
        if standing.is_some_and(|standing| standing == word(Standing::Resolved)) {
            return self.reopen(finding).await;
        }
        Ok(Raised::Known)
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Finding>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, keys::finding_partition(source)), PORT, "list").await?;
        let read = |item: &Item| from_item(source, item);
        items.iter().map(read).collect::<Result<_, _>>().map_err(failed(PORT, "list"))
    }
}

impl Cases for FindingTable {
    async fn of(&self, source: &SourceName) -> Port<Vec<Case>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let items = read_all(partition(query, keys::finding_partition(source)), PORT, "of").await?;
        items.iter().map(|item| case(source, item)).collect::<Result<_, _>>().map_err(failed(PORT, "of"))
    }

    async fn find(&self, source: &SourceName, id: &str) -> Port<Option<Case>> {
        let key = Key::Finding { source: source.clone(), id: id.to_owned() };
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.set_key(Some(key.attributes())).send().await;
        let answer = answer.map_err(|error| PortError::new(PORT, "find", error))?;
        answer.item().map(|item| case(source, item)).transpose().map_err(failed(PORT, "find"))
    }

    async fn step(&self, after: &Case) -> Port<Stepped> {
        let key = Key::Finding { source: after.finding.source.clone(), id: after.finding.id() };
        let before = after.steps.split_last().map(|(_, before)| before).unwrap_or_default();
        let steps = of_json(STEPS, &after.steps).map_err(failed(PORT, "step"))?;
        let mut call = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        for name in [STANDING, STEPS] {
            call = call.expression_attribute_names(format!("#{name}"), name);
        }
        call = call.expression_attribute_values(":standing", of_text(word(after.standing)));
        call = call.expression_attribute_values(":steps", steps).update_expression(STEP);
        call = match before {
            [] => call.condition_expression("attribute_exists(pk) AND attribute_not_exists(#steps)"),
            before => call
                .expression_attribute_values(
                    ":before",
                    of_json(STEPS, &before).map_err(failed(PORT, "step"))?,
                )
                .condition_expression("#steps = :before"),
        };
        match call.send().await {
            Ok(_) => Ok(Stepped::Written),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Stepped::Changed),
                _ => Err(PortError::new(PORT, "step", error)),
            },
        }
    }
}

impl FindingTable {
    /// A settled finding was seen again. If something is done about it meanwhile, that is as good.
    async fn reopen(&self, finding: &Finding) -> Port<Raised> {
        let Some(case) = self.find(&finding.source, &finding.id()).await? else { return Ok(Raised::Known) };
        let Ok(after) = case.after(Step::seen_again(finding)) else { return Ok(Raised::Known) };
        Ok(match self.step(&after).await? {
            Stepped::Written => Raised::Reopened,
            Stepped::Changed => Raised::Known,
        })
    }
}

/// A standing as it is stored.
fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Acknowledged => "acknowledged",
        Standing::Resolved => "resolved",
    }
}

fn case(source: &SourceName, item: &Item) -> Result<Case, ItemError> {
    let finding = from_item(source, item)?;
    // A row of a time when nothing was done about findings.
    let standing = match item::optional_text(item, STANDING)? {
        None => Standing::Open,
        Some(_) => item::word(item, STANDING)?,
    };
    Ok(Case {
        seen_at: instant(item, SEEN_AT)?,
        sightings: item::optional_number(item, SIGHTINGS)?.unwrap_or(1),
        standing,
        steps: item::optional_json(item, STEPS)?.unwrap_or_default(),
        finding,
    })
}

fn instant(item: &Item, attribute: &'static str) -> Result<Timestamp, ItemError> {
    let unreadable = |error: jiff::Error| ItemError::unreadable(attribute, error);
    item::text(item, attribute)?.parse().map_err(unreadable)
}

fn from_item(source: &SourceName, item: &Item) -> Result<Finding, ItemError> {
    Ok(Finding {
        source: source.clone(),
        kind: item::word(item, KIND)?,
        subject: item::json(item, SUBJECT)?,
        reason: item::text(item, REASON)?.to_owned(),
        // A row of a time when it was not kept has none.
        at_stake: item::optional_json::<Option<Money>>(item, AT_STAKE)?.flatten(),
        found_at: instant(item, FOUND_AT)?,
    })
}
