//! The certificates that some providers sign their deliveries under, over HTTPS.
//!
//! The use case has checked that a URL is the provider's. No redirect is followed, so it stays there.

use countersign_app::ports::{Certificates, Port, PortError};
use countersign_domain::signature::TrustAnchors;
use reqwest::{Client, StatusCode};
use std::sync::OnceLock;
use std::time::Duration;

const PORT: &str = "certificates";
/// Until a connection stands.
const CONNECT_MS_MAX: u64 = 2_000;
/// For the whole call: a delivery waits for it.
const CALL_MS_MAX: u64 = 4_000;
/// Longest chain that is read, in bytes.
const CHAIN_BYTES_MAX: usize = 65_536;

/// The certificates behind HTTPS, and the roots of this machine.
#[derive(Debug, Default)]
pub struct HttpsCertificates {
    http: OnceLock<Client>,
    anchors: OnceLock<TrustAnchors>,
}

impl HttpsCertificates {
    /// The client, made when the first certificate is fetched: most sources never need one.
    fn http(&self) -> Port<&Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // Fails only when the process has chosen one before, which then is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .timeout(Duration::from_millis(CALL_MS_MAX))
            .build()
            .map_err(|error| PortError::new(PORT, "connect", error))?;
        Ok(self.http.get_or_init(|| client))
    }
}

impl Certificates for HttpsCertificates {
    async fn fetch(&self, url: &str) -> Port<Option<Vec<u8>>> {
        let failed = |error: reqwest::Error| PortError::new(PORT, "fetch", error.without_url());
        let mut response = self.http()?.get(url).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status => {
                return Err(PortError::new(
                    PORT,
                    "fetch",
                    format!("the provider answers with status {status}"),
                ));
            }
        }
        let mut chain = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chain.len().saturating_add(chunk.len()) > CHAIN_BYTES_MAX {
                return Err(PortError::new(
                    PORT,
                    "fetch",
                    format!("the chain has more than {CHAIN_BYTES_MAX} bytes"),
                ));
            }
            chain.extend_from_slice(&chunk);
        }
        Ok(Some(chain))
    }

    /// Read when the first of them is needed. Without any, nothing under a certificate is believed.
    fn anchors(&self) -> &TrustAnchors {
        self.anchors.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            TrustAnchors::from_der(found.certs.iter().map(AsRef::as_ref))
        })
    }
}
