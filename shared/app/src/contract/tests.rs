//! The ports in memory keep the contract.

use super::*;
use crate::memory::{
    MemoryApi, MemoryBus, MemoryDrift, MemoryExpectations, MemoryFindings, MemoryInbox, MemoryLedger,
    MemoryQueue, MemoryReports, MemoryRuns, MemorySecrets, MemorySources,
};
use crate::testing::{SOURCE, now_or_never, source_config, source_name};
use countersign_domain::source::Source;

#[test]
fn inbox_in_memory() {
    now_or_never(inbox(&MemoryInbox::default(), &source_name(SOURCE)));
}

#[test]
fn ledger_in_memory() {
    now_or_never(ledger(&MemoryLedger::default(), &source_name(SOURCE)));
}

#[test]
fn findings_in_memory() {
    now_or_never(findings(&MemoryFindings::default(), &source_name(SOURCE)));
}

#[test]
fn cases_in_memory() {
    now_or_never(cases(&MemoryFindings::default(), &source_name(SOURCE)));
}

#[test]
fn expectations_in_memory() {
    now_or_never(expectations(&MemoryExpectations::default(), &source_name(SOURCE)));
}

#[test]
fn runs_in_memory() {
    now_or_never(runs(&MemoryRuns::default(), &source_name(SOURCE)));
}

#[test]
fn queue_in_memory() {
    let port = MemoryQueue::default();
    let receive = async || {
        let notices = port.take();
        notices.iter().map(|notice| serde_json::to_string(notice).expect("JSON")).collect()
    };
    now_or_never(queue(&port, &source_name(SOURCE), receive));
}

#[test]
fn bus_in_memory() {
    now_or_never(bus(&MemoryBus::default()));
}

#[test]
fn reports_in_memory() {
    let port = MemoryReports::default();
    now_or_never(reports(&port, &source_name(SOURCE), async |key: &str| port.read(key)));
}

#[test]
fn sources_in_memory() {
    let port = MemorySources::default();
    let configured = ["zebra", "alpaca", "lama"].map(|name| source_config(name, "stripe"));
    for config in &configured {
        port.set(config.clone());
    }
    now_or_never(sources(&port, &configured, &source_name("unicorn")));
}

#[test]
fn versions_in_memory() {
    now_or_never(versions(&MemorySources::default(), &source_name(SOURCE)));
}

#[test]
fn drift_in_memory() {
    now_or_never(drift(&MemoryDrift::default(), &source_name(SOURCE)));
}

#[test]
fn provider_api_in_memory() {
    let port = MemoryApi::default();
    let source = Source::try_from(source_config(SOURCE, "stripe")).expect("a source");
    let held = Held::sample();
    port.answer(&source.name, &held.object.0, held.object.1.clone());
    port.fail(&source.name, &held.failing, "status 422");
    now_or_never(provider_api(&port, &source, &held));
}

#[test]
fn secrets_in_memory() {
    let port = MemorySecrets::default();
    let pair = |current: &str, previous: Option<&str>| SecretPair {
        current: current.to_owned(),
        previous: previous.map(str::to_owned),
        ..SecretPair::default()
    };
    let stored = [
        (source_name("one"), pair("whsec_current", None)),
        (source_name("two"), pair("whsec_current", Some("whsec_previous"))),
    ];
    for (source, pair) in &stored {
        port.set(source.clone(), pair.clone());
    }
    now_or_never(secrets(&port, &stored, &source_name("none")));
}
