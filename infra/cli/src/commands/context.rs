//! The stack that a command works on: found by its name, reached through the adapters that the functions use.

use super::no_source;
use crate::cli::Global;
use crate::clients;
use crate::error::CliError;
use crate::given::Endpoint;
use crate::stack::Outputs;
use aws_config::SdkConfig;
use countersign_app::ports::{SecretPair, Secrets as _, Sources as _};
use countersign_aws::clients::Clients;
use countersign_aws::dynamodb::{
    DriftTable, ExpectationTable, FindingTable, InboxTable, LedgerTable, RunTable, SourceTable,
};
use countersign_aws::eventbridge::EventBus;
use countersign_aws::provider::HttpsApi;
use countersign_aws::s3::{FileBucket, ReportBucket};
use countersign_aws::secrets::{ApiTokens, SigningSecrets};
use countersign_aws::sqs::EventQueue;
use countersign_domain::ids::SourceName;
use countersign_domain::source::Source;

/// How long the operator's own inbox rows live, in days: as template.yaml has it.
const INBOX_TTL_DAYS: u16 = 45;

/// A deployed stack and the ways to reach it.
#[derive(Debug)]
pub struct Context {
    clients: Clients,
    outputs: Outputs,
    http: reqwest::Client,
}

impl Context {
    /// Finds the stack that the options name.
    ///
    /// # Errors
    /// [`CliError`] when there is no such stack.
    pub async fn find(global: &Global) -> Result<Self, CliError> {
        let endpoint = global.endpoint.as_ref().map(Endpoint::as_str);
        let config = match endpoint {
            Some(endpoint) => crate::local::config(endpoint),
            None => clients::aws().await?,
        };
        let client = aws_sdk_cloudformation::Client::new(&config);
        let outputs = Outputs::of(&client, global.stack.as_str(), endpoint).await?;
        Self::of(config, outputs)
    }

    /// A stack that is known already.
    ///
    /// # Errors
    /// [`CliError`] when no HTTP client can be made.
    pub fn of(config: SdkConfig, outputs: Outputs) -> Result<Self, CliError> {
        Ok(Self { clients: Clients::new(config), outputs, http: clients::http()? })
    }

    /// What came in.
    #[must_use]
    pub fn inbox(&self) -> InboxTable {
        self.clients.inbox(&self.outputs.inbox_table_name, INBOX_TTL_DAYS)
    }

    /// The books.
    #[must_use]
    pub fn ledger(&self) -> LedgerTable {
        self.clients.ledger(&self.outputs.ledger_table_name)
    }

    /// The doubts.
    #[must_use]
    pub fn findings(&self) -> FindingTable {
        self.clients.findings(&self.outputs.control_table_name)
    }

    /// The configured sources.
    #[must_use]
    pub fn sources(&self) -> SourceTable {
        self.clients.sources(&self.outputs.control_table_name)
    }

    /// What the sources say that their dialects do not know.
    #[must_use]
    pub fn drift(&self) -> DriftTable {
        self.clients.drift(&self.outputs.control_table_name)
    }

    /// The runs of reconciliation.
    #[must_use]
    pub fn runs(&self) -> RunTable {
        self.clients.runs(&self.outputs.control_table_name)
    }

    /// The payments that are waited for.
    #[must_use]
    pub fn expectations(&self) -> ExpectationTable {
        self.clients.expectations(&self.outputs.control_table_name)
    }

    /// The reports of the runs.
    #[must_use]
    pub fn reports(&self) -> ReportBucket {
        self.clients.reports(&self.outputs.report_bucket_name)
    }

    /// The files that arrive.
    #[must_use]
    pub fn files(&self) -> FileBucket {
        self.clients.files(&self.outputs.file_bucket_name)
    }

    /// The bus.
    #[must_use]
    pub fn bus(&self) -> EventBus {
        self.clients.bus(&self.outputs.event_bus_name)
    }

    /// The queue between ingest and processor.
    #[must_use]
    pub fn queue(&self) -> EventQueue {
        self.clients.queue(&self.outputs.event_queue_url)
    }

    /// The signing secrets.
    #[must_use]
    pub fn secrets(&self) -> SigningSecrets {
        self.clients.secrets(&self.outputs.stage_name)
    }

    /// The tokens that the provider's API is asked about events with.
    #[must_use]
    pub fn fetch_tokens(&self) -> ApiTokens {
        self.clients.fetch_tokens(&self.outputs.stage_name)
    }

    /// The tokens that the provider's books are read with.
    #[must_use]
    pub fn api_tokens(&self) -> ApiTokens {
        self.clients.api_tokens(&self.outputs.stage_name)
    }

    /// The provider's books.
    ///
    /// # Errors
    /// [`CliError`] when no HTTP client can be made.
    pub fn provider_api(&self) -> Result<HttpsApi, CliError> {
        Ok(self.clients.provider_api(&self.outputs.stage_name)?)
    }

    /// What was deployed.
    #[must_use]
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Where a source's webhooks are posted to.
    #[must_use]
    pub fn webhook_url(&self, source: &SourceName) -> String {
        format!("{}/{source}", self.outputs.webhook_url)
    }

    /// One source, checked and compiled.
    ///
    /// # Errors
    /// [`CliError`] when there is none of that name, or it does not work.
    pub async fn source(&self, name: &SourceName) -> Result<Source, CliError> {
        let config = self.sources().fetch(name).await?.ok_or_else(|| no_source(name))?;
        Ok(Source::try_from(config)?)
    }

    /// The secrets that a source's deliveries are verified with.
    pub(super) async fn signing_secrets(&self, source: &SourceName) -> Result<SecretPair, CliError> {
        self.secrets().fetch(source).await?.ok_or_else(|| {
            CliError::NotFound(format!(
                "source {source} has no signing secret: give it one with `countersign source apply … --secret-file`"
            ))
        })
    }
}
