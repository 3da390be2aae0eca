//! The certificates that providers sign under, by URL.

use crate::ports::{Certificates, Port, PortError};
use countersign_domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a certificate is kept, in seconds. Whether it is in force is checked for every delivery.
const CERTIFICATE_SECONDS_MAX: i64 = 86_400;
/// Most certificates fetched in a minute: made-up names must not drive calls to the provider.
const CERTIFICATE_FETCHES_MAX: usize = 6;
/// Most certificates kept.
const CERTIFICATES_MAX: usize = 16;
const MINUTE_SECONDS: i64 = 60;

#[derive(Default)]
struct Known {
    chains: HashMap<String, (Arc<[u8]>, Timestamp)>,
    /// When certificates were fetched, in vain or not, within the last minute.
    fetches: Vec<Timestamp>,
}

/// Certificate chains that were fetched.
#[derive(Default)]
pub struct CertificateCache {
    known: Mutex<Known>,
}

impl CertificateCache {
    /// The chain behind a URL that is known to be the provider's, in PEM; nothing when the provider has none there.
    ///
    /// # Errors
    /// [`PortError`] when it has to be fetched and cannot be: the provider tries its delivery again.
    pub async fn get(
        &self,
        certificates: &impl Certificates,
        url: &str,
        now: Timestamp,
    ) -> Port<Option<Arc<[u8]>>> {
        if let Some(chain) = self.ready(url, now)? {
            return Ok(Some(chain));
        }
        let Some(chain) = certificates.fetch(url).await? else { return Ok(None) };
        let chain: Arc<[u8]> = chain.into();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.chains.len() >= CERTIFICATES_MAX {
            known.chains.clear();
        }
        known.chains.insert(url.to_owned(), (Arc::clone(&chain), now));
        Ok(Some(chain))
    }

    /// A chain that is kept; nothing when it may be fetched.
    fn ready(&self, url: &str, now: Timestamp) -> Port<Option<Arc<[u8]>>> {
        let age = |since: Timestamp| now.as_second().saturating_sub(since.as_second());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((chain, since)) = known.chains.get(url)
            && (0..CERTIFICATE_SECONDS_MAX).contains(&age(*since))
        {
            return Ok(Some(Arc::clone(chain)));
        }
        known.fetches.retain(|since| (0..MINUTE_SECONDS).contains(&age(*since)));
        if known.fetches.len() >= CERTIFICATE_FETCHES_MAX {
            let why = format!("{CERTIFICATE_FETCHES_MAX} certificates were fetched within a minute: waiting");
            return Err(PortError::new("certificates", "fetch", why));
        }
        known.fetches.push(now);
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
