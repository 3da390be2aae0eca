//! Events about which the provider is asked before they are understood.

use super::*;
use crate::ports::ApiRequest;
use crate::trace;
use countersign_domain::source::{DialectRef, Source, SourceConfig};

const THIN: &str = "thin";

/// Thin notifications, as Mollie's classic ones: a form with an id, and everything else behind the API.
const DIALECT: &str = r#"
    name = "thin"
    title = "Thin notifications"
    auth = { algorithm = "token", token = { path = true } }
    [envelope]
    content = "form"
    events = "$"
    id = { path = "$.id" }
    type = { constant = "payment" }
    meaning = ["$"]
    [amounts]
    form = "decimal_string"
    currency = "$.fetched.currency"
    [api]
    base_url = "https://api.example.com"
    [[fetch]]
    on = ["payment"]
    path = "/payments/{$.id}"
    into = "fetched"
    required = true
    meaning = ["$.fetched"]
    [[facts]]
    on = ["payment"]
    when = [{ path = "$.fetched.status", is = "paid" }]
    goes_on = true
    fact = "captured"
    payment = "$.fetched.id"
    amount = "$.fetched.amount"
    [[facts]]
    on = ["payment"]
    each = "$.fetched.refunds[*]"
    fact = "refund"
    payment = "$.payment"
    id = "$.id"
    amount = "$.amount"
    currency = "$.currency"
    state = "succeeded"
"#;

fn config() -> SourceConfig {
    SourceConfig { dialect: DialectRef::Own(DIALECT.to_owned()), ..source_config(THIN, "partner-hmac") }
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.processor.sources.inner.set(config());
    desk
}

fn request() -> ApiRequest {
    ApiRequest { path: "/payments/tr_1".to_owned(), query: Vec::new() }
}

fn answers(desk: &Desk, body: &str) {
    desk.processor.api.answer(&source_name(THIN), &request(), body);
}

fn delivered(desk: &Desk) -> Record {
    desk.keep(&row(THIN, "tr_1", "payment", "id=tr_1"))
}

const PAID: &str = r#"{"id":"tr_1","status":"paid","amount":"20.00","currency":"EUR"}"#;
const REFUNDED: &str = r#"{"id":"tr_1","status":"paid","amount":"20.00","currency":"EUR",
    "refunds":[{"id":"re_1","payment":"tr_1","amount":"5.00","currency":"EUR"},
               {"id":"re_2","payment":"tr_1","amount":"2.50","currency":"EUR"}]}"#;

/// Captured and refunded, as the newest row of the ledger has it.
fn amounts(desk: &Desk) -> (i64, i64) {
    let rows = desk.ledger_rows();
    let amounts = rows.last().expect("a row").state.amounts().expect("amounts");
    (amounts.captured, amounts.refunded)
}

#[test]
fn what_the_provider_says_is_kept_and_then_booked() {
    let desk = desk();
    answers(&desk, PAID);
    let message = delivered(&desk);
    assert_eq!(desk.one(&message), "applied");
    assert_eq!(amounts(&desk), (2_000, 0));
    let rows = desk.processor.inbox.inner.rows();
    let fetched = rows.iter().find(|row| row.origin == Origin::Fetched).expect("the answer is kept");
    let event = desk.ledger_rows()[0].cause.event.clone();
    assert_eq!(fetched.key, InboxKey::Event { source: source_name(THIN), event });
    assert_eq!(fetched.body, format!("{{\"fetched\":{PAID},\"id\":\"tr_1\"}}").into_bytes());
}

#[test]
fn the_same_answer_is_the_same_event_and_another_is_another() {
    let desk = desk();
    answers(&desk, PAID);
    let message = delivered(&desk);
    assert_eq!((desk.one(&message), desk.one(&message)), ("applied".to_owned(), "republished".to_owned()));
    assert_eq!(desk.ledger_rows().len(), 1);
    // The notification comes again, byte for byte the same, because the payment has moved on.
    answers(&desk, REFUNDED);
    assert_eq!(desk.one(&message), "applied");
    assert_eq!(amounts(&desk), (2_000, 750));
    assert_eq!(desk.one(&message), "republished");
    // Out of order: what was said first is still true.
    answers(&desk, PAID);
    assert_eq!(desk.one(&message), "republished");
    assert_eq!(amounts(&desk), (2_000, 750));
    let rows = desk.processor.inbox.inner.rows();
    let meanings: std::collections::BTreeSet<_> = rows.iter().map(|row| row.meaning.as_str()).collect();
    assert_eq!(
        (rows.len(), meanings.len()),
        (3, 3),
        "each means what it says: the notification, two answers"
    );
}

