//! A deployed stack, as its outputs describe it.

use crate::local::Failure;
use aws_sdk_cloudformation::Client;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
        let described = client.describe_stacks().stack_name(stack).send().await.map_err(|error| {
            Failure::because(
                format!("cannot find the stack {stack}: is it deployed in this account and region"),
                error,
            )
        })?;
        let found = described.stacks().first();
        let found =
            found.ok_or_else(|| Failure::new(format!("there is no stack {stack}: deploy it first")))?;
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
mod tests {
    use super::*;

    const PAIRS: [(&str, &str); 12] = [
        ("WebhookUrl", "http://f69eb487.execute-api.localhost:4566/v1/webhooks"),
        ("StageName", "dev"),
        ("InboxTableName", "inbox"),
        ("LedgerTableName", "ledger"),
        ("ControlTableName", "control"),
        ("EventQueueUrl", "http://localhost:4566/000000000000/events"),
        ("DeadLetterQueueUrl", "http://localhost:4566/000000000000/dead-letters"),
        ("TargetDeadLetterQueueUrl", "http://localhost:4566/000000000000/target-dead-letters"),
        ("EventBusName", "countersign-dev"),
        ("ReportBucketName", "reports"),
        ("FileBucketName", "files"),
        ("SomethingNew", "is no reason to fail"),
    ];

    #[test]
    fn outputs_are_read_by_name() {
        let outputs = Outputs::from_pairs(PAIRS.into_iter(), "countersign-dev", None).unwrap();
        assert_eq!(outputs.webhook_url, PAIRS[0].1);
        assert_eq!(outputs.ledger_table_name, "ledger");
        assert_eq!(outputs.report_bucket_name, "reports");
    }

    #[test]
    fn a_missing_output_is_named() {
        let error = Outputs::from_pairs(PAIRS.into_iter().skip(3), "countersign-dev", None).unwrap_err();
        assert!(error.to_string().contains("countersign-dev"), "{error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("WebhookUrl"), "{cause}");
    }

    #[test]
    fn on_the_emulator_the_webhook_url_needs_no_name_server() {
        let outputs =
            Outputs::from_pairs(PAIRS.into_iter(), "countersign-dev", Some("http://127.0.0.1:4566/"))
                .unwrap();
        assert_eq!(
            outputs.webhook_url,
            "http://127.0.0.1:4566/_aws/execute-api/f69eb487/$default/v1/webhooks"
        );
        let aws = "https://f69eb487.execute-api.eu-central-1.amazonaws.com/v1/webhooks";
        assert_eq!(
            on_emulator(aws, "http://127.0.0.1:1").unwrap(),
            "http://127.0.0.1:1/_aws/execute-api/f69eb487/$default/v1/webhooks"
        );
        assert!(on_emulator("https://example.com/v1", "http://127.0.0.1:1").is_err());
    }
}
