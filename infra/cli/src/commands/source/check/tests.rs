//! What a person is told about a captured request. The golden file is read by eye.

use super::*;
use countersign_app::memory::MemoryCertificates;
use countersign_app::onboard::explain;
use countersign_domain::sign::sign;
use countersign_domain::source::read_file;
use countersign_domain::time::from_seconds;
use std::path::PathBuf;

const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBvZiBzZWNyZXQ=";
const NOW: i64 = 1_764_000_000;
const TOKEN: &str = "a-secret-part-of-the-path-of-32-b";

fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures"))
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).expect("a fixture")
}

fn file(dialect: &str, more: &str) -> String {
    format!("[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"\"\ndialect = \"{dialect}\"\n{more}")
}

/// A request as a capture would hold it.
fn http(line: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\n");
    for (name, value) in headers {
        _ = write!(text, "{name}: {value}\r\n");
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

/// A request that is signed now.
fn signed(dialect: &str, body: &[u8]) -> Vec<u8> {
    let dialect = Dialect::built_in(dialect).expect("it checks").expect("a built-in dialect");
    let headers = [("webhook-id".to_owned(), "msg_1".to_owned())];
    let proof = sign(&dialect.auth, SECRET, &headers, body, from_seconds(NOW)).expect("a key");
    http("POST /v1/webhooks/acme", &[&headers[..], &proof].concat(), body)
}

struct Case {
    file: String,
    request: Vec<u8>,
    secret: String,
    seconds_later: i64,
    answer: Option<Vec<u8>>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            file: String::new(),
            request: Vec::new(),
            secret: SECRET.to_owned(),
            seconds_later: 0,
            answer: None,
        }
    }
}

async fn told(Case { file, request, secret, seconds_later, answer }: Case) -> String {
    let (config, source) = match read_file(&file) {
        Ok(read) => read,
        Err(error) => return format!("error: {}\n", CliError::from(error).chain()),
    };
    let request = match captured::parse(&request, has_secret_path(&source), None) {
        Ok(request) => request,
        Err(why) => return format!("error: FILE: {why}\n"),
    };
    let secrets = Some(SecretPair { current: secret, ..SecretPair::default() });
    let capture = Capture { request, secrets, answer, now: from_seconds(NOW + seconds_later) };
    let explanation = explain(&config, &source, MemoryCertificates::default(), &capture).await;
    explained(&explanation.expect("ports in memory"))
}

fn partner(event: &str) -> Vec<u8> {
    signed("partner-hmac", format!("{{\"events\":[{event}]}}").as_bytes())
}

/// A recorded request of `tests/fixtures/signed`, and the secret that it was signed with.
fn recorded(dialect: &str, name: &str) -> (Vec<u8>, String) {
    let file: serde_json::Value =
        serde_json::from_slice(&fixture(&format!("signed/{dialect}.json"))).expect("JSON");
    let requests = file["requests"].as_array().expect("requests");
    let one = requests.iter().find(|one| one["name"] == name).expect("a request of that name");
    let headers: Vec<(String, String)> = serde_json::from_value(one["headers"].clone()).expect("headers");
    let path = one["path"].as_str().unwrap_or("/v1/webhooks/acme");
    let line = format!(
        "{} {path}?{}",
        one["method"].as_str().expect("a method"),
        one["query"].as_str().expect("a query")
    );
    let body = one["body"].as_str().expect("a text").as_bytes();
    (http(&line, &headers, body), file["secrets"]["primary"].as_str().expect("a secret").to_owned())
}

