//! The queue between ingest and processor, on SQS.
//!
//! It is a standard queue, and each message carries its source as `MessageGroupId`. On a standard queue that is no order:
//! it makes the queue *fair*, so that a source with a backlog does not delay the others
//! (docs.aws.amazon.com/AWSSimpleQueueService, "Amazon SQS fair queues").

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use countersign_app::ports::{Notice, Port, PortError, Queue};
use countersign_domain::limits::QUEUE_ENTRIES_MAX;
use std::collections::BTreeSet;

const PORT: &str = "queue";

/// The queue.
#[derive(Clone, Debug)]
pub struct EventQueue {
    client: Client,
    url: String,
}

impl EventQueue {
    pub(crate) fn new(client: Client, url: &str) -> Self {
        Self { client, url: url.to_owned() }
    }

    /// The cheapest call that the sender's role allows: it opens the connection.
    pub(crate) async fn touch(&self) -> Port<()> {
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = call.attribute_names(QueueAttributeName::QueueArn).send().await;
        answer.map(drop).map_err(|error| PortError::new(PORT, "touch", error))
    }
}

impl Queue for EventQueue {
    async fn send(&self, notices: &[Notice]) -> Port<Vec<usize>> {
        let refused = |why: String| PortError::new(PORT, "send", why);
        if notices.len() > QUEUE_ENTRIES_MAX {
            return Err(refused(format!(
                "{} messages, and SQS takes {QUEUE_ENTRIES_MAX} at once",
                notices.len()
            )));
        }
        if notices.is_empty() {
            return Ok(Vec::new());
        }
        let entries =
            notices.iter().enumerate().map(|(at, notice)| entry(at, notice)).collect::<Port<Vec<_>>>()?;
        let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| PortError::new(PORT, "send", error))?;
        // What is not named as taken was not taken, whatever else the answer says.
        let taken: BTreeSet<&str> = answer.successful().iter().map(|entry| entry.id()).collect();
        let failed: Vec<_> =
            (0..notices.len()).filter(|at| !taken.contains(at.to_string().as_str())).collect();
        if !failed.is_empty() {
            let codes: BTreeSet<&str> = answer.failed().iter().map(|entry| entry.code()).collect();
            let detail = format!("{} of {} messages were not taken: {codes:?}", failed.len(), notices.len());
            tracing::warn!(target: "countersign::queue", detail);
        }
        Ok(failed)
    }
}

fn entry(at: usize, notice: &Notice) -> Port<SendMessageBatchRequestEntry> {
    // Every part of a notice is an ASCII name, so the body holds only characters that SQS takes.
    let body = serde_json::to_string(notice).map_err(|error| PortError::new(PORT, "encode", error))?;
    SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(body)
        .message_group_id(notice.key.source().as_str())
        .build()
        .map_err(|error| PortError::new(PORT, "encode", error))
}
