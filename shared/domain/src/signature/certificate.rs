//! Signatures under a certificate that the delivery names (PayPal).
//!
//! The certificate is fetched by its URL, so the URL is the first thing that must not be believed: only the provider's
//! own hosts, exact, over TLS. Then the chain must lead to a root that is trusted, be for the provider's name, and be in
//! force now. What is signed holds only a CRC-32 of the body: an event that passes is asked back before it moves money.

use super::{Delivery, Headers, KeyAge, SignatureError, Verified};
use crate::dialect::Certificate;
use crate::time::Timestamp;
use data_encoding::BASE64;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

/// Most certificates of one chain that are looked at.
const CHAIN_LENGTH_MAX: usize = 8;

/// The roots that a chain may lead to.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors(Vec<TrustAnchor<'static>>);

impl TrustAnchors {
    /// Roots from their certificates in DER. One that cannot be read is left out: it can vouch for nothing.
    #[must_use]
    pub fn from_der<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let anchors = certificates.into_iter().filter_map(|der| {
            let certificate = CertificateDer::from(der);
            webpki::anchor_from_trusted_cert(&certificate).ok().map(|anchor| anchor.to_owned())
        });
        Self(anchors.collect())
    }

    /// Roots from PEM.
    #[must_use]
    pub fn from_pem(pem: &[u8]) -> Self {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
        Self::from_der(certificates.iter().map(AsRef::as_ref))
    }
}

/// The URL of the certificate that a delivery names, once it is known to lead to the provider.
///
/// # Errors
/// [`SignatureError`] when it is absent, doubled or leads anywhere else.
pub fn certificate_url<'a>(
    certificate: &Certificate,
    headers: &'a Headers,
) -> Result<&'a str, SignatureError> {
    let url = headers.required(&certificate.url)?;
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or_default();
    let is_plain = |path: &str| {
        path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
            && !path.contains("..")
            && !path.is_empty()
    };
    if certificate.hosts.iter().any(|known| known == host) && is_plain(path) {
        return Ok(url);
    }
    let place = format!("the header {}", certificate.url);
    Err(SignatureError::Malformed { place, why: "does not lead to a certificate of the provider" })
}

/// Proves that a delivery was signed under the certificate chain (PEM, leaf first) that its URL led to.
///
/// # Errors
/// [`SignatureError`] says why not.
pub fn verify_certified<'a>(
    certificate: &Certificate,
    chain: &[u8],
    anchors: &TrustAnchors,
    delivery: Delivery<'a>,
    now: Timestamp,
) -> Result<Verified<'a>, SignatureError> {
    let headers = delivery.headers;
    certificate_url(certificate, headers)?;
    let header = |name: &str| headers.required(name);
    if header(&certificate.algorithm)? != certificate.algorithm_is {
        let place = format!("the header {}", certificate.algorithm);
        return Err(SignatureError::Malformed { place, why: "names another algorithm than the provider's" });
    }
    let (id, time) = (header(&certificate.id)?, header(&certificate.time)?);
    let signature =
        BASE64.decode(header(&certificate.signature)?.as_bytes()).map_err(|_| SignatureError::Malformed {
            place: format!("the header {}", certificate.signature),
            why: "has no signature that can be decoded",
        })?;
    let message = format!("{id}|{time}|{}|{}", certificate.webhook_id, crc32fast::hash(delivery.body));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .take(CHAIN_LENGTH_MAX)
        .collect::<Result<_, _>>()
        .map_err(|_| distrusted())?;
    let (leaf, intermediates) = chain.split_first().ok_or_else(distrusted)?;
    let leaf = trusted(leaf, intermediates, &certificate.name, anchors, now)?;
    leaf.verify_signature(webpki::ring::RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
        .map_err(|_| SignatureError::Mismatch)?;
    Ok(Verified { headers, body: delivery.body, key: KeyAge::Current })
}

fn distrusted() -> SignatureError {
    SignatureError::Distrusted
}

fn trusted<'c>(
    leaf: &'c CertificateDer<'c>,
    intermediates: &[CertificateDer<'_>],
    name: &str,
    anchors: &TrustAnchors,
    now: Timestamp,
) -> Result<EndEntityCert<'c>, SignatureError> {
    let leaf = EndEntityCert::try_from(leaf).map_err(|_| distrusted())?;
    let seconds = u64::try_from(now.as_second()).map_err(|_| distrusted())?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    leaf.verify_for_usage(algorithms, &anchors.0, intermediates, now, KeyUsage::server_auth(), None, None)
        .map_err(|_| distrusted())?;
    let name = ServerName::try_from(name).map_err(|_| distrusted())?;
    leaf.verify_is_valid_for_subject_name(&name).map_err(|_| distrusted())?;
    Ok(leaf)
}
