//! From what is written to what works: every path is parsed, every fact has its fields, every scheme proves something.

use super::file::{self, FactName, File, State};
use super::{
    Algorithm, AmountFrom, Answers, Auth, Condition, Dialect, DialectError, Envelope, FactForm, FactRule, IdFrom, Key,
    KeyDecoding, Listing, Mac, Piece, Reconcile, Shape, Signature, SignedTime, SnapshotFrom, StateFrom, TimeForm,
    TimeFrom,
};
use crate::json::Path;
use crate::money::AmountForm;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;
use std::collections::BTreeMap;

pub(super) fn compile(file: File) -> Result<Dialect, DialectError> {
    let context = Context { dialect: file.name.clone(), amounts: file.amounts };
    let auth = context.auth(file.auth)?;
    let envelope = context.envelope(file.envelope)?;
    let answers = context.answers(file.answers)?;
    let mut facts = Vec::new();
    for (at, rule) in file.facts.into_iter().enumerate() {
        facts.push(context.rule(&format!("facts[{at}]"), rule)?);
    }
    if facts.is_empty() {
        return Err(context.wrong("facts", "there is none: a source that maps nothing moves no payment"));
    }
    let reconcile = file.reconcile.map(|reconcile| context.reconcile(reconcile)).transpose()?;
    Ok(Dialect { name: file.name, auth, envelope, answers, facts, reconcile })
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
            return Err(self.wrong(key, format!("{text} may lead to several places: name one, such as [0]")));
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

    fn header(&self, key: &str, name: &str) -> Result<String, DialectError> {
        let lower = name.to_ascii_lowercase();
        if lower.is_empty() || !lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(self.wrong(key, format!("{name:?} is not a header name")));
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
            return Err(self.wrong("auth.key.decode", "an Ed25519 public key is bytes: use \"base64\" or \"hex\""));
        }
        let signature = Signature {
            header: self.header("auth.signature.header", &auth.signature.header)?,
            shape: self.shape(auth.signature.shape)?,
            encoding: auth.signature.encoding,
        };
        let timestamp = auth.timestamp.map(|time| self.signed_time(time, &signature.shape)).transpose()?;
        let signed = self.pieces(&auth.signed)?;
        if !signed.contains(&Piece::Body) {
            return Err(self.wrong("auth.signed", "it lacks {body}: a signature that leaves the body out proves nothing"));
        }
        if signed.contains(&Piece::Timestamp) != timestamp.is_some() {
            let why = "{timestamp} and [auth.timestamp] go together: a time that is not signed proves nothing";
            return Err(self.wrong("auth.signed", why));
        }
        let key = Key { strip: auth.key.strip, decode: auth.key.decode };
        Ok(Auth { algorithm, key, signed, signature, timestamp })
    }

    fn shape(&self, shape: file::Shape) -> Result<Shape, DialectError> {
        const KEY: &str = "auth.signature.shape";
        Ok(match shape {
            file::Shape::Plain { prefix } => Shape::Plain { prefix },
            file::Shape::Pairs { separator, equals, signature, timestamp } => {
                if signature.is_empty() || signature == timestamp || separator == equals {
                    return Err(self.wrong(KEY, "signature, timestamp, separator and equals must differ"));
                }
                Shape::Pairs { separator, equals, signature, timestamp }
            }
            file::Shape::Versioned { separator, version } => {
                if version.is_empty() || version.contains(',') || separator == ',' {
                    return Err(self.wrong(KEY, "a version is a word, and entries are not separated by a comma"));
                }
                Shape::Versioned { separator, version }
            }
        })
    }

    fn signed_time(&self, time: file::SignedTime, shape: &Shape) -> Result<SignedTime, DialectError> {
        const KEY: &str = "auth.timestamp";
        let from = match (time.header, shape) {
            (Some(header), _) => TimeFrom::Header(self.header(KEY, &header)?),
            (None, Shape::Pairs { .. }) => TimeFrom::Signature,
            (None, Shape::Plain { .. } | Shape::Versioned { .. }) => {
                return Err(self.wrong(KEY, "this signature shape has no timestamp of its own: name a header"));
            }
        };
        for seconds in [time.past_seconds_max, time.future_seconds_max] {
            if !(1..=3600).contains(&seconds) {
                return Err(self.wrong(KEY, format!("a tolerance of {seconds} s is outside 1 to 3600 s")));
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
            let (name, tail) = after.split_once('}').ok_or_else(|| self.wrong(KEY, "a { is not closed"))?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            pieces.push(match name.split_once(':') {
                None if name == "body" => Piece::Body,
                None if name == "timestamp" => Piece::Timestamp,
                Some(("header", header)) => Piece::Header(self.header(KEY, header)?),
                _ => {
                    let why = format!("{{{name}}} is unknown: there are {{body}}, {{timestamp}} and {{header:NAME}}");
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
            return Err(self.wrong("envelope.meaning", "it is empty: name the places that tell one event from another"));
        }
        let meaning = envelope.meaning.iter().map(|path| self.path("envelope.meaning", path)).collect::<Result<_, _>>()?;
        Ok(Envelope {
            events,
            id,
            kind: self.single_path("envelope.type", &envelope.kind)?,
            occurred_at: envelope.occurred_at.map(|at| self.at("envelope.occurred_at", &at)).transpose()?,
            livemode: envelope.livemode.map(|path| self.single_path("envelope.livemode", &path)).transpose()?,
            meaning,
        })
    }

    fn at(&self, key: &str, at: &file::At) -> Result<(Path, TimeForm), DialectError> {
        Ok((self.single_path(key, &at.path)?, at.form))
    }

    fn answers(&self, answers: file::Answers) -> Result<Answers, DialectError> {
        let file::Answers { ok_body, unauthentic_status } = answers;
        if ![400, 401].contains(&unauthentic_status) {
            let why = format!("{unauthentic_status} is neither 401 nor 400");
            return Err(self.wrong("answers.unauthentic_status", why));
        }
        Ok(Answers { ok_body, unauthentic_status })
    }

    fn rule(&self, key: &str, rule: file::Rule) -> Result<FactRule, DialectError> {
        if rule.on.is_empty() {
            return Err(self.wrong(key, "`on` is empty: name at least one event type"));
        }
        let mut when = Vec::new();
        for condition in rule.when {
            let path = self.single_path(&format!("{key}.when"), &condition.path)?;
            when.push(Condition { path, is: condition.is.into_vec() });
        }
        let mut fields = Fields {
            context: self,
            key,
            id: rule.id,
            amount: rule.amount,
            currency: rule.currency,
            state: rule.state,
            movement: rule.movement,
        };
        let fact = fields.fact(rule.fact)?;
        fields.all_used(rule.fact)?;
        let payment = self.single_paths(&format!("{key}.payment"), rule.payment)?;
        Ok(FactRule { on: rule.on, when, payment, fact })
    }

    fn amount(&self, key: &str, amount: &str, currency: Option<&str>) -> Result<AmountFrom, DialectError> {
        let currency = currency.or(self.amounts.currency.as_deref());
        let currency = currency.ok_or_else(|| self.wrong(key, "there is no `currency`, here or in [amounts]"))?;
        Ok(AmountFrom {
            amount: self.single_path(key, amount)?,
            currency: self.single_path(key, currency)?,
            form: self.amounts.form.unwrap_or(AmountForm::MinorInt),
            exponents: self.amounts.exponents.clone(),
        })
    }

    fn reconcile(&self, reconcile: file::Reconcile) -> Result<Reconcile, DialectError> {
        if !reconcile.base_url.starts_with("https://") || reconcile.base_url.ends_with('/') {
            let why = format!("{:?} is not an https:// base without a final slash", reconcile.base_url);
            return Err(self.wrong("reconcile.base_url", why));
        }
        let one = reconcile.payment;
        if !one.path.contains("{id}") {
            return Err(self.wrong("reconcile.payment.path", format!("{:?} lacks {{id}}", one.path)));
        }
        let key = "reconcile.payment";
        let amount = |path: &str| self.amount(key, path, Some(&one.currency));
        Ok(Reconcile {
            base_url: reconcile.base_url,
            events: self.listing("reconcile.events", reconcile.events)?,
            payments: self.listing("reconcile.payments", reconcile.payments)?,
            payment_query: one.query.into_iter().collect(),
            payment_prefix: one.prefix,
            snapshot: SnapshotFrom {
                requested: amount(&one.requested)?,
                captured: amount(&one.captured)?,
                capturable: one.capturable.as_deref().map(amount).transpose()?,
                refunded: one.refunded.as_deref().map(amount).transpose()?,
                status: (
                    self.single_path("reconcile.payment.status", &one.status.path)?,
                    self.states("reconcile.payment.status", one.status.map)?,
                ),
            },
            payment_path: one.path,
        })
    }

    fn listing(&self, key: &str, listing: file::Listing) -> Result<Listing, DialectError> {
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
        map.into_iter().map(|(from, to)| Ok((from, self.state(key, &to)?))).collect()
    }
}

/// The optional fields of one rule. A fact takes those it needs; what is left over is a mistake.
struct Fields<'a> {
    context: &'a Context,
    key: &'a str,
    id: Option<file::OneOrMany>,
    amount: Option<String>,
    currency: Option<String>,
    state: Option<State>,
    movement: Option<crate::fact::FundsMovement>,
}

impl Fields<'_> {
    fn fact(&mut self, name: FactName) -> Result<FactForm, DialectError> {
        Ok(match name {
            FactName::Initiated => FactForm::Initiated(self.amount()?),
            FactName::RequiresAction => FactForm::RequiresAction,
            FactName::Pending => FactForm::Pending,
            FactName::Authorized => FactForm::Authorized(self.amount()?),
            FactName::Captured => FactForm::Captured(self.amount()?),
            FactName::Failed => FactForm::Failed(self.id()?),
            FactName::Canceled => FactForm::Canceled,
            FactName::Expired => FactForm::Expired,
            FactName::CaptureReversed => FactForm::CaptureReversed(self.id()?, self.amount()?),
            FactName::Refunded => FactForm::Refunded(self.amount()?),
            FactName::Refund => FactForm::Refund(self.id()?, self.amount()?, self.state()?),
            FactName::Dispute => FactForm::Dispute(self.id()?, self.amount()?, self.state()?),
            FactName::DisputeFunds => FactForm::DisputeFunds(self.id()?, self.amount()?, self.movement()?),
            FactName::Payout => FactForm::Payout(self.id()?, self.amount()?, self.state()?),
        })
    }

    fn missing(&self, field: &str) -> DialectError {
        self.context.wrong(self.key, format!("this fact needs `{field}`"))
    }

    fn id(&mut self) -> Result<Vec<Path>, DialectError> {
        let id = self.id.take().ok_or_else(|| self.missing("id"))?;
        self.context.single_paths(self.key, id)
    }

    fn amount(&mut self) -> Result<AmountFrom, DialectError> {
        let amount = self.amount.take().ok_or_else(|| self.missing("amount"))?;
        self.context.amount(self.key, &amount, self.currency.take().as_deref())
    }

    fn movement(&mut self) -> Result<crate::fact::FundsMovement, DialectError> {
        self.movement.take().ok_or_else(|| self.missing("movement"))
    }

    fn state<S: DeserializeOwned>(&mut self) -> Result<StateFrom<S>, DialectError> {
        match self.state.take().ok_or_else(|| self.missing("state"))? {
            State::Always(name) => Ok(StateFrom::Always(self.context.state(self.key, &name)?)),
            State::Mapped(mapping) => Ok(StateFrom::Mapped(
                self.context.single_path(self.key, &mapping.path)?,
                self.context.states(self.key, mapping.map)?,
            )),
        }
    }

    fn all_used(&self, fact: FactName) -> Result<(), DialectError> {
        let left = [
            ("id", self.id.is_some()),
            ("amount", self.amount.is_some()),
            ("currency", self.currency.is_some()),
            ("state", self.state.is_some()),
            ("movement", self.movement.is_some()),
        ];
        match left.into_iter().find(|(_, is_left)| *is_left) {
            Some((field, _)) => Err(self.context.wrong(self.key, format!("a fact {fact:?} has no `{field}`: remove it"))),
            None => Ok(()),
        }
    }
}
