//! What a partner is handed. That the samples sign as the verifier wants it is in `tests/samples.rs`, which runs them.

mod said;

use super::*;
use crate::source::read_file;
use crate::testing::{assert_checked_in, repository};
use serde_json::Value;

const URL: &str = "https://hooks.example.com/v1/webhooks/acme";

fn packed(text: &str) -> Result<Vec<File>, String> {
    let (config, _) = read_file(text).expect("a source");
    pack(&config, URL).map_err(|error| error.to_string())
}

fn file<'f>(files: &'f [File], path: &str) -> &'f str {
    let found = files.iter().find(|file| file.path == path);
    &found.unwrap_or_else(|| panic!("there is no {path}")).text
}

fn built_in(dialect: &str) -> String {
    format!("[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"Acme\"\ndialect = \"{dialect}\"\n")
}

fn own(dialect: &str) -> String {
    format!(
        "[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"Acme\"\n[dialect]\n{}",
        dialect.replace("\n[", "\n[dialect.")
    )
}

/// A partner with words of its own: another header, hex and base64 the other way round, other fields.
fn extending() -> String {
    let file = repository("tests/fixtures/pack/extending/source.toml");
    std::fs::read_to_string(file).expect("the source file is there")
}

#[test]
fn what_is_handed_over_is_checked_in() {
    for (folder, source) in [
        ("partner-hmac", built_in("partner-hmac")),
        ("standard-webhooks", built_in("standard-webhooks")),
        ("extending", extending()),
    ] {
        let files = packed(&source).expect("a pack");
        for File { path, text } in &files {
            assert_checked_in(&format!("tests/fixtures/pack/{folder}/{path}"), text);
        }
    }
}

/// A dialect of a partner's own, on no base.
const SCRATCH: &str = r#"
auth = { algorithm = "hmac_sha256", key = { decode = "utf8" }, signed = "{body}", signature = { header = "X-S", encoding = "hex", shape = { plain = {} } } }
facts = [{ on = ["paid"], fact = "pending", payment = "$.order" }]
[envelope]
events = "$"
id = { path = "$.id" }
type = "$.kind"
meaning = ["$"]
"#;

#[test]
fn only_who_signs_as_we_say_is_handed_anything() {
    let check = |source: &str, expected: Option<&str>| {
        let found = packed(source).err();
        assert_eq!(found.as_deref(), expected, "{source}");
    };
    for dialect in FOR_PARTNERS {
        check(&built_in(dialect), None);
        check(&own(&format!("extends = \"{dialect}\"")), None);
    }
    let signed_by = |provider: &str| {
        format!(
            "source acme: the deliveries of {provider} are signed by the provider, in its own way: a pack is for a partner that \
             signs as we say, with partner-hmac, standard-webhooks, standard-webhooks-ed25519 or a dialect that extends one of them"
        )
    };
    check(&own(SCRATCH), None);
    check(&built_in("stripe"), Some(&signed_by("stripe")));
    check(&own("extends = \"adyen-platform\""), Some(&signed_by("adyen-platform")));
}

#[test]
fn what_the_samples_cannot_do_is_refused_by_name() {
    let check = |dialect: &str, expected: &str| {
        let source = own(&format!("extends = \"partner-hmac\"\n{dialect}"));
        assert_eq!(packed(&source).err().as_deref(), Some(expected), "{dialect}");
    };
    check(
        "[auth]\nsigned = \"{header:x-nonce}{timestamp}{body}\"",
        "source acme: auth.signed: {header:x-nonce} is signed, and nothing says what a sample should send in it",
    );
    check(
        "[auth]\nsigned = \"{timestamp}€{body}\"",
        "source acme: auth.signed: \"€\" holds a line's end or a character beyond ASCII, which the samples cannot write",
    );
    check(
        "[envelope]\nid = { header = \"X-Signature\" }\nevents = \"$\"",
        "source acme: auth: the header x-signature is read as two different things: a sample sends one value",
    );
    check(
        "[answers.challenge]\nparameter = \"c\"\nhex_digits_min = 20\nhex_digits_max = 32\nanswer = \"{signature}\"",
        "source acme: answers.challenge: the endpoint answers a provider's challenges, which a partner of ours does not ask: \
         remove it",
    );
    check(
        "[envelope]\ncontent = \"form\"\nevents = \"$\"",
        "source acme: envelope.content: the body is no JSON, and the samples and the description of the endpoint are for JSON only",
    );
    check(
        "[envelope]\nevents = \"$.batches[*].events[*]\"",
        "source acme: envelope.events: \"$.batches[*].events[*]\" is neither \"$\" nor a list like \"$.events[*]\": the samples \
         send nothing else",
    );
    let (_, rules) = SCRATCH.split_once("facts = ").expect("rules");
    let each = "auth = { algorithm = \"hmac_sha256\", key = { decode = \"utf8\" }, scope = \"event\", signed = \"{field:$.id}\", signature = { field = \"$.proof\", encoding = \"hex\", shape = { plain = {} } } }";
    assert_eq!(
        packed(&own(&format!("{each}\nfacts = {rules}"))).err().as_deref(),
        Some("source acme: auth.scope: each event is signed for itself, which the samples cannot do"),
    );
}

