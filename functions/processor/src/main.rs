//! The processor: SQS batches to [`countersign_app::process`].

mod handler;

use aws_lambda_events::sqs::SqsEvent;
use countersign_app::caches::SourceCache;
use countersign_app::ports::Clock as _;
use countersign_app::process::Processor;
use countersign_aws::{clients::Clients, clock::SystemClock, env, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = env::Processor::from_env()?;
    telemetry::init("processor", &config.stage);
    let clients = Clients::from_env().await;
    let processor = Processor {
        sources: clients.sources(&config.control_table),
        inbox: clients.inbox(&config.inbox_table, config.inbox_ttl_days),
        ledger: clients.ledger(&config.ledger_table),
        findings: clients.findings(&config.control_table),
        bus: clients.bus(&config.bus_name),
        api: clients.events_api(&config.stage)?,
        clock: SystemClock,
        drift: clients.drift(&config.control_table),
        expectations: clients.expectations(&config.control_table),
        source_cache: SourceCache::default(),
    };
    // What cannot be read now is left to the first message that needs it.
    drop(processor.source_cache.warm(&processor.sources, SystemClock.now()).await);
    let processor = &processor;
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, Error>(handler::handle(processor, event).await)
    }))
    .await
}
