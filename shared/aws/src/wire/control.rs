//! Sources, findings, runs.

use super::{Server, payment, source};
use countersign_app::ports::{
    Checkpoint, Completed, Evidence, Findings as _, Lease, Phase, Raised, Resolution, Run, RunHistory as _,
    Runs as _, Sources as _,
};
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::reconcile::{Difference, RunStatus};
use countersign_domain::source::{DialectRef, Mode, SourceConfig};
use countersign_domain::time::{Timestamp, Window, from_seconds};
use serde_json::{Value, json};

const DAY: &str = "2025-11-24T00:00:00Z..2025-11-25T00:00:00Z";

fn config() -> SourceConfig {
    let dialect = DialectRef::BuiltIn("stripe".to_owned());
    SourceConfig { account: "acct_1".to_owned(), ..SourceConfig::new(source(), dialect, Mode::Test) }
}

fn finding() -> Finding {
    Finding {
        source: source(),
        kind: FindingKind::AmountDiffers,
        subject: Subject::Payment(payment("pi_1")),
        reason: "ledger: 1; provider: 2".to_owned(),
        at_stake: None,
        found_at: now(),
    }
}

fn now() -> Timestamp {
    from_seconds(1_764_100_000)
}

fn until() -> Timestamp {
    from_seconds(1_764_100_900)
}

fn window() -> Window {
    Window::utc_day(from_seconds(1_764_000_000), 0)
}

fn begun() -> Run {
    Run::begin(source(), window(), 1, 1, now())
}

fn run_row(run: &Run, lease_until: Timestamp) -> Value {
    json!({ "Item": {
        "pk": { "S": "run#stripe-main" },
        "sk": { "S": DAY },
        "run": { "S": serde_json::to_string(run).expect("is JSON") },
        "epoch": { "N": run.epoch.to_string() },
        "lease_until": { "N": lease_until.as_nanosecond().to_string() },
        "holder": { "B": "AAAA" },
    } })
}

async fn take(server: &Server, again: bool) -> Lease {
    server
        .clients()
        .runs("control")
        .take(&source(), window(), again, now(), until())
        .await
        .expect("is answered")
}

#[tokio::test]
async fn sources_are_queried_and_never_got() {
    let server = Server::start().await;
    let stored = json!({ "config": { "S": serde_json::to_string(&config()).expect("is JSON") } });
    server.then_json(&json!({ "Items": [stored] }));
    server.then_json(&json!({ "Items": [stored] }));
    server.then_json(&json!({ "Items": [] }));
    let sources = server.clients().sources("control");
    assert_eq!(sources.fetch(&source()).await.expect("is read"), Some(config()));
    assert_eq!(sources.list().await.expect("is read"), [config()]);
    assert_eq!(sources.fetch(&source()).await.expect("is read"), None);
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.what == "Query"));
    let fetch = json!({
        "TableName": "control",
        "ConsistentRead": true,
        "KeyConditionExpression": "pk = :pk AND sk = :sk",
        "ExpressionAttributeValues": { ":pk": { "S": "source" }, ":sk": { "S": "stripe-main" } },
    });
    assert_eq!(asked[0].json(), fetch);
    assert_eq!(asked[1].json()["KeyConditionExpression"], "pk = :pk");
}

#[tokio::test]
async fn a_finding_keeps_its_first_record_and_moves_its_last_sight() {
    let server = Server::start().await;
    server.then_json(&json!({}));
    server.then_json(&json!({ "Attributes": { "pk": { "S": "finding#stripe-main" } } }));
    let findings = server.clients().findings("control");
    assert_eq!(findings.raise(&finding()).await.expect("is raised"), Raised::New);
    assert_eq!(findings.raise(&finding()).await.expect("is raised"), Raised::Known);
    let asked = server.asked();
    let names = ["kind", "subject", "reason", "at_stake", "found_at", "seen_at", "sightings"];
    let request = json!({
        "TableName": "control",
        "Key": { "pk": { "S": "finding#stripe-main" }, "sk": { "S": finding().id() } },
        "UpdateExpression": "SET #kind = if_not_exists(#kind, :kind), #subject = if_not_exists(#subject, :subject), \
            #reason = if_not_exists(#reason, :reason), #at_stake = if_not_exists(#at_stake, :at_stake), #found_at = if_not_exists(#found_at, :at), #seen_at = :at ADD #sightings :one",
        "ExpressionAttributeNames": names.map(|name| (format!("#{name}"), name)).into_iter().collect::<Value>(),
        "ExpressionAttributeValues": {
            ":kind": { "S": "amount_differs" },
            ":subject": { "S": "{\"payment\":\"pi_1\"}" },
            ":reason": { "S": "ledger: 1; provider: 2" },
            ":at_stake": { "S": "null" },
            ":at": { "S": now().to_string() },
            ":one": { "N": "1" },
        },
        "ReturnValues": "ALL_OLD",
    });
    assert_eq!((asked[0].what.as_str(), asked[0].json()), ("UpdateItem", request));
}

