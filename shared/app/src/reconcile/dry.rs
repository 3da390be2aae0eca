//! A run that changes nothing: it reads and compares like any other, and says what it would have done.

use super::{Fault, Reconciler, Refused, Work, later};
use crate::memory::MemoryRuns;
use crate::ports::{
    Bus, Cases, Clock, Findings, Inbox, Lease, Ledger, Phase, Port, PortError, ProviderApi, Queue, Reports,
    Runs as _, Sources,
};
use countersign_domain::event::{ReconciliationData, ReconciliationRequest};
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::Window;

/// What a run would come to.
#[must_use]
#[derive(Debug)]
pub struct Dry {
    /// What the bus would be told.
    pub data: ReconciliationData,
    /// Why it would be incomplete.
    pub cause: Option<String>,
    /// The reports that would be written: object key, content type, bytes.
    pub files: [(String, &'static str, Vec<u8>); 3],
}

/// Only of a desk whose runs are in memory: there is nothing that a dry run could leave behind.
impl<P, A, I, Q, L, F, O, B, C> Reconciler<P, A, I, Q, L, F, MemoryRuns, O, B, C>
where
    P: Sources,
    A: ProviderApi,
    I: Inbox,
    Q: Queue,
    L: Ledger,
    F: Findings + Cases,
    O: Reports,
    B: Bus,
    C: Clock,
{
    /// Reads and compares a window, and stops before anything is sent, recorded or written.
    ///
    /// # Errors
    /// [`PortError`] when our own side fails.
    pub async fn dry_run(&self, request: &ReconciliationRequest) -> Port<Result<Dry, Refused>> {
        let now = self.clock.now();
        let source = match self.source(&request.source, now).await? {
            Ok(source) => source,
            Err(refused) => return Ok(Err(refused)),
        };
        let Some(books) = &source.dialect.reconcile else {
            return Ok(Err(Refused::NoBooks(source.name.clone())));
        };
        let window = match Window::closed(request.from, request.to, now, self.grace(&source)) {
            Ok(window) => window,
            Err(error) => return Ok(Err(error.into())),
        };
        let taken = self.runs.take(&source.name, window, true, now, later(now, super::LEASE_SECONDS)).await?;
        let Lease::Taken(run) = taken else {
            return Err(PortError::new("runs", "take", "a dry run needs runs of its own"));
        };
        let (mut run, work) =
            (*run, Work { source: &source, books, stop_at: countersign_domain::time::Timestamp::MAX });
        while matches!(run.phase, Phase::Events | Phase::Payments | Phase::Ledger | Phase::Recheck) {
            match self.step(&work, &mut run).await {
                Ok(()) => {}
                Err(Fault::Ours(error)) => return Err(error),
                Err(Fault::LeaseLost) => {
                    return Err(PortError::new("runs", "checkpoint", "a dry run is alone"));
                }
                Err(Fault::Provider(cause)) => {
                    run.status = RunStatus::Incomplete;
                    run.cause = Some(cause);
                    break;
                }
            }
        }
        let report = self.report(&source, &mut run).await?;
        Ok(Ok(Dry { data: report.summary(), cause: run.cause.clone(), files: report.files()? }))
    }
}
