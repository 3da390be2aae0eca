//! A finding from its first sight to its end, and back.

use super::harness::{Harness, e2e};
use countersign::commands::Command as _;
use countersign::commands::findings::{List, Listed, Taken};
use countersign_domain::finding::{Move, Settlement, Standing};
use countersign_domain::ids::SourceName;

fn captured(amount: &str) -> String {
    format!(
        r#"{{"events":[{{"id":"e1","type":"payment.captured","payment":"p1","amount":"{amount}","currency":"EUR"}}]}}"#
    )
}

async fn waiting(h: &Harness, source: &SourceName) -> Vec<Listed> {
    List::of(source.clone()).run(&h.context).await.expect("the findings answer")
}

/// The only finding of the source, once it stands so.
async fn until(h: &Harness, source: &SourceName, standing: Standing, sightings: u64) -> Listed {
    h.until("the finding stands so", || async {
        let only = waiting(h, source).await.pop()?;
        (only.case.standing == standing && only.case.sightings >= sightings).then_some(only)
    })
    .await
}

#[test]
fn a_finding_is_taken_settled_and_open_again_when_it_is_seen_again() {
    e2e(async |h| {
        let source = h.partner_source("findings").await;
        assert_eq!(h.post_partner(&source, &captured("20.00")).await.status, 200);
        assert!(waiting(h, &source).await.is_empty());
        assert_eq!(h.post_partner(&source, &captured("30.00")).await.status, 200);
        let found = until(h, &source, Standing::Open, 1).await;

        let step = async |what| {
            let taken = Taken::new(found.id.clone(), what, "ada", "asked Acme");
            taken.run(&h.context).await.map_err(|error| error.to_string())
        };
        assert_eq!(step(Move::Acknowledge).await.expect("it is open").standing, Standing::Acknowledged);
        let twice = step(Move::Acknowledge).await.expect_err("it is taken");
        assert_eq!(twice, format!("finding {}: it is acknowledged already", found.id));
        step(Move::Resolve(Settlement::Corrected)).await.expect("it is taken");
        assert!(waiting(h, &source).await.is_empty(), "nothing waits for a person");

        assert_eq!(h.post_partner(&source, &captured("30.00")).await.status, 200);
        let again = until(h, &source, Standing::Open, 2).await;
        assert_eq!(again.id, found.id, "the same finding");
        assert_eq!(again.case.finding, found.case.finding, "as it was found first");
        assert_eq!(again.case.steps.len(), 3);
    });
}