#[test]
fn a_signed_header_is_one_whose_value_the_samples_know() {
    for header in ["x-timestamp", "content-type"] {
        let signed = format!("[auth]\nsigned = \"{{timestamp}}.{{header:{header}}}.{{body}}\"");
        let files = packed(&own(&format!("extends = \"partner-hmac\"\n{signed}")));
        assert_eq!(files.err(), None, "{header}");
    }
}

#[test]
fn a_token_leaves_nothing_to_show() {
    let i = SCRATCH.find("facts").expect("rules");
    let source = own(&format!(
        "auth = {{ algorithm = \"token\", token = {{ header = \"X-T\" }} }}\n{}",
        &SCRATCH[i..]
    ));
    let expected = "source acme: auth.algorithm: a \"token\" is sent as it is: there is nothing to sign, and so nothing to show in samples";
    assert_eq!(packed(&source).err().as_deref(), Some(expected));
}

#[test]
fn a_url_is_one_of_an_endpoint() {
    let (config, _) = read_file(&built_in("partner-hmac")).expect("a source");
    for (url, is_one) in [
        ("https://hooks.example.com/v1/webhooks/acme", true),
        ("http://127.0.0.1:4566/_aws/execute-api/f69eb487/$default/v1/webhooks/acme", true),
        ("ftp://hooks.example.com/acme", false),
        ("https://hooks.example.com/", false),
        ("https://hooks.example.com/a'b", false),
        ("https://hooks.example.com/acme?x=1", false),
    ] {
        assert_eq!(pack(&config, url).is_ok(), is_one, "{url}");
    }
}

#[test]
fn second_factors_are_asked_for_and_never_told() {
    let factors =
        "[source.second_factors]\nbasic = true\nsecret_path = true\nsource_ips = [\"192.0.2.0/24\"]\n";
    let files = packed(&format!("{}{factors}", built_in("partner-hmac"))).expect("a pack");
    let page = file(&files, "README.md");
    for said in
        ["POST https://hooks.example.com/v1/webhooks/acme/TOKEN", "basic authentication", "`192.0.2.0/24`"]
    {
        assert!(page.contains(said), "{said}");
    }
    let openapi: Value = serde_json::from_str(file(&files, "openapi.json")).expect("JSON");
    assert_eq!(openapi["paths"]["/acme/{token}"]["post"]["security"], serde_json::json!([{ "basic": [] }]));
}

#[test]
fn the_vectors_body_is_one_that_the_description_allows() {
    for source in [
        built_in("partner-hmac"),
        built_in("standard-webhooks"),
        built_in("standard-webhooks-ed25519"),
        extending(),
    ] {
        let files = packed(&source).expect("a pack");
        let openapi: Value = serde_json::from_str(file(&files, "openapi.json")).expect("JSON");
        let body: Value = serde_json::from_str(file(&files, "samples/body.json")).expect("JSON");
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        let place = "https://example.com/openapi.json";
        compiler.add_resource(place, openapi).expect("a resource");
        let pointer = format!("{place}#/paths/~1acme/post/requestBody/content/application~1json/schema");
        let schema = compiler.compile(&pointer, &mut schemas).expect("a schema");
        schemas.validate(&body, schema).unwrap_or_else(|error| panic!("{error}"));
        let nothing = serde_json::json!({ "events": [{ "id": "e1" }] });
        assert!(schemas.validate(&nothing, schema).is_err(), "a schema that allows everything says nothing");
    }
}
