//! What the sample, the description for machines and the imports say of a dialect.

use super::*;
use serde_json::json;

/// A partner's dialect on no base, with these rules and this beside them in the envelope.
fn saying(rules: &str, envelope: &str) -> String {
    let (auth, rest) = SCRATCH.split_once("facts = ").expect("rules");
    let (_, rest) = rest.split_once('\n').expect("an envelope");
    own(&format!("{auth}facts = [{rules}]\n{rest}{envelope}\n"))
}

#[track_caller]
fn json_of(source: &str, path: &str) -> Value {
    let files = packed(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    serde_json::from_str(file(&files, path)).expect("JSON")
}

fn body(source: &str) -> Value {
    json_of(source, "samples/body.json")
}

fn schema(source: &str, name: &str) -> Value {
    json_of(source, "openapi.json")["components"]["schemas"][name].clone()
}

#[test]
fn an_id_tells_what_it_is_of() {
    for (fact, of, id) in [
        ("refund", "state = \"succeeded\"", "refund_test_1"),
        ("dispute", "state = \"open\"", "dispute_test_1"),
        ("dispute_funds", "movement = \"withdrawn\"", "dispute_test_1"),
        ("capture_reversed", "", "item_test_1"),
    ] {
        let of = if of.is_empty() { String::new() } else { format!(", {of}") };
        let rule = format!(
            "{{ on = [\"x\"], fact = \"{fact}\", payment = \"$.order\", id = \"$.item\", amount = \"$.amount\", currency = \"EUR\"{of} }}"
        );
        let body = body(&saying(&rule, ""));
        assert_eq!((&body["order"], &body["item"]), (&json!("pay_test_1"), &json!(id)), "{fact}");
    }
    let payout = "{ on = [\"x\"], fact = \"payout\", payment = \"$.item\", id = \"$.item\", amount = \"$.amount\", currency = \"EUR\", state = \"paid\" }";
    assert_eq!(body(&saying(payout, ""))["item"], "payout_test_1");
}

#[test]
fn an_amount_has_the_decimals_of_its_currency() {
    for (currency, amount) in [("EUR", "20.00"), ("JPY", "20"), ("BHD", "20.000")] {
        let rule = format!(
            "{{ on = [\"x\"], fact = \"captured\", payment = \"$.order\", amount = \"$.amount\", form = \"decimal_string\", currency = \"{currency}\" }}"
        );
        assert_eq!(body(&saying(&rule, ""))["amount"], amount, "{currency}");
    }
}

#[test]
fn whether_money_is_real_is_told_where_the_endpoint_reads_it() {
    const PAID: &str = "{ on = [\"paid\"], fact = \"pending\", payment = \"$.order\" }";
    let test = saying(PAID, "livemode = \"$.live\"");
    assert_eq!(body(&test)["live"], false);
    assert_eq!(body(&test.replace("mode = \"test\"", "mode = \"live\""))["live"], true);
    for (of, in_event, around) in
        [("event", json!("TEST"), Value::Null), ("delivery", Value::Null, json!("TEST"))]
    {
        let livemode =
            format!("livemode = {{ path = \"$.env\", live = \"LIVE\", test = \"TEST\", of = \"{of}\" }}");
        let listed = saying(PAID, &livemode).replace("events = \"$\"", "events = \"$.events[*]\"");
        let body = body(&listed);
        assert_eq!((&body["events"][0]["env"], &body["env"]), (&in_event, &around), "{of}");
    }
}

#[test]
fn a_name_at_the_end_of_a_url_is_shown_as_a_url() {
    let rule = "{ on = [\"paid\"], fact = \"pending\", payment = \"$.link | url_tail\" }";
    let source = saying(rule, "");
    assert_eq!(body(&source)["link"], "https://api.example.com/pay_test_1");
    assert_eq!(schema(&source, "paid")["properties"]["link"]["format"], "uri");
}

#[test]
fn an_event_is_described_with_all_that_must_hold() {
    let rules = r#"{ on = ["paid"], fact = "pending", payment = "$.order", when = [
        { path = "$.state", is = ["done", "over"] }, { path = "$.sort", is_not = "trial" },
        { path = "$.ref", starts_with = "P-" }, { path = "$.void", absent = true }] },
        { on = ["lines"], each = "$.lines[*]", fact = "pending", payment = "$.order" }"#;
    let source = saying(rules, "");
    let says = "it is on its way, and nobody can speed it up";
    let conditions = "`$.state` is `done` or `over`; `$.sort` is there and not `trial`; `$.ref` begins with `P-`; there is no `$.void`";
    assert_eq!(schema(&source, "paid")["description"], format!("{says}; {conditions}"));
    let each = "said by each item of `$.lines[*]`, whose fields these are";
    assert_eq!(schema(&source, "lines")["description"], format!("{says}; {each}"));
}

