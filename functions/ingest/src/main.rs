//! The webhook endpoint: HTTP API to [`countersign_app::ingest`].
//!
//! INIT reads the configuration, the sources and their secrets and opens the connections, so that no delivery waits
//! for them.

mod handler;

use countersign_app::ingest::Ingest;
use countersign_app::ports::Clock as _;
use countersign_aws::certificates::HttpsCertificates;
use countersign_aws::{clients::Clients, clock::SystemClock, env, telemetry};
use lambda_http::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = env::Ingest::from_env()?;
    telemetry::init("ingest", &config.stage);
    let clients = Clients::from_env().await;
    let ingest = Ingest::new(
        clients.sources(&config.control_table),
        clients.secrets(&config.stage),
        HttpsCertificates::default(),
        clients.inbox(&config.inbox_table, config.inbox_ttl_days),
        clients.queue(&config.queue_url),
    );
    futures::join!(ingest.warm(SystemClock.now()), clients.warm_queue(&config.queue_url));
    let ingest = &ingest;
    run(service_fn(move |request| handler::handle(ingest, request))).await
}
