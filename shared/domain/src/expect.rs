//! Payments that the platform has started, and of which it wants to hear in time.

use crate::finding::FindingKind;
use crate::ids::{PaymentId, SourceName};
use crate::ledger::LedgerRow;
use crate::limits::{EXPECT_WITHIN_SECONDS, EXPECT_WITHIN_SECONDS_MAX};
use crate::money::Money;
use crate::payment::{Payment, PaymentStatus};
use crate::time::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the platform says on the bus when it has started a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// The source that will tell of it.
    pub source: SourceName,
    /// The provider's reference, as webhooks will name it.
    pub payment: PaymentId,
    /// What was asked for.
    pub amount: Money,
    /// Seconds in which something must be heard; without it, the source's own deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = EXPECT_WITHIN_SECONDS_MAX))]
    pub within_seconds: Option<u32>,
}

/// What is wanted of a payment by its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The platform has started it: something must be heard.
    #[default]
    Heard,
    /// It has come to a final state: the provider must agree, by its source's policy.
    Agreed,
}

/// A payment that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The source that will tell of it.
    pub source: SourceName,
    /// Which payment.
    pub payment: PaymentId,
    /// What was asked for.
    pub amount: Money,
    /// When it was announced, by our clock.
    pub announced_at: Timestamp,
    /// When something must have been heard.
    pub due_at: Timestamp,
    /// What is wanted by then.
    #[serde(default)]
    pub purpose: Purpose,
}

/// What the ledger says of a payment that is waited for.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: the provider must be asked.
    Nothing,
    /// It is known, with the amount that was announced or none yet.
    AsAnnounced,
    /// It is known, and its money is other money.
    Otherwise(FindingKind),
}

impl Expectation {
    /// The expectation that an announcement makes, with the source's own deadline where it gives none. Deadlines beyond the
    /// limit are cut to it: later than in a week nobody looks.
    #[must_use]
    pub fn new(announcement: Announcement, own_seconds: Option<u32>, now: Timestamp) -> Self {
        let Announcement { source, payment, amount, within_seconds } = announcement;
        let seconds = within_seconds.or(own_seconds).unwrap_or(EXPECT_WITHIN_SECONDS);
        let seconds = seconds.clamp(1, EXPECT_WITHIN_SECONDS_MAX);
        let due_at = now.checked_add(SignedDuration::from_secs(i64::from(seconds)));
        Self {
            source,
            payment,
            amount,
            announced_at: now,
            due_at: due_at.unwrap_or(Timestamp::MAX),
            purpose: Purpose::Heard,
        }
    }

    /// The check of a payment that has come to a final state, so many seconds later. Nothing for one that goes on, or whose
    /// money nobody has named. The same row always makes the same check, unless its time is over when the row is met again:
    /// then it is due at once, for nobody looks far back for what was due.
    #[must_use]
    pub fn check(row: &LedgerRow, after_seconds: u32, now: Timestamp) -> Option<Self> {
        let is_final = match row.state.status() {
            PaymentStatus::Expired
            | PaymentStatus::Canceled
            | PaymentStatus::Captured
            | PaymentStatus::Reversed => true,
            PaymentStatus::Unknown
            | PaymentStatus::Initiated
            | PaymentStatus::RequiresAction
            | PaymentStatus::Pending
            | PaymentStatus::Failed
            | PaymentStatus::Authorized
            | PaymentStatus::PartiallyCaptured => false,
        };
        let amounts = row.state.amounts().filter(|_| is_final)?;
        let announced_at = row.recorded_at;
        let due_at = announced_at.checked_add(SignedDuration::from_secs(i64::from(after_seconds)));
        Some(Self {
            source: row.source.clone(),
            payment: row.payment.clone(),
            amount: Money { minor: amounts.captured, currency: amounts.currency },
            announced_at,
            due_at: due_at.unwrap_or(Timestamp::MAX).max(now),
            purpose: Purpose::Agreed,
        })
    }

