//! A deployed stack, as its outputs describe it.

mod refused;

pub(crate) use refused::last_words;

use crate::local::Failure;
use aws_sdk_cloudformation::Client;
use refused::Asked;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long it may take to look a stack up: an emulator shares a small machine with everything that it runs.
const LOOK_UP_SECONDS_MAX: u64 = 60;

/// The outputs of `template.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outputs {
    /// Where webhooks are posted to, less the name of the source.
    pub webhook_url: String,
    /// `dev` or `prod`: part of the names of its secrets.
    pub stage_name: String,
    /// Table of everything received.
    pub inbox_table_name: String,
    /// Table of everything applied.
    pub ledger_table_name: String,
    /// Table of sources, findings and runs.
    pub control_table_name: String,
    /// Between ingest and processor.
    pub event_queue_url: String,
    /// What the processor could not do.
    pub dead_letter_queue_url: String,
    /// What could not reach the reconcile function.
    pub target_dead_letter_queue_url: String,
    /// The bus that consumers listen to.
    pub event_bus_name: String,
    /// Reports of reconciliations.
    pub report_bucket_name: String,
    /// Report files that arrive.
    pub file_bucket_name: String,
}

impl Outputs {
    /// Reads the outputs of a deployed stack. `endpoint` is the emulator's, where there is one.
    ///
    /// # Errors
    /// When there is no such stack, or it has other outputs.
    pub async fn of(client: &Client, stack: &str, endpoint: Option<&str>) -> Result<Self, Failure> {
        let asked = endpoint.map_or(Asked::Aws, Asked::Emulator);
        let patience = Duration::from_secs(LOOK_UP_SECONDS_MAX);
        let described = tokio::time::timeout(patience, client.describe_stacks().stack_name(stack).send());
        let described = described
            .await
            .map_err(|_| asked.is_silent(format!("it took more than {LOOK_UP_SECONDS_MAX} s")))?
            .map_err(|error| asked.refused(stack, &error))?;
        // What was not asked for is never worked on, whatever comes.
        let is_meant = |name: Option<&str>| name == Some(stack);
        let mut found = described.stacks().iter();
        let found = found.find(|found| is_meant(found.stack_name()) || is_meant(found.stack_id()));
        let found = found.ok_or_else(|| asked.lacks(stack))?;
        let pairs =
            found.outputs().iter().filter_map(|output| Some((output.output_key()?, output.output_value()?)));
        Self::from_pairs(pairs, stack, endpoint)
    }

    fn from_pairs<'a>(
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        stack: &str,
        endpoint: Option<&str>,
    ) -> Result<Self, Failure> {
        let pairs: BTreeMap<&str, &str> = pairs.collect();
        let outputs = serde_json::to_value(pairs).and_then(serde_json::from_value::<Self>);
        let mut outputs = outputs.map_err(|error| {
            let what =
                format!("the stack {stack} is not one of template.yaml as it is here: deploy it again");
            Failure::because(what, error)
        })?;
        if let Some(endpoint) = endpoint {
            outputs.webhook_url = on_emulator(&outputs.webhook_url, endpoint)?;
        }
        Ok(outputs)
    }
}

/// The address at which MiniStack serves an HTTP API without a name server: the API is a host name in the output.
fn on_emulator(url: &str, endpoint: &str) -> Result<String, Failure> {
    let wrong = || Failure::new(format!("the output WebhookUrl, {url}, is not the address of an HTTP API"));
    let (_, rest) = url.split_once("://").ok_or_else(wrong)?;
    let (host, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (api, _) = host.split_once(".execute-api.").ok_or_else(wrong)?;
    Ok(format!("{}/_aws/execute-api/{api}/$default/{path}", endpoint.trim_end_matches('/')))
}

#[cfg(test)]
mod tests;
