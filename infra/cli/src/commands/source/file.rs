//! A source file, as the commands that take one read it.

use crate::error::{CliError, shown};
use countersign_domain::limits::SOURCE_FILE_BYTES_MAX;
use countersign_domain::source::{Source, SourceConfig, read_file};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Reads a source file or, for `-`, standard input.
///
/// # Errors
/// [`CliError`] names the file, and what is wrong with it.
pub(super) fn read(path: &Path) -> Result<(SourceConfig, Source), CliError> {
    read_file(&text(path)?).map_err(|error| CliError::file_of_source(path, error))
}

fn text(path: &Path) -> Result<String, CliError> {
    let unreadable = |error| CliError::file("read the source file", path, error);
    let (bytes, size) = if path == Path::new("-") {
        (bounded(io::stdin().lock()).map_err(unreadable)?, None)
    } else {
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        (bounded(file).map_err(unreadable)?, about.is_file().then_some(about.len()))
    };
    if bytes.len() > SOURCE_FILE_BYTES_MAX {
        // Of a pipe it is not known how much would still come.
        let size = size.map_or_else(|| "more".to_owned(), |size| size.to_string());
        return Err(CliError::Usage(format!(
            "{} is no source file: one has {SOURCE_FILE_BYTES_MAX} bytes at most, and it has {size}",
            shown(path)
        )));
    }
    String::from_utf8(bytes)
        .map_err(|_| unreadable(io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8")))
}

/// As much as a source file may have, and a byte more if there is one.
fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(u64::try_from(SOURCE_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        "[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"\"\ndialect = \"partner-hmac\"\n";

    fn told(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.toml");
        std::fs::write(&path, bytes).unwrap();
        let told = match read(&path) {
            Ok((config, _)) => config.name.to_string(),
            Err(error) => error.chain(),
        };
        told.replace(&format!("{}/", folder.path().display()), "")
    }

    /// A source of exactly so many bytes: a comment fills it up.
    fn of_bytes(length: usize) -> Vec<u8> {
        let mut text = format!("{SOURCE}#").into_bytes();
        text.resize(length, b'.');
        text
    }

    #[test]
    fn what_is_wrong_names_the_file() {
        for (bytes, says) in [
            (SOURCE.as_bytes().to_vec(), "acme"),
            (of_bytes(SOURCE_FILE_BYTES_MAX), "acme"),
            (
                of_bytes(SOURCE_FILE_BYTES_MAX + 1),
                "acme.toml is no source file: one has 262144 bytes at most, and it has 262145",
            ),
            (
                vec![b'x'; 3_000_000],
                "acme.toml is no source file: one has 262144 bytes at most, and it has 3000000",
            ),
            (
                b"[source\n".to_vec(),
                "acme.toml: the source file: TOML parse error at line 1, column 8\n  |\n1 | [source\n  |        ^\n\
                 unclosed table, expected `]`",
            ),
            (vec![0xff], "cannot read the source file acme.toml\n  because: it is not text in UTF-8"),
        ] {
            assert_eq!(told(&bytes), says);
        }
        let one_line = told(&vec![b'x'; SOURCE_FILE_BYTES_MAX]);
        assert!(one_line.starts_with("acme.toml: ") && one_line.len() < 5_000, "{} bytes", one_line.len());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("nowhere/acme.toml")).unwrap_err().chain();
        assert!(
            error.starts_with("cannot read the source file nowhere/acme.toml\n  because: No such file"),
            "{error}"
        );
    }
}
