//! Deliveries that are no signed JSON in a POST, through the deployed template.

use super::harness::{Harness, Posted, e2e};
use countersign_domain::ids::SourceName;
use countersign_domain::payment::PaymentStatus;
use countersign_domain::source::DialectRef;
use reqwest::Method;

/// Thin notifications whose proof is a secret part of the URL.
fn thin(content: &str) -> DialectRef {
    DialectRef::Own(format!(
        r#"
        name = "thin"
        title = "A provider of thin notifications"
        auth = {{ algorithm = "token", token = {{ path = true }} }}
        [envelope]
        content = "{content}"
        events = "$"
        id = {{ compose = ["$.kind", "$.id"] }}
        type = "$.kind"
        meaning = ["$"]
        [[facts]]
        on = ["waiting"]
        fact = "pending"
        payment = "$.id"
        "#
    ))
}

/// A provider that asks for proof before it sends anything.
const ASKING: &str = r#"
    name = "asking"
    title = "A provider that asks"
    extends = "partner-hmac"
    [answers.challenge]
    parameter = "challenge"
    hex_digits_min = 20
    hex_digits_max = 32
    answer = "us|{signature}"
"#;

const FORM: &str = "application/x-www-form-urlencoded";

async fn form(h: &Harness, source: &SourceName, token: &str, body: &str) -> Posted {
    let headers = vec![("content-type".to_owned(), FORM.to_owned())];
    h.request(Method::POST, format!("{source}{token}"), headers, body).await
}

#[test]
fn a_form_behind_a_secret_path_moves_a_payment() {
    e2e(async |h| {
        let source = h.source("thin-form", thin("form")).await;
        let right = format!("/{}", Harness::SECRET);
        let body = "kind=waiting&id=tr_e2e_1&note=a+b";
        for (token, status) in [("/another-token-of-the-same-kind", 401), ("", 401)] {
            assert_eq!(form(h, &source, token, body).await.status, status, "{token:?}");
        }
        assert_eq!(h.inbox_row(&source, "waiting:tr_e2e_1").await, None);
        assert_eq!(form(h, &source, &right, body).await.status, 200);
        let row = h.until_version(&source, "tr_e2e_1", 1).await;
        assert_eq!(row.state.status(), PaymentStatus::Pending);
        let kept = h.inbox_row(&source, "waiting:tr_e2e_1").await.expect("it is kept");
        assert_eq!(kept.body, body.as_bytes(), "byte for byte");
    });
}

#[test]
fn a_query_behind_a_secret_path_moves_a_payment() {
    e2e(async |h| {
        let source = h.source("thin-query", thin("query")).await;
        let url = |query: &str| format!("{source}/{}?{query}", Harness::SECRET);
        let get = async |query: &str| h.request(Method::GET, url(query), vec![], "").await.status;
        assert_eq!(get("kind=waiting&id=in_e2e_1&Date=1764000000").await, 200);
        h.until_version(&source, "in_e2e_1", 1).await;
        assert_eq!(get("id=in_e2e_1").await, 400, "without a type");
        let posted = h.request(Method::POST, url("kind=waiting&id=in_e2e_2"), vec![], "").await;
        assert_eq!((posted.status, posted.body.as_str()), (405, "webhooks are sent here with GET"));
    });
}

#[test]
fn a_challenge_is_answered_and_nothing_else_is_signed() {
    e2e(async |h| {
        let source = h.source("asking", DialectRef::Own(ASKING.to_owned())).await;
        let ask = async |query: &str| h.request(Method::GET, format!("{source}?{query}"), vec![], "").await;
        let answer = ask("challenge=20f9f8ed05f77439fe955c977e4c8a53").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with("us|") && answer.body.len() == 3 + 64, "{}", answer.body);
        assert_eq!(ask("challenge=something-else-to-sign").await.status, 401);
        assert_eq!(ask("").await.status, 405);
    });
}
