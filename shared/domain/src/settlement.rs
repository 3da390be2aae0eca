//! Settlement: what a provider kept, what it paid out, and what the bank booked.
//!
//! Each part is a pure function of rows ([`crate::books`]) and of data that says what was agreed: [`fees`], [`rates`].

pub mod fees;
pub mod payouts;
pub mod rates;

use crate::finding::{FindingKind, Subject};
use crate::money::Money;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What sort.
    pub kind: FindingKind,
    /// About what.
    pub subject: Subject,
    /// What was expected and what is there, in words.
    pub reason: String,
    /// The money that it is about.
    pub at_stake: Option<Money>,
}

#[cfg(test)]
mod tests;
