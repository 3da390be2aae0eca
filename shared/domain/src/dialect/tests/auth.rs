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
}
