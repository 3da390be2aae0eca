//! How a provider's own API is asked, as compiled from a dialect.

use super::TimeForm;
use super::facts::{AmountFrom, Condition};
use super::paging::Next;
use crate::json::Path;
use crate::payment::PaymentStatus;
use std::collections::BTreeMap;

pub use super::file::Authorization;

/// Where the provider's API is and how it knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Scheme and host, without a path: `https://api.stripe.com`.
    pub base_url: String,
    /// The same for sources in test mode, where the provider has another host for them.
    pub test_base_url: Option<String>,
    /// How a call is authorized.
    pub authorization: Authorization,
    /// Headers of every call, such as the API's version.
    pub headers: Vec<(String, String)>,
    /// Most calls a second, where the provider gives a limit that a list could reach.
    pub calls_per_second: Option<u16>,
}

/// An object that is asked for before an event of some type is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Event types, exact; `*` is every type that a rule is on.
    pub on: Vec<String>,
    /// Further conditions, all of which must hold.
    pub when: Vec<Condition>,
    /// The call's path, in parts.
    pub path: Vec<PathPart>,
    /// Its query parameters.
    pub query: Vec<(String, String)>,
    /// Where its answer goes.
    pub into: FetchInto,
    /// Whether the event means nothing without it. If not, it is done for sources that ask for it.
    pub is_required: bool,
    /// The places of what results whose content is its meaning: the same meaning is the same event again.
    pub meaning: Vec<Path>,
}

impl Fetch {
    /// Whether it is for events of this type.
    #[must_use]
    pub fn is_on(&self, kind: &str) -> bool {
        self.on.iter().any(|on| on == kind || on == "*")
    }
}

/// A part of an API path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// This text.
    Literal(String),
    /// A scalar of the event: letters, digits, `-`, `_`, `.` and `~` only.
    Field(Path),
}

/// Where the answer of a fetch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchInto {
    /// It stands beside what was delivered, as `$.fetched`.
    Fetched,
    /// It is the same event from the provider's own hand, and takes the place of what was delivered.
    Event,
}

/// How the provider's own books are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// The list of events, where the provider has one.
    pub events: Option<Listing>,
    /// The list of payments.
    pub payments: Listing,
    /// One payment: a path with `{id}`.
    pub payment_path: String,
    /// Query parameters of that call.
    pub payment_query: Vec<(String, String)>,
    /// Where the payment is in that call's answer.
    pub payment_object: Path,
    /// Where its reference is in it.
    pub payment_id: Path,
    /// Prefix of the references that name a payment in the list of payments (`pi_`): others are not looked up.
    pub payment_prefix: String,
    /// Where a payment's fields are.
    pub snapshot: SnapshotFrom,
}

/// How what the provider kept and paid out is read from its API, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementListing {
    /// The list.
    pub list: Listing,
    /// How its items are read: a report format of JSON lines, in TOML.
    pub format: String,
}

/// One list, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Path of the call.
    pub path: String,
    /// Fixed query parameters.
    pub query: Vec<(String, String)>,
    /// Query parameter of the window's start (inclusive), where the API has one. Items outside the window
    /// are left out in any case.
    pub since: Option<String>,
    /// Query parameter of the window's end (exclusive), where the API has one.
    pub until: Option<String>,
    /// How those instants are written.
    pub time: TimeForm,
    /// Where the items are.
    pub items: Path,
    /// Where an item's time is.
    pub created: (Path, TimeForm),
    /// Whether the newest come first: then nothing is read beyond the window's start.
    pub is_newest_first: bool,
    /// How the next page is asked for.
    pub next: Next,
}

/// Where the fields of a payment as the provider lists it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFrom {
    /// Amount asked for.
    pub requested: AmountFrom,
    /// Amount taken, so far in all: the first of these that is there. Only read of a payment whose status says that money
    /// was taken.
    pub captured: Vec<AmountFrom>,
    /// Amount that can still be captured; without it, what was asked for.
    pub capturable: Option<AmountFrom>,
    /// Amount given back, so far in all; absent in the answer means zero. Only read where `captured` is.
    pub refunded: Option<AmountFrom>,
    /// The status, translated.
    pub status: (Path, BTreeMap<String, PaymentStatus>),
}
