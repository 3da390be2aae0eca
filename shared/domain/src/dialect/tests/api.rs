//! What a dialect must say so that the provider can be asked.

use super::*;
use crate::payment::PaymentStatus;

const FETCH: &str = r#"
[[fetch]]
on = ["captured"]
path = "/v1/payments/{$.payment}"
into = "event"
required = true
meaning = ["$"]
"#;

/// A section of a built-in dialect's file and all that stands below its name.
fn section(file: &str, name: &str) -> String {
    let sections = file.split("\n[").filter(|section| section.trim_start_matches('[').starts_with(name));
    sections.map(|section| format!("\n[{section}\n")).collect()
}

/// The dialect with something that is asked of the provider, and whether that is all it needs.
#[track_caller]
fn check_needs_api(asked: &str) {
    let text = format!("{ACME}{asked}");
    let expected =
        "dialect acme: api: it is absent, and something is asked of the provider: add [api] with base_url";
    assert_eq!(parsed(&text).map(drop), Err(expected.to_owned()), "{asked}");
    let with_api = format!("{text}\n[api]\nbase_url = \"https://api.example.com\"\n");
    assert_eq!(parsed(&with_api).map(drop), Ok(()), "{asked}");
}

#[test]
fn whatever_is_asked_needs_an_api() {
    check_needs_api(FETCH);
    check_needs_api(&section(STRIPE, "reconcile"));
    check_needs_api(&section(STRIPE, "settlement"));
}

#[test]
fn the_object_that_is_fetched() {
    let text = format!("{ACME}{FETCH}\n[api]\nbase_url = \"https://api.example.com\"\n");
    let slash = "does not begin with /: write it like /v1/payments";
    for (from, to, expected) in [
        (
            "on = [\"captured\"]\npath",
            "on = []\npath",
            "on: it is an empty list: name at least one event type",
        ),
        (
            "\"/v1/payments/{$.payment}\"",
            "\".evil.example/{$.id}\"",
            &format!("path: \".evil.example/{{$.id}}\" {slash}"),
        ),
        (
            "{$.payment}",
            "{payment}",
            "path: {payment} is not a place of the event: write it like {$.data.id} or {setting:NAME}",
        ),
        (
            "meaning = [\"$\"]\n\n[api]",
            "meaning = []\n\n[api]",
            "meaning: it is empty: name the places that tell one answer from another",
        ),
    ] {
        check_changed(&text, from, to, &format!("dialect acme: fetch[0].{expected}"));
    }
}

#[test]
fn what_only_a_checksum_binds_is_asked_back_before_it_moves_money() {
    const PAYPAL: &str = include_str!("../../../../../infra/providers/paypal.toml");
    let why = |kind: &str| {
        format!(
            "dialect paypal: auth.algorithm: its signature covers only a checksum of the body, so an event of type {kind:?} must be \
             asked back before it moves money: add a [[fetch]] with required = true for it"
        )
    };
    let first = "PAYMENT.AUTHORIZATION.CREATED";
    check_changed(PAYPAL, "required = true", "required = false", &why(first));
    check_changed(PAYPAL, "on = [\"*\"]", "on = [\"another\"]", &why(first));
}

#[test]
fn a_setting_may_change_what_a_status_of_the_provider_means() {
    let status = |captured: &str| {
        let settings = [("captured".to_owned(), captured.to_owned())].into();
        let dialect = Dialect::built_in_for_source("gocardless", &settings);
        let dialect = dialect.expect("it checks").expect("it is built in");
        let (_, statuses) = dialect.reconcile.as_ref().expect("it has lists").snapshot.status.clone();
        statuses["confirmed"]
    };
    assert_eq!(status("paid_out"), PaymentStatus::Pending);
    assert_eq!(status("confirmed"), PaymentStatus::Captured);
}
