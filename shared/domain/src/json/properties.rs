//! The digest of a meaning: blind to form, sharp for content.

use super::*;
use crate::ids::Sha256Hex;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Digest as _;

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        prop::sample::select(vec!["", "\u{0}", "\"", "\\", "a,b", "{\"a\":1}", "é", "😀", "1"])
            .prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn digest(text: &str) -> Sha256Hex {
    let root = Path::parse("$.v").expect("a path");
    let text = format!("{{\"v\":{text}}}");
    meaning(Json::parse(text.as_bytes()).expect("JSON").root(), &[root]).expect("a digest")
}

/// The same value, written otherwise: keys backwards, spaces, every character escaped.
fn otherwise(value: &Value, text: &mut String) {
    let escaped = |content: &str| {
        let units: Vec<_> = content.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{}\"", units.concat())
    };
    match value {
        Value::String(content) => text.push_str(&escaped(content)),
        Value::Array(items) => {
            text.push_str("[ ");
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { " ,\n" });
                otherwise(item, text);
            }
            text.push_str("\t]");
        }
        Value::Object(members) => {
            text.push_str("{\r\n");
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|a, b| b.0.cmp(a.0));
            for (at, (key, member)) in members.into_iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                text.push_str(&escaped(key));
                text.push_str(" : ");
                otherwise(member, text);
            }
            text.push_str(" }");
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

proptest! {
    #[test]
    fn form_does_not_count(value in value()) {
        let mut text = String::new();
        otherwise(&value, &mut text);
        prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value.clone());
        let expected = digest(&value.to_string());
        prop_assert_eq!(digest(&text), expected.clone());
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        prop_assert_eq!(digest(&pretty), expected);
    }

    #[test]
    fn content_counts(one in value(), other in value()) {
        // An absent value and `null` mean the same; anything else that differs, differs.
        prop_assert_eq!(digest(&one.to_string()) == digest(&other.to_string()), one == other);
    }

    #[test]
    fn a_path_finds_what_was_put_there(key in "[a-zA-Z_é-]{1,5}", value in value(), at in 0_usize..4) {
        let mut items = vec![Value::Null; 4];
        items[at] = value.clone();
        let body = json!({ key.as_str(): { "list": items }, "other": 1 }).to_string();
        let json = Json::parse(body.as_bytes()).expect("JSON");
        let doc = json.root();
        let path = Path::parse(&format!("$.{key}.list[{at}]")).expect("a path");
        let found = doc.at(&path).expect("no doubled key").map(|found| found.source().to_owned());
        prop_assert_eq!(found, (!value.is_null()).then(|| value.to_string()));
    }
}

/// A half of a surrogate pair is valid JSON but no text: it is still told from another.
#[test]
fn what_is_no_text_has_a_meaning_of_its_own() {
    assert_ne!(digest(r#""\ud800""#), digest(r#""\udc00""#));
    assert_ne!(digest(r#""\ud800""#), digest(r#""""#));
    assert_eq!(Json::parse(br#""\ud800""#).expect("JSON").root().text(), None);
}

#[test]
fn several_places_do_not_run_together() {
    let places = |texts: [&str; 2]| texts.map(|text| Path::parse(text).expect("a path"));
    let of = |body: &str| {
        meaning(Json::parse(body.as_bytes()).expect("JSON").root(), &places(["$.a", "$.b"]))
            .expect("a digest")
    };
    assert_ne!(of(r#"{"a":1}"#), of(r#"{"b":1}"#));
    assert_ne!(of(r#"{"a":"x","b":"y"}"#), of(r#"{"a":"y","b":"x"}"#));
}

/// Digests are stored and compared with those of later versions: the form that they are of never changes.
#[test]
fn the_form_that_is_digested() {
    let check = |text: &str, form: &[u8]| {
        let form = [b"\x1e", form].concat();
        assert_eq!(digest(text), Sha256Hex::of(&[&sha2::Sha256::digest(form)]), "{text}");
    };
    check("null", b"");
    check("[1, 2.50, true, null]", b"[1,2.50,true,null,]");
    check(r#"{"b": "x", "a": {}}"#, b"{\"\x01a{}\"\x01b\"\x01x}");
    // A length takes one byte, or nine.
    let text = |bytes: usize| "x".repeat(bytes);
    check(&format!("\"{}\"", text(254)), &[b"\"\xfe", text(254).as_bytes()].concat());
    for (bytes, length) in [(255, b"\0\0\0\0\0\0\0\xff"), (256, b"\0\0\0\0\0\0\x01\0")] {
        check(&format!("\"{}\"", text(bytes)), &[b"\"\xff", &length[..], text(bytes).as_bytes()].concat());
    }
}

/// What differs only in where one thing ends and the next begins.
#[test]
fn parts_do_not_run_together() {
    for (one, other) in [
        ("[1,2]", "[12]"),
        (r#"["a","b"]"#, r#"["ab"]"#),
        (r#"["a","b"]"#, r#"["a,\"b"]"#),
        (r#"[["a"],"b"]"#, r#"["a",["b"]]"#),
        (r#"[[],[]]"#, r#"[[[]]]"#),
        (r#"{"a":"b"}"#, r#"{"a\"b":""}"#),
        (r#"{"a":"1"}"#, r#"{"a":1}"#),
        (r#"{"a":{}}"#, r#"{"a":[]}"#),
        (r#"{"ab":"c"}"#, r#"{"a":"bc"}"#),
    ] {
        assert_ne!(digest(one), digest(other), "{one} {other}");
    }
}
