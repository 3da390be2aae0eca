//! `countersign source init`: the file that a new source begins with. It needs no stack.

use super::super::Offline;
use crate::error::CliError;
use countersign_domain::ids::SourceName;
use countersign_domain::source::template;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What the source is to be.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Its name, the last part of its URL: lower-case letters, digits and `-`.
    name: SourceName,
    /// The built-in dialect that it speaks, or that the partner's own words lie on top of.
    #[arg(long, value_name = "NAME")]
    dialect: String,
    /// The file to write, which must not be there yet. Without it the file is printed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A new source file.
#[derive(Debug, Serialize)]
pub struct Begun {
    /// Where it was written, if it was.
    path: Option<PathBuf>,
    /// What it says.
    text: String,
}

impl Offline for Init {
    type Output = Begun;

    async fn run(self) -> Result<Begun, CliError> {
        let text = template(&self.name, &self.dialect)?;
        if let Some(path) = &self.out {
            let file = OpenOptions::new().write(true).create_new(true).open(path);
            let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| not_begun(path, error))?;
        }
        Ok(Begun { path: self.out, text })
    }

    fn show(output: &Begun) -> String {
        match &output.path {
            None => output.text.clone(),
            Some(path) => format!(
                "{path} is written. Fill in what it asks for, then:\n  countersign source check {path}",
                path = path.display()
            ),
        }
    }
}

/// What somebody wrote is not written over.
fn not_begun(path: &Path, error: Error) -> CliError {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            let path = path.display();
            CliError::Refused(format!("{path} is there already: name another file with --out, or remove it"))
        }
        _ => CliError::file("begin", path, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.toml");
        let init = || Init {
            name: SourceName::new("acme").unwrap(),
            dialect: "partner-hmac".to_owned(),
            out: Some(path.clone()),
        };
        let begun = init().run().await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), begun.text);
        std::fs::write(&path, "mine").unwrap();
        let refused = init().run().await.unwrap_err().chain();
        let says = format!("{} is there already: name another file with --out, or remove it", path.display());
        assert_eq!((refused, std::fs::read_to_string(&path).unwrap()), (says, "mine".to_owned()));
    }
}
