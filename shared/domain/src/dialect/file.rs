//! A dialect as it is written: TOML, unvalidated. Unknown keys are refused everywhere.

use super::{BUILT_IN, DialectError, TimeForm, built_in_text};
use crate::fact::FundsMovement;
use crate::money::AmountForm;
use crate::translate::PaymentFact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mac {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// How the bytes of a key are written in the configured secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyDecoding {
    /// The text is the key.
    Utf8,
    /// Hex digits of either case.
    Hex,
    /// Base64; padding may be absent.
    Base64,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hex digits of either case.
    Hex,
    /// Base64 with padding.
    Base64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    #[expect(dead_code, reason = "it is for people: `countersign source list` shows the file")]
    pub(super) title: String,
    #[expect(dead_code, reason = "resolved on the TOML table before this shape is read")]
    pub(super) extends: Option<String>,
    pub(super) auth: Auth,
    pub(super) envelope: Envelope,
    #[serde(default)]
    pub(super) answers: Answers,
    #[serde(default)]
    pub(super) amounts: Amounts,
    pub(super) facts: Vec<Rule>,
    pub(super) reconcile: Option<Reconcile>,
    #[serde(default)]
    pub(super) examples: Vec<Example>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) algorithm: Algorithm,
    pub(super) key: Key,
    pub(super) signed: String,
    pub(super) signature: Signature,
    pub(super) timestamp: Option<SignedTime>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Algorithm {
    HmacSha256,
    HmacSha512,
    Ed25519,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    #[serde(default)]
    pub(super) strip: String,
    pub(super) decode: KeyDecoding,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    pub(super) header: String,
    pub(super) encoding: Encoding,
    pub(super) shape: Shape,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Shape {
    Plain {
        #[serde(default)]
        prefix: String,
    },
    Pairs {
        separator: char,
        equals: char,
        signature: String,
        timestamp: String,
    },
    Versioned {
        separator: char,
        version: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignedTime {
    pub(super) header: Option<String>,
    pub(super) past_seconds_max: i64,
    pub(super) future_seconds_max: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    pub(super) events: String,
    pub(super) id: IdFrom,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) occurred_at: Option<At>,
    pub(super) livemode: Option<String>,
    pub(super) meaning: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum IdFrom {
    Path(String),
    Header(String),
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
}

impl Default for Answers {
    fn default() -> Self {
        Self { ok_body: String::new(), unauthentic_status: 401 }
    }
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
    pub(super) fact: FactName,
    pub(super) payment: OneOrMany,
    pub(super) id: Option<OneOrMany>,
    pub(super) amount: Option<String>,
    pub(super) less: Option<Less>,
    pub(super) currency: Option<String>,
    pub(super) state: Option<State>,
    pub(super) movement: Option<FundsMovement>,
}

/// What of an amount does not count: by how much `amount` is above `above`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Less {
    pub(super) amount: String,
    pub(super) above: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) path: String,
    pub(super) is: OneOrMany,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FactName {
    Initiated,
    RequiresAction,
    Pending,
    Authorized,
    Captured,
    Failed,
    Canceled,
    Expired,
    CaptureReversed,
    Refunded,
    Refund,
    Dispute,
    DisputeFunds,
    Payout,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reconcile {
    pub(super) base_url: String,
    pub(super) events: Listing,
    pub(super) payments: Listing,
    pub(super) payment: One,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    pub(super) path: String,
    #[serde(default)]
    pub(super) query: BTreeMap<String, String>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) cursor: String,
    pub(super) items: String,
    pub(super) id: String,
    pub(super) created: At,
    pub(super) more: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    pub(super) path: String,
    #[serde(default)]
    pub(super) query: BTreeMap<String, String>,
    pub(super) prefix: String,
    pub(super) currency: String,
    pub(super) requested: String,
    pub(super) captured: String,
    pub(super) capturable: Option<String>,
    pub(super) refunded: Option<String>,
    pub(super) refunded_less: Option<Less>,
    pub(super) status: Mapping,
}

/// A body, and what its events come to, in order. It is checked whenever the file is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    pub(super) body: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) facts: Vec<PaymentFact>,
}

/// Reads a file; with `extends`, every top-level key it leaves out is the base's. Examples are each file's own: a base's
/// need not hold for what was built on it.
pub(super) fn read(text: &str) -> Result<File, DialectError> {
    let syntax = |dialect: &str, error| DialectError::Syntax { dialect: dialect.to_owned(), error };
    let mut table: toml::Table = toml::from_str(text).map_err(|error| syntax("?", error))?;
    let name = table.get("name").and_then(toml::Value::as_str).unwrap_or("?").to_owned();
    if let Some(base) = table.get("extends").and_then(toml::Value::as_str) {
        let Some(base_text) = built_in_text(base) else {
            let known = BUILT_IN.map(|(name, _)| name).join(", ");
            return Err(DialectError::UnknownBase { dialect: name, base: base.to_owned(), known });
        };
        for (key, value) in toml::from_str::<toml::Table>(base_text).map_err(|error| syntax(base, error))? {
            if key != "examples" {
                table.entry(key).or_insert(value);
            }
        }
        return table.try_into().map_err(|error| syntax(&name, error));
    }
    toml::from_str(text).map_err(|error| syntax(&name, error))
}
