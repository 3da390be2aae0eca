//! Versions of sources, drift.

use super::{Server, event, source};
use countersign_app::ports::{
    Drift as _, Drifted, Made, Seen, Sighting, SourceVersion, SourceVersions as _, Unknown, Written,
};
use countersign_domain::ids::EventKind;
use countersign_domain::source::{DialectRef, Mode, SourceConfig};
use countersign_domain::time::{Timestamp, from_seconds};
use serde_json::{Value, json};

fn at() -> Timestamp {
    from_seconds(1_764_100_000)
}

fn version(number: u32) -> SourceVersion {
    let config = SourceConfig {
        account: "acct_1".to_owned(),
        ..SourceConfig::new(source(), DialectRef::BuiltIn("stripe".to_owned()), Mode::Test)
    };
    SourceVersion { number, config, made: Made::RolledBack { to: 1 }, written_at: at() }
}

fn row(version: &SourceVersion, pk: &str, sk: &str) -> Value {
    json!({
        "pk": { "S": pk },
        "sk": { "S": sk },
        "config": { "S": serde_json::to_string(&version.config).expect("is JSON") },
        "number": { "N": version.number.to_string() },
        "made": { "S": "{\"rolled_back\":{\"to\":1}}" },
        "written_at": { "N": at().as_nanosecond().to_string() },
    })
}

#[tokio::test]
async fn a_version_and_what_is_in_force_are_written_together_or_not_at_all() {
    for (number, condition) in [
        (1, json!({ "ConditionExpression": "attribute_not_exists(pk)" })),
        (
            7,
            json!({
                "ConditionExpression": "#number = :before",
                "ExpressionAttributeNames": { "#number": "number" },
                "ExpressionAttributeValues": { ":before": { "N": "6" } },
            }),
        ),
    ] {
        let server = Server::start().await;
        let version = version(number);
        let written = server.clients().sources("control").write(&version).await.expect("is answered");
        assert_eq!(written, Written::InForce);
        let (what, mut request) = server.only();
        assert_eq!(what, "TransactWriteItems");
        let token = request.as_object_mut().expect("an object").remove("ClientRequestToken");
        assert!(token.is_some_and(|token| token.is_string()), "our own second try is not another operator");
        let kept = row(&version, "source_version#stripe-main", &format!("{number:010}"));
        let mut in_force = json!({ "TableName": "control", "Item": row(&version, "source", "stripe-main") });
        in_force
            .as_object_mut()
            .expect("an object")
            .extend(condition.as_object().expect("an object").clone());
        let kept = json!({ "TableName": "control", "Item": kept, "ConditionExpression": "attribute_not_exists(pk)" });
        assert_eq!(request, json!({ "TransactItems": [{ "Put": kept }, { "Put": in_force }] }));
    }
}

#[tokio::test]
async fn a_version_that_somebody_else_wrote_is_taken_and_nothing_else_is() {
    let busy = Some("version 2 was not written: the table was busy with these rows; try again");
    for (codes, expected) in [
        (["None", "ConditionalCheckFailed"], Ok(Written::Taken)),
        (["ConditionalCheckFailed", "ConditionalCheckFailed"], Ok(Written::Taken)),
        // Somebody was at it, and nobody may have won.
        (["None", "TransactionConflict"], Err(busy)),
        (["TransactionConflict", "TransactionConflict"], Err(busy)),
        (["ConditionalCheckFailed", "TransactionConflict"], Err(busy)),
        (["ThrottlingError", "None"], Err(busy)),
        // What trying again does not mend, whatever stands beside it.
        (["None", "ValidationError"], Err(None)),
        (["ConditionalCheckFailed", "ValidationError"], Err(None)),
        (["None", "None"], Err(None)),
    ] {
        let server = Server::start().await;
        let reasons = codes.map(|code| json!({ "Code": code }));
        server.then_fail("TransactionCanceledException", json!({ "CancellationReasons": reasons }));
        let found =
            server.clients().sources("control").write(&version(2)).await.map_err(|error| error.chain());
        match (&found, expected) {
            (Err(chain), Err(says)) => {
                assert_eq!(chain.contains("try again"), says.is_some(), "{codes:?}: {chain}");
                assert!(says.is_none_or(|says| chain.contains(says)), "{codes:?}: {chain}");
            }
            (found, expected) => assert_eq!(found.as_ref().ok(), expected.ok().as_ref(), "{codes:?}"),
        }
    }
}

