//! A schedule, a bus event or a state machine on one side, the use case on the other.

use countersign_app::books::{BooksError, Clerk, ClerkError, FileRun, Plan};
use countersign_app::expect::Expecter;
use countersign_app::logged;
use countersign_app::ports::{
    Bus, Cases, Clock, Expectations, Files, Findings, Inbox, Ledger, PortError, ProviderApi, Queue, Reports,
    RunHistory, Runs, Sources,
};
use countersign_app::reconcile::Reconciler;
use countersign_aws::files::FileRuns;
use countersign_domain::event::{
    EXPECTATIONS_DUE, PAYMENT_ANNOUNCED, RECONCILIATION_DUE, RECONCILIATION_REQUESTED, ReconciliationRequest,
};
use countersign_domain::expect::Announcement;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A run is left when less than this is left before the deadline, in milliseconds: time for one more page with all its
/// retries.
const MARGIN_MS: i64 = 60_000;

/// What the state machine of report files asks for, step by step: split a file, compare a part, put the parts together.
const FILE_ARRIVED: &str = "file.arrived";
const FILE_PART: &str = "file.part";
const FILE_COMPARED: &str = "file.compared";

/// The error of a file that is wrong itself: trying again would not help. The state machine knows it by this name.
const FILE_REFUSED: &str = "FileRefused";

/// What calls this function: Scheduler's fixed input, an event of the bus, or a step of the state machine.
#[derive(Deserialize)]
pub(crate) struct Call {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Value,
}

/// Does what one call asks for. An error fails the invocation, which is then tried again.
pub(crate) async fn handle<E, P, W, A, I, Q, L, F, R, O, B, C>(
    reconciler: &Reconciler<P, A, I, Q, L, F, R, O, B, C>,
    expecter: &Expecter<E, P, A, I, Q, L, F, C>,
    clerk: &Clerk<P, W, L, F, O, B, C>,
    event: LambdaEvent<Call>,
) -> Result<Value, Diagnostic>
where
    E: Expectations,
    W: Files,
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
            logged::requested(&requests);
            Ok(Value::Null)
        }
        RECONCILIATION_REQUESTED => {
            let request: ReconciliationRequest = detail(call)?;
            let ended = reconciler.run(&request, stop_at).await.map_err(failed)?;
            logged::run(&request, &ended);
            Ok(Value::Null)
        }
        PAYMENT_ANNOUNCED => {
            let announcement: Announcement = detail(call)?;
            let waits = expecter.announce(announcement.clone()).await.map_err(failed)?;
            logged::announced(&announcement, waits.is_some());
            // It must not be lost silently: Lambda gives it to the dead letters.
            waits
                .map(|_| Value::Null)
                .ok_or_else(|| format!("there is no enabled source {}", announcement.source).into())
        }
        EXPECTATIONS_DUE => {
            let checked = expecter.check(stop_at).await.map_err(failed)?;
            logged::checked(&checked);
            Ok(Value::Null)
        }
        FILE_ARRIVED | FILE_PART | FILE_COMPARED => file_step(clerk, call).await,
        other => Err(format!(
            "the detail-type {other:?} is unknown: {RECONCILIATION_DUE}, {RECONCILIATION_REQUESTED}, {PAYMENT_ANNOUNCED}, {EXPECTATIONS_DUE}, {FILE_ARRIVED}, {FILE_PART} and {FILE_COMPARED} are known"
        )
        .into()),
    }
}

/// One step of what becomes of a report file.
async fn file_step<P, W, L, F, O, B, C>(
    clerk: &Clerk<P, W, L, F, O, B, C>,
    call: Call,
) -> Result<Value, Diagnostic>
where
    P: Sources,
    W: Files,
    L: Ledger,
    F: Findings,
    O: Reports,
    B: Bus,
    C: Clock,
{
    match call.detail_type.as_str() {
        FILE_ARRIVED => {
            let Place { key } = detail(call)?;
            let (plan, parts) = clerk.plan(&key, FileRuns::default()).await.map_err(refused)?;
            tracing::info!(
                target: "countersign::work",
                work = "file",
                outcome = "split",
                source = plan.source().as_str(),
                window = plan.window().name(),
                parts = parts.len(),
            );
            Ok(serde_json::json!({ "plan": plan, "parts": parts }))
        }
        FILE_PART => {
            clerk.compare(&detail(call)?).await.map_err(refused)?;
            Ok(Value::Null)
        }
        _ => {
            let plan: Plan = detail(call)?;
            let FileRun { data, .. } = clerk.conclude(&plan).await.map_err(refused)?;
            let is_complete = data.status == RunStatus::Complete;
            tracing::info!(
                target: "countersign::work",
                work = "file",
                outcome = if is_complete { "complete" } else { "incomplete" },
                source = data.source.as_str(),
                window = format!("{}..{}", data.from, data.to),
                discrepancies = data.open.values().sum::<u32>(),
                proof_broken = u32::from(is_complete && !data.proof_holds),
            );
            serde_json::to_value(data).map_err(|error| error.to_string().into())
        }
    }
}

/// Where a report file is, in its bucket.
#[derive(Deserialize)]
struct Place {
    key: String,
}

/// What is wrong with a detail is said without a word of it: whoever sent it may have put anything in it, and serde repeats it.
fn detail<T: DeserializeOwned>(Call { detail_type, detail }: Call) -> Result<T, Diagnostic> {
    serde_json::from_value(detail).map_err(|_| {
        let remedy = "compare it with its schema in infra/events, or with the state machine of the template";
        format!("the detail of {detail_type} lacks a field or holds another value than it should: {remedy}")
            .into()
    })
}

fn failed(error: PortError) -> Diagnostic {
    logged::failed(&error);
    error.chain().into()
}

fn refused(error: ClerkError) -> Diagnostic {
    match error {
        ClerkError::Port(error) | ClerkError::Books(BooksError::Ledger(error)) => failed(error),
        error => {
            let detail = error.to_string();
            tracing::error!(target: "countersign::work", work = "file", outcome = "refused", detail);
            Diagnostic { error_type: FILE_REFUSED.to_owned(), error_message: detail }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_detail_that_cannot_be_read_is_not_repeated() {
        for said in [json!("Jane Doe"), json!({ "source": "Jane Doe" }), json!({ "Jane Doe": 1 })] {
            let call = Call { detail_type: PAYMENT_ANNOUNCED.to_owned(), detail: said };
            let error = detail::<Announcement>(call).expect_err("it is no announcement").error_message;
            assert!(error.starts_with("the detail of payment.announced lacks"), "{error}");
            assert!(!error.contains("Jane"), "{error}");
        }
    }
}
