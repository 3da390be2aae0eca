//! What a scheme must say so that it proves something.

use super::*;

#[test]
fn the_signed_pieces() {
    let check = |signed: &str, expected: &str| {
        let expected = format!("dialect acme: auth.signed: {expected}");
        check_changed(ACME, "\"{timestamp}.{body}\"", &format!("\"{signed}\""), &expected);
    };
    check(
        "{timestamp}.{bdy}",
        "{bdy} is unknown: use {body}, {timestamp}, {header:NAME}, {listed_headers}, {form:NAME}, {setting:NAME} or, where each event is signed, {field:PATH}",
    );
    check(
        "{url}{timestamp}{body}",
        "{url} is unknown: use {body}, {timestamp}, {header:NAME}, {listed_headers}, {form:NAME}, {setting:NAME} or, where each event is signed, {field:PATH}",
    );
    check(
        "{header}{timestamp}{body}",
        "{header} is unknown: use {body}, {timestamp}, {header:NAME}, {listed_headers}, {form:NAME}, {setting:NAME} or, where each event is signed, {field:PATH}",
    );
    check(
        "{header:a b}{timestamp}{body}",
        "\"a b\" is not a header name: letters, digits, - and _ are allowed",
    );
    check(
        "{field:$.id}{timestamp}{body}",
        "{field:$.id} is unknown: use {body}, {timestamp}, {header:NAME}, {listed_headers}, {form:NAME}, {setting:NAME} or, where each event is signed, {field:PATH}",
    );
    check("{timestamp}.{body", "\"{timestamp}.{body\" has a { that is not closed: write {body}");
    check(
        "{timestamp}.{listed_headers}.{body}",
        "has {listed_headers}, but nothing says where the list is: add `headers` to the shape `pairs`",
    );
    check(
        "{timestamp}.",
        "\"{timestamp}.\" lacks {body}: a signature that leaves the body out proves nothing, so add it",
    );
    check("", "\"\" lacks {body}: a signature that leaves the body out proves nothing, so add it");
    check(
        "{body}",
        "\"{body}\" lacks {timestamp}: a time that is not signed proves nothing, so add it or remove [auth.timestamp]",
    );
}

#[test]
fn the_time() {
    for (from, to, expected) in [
        ("past_seconds_max = 300", "past_seconds_max = 0", "past_seconds_max: 0 s is not within 1 to 3600 s"),
        (
            "past_seconds_max = 300",
            "past_seconds_max = 3601",
            "past_seconds_max: 3601 s is not within 1 to 3600 s",
        ),
        (
            "future_seconds_max = 300",
            "future_seconds_max = -1",
            "future_seconds_max: -1 s is not within 1 to 3600 s",
        ),
        (
            "header = \"X-Timestamp\", ",
            "",
            "header: it is absent, and only the shape `pairs` has a time of its own: name a header",
        ),
        (
            "\"X-Timestamp\"",
            "\"X-Time Stamp\"",
            "header: \"X-Time Stamp\" is not a header name: letters, digits, - and _ are allowed",
        ),
    ] {
        check_changed(ACME, from, to, &format!("dialect acme: auth.timestamp.{expected}"));
    }
    let section =
        "timestamp = { header = \"X-Timestamp\", past_seconds_max = 300, future_seconds_max = 300 }\n";
    check_changed(
        ACME,
        section,
        "",
        "dialect acme: auth.signed: \"{timestamp}.{body}\" has {timestamp}, but nothing says where it is: add \
         [auth.timestamp] or remove it",
    );
}

