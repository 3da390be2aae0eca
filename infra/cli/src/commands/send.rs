//! `countersign send`: plays the provider. Signs a file as a source's dialect says, shows the second factors that the source
//! asks for, and posts it.

use super::source::SECRET_PART;
use super::{Command, Context};
use crate::error::CliError;
use countersign_app::ports::{Clock as _, SecretPair};
use countersign_aws::clock::{SystemClock, random_id};
use countersign_domain::dialect::{Auth, NameFrom, TokenFrom};
use countersign_domain::ids::SourceName;
use countersign_domain::sign::sign;
use countersign_domain::source::Source;
use countersign_domain::time::{SignedDuration, Timestamp};
use data_encoding::BASE64;
use serde::Serialize;
use std::path::PathBuf;

/// Sign a file and post it to a source's webhook URL.
#[derive(Debug, clap::Args)]
pub struct Send {
    /// The source to send to.
    source: SourceName,
    /// The body, byte for byte.
    file: PathBuf,
    /// A file that holds the signing secret (or the Ed25519 private key); `-` reads standard input. Without it the
    /// source's own secret is read from Secrets Manager.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Event id for a dialect that carries it in a header. Random without it.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Sign as if the clock stood this many seconds earlier.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    age_seconds: i64,
    /// Where to post to, instead of the stack's own webhook URL.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What the endpoint answered.
#[derive(Debug, Serialize)]
pub struct Sent {
    url: String,
    status: u16,
    body: String,
    duration_ms: i64,
}

impl Command for Send {
    type Output = Sent;

    async fn run(self, context: &Context) -> Result<Sent, CliError> {
        let body = std::fs::read(&self.file).map_err(|e| CliError::file("read", &self.file, e))?;
        let source = context.source(&self.source).await?;
        let factors = &source.second_factors;
        let stored = match &self.secret_file {
            Some(_) if !factors.basic && !factors.secret_path => SecretPair::default(),
            _ => context.signing_secrets(&self.source).await?,
        };
        let secret = match &self.secret_file {
            Some(path) => super::read_secret(path)?,
            None => stored.current.clone(),
        };
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if let NameFrom::Header(name) = &source.dialect.envelope.id {
            let id = self.id.clone().unwrap_or_else(|| format!("msg_{}", random_id().as_str()));
            headers.push((name.clone(), id));
        }
        let started = SystemClock.now();
        let at = earlier(started, self.age_seconds);
        let signed = sign(&source.dialect.auth, &secret, &headers, &body, at)
            .map_err(|e| CliError::Usage(format!("the signing secret of {}: {e}", self.source)))?;
        headers.extend(signed);
        if let Some(user) = stored.basic.first().filter(|_| factors.basic) {
            headers.push(("authorization".to_owned(), format!("Basic {}", BASE64.encode(user.as_bytes()))));
        }
        let (target, url) = match (self.url, secret_part(&source, &secret, &stored)) {
            (Some(url), _) => (url.clone(), url),
            (None, None) => (context.webhook_url(&self.source), context.webhook_url(&self.source)),
            (None, Some(part)) => {
                let url = context.webhook_url(&self.source);
                (format!("{url}/{part}"), format!("{url}/{SECRET_PART}"))
            }
        };
        let mut request = context.http().post(&target).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|e| CliError::http("post to", &url, e))?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(|e| CliError::http("read the answer of", &url, e))?;
        let duration_ms = SystemClock.now().as_millisecond().saturating_sub(started.as_millisecond());
        Ok(Sent { url, status, body, duration_ms })
    }

    fn show(output: &Sent) -> String {
        format!("{} {} in {} ms {}", output.status, output.url, output.duration_ms, output.body)
    }

    fn is_success(output: &Sent) -> bool {
        (200..300).contains(&output.status)
    }
}

/// The secret last part of the URL, where the source has one.
fn secret_part<'s>(source: &Source, secret: &'s str, stored: &'s SecretPair) -> Option<&'s str> {
    match &source.dialect.auth {
        Auth::Token(TokenFrom::Path) => Some(secret),
        _ => stored.path_tokens.first().filter(|_| source.second_factors.secret_path).map(String::as_str),
    }
}

fn earlier(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(now)
}
