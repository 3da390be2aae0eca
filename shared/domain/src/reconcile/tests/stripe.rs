//! A Stripe payment as the list shows it, and as its webhooks told it: the two must be level.

use super::*;
use crate::dialect::Reconcile;
use crate::ids::EventKind;
use crate::json::Json;
use crate::source::Mode;
use crate::testing::{built_in, fixture, source};
use crate::translate::{Body, Translation, translate};

fn reconcile() -> Reconcile {
    built_in("stripe").reconcile.expect("Stripe has lists")
}

fn listed(more: &str) -> Result<Snapshot, String> {
    let body = format!(r#"{{"id":"pi_1","object":"payment_intent","amount":2000,"currency":"eur",{more}}}"#);
    let json = Json::parse(body.as_bytes()).expect("JSON");
    let doc = json.root();
    snapshot(&reconcile(), doc).map_err(|error| error.to_string())
}

#[track_caller]
fn check(more: &str, status: PaymentStatus, capturable: i64, captured: i64, refunded: i64) {
    let found = listed(more).expect("a payment");
    let shown = (found.status, found.capturable, found.captured, found.refunded);
    assert_eq!(shown, (status, capturable, captured, Some(refunded)), "{more}");
    assert_eq!((found.payment.as_str(), found.requested), ("pi_1", money(2000, "EUR")));
}

/// Every status that Stripe documents (stripe-python 16.1.0, `PaymentIntent.status`).
#[test]
fn every_status() {
    use PaymentStatus as S;
    let with = |status: &str| {
        format!(r#""status":"{status}","amount_capturable":0,"amount_received":0,"latest_charge":null"#)
    };
    for (status, expected) in [
        ("requires_payment_method", S::Initiated),
        ("requires_confirmation", S::Initiated),
        ("requires_action", S::RequiresAction),
        ("processing", S::Pending),
        ("requires_capture", S::Authorized),
        ("canceled", S::Canceled),
        ("succeeded", S::Captured),
    ] {
        check(&with(status), expected, 0, 0, 0);
    }
    assert_eq!(
        listed(&with("settled")),
        Err("the value \"settled\" at $.status is not mapped to a state: add it to the dialect".to_owned())
    );
}

fn charge(captured: i64, refunded: i64) -> String {
    format!(
        r#""latest_charge":{{"id":"ch_1","amount":2000,"amount_captured":{captured},"amount_refunded":{refunded}}}"#
    )
}

#[test]
fn what_was_taken_and_what_was_given_back() {
    use PaymentStatus as S;
    let of = |status: &str, capturable: i64, received: i64, charge: &str| {
        format!(
            r#""status":"{status}","amount_capturable":{capturable},"amount_received":{received},{charge}"#
        )
    };
    check(&of("requires_capture", 2000, 0, &charge(0, 0)), S::Authorized, 2000, 0, 0);
    check(&of("succeeded", 0, 2000, &charge(2000, 0)), S::Captured, 0, 2000, 0);
    check(&of("succeeded", 0, 2000, &charge(2000, 500)), S::Captured, 0, 2000, 500);
    // What a partial capture leaves is "refunded" to Stripe.
    check(&of("succeeded", 0, 1500, &charge(1500, 500)), S::Captured, 0, 1500, 0);
    check(&of("succeeded", 0, 1500, &charge(1500, 900)), S::Captured, 0, 1500, 400);
    // So is a reservation that was given up.
    check(&of("canceled", 0, 0, &charge(0, 2000)), S::Canceled, 0, 0, 0);
    check(&of("canceled", 0, 0, r#""latest_charge":{"amount_refunded":2000}"#), S::Canceled, 0, 0, 0);
    // Amounts of a payment of which nothing was taken yet are not read.
    check(&of("processing", 0, 2000, &charge(2000, 100)), S::Pending, 0, 0, 0);
    // An API version that does not expand the charge says nothing of refunds.
    check(&of("succeeded", 0, 2000, r#""latest_charge":"ch_1""#), S::Captured, 0, 2000, 0);
    assert_eq!(
        listed(&of("succeeded", 0, 0, &charge(0, 0)).replace("\"amount_received\":0,", "")),
        Err("amount is missing: nothing usable stands at $.amount_received".to_owned())
    );
    assert_eq!(
        listed(&of("succeeded", 0, 2000, r#""latest_charge":{"amount_refunded":1}"#)),
        Err("amount is missing: nothing usable stands at $.latest_charge.amount".to_owned())
    );
}

/// The facts that webhooks tell, in the order given.
fn told(files: &[&str]) -> Vec<Fact> {
    let stripe = source(built_in("stripe"), Mode::Test);
    let fact = |file: &&str| {
        let body = fixture(&format!("stripe/ours/{file}.json"));
        let event: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let kind = EventKind::new(event["type"].as_str().expect("a type")).expect("a type");
        match translate(&stripe, &kind, Body::Delivered(&body)) {
            Ok(Translation::Facts(found)) => found[0].fact.clone(),
            other => panic!("{file}: {other:?}"),
        }
    };
    files.iter().map(fact).collect()
}

#[test]
fn a_partial_capture_and_a_refund_are_level() {
    let theirs = listed(&format!(
        r#""status":"succeeded","amount_capturable":0,"amount_received":1500,{}"#,
        charge(1500, 900)
    ));
    let mut facts = told(&[
        "payment_intent.created",
        "charge.failed",
        "charge.succeeded.authorized",
        "charge.captured.partial",
        "payment_intent.succeeded.partial_capture",
        "refund.created",
        "charge.refunded.after_partial_capture",
        "refund.updated",
    ]);
    let theirs = theirs.expect("a payment");
    assert_eq!(compare(Some(&fold(&facts)), Some(&theirs)), []);
    facts.reverse();
    assert_eq!(compare(Some(&fold(&facts)), Some(&theirs)), []);
}

#[test]
fn a_reservation_that_was_given_up_is_level() {
    let theirs = listed(&format!(
        r#""status":"canceled","amount_capturable":0,"amount_received":0,{}"#,
        charge(0, 2000)
    ));
    let facts = told(&["payment_intent.created", "charge.succeeded.authorized", "charge.refunded.released"]);
    assert_eq!(compare(Some(&fold(&facts)), Some(&theirs.expect("a payment"))), []);
}

#[test]
fn what_webhooks_missed_is_planned() {
    let theirs = listed(&format!(
        r#""status":"succeeded","amount_capturable":0,"amount_received":2000,{}"#,
        charge(2000, 500)
    ));
    let planned = plan(Some(&fold(&told(&["payment_intent.created"]))), Some(&theirs.expect("a payment")));
    assert_eq!(kinds(&planned.differences), [FindingKind::StatusBehind, FindingKind::RefundDiffers]);
    assert_eq!(planned.heals, [captured(2000), refunded(500)]);
}
