//! A provider as data: how it signs, where its fields are, what its events mean, how its books are listed.
//!
//! A dialect is a TOML file. [`Dialect::parse`] and [`Dialect::for_source`] are the only ways to make one: they read the
//! file into the unvalidated shapes of [`file`](self) and compile them, so that whoever holds a [`Dialect`] holds one that
//! can verify something, whose paths are paths and whose facts have every field they need.

mod api;
mod auth;
mod catalogue;
mod compile;
mod examples;
mod facts;
mod file;
#[cfg(test)]
mod page;
pub mod paging;

use crate::json::{Path, Place};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

pub use api::{
    Api, Authorization, Fetch, FetchInto, Listing, PathPart, Reconcile, SettlementListing, SnapshotFrom,
};
pub use auth::{
    Algorithm, Auth, Certificate, Encoding, Key, KeyDecoding, KeyDerivation, Mac, Piece, Scope, Shape,
    Signature, SignatureFrom, Signed, SignedTime, TimeFrom, TokenFrom,
};
pub use catalogue::built_in_names;
pub use facts::{AmountFrom, Condition, CurrencyFrom, Excess, FactForm, FactRule, ItemFrom, StateFrom, Test};
pub use file::{Content, Docs, Example, LivemodeOf, Setting};

use catalogue::{BUILT_IN, built_in_text};

/// The settings of a source, by the names that its dialect declares.
pub type Settings = BTreeMap<String, String>;

/// A checked and compiled dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Its name: `stripe`.
    pub name: String,
    /// How a delivery is proven authentic.
    pub auth: Auth,
    /// How a delivery is split into events.
    pub envelope: Envelope,
    /// What is answered.
    pub answers: Answers,
    /// Where the provider's API is, if it is ever asked.
    pub api: Option<Api>,
    /// What is asked for before an event is understood. The first that fits an event decides.
    pub fetches: Vec<Fetch>,
    /// What the events mean. The first rule that fits an event decides, unless it goes on.
    pub facts: Vec<FactRule>,
    /// How the provider's own books are read, if it has a list API.
    pub reconcile: Option<Reconcile>,
    /// How what it kept and paid out is read, if its API lists that.
    pub settlement: Option<SettlementListing>,
}

/// What a person may want to know of a dialect, beside what it does.
#[derive(Clone, Debug)]
pub struct Description {
    /// The provider, for people.
    pub title: String,
    /// How to set it up.
    pub docs: Docs,
    /// What a source says about its endpoint, by name.
    pub settings: BTreeMap<String, Setting>,
    /// Deliveries, and what they come to.
    pub examples: Vec<Example>,
}

/// How a delivery is split into events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What a body is written in.
    pub content: Content,
    /// Where the events are: `$`, or a path with `[*]`.
    pub events: Path,
    /// Where an event's id is.
    pub id: NameFrom,
    /// Where its type is.
    pub kind: NameFrom,
    /// When it happened, by the provider's clock.
    pub occurred_at: Option<(Path, TimeForm)>,
    /// Whether it is of live mode.
    pub livemode: Option<Livemode>,
    /// The places whose content is the meaning of an event.
    pub meaning: Vec<Path>,
}

/// Where the name of an event or of its type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFrom {
    /// In the event: the first place that holds something.
    Body(Vec<Place>),
    /// In a header, in lower case. Only for a dialect with one event per delivery.
    Header(String),
    /// Always this. Only for a type.
    Constant(String),
    /// Of several parts, joined with `:`. All of them must be there.
    Compose(Vec<Vec<Place>>),
}

/// Where it says whether an event is of live mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Livemode {
    /// Where.
    pub path: Path,
    /// What stands there for real money.
    pub live: String,
    /// What stands there for play money.
    pub test: String,
    /// Whether each event says it, or the delivery for all.
    pub of: LivemodeOf,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// Seconds since 1970 as a whole number.
    UnixS,
    /// Milliseconds since 1970 as a whole number.
    UnixMs,
    /// RFC 3339 with any offset and any precision.
    Rfc3339,
}

/// What is answered where the provider wants something else than the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Body of a 200.
    pub ok_body: String,
    /// Status of a delivery that is not authentic: 401 or 400.
    pub unauthentic_status: u16,
    /// A question that the provider asks before it sends anything.
    pub challenge: Option<Challenge>,
}

/// A GET with a random text, answered with proof that we hold the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Query parameter of the text.
    pub parameter: String,
    /// Fewest hex digits of the text: a text of another form is not signed, or the endpoint would sign anything.
    pub hex_digits_min: usize,
    /// Most hex digits of the text.
    pub hex_digits_max: usize,
    /// What stands before the signature in the answer.
    pub before: String,
}

