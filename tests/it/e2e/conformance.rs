//! The suite that every implementation of the ports passes, on the deployed tables, queue, bus, bucket and secret store. On
//! memory it runs in `shared/app`.

use super::asked_back;
use super::harness::{Harness, e2e};
use countersign_app::contract;
use countersign_app::ports::{SecretPair, Sources as _};
use countersign_aws::clients::Clients;
use countersign_domain::ids::SourceName;

fn name(text: &str) -> SourceName {
    SourceName::new(text).expect("a source name")
}

#[test]
fn the_inbox() {
    e2e(async |h| contract::inbox(&h.context.inbox(), &name("contract-inbox")).await);
}

#[test]
fn the_ledger() {
    e2e(async |h| contract::ledger(&h.context.ledger(), &name("contract-ledger")).await);
}

#[test]
fn the_findings() {
    e2e(async |h| contract::findings(&h.context.findings(), &name("contract-findings")).await);
}

#[test]
fn the_findings_as_people_work_on_them() {
    e2e(async |h| contract::cases(&h.context.findings(), &name("contract-cases")).await);
}

#[test]
fn the_runs() {
    e2e(async |h| contract::runs(&h.context.runs(), &name("contract-runs")).await);
}

#[test]
fn the_payments_that_are_waited_for() {
    e2e(async |h| contract::expectations(&h.context.expectations(), &name("contract-expect")).await);
}

#[test]
fn the_bus() {
    e2e(async |h| contract::bus(&h.context.bus()).await);
}

#[test]
fn the_providers_api() {
    e2e(async |h| {
        let (source, api) = asked_back::source(h, "contract-api", "stripe", "asks_back = true\n").await;
        let source = h.context.source(&source).await.expect("it is there");
        let held = contract::Held::sample();
        api.answer(&held.object.0.path, held.object.1.clone());
        api.refuse(&held.failing.path);
        let stage = &h.stack.outputs().stage_name;
        let port = Clients::new(h.stack.config().clone()).events_api(stage).expect("a client");
        contract::provider_api(&port, &source, &held).await;
    });
}

#[test]
fn the_sources_and_their_secrets() {
    e2e(async |h| {
        let source = h.stripe_source("contract-source").await;
        let configured =
            h.context.sources().fetch(&source).await.expect("the sources answer").expect("it is there");
        contract::sources(&h.context.sources(), &[configured], &name("contract-absent")).await;
        let stored = (
            source,
            SecretPair { current: Harness::SECRET.to_owned(), previous: None, ..SecretPair::default() },
        );
        contract::secrets(&h.context.secrets(), &[stored], &name("contract-absent")).await;
    });
}

/// On a queue of its own: the processor would take the messages from the deployed one.
#[test]
fn the_queue() {
    e2e(async |h| {
        let sqs = aws_sdk_sqs::Client::new(h.stack.config());
        let queue = sqs.create_queue().queue_name("contract").send().await.expect("SQS answers");
        let url = queue.queue_url().expect("a queue has a URL");
        let port = Clients::new(h.stack.config().clone()).queue(url);
        let receive = async || {
            let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await;
            let received = received.expect("SQS answers");
            let bodies = received.messages().iter().filter_map(|message| message.body().map(str::to_owned));
            bodies.collect()
        };
        contract::queue(&port, &name("contract-queue"), receive).await;
    });
}

#[test]
fn the_reports() {
    e2e(async |h| {
        let bucket = h.stack.outputs().report_bucket_name.as_str();
        let path_style = aws_sdk_s3::config::Builder::from(h.stack.config()).force_path_style(true).build();
        let s3 = aws_sdk_s3::Client::from_conf(path_style);
        let read = async |key: &str| {
            let object = s3.get_object().bucket(bucket).key(key).send().await.ok()?;
            Some(object.body.collect().await.expect("the object's bytes").to_vec())
        };
        let port = Clients::new(h.stack.config().clone()).reports(bucket);
        contract::reports(&port, &name("contract-reports"), read).await;
    });
}
