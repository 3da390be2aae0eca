//! `countersign source check`: whether a source file works, and what a captured request becomes under it. It needs no stack.

use super::super::Offline;
use super::secrets::ProofFiles;
use super::{captured, file};
use crate::error::CliError;
use crate::output::word;
use countersign_app::onboard::{Becomes, Capture, Explanation, GivenSecrets, Item, Proof, ProvenBy, explain};
use countersign_app::ports::{Clock as _, SecretPair};
use countersign_aws::certificates::HttpsCertificates;
use countersign_aws::clock::SystemClock;
use countersign_domain::dialect::{Auth, Dialect, TokenFrom};
use countersign_domain::source::{DialectRef, Source, SourceConfig};
use countersign_domain::time::Timestamp;
use countersign_domain::translate::PaymentFact;
use serde::Serialize;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What is checked.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The source file; `-` reads standard input.
    file: PathBuf,
    /// A captured request, as HTTP/1.1 writes it: request line, headers, an empty line, the body byte for byte.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    #[command(flatten)]
    proof: ProofFiles,
    /// Look at the request as if it were this time: `2026-11-23T10:00:00Z`. Now without it.
    #[arg(long, value_name = "TIME", requires = "request", value_parser = crate::given::time)]
    at: Option<Timestamp>,
    /// A file with what the provider's API answers when it is asked about the event.
    #[arg(long, value_name = "FILE", requires = "request")]
    fetched: Option<PathBuf>,
    /// The address that the request came from, for a source that lists those it takes.
    #[arg(long, value_name = "ADDRESS", requires = "request")]
    source_ip: Option<IpAddr>,
}

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The source, as its file says.
    source: SourceConfig,
    /// The dialect's examples. All of them hold, or the file would have been refused.
    examples: Vec<Held>,
    /// What the request becomes, if one was given.
    request: Option<Explanation>,
}

/// An example, and what it comes to.
#[derive(Debug, Serialize)]
struct Held {
    name: String,
    facts: Vec<PaymentFact>,
}

impl Offline for Check {
    type Output = Checked;

    async fn run(self) -> Result<Checked, CliError> {
        let (config, source) = file::read(&self.file)?;
        let examples = examples(&config)?;
        let request = match &self.request {
            None => None,
            Some(path) => Some(self.explained(&config, &source, path).await?),
        };
        Ok(Checked { source: config, examples, request })
    }

    fn show(output: &Checked) -> String {
        shown(output)
    }

    fn is_success(output: &Checked) -> bool {
        output.request.as_ref().is_none_or(Explanation::is_good)
    }
}

impl Check {
    async fn explained(
        &self,
        config: &SourceConfig,
        source: &Source,
        path: &Path,
    ) -> Result<Explanation, CliError> {
        let given = self.proof.read([self.file.as_path()])?;
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| CliError::file("read the answer in", path, error))
        };
        let capture = Capture {
            request: captured::read(path, has_secret_path(source), self.source_ip)?,
            secrets: pair(source, given)?,
            answer: self.fetched.as_ref().map(read).transpose()?,
            now: self.at.unwrap_or_else(|| SystemClock.now()),
        };
        Ok(explain(config, source, HttpsCertificates::default(), &capture).await?)
    }
}

fn has_secret_path(source: &Source) -> bool {
    source.second_factors.secret_path || source.dialect.auth == Auth::Token(TokenFrom::Path)
}

/// The secrets that the request is judged by.
fn pair(source: &Source, given: GivenSecrets) -> Result<Option<SecretPair>, CliError> {
    let GivenSecrets { signing, previous, basic, path_tokens, .. } = given;
    let is_certified = matches!(source.dialect.auth, Auth::Certificate(_));
    let current = match signing {
        Some(current) => current,
        None if is_certified && basic.is_empty() && path_tokens.is_empty() => return Ok(None),
        None if is_certified => String::new(),
        None => {
            let why = "a request is proven by the source's secret: give it with --secret-file";
            return Err(CliError::Usage(why.to_owned()));
        }
    };
    Ok(Some(SecretPair { current, previous, previous_until: None, basic, path_tokens }))
}

fn examples(config: &SourceConfig) -> Result<Vec<Held>, CliError> {
    let described = match &config.dialect {
        DialectRef::BuiltIn(name) => Dialect::built_in_text(name).map(Dialect::describe).transpose(),
        DialectRef::Own(text) => Dialect::describe(text).map(Some),
    };
    let described = described.map_err(|error| CliError::Usage(error.to_string()))?;
    let examples = described.map(|described| described.examples).unwrap_or_default();
    Ok(examples.into_iter().map(|example| Held { name: example.name, facts: example.facts }).collect())
}

fn shown(Checked { source, examples, request }: &Checked) -> String {
    let dialect = match &source.dialect {
        DialectRef::BuiltIn(name) => name,
        DialectRef::Own(_) => "a dialect of its own",
    };
    let mut text = format!("source {}, {dialect}, {} mode: it works\n", source.name, source.mode);
    _ = writeln!(text, "{} examples hold", examples.len());
    for Held { name, facts } in examples {
        let name = if name.is_empty() { "(no name)" } else { name };
        _ = writeln!(text, "  {name}: {}", booked(facts, "; "));
    }
    if let Some(explanation) = request {
        text.push('\n');
        text.push_str(&explained(explanation));
    }
    text
}

fn explained(Explanation { proof_at, proof, items }: &Explanation) -> String {
    let mut text = format!("looks at  {proof_at}\n");
    match proof {
        Proof::Authentic { by } => {
            let by = match by {
                ProvenBy::Current => "current",
                ProvenBy::Previous => "previous",
            };
            _ = writeln!(text, "proof     authentic, by the {by} key");
        }
        Proof::Challenge { answer } => {
            _ = writeln!(text, "proof     a challenge, answered with {answer}");
        }
        Proof::Refused { status, why, hints } => {
            _ = writeln!(text, "proof     REFUSED with status {status}: {why}");
            for hint in hints {
                _ = writeln!(text, "hint      {hint}");
            }
        }
    }
    for (at, item) in items.iter().enumerate() {
        _ = writeln!(text, "item {:<4} {}", at.saturating_add(1), of_item(item));
    }
    text
}

fn of_item(item: &Item) -> String {
    const NEXT: &str = "\n          ";
    match item {
        Item::NoEvent { why } => format!("NO EVENT: {why}"),
        Item::Conflict { id } => {
            format!("CONFLICT: event {id} comes twice, with two meanings; the first one counts")
        }
        Item::Event { id, kind, occurred_at, asks, becomes } => {
            let time = occurred_at.map_or_else(|| "no time".to_owned(), |time| word(&time));
            let mut text = format!("event {id}, {kind}, {time}");
            if let Some(path) = asks {
                _ = write!(text, "{NEXT}asks the provider's API: GET {path}");
            }
            text.push_str(NEXT);
            match becomes {
                Becomes::Facts(facts) => text.push_str(&booked(facts, NEXT)),
                Becomes::Nothing => text.push_str("moves nothing: no rule of the dialect fits"),
                Becomes::Unanswered => {
                    text.push_str(
                        "means nothing before the answer: give one with --fetched to see what it becomes",
                    );
                }
                Becomes::SetAside { why } => _ = write!(text, "SET ASIDE: {why}"),
            }
            text
        }
    }
}

fn booked(facts: &[PaymentFact], between: &str) -> String {
    if facts.is_empty() {
        return "moves nothing".to_owned();
    }
    let facts = facts.iter().map(|PaymentFact { payment, fact }| format!("payment {payment}: {fact}"));
    facts.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests;
