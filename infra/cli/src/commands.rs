//! The operator's commands. Each knows what it is given, what it does, and how its result is shown to a person; as JSON
//! every result is simply serialised.

mod context;
pub mod expect;
pub mod findings;
pub mod reconcile;
pub mod replay;
pub mod send;
pub mod source;
pub mod trace;

pub use context::Context;

use crate::error::CliError;
use countersign_domain::ids::SourceName;
use serde::Serialize;
use std::future::Future;
use std::io::Read as _;
use std::path::Path;

/// One command.
pub trait Command {
    /// What it comes to.
    type Output: Serialize;

    /// Does it.
    fn run(self, context: &Context) -> impl Future<Output = Result<Self::Output, CliError>>;

    /// Its result for a person.
    fn show(output: &Self::Output) -> String;

    /// Whether the process should exit with 0.
    fn is_success(_output: &Self::Output) -> bool {
        true
    }
}

/// A command that needs no stack.
pub trait Offline {
    /// What it comes to.
    type Output: Serialize;

    /// Does it.
    fn run(self) -> impl Future<Output = Result<Self::Output, CliError>>;

    /// Its result for a person.
    fn show(output: &Self::Output) -> String;

    /// Whether the process should exit with 0.
    fn is_success(_output: &Self::Output) -> bool {
        true
    }
}

/// Reads a secret from a file or, for `-`, from standard input. It is never an argument: other processes can read those.
fn read_secret(path: &Path) -> Result<String, CliError> {
    let text = read_text("read the secret in", path)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(CliError::Usage(format!("{} holds no secret: it is empty", path.display())));
    }
    Ok(secret.to_owned())
}

/// Reads a file or, for `-`, standard input.
fn read_text(action: &'static str, path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|content| text = content)
    };
    read.map_err(|e| CliError::file(action, path, e))?;
    Ok(text)
}

fn no_source(name: &SourceName) -> CliError {
    CliError::NotFound(format!("there is no source {name}: `countersign source list` shows those there are"))
}
