//! What providers' events mean. The goldens are meant to be read: a person checks them by eye, the test keeps them true.

mod fields;
mod goldens;
mod settings;

use super::*;
use crate::testing::money;

#[test]
fn the_only_fact_of_an_event_has_its_name_and_several_have_marks() {
    let event = EventId::new("evt_1").expect("an event");
    let fact = |payment: &str| PaymentFact {
        payment: crate::ids::PaymentId::new(payment).expect("a payment"),
        fact: Fact::Captured { amount: money(5, "EUR") },
    };
    assert_eq!(named(&event, vec![]), []);
    assert_eq!(named(&event, vec![fact("a")]), [(event.clone(), fact("a"))]);
    let several = named(&event, vec![fact("a"), fact("b")]);
    let facts: Vec<_> = several.iter().map(|(_, fact)| fact.clone()).collect();
    assert_eq!(facts, [fact("a"), fact("b")]);
    let [(first, _), (second, _)] = several.as_slice() else { panic!("two, not {several:?}") };
    assert!(first != second && *first != event && *second != event, "{first} {second}");
    let turned = named(&event, vec![fact("b"), fact("a")]);
    assert_eq!(turned.first().map(|(name, _)| name), Some(second), "the order does not count");
}
