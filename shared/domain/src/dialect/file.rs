//! A dialect as it is written: TOML, unvalidated. Unknown keys are refused everywhere.

mod api;
mod auth;
mod inherit;

use super::{DialectError, TimeForm};
use crate::fact::FundsMovement;
use crate::money::AmountForm;
use crate::translate::PaymentFact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use api::Authorization;
pub(super) use api::{Api, Fetch, Listing, Next, Reconcile, Settlement};
pub(super) use auth::{Algorithm, Auth, Certificate, Key, Scope, Shape, Signature, SignedTime, Token};
pub use auth::{Encoding, KeyDecoding, KeyDerivation, Mac};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pub(super) docs: Docs,
    pub(super) auth: Auth,
    pub(super) envelope: Envelope,
    #[serde(default)]
    pub(super) answers: Answers,
    #[serde(default)]
    pub(super) amounts: Amounts,
    pub(super) api: Option<Api>,
    #[serde(default)]
    pub(super) fetch: Vec<Fetch>,
    pub(super) facts: Vec<Rule>,
    pub(super) reconcile: Option<Reconcile>,
    pub(super) settlement: Option<Settlement>,
    #[serde(default)]
    pub(super) examples: Vec<Example>,
}

/// Something public that a source says about its endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it is and where it is found.
    pub about: String,
    /// What it looks like. The dialect's own examples are checked with it.
    pub example: String,
    /// What holds when a source does not say; without it, a source must.
    pub default: Option<String>,
}

/// What a person must know to set the provider up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Docs {
    /// Steps at the provider, in order.
    pub setup: Vec<String>,
    /// What surprises.
    pub quirks: Vec<String>,
    /// Where the facts are from.
    pub sources: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    #[serde(default)]
    pub(super) content: Content,
    pub(super) events: String,
    pub(super) id: NameFrom,
    #[serde(rename = "type")]
    pub(super) kind: KindFrom,
    pub(super) occurred_at: Option<At>,
    pub(super) livemode: Option<Livemode>,
    pub(super) meaning: Vec<String>,
}

/// What a body is written in. Whatever it is, its places are named by paths as if it were JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// JSON.
    #[default]
    Json,
    /// A URL-encoded form: an object of texts.
    Form,
    /// The query of a GET: an object of texts. Such a delivery has no body.
    Query,
    /// XML in base64 in a field of a form (Braintree): elements are keys, repeated or `type="array"` ones lists.
    FormXml {
        /// The field.
        field: String,
    },
}

/// Where a name is. A list of places means the first that holds something.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum NameFrom {
    Path(OneOrMany),
    Header(String),
    Constant(String),
    /// The parts, joined with `:`. Each is a place, or a list of places.
    Compose(Vec<OneOrMany>),
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a path such as \"$.type\", or { path = … }, { header = … }, { constant = … } or { compose = [ … ] }"
)]
pub(super) enum KindFrom {
    Path(String),
    From(NameFrom),
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a path such as \"$.livemode\", or { path = …, live = …, test = …, of = \"event\" or \"delivery\" }"
)]
pub(super) enum Livemode {
    Path(String),
    From(LivemodeFrom),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LivemodeFrom {
    pub(super) path: String,
    pub(super) live: String,
    pub(super) test: String,
    #[serde(default)]
    pub(super) of: LivemodeOf,
}

/// Whether each event says it, or the delivery for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LivemodeOf {
    /// Each event.
    #[default]
    Event,
    /// The delivery.
    Delivery,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct At {
    pub(super) path: String,
    #[serde(rename = "as")]
    pub(super) form: TimeForm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    pub(super) ok_body: String,
    pub(super) unauthentic_status: u16,
    pub(super) challenge: Option<Challenge>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { ok_body: String::new(), unauthentic_status: 401, challenge: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Challenge {
    pub(super) parameter: String,
    pub(super) hex_digits_min: usize,
    pub(super) hex_digits_max: usize,
    pub(super) answer: String,
}

/// How amounts are written, unless a rule says otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Amounts {
    pub(super) form: Option<AmountForm>,
    pub(super) currency: Option<String>,
    pub(super) exponents: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) on: Vec<String>,
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    pub(super) each: Option<String>,
    #[serde(default)]
    pub(super) goes_on: bool,
    pub(super) fact: FactName,
    pub(super) payment: Option<OneOrMany>,
    pub(super) id: Option<ItemName>,
    pub(super) amount: Option<String>,
    pub(super) form: Option<AmountForm>,
    pub(super) less: Option<Less>,
    pub(super) currency: Option<String>,
    pub(super) state: Option<State>,
    pub(super) movement: Option<FundsMovement>,
    pub(super) why: Option<String>,
}

/// What of an amount does not count: by how much `amount` is above `above`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Less {
    pub(super) amount: String,
    pub(super) above: String,
}

