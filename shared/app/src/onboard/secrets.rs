//! The secrets that a source needs: those that are stored, and those that the operator gives to change them.
//!
//! A source that is put in force without one of them would refuse or park everything that comes in, so it is not put in
//! force.

use crate::ports::SecretPair;
use countersign_domain::dialect::{Auth, Authorization, TokenFrom};
use countersign_domain::ids::SourceName;
use countersign_domain::signature::{KeyError, SigningKeys};
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use std::fmt::{Debug, Display, Formatter};

/// How many there may be of a second factor while it is being changed.
const FACTORS_MAX: usize = 2;

/// What the operator gives. What is absent stays as it is stored. It does not print itself.
#[derive(Clone, Default)]
pub struct GivenSecrets {
    /// The signing secret, or the sender's public key.
    pub signing: Option<String>,
    /// The one that is on its way out, accepted beside the other one until it is replaced.
    pub previous: Option<String>,
    /// `user:password` of basic authentication.
    pub basic: Vec<String>,
    /// The secret last part of the URL.
    pub path_tokens: Vec<String>,
    /// The read-only token with which events are asked back.
    pub fetch_token: Option<String>,
    /// The read-only token with which the provider's books are read.
    pub api_token: Option<String>,
}

impl Debug for GivenSecrets {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenSecrets([REDACTED])")
    }
}

/// What the store holds of a source.
#[derive(Clone, Debug, Default)]
pub struct StoredSecrets {
    /// What deliveries are verified with.
    pub signing: Option<SecretPair>,
    /// Whether there is a token with which events are asked back.
    pub has_fetch_token: bool,
}

/// One of the secrets, by the option of `countersign source apply` that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOption {
    /// The signing secret.
    Signing,
    /// The signing secret that is on its way out.
    Previous,
    /// Basic authentication.
    Basic,
    /// The secret last part of the URL.
    PathToken,
    /// The token with which events are asked back.
    FetchToken,
    /// The token with which books are read.
    ApiToken,
}

impl SecretOption {
    /// What it gives.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Signing => "signing secret",
            Self::Previous => "previous signing secret",
            Self::Basic => "user and password that its file asks senders for",
            Self::PathToken => "secret part of its URL that its file asks senders for",
            Self::FetchToken => "token with which the provider's API is asked about its events",
            Self::ApiToken => "token with which the provider's books are read",
        }
    }
}

impl Display for SecretOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signing => "--secret-file",
            Self::Previous => "--previous-secret-file",
            Self::Basic => "--basic-file",
            Self::PathToken => "--path-token-file",
            Self::FetchToken => "--fetch-token-file",
            Self::ApiToken => "--api-token-file",
        })
    }
}

/// Why a source may not be put in force. It never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// Nothing is stored and nothing is given.
    #[error("source {name} still lacks the {}: give it with {option}", .option.what())]
    Missing {
        /// The source.
        name: SourceName,
        /// What gives it.
        option: SecretOption,
    },
    /// A key that the dialect's keys cannot be made of.
    #[error("{option}: {error}")]
    Unusable {
        /// What gave it.
        option: SecretOption,
        /// What is wrong with it.
        error: KeyError,
    },
    /// What is stored is no key of the dialect.
    #[error(
        "the signing secret that source {name} has does not fit its dialect: {error}; give one that does with --secret-file"
    )]
    Unfit {
        /// The source.
        name: SourceName,
        /// What is wrong with it.
        error: KeyError,
    },
    /// It would push out one that senders use.
    #[error(
        "source {0} would lose a signing secret that senders may use: change it with `countersign source rotate {0}`, \
         which accepts both for a while, or give the only one that it has with --previous-secret-file"
    )]
    Another(SourceName),
    /// Not of the form that it must have.
    #[error("{option}: {why}")]
    Malformed {
        /// What gave it.
        option: SecretOption,
        /// What is wrong, and what it must be.
        why: &'static str,
    },
    /// Nobody would ask for it.
    #[error("{option}: source {name} {why}")]
    Needless {
        /// What gave it.
        option: SecretOption,
        /// The source.
        name: SourceName,
        /// Why not, and what to write in its file to have it asked for.
        why: &'static str,
    },
}