/// Why a file is not a dialect.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// Not TOML, an unknown key, a missing key, a wrong type: the parser names the place and what may stand there.
    #[error("dialect {dialect}: {}", .error.to_string().trim_end())]
    Syntax {
        /// The dialect, or `?` when not even its name can be read.
        dialect: String,
        /// What the parser says.
        #[source]
        error: toml::de::Error,
    },
    /// A value that cannot work.
    #[error("dialect {dialect}: {key}: {why}")]
    Value {
        /// The dialect.
        dialect: String,
        /// The key.
        key: String,
        /// What is wrong and what to write instead.
        why: String,
    },
    /// `extends` names a dialect that is not there.
    #[error("dialect {dialect}: extends = {base:?}, which is no built-in dialect: name one of {known}")]
    UnknownBase {
        /// The dialect.
        dialect: String,
        /// The base it asks for.
        base: String,
        /// The dialects there are.
        known: String,
    },
}

/// Each is compiled once: a hundred accounts at one provider share one dialect.
static COMPILED: [OnceLock<Arc<Dialect>>; BUILT_IN.len()] = [const { OnceLock::new() }; BUILT_IN.len()];

/// Whether each declares settings, once that was read: then each source has to be compiled by itself.
static DECLARES: [OnceLock<bool>; BUILT_IN.len()] = [const { OnceLock::new() }; BUILT_IN.len()];

impl Dialect {
    /// Reads and checks a dialect file as a catalogue entry: its settings have the values of its own examples.
    ///
    /// # Errors
    /// [`DialectError`] names the file's dialect, the key, the value and what to write instead.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        compile::compile(file::read(text)?, None)
    }

    /// Reads and checks a dialect file for one source, with that source's settings.
    ///
    /// # Errors
    /// [`DialectError`], also for a setting that is missing or that the dialect does not know.
    pub fn for_source(text: &str, settings: &Settings) -> Result<Self, DialectError> {
        let file = file::read(text)?;
        // The examples hold for the settings that they were written with.
        let is_true = compile::compile(file::read(text)?, None)?;
        drop(is_true);
        compile::compile(file, Some(settings))
    }

    /// Reads and checks a dialect that stands in another TOML file, for one source: an error names the key, for the lines
    /// of the file are not the dialect's.
    ///
    /// # Errors
    /// [`DialectError`], as [`Dialect::for_source`].
    pub fn of_table(table: &toml::Table, settings: &Settings) -> Result<Self, DialectError> {
        compile::compile(file::of_table(table)?, None)?;
        compile::compile(file::of_table(table)?, Some(settings))
    }

    /// A built-in dialect by name; nothing when there is none.
    ///
    /// # Errors
    /// [`DialectError`] when the built-in file itself is wrong, which a test rules out.
    pub fn built_in(name: &str) -> Result<Option<Arc<Self>>, DialectError> {
        let Some(known) = BUILT_IN.iter().zip(&COMPILED).find(|((known, _), _)| *known == name) else {
            return Ok(None);
        };
        let ((_, text), compiled) = known;
        if let Some(dialect) = compiled.get() {
            return Ok(Some(Arc::clone(dialect)));
        }
        let dialect = Arc::new(Self::parse(text)?);
        Ok(Some(Arc::clone(compiled.get_or_init(|| dialect))))
    }

    /// A built-in dialect for one source, with that source's settings; nothing when there is none of that name.
    ///
    /// # Errors
    /// [`DialectError`] for a setting that is missing or that the dialect does not know.
    pub fn built_in_for_source(name: &str, settings: &Settings) -> Result<Option<Arc<Self>>, DialectError> {
        let Some(known) = BUILT_IN.iter().zip(&DECLARES).find(|((known, _), _)| *known == name) else {
            return Ok(None);
        };
        let ((_, text), declares) = known;
        let is_plain = settings.is_empty() && declares.get() == Some(&false);
        if is_plain {
            return Self::built_in(name);
        }
        let file = file::read(text)?;
        let declares = *declares.get_or_init(|| !file.settings.is_empty());
        if !declares && settings.is_empty() {
            return Self::built_in(name);
        }
        compile::compile(file, Some(settings)).map(|dialect| Some(Arc::new(dialect)))
    }

    /// What a dialect file says to people.
    ///
    /// # Errors
    /// [`DialectError`] when it cannot be read.
    pub fn describe(text: &str) -> Result<Description, DialectError> {
        let file::File { title, docs, settings, examples, .. } = file::read(text)?;
        Ok(Description { title, docs, settings, examples })
    }

    /// The text of a built-in dialect.
    #[must_use]
    pub fn built_in_text(name: &str) -> Option<&'static str> {
        built_in_text(name)
    }

    /// The names of the built-in dialects.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        built_in_names()
    }

    /// The headers that are kept with an event: those that prove it or carry its names.
    #[must_use]
    pub fn kept_headers(&self) -> Vec<&str> {
        let mut kept = self.auth.headers();
        for name in [&self.envelope.id, &self.envelope.kind] {
            if let NameFrom::Header(header) = name {
                kept.push(header);
            }
        }
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}

#[cfg(test)]
mod tests;
