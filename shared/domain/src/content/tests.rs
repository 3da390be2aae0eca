use super::*;

fn check(content: &Content, body: &str, expected: Result<&str, &str>) {
    let found = as_json(content, body.as_bytes());
    let found = found.map(|json| String::from_utf8(json.into_owned()).unwrap()).map_err(|e| e.to_string());
    assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{body}");
}

#[test]
fn a_form_is_an_object_of_texts() {
    check(&Content::Form, "id=tr_1&note=a+b%26c", Ok(r#"{"id":"tr_1","note":"a b&c"}"#));
    check(&Content::Query, "", Ok("{}"));
    check(&Content::Form, "id=1&id=2", Err("the form names the field \"id\" twice"));
    check(&Content::Form, "i%64=1&id=2", Err("the form names the field \"id\" twice"));
}

#[test]
fn xml_is_an_object_of_elements() {
    let check = |xml: &str, expected: Result<&str, &str>| {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("p", &BASE64.encode(xml.as_bytes()))
            .finish();
        let expected = expected.map_err(|why| format!("the XML in the form field p {why}"));
        super::tests::check(
            &Content::FormXml { field: "p".to_owned() },
            &body,
            expected.as_ref().map(|json| *json).map_err(String::as_str),
        );
    };
    check(
        "<?xml version=\"1.0\"?><n><kind>k</kind><l type=\"array\"><i>1</i><i>2</i></l><z nil=\"true\"/></n>",
        Ok(r#"{"n":{"kind":"k","l":["1","2"],"z":null}}"#),
    );
    check("<n><a>x &amp; y&#233;</a><!-- no --></n>", Ok(r#"{"n":{"a":"x & yé"}}"#));
    check("<n>&lt;&gt;&quot;&apos;&#x41;</n>", Ok(r#"{"n":"<>\"'A"}"#));
    check("<n><a>1</a><a>2</a></n>", Err("has an element twice where one is expected"));
    check("<n><a>1</n>", Err("is not well-formed"));
    check("<n><a>1</a>", Err("ends too early"));
    check("", Err("ends too early"));
    check("<!DOCTYPE n [<!ENTITY x \"y\">]><n>&x;</n>", Err("holds more than elements and text"));
    check("<n>&x;</n>", Err("names an entity that is none of the five of XML"));
    // What is around the outermost element counts as a level.
    let nested = |levels: usize| format!("{}{}", "<n>".repeat(levels), "</n>".repeat(levels));
    let deepest = JSON_DEPTH_MAX - 1;
    let objects = format!("{}\"\"{}", "{\"n\":".repeat(deepest), "}".repeat(deepest));
    check(&nested(deepest), Ok(&objects));
    check(&nested(deepest + 1), Err("is nested too deep"));
}
