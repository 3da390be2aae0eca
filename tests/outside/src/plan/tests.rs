use super::*;
use std::collections::{BTreeMap, BTreeSet};

const BLOCKS: usize = 50;

fn plan(seed: u64) -> Vec<Delivery> {
    Plan::new(seed).take(BLOCKS * BLOCK).collect()
}

#[test]
fn a_seed_decides_everything() {
    assert_eq!(plan(7), plan(7));
    assert_ne!(plan(7), plan(8));
}

#[test]
fn one_in_a_hundred_is_forged_and_nothing_else_is_known_of_its_payment() {
    let plan = plan(1);
    let is_forged = |delivery: &&Delivery| matches!(delivery.proof, Proof::Forged(_));
    let (forged, genuine): (Vec<_>, Vec<_>) = plan.iter().partition(is_forged);
    assert_eq!(forged.len(), plan.len() / 100);
    let genuine: BTreeSet<_> = genuine.iter().map(|delivery| &delivery.payment).collect();
    assert!(forged.iter().all(|delivery| !genuine.contains(&delivery.payment)));
    for forgery in [Forgery::WrongSecret, Forgery::Altered, Forgery::Unsigned, Forgery::Stale] {
        assert!(forged.iter().any(|delivery| delivery.proof == Proof::Forged(forgery)), "{forgery:?}");
    }
}

#[test]
fn one_in_twenty_has_been_sent_before_byte_for_byte() {
    let plan = plan(2);
    let mut sent = BTreeSet::new();
    let again = plan.iter().filter(|delivery| !sent.insert((delivery.source, &delivery.body))).count();
    // The very first one has nothing to repeat.
    assert!((plan.len() / 20 - 1..=plan.len() / 20).contains(&again), "{again}");
}

#[test]
fn one_in_twenty_comes_after_a_later_event_of_its_payment() {
    const ORDER: [&str; 5] = ["initiated", "pending", "authorized", "captured", "captured_again"];
    let plan = plan(3);
    let (mut seen, mut reached, mut late) = (BTreeSet::new(), BTreeMap::new(), 0);
    for delivery in &plan {
        let step = delivery.event.splitn(3, '_').nth(2).expect("a step");
        let Some(rank) = ORDER.iter().position(|name| *name == step) else { continue };
        if !seen.insert((&delivery.event, delivery.meaning)) || delivery.meaning == Meaning::Other {
            continue;
        }
        let reached = reached.entry(&delivery.payment).or_insert(rank);
        late += usize::from(rank < *reached);
        *reached = rank.max(*reached);
    }
    // Those that are still to come when the list is cut are missing.
    assert!((plan.len() / 20 - OPEN..=plan.len() / 20).contains(&late), "{late}");
}

#[test]
fn one_in_two_hundred_cannot_be_used_and_as_many_say_something_else_under_a_known_id() {
    let plan = plan(4);
    let unusable: BTreeSet<_> =
        plan.iter().filter(|one| one.event.ends_with("unusable")).map(|one| &one.event).collect();
    let others: Vec<_> = plan.iter().filter(|one| one.meaning == Meaning::Other).collect();
    assert_eq!(unusable.len(), BLOCKS);
    let events: BTreeSet<_> = others.iter().map(|one| &one.event).collect();
    assert!((BLOCKS - 1..=BLOCKS).contains(&events.len()), "{}", events.len());
    for other in others {
        let first = plan.iter().find(|one| one.event == other.event && one.meaning == Meaning::First);
        assert_ne!(first.expect("it came first").body, other.body);
    }
}

#[test]
fn every_source_is_sent_to() {
    let sources: BTreeSet<_> = plan(5).iter().map(|delivery| delivery.source).collect();
    assert_eq!(sources.len(), SOURCES.len());
}
