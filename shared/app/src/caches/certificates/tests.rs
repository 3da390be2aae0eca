//! How often a provider is asked for a certificate.

use super::*;
use crate::memory::MemoryCertificates;
use crate::testing::{at, now_or_never};

const URL: &str = "https://api.example.com/certs/1";

fn store() -> MemoryCertificates {
    let store = MemoryCertificates::default();
    store.put(URL, b"a chain");
    store
}

fn get(
    cache: &CertificateCache,
    store: &MemoryCertificates,
    url: &str,
    seconds: i64,
) -> Port<Option<Arc<[u8]>>> {
    now_or_never(cache.get(store, url, at(seconds)))
}

#[test]
fn one_that_is_known_is_not_fetched_again_for_a_day() {
    let (cache, store) = (CertificateCache::default(), store());
    for seconds in [0, 1, CERTIFICATE_SECONDS_MAX - 1] {
        assert_eq!(get(&cache, &store, URL, seconds).unwrap().as_deref(), Some(&b"a chain"[..]));
        assert_eq!(store.fetches(), 1);
    }
    assert!(get(&cache, &store, URL, CERTIFICATE_SECONDS_MAX).unwrap().is_some());
    assert_eq!(store.fetches(), 2);
}

#[test]
fn one_beside_another_is_kept_too() {
    const OTHER: &str = "https://api.example.com/certs/2";
    let (cache, store) = (CertificateCache::default(), store());
    store.put(OTHER, b"another chain");
    for url in [URL, OTHER, URL, OTHER] {
        assert!(get(&cache, &store, url, 0).unwrap().is_some());
    }
    assert_eq!(store.fetches(), 2);
}

#[test]
fn names_that_lead_nowhere_cannot_drive_calls() {
    let (cache, store) = (CertificateCache::default(), store());
    let mut refused = 0;
    for made_up in 0..100 {
        match get(&cache, &store, &format!("https://api.example.com/certs/x{made_up}"), 0) {
            Ok(found) => assert_eq!(found, None),
            Err(_) => refused += 1,
        }
    }
    assert_eq!((store.fetches(), refused), (CERTIFICATE_FETCHES_MAX, 100 - CERTIFICATE_FETCHES_MAX));
    assert!(get(&cache, &store, URL, 59).is_err(), "within the minute");
    assert!(get(&cache, &store, URL, 60).unwrap().is_some(), "after it");
}

#[test]
fn what_is_kept_is_bounded() {
    let (cache, store) = (CertificateCache::default(), store());
    for number in 0..40 {
        let url = format!("https://api.example.com/certs/{number}");
        store.put(&url, b"a chain");
        assert!(get(&cache, &store, &url, i64::from(number) * 60).unwrap().is_some());
    }
    assert!(cache.known.lock().unwrap().chains.len() <= CERTIFICATES_MAX);
}