    /// What the ledger's state of the payment says.
    pub fn heard(&self, payment: Option<&Payment>) -> Heard {
        let Some(payment) = payment.filter(|payment| payment.status() != PaymentStatus::Unknown) else {
            return Heard::Nothing;
        };
        match payment.amounts() {
            None => Heard::AsAnnounced,
            Some(amounts) if amounts.currency != self.amount.currency => {
                Heard::Otherwise(FindingKind::CurrencyDiffers)
            }
            Some(amounts) => {
                let known = amounts.requested.max(amounts.authorized).max(amounts.captured);
                // Words without an amount (it is pending, it failed) differ from none.
                if known == 0 || known == self.amount.minor {
                    Heard::AsAnnounced
                } else {
                    Heard::Otherwise(FindingKind::AmountDiffers)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::ids::{EventId, EventKind, ItemId, TraceId};
    use crate::ledger::{Cause, next_row};
    use crate::money::Currency;
    use crate::payment::{Step, apply};
    use crate::testing::{now, source_name};

    fn money(minor: i64, code: &str) -> Money {
        Money { minor, currency: Currency::from_code(code).expect("a currency") }
    }

    fn announced(within_seconds: Option<u32>) -> Announcement {
        let payment = PaymentId::new("pi_1").expect("a payment");
        Announcement { source: source_name(), payment, amount: money(2_000, "EUR"), within_seconds }
    }

    #[test]
    fn the_deadline_is_its_own_or_the_sources() {
        for (within, own, seconds) in [
            (Some(60), Some(600), 60),
            (None, Some(600), 600),
            (None, None, i64::from(EXPECT_WITHIN_SECONDS)),
            (Some(0), None, 1),
            (Some(u32::MAX), None, i64::from(EXPECT_WITHIN_SECONDS_MAX)),
        ] {
            let expectation = Expectation::new(announced(within), own, now());
            assert_eq!(expectation.due_at.as_second() - now().as_second(), seconds, "{within:?} {own:?}");
        }
    }

    #[test]
    fn a_final_state_is_checked_a_while_later() {
        let (eur, attempt) = (money(2_000, "EUR"), ItemId::new("ch_1").expect("an item"));
        let captured = Fact::Captured { amount: eur };
        for (facts, amount) in [
            (vec![captured.clone()], Some(eur)),
            (vec![Fact::Authorized { amount: eur }, Fact::Expired], Some(money(0, "EUR"))),
            (vec![Fact::Authorized { amount: eur }, Fact::Canceled], Some(money(0, "EUR"))),
            (vec![Fact::Authorized { amount: eur }], None),
            (vec![Fact::Authorized { amount: eur }, Fact::Captured { amount: money(5, "EUR") }], None),
            (vec![Fact::Failed { attempt }], None),
            // Nobody has named an amount.
            (vec![Fact::Canceled], None),
        ] {
            let row = ledger(&facts);
            let expected = amount.map(|amount| Expectation {
                source: source_name(),
                payment: PaymentId::new("pi_1").expect("a payment"),
                amount,
                announced_at: now(),
                due_at: now().checked_add(SignedDuration::from_secs(90)).expect("an instant"),
                purpose: Purpose::Agreed,
            });
            assert_eq!(Expectation::check(&row, 90, now()), expected, "{facts:?}");
            // Met again when its time is long over: checked all the same.
            let much_later = now().checked_add(SignedDuration::from_hours(96)).expect("an instant");
            let expected = expected.map(|expected| Expectation { due_at: much_later, ..expected });
            assert_eq!(Expectation::check(&row, 90, much_later), expected, "{facts:?}");
        }
    }

    /// The newest row after these facts.
    fn ledger(facts: &[Fact]) -> LedgerRow {
        let payment = PaymentId::new("pi_1").expect("a payment");
        let cause = Cause {
            event: EventId::new("evt_1").expect("an event"),
            kind: EventKind::new("x").expect("a kind"),
            occurred_at: None,
            received_at: now(),
            trace: TraceId::from_bytes([1; 16]),
        };
        let next = |latest: Option<LedgerRow>, fact: &Fact| {
            let row = next_row(latest.as_ref(), &source_name(), &payment, cause.clone(), fact.clone(), now());
            Some(row.expect("facts without conflict"))
        };
        facts.iter().fold(None, next).expect("a fact")
    }

    #[test]
    fn what_was_heard() {
        let expectation = Expectation::new(announced(None), None, now());
        let attempt = ItemId::new("ch_1").expect("an item");
        let refund = Fact::Refund {
            refund: ItemId::new("re_1").expect("an item"),
            amount: money(5, "EUR"),
            state: crate::fact::RefundState::Pending,
        };
        for (facts, expected) in [
            (vec![], Heard::Nothing),
            // A refund tells nothing of the payment itself.
            (vec![refund], Heard::Nothing),
            (vec![Fact::Pending], Heard::AsAnnounced),
            (vec![Fact::Failed { attempt }], Heard::AsAnnounced),
            (vec![Fact::Authorized { amount: money(2_000, "EUR") }], Heard::AsAnnounced),
            (
                vec![
                    Fact::Authorized { amount: money(2_000, "EUR") },
                    Fact::Captured { amount: money(500, "EUR") },
                ],
                Heard::AsAnnounced,
            ),
            (
                vec![Fact::Captured { amount: money(500, "EUR") }],
                Heard::Otherwise(FindingKind::AmountDiffers),
            ),
            (
                vec![Fact::Captured { amount: money(2_000, "USD") }],
                Heard::Otherwise(FindingKind::CurrencyDiffers),
            ),
        ] {
            let payment = facts.iter().fold(None, |payment: Option<Payment>, fact| {
                match apply(&payment.unwrap_or_default(), fact) {
                    Ok(Step::Advanced { payment, .. }) => Some(payment),
                    other => unreachable!("{fact} moves the payment: {other:?}"),
                }
            });
            assert_eq!(expectation.heard(payment.as_ref()), expected, "{facts:?}");
        }
    }
}
