//! What can go wrong for whoever runs a command, in words that name the thing and the remedy.

use countersign_app::findings::StepError;
use countersign_app::onboard::{OnboardError, SecretsError};
use countersign_app::ports::PortError;
use countersign_domain::pack::PackError;
use countersign_domain::source::{FileError, SourceError};
use std::path::{Path, PathBuf};

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
        text
    }
}
