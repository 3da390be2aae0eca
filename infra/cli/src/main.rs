//! The operator's command. All of it is in the library, where tests reach it.

use countersign::cli::Cli;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::read().run().await
}
