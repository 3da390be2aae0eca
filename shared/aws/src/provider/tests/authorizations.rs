//! How a call shows who we are, on the wire.

use super::*;
use countersign_domain::dialect::Dialect;

/// A source whose dialect's API is described like this.
fn authorized(url: &str, api: &str) -> Source {
    let text = format!(
        "name = \"other\"\ntitle = \"Other\"\nextends = \"stripe\"\nwithout = [\"api\"]\n[api]\nbase_url = \"https://api.example.com\"\n{api}"
    );
    Source { dialect: Dialect::parse(&text).expect("a dialect").into(), ..source(url) }
}

async fn with_token(token: &str) -> (Server, HttpsApi, Server) {
    let (store, provider) = (Server::start().await, Server::start().await);
    for _ in 0..2 {
        store.then_json(&json!({ "SecretString": json!({ "token": token }).to_string() }));
    }
    let api = store.clients().events_api("dev").expect("an API");
    (provider, api, store)
}

fn one() -> ApiRequest {
    ApiRequest { path: "/v2/payments/1".to_owned(), query: vec![] }
}

#[tokio::test]
async fn basic_header_and_bearer() {
    for (api, header, expected) in [
        ("authorization = \"basic\"", "authorization", "Basic dXNlcjpwYXNzOndvcmQ="),
        ("authorization = { header = \"X-Api-Key\" }", "x-api-key", "user:pass:word"),
        ("authorization = \"bearer\"", "authorization", "Bearer user:pass:word"),
        ("headers = { \"Api-Version\" = \"2015-07-06\" }", "api-version", "2015-07-06"),
    ] {
        let (provider, calls, store) = with_token("user:pass:word").await;
        provider.then(200, &[], "{}");
        let answer = calls.get(&authorized(&provider.url, api), &one()).await.expect("is answered");
        assert_eq!(answer.as_deref(), Some(&b"{}"[..]));
        assert_eq!(provider.asked()[0].header(header), expected, "{api}");
        assert_eq!(store.asked()[0].json()["SecretId"], "countersign/dev/fetch/stripe-main");
    }
}

const OAUTH2: &str = "authorization = { oauth2 = { token_path = \"/v1/oauth2/token\" } }";

#[tokio::test]
async fn an_access_token_is_asked_for_once_and_again_when_it_is_refused() {
    let (provider, calls, _store) = with_token("client:secret").await;
    let source = authorized(&provider.url, OAUTH2);
    provider.then(200, &[], r#"{"access_token":"A1","token_type":"Bearer","expires_in":32400}"#);
    provider.then(200, &[], "{}");
    provider.then(200, &[], "{}");
    provider.then(401, &[], "expired");
    provider.then(200, &[], r#"{"access_token":"A2","expires_in":32400}"#);
    provider.then(200, &[], "{}");
    for expected in [true, true, false, true] {
        assert_eq!(calls.get(&source, &one()).await.is_ok(), expected);
    }
    let asked: Vec<_> = provider
        .asked()
        .iter()
        .map(|call| format!("{} {}", call.what, call.header("authorization")))
        .collect();
    let (grant, get) = ("POST /v1/oauth2/token Basic Y2xpZW50OnNlY3JldA==", "GET /v2/payments/1 Bearer");
    let [first, second] = ["A1", "A2"].map(|token| format!("{get} {token}"));
    assert_eq!(asked, [grant.to_owned(), first.clone(), first.clone(), first, grant.to_owned(), second]);
}

#[tokio::test]
async fn a_token_endpoint_that_grants_nothing_is_named_without_its_answer() {
    for (status, body, expected) in [
        (
            401,
            "wrong secret",
            "the provider refuses the API token of source stripe-main with status 401: replace it",
        ),
        (200, "{\"hello\":\"secret\"}", "the answer holds no access token"),
    ] {
        let (provider, calls, _store) = with_token("client:secret").await;
        provider.then(status, &[], body);
        let source = authorized(&provider.url, OAUTH2);
        let error = calls.get(&source, &one()).await.expect_err("nothing is granted").chain();
        assert!(error.ends_with(&format!("/v1/oauth2/token: {expected}")), "{error}");
    }
    let (provider, calls, _store) = with_token("no-colon").await;
    let source = authorized(&provider.url, OAUTH2);
    let error = calls.get(&source, &one()).await.expect_err("no client").chain();
    assert!(
        error.contains("is not of the form that its dialect needs") && !error.contains("no-colon"),
        "{error}"
    );
}