/// What must hold at a place of the event, or for a setting of the source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) path: Option<String>,
    pub(super) setting: Option<String>,
    pub(super) is: Option<OneOrMany>,
    pub(super) is_not: Option<OneOrMany>,
    pub(super) starts_with: Option<String>,
    pub(super) absent: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FactName {
    Initiated,
    RequiresAction,
    Pending,
    Authorized,
    Captured,
    CapturedPart,
    Failed,
    Canceled,
    Expired,
    CaptureReversed,
    Refunded,
    Refund,
    Dispute,
    DisputeFunds,
    Payout,
    Unclear,
}

/// What names an item: the first place that holds something, or several places together.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a text or a list of texts, such as \"$.id\" or [\"$.id\", \"$.object.id\"], or { compose = [ … ] }"
)]
pub(super) enum ItemName {
    Places(OneOrMany),
    Composed(Composed),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Composed {
    /// The parts, joined with `:`. Each is a place, or a list of places.
    pub(super) compose: Vec<OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a text, or a list of texts, such as \"$.id\" or [\"$.id\", \"$.object.id\"]"
)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn to_vec(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }

    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// A constant, or a value and its translation. The states themselves are read by the rule's own kind of fact.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a state, or { path = \"$.status\", map = { \"their word\" = \"our state\" } }"
)]
pub(super) enum State {
    Always(String),
    Mapped(Mapping),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    pub(super) path: String,
    pub(super) map: BTreeMap<String, String>,
}

/// A delivery, and what its events come to, in order. It is checked whenever the file is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows, in a few words.
    #[serde(default)]
    pub name: String,
    /// The body as it is sent; for a dialect of queries, the query.
    pub body: String,
    /// Headers that the events' names are read from.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the provider's API answers when it is asked for what the event is about.
    pub fetched: Option<String>,
    /// The facts, in order.
    pub facts: Vec<PaymentFact>,
}

/// Reads a file, with what it inherits.
pub(super) fn read(text: &str) -> Result<File, DialectError> {
    let syntax = |dialect: &str, error| DialectError::Syntax { dialect: dialect.to_owned(), error };
    let table: toml::Table = toml::from_str(text).map_err(|error| syntax("?", error))?;
    let name = table.get("name").and_then(toml::Value::as_str).unwrap_or("?").to_owned();
    match inherit::resolve(&name, table)? {
        inherit::Resolved::Inherited(table) => table.try_into().map_err(|error| syntax(&name, error)),
        // From the text, so that an error names the line.
        inherit::Resolved::Own => toml::from_str(text).map_err(|error| syntax(&name, error)),
    }
}

/// Reads a table, with what it inherits.
pub(super) fn of_table(table: &toml::Table) -> Result<File, DialectError> {
    let name = table.get("name").and_then(toml::Value::as_str).unwrap_or("?").to_owned();
    let table = match inherit::resolve(&name, table.clone())? {
        inherit::Resolved::Inherited(table) => table,
        inherit::Resolved::Own => table.clone(),
    };
    table.try_into().map_err(|error| DialectError::Syntax { dialect: name, error })
}