/// The ledger's ids are those of the answer's facts; the story begins with the notification all the same.
#[test]
fn the_story_is_told_from_the_notification_on() {
    let desk = desk();
    answers(&desk, REFUNDED);
    assert_eq!(desk.one(&delivered(&desk)), "applied");
    let Processor { inbox, ledger, findings, .. } = &desk.processor;
    let (inbox, ledger, findings) = (&inbox.inner, &ledger.inner, &findings.inner);
    let told = traced::words(now_or_never(trace::payment(
        inbox,
        ledger,
        findings,
        &source_name(THIN),
        &payment_id("tr_1"),
    )));
    let answer = desk.ledger_rows()[0].cause.event.came_out_of().expect("a fact of the answer");
    let received = ["tr_1 received".to_owned(), format!("{answer} received")];
    assert_eq!(told[..2], received, "each once, before what came of it: {told:?}");
    assert_eq!(told.len(), 2 + 3 * 2, "three facts, recorded and published: {told:?}");
    let source = Source::try_from(config()).expect("a source");
    for row in desk.ledger_rows() {
        let of_fact = trace::event(inbox, ledger, findings, &source, &row.cause.event);
        assert_eq!(traced::words(now_or_never(of_fact)), told, "by any id that the payment's story names");
    }
}

#[test]
fn what_the_provider_does_not_know_or_say_moves_nothing() {
    let desk = desk();
    let message = delivered(&desk);
    assert_eq!(desk.one(&message), "parked: untranslatable");
    answers(&desk, "<html>");
    assert_eq!(desk.one(&message), "parked: untranslatable");
    let nameless = desk.keep(&row(THIN, "x", "payment", "id=%2F..%2Fadmin"));
    assert_eq!(desk.one(&nameless), "parked: untranslatable");
    assert_eq!(
        desk.processor.api.requests(),
        ["/payments/tr_1?", "/payments/tr_1?"],
        "it is not asked for the third"
    );
    desk.processor.api.fail(&source_name(THIN), &request(), "status 500");
    let outcome = desk.work(&[message]).remove(0).outcome;
    assert!(matches!(outcome, Err(Retry::Port(_))), "{outcome:?}: it comes back");
    assert!(desk.ledger_rows().is_empty());
}

/// The signature of PayPal covers a checksum of the body, and another body with the same checksum is quickly made.
#[test]
fn a_body_that_paypal_does_not_repeat_moves_nothing() {
    let body = |amount: &str| {
        format!(
            r#"{{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{{"id":"C1","amount":{{"value":"{amount}","currency_code":"EUR"}}}}}}"#
        )
    };
    let desk = Desk::new();
    let mut config = source_config("paypal", "paypal");
    config.settings.insert("webhook_id".to_owned(), "4JH86294D6297924G".to_owned());
    desk.processor.sources.inner.set(config);
    let message = desk.keep(&row("paypal", "WH-1", "PAYMENT.CAPTURE.COMPLETED", &body("99.00")));
    assert_eq!(desk.one(&message), "parked: untranslatable");
    assert!(desk.ledger_rows().is_empty(), "nobody but the sender says so");

    let path = "/v1/notifications/webhooks-events/WH-1".to_owned();
    let asked = ApiRequest { path, query: Vec::new() };
    desk.processor.api.answer(&source_name("paypal"), &asked, body("20.00"));
    assert_eq!(desk.one(&message), "applied");
    assert_eq!(amounts(&desk), (2_000, 0), "what PayPal says, and not what was delivered");
}

#[test]
fn a_listed_event_that_means_nothing_by_itself_is_asked_about_like_a_delivered_one() {
    let desk = Desk::new();
    desk.processor.sources.inner.set(source_config("debits", "gocardless"));
    let event = r#"{"id":"EV1","created_at":"2026-03-02T10:00:00.000Z","resource_type":"payments","action":"confirmed","links":{"payment":"PM1"}}"#;
    let payment = r#"{"payments":{"id":"PM1","amount":2000,"currency":"GBP","status":"confirmed"}}"#;
    let asked = ApiRequest { path: "/payments/PM1".to_owned(), query: Vec::new() };
    desk.processor.api.answer(&source_name("debits"), &asked, payment);
    let record =
        desk.keep(&InboxRow { origin: Origin::Listed, ..row("debits", "EV1", "payments:confirmed", event) });
    assert_eq!(desk.one(&record), "applied");
    let row = desk.ledger_rows().pop().expect("a row");
    assert_eq!((row.payment.as_str(), row.state.amounts().map(|a| a.captured)), ("PM1", Some(2_000)));
    assert_eq!(desk.one(&record), "republished", "done again, it is the same event");
}

/// Where the source wants its deliveries confirmed: a list is from the provider's own hand.
#[test]
fn a_listed_event_that_means_something_by_itself_is_believed() {
    let listed = format!(r#"{{"id":"tr_1","fetched":{PAID}}}"#);
    for (origin, body, asked) in [(Origin::Delivery, "id=tr_1", 1), (Origin::Listed, listed.as_str(), 0)] {
        let desk = Desk::new();
        let mut config = source_config(THIN, "partner-hmac");
        config.dialect = DialectRef::Own(DIALECT.replace("required = true", "required = false"));
        config.asks_back = true;
        desk.processor.sources.inner.set(config);
        answers(&desk, PAID);
        let record = desk.keep(&InboxRow { origin, ..row(THIN, "tr_1", "payment", body) });
        assert_eq!(desk.one(&record), "applied");
        assert_eq!(desk.processor.api.requests().len(), asked, "{body}");
    }
}
