//! A provider as data: how it signs, where its fields are, what its events mean, how its books are listed.
//!
//! A dialect is a TOML file. [`Dialect::parse`] is the only way to make one: it reads the file into the unvalidated
//! shapes of [`file`](self) and compiles them, so that whoever holds a [`Dialect`] holds one that can verify
//! something, whose paths are paths and whose facts have every field they need.

mod compile;
mod examples;
mod file;

use crate::fact::{DisputeStage, FundsMovement, PayoutState, RefundState};
use crate::json::Path;
use crate::money::AmountForm;
use crate::payment::PaymentStatus;
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use file::{Encoding, KeyDecoding, Mac};

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
    /// What the events mean. The first rule that fits an event decides.
    pub facts: Vec<FactRule>,
    /// How the provider's own books are read, if it has a list API.
    pub reconcile: Option<Reconcile>,
}

/// How a delivery is proven authentic. There is no variant that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// How a configured secret becomes a key.
    pub key: Key,
    /// What was signed, in order.
    pub signed: Vec<Piece>,
    /// Where the signatures are.
    pub signature: Signature,
    /// Where the time of signing is, if the scheme has one.
    pub timestamp: Option<SignedTime>,
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A shared secret.
    Mac(Mac),
    /// A public key.
    Ed25519,
}

/// How a configured secret becomes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// A prefix that is not part of the key: `whsec_`.
    pub strip: String,
    /// How the rest is written.
    pub decode: KeyDecoding,
}

/// One piece of what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Literal(String),
    /// The timestamp, as it was written.
    Timestamp,
    /// The value of a header, as it was written.
    Header(String),
    /// The body, as it was received.
    Body,
}

/// Where the signatures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The header, in lower case.
    pub header: String,
    /// How the header's value is built.
    pub shape: Shape,
    /// How a signature is written.
    pub encoding: Encoding,
}

/// How a signature header is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The signature and nothing else, after a fixed prefix (which may be empty): `sha256=<hex>`.
    Plain {
        /// The prefix.
        prefix: String,
    },
    /// Named parts: `t=1,v1=<hex>,v1=<hex>`. Only parts with the given name count.
    Pairs {
        /// Between parts.
        separator: char,
        /// Between name and value.
        equals: char,
        /// Name of a signature part.
        signature: String,
        /// Name of the timestamp part.
        timestamp: String,
    },
    /// Versioned entries: `v1,<sig> v1a,<sig>`. Only entries of the given version count.
    Versioned {
        /// Between entries.
        separator: char,
        /// The version.
        version: String,
    },
}

/// Where the time of signing is and how old it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTime {
    /// Where.
    pub from: TimeFrom,
    /// Oldest age accepted, in seconds.
    pub past_seconds_max: i64,
    /// Furthest future accepted, in seconds.
    pub future_seconds_max: i64,
}

/// Where the time of signing is: always Unix seconds, in every scheme of the first version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFrom {
    /// The timestamp part of [`Shape::Pairs`].
    Signature,
    /// A header, in lower case.
    Header(String),
}

/// How a delivery is split into events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where the events are: `$`, or a path with `[*]`.
    pub events: Path,
    /// Where an event's id is.
    pub id: IdFrom,
    /// Where its type is.
    pub kind: Path,
    /// When it happened, by the provider's clock.
    pub occurred_at: Option<(Path, TimeForm)>,
    /// Whether it is of live mode.
    pub livemode: Option<Path>,
    /// The places whose content is the meaning of an event.
    pub meaning: Vec<Path>,
}

/// Where an event's id is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdFrom {
    /// In the event.
    Body(Path),
    /// In a header, in lower case. Only for a dialect with one event per delivery.
    Header(String),
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// Seconds since 1970 as a JSON integer.
    UnixS,
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
}

/// When an event of some type is a fact, and where the fact's fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactRule {
    /// Event types, exact.
    pub on: Vec<String>,
    /// Further conditions, all of which must hold.
    pub when: Vec<Condition>,
    /// Where the payment's reference is: the first place that holds something.
    pub payment: Vec<Path>,
    /// The fact.
    pub fact: FactForm,
}

/// A place that must hold one of some values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The place.
    pub path: Path,
    /// The values, as scalars are written.
    pub is: Vec<String>,
}

/// Which fact, and where its fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactForm {
    /// [`crate::fact::Fact::Initiated`].
    Initiated(AmountFrom),
    /// [`crate::fact::Fact::RequiresAction`].
    RequiresAction,
    /// [`crate::fact::Fact::Pending`].
    Pending,
    /// [`crate::fact::Fact::Authorized`].
    Authorized(AmountFrom),
    /// [`crate::fact::Fact::Captured`].
    Captured(AmountFrom),
    /// [`crate::fact::Fact::Failed`].
    Failed(Vec<Path>),
    /// [`crate::fact::Fact::Canceled`].
    Canceled,
    /// [`crate::fact::Fact::Expired`].
    Expired,
    /// [`crate::fact::Fact::CaptureReversed`].
    CaptureReversed(Vec<Path>, AmountFrom),
    /// [`crate::fact::Fact::Refunded`].
    Refunded(AmountFrom),
    /// [`crate::fact::Fact::Refund`].
    Refund(Vec<Path>, AmountFrom, StateFrom<RefundState>),
    /// [`crate::fact::Fact::Dispute`].
    Dispute(Vec<Path>, AmountFrom, StateFrom<DisputeStage>),
    /// [`crate::fact::Fact::DisputeFunds`].
    DisputeFunds(Vec<Path>, AmountFrom, FundsMovement),
    /// [`crate::fact::Fact::Payout`].
    Payout(Vec<Path>, AmountFrom, StateFrom<PayoutState>),
}

