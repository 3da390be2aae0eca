//! An SQS batch on one side, the use case on the other: the only place that knows what a batch failure looks like.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use countersign_app::logged;
use countersign_app::ports::{
    Bus, Clock, Drift, Expectations, Findings, Inbox, Ledger, ProviderApi, Sources,
};
use countersign_app::process::{Processor, Record};
use countersign_domain::time::Timestamp;
use lambda_runtime::LambdaEvent;

/// Nothing new is begun when less than this is left before the deadline, in milliseconds: time to publish what is
/// committed.
const MARGIN_MS: i64 = 5_000;

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
    let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
    let stop_at =
        Timestamp::from_millisecond(deadline_ms.saturating_sub(MARGIN_MS)).unwrap_or(Timestamp::MAX);
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
