//! End to end: `template.yaml` deployed to MiniStack, the real binaries, the real SDK, webhooks over HTTP.
//!
//! One stack serves every test of this binary; each test has sources of its own, so they run side by side.

mod asked_back;
mod conformance;
mod expected;
mod faults;
mod findings;
pub(crate) mod harness;
mod lambda;
mod month;
mod onboarding;
mod pack;
mod pipeline;
mod provider_outage;
mod recorded;
mod report_file;
mod ways_in;