/// What is to be stored for deliveries of a source; nothing when what is stored will do.
///
/// # Errors
/// [`SecretsError`] when the source would lack a secret, or one that is given does not fit.
pub fn secrets_for(
    source: &Source,
    stored: &StoredSecrets,
    given: &GivenSecrets,
) -> Result<Option<SecretPair>, SecretsError> {
    check_tokens(source, stored, given)?;
    let before = stored.signing.as_ref();
    let pair = signing(source, before.cloned().unwrap_or_default(), given)?;
    let factors = &source.second_factors;
    let pair = SecretPair {
        basic: factor(source, SecretOption::Basic, factors.basic, &pair.basic, &given.basic)?,
        path_tokens: factor(
            source,
            SecretOption::PathToken,
            factors.secret_path,
            &pair.path_tokens,
            &given.path_tokens,
        )?,
        ..pair
    };
    Ok((pair != before.cloned().unwrap_or_default()).then_some(pair))
}

/// Whether a source's events are ever asked back.
fn asks(source: &Source) -> bool {
    source.dialect.fetches.iter().any(|fetch| fetch.is_required || source.asks_back)
}

fn check_tokens(source: &Source, stored: &StoredSecrets, given: &GivenSecrets) -> Result<(), SecretsError> {
    use SecretOption::{ApiToken, FetchToken};
    let needless = |option, why| Err(SecretsError::Needless { option, name: source.name.clone(), why });
    match &given.fetch_token {
        Some(_) if !asks(source) => {
            return needless(
                FetchToken,
                "asks no event back: its dialect does not need it, nor does its file say asks_back = true",
            );
        }
        Some(token) => check_token(source, FetchToken, token)?,
        None if asks(source) && !stored.has_fetch_token => {
            return Err(SecretsError::Missing { name: source.name.clone(), option: FetchToken });
        }
        None => {}
    }
    match &given.api_token {
        Some(_) if source.dialect.reconcile.is_none() => {
            needless(ApiToken, "is never reconciled: its dialect lists no books")
        }
        Some(token) => check_token(source, ApiToken, token),
        None => Ok(()),
    }
}

/// Whether a call can be authorized with it, as the dialect says.
fn check_token(source: &Source, option: SecretOption, token: &str) -> Result<(), SecretsError> {
    let malformed = |why| Err(SecretsError::Malformed { option, why });
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return malformed("a token is one line of visible ASCII characters, without a space");
    }
    match source.dialect.api.as_ref().map(|api| &api.authorization) {
        Some(Authorization::Oauth2 { .. }) if !token.contains(':') => {
            malformed("this dialect's API wants the client's id, a colon and its secret")
        }
        _ => Ok(()),
    }
}

/// The pair with the signing secrets that are given.
fn signing(source: &Source, stored: SecretPair, given: &GivenSecrets) -> Result<SecretPair, SecretsError> {
    let name = || source.name.clone();
    let auth = &source.dialect.auth;
    if let Auth::Certificate(_) = auth {
        let option = match (&given.signing, &given.previous) {
            (Some(_), _) => SecretOption::Signing,
            (None, Some(_)) => SecretOption::Previous,
            (None, None) => return Ok(stored),
        };
        return Err(SecretsError::Unusable { option, error: KeyError::NoSecret });
    }
    let has_one = !stored.current.is_empty();
    let current = match &given.signing {
        Some(new) => {
            check_key(auth, new, SecretOption::Signing)?;
            new.clone()
        }
        None if has_one => {
            SigningKeys::new(auth, &stored.current, None)
                .map_err(|error| SecretsError::Unfit { name: name(), error })?;
            stored.current.clone()
        }
        None => {
            return Err(SecretsError::Missing { name: name(), option: SecretOption::Signing });
        }
    };
    let (previous, previous_until) = previous(auth, &stored, given.previous.as_ref())?;
    // What is no key of this dialect proves nothing: it is not missed.
    let is_lost = |old: &String| is_key(auth, old) && *old != current && Some(old) != previous.as_ref();
    if (has_one && is_lost(&stored.current)) || stored.previous.as_ref().is_some_and(is_lost) {
        return Err(SecretsError::Another(name()));
    }
    Ok(SecretPair { current, previous, previous_until, ..stored })
}

