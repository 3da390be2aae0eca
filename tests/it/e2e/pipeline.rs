//! A webhook through the deployed template: what is accepted, what is refused, and what becomes of each.

use super::harness::{Harness, e2e, stripe_event};
use countersign_app::ports::InboxKey;
use countersign_domain::finding::FindingKind;
use countersign_domain::ids::EventId;
use countersign_domain::payment::PaymentStatus;
use serde_json::json;

#[test]
fn a_signed_webhook_moves_a_payment_and_tells_the_bus_once() {
    e2e(async |h| {
        let source = h.stripe_source("main").await;
        let body = stripe_event(
            "evt_main_1",
            "payment_intent.succeeded",
            &json!({"id": "pi_main", "amount_received": 2000}),
        );
        assert_eq!(h.post_signed(&source, &body).await.status, 200);
        let row = h.until_version(&source, "pi_main", 1).await;
        assert_eq!(row.state.status(), PaymentStatus::Captured);
        assert_eq!(row.state.amounts().map(|a| (a.captured, a.currency.code())), Some((2000, "EUR")));
        let published = h.until_published(&source, "pi_main", 1).await;
        assert_eq!(published[0]["type"], "payment.captured");
        assert_eq!(published[0]["data"]["version"], 1);
        assert_eq!(published[0]["data"]["amounts"]["captured"], 2000);
        assert_eq!(published[0]["traceparent"], row.cause.trace.traceparent());
    });
}

#[test]
fn what_is_not_authentic_writes_nothing() {
    e2e(async |h| {
        let source = h.stripe_source("forged").await;
        let body = stripe_event(
            "evt_forged",
            "payment_intent.succeeded",
            &json!({"id": "pi_forged", "amount_received": 1}),
        );
        let at = |age_seconds| h.stripe_headers(&body, age_seconds, "whsec_of_nobody_at_all");
        let right = |age_seconds| h.stripe_headers(&body, age_seconds, Harness::SECRET);
        for (what, headers) in [
            ("another secret", at(0)),
            ("too old", right(301)),
            ("from the future", right(-310)),
            ("no signature", vec![]),
            ("a doubled signature", [right(0), right(0)].concat()),
        ] {
            let answer = h.post(&source, headers, &body).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (401, "the delivery is not authentic"),
                "{what}"
            );
        }
        let tampered = body.replace("\"amount_received\":1", "\"amount_received\":9");
        assert_ne!(tampered, body);
        assert_eq!(h.post(&source, right(0), &tampered).await.status, 401);
        assert_eq!(h.inbox_row(&source, "evt_forged").await, None);
    });
}

#[test]
fn what_cannot_be_a_webhook_is_answered_by_its_kind() {
    e2e(async |h| {
        let source = h.stripe_source("answers").await;
        let body = stripe_event(
            "evt_answers",
            "payment_intent.succeeded",
            &json!({"id": "pi_a", "amount_received": 1}),
        );
        let signed = || h.stripe_headers(&body, 0, Harness::SECRET);
        let with = |name: &str, value: &str| [signed(), vec![(name.to_owned(), value.to_owned())]].concat();
        assert_eq!(h.post("no-such-source", signed(), &body).await.status, 404);
        assert_eq!(h.post(&source, with("content-type", "text/html"), &body).await.status, 415);
        assert_eq!(h.post(&source, with("content-encoding", "gzip"), &body).await.status, 415);
        assert_eq!(h.request(reqwest::Method::GET, &source, signed(), "").await.status, 405);
        let large = "x".repeat(countersign_domain::limits::BODY_BYTES_MAX + 1);
        assert_eq!(h.post(&source, h.stripe_headers(&large, 0, Harness::SECRET), &large).await.status, 413);
        assert_eq!(h.post_signed(&source, "{\"not\":\"an event\"}").await.status, 400);
        h.until_finding(&source, FindingKind::Unreadable).await;
    });
}

#[test]
fn a_duplicate_is_one_event_however_many_come_at_once() {
    e2e(async |h| {
        let source = h.stripe_source("twice").await;
        let body = stripe_event(
            "evt_twice",
            "payment_intent.succeeded",
            &json!({"id": "pi_twice", "amount_received": 700}),
        );
        let posts = (0..8).map(|_| h.post_signed(&source, &body));
        for answer in futures::future::join_all(posts).await {
            assert_eq!(answer.status, 200);
        }
        assert_eq!(h.post_signed(&source, &body).await.status, 200);
        h.until_version(&source, "pi_twice", 1).await;
        h.until_queue_is_empty().await;
        assert_eq!(h.history(&source, "pi_twice").await.len(), 1);
        let published = h.until_published(&source, "pi_twice", 1).await;
        let ids: std::collections::BTreeSet<_> = published.iter().map(|event| event["id"].as_str()).collect();
        assert_eq!(ids.len(), 1, "a republication has the same id");
        assert!(published.iter().all(|event| *event == published[0]), "and the same bytes");
    });
}

