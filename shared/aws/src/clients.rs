//! One set of AWS clients, and every adapter made from it.
//!
//! A function makes one [`Clients::from_env`] in INIT. A test or a local stack gives an endpoint ([`Clients::at`]) or a
//! configuration of its own ([`Clients::new`]):
//!
//! ```no_run
//! # use countersign_aws::clients::Clients;
//! let clients = Clients::at("http://127.0.0.1:4566");
//! let inbox = clients.inbox("inbox", 45);
//! let ledger = clients.ledger("ledger");
//! let (sources, findings, runs) = (clients.sources("control"), clients.findings("control"), clients.runs("control"));
//! let queue = clients.queue("http://127.0.0.1:4566/000000000000/events");
//! let (bus, reports) = (clients.bus("countersign-dev"), clients.reports("reports"));
//! let (secrets, api_tokens) = (clients.secrets("dev"), clients.api_tokens("dev"));
//! ```

use crate::dynamodb::{
    DriftTable, ExpectationTable, FindingTable, InboxTable, LedgerTable, RunTable, SourceTable,
};
use crate::eventbridge::EventBus;
use crate::provider::{self, HttpsApi};
use crate::s3::{FileBucket, ReportBucket};
use crate::secrets::{ApiTokens, SigningSecrets};
use crate::sqs::EventQueue;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use countersign_app::ports::Port;
use std::sync::OnceLock;
use std::time::Duration;

/// How an SDK call is cut short. Ingest makes two calls in a row for a delivery, so each may take at most half of the
/// five seconds after which the whole should have been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Patience {
    connect_ms: u64,
    attempt_ms: u64,
    operation_ms: u64,
}

impl Patience {
    const WITH_AWS: Self = Self { connect_ms: 1_000, attempt_ms: 1_200, operation_ms: AWS_CALL_MS_MAX };
    /// An emulator shares a small machine with everything that it runs; a report may have megabytes, and nobody waits for
    /// it.
    const WITH_TIME: Self = Self { connect_ms: 5_000, attempt_ms: 20_000, operation_ms: 60_000 };

    /// AWS is only ever spoken to over TLS, so plain HTTP is an emulator.
    fn with(endpoint_url: Option<&str>) -> Self {
        if endpoint_url.is_some_and(|url| url.starts_with("http://")) {
            Self::WITH_TIME
        } else {
            Self::WITH_AWS
        }
    }

    fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(self.connect_ms))
            .operation_attempt_timeout(Duration::from_millis(self.attempt_ms))
            .operation_timeout(Duration::from_millis(self.operation_ms))
            .build()
    }
}

/// One call to AWS with all its tries, in milliseconds.
pub const AWS_CALL_MS_MAX: u64 = 2_400;

/// Tries of one call, the first included.
const ATTEMPTS_MAX: u32 = 3;
/// Before the second try, in milliseconds; random below this, and doubled once. The SDK's own second is too long for a
/// caller who waits.
const BACKOFF_MS: u64 = 50;
const BACKOFF_MS_MAX: u64 = 400;
/// How long an unused connection is kept, in milliseconds: shorter than the services do, so that a request seldom meets
/// one that was just closed.
const IDLE_MS_MAX: u64 = 50_000;

/// The AWS clients. One of each is shared by all the adapters made from it, and with it its connections.
#[derive(Debug)]
pub struct Clients {
    sdk: SdkConfig,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
}

impl Clients {
    /// As the environment says: region, credentials, and `AWS_ENDPOINT_URL` if it is set.
    pub async fn from_env() -> Self {
        Self::new(sdk_config().await)
    }

