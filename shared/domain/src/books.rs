//! Books at scale: rows of money from any side, read as streams and compared.
//!
//! A ledger, a provider's report, a partner's file and a bank's statement all become [`Row`]s. What tells two sides
//! apart is found by reading both in the order of [`Row::key`] once.

mod row;

pub use row::{Entry, Key, Rate, RateError, Row, Rows, Settled};
