//! The world: every port of [`countersign_app::ports`] on AWS, and the only clock, environment and randomness.
//!
//! Nothing here decides anything. An adapter turns a port call into one AWS call with the right condition, and the
//! answer into the port's own words.
//!
//! | module | holds |
//! |---|---|
//! | [`env`] | what a function is told by its environment, checked |
//! | [`clock`] | the time, and fresh ids |
//! | [`clients`] | one set of AWS clients, and every adapter made from it |
//! | [`dynamodb`] | inbox, ledger, sources, findings, runs; [`dynamodb::keys`] is the schema |
//! | [`codec`] | bodies made small enough for one write unit |
//! | [`sqs`], [`eventbridge`], [`secrets`], [`s3`] | queue, bus, secrets, reports |
//! | [`files`] | files of rows, compressed or sorted |
//! | [`certificates`] | the certificates that some providers sign under |
//! | [`provider`] | the provider's own API over HTTPS |
//! | [`telemetry`] | log lines and metrics |

pub mod certificates;
pub mod clients;
pub mod clock;
pub mod codec;
pub mod dynamodb;
pub mod env;
pub mod eventbridge;
pub mod files;
pub mod provider;
pub mod s3;
pub mod secrets;
pub mod sqs;
pub mod telemetry;

// Nothing that could reach real money is built with bugs on purpose.
const _: () = assert!(!countersign_domain::planted::ARE_BUILT_IN, "built with the feature `planted`");

#[cfg(test)]
mod wire;
