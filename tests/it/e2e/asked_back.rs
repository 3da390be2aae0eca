//! Events about which the provider's API is asked, through the deployed template, with a provider on loopback that replays
//! recorded objects.

use super::harness::{Harness, e2e, stripe_event};
use super::recorded::Recorded;
use countersign::commands::source::apply::put_in_force;
use countersign_app::onboard::GivenSecrets;
use countersign_app::ports::Origin;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::SourceName;
use countersign_domain::payment::PaymentStatus;
use countersign_domain::source::read_file;
use reqwest::Method;
use serde_json::json;

const TOKEN: &str = "test_a_token_that_may_only_read";
const PAYMENT: &str = "/v2/payments/tr_ours1";

/// A source that asks back, and the API that it asks.
pub(super) async fn source(h: &Harness, name: &str, dialect: &str, more: &str) -> (SourceName, Recorded) {
    let api = Recorded::start().await;
    let file = format!(
        "[source]\nname = \"{name}\"\nmode = \"test\"\naccount = \"\"\ndialect = \"{dialect}\"\napi_base_url = \"{}\"\n{more}",
        api.url
    );
    let (config, source) = read_file(&file).expect("a source file");
    let given = GivenSecrets {
        signing: Some(Harness::SECRET.to_owned()),
        fetch_token: Some(TOKEN.to_owned()),
        ..GivenSecrets::default()
    };
    put_in_force(&h.context, config, &given).await.expect("the source is in force");
    (source.name, api)
}

/// Mollie's call: a form with an id behind a secret path.
async fn called(h: &Harness, source: &SourceName) -> u16 {
    let form = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    h.request(Method::POST, format!("{source}/{}", Harness::SECRET), form, "id=tr_ours1").await.status
}

#[test]
fn a_thin_event_is_what_the_provider_says_it_is() {
    e2e(async |h| {
        let (source, api) = source(h, "asked-mollie", "mollie-classic", "").await;
        api.replay(PAYMENT, "mollie-classic/ours/paid.fetched.json");
        assert_eq!(called(h, &source).await, 200);
        let row = h.until_version(&source, "tr_ours1", 1).await;
        assert_eq!(row.state.amounts().map(|amounts| amounts.captured), Some(2_000));
        let kept = h.inbox_row(&source, row.cause.event.as_str()).await.expect("the answer is kept");
        assert_eq!(kept.origin, Origin::Fetched);
        let (asked, authorization) = api.asked().remove(0);
        assert_eq!(asked, format!("{PAYMENT}?embed=refunds%2Cchargebacks"));
        assert_eq!(authorization, format!("Bearer {TOKEN}"));

        // The same call comes again when the payment has moved on.
        api.answer(PAYMENT, refunded());
        assert_eq!(called(h, &source).await, 200);
        // It was captured, which is known, and refunded.
        let row = h.until_version(&source, "tr_ours1", 3).await;
        assert_eq!(row.state.amounts().map(|amounts| amounts.refunded), Some(500));
    });
}

/// The recorded payment with a refund of 5.00.
fn refunded() -> String {
    let amount = json!({ "value": "5.00", "currency": "EUR" });
    let refund = json!({ "resource": "refund", "id": "re_1", "status": "refunded", "paymentId": "tr_ours1", "amount": amount });
    json!({
        "resource": "payment", "id": "tr_ours1", "mode": "test", "status": "paid",
        "amount": { "value": "20.00", "currency": "EUR" },
        "_embedded": { "refunds": [refund], "chargebacks": [] },
    })
    .to_string()
}

#[test]
fn while_the_provider_is_down_its_events_wait() {
    e2e(async |h| {
        let (source, api) = source(h, "asked-outage", "mollie-classic", "").await;
        api.replay(PAYMENT, "mollie-classic/ours/paid.fetched.json");
        api.set_down(true);
        assert_eq!(called(h, &source).await, 200, "what came in is kept, whoever is down");
        h.until("it was asked in vain", || async { (!api.asked().is_empty()).then_some(()) }).await;
        assert!(h.history(&source, "tr_ours1").await.is_empty());
        api.set_down(false);
        let row = h.until_version(&source, "tr_ours1", 1).await;
        assert_eq!(row.state.status(), PaymentStatus::Captured);
    });
}

/// The signing secret alone books nothing at a source that verifies on event.
#[test]
fn what_the_provider_does_not_repeat_is_not_booked() {
    e2e(async |h| {
        let (source, api) = source(h, "asked-stripe", "stripe", "asks_back = true\n").await;
        let event = |amount: i64| {
            let object = json!({ "id": "pi_asked_1", "amount_received": amount, "currency": "eur" });
            stripe_event("evt_asked_1", "payment_intent.succeeded", &object)
        };
        assert_eq!(h.post_signed(&source, &event(990_000)).await.status, 200);
        let finding = h.until_finding(&source, FindingKind::Untranslatable).await;
        assert!(finding.reason.contains("/v1/events/evt_asked_1"), "{}", finding.reason);
        assert!(h.history(&source, "pi_asked_1").await.is_empty(), "the API does not know it");

        api.answer("/v1/events/evt_asked_1", event(2_000));
        assert_eq!(h.post_signed(&source, &event(990_000)).await.status, 200);
        let row = h.until_version(&source, "pi_asked_1", 1).await;
        assert_eq!(row.state.amounts().map(|amounts| amounts.captured), Some(2_000), "as Stripe has it");
    });
}
