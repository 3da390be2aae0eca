//! Inbox and ledger.

use super::{Server, event, payment, source};
use crate::clock::SystemClock;
use countersign_app::ports::{
    Append, Clock as _, Inbox as _, InboxKey, InboxRow, Ledger as _, LedgerView, Origin, Put,
};
use countersign_domain::fact::Fact;
use countersign_domain::ids::{EventKind, Sha256Hex, TraceId};
use countersign_domain::ledger::{Cause, LedgerRow, next_row};
use countersign_domain::money::{Currency, Money};
use countersign_domain::time::{Timestamp, from_seconds};
use serde_json::{Value, json};

const BODY: &str = r#"{"id":"evt_1"}"#;

fn inbox_row() -> InboxRow {
    InboxRow {
        key: InboxKey::Event { source: source(), event: event("evt_1") },
        origin: Origin::Delivery,
        kind: Some(EventKind::new("payout.paid").expect("an event type")),
        meaning: Sha256Hex::of(&[b"meaning"]),
        body: BODY.as_bytes().to_vec(),
        headers: [("stripe-signature".to_owned(), "t=1,v1=00".to_owned())].into(),
        occurred_at: Some(from_seconds(1_764_000_000)),
        received_at: Timestamp::from_millisecond(1_764_000_001_500).expect("an instant"),
        attempt: TraceId::from_bytes([7; 16]),
        trace: TraceId::from_bytes([8; 16]),
        reason: None,
    }
}

fn ledger_rows() -> [LedgerRow; 2] {
    let amount = Money { minor: 2_000, currency: Currency::from_code("EUR").expect("a currency") };
    let cause = |id: &str| Cause {
        event: event(id),
        kind: EventKind::new("a.kind").expect("an event type"),
        occurred_at: None,
        received_at: from_seconds(1_764_000_000),
        trace: TraceId::from_bytes([8; 16]),
    };
    let now = from_seconds(1_764_000_002);
    let next = |latest: Option<&LedgerRow>, id: &str, fact: Fact| {
        next_row(latest, &source(), &payment("pi_1"), cause(id), fact, now).expect("no contradiction")
    };
    let first = next(None, "evt_1", Fact::Initiated { amount });
    let second = next(Some(&first), "evt_2", Fact::Captured { amount });
    [first, second]
}

/// A stored item is what was put.
async fn item_of_put(put: impl AsyncFnOnce(&Server)) -> Value {
    let server = Server::start().await;
    put(&server).await;
    server.asked().pop().expect("a request").json()["Item"].take()
}

async fn inbox_item() -> Value {
    item_of_put(async |server| {
        let put = server.clients().inbox("inbox", 45).put(&inbox_row()).await;
        assert_eq!(put.expect("is put"), Put::Written);
    })
    .await
}

async fn ledger_item(row: &LedgerRow) -> Value {
    item_of_put(async |server| {
        let appended = server.clients().ledger("ledger").append(row).await;
        assert_eq!(appended.expect("is appended"), Append::Appended);
    })
    .await
}

