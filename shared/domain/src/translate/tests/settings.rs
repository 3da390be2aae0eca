//! What an event comes to may depend on how a source says its account is set up.

use super::*;
use crate::dialect::Settings;
use crate::testing::{fixture, item, money, source};

/// The facts of a body's first event, at a source with this setting.
fn facts_with(dialect: &str, (name, value): (&str, &str), body: &str) -> Vec<Fact> {
    let settings: Settings = [(name.to_owned(), value.to_owned())].into();
    let dialect =
        Dialect::built_in_for_source(dialect, &settings).expect("settings that fit").expect("a dialect");
    let source = source(dialect, Mode::Test);
    let split = crate::envelope::split_sample(&source, &crate::signature::Headers::default(), &fixture(body));
    let event = split.events.first().expect("an event");
    match translate(&source, &event.kind, Body::Delivered(event.body.as_bytes())).expect("a translation") {
        Translation::Facts(facts) => facts.into_iter().map(|fact| fact.fact).collect(),
        Translation::Unmapped => Vec::new(),
    }
}

/// With automatic capture Adyen sends no CAPTURE.
#[test]
fn adyens_authorisation_is_a_capture_only_where_the_account_captures_by_itself() {
    let of = |capture, body| facts_with("adyen", ("capture", capture), body);
    let amount = money(10_100, "EUR");
    let authorisation = "adyen/authorisation-true.json";
    assert_eq!(of("manual", authorisation), [Fact::Authorized { amount }]);
    assert_eq!(of("automatic", authorisation), [Fact::Authorized { amount }, Fact::Captured { amount }]);
    let attempt = item("AUTH000000000001");
    assert_eq!(of("automatic", "adyen/ours/authorisation-false.json"), [Fact::Failed { attempt }]);
}
