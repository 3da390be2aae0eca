//! Crashes made to happen, and what each event costs: real binaries under a runtime whose AWS calls pass through us.

use super::harness::{Harness, e2e, http_event, sqs_event, stripe_event};
use super::lambda::{Answer, Call, Function, item_bytes};
use countersign::commands::Command as _;
use countersign::commands::replay::Replay;
use countersign_domain::ids::EventId;
use countersign_domain::payment::PaymentStatus;
use serde_json::json;

#[test]
fn a_function_killed_between_put_and_send_loses_nothing() {
    e2e(async |h| {
        let source = h.stripe_source("killed").await;
        let body = stripe_event(
            "evt_killed",
            "payment_intent.succeeded",
            &json!({"id": "pi_killed", "amount_received": 42}),
        );
        let headers = h.stripe_headers(&body, 0, Harness::SECRET);
        let doomed = h.function("ingest", Some("SendMessageBatch")).await;
        assert_eq!(doomed.invoke(http_event(&source, &headers, &body)).await, Answer::Died);
        assert!(h.inbox_row(&source, "evt_killed").await.is_some(), "the row was written");
        assert!(h.history(&source, "pi_killed").await.is_empty(), "no message was sent");
        // The provider had no answer, so it comes again.
        assert_eq!(h.post_signed(&source, &body).await.status, 200);
        assert_eq!(h.until_version(&source, "pi_killed", 1).await.state.status(), PaymentStatus::Captured);
    });
}

#[test]
fn a_function_killed_between_commit_and_publish_publishes_once_it_is_back() {
    e2e(async |h| {
        let source = h.stripe_source("unpublished").await;
        let body = stripe_event(
            "evt_unp",
            "payment_intent.succeeded",
            &json!({"id": "pi_unp", "amount_received": 42}),
        );
        let key = h.put_row(&source, &body).await;
        let message = h.notice(&key);
        let doomed = h.function("processor", Some("PutEvents")).await;
        assert_eq!(doomed.invoke(sqs_event("m1", &message)).await, Answer::Died);
        assert_eq!(h.history(&source, "pi_unp").await.len(), 1, "the row was committed");
        // SQS shows the message again.
        h.send_notice(&key).await;
        let published = h.until_published(&source, "pi_unp", 1).await;
        assert_eq!(published[0]["data"]["version"], 1);
        assert_eq!(h.history(&source, "pi_unp").await.len(), 1);
    });
}

/// The calls and write units of one event are part of the design: a call that is added fails here.
#[test]
fn an_event_costs_two_write_units_one_send_and_one_bus_event() {
    e2e(async |h| {
        let source = h.stripe_source("cost").await;
        let sample = include_str!("../../fixtures/stripe/payment_intent.succeeded.json");
        let sample = sample.replace("pi_000000000000000000000000", "pi_3MtwBwLkdIwHu7ix28a3tqPa");
        let body = sample.replace("evt_000000000000000000000000", "evt_3MtwBwLkdIwHu7ix0Q2bZ8kF");

        let ingest = h.function("ingest", None).await;
        let first =
            ingest.invoke(http_event(&source, &h.stripe_headers(&body, 0, Harness::SECRET), &body)).await;
        let Answer::Response(answer) = first else { panic!("{first:?}") };
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let calls = after_init(&ingest);
        assert_eq!(operations(&calls), ["PutItem", "SendMessageBatch"]);
        assert_eq!(write_units(&calls), 1, "{calls:?}");

        let processor = h.function("processor", None).await;
        // Another event, whose message only this processor sees.
        let body = body.replace("evt_3MtwBwLkdIwHu7ix0Q2bZ8kF", "evt_3MtwBwLkdIwHu7ix0R7cM2xY");
        let message = h.notice(&h.put_row(&source, &body.replace("pi_3MtwBw", "pi_3NtwBw")).await);
        let Answer::Response(failures) = processor.invoke(sqs_event("m1", &message)).await else {
            panic!("no answer")
        };
        assert_eq!(failures["batchItemFailures"], json!([]));
        let calls = after_init(&processor);
        assert_eq!(operations(&calls), ["GetItem", "Query", "PutItem", "PutEvents"]);
        assert_eq!(write_units(&calls), 1, "{calls:?}");
        assert_eq!(calls[3].request["Entries"].as_array().map(Vec::len), Some(1));
    });
}

/// The calls of the first invocation, less those of INIT: the read of the sources, their secrets, the queue.
fn after_init(function: &Function) -> Vec<Call> {
    let mut calls = function.calls();
    let first = calls.iter().position(|call| matches!(call.operation.as_str(), "PutItem" | "GetItem"));
    calls.split_off(first.expect("a call of the invocation"))
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

fn write_units(calls: &[Call]) -> usize {
    let items = calls.iter().filter_map(|call| call.request.get("Item"));
    items.map(|item| item_bytes(item).div_ceil(1024)).sum()
}

/// What an operator does after a fault that left an event behind, or after a dialect learnt a word.
#[test]
fn what_was_kept_and_never_handed_over_is_replayed_by_hand() {
    e2e(async |h| {
        let source = h.stripe_source("replayed").await;
        let body = stripe_event(
            "evt_replayed",
            "payment_intent.succeeded",
            &json!({"id": "pi_replayed", "amount_received": 42}),
        );
        let _ = h.put_row(&source, &body).await;
        assert!(h.history(&source, "pi_replayed").await.is_empty(), "no message was sent");
        let events = ["evt_replayed", "evt_never"].map(|id| EventId::new(id).expect("an id"));
        let done =
            Replay::new(source.clone(), events.to_vec()).run(&h.context).await.expect("it is replayed");
        assert!(!Replay::is_success(&done), "one of them never came in");
        let shown = Replay::show(&done);
        assert!(shown.contains("evt_replayed of") && shown.contains("handed over again"), "{shown}");
        assert!(shown.contains("evt_never of") && shown.contains("not in the inbox"), "{shown}");
        let row = h.until_version(&source, "pi_replayed", 1).await;
        assert_eq!(row.state.status(), PaymentStatus::Captured);
        // Once more: it changes nothing.
        let known = EventId::new("evt_replayed").expect("an id");
        let done = Replay::new(source.clone(), vec![known]).run(&h.context).await.expect("it is replayed");
        assert!(Replay::is_success(&done));
        h.until_published(&source, "pi_replayed", 2).await;
        assert_eq!(h.history(&source, "pi_replayed").await.len(), 1);
    });
}
