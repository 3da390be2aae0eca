//! Books at scale: rows of money from any side, read as streams and compared.
//!
//! A ledger, a provider's report, a partner's file and a bank's statement all become [`Row`]s. What tells two sides
//! apart is found by reading both in the order of [`Row::key`] once ([`mod@compare`]); rows in another order are sorted in
//! bounded runs first ([`mod@sort`]). What then has no partner is matched by other means, or put before a person
//! ([`matching`]).

pub mod arrival;
pub mod canonical;
pub mod compare;
pub mod lockstep;
pub mod matching;
pub mod report;
mod row;
pub mod sequence;
pub mod sort;
mod sums;

pub use row::{Entry, Key, Rate, RateError, Row, Rows, Settled};
pub use sums::{Sum, Sums};
