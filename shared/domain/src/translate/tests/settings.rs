//! What an event comes to may depend on how a source says its account is set up.

use super::*;
use crate::dialect::Settings;
use crate::fetch::question;
use crate::testing::{fixture, item, money, source};

/// The facts of a body's events, at a source with this setting. What is asked for is answered from beside the body.
fn facts_with(dialect: &str, (name, value): (&str, &str), body: &str) -> Vec<Fact> {
    let settings: Settings = [(name.to_owned(), value.to_owned())].into();
    let dialect =
        Dialect::built_in_for_source(dialect, &settings).expect("settings that fit").expect("a dialect");
    let source = source(dialect, Mode::Test);
    let split = crate::envelope::split_sample(&source, &crate::signature::Headers::default(), &fixture(body));
    let mut facts = Vec::new();
    for event in &split.events {
        let delivered = Body::Delivered(event.body.as_bytes());
        let fetched = question(&source, &event.kind, delivered).expect("a question").map(|question| {
            let answer = fixture(&body.replace(".json", ".fetched.json"));
            question.answered(&source, &event.id, delivered, &answer).expect("an answer")
        });
        let read = fetched.as_ref().map_or(delivered, |fetched| Body::Json(&fetched.body));
        if let Translation::Facts(found) = translate(&source, &event.kind, read).expect("a translation") {
            facts.extend(found.into_iter().map(|fact| fact.fact));
        }
    }
    facts
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

/// A bank debit that is not paid out yet may still fail without a word of how much is taken back.
#[test]
fn gocardless_money_is_taken_when_the_source_says() {
    let of = |captured| facts_with("gocardless", ("captured", captured), "gocardless/ours/payments.json");
    let amount = money(2000, "GBP");
    let all = Fact::Captured { amount };
    let part = Fact::CapturedPart { part: item("EVOURS05"), amount };
    // The fourth event is `confirmed`, the fifth `paid_out`.
    assert_eq!(of("confirmed")[3..5], [all.clone(), all]);
    assert_eq!(of("paid_out")[3..5], [Fact::Pending, part]);
}