#[tokio::test]
async fn findings_are_read_as_they_were_raised() {
    let server = Server::start().await;
    server.then_json(&json!({ "Items": [{
        "kind": { "S": "amount_differs" },
        "subject": { "S": "{\"payment\":\"pi_1\"}" },
        "reason": { "S": "ledger: 1; provider: 2" },
        "found_at": { "S": now().to_string() },
        "seen_at": { "S": until().to_string() },
    }] }));
    let findings = server.clients().findings("control").list(&source()).await.expect("are read");
    assert_eq!(findings, [finding()]);
    let (_, request) = server.only();
    assert_eq!(request["ExpressionAttributeValues"], json!({ ":pk": { "S": "finding#stripe-main" } }));
    assert_eq!(request["ConsistentRead"], true);
}

#[tokio::test]
async fn a_new_run_is_taken_if_nobody_else_began_it() {
    let server = Server::start().await;
    server.then_json(&json!({}));
    assert_eq!(take(&server, false).await, Lease::Taken(Box::new(begun())));
    let asked = server.asked();
    let key = json!({ "pk": { "S": "run#stripe-main" }, "sk": { "S": DAY } });
    assert_eq!(asked[0].what, "GetItem");
    assert_eq!(asked[0].json(), json!({ "TableName": "control", "Key": key, "ConsistentRead": true }));
    let put = asked[1].json();
    assert_eq!(asked[1].what, "PutItem");
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(put["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(put["Item"]["epoch"], json!({ "N": "1" }));
    assert_eq!(put["Item"]["lease_until"], json!({ "N": until().as_nanosecond().to_string() }));
}

#[tokio::test]
async fn a_run_whose_lease_is_over_is_taken_over_as_it_was_seen() {
    let mut stored = begun();
    (stored.phase, stored.cursor, stored.epoch) = (Phase::Payments, Some("pi_9".to_owned()), 4);
    let server = Server::start().await;
    server.then_json(&run_row(&stored, now()));
    let taken = Run { epoch: 5, ..stored.clone() };
    assert_eq!(take(&server, false).await, Lease::Taken(Box::new(taken)));
    let put = server.asked()[1].json();
    assert_eq!(put["ConditionExpression"], "#run = :run AND #lease_until = :lease_until");
    assert_eq!(put["ExpressionAttributeNames"], json!({ "#run": "run", "#lease_until": "lease_until" }));
    let seen = &run_row(&stored, now())["Item"];
    assert_eq!(
        put["ExpressionAttributeValues"],
        json!({ ":run": seen["run"], ":lease_until": seen["lease_until"] })
    );
    assert_eq!(put["Item"]["epoch"], json!({ "N": "5" }));
}

#[tokio::test]
async fn what_a_lease_comes_to() {
    let done = |status| Run { status, phase: Phase::Done, epoch: 2, ..begun() };
    let second = Run::begin(source(), window(), 2, 3, now());
    let completed = Completed { attempt: 1, started_at: now(), totals: Vec::new(), healed: 0, open: 0 };
    let once_more = Run { complete_before: Some(Box::new(completed)), ..second.clone() };
    let later = from_seconds(1_764_100_001);
    for (stored, lease_until, again, lease) in [
        (begun(), later, false, Lease::Busy),
        (begun(), later, true, Lease::Busy),
        (done(RunStatus::Complete), now(), false, Lease::Finished(Box::new(done(RunStatus::Complete)))),
        (done(RunStatus::Complete), now(), true, Lease::Taken(Box::new(once_more))),
        (done(RunStatus::Incomplete), now(), false, Lease::Taken(Box::new(second.clone()))),
        (done(RunStatus::Incomplete), later, false, Lease::Busy),
    ] {
        let server = Server::start().await;
        server.then_json(&run_row(&stored, lease_until));
        assert_eq!(take(&server, again).await, lease, "{stored:?} until {lease_until}, again: {again}");
        if let Lease::Taken(run) = lease {
            let state = serde_json::to_string(&run).expect("is JSON");
            assert_eq!(server.asked()[1].json()["Item"]["run"], json!({ "S": state }), "in the one write");
        }
    }
}

#[tokio::test]
async fn a_lease_that_someone_else_takes_meanwhile_is_busy() {
    let server = Server::start().await;
    server.then_json(&run_row(&begun(), now()));
    server.then_fail("ConditionalCheckFailedException", run_row(&begun(), until()));
    assert_eq!(take(&server, false).await, Lease::Busy);
}

#[tokio::test]
async fn a_checkpoint_is_fenced_by_its_epoch() {
    let server = Server::start().await;
    server.then_json(&json!({}));
    server.then_fail("ConditionalCheckFailedException", json!({}));
    let runs = server.clients().runs("control");
    let run = Run { epoch: 7, ..begun() };
    assert_eq!(runs.checkpoint(&run, until()).await.expect("is answered"), Checkpoint::Kept);
    assert_eq!(runs.checkpoint(&run, until()).await.expect("is answered"), Checkpoint::Lost);
    let asked = server.asked();
    let request = json!({
        "TableName": "control",
        "Key": { "pk": { "S": "run#stripe-main" }, "sk": { "S": DAY } },
        "UpdateExpression": "SET #run = :run, #lease_until = :lease_until",
        "ConditionExpression": "#epoch = :epoch",
        "ExpressionAttributeNames": { "#run": "run", "#lease_until": "lease_until", "#epoch": "epoch" },
        "ExpressionAttributeValues": {
            ":run": { "S": serde_json::to_string(&run).expect("is JSON") },
            ":lease_until": { "N": until().as_nanosecond().to_string() },
            ":epoch": { "N": "7" },
        },
    });
    assert_eq!((asked[0].what.as_str(), asked[0].json()), ("UpdateItem", request));
}

#[tokio::test]
async fn a_run_is_found() {
    let server = Server::start().await;
    server.then_json(&run_row(&begun(), until()));
    server.then_json(&json!({}));
    let runs = server.clients().runs("control");
    assert_eq!(runs.find(&source(), window()).await.expect("is read"), Some(begun()));
    assert_eq!(runs.find(&source(), window()).await.expect("is read"), None);
}

#[tokio::test]
async fn a_run_of_a_version_that_kept_only_the_newest_attempt_is_read() {
    let done = Run { status: RunStatus::Complete, phase: Phase::Done, open: 4, ..begun() };
    assert!(!serde_json::to_string(&done).expect("is JSON").contains("complete_before"), "as it was written");
    let server = Server::start().await;
    server.then_json(&run_row(&done, now()));
    let found = server.clients().runs("control").find(&source(), window()).await.expect("is read");
    assert_eq!(found.and_then(|run| run.last_complete()).map(|complete| complete.open), Some(4));
}

/// DynamoDB ends a page at a megabyte, however many rows were asked for.
#[tokio::test]
async fn the_newest_runs_are_read_over_several_pages_and_no_further() {
    let row = run_row(&begun(), now())["Item"].clone();
    let page = |number: usize| {
        let after = json!({ "pk": row["pk"], "sk": { "S": number.to_string() } });
        json!({ "Items": [row], "LastEvaluatedKey": after })
    };
    for (runs_max, pages) in [(1, 1), (2, 2), (3, 3)] {
        let server = Server::start().await;
        (0..pages).for_each(|number| server.then_json(&page(number)));
        let runs = server.clients().runs("control").newest(&source(), runs_max).await.expect("are read");
        assert_eq!((runs.len(), server.asked().len()), (pages, pages));
    }
    let server = Server::start().await;
    server.then_json(&json!({ "Items": [row] }));
    let runs = server.clients().runs("control").newest(&source(), 7).await.expect("are read");
    assert_eq!(runs, [begun()], "there are no more");
}

#[tokio::test]
async fn notes_of_an_attempt_are_kept_apart_and_read_by_prefix() {
    let server = Server::start().await;
    let page = Evidence::Page { page: 1, payments: vec![payment("pi_1")] };
    let difference = Evidence::Difference {
        payment: payment("pi_1"),
        difference: Difference {
            kind: FindingKind::StatusBehind,
            ours: "a".to_owned(),
            theirs: "b".to_owned(),
            effects: Vec::new(),
        },
        resolution: Resolution::Open,
    };
    let notes = [page, difference];
    let runs = server.clients().runs("control");
    let mut run = begun();
    runs.note(&run, &notes).await.expect("are noted");
    let mut items: Vec<_> = server.asked().iter().map(|asked| asked.json()["Item"].clone()).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item["sk"]["S"].to_string()));
    let keys = ["page#000001#1.0", "difference#pi_1#status_behind#1.0"];
    for (item, key) in items.iter().zip(keys) {
        assert_eq!(item["pk"], json!({ "S": format!("evidence#stripe-main#{DAY}#1") }));
        assert_eq!(item["sk"], json!({ "S": key }));
        assert_eq!((&item["epoch"], &item["number"]), (&json!({ "N": "1" }), &json!({ "N": "0" })));
        assert!(item["expires_at"]["N"].is_string());
    }
    server.then_json(&json!({ "Items": items }));
    assert_eq!(runs.notes(&run, "").await.expect("are read"), [], "their step is not over");
    server.then_json(&json!({ "Items": items }));
    server.then_json(&json!({ "Items": [] }));
    run.end_step();
    let mut read = runs.notes(&run, "").await.expect("are read");
    read.reverse();
    assert_eq!(read, notes);
    assert_eq!(runs.notes(&run, "heal#").await.expect("are read"), []);
    let asked = server.asked();
    assert_eq!(asked[3].json()["KeyConditionExpression"], "pk = :pk");
    assert_eq!(asked[4].json()["KeyConditionExpression"], "pk = :pk AND begins_with(sk, :prefix)");
    assert_eq!(asked[4].json()["ExpressionAttributeValues"][":prefix"], json!({ "S": "heal#" }));
    assert_eq!(asked[4].json()["ConsistentRead"], true);
}
