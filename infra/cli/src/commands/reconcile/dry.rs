//! `countersign reconcile run --dry-run`: a run here, in this process, that leaves nothing behind.

use super::super::{Command, Context};
use super::RunArgs;
use crate::error::CliError;
use countersign_app::caches::SourceCache;
use countersign_app::memory::MemoryRuns;
use countersign_app::ports::Clock as _;
use countersign_app::reconcile::Reconciler;
use countersign_aws::clock::SystemClock;
use countersign_domain::event::{ReconciliationData, ReconciliationRequest};
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::Window;
use serde::Serialize;

/// Which window.
#[derive(Debug)]
pub struct DryArgs(RunArgs);

impl DryArgs {
    /// Of the window that a run would have.
    #[must_use]
    pub fn of(run: RunArgs) -> Self {
        Self(run)
    }
}

/// What a run would come to.
#[derive(Debug, Serialize)]
pub struct WouldBe {
    /// What the bus would be told.
    pub run: ReconciliationData,
    /// Why it would be incomplete.
    pub cause: Option<String>,
    /// The report, as CSV.
    pub report: String,
}

impl Command for DryArgs {
    type Output = WouldBe;

    async fn run(self, context: &Context) -> Result<WouldBe, CliError> {
        let Self(args) = self;
        let Window { from, to } = super::window(args.from, args.to, SystemClock.now())?;
        let reconciler = Reconciler {
            sources: context.sources(),
            api: context.provider_api()?,
            inbox: context.inbox(),
            queue: context.queue(),
            ledger: context.ledger(),
            findings: context.findings(),
            runs: MemoryRuns::default(),
            reports: context.reports(),
            bus: context.bus(),
            clock: SystemClock,
            source_cache: SourceCache::default(),
            grace_seconds: 0,
            code: format!("countersign {}", env!("CARGO_PKG_VERSION")),
        };
        let request = ReconciliationRequest { source: args.source, from, to, again: true };
        let dry = reconciler.dry_run(&request).await?;
        let dry = dry.map_err(|refused| CliError::Usage(refused.to_string()))?;
        let [_, (_, _, csv), _] = dry.files;
        let report = String::from_utf8_lossy(&csv).into_owned();
        // None was written that could be read.
        let run = ReconciliationData { reports: Vec::new(), ..dry.data };
        Ok(WouldBe { run, cause: dry.cause, report })
    }

    fn show(output: &WouldBe) -> String {
        let WouldBe { run, cause, report } = output;
        let status = crate::output::word(&run.status);
        let cause = cause.as_ref().map_or_else(String::new, |cause| format!("cause: {cause}\n"));
        let window = Window { from: run.from, to: run.to };
        format!(
            "dry run of {} over {}: {status}\n{cause}{report}{} corrections would be sent, {} findings raised\n\
             nothing was written: it was a dry run\n",
            run.source,
            window.name(),
            run.healed,
            run.open.values().copied().fold(0, u32::saturating_add)
        )
    }

    fn is_success(output: &WouldBe) -> bool {
        output.run.status == RunStatus::Complete
    }
}
