//! Reconciliation: the schedule and the bus to [`countersign_app::reconcile`].

mod handler;

use countersign_app::books::{Clerk, FileDesk};
use countersign_app::caches::SourceCache;
use countersign_app::expect::Expecter;
use countersign_app::reconcile::Reconciler;
use countersign_aws::{clients::Clients, clock::SystemClock, env, telemetry};
use lambda_runtime::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = env::Reconcile::from_env()?;
    telemetry::init("reconcile", &config.stage);
    let clients = Clients::from_env().await;
    let reconciler = Reconciler {
        sources: clients.sources(&config.control_table),
        api: clients.provider_api(&config.stage)?,
        inbox: clients.inbox(&config.inbox_table, config.inbox_ttl_days),
        queue: clients.queue(&config.queue_url),
        ledger: clients.ledger(&config.ledger_table),
        findings: clients.findings(&config.control_table),
        runs: clients.runs(&config.control_table),
        reports: clients.reports(&config.report_bucket),
        bus: clients.bus(&config.bus_name),
        clock: SystemClock,
        source_cache: SourceCache::default(),
        grace_seconds: config.grace_seconds,
        code: env::code_version()?,
    };
    let expecter = Expecter {
        expectations: clients.expectations(&config.control_table),
        sources: clients.sources(&config.control_table),
        api: clients.provider_api(&config.stage)?,
        inbox: clients.inbox(&config.inbox_table, config.inbox_ttl_days),
        queue: clients.queue(&config.queue_url),
        ledger: clients.ledger(&config.ledger_table),
        findings: clients.findings(&config.control_table),
        clock: SystemClock,
        source_cache: SourceCache::default(),
    };
    let clerk = Clerk {
        sources: clients.sources(&config.control_table),
        files: clients.files(&config.file_bucket),
        desk: FileDesk {
            ledger: clients.ledger(&config.ledger_table),
            findings: clients.findings(&config.control_table),
            reports: clients.reports(&config.report_bucket),
            bus: clients.bus(&config.bus_name),
            clock: SystemClock,
            code: env::code_version()?,
        },
        source_cache: SourceCache::default(),
        part_rows_max: config.part_rows_max,
    };
    let (reconciler, expecter, clerk) = (&reconciler, &expecter, &clerk);
    run(service_fn(move |event| handler::handle(reconciler, expecter, clerk, event))).await
}
