//! `[api]`, `[[fetch]]` and `[reconcile]`: a call can lead nowhere but to the provider.

use super::{Amount, Context, Part};
use crate::books::report::ReportFormat;
use crate::dialect::file;
use crate::dialect::paging::Next;
use crate::dialect::{
    Api, Authorization, DialectError, Fetch, Listing, PathPart, Reconcile, SettlementListing, SnapshotFrom,
};

impl Context {
    pub(super) fn api(&self, api: file::Api) -> Result<Api, DialectError> {
        self.base_url("api.base_url", &api.base_url)?;
        if let Some(url) = &api.test_base_url {
            self.base_url("api.test_base_url", url)?;
        }
        let authorization = match api.authorization {
            Authorization::Header(header) => {
                Authorization::Header(self.header("api.authorization.header", &header)?)
            }
            Authorization::Oauth2 { token_path } => {
                self.api_path("api.authorization.oauth2.token_path", &token_path)?;
                Authorization::Oauth2 { token_path }
            }
            other => other,
        };
        let headers = api.headers.into_iter();
        let headers = headers
            .map(|(name, value)| Ok((self.header("api.headers", &name)?, value)))
            .collect::<Result<_, _>>()?;
        if api.calls_per_second == Some(0) {
            return Err(self.wrong("api.calls_per_second", "it is 0: leave it out where there is no limit"));
        }
        Ok(Api {
            base_url: api.base_url,
            test_base_url: api.test_base_url,
            authorization,
            headers,
            calls_per_second: api.calls_per_second,
        })
    }

