//! The runs of reconciliation: their leases, checkpoints and notes.

use super::item::{self, Item, ItemError, Writer, of_bytes, of_hex, of_json, of_number, of_text, of_time};
use super::keys::{self, EXPIRES_AT, Key};
use super::{CALLS_IN_FLIGHT_MAX, failed, partition, read_all, seconds_after};
use crate::clock::{SystemClock, random_id};
use crate::codec;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use countersign_app::ports::{
    Checkpoint, Clock as _, Evidence, Lease, Phase, Port, PortError, Run, RunHistory, Runs, StepId,
};
use countersign_domain::ids::SourceName;
use countersign_domain::time::{Timestamp, Window};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

const PORT: &str = "runs";

const RUN: &str = "run";
const EPOCH: &str = "epoch";
const LEASE_UNTIL: &str = "lease_until";
const HOLDER: &str = "holder";
const NOTE: &str = "note";
const NUMBER: &str = "number";

/// How long notes are kept, in days: the report says the same for good.
pub(super) const EVIDENCE_TTL_DAYS: u16 = 90;

/// The runs.
#[derive(Clone, Debug)]
pub struct RunTable {
    client: Client,
    table: String,
}

/// What is read before a lease is taken.
struct Seen {
    /// The state, character for character.
    text: String,
    run: Run,
    lease_until: Timestamp,
}

/// What a window's lease comes to, seen from the row that is there.
enum Next {
    Begin(Run),
    Busy,
    Finished(Run),
}

impl RunTable {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    async fn read(&self, source: &SourceName, window: Window, operation: &'static str) -> Port<Option<Item>> {
        let key = Key::Run { source: source.clone(), window }.attributes();
        let call = self.client.get_item().table_name(&self.table).consistent_read(true).set_key(Some(key));
        let answer = call.send().await.map_err(|error| PortError::new(PORT, operation, error))?;
        Ok(answer.item)
    }

    /// Writes the row of a taken lease, if the row is still as it was seen.
    async fn write_lease(&self, seen: Option<&Seen>, run: Run, lease_until: Timestamp) -> Port<Lease> {
        let broken = failed::<ItemError>(PORT, "take");
        let holder = of_hex(HOLDER, random_id().as_str()).map_err(&broken)?;
        let item = to_item(&run, lease_until, &holder).map_err(broken)?;
        let mut call = self.client.put_item().table_name(&self.table).set_item(Some(item));
        call = match seen {
            None => call.condition_expression("attribute_not_exists(pk)"),
            Some(seen) => call
                .condition_expression("#run = :run AND #lease_until = :lease_until")
                .expression_attribute_names("#run", RUN)
                .expression_attribute_names("#lease_until", LEASE_UNTIL)
                .expression_attribute_values(":run", of_text(&seen.text))
                .expression_attribute_values(":lease_until", of_time(seen.lease_until)),
        };
        let call = call.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call.send().await {
            Ok(_) => Ok(Lease::Taken(Box::new(run))),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                    // Our own put, whose answer was lost and which the SDK sent again, is no one else's.
                    let is_ours = taken.item().and_then(|item| item.get(HOLDER)) == Some(&holder);
                    Ok(if is_ours { Lease::Taken(Box::new(run)) } else { Lease::Busy })
                }
                _ => Err(PortError::new(PORT, "take", error)),
            },
        }
    }

    async fn write_note(&self, run: &Run, note: &Evidence) -> Port<()> {
        let broken = failed::<ItemError>(PORT, "note");
        let key = Key::Evidence {
            source: run.source.clone(),
            window: run.window,
            attempt: run.attempt,
            note: note.key(),
            step: run.step(),
        };
        let mut item = Writer::new(key.attributes());
        item.put(EPOCH, of_number(run.step().epoch));
        item.put(NUMBER, of_number(u64::from(run.step().number)));
        item.put(NOTE, of_bytes(pack(note).map_err(broken)?));
        item.put(EXPIRES_AT, seconds_after(SystemClock.now(), EVIDENCE_TTL_DAYS));
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item.finish()));
        call.send().await.map(drop).map_err(|error| PortError::new(PORT, "note", error))
    }
}

