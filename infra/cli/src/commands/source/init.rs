//! `countersign source init`: the file that a new source begins with. It needs no stack.

use super::super::Offline;
use crate::error::CliError;
use countersign_domain::ids::SourceName;
use countersign_domain::source::template;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

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
            written.map_err(|error| CliError::file("begin", path, error))?;
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