#[tokio::test]
async fn versions_are_read_as_they_were_written() {
    let server = Server::start().await;
    let row = row(&version(3), "source_version#stripe-main", "0000000003");
    server.then_json(&json!({ "Items": [row] }));
    server.then_json(&json!({ "Items": [row] }));
    server.then_json(&json!({ "Items": [] }));
    let sources = server.clients().sources("control");
    assert_eq!(sources.history(&source()).await.expect("are read"), [version(3)]);
    assert_eq!(sources.newest(&source()).await.expect("is read"), Some(version(3)));
    assert_eq!(sources.newest(&source()).await.expect("is read"), None);
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.what == "Query" && asked.json()["ConsistentRead"] == true));
    let partition = json!({ ":pk": { "S": "source_version#stripe-main" } });
    assert_eq!(asked[0].json()["ExpressionAttributeValues"], partition);
    let in_force = json!({ ":pk": { "S": "source" }, ":sk": { "S": "stripe-main" } });
    assert_eq!(asked[1].json()["ExpressionAttributeValues"], in_force);
}

#[tokio::test]
async fn an_unknown_word_is_counted_in_one_update() {
    let server = Server::start().await;
    server.then_json(&json!({}));
    server.then_json(&json!({ "Attributes": { "pk": { "S": "drift#stripe-main" } } }));
    let drift = server.clients().drift("control");
    let sighting = Sighting {
        source: source(),
        kind: EventKind::new("invoice.paid").expect("an event type"),
        unknown: Unknown::Type,
        example: event("evt_1"),
        events: 3,
        at: at(),
    };
    assert_eq!(drift.saw(&sighting).await.expect("is counted"), Seen::New);
    assert_eq!(drift.saw(&sighting).await.expect("is counted"), Seen::Known);
    let names = ["kind", "unknown", "example", "events", "first_seen", "last_seen", "expires_at"];
    let request = json!({
        "TableName": "control",
        "Key": { "pk": { "S": "drift#stripe-main" }, "sk": { "S": "type#invoice.paid" } },
        "UpdateExpression": "SET #kind = :kind, #unknown = :unknown, #example = if_not_exists(#example, :example), \
            #first_seen = if_not_exists(#first_seen, :at), #last_seen = :at, #expires_at = :expires_at \
            ADD #events :events",
        "ExpressionAttributeNames": names.map(|name| (format!("#{name}"), name)).into_iter().collect::<Value>(),
        "ExpressionAttributeValues": {
            ":kind": { "S": "invoice.paid" },
            ":unknown": { "S": "\"type\"" },
            ":example": { "S": "evt_1" },
            ":events": { "N": "3" },
            ":at": { "N": at().as_nanosecond().to_string() },
            // 90 days later.
            ":expires_at": { "N": "1771876000" },
        },
        "ReturnValues": "ALL_OLD",
    });
    let asked = server.asked();
    assert_eq!((asked[0].what.as_str(), asked[0].json()), ("UpdateItem", request));
}

#[tokio::test]
async fn drift_is_read_as_it_was_counted() {
    let server = Server::start().await;
    let unknown = Unknown::State { at: "$.status".to_owned(), value: "odd".to_owned() };
    server.then_json(&json!({ "Items": [{
        "kind": { "S": "refund.updated" },
        "unknown": { "S": "{\"state\":{\"at\":\"$.status\",\"value\":\"odd\"}}" },
        "example": { "S": "evt_1" },
        "events": { "N": "4" },
        "first_seen": { "N": at().as_nanosecond().to_string() },
        "last_seen": { "N": from_seconds(1_764_100_009).as_nanosecond().to_string() },
        "expires_at": { "N": "1771876009" },
    }] }));
    let drifted = Drifted {
        kind: EventKind::new("refund.updated").expect("an event type"),
        unknown,
        example: event("evt_1"),
        events: 4,
        first_seen: at(),
        last_seen: from_seconds(1_764_100_009),
    };
    let found = server.clients().drift("control").list(&source()).await.expect("is read");
    assert_eq!(found, [drifted]);
    let (_, request) = server.only();
    assert_eq!(request["ExpressionAttributeValues"], json!({ ":pk": { "S": "drift#stripe-main" } }));
}