impl Runs for RunTable {
    async fn take(
        &self,
        source: &SourceName,
        window: Window,
        again: bool,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Port<Lease> {
        let seen = match self.read(source, window, "take").await? {
            None => {
                let run = Run::begin(source.clone(), window, 1, 1, now);
                return self.write_lease(None, run, lease_until).await;
            }
            Some(item) => seen(&item).map_err(failed(PORT, "take"))?,
        };
        match next(&seen, again, now) {
            Next::Begin(run) => self.write_lease(Some(&seen), run, lease_until).await,
            Next::Busy => Ok(Lease::Busy),
            Next::Finished(run) => Ok(Lease::Finished(Box::new(run))),
        }
    }

    async fn checkpoint(&self, run: &Run, lease_until: Timestamp) -> Port<Checkpoint> {
        let key = Key::Run { source: run.source.clone(), window: run.window }.attributes();
        let state = of_json(RUN, run).map_err(failed(PORT, "checkpoint"))?;
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET #run = :run, #lease_until = :lease_until")
            .condition_expression("#epoch = :epoch")
            .expression_attribute_names("#run", RUN)
            .expression_attribute_names("#lease_until", LEASE_UNTIL)
            .expression_attribute_names("#epoch", EPOCH)
            .expression_attribute_values(":run", state)
            .expression_attribute_values(":lease_until", of_time(lease_until))
            .expression_attribute_values(":epoch", of_number(run.epoch))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Checkpoint::Kept),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Checkpoint::Lost),
                _ => Err(PortError::new(PORT, "checkpoint", error)),
            },
        }
    }

    async fn find(&self, source: &SourceName, window: Window) -> Port<Option<Run>> {
        let item = self.read(source, window, "find").await?;
        item.map(|item| item::json(&item, RUN)).transpose().map_err(failed(PORT, "find"))
    }

    async fn note(&self, run: &Run, notes: &[Evidence]) -> Port<()> {
        let writes: Vec<_> = notes.iter().map(|note| self.write_note(run, note)).collect();
        stream::iter(writes).buffer_unordered(CALLS_IN_FLIGHT_MAX).try_collect::<()>().await
    }

    async fn notes(&self, run: &Run, prefix: &str) -> Port<Vec<Evidence>> {
        let pk = keys::evidence_partition(&run.source, run.window, run.attempt);
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        // DynamoDB takes no empty string for a key, not even as a prefix.
        let query = if prefix.is_empty() {
            partition(query, pk)
        } else {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(pk))
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
        };
        let items = read_all(query, PORT, "notes").await?;
        let notes = items.iter().map(noted).collect::<Result<_, _>>().map_err(failed(PORT, "notes"))?;
        Ok(run.counted(notes))
    }
}

impl RunHistory for RunTable {
    async fn newest(&self, source: &SourceName, runs_max: u16) -> Port<Vec<Run>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = partition(query, keys::run_partition(source)).scan_index_forward(false);
        // A page holds a megabyte at most, however many rows are asked for.
        let mut items = query.limit(i32::from(runs_max)).into_paginator().items().send();
        let mut runs = Vec::new();
        while runs.len() < usize::from(runs_max) {
            let Some(item) = items.try_next().await.map_err(failed(PORT, "newest"))? else { break };
            runs.push(item::json(&item, RUN).map_err(failed(PORT, "newest"))?);
        }
        Ok(runs)
    }
}

fn seen(item: &Item) -> Result<Seen, ItemError> {
    let text = item::text(item, RUN)?.to_owned();
    Ok(Seen { text, run: item::json(item, RUN)?, lease_until: item::time(item, LEASE_UNTIL)? })
}

/// The port's rules of taking: what is over stays over unless it was incomplete or is asked for again; a lease in force
/// keeps everyone else out; whoever takes a run over raises its epoch.
fn next(seen: &Seen, again: bool, now: Timestamp) -> Next {
    let Seen { run, lease_until, .. } = seen;
    if run.is_complete() && !again {
        return Next::Finished(run.clone());
    }
    if *lease_until > now {
        return Next::Busy;
    }
    let epoch = run.epoch.saturating_add(1);
    Next::Begin(if run.phase == Phase::Done {
        run.next_attempt(epoch, now)
    } else {
        Run { epoch, ..run.clone() }
    })
}

fn to_item(run: &Run, lease_until: Timestamp, holder: &AttributeValue) -> Result<Item, ItemError> {
    let mut item = Writer::new(Key::Run { source: run.source.clone(), window: run.window }.attributes());
    item.put(RUN, of_json(RUN, run)?);
    item.put(EPOCH, of_number(run.epoch));
    item.put(LEASE_UNTIL, of_time(lease_until));
    item.put(HOLDER, holder.clone());
    Ok(item.finish())
}

/// A note and the step that it was made in.
fn noted(item: &Item) -> Result<(StepId, Evidence), ItemError> {
    let step = StepId { epoch: item::number(item, EPOCH)?, number: item::number(item, NUMBER)? };
    Ok((step, unpack(item::bytes(item, NOTE)?)?))
}

fn pack(note: &Evidence) -> Result<Vec<u8>, ItemError> {
    let plain = serde_json::to_vec(note).map_err(|error| ItemError::unreadable(NOTE, error))?;
    codec::pack(&plain).map_err(|error| ItemError::unreadable(NOTE, error))
}

fn unpack(packed: &[u8]) -> Result<Evidence, ItemError> {
    let plain = codec::unpack(packed).map_err(|error| ItemError::unreadable(NOTE, error))?;
    serde_json::from_slice(&plain).map_err(|error| ItemError::unreadable(NOTE, error))
}