#[test]
fn the_same_id_with_another_meaning_is_kept_and_found() {
    e2e(async |h| {
        let source = h.stripe_source("altered").await;
        let event = |minor| {
            stripe_event(
                "evt_alt",
                "payment_intent.succeeded",
                &json!({"id": "pi_alt", "amount_received": minor}),
            )
        };
        assert_eq!(h.post_signed(&source, &event(100)).await.status, 200);
        h.until_version(&source, "pi_alt", 1).await;
        assert_eq!(h.post_signed(&source, &event(999)).await.status, 200);
        let finding = h.until_finding(&source, FindingKind::Conflicting).await;
        assert!(finding.subject.to_string().contains("evt_alt"), "{finding:?}");
        let history = h.history(&source, "pi_alt").await;
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].state.amounts().map(|a| a.captured), Some(100));
    });
}

#[test]
fn order_does_not_matter() {
    e2e(async |h| {
        let source = h.stripe_source("order").await;
        let refund =
            json!({"id": "re_1", "payment_intent": "pi_order", "amount": 300, "status": "succeeded"});
        let capture = json!({"id": "pi_order", "amount_received": 1000});
        let authorization = json!({"id": "pi_order", "amount_capturable": 1000});
        for (id, kind, object) in [
            ("evt_o3", "refund.updated", &refund),
            ("evt_o2", "payment_intent.succeeded", &capture),
            ("evt_o1", "payment_intent.amount_capturable_updated", &authorization),
        ] {
            assert_eq!(h.post_signed(&source, &stripe_event(id, kind, object)).await.status, 200);
        }
        let row = h.until_version(&source, "pi_order", 3).await;
        assert_eq!(row.state.status(), PaymentStatus::Captured);
        assert_eq!(
            row.state.amounts().map(|a| (a.authorized, a.captured, a.refunded)),
            Some((1000, 1000, 300))
        );
    });
}

#[test]
fn several_events_in_one_delivery_each_have_their_own_fate() {
    e2e(async |h| {
        let source = h.partner_source("batch").await;
        let event = |id: &str, payment: &str, amount: &str| {
            json!({"id": id, "type": "payment.captured", "occurred_at": "2026-11-23T10:00:00+01:00",
                   "payment": payment, "amount": amount, "currency": "EUR"})
        };
        let batch = json!({"events": [
            event("e1", "p1", "20.00"),
            {"type": "payment.captured", "payment": "p2"},
            event("e3", "p3", "0.001"),
            event("e4", "p4", "5"),
        ]});
        assert_eq!(h.post_partner(&source, &batch.to_string()).await.status, 200);
        assert_eq!(h.until_version(&source, "p1", 1).await.state.amounts().map(|a| a.captured), Some(2000));
        assert_eq!(h.until_version(&source, "p4", 1).await.state.amounts().map(|a| a.captured), Some(500));
        h.until_finding(&source, FindingKind::Unreadable).await;
        let parked = h.until_finding(&source, FindingKind::Untranslatable).await;
        assert!(parked.reason.contains("0.001"), "{parked:?}");
        assert!(h.history(&source, "p3").await.is_empty());
    });
}

#[test]
fn poison_goes_to_the_dead_letters_and_comes_back() {
    e2e(async |h| {
        let source = h.stripe_source("poison").await;
        // A message whose row is not there: the processor cannot know whether it is late or lost, so it tries again.
        let event = EventId::new("evt_poison").expect("an id");
        let key = InboxKey::Event { source: source.clone(), event };
        h.send_notice(&key).await;
        let letter = h.until_dead_letter("evt_poison").await;
        let body = stripe_event(
            "evt_poison",
            "payment_intent.succeeded",
            &json!({"id": "pi_poison", "amount_received": 5}),
        );
        h.put_row(&source, &body).await;
        h.replay(letter).await;
        assert_eq!(h.until_version(&source, "pi_poison", 1).await.state.status(), PaymentStatus::Captured);
    });
}
