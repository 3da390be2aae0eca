//! Our verifier beside the libraries of Standard Webhooks and Svix: the same verdict over the same request, but for what
//! is listed here as stricter on purpose.

use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::dialect::Dialect;
use countersign_domain::sign::sign;
use countersign_domain::signature::{Delivery, Headers, SigningKeys, verify};
use countersign_domain::time::Timestamp;
use data_encoding::BASE64;
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// A request that was signed by one of the libraries, or by us, and what was done to its signature header on the way.
#[derive(Clone, Debug)]
struct Sent {
    key: Vec<u8>,
    id: String,
    body: Vec<u8>,
    signer: Signer,
    change: Change,
}

#[derive(Clone, Copy, Debug)]
enum Signer {
    StandardWebhooks,
    Svix,
    Ours,
}

#[derive(Clone, Debug)]
enum Change {
    Nothing,
    /// Another signature before or behind it.
    Beside {
        entry: String,
        is_first: bool,
    },
    /// One character of it is another.
    Character {
        at: prop::sample::Index,
        to: char,
    },
    /// It ends too early.
    Cut(prop::sample::Index),
    /// Its version is another.
    Version(String),
    /// The body is another.
    Body,
    /// The id is another.
    Id,
}

fn secret(key: &[u8]) -> String {
    format!("whsec_{}", BASE64.encode(key))
}

/// The request's three headers, after the change.
fn headers(sent: &Sent, now: Timestamp) -> [(&'static str, String); 3] {
    let (secret, seconds) = (secret(&sent.key), now.as_second());
    let mut signature = match sent.signer {
        Signer::StandardWebhooks => {
            standardwebhooks::Webhook::new(&secret).unwrap().sign(&sent.id, seconds, &sent.body).unwrap()
        }
        Signer::Svix => {
            svix::webhooks::Webhook::new(&secret).unwrap().sign(&sent.id, seconds, &sent.body).unwrap()
        }
        Signer::Ours => {
            let dialect = Dialect::built_in("standard-webhooks").unwrap().unwrap();
            let id = [("webhook-id".to_owned(), sent.id.clone())];
            let made = sign(&dialect.auth, &secret, &id, &sent.body, now).unwrap();
            made.into_iter().find(|(name, _)| name == "webhook-signature").unwrap().1
        }
    };
    let mut id = sent.id.clone();
    match &sent.change {
        Change::Nothing | Change::Body => {}
        Change::Beside { entry, is_first: true } => signature = format!("{entry} {signature}"),
        Change::Beside { entry, is_first: false } => signature = format!("{signature} {entry}"),
        Change::Character { at, to } => {
            let at = at.index(signature.len());
            signature = signature.char_indices().map(|(here, c)| if here == at { *to } else { c }).collect();
        }
        Change::Cut(at) => signature.truncate(at.index(signature.len())),
        Change::Version(version) => signature = signature.replacen("v1", version, 1),
        Change::Id => id.push('x'),
    }
    [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)]
}

fn ours(sent: &Sent, headers: &[(&str, String)], body: &[u8], now: Timestamp) -> bool {
    let dialect = Dialect::built_in("standard-webhooks").unwrap().unwrap();
    let keys = SigningKeys::new(&dialect.auth, &secret(&sent.key), None).unwrap();
    let headers = Headers::new(headers.iter().map(|(name, value)| (*name, value.as_str())));
    let delivery = Delivery { headers: &headers, body, path_token: None, source_ip: None };
    verify(&dialect.auth, &keys, delivery, now).is_ok()
}

/// Stricter on purpose: an entry that is not `version,signature`, or a signature that holds a further comma, spoils the
/// header, because a comma is also how the edge joins two headers into one.
fn is_stricter(signature: &str) -> bool {
    signature.split(' ').filter(|entry| !entry.is_empty()).any(|entry| match entry.split_once(',') {
        None => true,
        Some((version, text)) => version == "v1" && text.contains(','),
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let change = prop_oneof![
        Just(Change::Nothing),
        ("(v1|v1a|v2|),[A-Za-z0-9+/=]{0,50}|[a-z,]{0,5}", any::<bool>())
            .prop_map(|(entry, is_first)| Change::Beside { entry, is_first }),
        (any::<prop::sample::Index>(), "[ -~]")
            .prop_map(|(at, to)| Change::Character { at, to: to.chars().next().unwrap_or('x') }),
        any::<prop::sample::Index>().prop_map(Change::Cut),
        "v[0-9]{0,2}|V1|".prop_map(Change::Version),
        Just(Change::Body),
        Just(Change::Id),
    ];
    let signer = prop::sample::select(vec![Signer::StandardWebhooks, Signer::Svix, Signer::Ours]);
    let body = "\\PC{0,200}".prop_map(String::into_bytes);
    (prop::collection::vec(any::<u8>(), 24..64), "[!-~&&[^#]]{1,40}", body, signer, change)
        .prop_map(|(key, id, body, signer, change)| Sent { key, id, body, signer, change })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_same_verdict_as_the_libraries_of_the_standard(sent in sent()) {
        let now = SystemClock.now();
        let headers = headers(&sent, now);
        let body = if matches!(sent.change, Change::Body) { [&sent.body, &b" "[..]].concat() } else { sent.body.clone() };
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let svix_map: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(name.replace("webhook", "svix")).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let theirs = standardwebhooks::Webhook::new(&secret(&sent.key)).unwrap().verify(&body, &map).is_ok();
        let svix = svix::webhooks::Webhook::new(&secret(&sent.key)).unwrap().verify(&body, &svix_map).is_ok();
        let ours = ours(&sent, &headers, &body, now);
        prop_assert_eq!(theirs, svix);
        if is_stricter(&headers[2].1) {
            prop_assert!(!ours, "stricter, never laxer");
        } else {
            prop_assert_eq!(ours, theirs, "{:?}", headers);
        }
    }
}
