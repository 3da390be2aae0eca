//! Second factors: what a source may ask for beside a signature, or beside the little that some providers sign.

use super::{Delivery, SignatureError, SigningKeys, is_same};
use data_encoding::BASE64;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a source asks for beside its dialect's proof. The secrets of it are in the secret store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecondFactors {
    /// HTTP basic authentication.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub basic: bool,
    /// A secret last part of the URL.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret_path: bool,
    /// The networks that deliveries may come from; none means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_ips: Vec<IpNet>,
}

impl SecondFactors {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Checks every second factor of a source.
///
/// # Errors
/// [`SignatureError::Factor`] names the one that is absent or wrong.
pub fn check_factors(
    factors: &SecondFactors,
    keys: &SigningKeys,
    delivery: Delivery<'_>,
) -> Result<(), SignatureError> {
    if !factors.source_ips.is_empty() {
        let is_known = |ip| factors.source_ips.iter().any(|network| network.contains(&ip));
        if !delivery.source_ip.is_some_and(is_known) {
            return Err(SignatureError::Factor("it came from an address that is not on the source's list"));
        }
    }
    if factors.secret_path
        && !delivery.path_token.is_some_and(|token| is_any(&keys.path_tokens, token.as_bytes()))
    {
        return Err(SignatureError::Factor("the secret part of its path is missing or wrong"));
    }
    if factors.basic && !is_any(&keys.basic, &credentials(delivery)?) {
        return Err(SignatureError::Factor("its basic authentication is missing or wrong"));
    }
    Ok(())
}

/// `user:password`, or nothing of it.
fn credentials(delivery: Delivery<'_>) -> Result<Zeroizing<Vec<u8>>, SignatureError> {
    let value = delivery.headers.one("authorization")?.unwrap_or_default();
    let (scheme, text) = value.split_once(' ').unwrap_or_default();
    let credentials = BASE64.decode(text.trim().as_bytes()).unwrap_or_default();
    Ok(Zeroizing::new(if scheme.eq_ignore_ascii_case("basic") { credentials } else { Vec::new() }))
}

/// Every secret is compared, whichever fits.
fn is_any(secrets: &[Zeroizing<Vec<u8>>], found: &[u8]) -> bool {
    secrets.iter().fold(false, |fits, secret| fits | is_same(secret, found))
}

#[cfg(test)]
mod tests;