    fn base_url(&self, key: &str, url: &str) -> Result<(), DialectError> {
        let host = url.strip_prefix("https://").unwrap_or_default();
        if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) {
            return Ok(());
        }
        Err(self.wrong(key, format!("{url:?} is not scheme and host: write it like https://api.example.com")))
    }

    pub(super) fn fetch(&self, key: &str, fetch: file::Fetch) -> Result<Option<Fetch>, DialectError> {
        if fetch.on.is_empty() {
            return Err(self.wrong(&format!("{key}.on"), "it is an empty list: name at least one event type"));
        }
        let Some(when) = self.conditions(&format!("{key}.when"), fetch.when)? else { return Ok(None) };
        let path_key = format!("{key}.path");
        self.api_path(&path_key, &fetch.path)?;
        let mut path = Vec::new();
        for part in self.parts(&path_key, &fetch.path, "{$.id}")? {
            path.push(match part {
                Part::Literal(text) => PathPart::Literal(text),
                Part::Field("setting", Some(name)) => PathPart::Literal(self.setting(&path_key, name)?),
                Part::Field(place, None) if place.starts_with('$') => PathPart::Field(self.single_path(&path_key, place)?),
                Part::Field(name, _) => {
                    let why = format!("{{{name}}} is not a place of the event: write it like {{$.data.id}} or {{setting:NAME}}");
                    return Err(self.wrong(&path_key, why));
                }
            });
        }
        let meaning = fetch.meaning.iter().map(|path| self.path(&format!("{key}.meaning"), path));
        let meaning = meaning.collect::<Result<Vec<_>, _>>()?;
        if meaning.is_empty() {
            let why = "it is empty: name the places that tell one answer from another";
            return Err(self.wrong(&format!("{key}.meaning"), why));
        }
        Ok(Some(Fetch {
            on: fetch.on,
            when,
            path,
            query: fetch.query.into_iter().collect(),
            into: fetch.into,
            is_required: fetch.required,
            meaning,
        }))
    }

    pub(super) fn reconcile(&self, reconcile: file::Reconcile) -> Result<Reconcile, DialectError> {
        let mut one = reconcile.payment;
        for when in std::mem::take(&mut one.status_when) {
            if self.setting("reconcile.payment.status_when", &when.setting)? == when.is {
                one.status.map.extend(when.map);
            }
        }
        self.api_path("reconcile.payment.path", &one.path)?;
        if !one.path.contains("{id}") {
            let why = format!("{:?} lacks {{id}}: write it like /v1/payments/{{id}}", one.path);
            return Err(self.wrong("reconcile.payment.path", why));
        }
        let amount = |field: &str, path: &str, less: Option<&file::Less>| {
            let written = Amount { amount: path, less, currency: Some(&one.currency), form: None };
            self.amount(&format!("reconcile.payment.{field}"), written)
        };
        if one.refunded.is_none() && one.refunded_less.is_some() {
            let why = "there is no `refunded` that it could be taken from: add that, or remove this";
            return Err(self.wrong("reconcile.payment.refunded_less", why));
        }
        Ok(Reconcile {
            events: reconcile.events.map(|events| self.listing("reconcile.events", events)).transpose()?,
            payments: self.listing("reconcile.payments", reconcile.payments)?,
            payment_query: one.query.into_iter().collect(),
            payment_object: self.single_path("reconcile.payment.object", &one.object)?,
            payment_id: self.single_path("reconcile.payment.id", &one.id)?,
            payment_prefix: one.prefix,
            snapshot: SnapshotFrom {
                requested: amount("requested", &one.requested, None)?,
                captured: one
                    .captured
                    .to_vec()
                    .iter()
                    .map(|path| amount("captured", path, None))
                    .collect::<Result<_, _>>()?,
                capturable: one
                    .capturable
                    .as_deref()
                    .map(|path| amount("capturable", path, None))
                    .transpose()?,
                refunded: one
                    .refunded
                    .as_deref()
                    .map(|path| amount("refunded", path, one.refunded_less.as_ref()))
                    .transpose()?,
                status: (
                    self.single_path("reconcile.payment.status", &one.status.path)?,
                    self.states("reconcile.payment.status", one.status.map)?,
                ),
            },
            payment_path: one.path,
        })
    }

    pub(super) fn settlement(&self, settlement: file::Settlement) -> Result<SettlementListing, DialectError> {
        let list = self.listing("settlement.list", settlement.list)?;
        let mut rows = settlement.rows;
        rows.entry("title").or_insert_with(|| "settlement".into());
        rows.entry("format").or_insert_with(|| "json_lines".into());
        let wrong = |why: &dyn std::fmt::Display| self.wrong("settlement.rows", why.to_string());
        let format = toml::to_string(&rows).map_err(|error| wrong(&error))?;
        ReportFormat::parse(&format).map_err(|error| wrong(&error))?;
        Ok(SettlementListing { list, format })
    }

    /// A path is put behind the base URL: without its slash it could lead to another host.
    fn api_path(&self, key: &str, path: &str) -> Result<(), DialectError> {
        if path.starts_with('/') {
            return Ok(());
        }
        Err(self.wrong(key, format!("{path:?} does not begin with /: write it like /v1/payments")))
    }

    fn listing(&self, key: &str, listing: file::Listing) -> Result<Listing, DialectError> {
        self.api_path(&format!("{key}.path"), &listing.path)?;
        Ok(Listing {
            path: listing.path,
            query: listing.query.into_iter().collect(),
            since: listing.since,
            until: listing.until,
            time: listing.time,
            items: self.path(key, &listing.items)?,
            created: self.at(key, &listing.created)?,
            is_newest_first: listing.newest_first,
            next: self.next(&format!("{key}.next"), listing.next)?,
        })
    }

    fn next(&self, key: &str, next: file::Next) -> Result<Next, DialectError> {
        let full = |size: u32| {
            let why = "it is 0: a page that is not full is the last, so the size must be known";
            if size == 0 { Err(self.wrong(&format!("{key}.size"), why)) } else { Ok(size) }
        };
        Ok(match next {
            file::Next::AfterItem { parameter, id, more } => {
                let (id, more) = (self.single_path(key, &id)?, self.single_path(key, &more)?);
                Next::AfterItem { parameter, id, more }
            }
            file::Next::Token { parameter, at } => Next::Token { parameter, at: self.single_path(key, &at)? },
            file::Next::Page { parameter, first, size } => Next::Page { parameter, first, size: full(size)? },
            file::Next::Offset { parameter, size } => Next::Offset { parameter, size: full(size)? },
            file::Next::Link { at, more } => Next::Link {
                at: self.single_path(key, &at)?,
                more: more.map(|more| self.single_path(key, &more)).transpose()?,
            },
        })
    }
}
