//! A stored source works, or says what to correct.

use super::*;
use std::error::Error as _;

fn config(dialect: DialectRef, api_base_url: Option<&str>) -> SourceConfig {
    let api_base_url = api_base_url.map(str::to_owned);
    let name = SourceName::new("shop").expect("a source name");
    SourceConfig { api_base_url, ..SourceConfig::new(name, dialect, Mode::Test) }
}

fn built_in(name: &str) -> DialectRef {
    DialectRef::BuiltIn(name.to_owned())
}

#[test]
fn a_source_has_its_dialect_and_its_providers_address() {
    for (dialect, url, expected) in [
        ("stripe", None, Some("https://api.stripe.com")),
        ("stripe", Some("http://127.0.0.1:8420"), Some("http://127.0.0.1:8420")),
        ("stripe", Some("http://127.0.0.1:8420/base"), Some("http://127.0.0.1:8420/base")),
        ("stripe", Some("https://sandbox.example"), Some("https://sandbox.example")),
        ("partner-hmac", None, None),
    ] {
        let source = Source::try_from(config(built_in(dialect), url)).expect("a source");
        assert_eq!(source.api_base_url.as_deref(), expected);
        assert_eq!(*source.dialect, crate::testing::built_in(dialect));
    }
}

#[test]
fn test_money_is_at_the_providers_other_address() {
    for (mode, expected) in
        [(Mode::Test, "https://sandbox-api.paddle.com"), (Mode::Live, "https://api.paddle.com")]
    {
        let source = Source::try_from(SourceConfig { mode, ..config(built_in("paddle"), None) });
        assert_eq!(source.expect("a source").api_base_url.as_deref(), Some(expected));
    }
}

#[test]
fn a_dialect_without_books_cannot_be_asked_whether_it_agrees() {
    let policy = crate::policy::Policy { check_after_seconds: Some(60), ..Default::default() };
    let with = |dialect| SourceConfig { policy: policy.clone(), ..config(built_in(dialect), None) };
    assert!(Source::try_from(with("stripe")).is_ok());
    let error = Source::try_from(with("partner-hmac")).expect_err("no books");
    let SourceError::Policy { error, .. } = error else { panic!("its policy, not {error}") };
    assert_eq!(
        error.to_string(),
        "policy.check_after_seconds is 60: the dialect partner-hmac lists no books, so nobody can be asked: remove it"
    );
}

#[test]
fn a_wrong_source_is_named_with_its_mistake() {
    let error = Source::try_from(config(built_in("nobody"), None)).expect_err("no such dialect");
    let known = crate::dialect::Dialect::built_in_names().collect::<Vec<_>>().join(", ");
    assert_eq!(
        error.to_string(),
        format!("source shop: there is no built-in dialect \"nobody\"; there are {known}")
    );
    let own = DialectRef::Own(
        "name = \"acme\"\ntitle = \"\"\nextends = \"stripe\"\n[answers]\nunauthentic_status = 200\n"
            .to_owned(),
    );
    let error = Source::try_from(config(own, None)).expect_err("a wrong dialect");
    assert_eq!(error.to_string(), "source shop: its dialect does not check");
    assert_eq!(
        error.source().expect("why").to_string(),
        "dialect acme: answers.unauthentic_status: 200 is neither 401 nor 400: use one of them"
    );
    for url in [
        "",
        "api.stripe.com",
        "http://api.stripe.com",
        "http://localhost:8420",
        "http://127.0.0.1",
        "http://127.0.0.1:",
        "http://127.0.0.1:99999",
        // The host of this one is evil.example.
        "http://127.0.0.1:80@evil.example",
        "http://127.0.0.1.evil.example:80",
        "ftp://127.0.0.1:21",
    ] {
        let error = Source::try_from(config(built_in("stripe"), Some(url))).expect_err(url);
        assert_eq!(
            error.to_string(),
            format!(
                "source shop: api_base_url {url:?} is neither https:// nor http://127.0.0.1: only these are called"
            )
        );
    }
}

#[test]
fn a_source_survives_being_stored() {
    for dialect in [built_in("stripe"), DialectRef::Own("name = \"x\"".to_owned())] {
        for url in [None, Some("https://sandbox.example")] {
            let stored = serde_json::to_string(&config(dialect.clone(), url)).expect("JSON");
            let read: SourceConfig = serde_json::from_str(&stored).expect("its own JSON");
            assert_eq!(read, config(dialect.clone(), url));
        }
    }
    let unknown = r#"{"name":"shop","dialect":{"built_in":"stripe"},"account":"","mode":"test","state":"enabled","secret":"x"}"#;
    assert!(serde_json::from_str::<SourceConfig>(unknown).is_err());
}
