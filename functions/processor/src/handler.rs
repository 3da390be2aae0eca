//! An SQS batch on one side, the use case on the other: the only place that knows what a batch failure looks like.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use countersign_app::logged;
use countersign_app::ports::{
    Bus, Clock, Drift, Expectations, Findings, Inbox, Ledger, ProviderApi, Sources,
};
use countersign_app::process::{Processor, Record};
use countersign_aws::clients::AWS_CALL_MS_MAX;
use countersign_aws::provider::EVENT_CALL_MS_MAX;
use countersign_domain::time::Timestamp;
use lambda_runtime::LambdaEvent;

/// Nothing new is begun when less than this is left before the deadline, in milliseconds: time for one call to a provider's
/// API about what was begun last, and to publish what is committed, both at their slowest. A message that outlived the
/// invocation would take the whole batch with it.
const MARGIN_MS: u64 = 16_000;

/// Calls in which a whole batch is published, where each message has one event: `BatchSize` of the template, in tens.
const PUBLISH_CALLS: u64 = 3;

const _: () = assert!(
    MARGIN_MS > EVENT_CALL_MS_MAX + PUBLISH_CALLS * AWS_CALL_MS_MAX,
    "a record begun at the last moment may outlive the invocation"
);

/// Works through one batch and names the messages that must come back.
pub(crate) async fn handle<S, I, L, F, B, A, C, D, E>(
    processor: &Processor<S, I, L, F, B, A, C, D, E>,
    event: LambdaEvent<SqsEvent>,
) -> SqsBatchResponse
where
    S: Sources,
    I: Inbox,
    L: Ledger,
    F: Findings,
    B: Bus,
    A: ProviderApi,
    C: Clock,
    D: Drift,
    E: Expectations,
{
    let stop_at = stop_at(event.context.deadline);
    let records = event.payload.records.into_iter().map(|message| Record {
        // Without its id a message cannot be named as failed; the empty name fails the whole batch, which is right.
        message_id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
    });
    let mut response = SqsBatchResponse::default();
    for processed in processor.batch(records.collect(), stop_at).await {
        logged::message(&processed);
        if processed.outcome.is_err() {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = processed.trail.message_id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// When nothing new is begun any more, for an invocation that ends at this Unix time in milliseconds.
fn stop_at(deadline_ms: u64) -> Timestamp {
    let stop_ms = i64::try_from(deadline_ms.saturating_sub(MARGIN_MS)).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(stop_ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_domain::limits::BUS_ENTRIES_MAX;

    /// A number of the template, by what stands before it.
    fn number_after(template: &str, before: &str) -> u64 {
        let (_, rest) = template.split_once(before).expect(before);
        let digits = rest.trim_start().split(|at: char| !at.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).expect("a number")
    }

    #[test]
    fn what_is_begun_at_the_last_moment_ends_within_the_invocation_and_comes_back_after_it() {
        let template = include_str!("../../../template.yaml");
        let (_, processor) = template.split_once("\n  ProcessorFunction:").expect("a function");
        let timeout = number_after(processor, "Timeout:");
        let window = number_after(processor, "MaximumBatchingWindowInSeconds:");
        let messages = usize::try_from(number_after(processor, "BatchSize:")).expect("few");
        let (_, visibility) = template.split_once("\n  EventVisibilitySeconds:").expect("a parameter");
        assert!(number_after(visibility, "Default:") > 6 * timeout + window, "Lambda's rule for a queue");
        assert_eq!(u64::try_from(messages.div_ceil(BUS_ENTRIES_MAX)), Ok(PUBLISH_CALLS));
        assert!(timeout * 1_000 > MARGIN_MS + EVENT_CALL_MS_MAX, "one slow call leaves time to begin others");

        let deadline_ms = 1_764_000_030_000;
        for (deadline_ms, stop_ms) in
            [(deadline_ms, deadline_ms - MARGIN_MS), (MARGIN_MS - 1, 0), (u64::MAX, u64::MAX)]
        {
            let expected = i64::try_from(stop_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            assert_eq!(stop_at(deadline_ms), expected.unwrap_or(Timestamp::MAX), "{deadline_ms}");
        }
    }
}
