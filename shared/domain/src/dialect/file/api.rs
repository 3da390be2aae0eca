//! `[api]`, `[[fetch]]` and `[reconcile]` as they are written.

use super::{At, Condition, Less, Mapping, OneOrMany};
use crate::dialect::TimeForm;
use crate::dialect::api::FetchInto;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How a call to a provider's API is authorized with the configured token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Authorization {
    /// `Authorization: Bearer <token>`.
    #[default]
    Bearer,
    /// `Authorization: Basic <base64 of token>`; the token is `user:password`.
    Basic,
    /// The token in a header of its own, in lower case.
    Header(String),
    /// OAuth 2 client credentials; the token is `client id:client secret`.
    Oauth2 {
        /// Path of the token endpoint.
        token_path: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Api {
    pub(in crate::dialect) base_url: String,
    pub(in crate::dialect) test_base_url: Option<String>,
    #[serde(default)]
    pub(in crate::dialect) authorization: Authorization,
    #[serde(default)]
    pub(in crate::dialect) headers: BTreeMap<String, String>,
    pub(in crate::dialect) calls_per_second: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Fetch {
    pub(in crate::dialect) on: Vec<String>,
    #[serde(default)]
    pub(in crate::dialect) when: Vec<Condition>,
    pub(in crate::dialect) path: String,
    #[serde(default)]
    pub(in crate::dialect) query: BTreeMap<String, String>,
    pub(in crate::dialect) into: FetchInto,
    pub(in crate::dialect) required: bool,
    pub(in crate::dialect) meaning: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Reconcile {
    pub(in crate::dialect) events: Option<Listing>,
    pub(in crate::dialect) payments: Listing,
    pub(in crate::dialect) payment: One,
}

/// `[settlement]`: what the provider kept and paid out, row by row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Settlement {
    pub(in crate::dialect) list: Listing,
    /// A report format, as a file of its own would have it.
    pub(in crate::dialect) rows: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct Listing {
    pub(in crate::dialect) path: String,
    #[serde(default)]
    pub(in crate::dialect) query: BTreeMap<String, String>,
    pub(in crate::dialect) since: Option<String>,
    pub(in crate::dialect) until: Option<String>,
    #[serde(default = "unix_s")]
    pub(in crate::dialect) time: TimeForm,
    pub(in crate::dialect) items: String,
    pub(in crate::dialect) created: At,
    #[serde(default)]
    pub(in crate::dialect) newest_first: bool,
    pub(in crate::dialect) next: Next,
}

fn unix_s() -> TimeForm {
    TimeForm::UnixS
}

/// How the next page is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::dialect) enum Next {
    AfterItem { parameter: String, id: String, more: String },
    Token { parameter: String, at: String },
    Page { parameter: String, first: u32, size: u32 },
    Offset { parameter: String, size: u32 },
    Link { at: String, more: Option<String> },
}

fn root() -> String {
    "$".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct One {
    pub(in crate::dialect) path: String,
    #[serde(default)]
    pub(in crate::dialect) query: BTreeMap<String, String>,
    #[serde(default = "root")]
    pub(in crate::dialect) object: String,
    pub(in crate::dialect) id: String,
    pub(in crate::dialect) prefix: String,
    pub(in crate::dialect) currency: String,
    pub(in crate::dialect) requested: String,
    pub(in crate::dialect) captured: OneOrMany,
    pub(in crate::dialect) capturable: Option<String>,
    pub(in crate::dialect) refunded: Option<String>,
    pub(in crate::dialect) refunded_less: Option<Less>,
    pub(in crate::dialect) status: Mapping,
    #[serde(default)]
    pub(in crate::dialect) status_when: Vec<StatusWhen>,
}

/// Statuses that mean something else where a setting of the source has this value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct StatusWhen {
    pub(in crate::dialect) setting: String,
    pub(in crate::dialect) is: String,
    pub(in crate::dialect) map: BTreeMap<String, String>,
}
