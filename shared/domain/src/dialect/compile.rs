//! From what is written to what works: every path is parsed, every fact has its fields, every scheme proves something.

mod rules;

use super::file::{self, File};
use super::{
    Algorithm, AmountFrom, Answers, Auth, Dialect, DialectError, Envelope, Excess, IdFrom, Key, KeyDecoding,
    Listing, Mac, Piece, Reconcile, Shape, Signature, SignedTime, SnapshotFrom, TimeForm, TimeFrom, examples,
};
use crate::json::Path;
use crate::money::{AmountForm, Currency};
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;
use std::collections::BTreeMap;

/// Most decimals of any currency: ISO 4217 itself goes up to four.
const EXPONENT_MAX: u32 = 6;

pub(super) fn compile(file: File) -> Result<Dialect, DialectError> {
    let context = Context { dialect: file.name.clone(), amounts: file.amounts };
    context.exponents()?;
    let auth = context.auth(file.auth)?;
    let envelope = context.envelope(file.envelope)?;
    let answers = context.answers(file.answers)?;
    let mut facts = Vec::new();
    for (at, rule) in file.facts.into_iter().enumerate() {
        facts.push(context.rule(&format!("facts[{at}]"), rule)?);
    }
    if facts.is_empty() {
        return Err(context
            .wrong("facts", "it is empty: a source that maps nothing moves no payment, so give a rule"));
    }
    let reconcile = file.reconcile.map(|reconcile| context.reconcile(reconcile)).transpose()?;
    let dialect = Dialect { name: file.name, auth, envelope, answers, facts, reconcile };
    for (at, example) in file.examples.iter().enumerate() {
        let wrong = |(key, why)| context.wrong(&format!("examples[{at}].{key}"), why);
        examples::check(&dialect, example).map_err(wrong)?;
    }
    Ok(dialect)
}

struct Context {
    dialect: String,
    amounts: file::Amounts,
}

impl Context {
    fn wrong(&self, key: &str, why: impl Into<String>) -> DialectError {
        DialectError::Value { dialect: self.dialect.clone(), key: key.to_owned(), why: why.into() }
    }

    fn path(&self, key: &str, text: &str) -> Result<Path, DialectError> {
        Path::parse(text).map_err(|e| self.wrong(key, e.to_string()))
    }

    fn single_path(&self, key: &str, text: &str) -> Result<Path, DialectError> {
        let path = self.path(key, text)?;
        if path.is_many() {
            return Err(
                self.wrong(key, format!("{text:?} may lead to several places: name one, such as [0]"))
            );
        }
        Ok(path)
    }

    fn single_paths(&self, key: &str, texts: file::OneOrMany) -> Result<Vec<Path>, DialectError> {
        let texts = texts.into_vec();
        if texts.is_empty() {
            return Err(self.wrong(key, "it is an empty list: give at least one path"));
        }
        texts.iter().map(|text| self.single_path(key, text)).collect()
    }

    /// An exponent under a name that no amount can have would be passed over in silence.
    fn exponents(&self) -> Result<(), DialectError> {
        const KEY: &str = "amounts.exponents";
        for (code, exponent) in &self.amounts.exponents {
            if Currency::from_code(code).map(Currency::code).ok() != Some(code.as_str()) {
                let why = format!(
                    "{code:?} is not an ISO 4217 currency with minor units: write its code in upper case"
                );
                return Err(self.wrong(KEY, why));
            }
            if *exponent > EXPONENT_MAX {
                let why = format!("{code} = {exponent} is too many decimals: give 0 to {EXPONENT_MAX}");
                return Err(self.wrong(KEY, why));
            }
        }
        Ok(())
    }

