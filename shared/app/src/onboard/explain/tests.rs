//! An explanation says what would happen, and what may have damaged a capture.

use super::*;
use crate::memory::MemoryCertificates;
use crate::testing::{OTHER_SECRET, SECRET, SOURCE, at, now_or_never, signed, source_config};
use countersign_domain::signature::Headers;

const DIALECT: &str = "partner-hmac";

fn post(headers: &[(String, String)], body: &[u8]) -> Request {
    Request {
        method: "POST".to_owned(),
        source: "the name in the capture".to_owned(),
        path_token: None,
        source_ip: None,
        query: String::new(),
        headers: Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        body: body.to_vec(),
    }
}

/// What is said of a body that was signed as `sent` and captured as `body`, so many seconds later.
fn told(secret: &str, sent: &[u8], body: &[u8], seconds: i64) -> Explanation {
    let secrets = SecretPair {
        current: SECRET.to_owned(),
        previous: Some(OTHER_SECRET.to_owned()),
        ..SecretPair::default()
    };
    let request = post(&signed(DIALECT, secret, sent, at(0)), body);
    let capture = Capture { request, secrets: Some(secrets), answer: None, now: at(seconds) };
    let config = source_config(SOURCE, DIALECT);
    let source = Source::try_from(config.clone()).expect("a source");
    now_or_never(explain(&config, &source, MemoryCertificates::default(), &capture)).expect("ports in memory")
}

fn captured(id: &str, amount: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"payment.captured","payment":"p1","amount":"{amount}","currency":"EUR"}}"#
    )
}

fn list(items: &[String]) -> String {
    format!(r#"{{"events":[{}]}}"#, items.join(","))
}

#[test]
fn by_which_secret_and_where_it_is_proven() {
    let body = list(&[captured("e1", "20.00")]);
    for (secret, by) in [(SECRET, ProvenBy::Current), (OTHER_SECRET, ProvenBy::Previous)] {
        let explanation = told(secret, body.as_bytes(), body.as_bytes(), 0);
        assert_eq!(explanation.proof, Proof::Authentic { by });
        assert!(explanation.proof_at.starts_with("the header "), "{}", explanation.proof_at);
        assert!(explanation.is_good());
    }
}

#[test]
fn what_each_item_comes_to() {
    let word = |item: &Item| match item {
        Item::Event { id, becomes: Becomes::Facts(facts), .. } => format!("{id}: {} facts", facts.len()),
        Item::Event { id, becomes, .. } => format!("{id}: {becomes:?}"),
        Item::NoEvent { why } => format!("no event: {why}"),
        Item::Conflict { id } => format!("{id}: conflict"),
    };
    let one = captured("e1", "20.00");
    for (items, expected, is_good) in [
        (vec![one.clone()], vec!["e1: 1 facts"], true),
        (vec![r#"{"id":"e2","type":"payment.wished"}"#.to_owned()], vec!["e2: Nothing"], true),
        (
            vec![one.clone(), r#"{"type":"payment.captured"}"#.to_owned()],
            vec!["e1: 1 facts", "no event: the event has no id: nothing stands at $.id"],
            false,
        ),
        (vec![one, captured("e1", "30.00")], vec!["e1: 1 facts", "e1: conflict"], false),
    ] {
        let body = list(&items);
        let explanation = told(SECRET, body.as_bytes(), body.as_bytes(), 0);
        let found: Vec<_> = explanation.items.iter().map(word).collect();
        assert_eq!(found, expected);
        assert_eq!(explanation.is_good(), is_good, "{found:?}");
    }
}

#[test]
fn a_challenge_is_told_from_a_delivery_that_holds_nothing() {
    let mut config = source_config(SOURCE, "braintree");
    config.settings.insert("public_key".to_owned(), "integration_public_key".to_owned());
    let source = Source::try_from(config.clone()).expect("a source");
    let secrets = SecretPair { current: "integration_private_key".to_owned(), ..SecretPair::default() };
    let query = "bt_challenge=20f9f8ed05f77439fe955c977e4c8a53".to_owned();
    let request = Request { method: "GET".to_owned(), query, ..post(&[], b"") };
    let capture = Capture { request, secrets: Some(secrets), answer: None, now: at(0) };
    let asked = now_or_never(explain(&config, &source, MemoryCertificates::default(), &capture));
    // The answer of Braintree's own SDK under its published test key.
    let answer = "integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4".to_owned();
    assert_eq!(asked.expect("ports in memory").proof, Proof::Challenge { answer });

    let body = list(&[]);
    let explanation = told(SECRET, body.as_bytes(), body.as_bytes(), 0);
    assert_eq!(explanation.proof, Proof::Authentic { by: ProvenBy::Current });
    assert!(explanation.items.is_empty());
}

#[test]
fn a_damaged_capture_is_told_from_a_wrong_secret() {
    const OTHER: &str =
        "the secret is another one than it was signed with, or the body is not byte for byte what was sent";
    let fits = |what: &str| format!("the signature fits the body {what}: the capture changed it");
    let body = list(&[captured("e1", "20.00")]);
    let with = |before: &str, after: &str| format!("{before}{body}{after}");
    let lines = body.replace(':', ":\n");
    for (sent, came, hint) in [
        (body.clone(), with("", "\n"), fits("without its last line's end")),
        (body.clone(), with("", "\r\n"), fits("without its last line's end")),
        (with("", "\n"), body.clone(), fits("with a line's end behind it")),
        (lines.clone(), lines.replace('\n', "\r\n"), fits("with plain line ends")),
        (body.clone(), with(" ", "  "), fits("without the white space around it")),
        (body.clone(), list(&[captured("e1", "20.01")]), OTHER.to_owned()),
    ] {
        let explanation = told(SECRET, sent.as_bytes(), came.as_bytes(), 0);
        let why = "no signature matches a secret in force".to_owned();
        assert_eq!(explanation.proof, Proof::Refused { status: 401, why, hints: vec![hint] }, "{came:?}");
        assert!(!explanation.is_good() && explanation.items.is_empty());
    }
}

#[test]
fn an_old_capture_wants_its_time() {
    let body = list(&[captured("e1", "20.00")]);
    let Proof::Refused { status, why, hints } = told(SECRET, body.as_bytes(), body.as_bytes(), 100_000).proof
    else {
        panic!("it is old")
    };
    assert_eq!(status, 401);
    assert!(why.contains("100000 s"), "{why}");
    assert_eq!(hints, ["it was good when it came: give --at with the time of the capture"]);
}
