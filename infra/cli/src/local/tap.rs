//! Published events as a consumer sees them: a queue behind a rule on the bus.

use super::failure::{Doing as _, Failure};
use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Name of the queue, the rule and its target.
const NAME: &str = "countersign-local-tap";

/// Longest that SQS waits in one call.
const WAIT_SECONDS_MAX: u64 = 20;

/// Everything of ours; nothing that AWS or a test puts on the bus.
const PATTERN: &str = r#"{"source":["countersign"]}"#;

/// An event of the bus.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusEvent {
    /// Given by the bus, another one for every publication.
    pub id: String,
    /// What happened: `payment.captured`, …
    pub detail_type: String,
    /// When it was published, as the bus says it.
    pub time: String,
    /// The event itself.
    pub detail: Value,
}

/// A consumer of everything that is published.
#[derive(Clone, Debug)]
pub struct Tap {
    client: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Tap {
    /// Begins to listen.
    pub(crate) async fn on(bus: &str, config: &SdkConfig) -> Result<Self, Failure> {
        let doing = || format!("listen to the bus {bus}");
        let client = aws_sdk_sqs::Client::new(config);
        let queue = client.create_queue().queue_name(NAME).send().await.doing(doing)?;
        let queue_url = queue.queue_url.unwrap_or_default();
        let arn_name = QueueAttributeName::QueueArn;
        let known =
            client.get_queue_attributes().queue_url(&queue_url).attribute_names(arn_name.clone()).send();
        let known = known.await.doing(doing)?;
        let arn = known.attributes().and_then(|known| known.get(&arn_name)).cloned().unwrap_or_default();
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "events.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }],
        });
        let policy = client
            .set_queue_attributes()
            .queue_url(&queue_url)
            .attributes(QueueAttributeName::Policy, policy.to_string());
        policy.send().await.doing(doing)?;

        let events = aws_sdk_eventbridge::Client::new(config);
        events.put_rule().name(NAME).event_bus_name(bus).event_pattern(PATTERN).send().await.doing(doing)?;
        let target = Target::builder().id(NAME).arn(arn).build().doing(doing)?;
        events.put_targets().rule(NAME).event_bus_name(bus).targets(target).send().await.doing(doing)?;
        Ok(Self { client, queue_url })
    }

    /// What was published since the last call, in the order it came; waits for the first one, at most `wait`.
    ///
    /// # Errors
    /// When the queue cannot be read or holds something that is no event.
    pub async fn next(&self, wait: Duration) -> Result<Vec<BusEvent>, Failure> {
        let doing = || "read the tap of the bus".to_owned();
        let seconds = i32::try_from(wait.as_secs().min(WAIT_SECONDS_MAX)).unwrap_or_default();
        let request = self.client.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
        let received = request.wait_time_seconds(seconds).send().await.doing(doing)?;
        let mut events = Vec::new();
        for message in received.messages() {
            let body = message.body().unwrap_or_default();
            events.push(serde_json::from_str(body).doing(|| format!("read as an event of the bus: {body}"))?);
            let handle = message.receipt_handle().unwrap_or_default();
            self.client
                .delete_message()
                .queue_url(&self.queue_url)
                .receipt_handle(handle)
                .send()
                .await
                .doing(doing)?;
        }
        Ok(events)
    }

    /// Collects what is published until `is_enough` says so, or `limit` has passed.
    ///
    /// # Errors
    /// Those of [`Tap::next`].
    #[expect(clippy::disallowed_methods, reason = "a timeout around a read could lose what it has just read")]
    pub async fn until(
        &self,
        limit: Duration,
        mut is_enough: impl FnMut(&[BusEvent]) -> bool,
    ) -> Result<Vec<BusEvent>, Failure> {
        let started = Instant::now();
        let mut events = Vec::new();
        while !is_enough(&events) && started.elapsed() < limit {
            events.extend(self.next(Duration::from_secs(1)).await?);
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_as_the_bus_writes_it() {
        let body = r#"{"version":"0","id":"1-2","source":"countersign","account":"0","time":"2026-11-23T14:17:05Z",
            "region":"eu-central-1","resources":[],"detail-type":"payment.captured","detail":{"a":1}}"#;
        let event: BusEvent = serde_json::from_str(body).unwrap();
        assert_eq!(event.detail_type, "payment.captured");
        assert_eq!(event.detail, json!({"a": 1}));
    }
}