type Cases = Vec<(&'static str, Case)>;

fn header(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

/// What may be wrong with the proof of a request.
fn proofs() -> Cases {
    let body = fixture("stripe/payment_intent.succeeded.json");
    let good = signed("stripe", &body);
    let of = |request: &[u8]| Case { file: file("stripe", ""), request: request.to_vec(), ..Case::default() };
    let text = String::from_utf8(good.clone()).expect("text");
    let (head, rest) = text.split_once("\r\n\r\n").expect("a head");
    let line = head.lines().last().expect("a header");
    vec![
        ("a Stripe event", of(&good)),
        ("another secret", Case { secret: "whsec_another_secret".to_owned(), ..of(&good) }),
        ("a secret that is no key", Case { secret: "short".to_owned(), ..of(&good) }),
        ("ten minutes later", Case { seconds_later: 600, ..of(&good) }),
        ("a header twice", of(format!("{head}\r\n{line}\r\n\r\n{rest}").as_bytes())),
        ("a line end too many", of(&[&good, &b"\n"[..]].concat())),
        ("cut short", of(&good[..good.len() - 9])),
        ("no empty line", of(b"POST /v1/webhooks/acme HTTP/1.1\nHost: a")),
        ("a GET", of(&http("GET /v1/webhooks/acme", &[], b""))),
        ("the body as text", of(&http("POST /", &header("content-type", "text/plain"), b"{}"))),
    ]
}

/// What may be wrong with the events of an authentic request.
fn events() -> Cases {
    let of =
        |event: &str| Case { file: file("partner-hmac", ""), request: partner(event), ..Case::default() };
    let captured =
        r#"{"id":"e1","type":"payment.captured","payment":"p1","amount":"20.00","currency":"EUR"}"#;
    let state = r#""refund":"r1","amount":"1.00","currency":"EUR","state":"thought_about""#;
    let other = captured.replace("20.00", "30.00");
    vec![
        ("a partner's event", of(captured)),
        ("an unknown type", of(r#"{"id":"e1","type":"payment.wished"}"#)),
        ("an unknown state", of(&format!(r#"{{"id":"e1","type":"refund.updated","payment":"p1",{state}}}"#))),
        ("no amount", of(r#"{"id":"e1","type":"payment.captured","payment":"p1","currency":"EUR"}"#)),
        (
            "one good, one without an id, and one id twice",
            of(&format!(r#"{captured},{{"type":"x"}},{other}"#)),
        ),
    ]
}

/// Batches, and events that mean nothing without an answer.
fn batches_and_answers() -> Cases {
    let adyen = |name: &str| {
        let (request, secret) = recorded("adyen", name);
        Case { file: file("adyen", ""), request, secret, ..Case::default() }
    };
    let mollie = |answer: Option<&str>| Case {
        file: file("mollie-classic", ""),
        request: http(
            &format!("POST /v1/webhooks/acme/{TOKEN}"),
            &header("content-type", "application/x-www-form-urlencoded"),
            b"id=tr_1",
        ),
        secret: TOKEN.to_owned(),
        answer: answer.map(|answer| answer.as_bytes().to_vec()),
        ..Case::default()
    };
    let amount = r#"{"value":"10.50","currency":"EUR"}"#;
    let paid = format!(
        r#"{{"id":"tr_1","mode":"test","status":"paid","amount":{amount},"amountCaptured":{amount}}}"#
    );
    vec![
        ("a batch of Adyen's", adyen("three items")),
        ("a batch with a forged item", adyen("one forged item of three, last")),
        ("a thin event", mollie(None)),
        ("a thin event and its answer", mollie(Some(&paid))),
        ("an answer that is no JSON", mollie(Some("<html>"))),
    ]
}

/// Files that are no source.
fn files() -> Cases {
    let of = |file: String| Case { file, ..Case::default() };
    vec![
        ("a file with an unknown key", of(file("stripe", "accont = \"x\"\n"))),
        ("a file without a setting", of(file("square", ""))),
        ("a file of an unknown dialect", of(file("strype", ""))),
    ]
}

#[tokio::test]
async fn what_a_person_is_told() {
    let mut text = "What `countersign source check` says, case by case.\n".to_owned();
    for (name, case) in [proofs(), events(), batches_and_answers(), files()].into_iter().flatten() {
        text.push_str(&format!("\n# {name}\n{}", told(case).await));
    }
    let path = fixtures().join("explained.txt");
    #[expect(clippy::disallowed_methods, reason = "the person's wish to update, not configuration")]
    if std::env::var_os("COUNTERSIGN_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("the golden file");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "if the change is meant, COUNTERSIGN_UPDATE=1 writes {}", path.display());
}

/// What `docs/ADD_A_PARTNER.md` prints is what a person sees.
#[tokio::test]
async fn the_guide_says_what_is_said() {
    let docs = fixtures().join("../../docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).expect("a file of the guide");
    let (guide, file, request) =
        (read("ADD_A_PARTNER.md"), read("examples/acme.toml"), read("examples/paid.http"));
    let (source, _) = read_file(&file).expect("a source file");
    let checked = Checked { examples: examples(&source).expect("its examples"), source, request: None };
    assert!(guide.contains(&shown(&checked)), "{}", shown(&checked));
    let captured: Timestamp = "2026-11-23T10:00:05Z".parse().expect("a time");
    let seconds_later = captured.as_second() - NOW;
    for seconds_later in [seconds_later, seconds_later + 42_031] {
        let case = Case {
            file: file.clone(),
            request: request.clone().into_bytes(),
            secret: "acme-test-secret-that-opens-nothing".to_owned(),
            seconds_later,
            ..Case::default()
        };
        let said = told(case).await;
        assert!(guide.contains(&said), "{said}");
    }
    let body = request.split_once("\n\n").expect("a head and a body").1;
    assert!(guide.contains(body.trim_end()) && read("examples/paid.json") == body.trim_end());
}

/// A challenge is answered, and is no delivery.
#[tokio::test]
async fn a_challenge() {
    let file = file("braintree", "settings = { public_key = \"integration_public_key\" }\n");
    let request = http("GET /v1/webhooks/acme?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", &[], b"");
    let said =
        told(Case { file, request, secret: "integration_private_key".to_owned(), ..Case::default() }).await;
    let answer = "integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4";
    assert_eq!(
        said,
        format!("looks at  the form field bt_signature\nproof     a challenge, answered with {answer}\n")
    );
}
