//! What a partner is handed who sends us webhooks under one of our own schemes: a page, samples that sign, a test vector and
//! a description of the endpoint for machines.
//!
//! Everything is made from the source's dialect, so a partner with another header or another encoding gets samples with
//! that header and that encoding. Nothing in a pack is secret.

mod answers;
mod events;
mod openapi;
mod page;
mod recipe;
mod samples;
mod vector;

pub use answers::{Answer, Said, answers};

use crate::dialect::Content;
use crate::source::{DialectRef, Source, SourceConfig, SourceError};
use events::Events;
use recipe::Recipe;
use vector::Vector;

/// The built-in dialects that a partner signs under. Every other one is a provider's own.
const FOR_PARTNERS: [&str; 3] = ["partner-hmac", "standard-webhooks", "standard-webhooks-ed25519"];

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is, from the pack's folder on, with `/`.
    pub path: &'static str,
    /// Its text.
    pub text: String,
}

/// Why there is no pack for a source.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The other side is no partner that we could tell how to sign.
    #[error(
        "source {source_name}: the deliveries of {dialect} are signed by the provider, in its own way: a pack is for a partner \
         that signs as we say, with {for_partners} or a dialect that extends one of them"
    )]
    SignedByProvider {
        /// The source.
        source_name: String,
        /// Its dialect, or the one that its own extends.
        dialect: String,
        /// The dialects that partners sign under.
        for_partners: String,
    },
    /// Something that the dialect says and the samples cannot do.
    #[error("source {source_name}: {key}: {why}")]
    Inexpressible {
        /// The source.
        source_name: String,
        /// The key in the dialect.
        key: &'static str,
        /// What it says, and why that cannot be in a pack.
        why: String,
    },
    /// The URL cannot be one of an endpoint.
    #[error("{url:?} is not the URL of a webhook endpoint: {why}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The source does not work.
    #[error(transparent)]
    Source(Box<SourceError>),
    /// The pack's own test vector was not accepted: its samples would not be either.
    #[error("source {source_name}: the pack's own test vector does not hold: {why}")]
    Unproven {
        /// The source.
        source_name: String,
        /// What the verifier says of it.
        why: String,
    },
}

/// Why a part of a dialect has no place in a pack.
struct Refusal {
    key: &'static str,
    why: String,
}

impl Refusal {
    fn new(key: &'static str, why: impl Into<String>) -> Self {
        Self { key, why: why.into() }
    }
}

/// What everything in a pack is made of.
struct Partner<'a> {
    source: &'a Source,
    url: &'a str,
    recipe: Recipe,
    events: Events,
    vector: Vector,
}

/// Makes the pack of a source. `url` is where its webhooks are posted to, less a secret last part.
///
/// # Errors
/// [`PackError`] when the other side does not sign as we say, or signs in a way that the samples cannot show.
pub fn pack(config: &SourceConfig, url: &str) -> Result<Vec<File>, PackError> {
    let source_name = || config.name.to_string();
    signed_by_partner(config)?;
    check_url(url)?;
    let source = Source::try_from(config.clone()).map_err(|error| PackError::Source(Box::new(error)))?;
    let refused = |Refusal { key, why }| PackError::Inexpressible { source_name: source_name(), key, why };
    check_form(&source).map_err(refused)?;
    let recipe = Recipe::of(&source).map_err(refused)?;
    let events = Events::of(&source).map_err(refused)?;
    let vector = Vector::of(&source, &recipe, &events)
        .map_err(|why| PackError::Unproven { source_name: source_name(), why })?;
    let partner = Partner { source: &source, url, recipe, events, vector };
    let mut files = vec![
        File { path: "README.md", text: page::page(&partner) },
        File { path: "openapi.json", text: openapi::openapi(&partner) },
        File { path: "samples/body.json", text: partner.vector.body.clone() },
        File { path: "samples/vector.json", text: partner.vector.to_json(&partner.recipe) },
    ];
    files.extend(samples::samples(&partner));
    Ok(files)
}

/// A dialect of the source's own belongs to a partner, unless it is built on a provider's.
fn signed_by_partner(config: &SourceConfig) -> Result<(), PackError> {
    let base = match &config.dialect {
        DialectRef::BuiltIn(name) => Some(name.clone()),
        DialectRef::Own(text) => toml::from_str::<toml::Table>(text)
            .ok()
            .and_then(|table| table.get("extends")?.as_str().map(str::to_owned)),
    };
    match base {
        Some(dialect) if !FOR_PARTNERS.contains(&dialect.as_str()) => Err(PackError::SignedByProvider {
            source_name: config.name.to_string(),
            dialect,
            for_partners: FOR_PARTNERS.join(", "),
        }),
        _ => Ok(()),
    }
}

/// The URL stands in six languages and in JSON, so it holds nothing that one of them would have to escape.
fn check_url(url: &str) -> Result<(), PackError> {
    let wrong = |why| Err(PackError::Url { url: url.to_owned(), why });
    let Some((_, rest)) = url.split_once("://").filter(|(scheme, _)| ["https", "http"].contains(scheme))
    else {
        return wrong("it does not begin with https://, or http:// on a machine of your own");
    };
    if !url.bytes().all(|b| b.is_ascii_graphic() && !b"\"'\\`<>{}?#@|".contains(&b)) {
        return wrong(
            "it holds a space, a quote, a query or another character that an endpoint's URL has not",
        );
    }
    match rest.split_once('/') {
        Some((host, path)) if !host.is_empty() && !path.is_empty() && !path.ends_with('/') => Ok(()),
        _ => wrong("it has no host, or no path that ends with the source's name"),
    }
}

fn check_form(source: &Source) -> Result<(), Refusal> {
    if source.dialect.envelope.content != Content::Json {
        let why =
            "the body is no JSON, and the samples and the description of the endpoint are for JSON only";
        return Err(Refusal::new("envelope.content", why));
    }
    if source.dialect.answers.challenge.is_some() {
        let why =
            "the endpoint answers a provider's challenges, which a partner of ours does not ask: remove it";
        return Err(Refusal::new("answers.challenge", why));
    }
    Ok(())
}

/// JSON as a person reads it, with a line's end.
fn pretty(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