#[test]
fn the_signature() {
    let check = |shape: &str, expected: &str| {
        let expected = format!("dialect acme: auth.signature.shape: {expected}");
        check_changed(ACME, "{ plain = { prefix = \"sha256=\" } }", shape, &expected);
    };
    let pairs = |separator: &str, signature: &str| {
        format!(
            "{{ pairs = {{ separator = \"{separator}\", equals = \"=\", signature = \"{signature}\", timestamp = \"t\" }} }}"
        )
    };
    check(&pairs(",", "t"), "signature = \"t\" and timestamp = \"t\": give two different names");
    check(&pairs(",", ""), "signature = \"\" and timestamp = \"t\": give two different names");
    let listed = |headers: &str| {
        format!(
            "{{ pairs = {{ separator = \",\", equals = \"=\", signature = \"v1\", timestamp = \"t\", headers = \"{headers}\" }} }}"
        )
    };
    check(&listed("t"), "headers = \"t\" names another part too: give it a name of its own");
    check(&pairs("=", "v1"), "separator and equals are both '=': give two different characters");
    let versioned = |separator: &str, version: &str| {
        format!("{{ versioned = {{ separator = \"{separator}\", version = \"{version}\" }} }}")
    };
    check(
        &versioned(" ", ""),
        "version = \"\" is not a word: write it as it stands before the comma, like v1",
    );
    check(
        &versioned(" ", "v1,"),
        "version = \"v1,\" is not a word: write it as it stands before the comma, like v1",
    );
    check(
        &versioned(" ", "v 1"),
        "version = \"v 1\" is not a word: write it as it stands before the comma, like v1",
    );
    check(
        &versioned(",", "v1"),
        "separator = ',' also stands between version and signature: give another, such as ' '",
    );
    check_changed(
        ACME,
        "\"X-Signature\"",
        "\"\"",
        "dialect acme: auth.signature.header: \"\" is not a header name: letters, digits, - and _ are allowed",
    );
}

#[test]
fn the_key() {
    check_changed(
        ACME,
        "\"hmac_sha256\"",
        "\"ed25519\"",
        "dialect acme: auth.key.decode: an Ed25519 public key is 32 bytes: use \"base64\" or \"hex\"",
    );
}

#[test]
fn the_answers() {
    for status in [200, 403, 500] {
        let section = format!("[answers]\nunauthentic_status = {status}\n\n[amounts]");
        let expected = format!(
            "dialect acme: answers.unauthentic_status: {status} is neither 401 nor 400: use one of them"
        );
        check_changed(ACME, "[amounts]", &section, &expected);
    }
    let text = ACME
        .replace("[amounts]", "[answers]\nok_body = \"[accepted]\"\nunauthentic_status = 400\n\n[amounts]");
    let answers = parsed(&text).expect("a dialect").answers;
    assert_eq!(
        answers,
        Answers { ok_body: "[accepted]".to_owned(), unauthentic_status: 400, challenge: None }
    );
    assert_eq!(
        built_in("stripe").answers,
        Answers { ok_body: String::new(), unauthentic_status: 401, challenge: None }
    );
}

#[test]
fn a_key_is_written_as_its_algorithm_has_it() {
    let check = |algorithm: &str, decode: &str, expected: &str| {
        let changed = ACME.replacen("hmac_sha256", algorithm, 1);
        let expected = format!("dialect acme: auth.key.decode: {expected}");
        check_changed(&changed, "decode = \"utf8\"", &format!("decode = \"{decode}\""), &expected);
    };
    check(
        "hmac_sha256",
        "pem",
        "PEM holds public keys, and a MAC has a shared secret: use \"utf8\", \"hex\" or \"base64\"",
    );
    for decode in ["utf8", "hex", "base64"] {
        check("rsa_sha256", decode, "an RSA public key is written in PEM: use \"pem\"");
    }
    for decode in ["utf8", "pem"] {
        check("ed25519", decode, "an Ed25519 public key is 32 bytes: use \"base64\" or \"hex\"");
    }
}

#[test]
fn what_holds_the_signature_is_not_what_is_signed() {
    check_changed(
        ACME,
        "header = \"X-Signature\"",
        "field = \"$.signature\"",
        "dialect acme: auth.signature.field: a body cannot hold the signature of itself: add `scope = \"event\"`, or name a \
         header",
    );
    check_changed(
        ACME,
        "algorithm = \"hmac_sha256\"",
        "algorithm = \"hmac_sha256\"\nscope = \"event\"",
        "dialect acme: auth.signature: one place cannot hold the signatures of several events: name a `field` of the event",
    );
}

