//! `countersign source rotate`: another signing secret, without a delivery lost.

use super::super::{Command, Context, read_secret};
use super::look::at;
use crate::error::CliError;
use countersign_app::onboard::{check_secret, rotated};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::ids::SourceName;
use countersign_domain::time::{SignedDuration, Timestamp};
use serde::Serialize;
use std::path::PathBuf;

/// Give a source another signing secret.
#[derive(Debug, clap::Args)]
pub struct Rotate {
    /// The source.
    name: SourceName,
    /// A file with the new secret, or the sender's new public key; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// How long the secret that it has now is accepted beside the new one: `72h`, `30m`, or `0s` if it leaked.
    #[arg(long, value_name = "SPAN", default_value = "72h", value_parser = crate::given::span)]
    overlap: SignedDuration,
    /// Refuse a secret that is still accepted from an earlier rotation.
    #[arg(long)]
    retire_previous: bool,
}

impl Rotate {
    /// The new secret from a file; the old one is accepted for so long.
    #[must_use]
    pub fn with(name: SourceName, secret_file: PathBuf, overlap: SignedDuration) -> Self {
        Self { name, secret_file, overlap, retire_previous: false }
    }

    /// The same, and what an earlier rotation left is refused.
    #[must_use]
    pub fn retiring_previous(self) -> Self {
        Self { retire_previous: true, ..self }
    }
}

/// A source that has another secret.
#[derive(Debug, Serialize)]
pub struct Rotated {
    /// The source.
    pub source: SourceName,
    /// From when on the secret that it had is refused.
    pub previous_until: Option<Timestamp>,
}

impl Command for Rotate {
    type Output = Rotated;

    async fn run(self, context: &Context) -> Result<Rotated, CliError> {
        let Self { name, secret_file, overlap, retire_previous } = self;
        let source = context.source(&name).await?;
        let new = read_secret(&secret_file)?;
        check_secret(&source, &new)?;
        let pair = context.signing_secrets(&name).await?;
        let pair = rotated(&pair, new, overlap, retire_previous, SystemClock.now())
            .map_err(|error| CliError::Refused(format!("the new secret of source {name}: {error}")))?;
        context.secrets().put(&name, &pair).await?;
        Ok(Rotated { source: name, previous_until: pair.previous_until })
    }

    fn show(output: &Rotated) -> String {
        let Rotated { source, previous_until } = output;
        let until = previous_until.map_or_else(|| "it is rotated away".to_owned(), at);
        format!(
            "source {source}: the new secret is accepted within five minutes, the one before until {until}\n\
             now have the sender sign with the new one; the metrics previous_secret and retired_secret show who does not\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        rotate: Rotate,
    }

    fn overlap(given: &[&str]) -> Result<SignedDuration, String> {
        let line = ["rotate", "acme", "--secret-file", "new"].iter().chain(given);
        Line::try_parse_from(line).map(|line| line.rotate.overlap).map_err(|error| error.to_string())
    }

    #[test]
    fn the_overlap_is_said_as_a_person_says_it() {
        assert_eq!(overlap(&[]).unwrap(), SignedDuration::from_hours(72));
        assert_eq!(overlap(&["--overlap", "90m"]).unwrap(), SignedDuration::from_mins(90));
        assert_eq!(overlap(&["--overlap", "1h 30m"]).unwrap(), SignedDuration::from_mins(90));
        assert_eq!(overlap(&["--overlap", "0s"]).unwrap(), SignedDuration::ZERO);
        let refused = overlap(&["--overlap", "three days"]).unwrap_err();
        assert!(refused.contains("three days"), "{refused}");
    }
}
