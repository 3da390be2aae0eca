//! An SQS batch on one side, the use case on the other: the only place that knows what a batch failure looks like.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use countersign_app::ports::{
    Bus, Clock, Drift, Expectations, Findings, Inbox, Ledger, ProviderApi, Sources,
};
use countersign_app::process::{Asked, Outcome, Processed, Processor, Record, Retry};
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
        log(&processed);
        if processed.outcome.is_err() {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = processed.trail.message_id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

fn log(processed: &Processed) {
    let trail = &processed.trail;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let source = text(trail.source.as_ref().map(|source| source.as_str()));
    let event = text(trail.event.as_ref().map(|event| event.as_str()));
    let trace = text(trail.trace.as_ref().map(|trace| trace.as_str()));
    let kind = text(trail.kind.as_deref());
    let (payment, version) = trail.payment.clone().unwrap_or_default();
    let message = &trail.message_id;
    match &processed.outcome {
        Ok(outcome) => {
            let count = |is: bool| u32::from(is);
            let is_published = matches!(outcome, Outcome::Applied | Outcome::Republished);
            tracing::info!(
                target: "countersign::work",
                work = "message",
                outcome = outcome.name(),
                message, source, event, kind, payment, version, trace,
                lag_ms = trail.lag_ms.filter(|_| *outcome == Outcome::Applied),
                finding = match outcome { Outcome::Parked(kind) => kind.as_str(), _ => "" },
                applied = count(*outcome == Outcome::Applied),
                unchanged = count(*outcome == Outcome::Unchanged),
                unmapped = count(*outcome == Outcome::Unmapped),
                parked = count(matches!(outcome, Outcome::Parked(_))),
                published = count(is_published),
                drift = count(trail.is_news),
                fetched = count(trail.asked == Some(Asked::Answered)),
            );
        }
        Err(error) => {
            let detail = match error {
                Retry::Port(error) => error.chain(),
                other => other.to_string(),
            };
            tracing::warn!(
                target: "countersign::work",
                work = "message",
                outcome = "retry",
                message, source, event, kind, trace, detail,
                retried = 1,
                fetched = u32::from(trail.asked == Some(Asked::Answered)),
                fetch_failed = u32::from(trail.asked == Some(Asked::Failed)),
            );
        }
    }
}
