//! From what is written to what works: every path is parsed, every fact has its fields, every scheme proves something.

mod api;
mod auth;
mod envelope;
mod rules;
mod settings;

use super::file::{self, File};
use super::{AmountFrom, Auth, CurrencyFrom, Dialect, DialectError, Excess, FactForm, Settings, examples};
use crate::json::{Path, Place};
use crate::money::{AmountForm, Currency};
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;
use std::collections::BTreeMap;

use settings::Part;

/// Most decimals of any currency: ISO 4217 itself goes up to four.
const EXPONENT_MAX: u32 = 6;

/// Compiles a file for a source with these settings; without, as a catalogue entry whose examples must come true.
pub(super) fn compile(file: File, settings: Option<&Settings>) -> Result<Dialect, DialectError> {
    let context = Context {
        dialect: file.name.clone(),
        amounts: file.amounts,
        settings: settings::resolve(&file.name, &file.settings, settings)?,
    };
    context.exponents()?;
    let envelope = context.envelope(file.envelope)?;
    let auth = context.auth(file.auth, &envelope.events)?;
    let answers = context.answers(file.answers)?;
    let api = file.api.map(|api| context.api(api)).transpose()?;
    let mut fetches = Vec::new();
    for (at, fetch) in file.fetch.into_iter().enumerate() {
        fetches.extend(context.fetch(&format!("fetch[{at}]"), fetch)?);
    }
    let mut facts = Vec::new();
    for (at, rule) in file.facts.into_iter().enumerate() {
        facts.extend(context.rule(&format!("facts[{at}]"), rule)?);
    }
    let reconcile = file.reconcile.map(|reconcile| context.reconcile(reconcile)).transpose()?;
    let settlement = file.settlement.map(|settlement| context.settlement(settlement)).transpose()?;
    let dialect =
        Dialect { name: file.name, auth, envelope, answers, api, fetches, facts, reconcile, settlement };
    context.holds_together(&dialect)?;
    if settings.is_none() {
        for (at, example) in file.examples.iter().enumerate() {
            let wrong = |(key, why)| context.wrong(&format!("examples[{at}].{key}"), why);
            examples::check(&dialect, example).map_err(wrong)?;
        }
    }
    Ok(dialect)
}

struct Context {
    dialect: String,
    amounts: file::Amounts,
    settings: Settings,
}

/// An amount as a rule writes it.
struct Amount<'a> {
    amount: &'a str,
    less: Option<&'a file::Less>,
    currency: Option<&'a str>,
    form: Option<AmountForm>,
}

impl Context {
    fn wrong(&self, key: &str, why: impl Into<String>) -> DialectError {
        DialectError::Value { dialect: self.dialect.clone(), key: key.to_owned(), why: why.into() }
    }

    /// What no single key can tell.
    fn holds_together(&self, dialect: &Dialect) -> Result<(), DialectError> {
        if dialect.facts.is_empty() {
            return Err(self
                .wrong("facts", "it is empty: a source that maps nothing moves no payment, so give a rule"));
        }
        if dialect.api.is_none()
            && (dialect.reconcile.is_some() || dialect.settlement.is_some() || !dialect.fetches.is_empty())
        {
            return Err(self.wrong(
                "api",
                "it is absent, and something is asked of the provider: add [api] with base_url",
            ));
        }
        if !matches!(dialect.auth, Auth::Certificate(_)) {
            return Ok(());
        }
        // What is signed there is a checksum of the body, and a checksum can be met by another body.
        let is_asked_back =
            |kind: &String| dialect.fetches.iter().any(|fetch| fetch.is_required && fetch.is_on(kind));
        let mut moving = dialect.facts.iter().filter(|rule| !matches!(rule.fact, FactForm::Unclear(_)));
        match moving.find_map(|rule| rule.on.iter().find(|kind| !is_asked_back(kind))) {
            Some(kind) => {
                let why = format!(
                    "its signature covers only a checksum of the body, so an event of type {kind:?} must be asked back before it moves \
                     money: add a [[fetch]] with required = true for it"
                );
                Err(self.wrong("auth.algorithm", why))
            }
            None => Ok(()),
        }
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

    fn places(&self, key: &str, texts: file::OneOrMany) -> Result<Vec<Place>, DialectError> {
        let texts = texts.into_vec();
        if texts.is_empty() {
            return Err(self.wrong(key, "it is an empty list: give at least one path"));
        }
        let place = |text: &String| {
            let place = Place::parse(text).map_err(|e| self.wrong(key, e.to_string()))?;
            self.single_path(key, place.path().as_str())?;
            Ok(place)
        };
        texts.iter().map(place).collect()
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

    fn amount(&self, key: &str, written: Amount<'_>) -> Result<AmountFrom, DialectError> {
        let Amount { amount, less, currency, form } = written;
        let currency = currency.or(self.amounts.currency.as_deref());
        let currency = currency
            .ok_or_else(|| self.wrong(key, "it has no currency: add `currency` here or in [amounts]"))?;
        let less = less.map(|less| {
            let (amount, above) = (self.single_path(key, &less.amount)?, self.single_path(key, &less.above)?);
            Ok(Excess { amount, above })
        });
        Ok(AmountFrom {
            amount: self.single_path(key, amount)?,
            currency: self.currency(key, currency)?,
            less: less.transpose()?,
            form: form.or(self.amounts.form).unwrap_or(AmountForm::MinorInt),
            exponents: self.amounts.exponents.clone(),
        })
    }

    /// A place, or the account's only currency: `EUR`, `{setting:currency}`.
    fn currency(&self, key: &str, text: &str) -> Result<CurrencyFrom, DialectError> {
        if text.starts_with('$') {
            return Ok(CurrencyFrom::At(self.single_path(key, text)?));
        }
        let code = self.text(key, text)?;
        let currency = Currency::from_code(&code).map_err(|error| {
            self.wrong(key, format!("{error}: write a path such as $.currency, or a code such as EUR"))
        })?;
        Ok(CurrencyFrom::Always(currency))
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
