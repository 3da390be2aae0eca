//! An announced payment of which nobody told: through the bus, the table, the schedule's call and the provider's API.

use super::harness::{Harness, e2e};
use super::lambda::Answer;
use super::recorded::Recorded;
use countersign::commands::Command as _;
use countersign::commands::expect::{Announce, Waiting};
use countersign::commands::findings::List;
use countersign::commands::source::apply::put_in_force;
use countersign_app::onboard::GivenSecrets;
use countersign_domain::event::EXPECTATIONS_DUE;
use countersign_domain::ids::{PaymentId, SourceName};
use countersign_domain::source::read_file;
use serde_json::json;

async fn announce(h: &Harness, source: &SourceName, payment: &str) {
    let payment = PaymentId::new(payment).expect("a payment");
    let announce = Announce::new(source.clone(), payment, "20.00", "EUR", 1);
    announce.run(&h.context).await.expect("it is waited for");
}

async fn waiting(h: &Harness, source: &SourceName) -> usize {
    Waiting::of(source.clone()).run(&h.context).await.expect("the table answers").len()
}

#[test]
fn what_nobody_told_of_is_asked_about_and_healed_or_overdue() {
    e2e(async |h| {
        let api = Recorded::start().await;
        let file = format!(
            "[source]\nname = \"expected\"\nmode = \"test\"\naccount = \"\"\ndialect = \"stripe\"\napi_base_url = \"{}\"\n",
            api.url
        );
        let (config, source) = read_file(&file).expect("a source file");
        let given = GivenSecrets {
            signing: Some(Harness::SECRET.to_owned()),
            api_token: Some("test_a_token_that_may_only_read".to_owned()),
            ..GivenSecrets::default()
        };
        put_in_force(&h.context, config, &given).await.expect("the source is in force");
        let source = source.name;
        let captured = json!({
            "id": "pi_lost", "amount": 2000, "amount_received": 2000, "amount_capturable": 0, "currency": "eur",
            "status": "succeeded", "latest_charge": { "amount": 2000, "amount_captured": 2000, "amount_refunded": 0 },
        });
        api.answer("/v1/payment_intents/pi_lost", captured.to_string());
        announce(h, &source, "pi_lost").await;
        announce(h, &source, "pi_never").await;
        // What the schedule does.
        let reconcile = h.function("reconcile", None).await;
        h.until("nobody is waited for", || async {
            let call = json!({ "detail-type": EXPECTATIONS_DUE, "detail": {} });
            assert!(matches!(reconcile.invoke(call).await, Answer::Response(_)));
            (waiting(h, &source).await == 0).then_some(())
        })
        .await;
        let row = h.until_version(&source, "pi_lost", 1).await;
        assert_eq!(row.state.amounts().map(|amounts| amounts.captured), Some(2_000));
        let found = List::of(source.clone()).run(&h.context).await.expect("the findings answer");
        let said: Vec<_> = found
            .iter()
            .map(|listed| format!("{} {}", listed.case.finding.kind.as_str(), listed.case.finding.subject))
            .collect();
        assert_eq!(said, ["overdue payment pi_never"]);
    });
}
