//! Short trials, each on a stack of its own.

use countersign::local::BuiltWith;
use countersign_outside::account::Fate;
use countersign_outside::burst::burst;
use countersign_outside::kill::kill;
use countersign_outside::proxy::proxy;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_are_killed_and_held_lose_and_double_nothing() {
    let outcome = kill(1, Duration::from_secs(10), BuiltWith::Tests).await.expect("the trial runs");
    assert!(outcome.is_right(), "{}", outcome.show());
    assert!(outcome.account.of(Fate::Applied) > 0, "{}", outcome.show());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_spoiled_lose_and_double_nothing() {
    let outcome = proxy(1, Duration::from_secs(10), BuiltWith::Tests).await.expect("the trial runs");
    assert!(outcome.is_right(), "{}", outcome.show());
    assert!(outcome.account.of(Fate::Applied) > 0, "{}", outcome.show());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_loses_and_doubles_nothing() {
    let outcome = burst(1, 500, BuiltWith::Tests).await.expect("the trial runs");
    assert!(outcome.is_right(), "{}", outcome.show());
    assert_eq!(outcome.deliveries, 500);
}
