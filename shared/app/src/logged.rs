//! The one wide line that is logged of each unit of work. It names things and counts them: no body, no secret, no header.
//!
//! The lines stand here, and not at the edges, so that the simulator writes the very same ones and can read them all.
//! `countersign_aws::telemetry` says which fields reach a log, and which of them are metrics.

use crate::expect::Checked;
use crate::ingest::{Accepted, Arrival, Rejected, Request};
use crate::ports::PortError;
use crate::process::{Asked, Outcome, Processed, Retry};
use crate::reconcile::Ended;
use countersign_domain::event::ReconciliationRequest;
use countersign_domain::expect::{Announcement, Expectation};
use countersign_domain::ids::SourceName;
use countersign_domain::policy::Severity;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::signature::SignatureError;
use countersign_domain::time::Timestamp;

/// What became of a delivery, when it was answered at `answered_at`.
pub fn delivery(
    request: &Request,
    arrival: &Arrival,
    result: &Result<Accepted, Rejected>,
    answered_at: Timestamp,
) {
    let duration_ms = answered_at.as_millisecond().saturating_sub(arrival.now.as_millisecond());
    let (source, trace, body_bytes) = (request.source.as_str(), arrival.trace.as_str(), request.body.len());
    match result {
        Ok(accepted) => tracing::info!(
            target: "countersign::work",
            work = "delivery",
            outcome = "accepted",
            source, trace, body_bytes, duration_ms,
            status = 200,
            received = accepted.received,
            duplicate = accepted.duplicates,
            conflicting = accepted.conflicts,
            unreadable = accepted.unreadable,
            previous_secret = u32::from(accepted.by_previous_secret),
        ),
        Err(rejected) => {
            // An unknown name is the caller's text, not one of ours.
            let source = if matches!(rejected, Rejected::UnknownSource) { "" } else { source };
            let is_retired = matches!(rejected, Rejected::Unauthentic { error: SignatureError::Retired, .. });
            let detail = match rejected {
                Rejected::Unauthentic { error, .. } => error.to_string(),
                Rejected::Unavailable(error) => error.chain(),
                other => other.to_string(),
            };
            tracing::warn!(
                target: "countersign::work",
                work = "delivery",
                outcome = "rejected",
                source, trace, body_bytes, duration_ms, detail,
                status = rejected.status(),
                reason = rejected.reason(),
                rejected = 1,
                retired_secret = u32::from(is_retired),
            );
        }
    }
}

/// What became of a message.
pub fn message(processed: &Processed) {
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

/// What the daily call asked for.
pub fn requested(requests: &[ReconciliationRequest]) {
    let requests = requests.len();
    tracing::info!(target: "countersign::work", work = "schedule", outcome = "requested", requests);
}

/// What became of a run.
pub fn run(request: &ReconciliationRequest, ended: &Ended) {
    let (source, outcome) = (request.source.as_str(), ended.name());
    let window = format!("{}..{}", request.from, request.to);
    match ended {
        Ended::Finished(data) => {
            let is_complete = data.status == RunStatus::Complete;
            tracing::info!(
                target: "countersign::work",
                work = "run",
                source, outcome, window,
                healed = data.healed,
                discrepancies = data.open.values().sum::<u32>(),
                reconcile_completed = u32::from(is_complete),
                reconcile_incomplete = u32::from(!is_complete),
                discrepancy_deviation = u32::from(is_complete && data.rate.deviates),
                findings_critical = data.waiting.get(&Severity::Critical).copied().unwrap_or_default(),
                proof_broken = u32::from(is_complete && !data.proof_holds),
            );
        }
        Ended::Refused(why) => {
            let detail = why.to_string();
            tracing::warn!(target: "countersign::work", work = "run", source, outcome, window, detail);
        }
        Ended::Suspended(_) | Ended::Busy | Ended::AlreadyComplete => {
            tracing::info!(target: "countersign::work", work = "run", source, outcome, window);
        }
    }
}

/// What became of an announcement: whether its payment is waited for.
pub fn announced(announcement: &Announcement, is_waited_for: bool) {
    let (source, payment) = (announcement.source.as_str(), announcement.payment.as_str());
    let outcome = if is_waited_for { "waiting" } else { "unknown_source" };
    tracing::info!(target: "countersign::work", work = "announcement", outcome, source, payment);
}

/// What a look after the announced payments came to.
pub fn checked(checked: &Checked) {
    tracing::info!(
        target: "countersign::work",
        work = "expectations",
        outcome = "checked",
        met = checked.met,
        healed = checked.healed,
        overdue = checked.overdue,
        discrepancies = checked.differing,
        unanswered = checked.waiting,
    );
}

/// A final state that could not be checked with its provider, and is checked no more.
pub fn unchecked(expectation: &Expectation, why: &str) {
    let (source, payment) = (expectation.source.as_str(), expectation.payment.as_str());
    tracing::warn!(
        target: "countersign::work",
        work = "expectations",
        outcome = "unchecked",
        source, payment,
        detail = why,
    );
}

/// A source that is enabled and does not work: this work goes on without it. Why, and what to do, is in `detail`.
pub fn unusable_source(work: &'static str, source: &SourceName, why: &PortError) {
    let (source, detail) = (source.as_str(), why.chain());
    tracing::warn!(
        target: "countersign::work",
        work,
        outcome = "refused",
        source, detail,
        unusable_source = 1,
    );
}

/// Work that failed on our own side, and is tried again.
pub fn failed(error: &PortError) {
    let detail = error.chain();
    tracing::error!(target: "countersign::work", work = "run", outcome = "failed", detail);
}

#[cfg(test)]
mod tests;
