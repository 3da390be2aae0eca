//! The clients that the command and the local stack use.

use crate::local::Failure;
use crate::stack::last_words;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::ProvideCredentials as _;
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::time::Duration;

/// How long any one HTTP call may take.
const CALL_SECONDS_MAX: u64 = 30;

/// A configuration for an emulator on loopback, with its root key. The environment of the caller has no say in it.
#[must_use]
pub fn emulator(endpoint: &str, region: &str, key: &str) -> SdkConfig {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let credentials = Credentials::new(key, key, None, None, "local-stack");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .build()
}

/// A configuration for AWS, as the environment and the profile say.
///
/// # Errors
/// When they name no credentials or no region: every call would fail, and name neither.
pub async fn aws() -> Result<SdkConfig, Failure> {
    let config = countersign_aws::clients::sdk_config().await;
    let credentials = config.credentials_provider();
    let found = match &credentials {
        Some(provider) => provider.provide_credentials().await.map(drop).map_err(|error| last_words(&error)),
        None => Err("nothing provides any".to_owned()),
    };
    found.map_err(|cause| {
        let what = "there are no credentials for AWS: give credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
                    AWS_SECRET_ACCESS_KEY), or --endpoint for the local stack";
        // A list of all the places in which there are none says no more than that; a place that fails is a reason.
        let is_list = cause.contains('\n');
        if is_list { Failure::new(what) } else { Failure::because(what, cause) }
    })?;
    if config.region().is_none() {
        let what = "there is no region of AWS: give one (AWS_REGION, or a profile that has one), or --endpoint for the \
                    local stack";
        return Err(Failure::new(what));
    }
    Ok(config)
}

/// An HTTP client for loopback: no proxy of the user's stands between.
///
/// # Errors
/// When it cannot be built.
pub fn http() -> Result<reqwest::Client, Failure> {
    // Fails when there is one already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(CALL_SECONDS_MAX))
        .build()
        .map_err(|error| Failure::because("cannot make an HTTP client", error))
}
