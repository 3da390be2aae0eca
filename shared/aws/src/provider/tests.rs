mod authorizations;

use super::*;
use crate::clients::Clients;
use crate::wire::Server;
use countersign_domain::source::{DialectRef, Mode, SourceConfig};
use serde_json::json;

fn source(api_base_url: &str) -> Source {
    let config = SourceConfig {
        api_base_url: Some(api_base_url.to_owned()),
        ..SourceConfig::new(
            SourceName::new("stripe-main").expect("a source name"),
            DialectRef::BuiltIn("stripe".to_owned()),
            Mode::Test,
        )
    };
    Source::try_from(config).expect("a source")
}

fn events_after(cursor: &str) -> ApiRequest {
    let query = [("limit", "100"), ("created[gte]", "1764000000"), ("starting_after", cursor)];
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ApiRequest { path: "/v1/events".to_owned(), query: query.to_vec() }
}

/// An API, and the store that holds its token.
async fn api() -> (Server, HttpsApi, Server) {
    let (store, provider) = (Server::start().await, Server::start().await);
    for _ in 0..2 {
        store.then_json(&json!({ "SecretString": r#"{"token":"sk_test_1"}"# }));
    }
    let api = store.clients().provider_api("dev").expect("an API");
    (provider, api, store)
}

#[tokio::test]
async fn a_get_carries_the_token_and_the_query() {
    let (provider, api, store) = api().await;
    provider.then(200, &[], "{\"data\":[]}");
    provider.then(404, &[], "no such thing");
    let source = source(&provider.url);
    let body = api.get(&source, &events_after("evt_1")).await.expect("is answered");
    assert_eq!(body.as_deref(), Some(b"{\"data\":[]}".as_ref()));
    assert_eq!(api.get(&source, &events_after("evt_1")).await.expect("is answered"), None);
    let asked = provider.asked();
    assert_eq!(asked[0].what, "GET /v1/events?limit=100&created%5Bgte%5D=1764000000&starting_after=evt_1");
    assert_eq!(asked[0].header("authorization"), "Bearer sk_test_1");
    assert!(asked[0].header("user-agent").starts_with("countersign/"));
    assert_eq!(store.asked().len(), 1, "the token is remembered");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let (provider, api, _store) = api().await;
    provider.then(500, &[], "");
    provider.then(429, &[("retry-after", "1")], "");
    provider.then(200, &[], "{}");
    let begun = SystemClock.now().as_millisecond();
    assert_eq!(
        api.get(&source(&provider.url), &events_after("e")).await.expect("is answered"),
        Some(b"{}".to_vec())
    );
    assert_eq!(provider.asked().len(), 3);
    let waited_ms = SystemClock.now().as_millisecond() - begun;
    assert!(waited_ms >= 1_500, "it waited as long as it was asked to, and {waited_ms} ms in all");
}

#[tokio::test]
async fn what_does_not_pass_is_final() {
    for (status, headers, message) in [
        (400, vec![], "/v1/events: the provider answers with status 400"),
        (
            302,
            vec![("location", "http://127.0.0.1:9/elsewhere")],
            "/v1/events: the provider answers with status 302",
        ),
        (503, vec![("retry-after", "3600")], "/v1/events: the provider answers with status 503"),
        (
            401,
            vec![],
            "/v1/events: the provider refuses the API token of source stripe-main with status 401: replace it",
        ),
        (
            403,
            vec![],
            "/v1/events: the provider refuses the API token of source stripe-main with status 403: replace it",
        ),
    ] {
        let (provider, api, _store) = api().await;
        provider.then(status, &headers, "secret details");
        let error = api.get(&source(&provider.url), &events_after("e")).await.expect_err("is final").chain();
        assert_eq!(error, format!("provider_api: get failed: {message}"));
        assert_eq!(provider.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_refused_token_is_read_again_by_the_next_call() {
    let (provider, api, store) = api().await;
    provider.then(401, &[], "");
    provider.then(200, &[], "{}");
    let source = source(&provider.url);
    assert!(api.get(&source, &events_after("e")).await.is_err());
    assert!(api.get(&source, &events_after("e")).await.is_ok());
    assert_eq!(store.asked().len(), 2);
}

#[tokio::test]
async fn a_source_without_a_token_says_so() {
    let (store, provider) = (Server::start().await, Server::start().await);
    store.then_fail("ResourceNotFoundException", json!({}));
    let api = store.clients().provider_api("dev").expect("an API");
    let error = api.get(&source(&provider.url), &events_after("e")).await.expect_err("has none").chain();
    assert!(error.contains("source stripe-main has no API token for this: add one"), "{error}");
    assert!(provider.asked().is_empty());
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read() {
    let (provider, api, _store) = api().await;
    provider.then(200, &[], vec![b'x'; API_BODY_BYTES_MAX + 1]);
    provider.then(200, &[], vec![b'x'; API_BODY_BYTES_MAX]);
    let source = source(&provider.url);
    let error = api.get(&source, &events_after("e")).await.expect_err("is too large").chain();
    assert!(error.contains("the answer has more than 8388608 bytes"), "{error}");
    let body = api.get(&source, &events_after("e")).await.expect("is as large as may be");
    assert_eq!(body.map(|body| body.len()), Some(API_BODY_BYTES_MAX));
}

#[tokio::test]
async fn an_api_that_fails_again_and_again_is_left_alone() {
    let (provider, api, _store) = api().await;
    let source = source(&provider.url);
    for _ in 0..breaker::FAILURES_MAX {
        // More than is waited for, so that each call is one try.
        provider.then(503, &[("retry-after", "3600")], "");
        assert!(api.get(&source, &events_after("e")).await.is_err());
    }
    let asked = provider.asked().len();
    let error = api.get(&source, &events_after("e")).await.expect_err("is left alone").chain();
    assert!(error.contains("failed several times in a row, and is not asked again before"), "{error}");
    assert_eq!(provider.asked().len(), asked, "it was not called");

    let other = Source { name: SourceName::new("stripe-other").expect("a source name"), ..source };
    provider.then(200, &[], "{}");
    assert!(api.get(&other, &events_after("e")).await.is_ok(), "another source has a breaker of its own");
}

/// Takes connections and says nothing.
async fn silent() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

#[tokio::test]
async fn a_call_takes_no_longer_than_it_may_whatever_it_waits_for() {
    let patience = Patience { attempt_ms_max: 100, call_ms_max: 250, retries_max: 1 };
    let (store, provider, (_silence, nowhere)) =
        (Server::start().await, Server::start().await, silent().await);
    for _ in 0..2 {
        store.then_json(&json!({ "SecretString": r#"{"token":"sk_test_1"}"# }));
    }
    let api_of = |store: &Clients| HttpsApi::new(store.api_tokens("dev"), patience).expect("an API");
    let mut slow = source(&provider.url);
    let dialect = std::sync::Arc::make_mut(&mut slow.dialect);
    dialect.api.as_mut().expect("Stripe has an API").calls_per_second = Some(1);
    for (what, api, source, blames_the_api) in [
        ("its token", api_of(&Clients::at(&nowhere)), source(&provider.url), false),
        ("its turn", api_of(&store.clients()), slow, false),
        ("the answer", api_of(&store.clients()), source(&nowhere), true),
    ] {
        let began = SystemClock.now();
        // The first call's turn comes at once.
        let first = api.get(&source, &events_after("e")).await;
        assert_eq!(first.is_ok(), what == "its turn", "{what}");
        let mut said = String::new();
        for _ in 0..breaker::FAILURES_MAX {
            said = api.get(&source, &events_after("e")).await.expect_err("is too slow").chain();
        }
        let longest_ms = 250 * (u64::from(breaker::FAILURES_MAX) + 1);
        let took_ms = milliseconds_since(began);
        // The machine may be busy.
        assert!(took_ms < 3 * longest_ms, "{what}: {took_ms} ms");
        let expected = if blames_the_api { "is not asked again before" } else { "no answer within 250 ms" };
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[tokio::test]
async fn what_an_api_says_of_one_object_does_not_open_the_breaker() {
    let (provider, api, _store) = api().await;
    let source = source(&provider.url);
    for status in [404, 400, 422, 404, 400, 422, 404] {
        provider.then(status, &[], "");
        let _ = api.get(&source, &events_after("e")).await;
    }
    provider.then(200, &[], "{}");
    assert!(api.get(&source, &events_after("e")).await.is_ok());
}

#[test]
fn a_call_stays_below_its_base() {
    let url = |base: &str, path: &str| {
        let mut source = source("https://api.example.com");
        source.api_base_url = Some(base.to_owned());
        url_below(&source, path, &[]).map(|url| url.to_string())
    };
    for (base, path, whole) in [
        ("https://api.example.com", "/v1/events", "https://api.example.com/v1/events"),
        ("https://api.example.com/sandbox/", "/v1/events", "https://api.example.com/sandbox/v1/events"),
        ("http://127.0.0.1:8420", "/v1/x?y=1#z", "http://127.0.0.1:8420/v1/x%3Fy=1%23z"),
    ] {
        assert_eq!(url(base, path).expect("may be called"), whole);
    }
    for (base, path) in [
        ("http://api.example.com", "/v1"),
        ("http://127.0.0.1.example.com", "/v1"),
        ("https://user:password@api.example.com", "/v1"),
        ("https://api.example.com?x=1", "/v1"),
        ("file:///etc", "/passwd"),
        ("not a url", "/v1"),
        ("https://api.example.com", "v1"),
        ("https://api.example.com", "/v1/payment_intents/../events"),
        ("https://api.example.com", "/v1/payment_intents/%2E%2e/events"),
        ("https://api.example.com", "/v1/payment_intents/..\\events"),
    ] {
        assert!(matches!(url(base, path), Err(ApiError::BadUrl { .. })), "{base} {path}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: Timestamp = "2026-11-23T10:00:00Z".parse().expect("an instant");
    for (text, seconds) in [
        ("7", Some(7)),
        ("Mon, 23 Nov 2026 10:00:30 GMT", Some(30)),
        ("Mon, 23 Nov 2026 09:00:00 GMT", Some(0)),
        ("soon", None),
    ] {
        let headers = [(RETRY_AFTER, text.parse().expect("a header value"))].into_iter().collect();
        assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), seconds, "{text}");
    }
}
