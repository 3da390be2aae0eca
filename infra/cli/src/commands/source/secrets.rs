//! The secrets of a source, from files to the secret store.

use super::super::{Context, read_secret};
use crate::error::CliError;
use countersign_app::onboard::{GivenSecrets, SecretOption, StoredSecrets, secrets_for};
use countersign_app::ports::Secrets as _;
use countersign_aws::secrets::ApiToken;
use countersign_domain::source::Source;
use std::path::{Path, PathBuf};

/// Files that hold secrets, each given only to set or change it; `-` reads standard input.
#[derive(Debug, Default, clap::Args)]
pub struct SecretFiles {
    #[command(flatten)]
    proof: ProofFiles,
    /// A file with the read-only token that asks the provider's API about events: a token, `user:password` or
    /// `client id:client secret`, as the dialect's API wants it.
    #[arg(long, value_name = "FILE")]
    fetch_token_file: Option<PathBuf>,
    /// A file with the read-only token that reconciliation reads the provider's books with, in the same form.
    #[arg(long, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
}

/// Files with what a delivery is proven by.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ProofFiles {
    /// A file with the signing secret, or with the sender's public key; `-` reads standard input, here as everywhere.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A file with the signing secret that is on its way out, accepted beside the other one until it is rotated away.
    #[arg(long, value_name = "FILE")]
    previous_secret_file: Option<PathBuf>,
    /// A file with the `user:password` of basic authentication; with two lines, both are accepted.
    #[arg(long, value_name = "FILE")]
    basic_file: Option<PathBuf>,
    /// A file with the secret last part of the URL; with two lines, both are accepted.
    #[arg(long, value_name = "FILE")]
    path_token_file: Option<PathBuf>,
}

impl SecretFiles {
    /// What they hold.
    ///
    /// # Errors
    /// [`CliError`] when one cannot be read, is empty, or standard input is to be read twice.
    pub(super) fn read(&self, source_file: &Path) -> Result<GivenSecrets, CliError> {
        let Self { proof, fetch_token_file, api_token_file } = self;
        let others = [fetch_token_file, api_token_file].into_iter().flatten().map(PathBuf::as_path);
        let given = proof.read(others.chain([source_file]))?;
        Ok(GivenSecrets { fetch_token: one(fetch_token_file)?, api_token: one(api_token_file)?, ..given })
    }
}

impl ProofFiles {
    /// What they hold. `others` are the further files of the command.
    ///
    /// # Errors
    /// [`CliError`] when one cannot be read, is empty, or standard input is to be read twice.
    pub(super) fn read<'p>(
        &'p self,
        others: impl IntoIterator<Item = &'p Path>,
    ) -> Result<GivenSecrets, CliError> {
        let Self { secret_file, previous_secret_file, basic_file, path_token_file } = self;
        let own = [secret_file, previous_secret_file, basic_file, path_token_file];
        let all = own.into_iter().flatten().map(PathBuf::as_path).chain(others);
        if all.filter(|path| *path == Path::new("-")).count() > 1 {
            let why = "standard input can be read only once: give - for one file, and a path for each other";
            return Err(CliError::Usage(why.to_owned()));
        }
        Ok(GivenSecrets {
            signing: one(secret_file)?,
            previous: one(previous_secret_file)?,
            basic: lines(basic_file)?,
            path_tokens: lines(path_token_file)?,
            ..GivenSecrets::default()
        })
    }
}

fn one(path: &Option<PathBuf>) -> Result<Option<String>, CliError> {
    path.as_deref().map(read_secret).transpose()
}

fn lines(path: &Option<PathBuf>) -> Result<Vec<String>, CliError> {
    let text = one(path)?.unwrap_or_default();
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Stores what is given, once it is certain that the source then lacks nothing. Says which were stored.
///
/// # Errors
/// [`CliError`] when it would lack one, one does not fit, or the store refuses.
pub(super) async fn provide(
    context: &Context,
    source: &Source,
    given: &GivenSecrets,
) -> Result<Vec<SecretOption>, CliError> {
    let name = &source.name;
    let signing = context.secrets().fetch(name).await?;
    let has_fetch_token = context.fetch_tokens().fetch(name).await?.is_some();
    let pair = secrets_for(source, &StoredSecrets { signing, has_fetch_token }, given)?;
    let mut stored = Vec::new();
    if let Some(pair) = pair {
        context.secrets().put(name, &pair).await?;
        for (option, is_given) in [
            (SecretOption::Signing, given.signing.is_some()),
            (SecretOption::Previous, given.previous.is_some()),
            (SecretOption::Basic, !given.basic.is_empty()),
            (SecretOption::PathToken, !given.path_tokens.is_empty()),
        ] {
            stored.extend(is_given.then_some(option));
        }
    }
    for (option, tokens, token) in [
        (SecretOption::FetchToken, context.fetch_tokens(), &given.fetch_token),
        (SecretOption::ApiToken, context.api_tokens(), &given.api_token),
    ] {
        if let Some(token) = token {
            tokens.put(name, &ApiToken { token: token.clone() }).await?;
            stored.push(option);
        }
    }
    Ok(stored)
}