/// The secret on its way out, and its end.
fn previous(
    auth: &Auth,
    stored: &SecretPair,
    given: Option<&String>,
) -> Result<(Option<String>, Option<Timestamp>), SecretsError> {
    match given {
        Some(old) if stored.previous.as_ref() != Some(old) => {
            check_key(auth, old, SecretOption::Previous)?;
            Ok((Some(old.clone()), None))
        }
        // One that is no key of this dialect would be in the way of the other one.
        _ => match stored.previous.clone().filter(|old| is_key(auth, old)) {
            Some(old) => Ok((Some(old), stored.previous_until)),
            None => Ok((None, None)),
        },
    }
}

/// Whether a text can be the signing secret of a source.
///
/// # Errors
/// [`SecretsError`] when the dialect's keys cannot be made of it.
pub fn check_secret(source: &Source, secret: &str) -> Result<(), SecretsError> {
    check_key(&source.dialect.auth, secret, SecretOption::Signing)
}

/// Whether it is a key of the dialect and, where it is a part of the URL, can be one.
fn check_key(auth: &Auth, secret: &str, option: SecretOption) -> Result<(), SecretsError> {
    SigningKeys::new(auth, secret, None).map_err(|error| SecretsError::Unusable { option, error })?;
    match auth {
        Auth::Token(TokenFrom::Path) => check_path_token(secret, option),
        Auth::Token(TokenFrom::Header(_)) | Auth::Signed(_) | Auth::Certificate(_) => Ok(()),
    }
}

fn is_key(auth: &Auth, secret: &str) -> bool {
    SigningKeys::new(auth, secret, None).is_ok()
}

fn check_path_token(token: &str, option: SecretOption) -> Result<(), SecretsError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    if token.bytes().all(is_plain) {
        return Ok(());
    }
    let why = "a part of a URL is made of letters, digits, -, _ and ~ only, so that nobody escapes it";
    Err(SecretsError::Malformed { option, why })
}

/// The values of one second factor.
fn factor(
    source: &Source,
    option: SecretOption,
    is_asked_for: bool,
    stored: &[String],
    given: &[String],
) -> Result<Vec<String>, SecretsError> {
    let name = || source.name.clone();
    if given.is_empty() {
        if is_asked_for && stored.is_empty() {
            return Err(SecretsError::Missing { name: name(), option });
        }
        return Ok(stored.to_vec());
    }
    if !is_asked_for {
        let why = match option {
            SecretOption::Basic => "does not ask for it: write basic = true under [source.second_factors]",
            _ => "does not ask for it: write secret_path = true under [source.second_factors]",
        };
        return Err(SecretsError::Needless { option, name: name(), why });
    }
    if given.len() > FACTORS_MAX {
        return Err(SecretsError::Malformed {
            option,
            why: "it has more than two lines: two are accepted at a time",
        });
    }
    for secret in given {
        match option {
            SecretOption::Basic if !secret.contains(':') => {
                return Err(SecretsError::Malformed {
                    option,
                    why: "each line is a user, a colon and a password",
                });
            }
            SecretOption::Basic => {}
            _ => check_path_token(secret, option)?,
        }
    }
    // Every dialect reads a factor the same way.
    let keys = SigningKeys::certificate().with_factors(given, &[]);
    keys.map_err(|error| SecretsError::Unusable { option, error })?;
    Ok(given.to_vec())
}

#[cfg(test)]
mod tests;
