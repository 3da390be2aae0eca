//! Deliveries that are no JSON in a POST, and sources that ask for more than a signature.

use super::*;
use countersign_domain::signature::SecondFactors;
use countersign_domain::source::DialectRef;

const TOKEN: &str = "a-secret-part-of-the-path";

/// Thin notifications: a form or a query with an id, proven by a secret part of the path.
fn thin(content: &str) -> String {
    format!(
        r#"
        name = "thin"
        title = "A provider of thin notifications"
        auth = {{ algorithm = "token", token = {{ path = true }} }}
        [envelope]
        content = "{content}"
        events = "$"
        id = {{ path = "$.id" }}
        type = {{ constant = "payment" }}
        meaning = ["$"]
        [[facts]]
        on = ["payment"]
        fact = "pending"
        payment = "$.id"
        "#
    )
}

/// Forms that are signed, from a provider that asks before it sends.
const ASKING: &str = r#"
    name = "asking"
    title = "A provider that asks"
    [settings.public_key]
    about = "The public half of the key."
    example = "pub"
    [auth]
    algorithm = "hmac_sha1"
    key = { decode = "utf8", derive = "sha1" }
    signed = "{form:payload}"
    [auth.signature]
    form = "signature"
    encoding = "hex"
    shape = { keyed = { separator = "&", between = "|", key_id = "{setting:public_key}" } }
    [envelope]
    content = "form"
    events = "$"
    id = { path = "$.payload" }
    type = { constant = "payment" }
    meaning = ["$"]
    [answers.challenge]
    parameter = "challenge"
    hex_digits_min = 20
    hex_digits_max = 32
    answer = "{setting:public_key}|{signature}"
    [[facts]]
    on = ["payment"]
    fact = "pending"
    payment = "$.payload"
"#;

fn gate(dialect: String, secret: &str) -> Gate {
    let gate = Gate::new();
    let mut config = source_config(SOURCE, DIALECT);
    config.dialect = DialectRef::Own(dialect);
    if secret == BRAINTREE_KEY {
        config.settings.insert("public_key".to_owned(), "integration_public_key".to_owned());
    }
    gate.add(config, secret, None);
    gate
}

/// The private key of Braintree's published test pair.
const BRAINTREE_KEY: &str = "integration_private_key";

fn request(method: &str, token: Option<&str>, query: &str, body: &[u8]) -> Request {
    let form = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let headers = if body.is_empty() { &[] } else { &form[..] };
    Request {
        method: method.to_owned(),
        path_token: token.map(str::to_owned),
        query: query.to_owned(),
        ..post(headers, body)
    }
}

#[test]
fn a_form_and_a_secret_path() {
    for (case, request, expected) in [
        ("as it should be", request("POST", Some(TOKEN), "", b"id=tr_1"), (200, "accepted")),
        (
            "another token",
            request("POST", Some("a-secret-part-of-the-pat"), "", b"id=tr_1"),
            (401, "signature"),
        ),
        ("no token", request("POST", None, "", b"id=tr_1"), (401, "signature")),
        ("an empty token", request("POST", Some(""), "", b"id=tr_1"), (401, "signature")),
        ("JSON", post(&[], b"{}"), (401, "signature")),
        ("a GET", request("GET", Some(TOKEN), "id=tr_1", b""), (405, "method")),
        ("without an id", request("POST", Some(TOKEN), "", b"ID=tr_1"), (400, "unreadable")),
        ("two ids", request("POST", Some(TOKEN), "", b"id=tr_1&id=tr_2"), (400, "unreadable")),
    ] {
        let mut gate = gate(thin("form"), TOKEN);
        assert_eq!(answer(gate.accept(&request)), expected, "{case}");
        if expected.0 == 200 {
            assert_eq!(gate.sent(), ["shop#tr_1"]);
            assert_eq!(gate.rows()[0].body, b"id=tr_1", "the bytes are kept as they came");
            assert!(gate.rows()[0].headers.is_empty(), "the token is not kept");
        }
    }
}