#[tokio::test]
async fn inbox_put() {
    let server = Server::start().await;
    let before = SystemClock.now().as_second();
    let put = server.clients().inbox("inbox", 45).put(&inbox_row()).await.expect("is put");
    assert_eq!(put, Put::Written);
    let (what, request) = server.only();
    assert_eq!(what, "PutItem");
    assert_eq!(request["TableName"], "inbox");
    assert_eq!(request["ConditionExpression"], "attribute_not_exists(pk) OR expires_at <= :now");
    assert_eq!(request["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    let now: i64 =
        request["ExpressionAttributeValues"][":now"]["N"].as_str().and_then(|n| n.parse().ok()).expect("now");
    assert!((before..=before + 60).contains(&now));
    let item = request["Item"].as_object().expect("an item");
    assert_eq!(item["pk"], json!({ "S": "stripe-main#evt_1" }));
    assert_eq!(item["expires_at"], json!({ "N": (now + 45 * 86_400).to_string() }));
    assert_eq!(item["o"], json!({ "S": "D" }));
    assert_eq!(item["t"], json!({ "N": "1764000000000000000" }));
    let names: Vec<_> = item.keys().map(String::as_str).collect();
    assert_eq!(names, ["a", "c", "d", "expires_at", "k", "m", "o", "pk", "r", "t"]);
}

#[tokio::test]
async fn inbox_put_finds_the_row_that_is_there() {
    let server = Server::start().await;
    server.then_fail("ConditionalCheckFailedException", json!({ "Item": inbox_item().await }));
    let put = server.clients().inbox("inbox", 45).put(&inbox_row()).await.expect("is answered");
    assert_eq!(
        put,
        Put::Exists { attempt: TraceId::from_bytes([7; 16]), meaning: Sha256Hex::of(&[b"meaning"]) }
    );
    assert_eq!(server.asked().len(), 1, "a failed condition is an answer, not a failure to try again");
}

#[tokio::test]
async fn inbox_put_fails_with_the_chain_of_reasons() {
    let server = Server::start().await;
    server.then_fail("ConditionalCheckFailedException", json!({}));
    server.then_fail("ValidationException", json!({}));
    let inbox = server.clients().inbox("inbox", 45);
    let unreturned = inbox.put(&inbox_row()).await.expect_err("no row came with it").chain();
    assert!(unreturned.ends_with("the store did not return the row"), "{unreturned}");
    let invalid = inbox.put(&inbox_row()).await.expect_err("is refused").chain();
    assert!(invalid.starts_with("inbox: put failed: ") && invalid.contains("as scripted"), "{invalid}");
}

#[tokio::test]
async fn a_throttled_call_is_tried_three_times() {
    let server = Server::start().await;
    for _ in 0..3 {
        server.then_fail("ProvisionedThroughputExceededException", json!({}));
    }
    assert!(server.clients().inbox("inbox", 45).put(&inbox_row()).await.is_err());
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn inbox_get() {
    let server = Server::start().await;
    let item = inbox_item().await;
    let mut expired = item.clone();
    expired["expires_at"] = json!({ "N": (SystemClock.now().as_second() - 1).to_string() });
    server.then_json(&json!({ "Item": item }));
    server.then_json(&json!({ "Item": expired }));
    server.then_json(&json!({}));
    let inbox = server.clients().inbox("inbox", 45);
    assert_eq!(inbox.get(&inbox_row().key).await.expect("is read"), Some(inbox_row()));
    assert_eq!(inbox.get(&inbox_row().key).await.expect("is read"), None, "its life is over");
    assert_eq!(inbox.get(&inbox_row().key).await.expect("is read"), None);
    let asked = server.asked();
    assert_eq!(asked[0].what, "GetItem");
    let key = json!({ "pk": { "S": "stripe-main#evt_1" } });
    assert_eq!(asked[0].json(), json!({ "TableName": "inbox", "Key": key, "ConsistentRead": true }));
}

#[tokio::test]
async fn ledger_append() {
    let server = Server::start().await;
    let [first, second] = ledger_rows();
    server.then_json(&json!({}));
    server.then_fail("ConditionalCheckFailedException", json!({}));
    let ledger = server.clients().ledger("ledger");
    assert_eq!(ledger.append(&first).await.expect("is appended"), Append::Appended);
    assert_eq!(ledger.append(&second).await.expect("is answered"), Append::Stale);
    let asked = server.asked();
    let request = asked[0].json();
    assert_eq!((asked[0].what.as_str(), &request["TableName"]), ("PutItem", &json!("ledger")));
    assert_eq!(request["ConditionExpression"], "attribute_not_exists(pk)");
    let item = &request["Item"];
    assert_eq!((&item["pk"], &item["version"]), (&json!({ "S": "stripe-main#pi_1" }), &json!({ "N": "1" })));
    let day = item["day"]["S"].as_str().expect("the first row is in the index");
    assert!(day.starts_with("stripe-main#2025-11-24#"), "{day}");
    assert_eq!(asked[1].json()["Item"].get("day"), None, "and only the first");
}

#[tokio::test]
async fn ledger_view_reads_every_page_newest_first() {
    let server = Server::start().await;
    let [first, second] = ledger_rows();
    let at = json!({ "pk": { "S": "stripe-main#pi_1" }, "version": { "N": "2" } });
    server.then_json(&json!({ "Items": [ledger_item(&second).await], "LastEvaluatedKey": at }));
    server.then_json(&json!({ "Items": [ledger_item(&first).await] }));
    let ledger = server.clients().ledger("ledger");
    let view = ledger.view(&source(), &payment("pi_1"), &event("evt_1")).await.expect("is read");
    assert_eq!(view, LedgerView { latest: Some(second), of_event: Some(first) });
    let asked = server.asked();
    let request = json!({
        "TableName": "ledger",
        "ConsistentRead": true,
        "ScanIndexForward": false,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": "stripe-main#pi_1" } },
    });
    assert_eq!((asked[0].what.as_str(), asked[0].json()), ("Query", request));
    assert_eq!(asked[1].json()["ExclusiveStartKey"], at);
}

#[tokio::test]
async fn ledger_view_of_nothing() {
    let server = Server::start().await;
    server.then_json(&json!({ "Items": [] }));
    let ledger = server.clients().ledger("ledger");
    let view = ledger.view(&source(), &payment("pi_1"), &event("evt_1")).await.expect("is read");
    assert_eq!(view, LedgerView::default());
}

#[tokio::test]
async fn ledger_history_is_oldest_first() {
    let server = Server::start().await;
    let [first, second] = ledger_rows();
    server.then_json(&json!({ "Items": [ledger_item(&first).await, ledger_item(&second).await] }));
    let history =
        server.clients().ledger("ledger").history(&source(), &payment("pi_1")).await.expect("is read");
    assert_eq!(history, [first, second]);
    let (_, request) = server.only();
    assert_eq!((&request["ScanIndexForward"], &request["ConsistentRead"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn ledger_opened_on_asks_every_shard() {
    let server = Server::start().await;
    server.then_json(&json!({ "Items": [{ "pk": { "S": "stripe-main#pi_1" } }] }));
    let opened = server.clients().ledger("ledger").opened_on(&source(), "2026-11-22").await.expect("is read");
    assert_eq!(opened, [payment("pi_1")]);
    let mut days = Vec::new();
    for asked in server.asked() {
        let mut request = asked.json();
        days.push(request["ExpressionAttributeValues"][":day"]["S"].as_str().expect("a day").to_owned());
        request["ExpressionAttributeValues"].take();
        let expected = json!({
            "TableName": "ledger",
            "IndexName": "payments_by_day",
            "KeyConditionExpression": "#day = :day",
            "ExpressionAttributeNames": { "#day": "day" },
            "ExpressionAttributeValues": null,
        });
        assert_eq!(request, expected);
    }
    days.sort();
    assert_eq!(days, [0, 1, 2, 3].map(|shard| format!("stripe-main#2026-11-22#{shard}")));
}