    /// At an emulator, with credentials that mean nothing. The environment has no say in it.
    #[must_use]
    pub fn at(endpoint_url: &str) -> Self {
        let credentials = Credentials::new("test", "test", None, None, "emulator");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint_url)
            .http_client(http_client())
            .build();
        Self::new(tempered(sdk))
    }

    /// With a configuration of the caller's, as it is.
    #[must_use]
    pub fn new(sdk: SdkConfig) -> Self {
        Self { sdk, dynamodb: OnceLock::new(), sqs: OnceLock::new(), secrets: OnceLock::new() }
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.sdk)).clone()
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk)).clone()
    }

    fn secretsmanager(&self) -> aws_sdk_secretsmanager::Client {
        self.secrets.get_or_init(|| aws_sdk_secretsmanager::Client::new(&self.sdk)).clone()
    }

    /// What came in, for those who write it: rows live for `ttl_days`.
    #[must_use]
    pub fn inbox(&self, table: &str, ttl_days: u16) -> InboxTable {
        InboxTable::new(self.dynamodb(), table, ttl_days)
    }

    /// The books.
    #[must_use]
    pub fn ledger(&self, table: &str) -> LedgerTable {
        LedgerTable::new(self.dynamodb(), table)
    }

    /// The configured sources.
    #[must_use]
    pub fn sources(&self, control_table: &str) -> SourceTable {
        SourceTable::new(self.dynamodb(), control_table)
    }

    /// What the sources say that their dialects do not know.
    #[must_use]
    pub fn drift(&self, control_table: &str) -> DriftTable {
        DriftTable::new(self.dynamodb(), control_table)
    }

    /// The doubts.
    #[must_use]
    pub fn findings(&self, control_table: &str) -> FindingTable {
        FindingTable::new(self.dynamodb(), control_table)
    }

    /// The payments that are waited for.
    #[must_use]
    pub fn expectations(&self, control_table: &str) -> ExpectationTable {
        ExpectationTable::new(self.dynamodb(), control_table)
    }

    /// The runs of reconciliation.
    #[must_use]
    pub fn runs(&self, control_table: &str) -> RunTable {
        RunTable::new(self.dynamodb(), control_table)
    }

    /// The queue between ingest and processor.
    #[must_use]
    pub fn queue(&self, queue_url: &str) -> EventQueue {
        EventQueue::new(self.sqs(), queue_url)
    }

    /// The bus.
    #[must_use]
    pub fn bus(&self, bus_name: &str) -> EventBus {
        EventBus::new(aws_sdk_eventbridge::Client::new(&self.sdk), bus_name)
    }

    /// The signing secrets of a stage.
    #[must_use]
    pub fn secrets(&self, stage: &str) -> SigningSecrets {
        SigningSecrets::new(self.secretsmanager(), stage)
    }

    /// The API tokens of a stage.
    #[must_use]
    pub fn api_tokens(&self, stage: &str) -> ApiTokens {
        ApiTokens::new(self.secretsmanager(), stage)
    }

    /// The API tokens with which events are asked back.
    #[must_use]
    pub fn fetch_tokens(&self, stage: &str) -> ApiTokens {
        ApiTokens::for_events(self.secretsmanager(), stage)
    }

    /// The providers' own books, with the API tokens of a stage.
    ///
    /// # Errors
    /// [`countersign_app::ports::PortError`] when this machine has no trusted certificates.
    pub fn provider_api(&self, stage: &str) -> Port<HttpsApi> {
        HttpsApi::new(self.api_tokens(stage), provider::Patience::OF_A_RUN)
    }

    /// The providers' APIs as events ask them back, with the read-only tokens for that.
    ///
    /// # Errors
    /// [`countersign_app::ports::PortError`] when this machine has no trusted certificates.
    pub fn events_api(&self, stage: &str) -> Port<HttpsApi> {
        HttpsApi::new(self.fetch_tokens(stage), provider::Patience::OF_A_BATCH)
    }

    /// The reports.
    #[must_use]
    pub fn reports(&self, bucket: &str) -> ReportBucket {
        ReportBucket::new(self.s3(), bucket)
    }

    /// The files that arrive.
    #[must_use]
    pub fn files(&self, bucket: &str) -> FileBucket {
        FileBucket::new(self.s3(), bucket)
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        // An emulator has one host name; only AWS has one per bucket.
        let is_emulator = self.sdk.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            .force_path_style(is_emulator)
            .timeout_config(Patience::WITH_TIME.timeouts())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Opens the connection to the queue, for INIT. DynamoDB's and the secret store's are opened by reading the sources and
    /// their secrets, which INIT does at the same time. The codec's dictionary is prepared as well.
    pub async fn warm_queue(&self, queue_url: &str) {
        crate::codec::warm();
        if let Err(error) = self.queue(queue_url).touch().await {
            tracing::warn!(target: "countersign::init", detail = error.chain(), "the first delivery opens the queue");
        }
    }
}

/// The configuration that the environment describes, with our own limits of patience.
pub async fn sdk_config() -> SdkConfig {
    tempered(aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client()).load().await)
}

/// One pool of connections for all services, on rustls and ring, without a proxy.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// The configuration with our own limits of patience.
fn tempered(sdk: SdkConfig) -> SdkConfig {
    let timeouts = Patience::with(sdk.endpoint_url()).timeouts();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS_MAX)
        .with_initial_backoff(Duration::from_millis(BACKOFF_MS))
        .with_max_backoff(Duration::from_millis(BACKOFF_MS_MAX));
    sdk.into_builder()
        .timeout_config(timeouts)
        .retry_config(retries)
        // It watches for streams that stop moving, and takes a function that was frozen between two invocations for one.
        // Every answer here is small and read within the attempt's timeout.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_calls_in_a_row_stay_under_five_seconds() {
        let Patience { connect_ms, attempt_ms, operation_ms } = Patience::with(None);
        assert!(connect_ms <= attempt_ms && attempt_ms < operation_ms);
        assert!(2 * operation_ms < 5_000);
        assert_eq!(
            Patience::with(Some("https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com")),
            Patience::WITH_AWS
        );
        assert_eq!(Patience::with(Some("http://127.0.0.1:4566")), Patience::WITH_TIME);
    }
}
