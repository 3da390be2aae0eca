//! What can go wrong for whoever runs a command, in words that name the thing and the remedy.

use countersign_app::findings::StepError;
use countersign_app::onboard::{OnboardError, SecretsError};
use countersign_app::ports::PortError;
use countersign_domain::pack::PackError;
use countersign_domain::source::{FileError, SourceError};
use std::path::{Path, PathBuf};

/// Longest line of an error that is shown, in characters. A parser quotes the whole line that it cannot read, and a file may
/// be a single line.
const LINE_CHARS_MAX: usize = 1_000;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command was given something that cannot work.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The other side said no, or nothing in time.
    #[error("{0}")]
    Refused(String),
    /// A file.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// An HTTP call.
    #[error("cannot {action} {url}")]
    Http {
        /// What was tried.
        action: &'static str,
        /// With which URL.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// A stored source that does not work.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A source file that does not check.
    #[error(transparent)]
    SourceFile(#[from] FileError),
    /// The same, with the file that it is.
    #[error("{}: {source}", shown(path))]
    FileOfSource {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: FileError,
    },
    /// A source that would lack a secret, or a secret that does not fit.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A change of a source that did not come about.
    #[error(transparent)]
    Onboard(#[from] OnboardError),
    /// A source that no partner can be handed anything of.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Something that was not done about a finding.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A call to the stack.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The local stack.
    #[error(transparent)]
    Local(#[from] crate::local::Failure),
}

impl CliError {
    /// A file that cannot be read or written.
    #[must_use]
    pub fn file(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }

    /// A source file that does not check.
    #[must_use]
    pub fn file_of_source(path: &Path, source: FileError) -> Self {
        Self::FileOfSource { path: path.to_owned(), source }
    }

    /// An HTTP call that failed. The URL is shown once, in the message.
    #[must_use]
    pub fn http(action: &'static str, url: &str, source: reqwest::Error) -> Self {
        Self::Http { action, url: url.to_owned(), source: source.without_url() }
    }

    /// The whole chain of reasons, a line each, but for those that were said already.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let reason = error.to_string();
            if !text.contains(reason.trim_end()) {
                text.push_str("\n  because: ");
                text.push_str(&reason);
            }
            source = error.source();
        }
        text.split('\n').map(cut).collect::<Vec<_>>().join("\n")
    }
}

/// What a person knows a file as.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// A line, or as much of it as anybody reads.
fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE_CHARS_MAX) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_somebody_reads() {
        let longest = "ä".repeat(LINE_CHARS_MAX);
        for (line, says) in [
            ("short".to_owned(), "short".to_owned()),
            (longest.clone(), longest.clone()),
            (format!("{longest}ä\nshort\n"), format!("{longest}…\nshort\n")),
        ] {
            assert_eq!(CliError::Usage(line).chain(), says);
        }
    }
}
