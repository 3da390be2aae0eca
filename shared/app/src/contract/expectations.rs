//! The promises of the payments that are waited for.

use super::{instant, payment};
use crate::ports::{Announced, Expectations};
use countersign_domain::expect::{Announcement, Expectation};
use countersign_domain::ids::SourceName;
use countersign_domain::money::{Currency, Money};
use countersign_domain::time::{SignedDuration, Timestamp};

/// An announced payment waits under the hour of its deadline until it is settled; announced again it is the same.
///
/// # Panics
/// When the port breaks a promise.
pub async fn expectations(port: &impl Expectations, source: &SourceName) {
    let waiting = |id: &str, minutes: u32| {
        let currency = Currency::from_code("EUR").expect("a currency");
        let announcement = Announcement {
            source: source.clone(),
            payment: payment(id),
            amount: Money { minor: 2_000, currency },
            within_seconds: Some(minutes * 60),
        };
        Expectation::new(announcement, None, hour())
    };
    let due = async |after_hours: i64| {
        let hour = hour().checked_add(SignedDuration::from_hours(after_hours)).expect("an instant");
        let mut due = port.due_in(hour).await.expect("expectations.due_in");
        due.retain(|expectation| expectation.source == *source);
        due.sort_by(|one, other| one.payment.cmp(&other.payment));
        due
    };
    let (first, second, later) = (waiting("pi_1", 10), waiting("pi_2", 59), waiting("pi_1", 61));
    for expectation in [&first, &second, &later] {
        assert_eq!(port.announce(expectation).await.expect("expectations.announce"), Announced::New);
    }
    let again = Expectation { amount: Money { minor: 1, ..first.amount }, ..waiting("pi_1", 20) };
    let known = port.announce(&again).await.expect("expectations.announce");
    assert_eq!(known, Announced::Known(Box::new(first.clone())), "what was said first counts");
    assert_eq!(due(0).await, [first.clone(), second.clone()]);
    assert_eq!(due(1).await, [later]);
    assert_eq!(due(2).await, []);
    for _ in 0..2 {
        port.settle(&first).await.expect("expectations.settle");
        assert_eq!(due(0).await, std::slice::from_ref(&second));
    }
}

/// The beginning of an hour.
fn hour() -> Timestamp {
    let second = instant(0).as_second().div_euclid(3_600) * 3_600;
    Timestamp::from_second(second).expect("an instant")
}