#[test]
fn an_algorithm_is_described_with_what_it_needs_and_nothing_else() {
    let auth = |text: &str| {
        let (before, _) = ACME.split_once("[auth]").expect("how it is signed");
        let (_, after) = ACME.split_once("[envelope]").expect("what is in it");
        parsed(&format!("{before}[auth]\n{text}\n\n[envelope]{after}")).map(drop)
    };
    let token = "algorithm = \"token\"\ntoken = { path = true }";
    assert_eq!(auth(token), Ok(()));
    for (key, value) in [
        ("key", "{ decode = \"utf8\" }"),
        ("signed", "\"{body}\""),
        ("signature", "{ header = \"x\", encoding = \"hex\", shape = { plain = {} } }"),
        ("timestamp", "{ header = \"x\", past_seconds_max = 300, future_seconds_max = 300 }"),
        ("certificate", CERTIFICATE),
        ("scope", "\"event\""),
    ] {
        let expected =
            format!("dialect acme: auth.{key}: the algorithm \"token\" does not have it: remove it");
        assert_eq!(auth(&format!("{token}\n{key} = {value}")), Err(expected));
    }
    for (key, value) in [("token", "{ path = true }"), ("certificate", CERTIFICATE)] {
        let to = format!("algorithm = \"hmac_sha256\"\n{key} = {value}");
        let expected = "it belongs to another algorithm than the one given: remove one of them";
        check_changed(
            ACME,
            "algorithm = \"hmac_sha256\"",
            &to,
            &format!("dialect acme: auth.{key}: {expected}"),
        );
    }
}

const CERTIFICATE: &str = r#"{ hosts = ["api.example.com"], name = "n", signature_header = "s", url_header = "u", algorithm_header = "a", algorithm_is = "SHA256withRSA", id_header = "i", time_header = "t", webhook_id = "w" }"#;

#[test]
fn a_certificate_is_fetched_from_hosts_by_name() {
    let paypal = include_str!("../../../../../infra/providers/paypal.toml");
    let hosts = "hosts = [\"api.paypal.com\", \"api.sandbox.paypal.com\"]";
    for (host, is_name) in [
        ("api-2.paypal.com", true),
        ("", false),
        ("API.paypal.com", false),
        ("https://api.paypal.com", false),
        ("api.paypal.com/x", false),
        ("api_2.paypal.com", false),
    ] {
        let found = parsed(&paypal.replace(hosts, &format!("hosts = [{host:?}]"))).map(drop);
        let why = format!("{host:?} is not a host name in lower case: write it like api.example.com");
        let refused = Err(format!("dialect paypal: auth.certificate.hosts: {why}"));
        assert_eq!(found, if is_name { Ok(()) } else { refused });
    }
    let none = "it is empty, so no certificate could ever be fetched: name the provider's host";
    check_changed(paypal, hosts, "hosts = []", &format!("dialect paypal: auth.certificate.hosts: {none}"));
}

#[test]
fn an_empty_key_id_is_that_of_any_key() {
    for (key_id, expected) in [("\"k1\"", Some("k1")), ("\"\"", None)] {
        let shape = format!("{{ keyed = {{ separator = \",\", between = \"/\", key_id = {key_id} }} }}");
        let text = ACME.replace("{ plain = { prefix = \"sha256=\" } }", &shape);
        let dialect = parsed(&text).expect("a dialect");
        let Shape::Keyed { key_id: found, .. } = &signed(&dialect).signature.shape else {
            panic!("another shape")
        };
        assert_eq!(found.as_deref(), expected);
    }
}

#[test]
fn a_challenge_is_answered_with_a_signature_at_the_end() {
    let challenge = |min: u32, max: u32, answer: &str| {
        let section = format!(
            "[answers.challenge]\nparameter = \"c\"\nhex_digits_min = {min}\nhex_digits_max = {max}\nanswer = \"{answer}\"\n\n[amounts]"
        );
        let found = parsed(&ACME.replace("[amounts]", &section)).map(|dialect| dialect.answers.challenge);
        found.map(|challenge| challenge.expect("a challenge").before)
    };
    let wrong = |key: &str, why: &str| Err(format!("dialect acme: answers.challenge.{key}: {why}"));
    assert_eq!(challenge(16, 128, "shop|{signature}"), Ok("shop|".to_owned()));
    assert_eq!(challenge(20, 20, "{signature}"), Ok(String::new()));
    for (min, max) in [(15, 20), (20, 129), (21, 20)] {
        let why = format!("{min} to {max} hex digits: give a range within 16 to 128");
        assert_eq!(challenge(min, max, "{signature}"), wrong("hex_digits_min", &why));
    }
    for (answer, why) in [
        ("{signature}|shop", "nothing may follow {signature}: put it last"),
        ("{signature}{signature}", "nothing may follow {signature}: put it last"),
        ("shop", "it lacks {signature}, and so would answer without proof: add it"),
        ("{body}", "{body} is unknown: use {setting:NAME} and {signature}"),
    ] {
        assert_eq!(challenge(20, 20, answer), wrong("answer", why));
    }
}
