//! The clients that the command and the local stack use.

use crate::local::Failure;
use aws_config::{BehaviorVersion, Region, SdkConfig};
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
