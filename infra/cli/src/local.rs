//! The whole system on this machine, without Docker and without an AWS account.
//!
//! [`Stack::start`] sets up what is missing, builds the functions, starts MiniStack, deploys `template.yaml` to it as it is,
//! and listens to the bus. Everything ends when the [`Stack`] is dropped, and also when this process is killed.

mod build;
mod check;
pub mod demo;
mod deploy;
mod failure;
mod functions;
mod localstripe;
pub(crate) mod ministack;
mod port;
mod process;
mod project;
mod python;
mod tap;

pub use build::BuiltWith;
pub use check::{Check, Checks};
pub use failure::{Doing, Failure};
pub use functions::{Function, LogLine, Process, Signal, signal};
pub use localstripe::{API_KEY, Charge, Confirmed, Event, LocalStripe, PaidBy, PaymentIntent, Stripe};
pub use port::Port;
pub use project::Project;
pub use tap::{BusEvent, Tap};

use crate::clients;
use crate::output::Progress;
use crate::stack::Outputs;
use aws_config::SdkConfig;
use functions::Functions;
use ministack::MiniStack;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a local stack differs from what is deployed to AWS, and from other local stacks.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where MiniStack listens.
    pub port: Port,
    /// What the functions are built together with.
    pub built_with: BuiltWith,
    /// Where the functions' calls to AWS go, instead of straight to MiniStack: something that counts them, delays them
    /// or makes them fail.
    pub functions_endpoint: Option<String>,
    /// More variables for the functions.
    pub functions_env: BTreeMap<String, String>,
    /// Lets every function do everything. Otherwise MiniStack refuses what a function's role does not allow.
    pub without_iam: bool,
    /// Parameters of the template.
    pub parameters: BTreeMap<String, String>,
    /// Who watches.
    pub progress: Progress,
}

impl Default for Options {
    /// A stack on a free port, with windows that may be reconciled at once, redrives that take seconds, and no archive,
    /// which MiniStack does not have.
    fn default() -> Self {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let parameters = [
            ("Stage", "dev"),
            ("Architecture", architecture),
            ("ArchiveDays", "0"),
            ("EventVisibilitySeconds", "2"),
            // Small files come in several parts too.
            ("FilePartRows", "2"),
            ("ReconcileGraceSeconds", "0"),
        ];
        Self {
            port: Port::Free,
            built_with: BuiltWith::Binaries,
            functions_endpoint: None,
            functions_env: BTreeMap::new(),
            without_iam: false,
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            progress: Progress::Shown,
        }
    }
}

/// A Python that has Schemathesis, what says whether an OpenAPI description is valid, and what a partner's sample may need.
///
/// # Errors
/// When there is no Python on this machine, or the packages cannot be installed. The message names the remedy.
pub async fn schemathesis(progress: Progress) -> Result<PathBuf, Failure> {
    let python = python::Python::find().await?;
    python.with(python::SCHEMATHESIS, &Project::find()?, progress).await
}

/// A configuration for the emulator that a local stack runs on.
#[must_use]
pub fn config(endpoint: &str) -> SdkConfig {
    clients::emulator(endpoint, ministack::REGION, ministack::ROOT_KEY)
}

/// A deployed system. It is gone when this is dropped.
#[derive(Debug)]
pub struct Stack {
    ministack: MiniStack,
    functions: Functions,
    config: SdkConfig,
    outputs: Outputs,
    tap: Tap,
}

impl Stack {
    /// Sets up, builds, starts and deploys.
    ///
    /// # Errors
    /// When something is missing on this machine, does not build, or does not deploy. The message names the remedy.
    pub async fn start(options: Options) -> Result<Self, Failure> {
        let Options {
            port,
            built_with,
            functions_endpoint,
            functions_env,
            without_iam,
            parameters,
            progress,
        } = options;
        // Before the long part.
        port.pick("MiniStack", ministack::PORT_REMEDY)?;
        let project = Project::find()?;
        let python = python::Python::find().await?;
        let (interpreter, packages) = tokio::try_join!(
            python.with(python::MINISTACK, &project, progress),
            build::packages(&project, built_with, progress),
        )?;
        let settings = ministack::Settings { port, without_iam, functions_endpoint, functions_env };
        let start = MiniStack::start(&interpreter, &project, &settings);
        let ministack = progress.timed("starting MiniStack", start).await?;
        let config = clients::emulator(ministack.endpoint(), ministack::REGION, ministack::ROOT_KEY);
        let deploy = deploy::deploy(&project, &packages, &parameters, &config);
        let outputs = progress.timed("deploying template.yaml", deploy).await?;
        let tap = Tap::on(&outputs.event_bus_name, &config).await?;
        let binaries = packages.into_iter().map(|(name, package)| (name, package.binary));
        let functions = Functions::deployed(&ministack, binaries).await?;
        Ok(Self { ministack, functions, config, outputs, tap })
    }

    /// Where this AWS is.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.ministack.endpoint()
    }

    /// For any client of the AWS SDK.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// What was deployed.
    #[must_use]
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Where a source's webhooks are posted to.
    #[must_use]
    pub fn webhook_url(&self, source: &str) -> String {
        format!("{}/{source}", self.outputs.webhook_url)
    }

    /// What is published on the bus. There is one tap: two readers share what comes.
    #[must_use]
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// How a function is deployed: `ingest`, `processor` or `reconcile`.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// The functions' processes that run now.
    ///
    /// # Errors
    /// When processes cannot be listed.
    pub fn processes(&self) -> Result<Vec<Process>, Failure> {
        self.functions.processes()
    }

    /// Everything that a function has logged in invocations that are over, oldest first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn log(&self, function: &str) -> Result<Vec<LogLine>, Failure> {
        self.functions.log(function).await
    }

    /// What MiniStack has written so far: how it fared with the functions, among much else.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn emulator_log(&self) -> Result<String, Failure> {
        self.ministack.log()
    }

    /// Fails when MiniStack has ended by itself.
    pub(crate) fn look_after(&mut self) -> Result<(), Failure> {
        self.ministack.look_after()
    }
}