#[test]
fn what_may_be_absent_is_not_required() {
    let rule = "{ on = [\"paid\"], fact = \"captured\", payment = \"$.order\", amount = \"$.amount\", currency = \"EUR\", less = { amount = \"$.fee\", above = \"$.limit\" } }";
    let schema = schema(&saying(rule, ""), "paid");
    let mut required =
        Vec::from_iter(schema["required"].as_array().expect("names").iter().map(Value::to_string));
    required.sort();
    assert_eq!(required, ["\"amount\"", "\"id\"", "\"kind\"", "\"order\""]);
    assert!(schema["properties"]["fee"].is_object() && schema["properties"]["limit"].is_object(), "{schema}");
}

#[test]
fn each_meaning_has_a_schema_of_its_own_name() {
    let rules = ["paid", "paid", "paid", "pay ment"]
        .map(|kind| format!("{{ on = [\"{kind}\"], fact = \"pending\", payment = \"$.order\" }}"));
    let openapi = json_of(&saying(&rules.join(", "), ""), "openapi.json");
    let schemas = openapi["components"]["schemas"].as_object().expect("schemas");
    for name in ["paid", "paid_2", "paid_3", "pay_ment"] {
        assert!(schemas.contains_key(name), "{name} in {:?}", schemas.keys());
    }
}

/// The sample's event carries one word where two conditions want different ones: it means nothing.
#[test]
fn a_pack_whose_sample_the_endpoint_does_not_understand_is_not_made() {
    let rule = "{ on = [\"paid\"], fact = \"pending\", payment = \"$.order\", when = [{ path = \"$.state\", is = \"done\" }, { path = \"$.state\", is_not = \"done\" }] }";
    let expected =
        "source acme: the pack's own test vector does not hold: an event of type paid means nothing";
    assert_eq!(packed(&saying(rule, "")).err().as_deref(), Some(expected));
}

/// What a file imports beyond what every sample does.
fn imported(source: &str, path: &str) -> Vec<String> {
    const ALWAYS: [&str; 11] = [
        "bytes",
        "fmt",
        "io",
        "log",
        "net/http",
        "os",
        "strconv",
        "sys",
        "time",
        "urllib.error",
        "urllib.request",
    ];
    let files = packed(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let name = |line: &str| match path.ends_with(".py") {
        true => line.strip_prefix("import ").map(str::to_owned),
        false => line.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::to_owned),
    };
    file(&files, path).lines().filter_map(name).filter(|name| !ALWAYS.contains(&name.as_str())).collect()
}

/// Go refuses what is imported and not used.
#[test]
fn a_sample_imports_what_it_uses_and_nothing_else() {
    let on = |auth: &str| own(&format!("extends = \"partner-hmac\"\n{auth}"));
    let basic = format!("{}[source.second_factors]\nbasic = true\n", built_in("partner-hmac"));
    let cases: [(String, &[&str], &[&str]); 9] = [
        (on(""), &["hashlib", "hmac"], &["crypto/hmac", "crypto/sha256", "encoding/hex"]),
        (
            on("[auth]\nalgorithm = \"hmac_sha1\""),
            &["hashlib", "hmac"],
            &["crypto/hmac", "crypto/sha1", "encoding/hex"],
        ),
        (
            on("[auth]\nkey = { decode = \"utf8\", derive = \"sha1\" }"),
            &["hashlib", "hmac"],
            &["crypto/hmac", "crypto/sha1", "crypto/sha256", "encoding/hex"],
        ),
        (
            on("[auth]\nkey = { decode = \"base64\" }"),
            &["base64", "hashlib", "hmac"],
            &["crypto/hmac", "crypto/sha256", "encoding/base64", "encoding/hex", "strings"],
        ),
        (
            on("[auth]\nkey = { decode = \"hex\" }"),
            &["hashlib", "hmac"],
            &["crypto/hmac", "crypto/sha256", "encoding/hex"],
        ),
        (
            on("[auth]\nkey = { decode = \"utf8\", strip = \"k_\" }"),
            &["hashlib", "hmac"],
            &["crypto/hmac", "crypto/sha256", "encoding/hex", "strings"],
        ),
        (
            on("[auth.signature]\nencoding = \"base64\""),
            &["base64", "hashlib", "hmac"],
            &["crypto/hmac", "crypto/sha256", "encoding/base64"],
        ),
        (basic, &["base64", "hashlib", "hmac"], &["crypto/hmac", "crypto/sha256", "encoding/hex", "strings"]),
        (
            built_in("standard-webhooks-ed25519"),
            &["base64"],
            &["crypto/ed25519", "encoding/base64", "strings"],
        ),
    ];
    for (source, python, go) in cases {
        assert_eq!(imported(&source, "samples/sample.py"), python, "{source}");
        assert_eq!(imported(&source, "samples/sample.go"), go, "{source}");
    }
}
