//! What a person reads. Results go to standard output, progress to standard error, and nothing else prints.

use crate::error::CliError;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde::Serialize;
use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write as _};
use std::time::Instant;

/// Writes a result and a line's end to standard output.
///
/// # Errors
/// When nobody reads it any more.
pub fn result(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A result as JSON.
///
/// # Errors
/// When it holds something that JSON cannot say.
pub fn json(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value)
        .map_err(|error| CliError::Refused(format!("cannot say it as JSON: {error}")))
}

/// A table with these headings.
#[must_use]
pub fn table<const COLUMNS: usize>(headings: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(headings);
    table
}

/// A value that serialises as a word, as that word.
#[must_use]
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Tells whoever waits what is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Lines on standard error.
    #[default]
    Shown,
    /// Nothing.
    Silent,
}

impl Progress {
    /// One line.
    pub fn say(self, line: impl Display) {
        if self == Self::Shown {
            // Progress that nobody can read is no reason to stop working.
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// One line when something begins and one when it is done, with how long it took.
    ///
    /// # Errors
    /// Those of the work.
    #[expect(clippy::disallowed_methods, reason = "how long a person waited, which nothing depends on")]
    pub async fn timed<T, E>(self, what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.say(format_args!("  {what} …"));
        let started = Instant::now();
        let done = work.await;
        let outcome = if done.is_ok() { "done in" } else { "failed after" };
        self.say(format_args!("  {what}: {outcome} {:.1?}", started.elapsed()));
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        InForce,
    }

    #[test]
    fn a_word_is_shown_without_quotes() {
        assert_eq!(word(&Word::InForce), "in_force");
        assert_eq!(word(&None::<Word>), "null");
    }

    #[test]
    fn a_table_has_its_headings() {
        let mut table = table(["what", "found"]);
        table.add_row(["a", "b"]);
        assert!(table.to_string().contains("what"), "{table}");
    }
}
