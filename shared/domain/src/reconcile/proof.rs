//! The proof line: what the ledger says, and what differs, add up to what the provider says.
//!
//! Both sides are added up payment by payment, and the differences by themselves. Where the line does not hold, a
//! difference was missed or counted twice: the report says so, whatever else it says.

use super::Totals;
use crate::money::Currency;
use serde::{Deserialize, Serialize};

/// What the provider has more than the ledger, by one difference, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Whose minor units.
    pub currency: Currency,
    /// Of money taken.
    pub captured: i64,
    /// Of money given back.
    pub refunded: i64,
}

/// One sum on both sides, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// By the ledger.
    pub ledger: i128,
    /// What the differences add up to.
    pub differences: i128,
    /// By the provider.
    pub provider: i128,
}

/// The proof lines of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The currency.
    pub currency: Currency,
    /// Money taken.
    pub captured: Line,
    /// Money given back.
    pub refunded: Line,
}

impl Line {
    /// What the differences leave unexplained; zero where the line holds.
    #[must_use]
    pub fn gap(&self) -> i128 {
        self.provider.saturating_sub(self.ledger).saturating_sub(self.differences)
    }
}

impl Proof {
    /// Whether nothing is left unexplained.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.captured.gap() == 0 && self.refunded.gap() == 0
    }
}

/// The proof lines of every currency, in the order of the totals.
#[must_use]
pub fn prove<'a>(totals: &[Totals], effects: impl IntoIterator<Item = &'a Effect>) -> Vec<Proof> {
    let line = |ledger, provider| Line { ledger, differences: 0, provider };
    let mut proofs: Vec<_> = totals
        .iter()
        .map(|t| Proof {
            currency: t.currency,
            captured: line(t.captured_ours, t.captured_theirs),
            refunded: line(t.refunded_ours, t.refunded_theirs),
        })
        .collect();
    for effect in effects {
        let at = proofs.iter().position(|proof| proof.currency == effect.currency);
        let at = at.unwrap_or_else(|| {
            let (captured, refunded) = (Line::default(), Line::default());
            proofs.push(Proof { currency: effect.currency, captured, refunded });
            proofs.len().saturating_sub(1)
        });
        if let Some(proof) = proofs.get_mut(at) {
            let add = |line: &mut Line, minor: i64| {
                line.differences = line.differences.saturating_add(i128::from(minor));
            };
            add(&mut proof.captured, effect.captured);
            add(&mut proof.refunded, effect.refunded);
        }
    }
    proofs
}
