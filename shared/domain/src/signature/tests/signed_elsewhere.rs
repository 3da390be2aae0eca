//! Requests that the providers' own SDKs signed and judged: `tests/fixtures/signed`, made by the generators beside them.

use super::*;
use crate::dialect::{Certificate, Settings};
use crate::testing::repository;
use data_encoding::BASE64;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Fewest requests of one provider.
const REQUESTS_MIN: usize = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    dialect: String,
    #[expect(dead_code, reason = "for people")]
    made_with: Vec<String>,
    settings: Settings,
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    certificates: BTreeMap<String, String>,
    trust_anchor: Option<String>,
    requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    name: String,
    now: i64,
    #[expect(dead_code, reason = "the edge's business")]
    method: String,
    query: String,
    path: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    secrets: Vec<String>,
    expect: Verdict,
    #[expect(dead_code, reason = "for people: where we are stricter than the SDK, `why` says so")]
    sdk: Option<Verdict>,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accepted,
    Refused,
}

impl Request {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) => text.as_bytes().to_vec(),
            (None, Some(text)) => BASE64.decode(text.as_bytes()).expect("base64"),
            _ => panic!("{}: give `body` or `body_base64`", self.name),
        }
    }
}

fn verdict(file: &File, dialect: &Dialect, request: &Request) -> Verdict {
    let headers = Headers::new(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let body = match dialect.envelope.content {
        Content::Query => request.query.clone().into_bytes(),
        _ => request.body(),
    };
    // `/hooks/<source>/<token>`
    let path_token = request.path.as_deref().and_then(|path| path.split('/').nth(3));
    let delivery = Delivery { headers: &headers, body: &body, path_token, source_ip: None };
    let secret = |at: usize| request.secrets.get(at).map(|name| file.secrets[name].as_str());
    let now = from_seconds(request.now);
    let found = match &dialect.auth {
        Auth::Certificate(certificate) => return certified(file, certificate, delivery, now),
        auth => {
            let keys = SigningKeys::new(auth, secret(0).expect("a secret"), secret(1))
                .expect("secrets that are keys");
            verify(auth, &keys, delivery, now).map(drop)
        }
    };
    if found.is_ok() { Verdict::Accepted } else { Verdict::Refused }
}

fn certified(file: &File, certificate: &Certificate, delivery: Delivery<'_>, now: Timestamp) -> Verdict {
    let anchors = TrustAnchors::from_pem(file.trust_anchor.as_deref().expect("a trust anchor").as_bytes());
    let found = certificate_url(certificate, delivery.headers).and_then(|url| {
        let chain = file.certificates.get(url).expect("every URL that may be fetched leads somewhere");
        verify_certified(certificate, chain.as_bytes(), &anchors, delivery, now)
    });
    if found.is_ok() { Verdict::Accepted } else { Verdict::Refused }
}

#[test]
fn every_built_in_dialect_agrees_with_its_provider() {
    let mut wrong = Vec::new();
    for name in Dialect::built_in_names() {
        let path = repository("tests/fixtures/signed").join(format!("{name}.json"));
        let Ok(json) = std::fs::read(&path) else {
            wrong.push(format!("{name}: {} is missing", path.display()));
            continue;
        };
        let file: File = serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(file.dialect, name);
        if file.requests.len() < REQUESTS_MIN {
            wrong.push(format!("{name}: {} requests, fewer than {REQUESTS_MIN}", file.requests.len()));
        }
        let dialect = match Dialect::built_in_for_source(name, &file.settings) {
            Ok(dialect) => dialect.expect("a built-in dialect"),
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        for request in &file.requests {
            let found = verdict(&file, &dialect, request);
            if found != request.expect {
                wrong.push(format!(
                    "{name}: {:?} is {found:?}, not {:?}: {}",
                    request.name, request.expect, request.why
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