/// Where an amount is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountFrom {
    /// The number.
    pub amount: Path,
    /// The currency code.
    pub currency: Path,
    /// What of it does not count, if anything.
    pub less: Option<Excess>,
    /// How the number is written.
    pub form: AmountForm,
    /// Decimals that the provider uses where they differ from ISO 4217, by upper-case code.
    pub exponents: BTreeMap<String, u32>,
}

/// The part of an amount that does not count: by how much one place is above another. Stripe's running total of refunds,
/// for one, holds what a partial capture left and released, which was never taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The one.
    pub amount: Path,
    /// The other.
    pub above: Path,
}

/// Where a state comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateFrom<S> {
    /// The event type says it all.
    Always(S),
    /// A value of the event, translated. A value that is not listed parks the event.
    Mapped(Path, BTreeMap<String, S>),
}

/// How the provider's own books are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// Scheme and host, without a path: `https://api.stripe.com`.
    pub base_url: String,
    /// The list of events.
    pub events: Listing,
    /// The list of payments.
    pub payments: Listing,
    /// One payment: a path with `{id}`.
    pub payment_path: String,
    /// Query parameters of that call.
    pub payment_query: Vec<(String, String)>,
    /// Prefix of the references that name a payment in the list of payments (`pi_`): others are not looked up.
    pub payment_prefix: String,
    /// Where a payment's fields are.
    pub snapshot: SnapshotFrom,
}

/// One cursor-paged list, newest first or in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Path of the call.
    pub path: String,
    /// Fixed query parameters.
    pub query: Vec<(String, String)>,
    /// Query parameter of the window's start (inclusive, Unix seconds), where the API has one. Items outside the window
    /// are left out in any case.
    pub since: Option<String>,
    /// Query parameter of the window's end (exclusive, Unix seconds), where the API has one.
    pub until: Option<String>,
    /// Query parameter of the cursor.
    pub cursor: String,
    /// Where the items are.
    pub items: Path,
    /// Where an item's id, which is the next cursor, is.
    pub id: Path,
    /// Where an item's time is.
    pub created: (Path, TimeForm),
    /// Whether more pages follow.
    pub more: Path,
}

/// Where the fields of a payment as the provider lists it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFrom {
    /// Amount asked for.
    pub requested: AmountFrom,
    /// Amount taken, so far in all. Only read of a payment whose status says that money was taken.
    pub captured: AmountFrom,
    /// Amount that can still be captured; without it, what was asked for.
    pub capturable: Option<AmountFrom>,
    /// Amount given back, so far in all; absent in the answer means zero. Only read where `captured` is.
    pub refunded: Option<AmountFrom>,
    /// The status, translated.
    pub status: (Path, BTreeMap<String, PaymentStatus>),
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

/// The dialects that are built in, by name: `infra/providers/*.toml`.
const BUILT_IN: [(&str, &str); 4] = [
    ("stripe", include_str!("../../../infra/providers/stripe.toml")),
    ("standard-webhooks", include_str!("../../../infra/providers/standard-webhooks.toml")),
    ("standard-webhooks-ed25519", include_str!("../../../infra/providers/standard-webhooks-ed25519.toml")),
    ("partner-hmac", include_str!("../../../infra/providers/partner-hmac.toml")),
];

/// Each is compiled once: a hundred accounts at one provider share one dialect.
static COMPILED: [OnceLock<Dialect>; BUILT_IN.len()] = [const { OnceLock::new() }; BUILT_IN.len()];

impl Dialect {
    /// Reads and checks a dialect file.
    ///
    /// # Errors
    /// [`DialectError`] names the file's dialect, the key, the value and what to write instead.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        compile::compile(file::read(text)?)
    }

    /// A built-in dialect by name; nothing when there is none.
    ///
    /// # Errors
    /// [`DialectError`] when the built-in file itself is wrong, which a test rules out.
    pub fn built_in(name: &str) -> Result<Option<Self>, DialectError> {
        let Some(known) = BUILT_IN.iter().zip(&COMPILED).find(|((known, _), _)| *known == name) else {
            return Ok(None);
        };
        let ((_, text), compiled) = known;
        if let Some(dialect) = compiled.get() {
            return Ok(Some(dialect.clone()));
        }
        let dialect = Self::parse(text)?;
        Ok(Some(compiled.get_or_init(|| dialect).clone()))
    }

    /// The names of the built-in dialects.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.into_iter().map(|(name, _)| name)
    }

    /// The headers that are kept with an event: those that prove it or carry its id.
    #[must_use]
    pub fn kept_headers(&self) -> Vec<&str> {
        let mut kept = vec![self.auth.signature.header.as_str()];
        if let Some(SignedTime { from: TimeFrom::Header(header), .. }) = &self.auth.timestamp {
            kept.push(header);
        }
        for piece in &self.auth.signed {
            if let Piece::Header(header) = piece {
                kept.push(header);
            }
        }
        if let IdFrom::Header(header) = &self.envelope.id {
            kept.push(header);
        }
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}

fn built_in_text(name: &str) -> Option<&'static str> {
    BUILT_IN.into_iter().find(|(known, _)| *known == name).map(|(_, text)| text)
}

#[cfg(test)]
mod tests;
