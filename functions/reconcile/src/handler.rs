//! A schedule or a bus event on one side, the use case on the other.

use countersign_app::expect::Expecter;
use countersign_app::ports::{
    Bus, Cases, Clock, Expectations, Findings, Inbox, Ledger, ProviderApi, Queue, Reports, RunHistory, Runs,
    Sources,
};
use countersign_app::reconcile::{Ended, Reconciler};
use countersign_domain::event::{
    EXPECTATIONS_DUE, PAYMENT_ANNOUNCED, RECONCILIATION_DUE, RECONCILIATION_REQUESTED, ReconciliationRequest,
};
use countersign_domain::expect::Announcement;
use countersign_domain::policy::Severity;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;

/// A run is left when less than this is left before the deadline, in milliseconds: time for one more page with all its
/// retries.
const MARGIN_MS: i64 = 60_000;

/// What calls this function: Scheduler's fixed input, or an event of the bus.
#[derive(Deserialize)]
pub(crate) struct Call {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: serde_json::Value,
}

/// Does what one call asks for. An error fails the invocation, which is then tried again.
pub(crate) async fn handle<E, P, A, I, Q, L, F, R, O, B, C>(
    reconciler: &Reconciler<P, A, I, Q, L, F, R, O, B, C>,
    expecter: &Expecter<E, P, A, I, Q, L, F, C>,
    event: LambdaEvent<Call>,
) -> Result<(), Error>
where
    E: Expectations,
    P: Sources,
    A: ProviderApi,
    I: Inbox,
    Q: Queue,
    L: Ledger,
    F: Findings + Cases,
    R: Runs + RunHistory,
    O: Reports,
    B: Bus,
    C: Clock,
{
    let (call, context) = event.into_parts();
    let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let stop_at =
        Timestamp::from_millisecond(deadline_ms.saturating_sub(MARGIN_MS)).unwrap_or(Timestamp::MAX);
    match call.detail_type.as_str() {
        RECONCILIATION_DUE => {
            let requests = reconciler.request_due().await.map_err(failed)?;
            tracing::info!(target: "countersign::work", work = "schedule", outcome = "requested", requests = requests.len());
            Ok(())
        }
        RECONCILIATION_REQUESTED => {
            let request: ReconciliationRequest = serde_json::from_value(call.detail)?;
            let ended = reconciler.run(&request, stop_at).await.map_err(failed)?;
            log(&request, &ended);
            Ok(())
        }
        PAYMENT_ANNOUNCED => {
            let announcement: Announcement = serde_json::from_value(call.detail)?;
            let (source, payment) = (announcement.source.to_string(), announcement.payment.to_string());
            let waits = expecter.announce(announcement).await.map_err(failed)?;
            let outcome = if waits.is_some() { "waiting" } else { "unknown_source" };
            tracing::info!(target: "countersign::work", work = "announcement", outcome, source, payment);
            // It must not be lost silently: Lambda gives it to the dead letters.
            waits.map(drop).ok_or_else(|| format!("there is no enabled source {source}").into())
        }
        EXPECTATIONS_DUE => {
            let checked = expecter.check(stop_at).await.map_err(failed)?;
            tracing::info!(
                target: "countersign::work",
                work = "expectations",
                outcome = "checked",
                met = checked.met,
                healed = checked.healed,
                overdue = checked.overdue,
                unanswered = checked.waiting,
            );
            Ok(())
        }
        other => Err(format!(
            "the detail-type {other:?} is unknown: {RECONCILIATION_DUE}, {RECONCILIATION_REQUESTED}, {PAYMENT_ANNOUNCED} and {EXPECTATIONS_DUE} are known"
        )
        .into()),
    }
}

fn failed(error: countersign_app::ports::PortError) -> Error {
    let detail = error.chain();
    tracing::error!(target: "countersign::work", work = "run", outcome = "failed", detail);
    detail.into()
}

fn log(request: &ReconciliationRequest, ended: &Ended) {
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
