//! Dialect files: what is refused says where, and what is accepted keeps its word.

use super::damage::{Script, damaged};
use crate::dialect::Dialect;
use crate::envelope::split_body;
use crate::signature::Headers;
use crate::translate::{Body, Translation, translate_example};

const TOKENS: [&str; 24] = [
    "\"",
    "'''",
    "[",
    "]",
    "[[facts]]\n",
    "[envelope]\n",
    "{ ",
    " }",
    "=",
    "\n",
    "$",
    "$.data",
    "[*]",
    "[0]",
    "| url_tail",
    "extends = \"stripe\"\n",
    "settings",
    "minor_int",
    "decimal_number",
    "hmac_sha256",
    "-1",
    "99999999999999999999",
    "\\u0000",
    "#",
];

/// Whatever the file says: an error names its place, and a dialect's examples come true.
#[test]
fn file() {
    let texts: Vec<_> = Dialect::built_in_names().filter_map(Dialect::built_in_text).collect();
    bolero::check!().for_each(|input: &[u8]| {
        let text = damaged(&texts, &TOKENS, &mut Script::new(input));
        let text = String::from_utf8_lossy(&text);
        let dialect = match Dialect::parse(&text) {
            Ok(dialect) => dialect,
            Err(error) => {
                let said = error.to_string();
                let place = said.strip_prefix("dialect ").and_then(|said| said.split_once(": "));
                assert!(place.is_some_and(|(name, why)| !name.is_empty() && !why.is_empty()), "{said}");
                return;
            }
        };
        assert!(!dialect.facts.is_empty() || !dialect.name.is_empty());
        let examples = Dialect::describe(&text).expect("what is a dialect can be described").examples;
        for example in examples.iter().filter(|example| example.fetched.is_none()) {
            let headers = example.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let split = split_body(&dialect, &Headers::new(headers), example.body.as_bytes());
            assert!(split.unreadable.is_empty(), "{}", example.name);
            let translate = |event: &crate::envelope::RawEvent| {
                translate_example(&dialect, &event.kind, Body::Delivered(event.body.as_bytes()))
            };
            let facts: Vec<_> = split
                .events
                .iter()
                .filter_map(|event| match translate(event).expect("an example comes true") {
                    Translation::Facts(facts) => Some(facts),
                    Translation::Unmapped => None,
                })
                .flatten()
                .collect();
            assert_eq!(facts, example.facts, "{}", example.name);
        }
    });
}
