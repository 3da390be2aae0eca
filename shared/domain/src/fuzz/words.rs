//! The small words: names, ids, rates, places, forms. What is accepted is what was written, and fits where it is used.

use super::damage::{Script, damaged};
use crate::books::Rate;
use crate::content::{as_json, form_field};
use crate::dialect::Content;
use crate::ids::{EventId, EventKind, ItemId, PaymentId, SourceName};
use crate::json::{Json, Path};

#[test]
fn ids() {
    let samples = ["pi_1", "evt:1:2", "shop-eu", "payment_intent.succeeded"];
    let tokens = [
        "#",
        " ",
        "\n",
        "\t",
        "\u{e9}",
        "\0",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/",
        "-",
        "A",
    ];
    bolero::check!().for_each(|input: &[u8]| {
        let text = String::from_utf8_lossy(&damaged(&samples, &tokens, &mut Script::new(input))).into_owned();
        let accepted = [
            SourceName::new(text.as_str()).map(|id| id.as_str().to_owned()),
            EventId::new(text.as_str()).map(|id| id.as_str().to_owned()),
            PaymentId::new(text.as_str()).map(|id| id.as_str().to_owned()),
            ItemId::new(text.as_str()).map(|id| id.as_str().to_owned()),
        ];
        // A type is only ever the last part of a key.
        if let Ok(kind) = EventKind::new(text.as_str()) {
            assert!(
                !kind.as_str().is_empty() && kind.as_str().bytes().all(|byte| byte.is_ascii_graphic()),
                "{kind}"
            );
        }
        for accepted in accepted {
            match accepted {
                // It stands in keys, in lines with tabs between, and in log lines.
                Ok(id) => {
                    assert_eq!(id, text);
                    assert!(
                        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'),
                        "{id:?}"
                    );
                }
                Err(error) => assert!(error.to_string().len() < 300, "{error}"),
            }
        }
    });
}

#[test]
fn rates_and_paths() {
    let samples = ["1.0842", "0.0062", "$.data.object.id", "$.events[*].id", "$[0]"];
    let tokens = [
        "0000000000000000000",
        "9",
        ".",
        "-",
        "e",
        "[*]",
        "[?(@.a=='b')]",
        "$",
        "\"",
        "[99999999999999999999]",
    ];
    bolero::check!().for_each(|input: &[u8]| {
        let text = String::from_utf8_lossy(&damaged(&samples, &tokens, &mut Script::new(input))).into_owned();
        if let Ok(rate) = Rate::parse(&text) {
            assert_eq!(Rate::parse(&rate.to_string()), Ok(rate), "{text}");
        }
        if let Ok(path) = Path::parse(&text) {
            assert_eq!(path.as_str(), text);
            assert_eq!(Path::parse(path.as_str()).as_ref(), Ok(&path));
            assert_eq!(path.is_many(), path.list().is_some());
        }
    });
}

/// A form is read as JSON that says the same, or refused.
#[test]
fn forms() {
    let samples = ["id=tr_1&status=paid", "a=%41+b&c=", "bt_signature=a%7Cb&bt_payload=PGE+PGI+MTwvYj48L2E+"];
    let tokens = ["&", "=", "%", "%00", "%ff", "+", "id=", ";", "PGE+", "%E2%82%AC", "bt_payload="];
    let xml = Content::FormXml { field: "bt_payload".to_owned() };
    bolero::check!().for_each(|input: &[u8]| {
        let body = damaged(&samples, &tokens, &mut Script::new(input));
        for content in [&Content::Form, &xml] {
            let Ok(view) = as_json(content, &body) else { continue };
            let json = Json::parse(&view).expect("what a form is read as is JSON");
            let fields = form_urlencoded::parse(&body).filter(|_| *content == Content::Form);
            for (field, value) in fields {
                assert_eq!(form_field(&body, &field), Ok(Some(value.clone().into_owned())));
                let is_name =
                    !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if let (true, Ok(path)) = (is_name, Path::parse(&format!("$.{field}"))) {
                    let found = json.root().at(&path).expect("one field").and_then(|doc| doc.text());
                    assert_eq!(found.as_deref(), Some(value.as_ref()));
                }
            }
        }
    });
}
