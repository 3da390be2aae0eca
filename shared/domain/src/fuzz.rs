//! Targets for a fuzzer. `cargo test` runs each over its corpus in `fuzz/__fuzz__` and as many random inputs as a second
//! allows; `cargo bolero test -p countersign-domain fuzz::bank::mt940 --engine libfuzzer` (of the cargo-bolero package) looks
//! for new paths as long as it is let.
//!
//! Each target says what must hold of whatever comes in, beyond that nothing panics.

mod bank;
mod damage;
mod dialect;
mod envelope;
mod money;
mod report;
mod signature;
mod words;
