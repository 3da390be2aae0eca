//! The tests of the whole: one binary, so that it is linked once.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is all test code, its helpers outside #[test] included"
)]

mod differential;
mod e2e;
mod permissions;
