//! The requests of `tests/fixtures/signed/paypal.json`, which the domain judges by their signature alone, through the
//! whole of ingest: the certificate is fetched, and nothing that is refused leaves a trace.

use super::*;
use countersign_domain::signature::TrustAnchors;
use countersign_domain::time::from_seconds;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    settings: BTreeMap<String, String>,
    certificates: BTreeMap<String, String>,
    trust_anchor: String,
    requests: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    name: String,
    now: i64,
    headers: Vec<(String, String)>,
    body: String,
    expect: String,
}

fn file() -> File {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/signed/paypal.json");
    let json = std::fs::read(path).expect("the signed requests");
    serde_json::from_slice(&json).expect("requests")
}

/// A gate to a PayPal source without any secret: its deliveries name their certificate.
fn gate(file: &File) -> Gate {
    let mut gate = Gate::new();
    let certificates = MemoryCertificates::with_anchors(TrustAnchors::from_pem(file.trust_anchor.as_bytes()));
    for (url, chain) in &file.certificates {
        certificates.put(url, chain.as_bytes());
    }
    gate.ingest.certificates = certificates;
    let mut config = source_config("paypal", "paypal");
    config.settings.extend(file.settings.clone());
    gate.ingest.sources.inner.set(config);
    gate
}

fn accept(gate: &mut Gate, signed: &Signed) -> Result<Accepted, Rejected> {
    let request = Request { source: "paypal".to_owned(), ..post(&signed.headers, signed.body.as_bytes()) };
    let attempt = TraceId::of(&[&signed.name]);
    let arrival = Arrival { now: from_seconds(signed.now), attempt: attempt.clone(), trace: attempt };
    now_or_never(gate.ingest.accept(&request, &arrival))
}

#[test]
fn what_is_signed_under_paypals_certificate_is_kept_and_nothing_else() {
    let file = file();
    for signed in &file.requests {
        let mut gate = gate(&file);
        let found = answer(accept(&mut gate, signed));
        match signed.expect.as_str() {
            // What is authentic and no event is kept too.
            "accepted" => assert!(matches!(found.0, 200 | 400), "{}: {found:?}", signed.name),
            _ => {
                assert_eq!(found, (401, "signature"), "{}", signed.name);
                gate.assert_untouched(&signed.name);
            }
        }
    }
}

#[test]
fn a_certificate_is_fetched_once_and_never_from_elsewhere() {
    let file = file();
    let mut gate = gate(&file);
    let with = |name: &str| file.requests.iter().find(|signed| signed.name == name).expect("a request");
    for _ in 0..3 {
        assert_eq!(answer(accept(&mut gate, with("a capture"))), (200, "accepted"));
    }
    assert_eq!(gate.ingest.certificates.fetches(), 1);
    for name in ["a stranger's host", "PayPal's host as a user name", "no TLS", "another scheme"] {
        assert_eq!(
            accept(&mut gate, with(&format!("certificate URL: {name}"))).map_err(|e| e.status()),
            Err(401)
        );
    }
    assert_eq!(gate.ingest.certificates.fetches(), 1, "nobody was asked");
}
