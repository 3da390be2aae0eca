//! A simulated world for the use cases to run in, and a judge of what becomes of them.
//!
//! [`world::run`] lets a seed's world run: providers that repeat, reorder and alter, functions that crash between any two
//! calls, a queue that loses acknowledgements, an operator, an attacker. [`auditor`] knows what every payment must come to
//! and judges along the way and at the end. A seed is a bug report: it gives the same world each time, and
//! [`shrink`](shrink::shrink) makes it a short one. [`campaign`](campaign::campaign) lives through many.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this is all test code: what cannot be has failed the test"
)]

pub mod auditor;
pub mod campaign;
#[cfg(feature = "planted")]
pub mod planted;
pub mod report;
pub mod shrink;
pub mod world;
