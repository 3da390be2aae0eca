//! Two versions of a source, side by side.

use crate::error::CliError;
use countersign_app::ports::SourceVersion;
use countersign_domain::source::{SourceConfig, write_file};
use similar::TextDiff;

/// What changes from a version, or from nothing, to a configuration: a unified difference of their source files, empty
/// when they are the same.
///
/// # Errors
/// [`CliError`] when one of them cannot be written as a file.
pub(super) fn between(before: Option<&SourceVersion>, after: &SourceConfig) -> Result<String, CliError> {
    let old = before.map_or_else(|| Ok(String::new()), |before| write_file(&before.config))?;
    let new = write_file(after)?;
    let was = before.map_or_else(|| "nothing".to_owned(), |before| format!("version {}", before.number));
    let difference = TextDiff::from_lines(&old, &new);
    Ok(difference.unified_diff().header(&was, after.name.as_str()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_app::ports::Made;
    use countersign_domain::source::read_file;
    use countersign_domain::time::Timestamp;

    const FILE: &str =
        "[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"Acme\"\ndialect = \"partner-hmac\"\n";

    fn config(text: &str) -> SourceConfig {
        read_file(text).unwrap().0
    }

    fn version(number: u32, text: &str) -> SourceVersion {
        SourceVersion { number, config: config(text), made: Made::Applied, written_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_change_is_shown_line_by_line() {
        let live = FILE.replace("test", "live");
        let expected = "--- version 3\n+++ acme\n@@ -1,5 +1,5 @@\n [source]\n account = \"Acme\"\n \
                        dialect = \"partner-hmac\"\n-mode = \"test\"\n+mode = \"live\"\n name = \"acme\"\n";
        assert_eq!(between(Some(&version(3, FILE)), &config(&live)).unwrap(), expected);
    }

    #[test]
    fn a_new_source_is_all_new_and_the_same_one_no_difference() {
        let shown = between(None, &config(FILE)).unwrap();
        assert!(shown.starts_with("--- nothing\n+++ acme\n"), "{shown}");
        assert_eq!(shown.lines().filter(|line| line.starts_with('+')).count(), 1 + FILE.lines().count());
        // Comments and order are a person's own.
        let rewritten = "# ours\n[source]\ndialect = \"partner-hmac\"\naccount = \"Acme\"\nmode = \"test\"\nname = \"acme\"\n";
        assert_eq!(between(Some(&version(1, FILE)), &config(rewritten)).unwrap(), "");
    }
}