    fn header(&self, key: &str, name: &str) -> Result<String, DialectError> {
        let lower = name.to_ascii_lowercase();
        if lower.is_empty() || !lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(self
                .wrong(key, format!("{name:?} is not a header name: letters, digits, - and _ are allowed")));
        }
        Ok(lower)
    }

    fn auth(&self, auth: file::Auth) -> Result<Auth, DialectError> {
        let algorithm = match auth.algorithm {
            file::Algorithm::HmacSha256 => Algorithm::Mac(Mac::HmacSha256),
            file::Algorithm::HmacSha512 => Algorithm::Mac(Mac::HmacSha512),
            file::Algorithm::Ed25519 => Algorithm::Ed25519,
        };
        if algorithm == Algorithm::Ed25519 && auth.key.decode == KeyDecoding::Utf8 {
            let why = "\"utf8\" is text, and an Ed25519 public key is bytes: use \"base64\" or \"hex\"";
            return Err(self.wrong("auth.key.decode", why));
        }
        let signature = Signature {
            header: self.header("auth.signature.header", &auth.signature.header)?,
            shape: self.shape(auth.signature.shape)?,
            encoding: auth.signature.encoding,
        };
        let timestamp = auth.timestamp.map(|time| self.signed_time(time, &signature.shape)).transpose()?;
        let signed = self.pieces(&auth.signed)?;
        if !signed.contains(&Piece::Body) {
            let why = "lacks {body}: a signature that leaves the body out proves nothing, so add it";
            return Err(self.wrong("auth.signed", format!("{:?} {why}", auth.signed)));
        }
        if signed.contains(&Piece::Timestamp) != timestamp.is_some() {
            let why = match timestamp {
                Some(_) => {
                    "lacks {timestamp}: a time that is not signed proves nothing, so add it or remove [auth.timestamp]"
                }
                None => "has {timestamp}, but nothing says where it is: add [auth.timestamp] or remove it",
            };
            return Err(self.wrong("auth.signed", format!("{:?} {why}", auth.signed)));
        }
        let key = Key { strip: auth.key.strip, decode: auth.key.decode };
        Ok(Auth { algorithm, key, signed, signature, timestamp })
    }

    fn shape(&self, shape: file::Shape) -> Result<Shape, DialectError> {
        const KEY: &str = "auth.signature.shape";
        Ok(match shape {
            file::Shape::Plain { prefix } => Shape::Plain { prefix },
            file::Shape::Pairs { separator, equals, signature, timestamp } => {
                if signature.is_empty() || signature == timestamp {
                    let why = format!(
                        "signature = {signature:?} and timestamp = {timestamp:?}: give two different names"
                    );
                    return Err(self.wrong(KEY, why));
                }
                if separator == equals {
                    let why =
                        format!("separator and equals are both {separator:?}: give two different characters");
                    return Err(self.wrong(KEY, why));
                }
                Shape::Pairs { separator, equals, signature, timestamp }
            }
            file::Shape::Versioned { separator, version } => {
                if version.is_empty() || version.contains([',', separator]) {
                    let why = format!(
                        "version = {version:?} is not a word: write it as it stands before the comma, like v1"
                    );
                    return Err(self.wrong(KEY, why));
                }
                if separator == ',' {
                    let why = "separator = ',' also stands between version and signature: give another, such as ' '";
                    return Err(self.wrong(KEY, why));
                }
                Shape::Versioned { separator, version }
            }
        })
    }

    fn signed_time(&self, time: file::SignedTime, shape: &Shape) -> Result<SignedTime, DialectError> {
        const KEY: &str = "auth.timestamp.header";
        let from = match (time.header, shape) {
            (Some(header), _) => TimeFrom::Header(self.header(KEY, &header)?),
            (None, Shape::Pairs { .. }) => TimeFrom::Signature,
            (None, Shape::Plain { .. } | Shape::Versioned { .. }) => {
                return Err(self.wrong(
                    KEY,
                    "it is absent, and only the shape `pairs` has a time of its own: name a header",
                ));
            }
        };
        for (name, seconds) in
            [("past_seconds_max", time.past_seconds_max), ("future_seconds_max", time.future_seconds_max)]
        {
            if !(1..=3600).contains(&seconds) {
                return Err(self.wrong(
                    &format!("auth.timestamp.{name}"),
                    format!("{seconds} s is not within 1 to 3600 s"),
                ));
            }
        }
        Ok(SignedTime {
            from,
            past_seconds_max: time.past_seconds_max,
            future_seconds_max: time.future_seconds_max,
        })
    }

    /// Reads `{header:webhook-id}.{timestamp}.{body}`.
    fn pieces(&self, template: &str) -> Result<Vec<Piece>, DialectError> {
        const KEY: &str = "auth.signed";
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(|| {
                self.wrong(KEY, format!("{template:?} has a {{ that is not closed: write {{body}}"))
            })?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            pieces.push(match name.split_once(':') {
                None if name == "body" => Piece::Body,
                None if name == "timestamp" => Piece::Timestamp,
                Some(("header", header)) => Piece::Header(self.header(KEY, header)?),
                _ => {
                    let why =
                        format!("{{{name}}} is unknown: use {{body}}, {{timestamp}} or {{header:NAME}}");
                    return Err(self.wrong(KEY, why));
                }
            });
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(pieces)
    }

    fn envelope(&self, envelope: file::Envelope) -> Result<Envelope, DialectError> {
        let events = self.path("envelope.events", &envelope.events)?;
        let id = match envelope.id {
            file::IdFrom::Path(path) => IdFrom::Body(self.single_path("envelope.id", &path)?),
            file::IdFrom::Header(header) if events.is_many() => {
                let why = format!("the header {header} cannot name each of several events: give a path");
                return Err(self.wrong("envelope.id", why));
            }
            file::IdFrom::Header(header) => IdFrom::Header(self.header("envelope.id", &header)?),
        };
        if envelope.meaning.is_empty() {
            return Err(self
                .wrong("envelope.meaning", "it is empty: name the places that tell one event from another"));
        }
        let meaning = envelope
            .meaning
            .iter()
            .map(|path| self.path("envelope.meaning", path))
            .collect::<Result<_, _>>()?;
        Ok(Envelope {
            events,
            id,
            kind: self.single_path("envelope.type", &envelope.kind)?,
            occurred_at: envelope.occurred_at.map(|at| self.at("envelope.occurred_at", &at)).transpose()?,
            livemode: envelope
                .livemode
                .map(|path| self.single_path("envelope.livemode", &path))
                .transpose()?,
            meaning,
        })
    }

    fn at(&self, key: &str, at: &file::At) -> Result<(Path, TimeForm), DialectError> {
        Ok((self.single_path(key, &at.path)?, at.form))
    }

    fn answers(&self, answers: file::Answers) -> Result<Answers, DialectError> {
        let file::Answers { ok_body, unauthentic_status } = answers;
        if ![400, 401].contains(&unauthentic_status) {
            let why = format!("{unauthentic_status} is neither 401 nor 400: use one of them");
            return Err(self.wrong("answers.unauthentic_status", why));
        }
        Ok(Answers { ok_body, unauthentic_status })
    }

    fn amount(
        &self,
        key: &str,
        amount: &str,
        less: Option<&file::Less>,
        currency: Option<&str>,
    ) -> Result<AmountFrom, DialectError> {
        let currency = currency.or(self.amounts.currency.as_deref());
        let currency = currency
            .ok_or_else(|| self.wrong(key, "it has no currency: add `currency` here or in [amounts]"))?;
        let less = less.map(|less| {
            let (amount, above) = (self.single_path(key, &less.amount)?, self.single_path(key, &less.above)?);
            Ok(Excess { amount, above })
        });
        Ok(AmountFrom {
            amount: self.single_path(key, amount)?,
            currency: self.single_path(key, currency)?,
            less: less.transpose()?,
            form: self.amounts.form.unwrap_or(AmountForm::MinorInt),
            exponents: self.amounts.exponents.clone(),
        })
    }

    fn reconcile(&self, reconcile: file::Reconcile) -> Result<Reconcile, DialectError> {
        if !reconcile.base_url.starts_with("https://") || reconcile.base_url.ends_with('/') {
            let why = format!(
                "{:?} is not scheme and host: write it like https://api.example.com",
                reconcile.base_url
            );
            return Err(self.wrong("reconcile.base_url", why));
        }
        let one = reconcile.payment;
        self.api_path("reconcile.payment.path", &one.path)?;
        if !one.path.contains("{id}") {
            let why = format!("{:?} lacks {{id}}: write it like /v1/payments/{{id}}", one.path);
            return Err(self.wrong("reconcile.payment.path", why));
        }
        let amount = |field: &str, path: &str, less: Option<&file::Less>| {
            self.amount(&format!("reconcile.payment.{field}"), path, less, Some(&one.currency))
        };
        if one.refunded.is_none() && one.refunded_less.is_some() {
            let why = "there is no `refunded` that it could be taken from: add that, or remove this";
            return Err(self.wrong("reconcile.payment.refunded_less", why));
        }
        Ok(Reconcile {
            base_url: reconcile.base_url,
            events: self.listing("reconcile.events", reconcile.events)?,
            payments: self.listing("reconcile.payments", reconcile.payments)?,
            payment_query: one.query.into_iter().collect(),
            payment_prefix: one.prefix,
            snapshot: SnapshotFrom {
                requested: amount("requested", &one.requested, None)?,
                captured: amount("captured", &one.captured, None)?,
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
            cursor: listing.cursor,
            items: self.path(key, &listing.items)?,
            id: self.single_path(key, &listing.id)?,
            created: self.at(key, &listing.created)?,
            more: self.single_path(key, &listing.more)?,
        })
    }

    fn state<S: DeserializeOwned>(&self, key: &str, name: &str) -> Result<S, DialectError> {
        let deserializer: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        S::deserialize(deserializer).map_err(|e| self.wrong(key, e.to_string()))
    }

    fn states<S: DeserializeOwned>(
        &self,
        key: &str,
        map: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, S>, DialectError> {
        if map.is_empty() {
            return Err(
                self.wrong(key, "the map is empty, so every event would be set aside: map each value")
            );
        }
        map.into_iter().map(|(from, to)| Ok((from, self.state(key, &to)?))).collect()
    }
}
