//! `countersign send`: plays the provider. Signs a file as a source's dialect says, and posts it.

use super::{Command, Context};
use crate::error::CliError;
use countersign_app::ports::Clock as _;
use countersign_aws::clock::{SystemClock, random_id};
use countersign_domain::dialect::NameFrom;
use countersign_domain::ids::SourceName;
use countersign_domain::sign::sign;
use countersign_domain::time::{SignedDuration, Timestamp};
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
        let secret = match &self.secret_file {
            Some(path) => super::read_secret(path)?,
            None => context.signing_secrets(&self.source).await?.current,
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
        let url = match self.url {
            Some(url) => url,
            None => context.webhook_url(&self.source),
        };
        let mut request = context.http().post(&url).body(body);
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

fn earlier(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(now)
}
