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
use countersign_app::ports::Sources;
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

/// The source that is meant, or all of them. A disabled one is one, and so is one that does not work; a name that none has
/// would look like one of which there is nothing to tell.
async fn meant(sources: &impl Sources, one: Option<SourceName>) -> Result<Vec<SourceName>, CliError> {
    match one {
        Some(name) => {
            sources.fetch(&name).await?.ok_or_else(|| no_source(&name))?;
            Ok(vec![name])
        }
        None => Ok(sources.list().await?.into_iter().map(|config| config.name).collect()),
    }
}

fn no_source(name: &SourceName) -> CliError {
    CliError::NotFound(format!("there is no source {name}: `countersign source list` shows those there are"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_app::memory::MemorySources;
    use countersign_domain::source::{DialectRef, Mode, SourceConfig, SourceState};

    #[tokio::test]
    async fn a_name_that_no_source_has_is_no_source_of_which_there_is_nothing_to_tell() {
        let sources = MemorySources::default();
        let name = |name: &str| SourceName::new(name).unwrap();
        for (source, dialect, state) in [
            ("off", "stripe", SourceState::Disabled),
            ("on", "stripe", SourceState::Enabled),
            ("unusable", "no dialect", SourceState::Enabled),
        ] {
            let dialect = DialectRef::BuiltIn(dialect.to_owned());
            sources.set(SourceConfig { state, ..SourceConfig::new(name(source), dialect, Mode::Test) });
        }
        let all = "off on unusable";
        let refused = "there is no source of: `countersign source list` shows those there are";
        for (one, expected) in
            [(None, all), (Some("off"), "off"), (Some("unusable"), "unusable"), (Some("of"), refused)]
        {
            let found = meant(&sources, one.map(name)).await;
            let found = found.map(|names| names.iter().map(SourceName::as_str).collect::<Vec<_>>().join(" "));
            assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected, "{one:?}");
        }
    }
}