#[test]
fn a_query_and_a_secret_path() {
    for (case, request, expected) in [
        ("as it should be", request("GET", Some(TOKEN), "id=tr_1&Date=7", b""), (200, "accepted")),
        ("with a body", request("GET", Some(TOKEN), "id=tr_1", b"id=tr_2"), (415, "content_type")),
        ("a POST", request("POST", Some(TOKEN), "id=tr_1", b""), (405, "method")),
        ("another token", request("GET", Some("x"), "id=tr_1", b""), (401, "signature")),
        ("nothing", request("GET", Some(TOKEN), "", b""), (400, "unreadable")),
    ] {
        let mut gate = gate(thin("query"), TOKEN);
        assert_eq!(answer(gate.accept(&request)), expected, "{case}");
        if expected.0 == 200 {
            assert_eq!(gate.rows()[0].body, b"id=tr_1&Date=7");
        }
    }
}

/// The answer is the one that Braintree's SDK gives to its test key (`WebhookNotificationGateway.verify`).
#[test]
fn a_challenge_is_answered_with_proof() {
    let proof = "integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4";
    let ask = |query: &str| gate(ASKING.to_owned(), BRAINTREE_KEY).accept(&request("GET", None, query, b""));
    assert_eq!(ask("challenge=20f9f8ed05f77439fe955c977e4c8a53").unwrap().ok_body, proof);
    for query in [
        "challenge=20f9f8ed05f77439fe",
        "challenge=20F9F8ED05F77439FE955C977E4C8A53",
        "challenge=20f9f8ed05f77439fe955c977e4c8a530",
        "challenge=payload%3Dof+a+forger",
        "challenge=",
    ] {
        assert_eq!(answer(ask(query)), (401, "signature"), "{query}: this signs nothing but challenges");
    }
    assert_eq!(answer(ask("")), (405, "method"));
    let mut gate = gate(ASKING.to_owned(), BRAINTREE_KEY);
    assert!(gate.accept(&request("GET", None, "challenge=20f9f8ed05f77439fe955c977e4c8a53", b"")).is_ok());
    gate.assert_untouched("a challenge");
}

#[test]
fn a_token_for_a_source_without_one_leads_nowhere() {
    let mut gate = Gate::new();
    let request = Request { path_token: Some(TOKEN.to_owned()), ..good(&one("e1")) };
    assert_eq!(answer(gate.accept(&request)), (404, "unknown_source"));
}

#[test]
fn second_factors_are_asked_for_beside_the_signature() {
    let authorization = |text: &str| ("authorization".to_owned(), format!("Basic {text}"));
    let (right, wrong) =
        (authorization("YWR5ZW46YSBsb25nIHBhc3N3b3Jk"), authorization("YWR5ZW46YW5vdGhlcg=="));
    for (case, header, token, ip, expected) in [
        ("all", &right, Some(TOKEN), "192.0.2.7", (200, "accepted")),
        ("another password", &wrong, Some(TOKEN), "192.0.2.7", (401, "signature")),
        ("another token", &right, Some("x"), "192.0.2.7", (401, "signature")),
        ("no token", &right, None, "192.0.2.7", (401, "signature")),
        ("another address", &right, Some(TOKEN), "192.0.3.7", (401, "signature")),
    ] {
        let mut gate = Gate::new();
        let mut config = source_config(SOURCE, DIALECT);
        config.second_factors = SecondFactors {
            basic: true,
            secret_path: true,
            source_ips: vec!["192.0.2.0/24".parse().unwrap()],
        };
        gate.ingest.sources.inner.set(config);
        let pair = SecretPair {
            current: SECRET.to_owned(),
            basic: vec!["adyen:a long password".to_owned()],
            path_tokens: vec![TOKEN.to_owned()],
            ..SecretPair::default()
        };
        gate.ingest.secrets.inner.set(source_name(SOURCE), pair);
        let body = one("e1");
        let headers = [vec![header.clone()], signed(DIALECT, SECRET, &body, at(0))].concat();
        let request = Request {
            path_token: token.map(str::to_owned),
            source_ip: Some(ip.parse().unwrap()),
            ..post(&headers, &body)
        };
        assert_eq!(answer(gate.accept(&request)), expected, "{case}");
        if expected.0 == 200 {
            assert!(
                gate.rows()[0].headers.keys().all(|name| name.starts_with("x-")),
                "the password is not kept"
            );
        } else {
            gate.assert_untouched(case);
        }
    }
}
