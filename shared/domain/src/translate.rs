//! From an event to a fact, as its dialect says.

use crate::content::{ContentError, as_json};
use crate::dialect::{
    AmountFrom, Condition, Content, CurrencyFrom, Dialect, FactForm, FactRule, ItemFrom, LivemodeOf,
    StateFrom, Test,
};
use crate::envelope::mode_of;
use crate::fact::Fact;
use crate::ids::{EventId, EventKind, IdError, ItemId, PaymentId};
use crate::json::{Doc, Json, JsonError, Path, Place};
use crate::money::{AmountForm, Currency, Money, MoneyError, excerpt};
use crate::source::{Mode, Source};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A fact and the payment it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFact {
    /// The payment, by the provider's reference.
    pub payment: PaymentId,
    /// What happened to it.
    pub fact: Fact,
}

/// What an event comes to.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translation {
    /// Something happened, to one payment or to several. It is never empty.
    Facts(Vec<PaymentFact>),
    /// The dialect has no rule for this: counted and acknowledged.
    Unmapped,
}

/// Why an event that a rule fits cannot be understood. It is set aside, with this as its finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    /// Not JSON, or a doubled key on the way to a field.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Not the form or the XML that its dialect says.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The dialect says that a person must look.
    #[error("{0}")]
    Unclear(String),
    /// The provider knows nothing of what the event is about.
    #[error("the provider's API has nothing at {path}: look there, and replay the event when it has")]
    NotFetched {
        /// What was asked for.
        path: String,
    },
    /// The provider's API answered with something else than it was asked for.
    #[error("the provider's API was asked for the {field} {asked:?} and answered with {found:?}")]
    OtherFetched {
        /// Which field.
        field: &'static str,
        /// What was asked for, at most 40 characters of it.
        asked: String,
        /// What came, at most 40 characters of it.
        found: String,
    },
    /// A field that the fact needs is absent.
    #[error("{field} is missing: nothing usable stands at {at}")]
    Missing {
        /// Which field.
        field: &'static str,
        /// Where it was looked for.
        at: String,
    },
    /// A reference that cannot be one.
    #[error("{field}: {error}")]
    Id {
        /// Which field.
        field: &'static str,
        /// Why.
        error: IdError,
    },
    /// An amount or currency that cannot be booked.
    #[error("{at}: {error}")]
    Money {
        /// Where it stands.
        at: String,
        /// Why.
        error: MoneyError,
    },
    /// A status that the dialect does not list.
    #[error("the value {value:?} at {at} is not mapped to a state: add it to the dialect")]
    UnmappedState {
        /// Where it stands.
        at: String,
        /// The value, at most 40 characters of it.
        value: String,
    },
    /// Play money at a source for real money, or the other way round.
    #[error(
        "the event says livemode = {livemode}, but the source is for {mode} mode: check which endpoint it is sent to"
    )]
    ModeDiffers {
        /// What the event says, at most 40 characters of it.
        livemode: String,
        /// What the source is for.
        mode: Mode,
    },
}

/// An event as it is kept.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// As it was delivered, in whatever its dialect's deliveries are written in.
    Delivered(&'a [u8]),
    /// From the provider's API, which always speaks JSON.
    Json(&'a [u8]),
}

impl<'a> Body<'a> {
    /// The JSON view of it.
    ///
    /// # Errors
    /// [`ContentError`] when a delivered body is not what its dialect says.
    pub fn as_json(self, content: &Content) -> Result<Cow<'a, [u8]>, ContentError> {
        match self {
            Self::Delivered(body) => as_json(content, body),
            Self::Json(body) => Ok(Cow::Borrowed(body)),
        }
    }
}

/// The id under which each fact of an event is booked: the event's own where it is the only one; else the event's with a
/// mark of the fact, so that another order of the facts, or another dialect, does not pass one off as another.
#[must_use]
pub fn named(event: &EventId, facts: Vec<PaymentFact>) -> Vec<(EventId, PaymentFact)> {
    match facts.as_slice() {
        [_] => facts.into_iter().map(|fact| (event.clone(), fact)).collect(),
        _ => facts
            .into_iter()
            .map(|fact| (event.with_digest(&serde_json::to_string(&fact).unwrap_or_default()), fact))
            .collect(),
    }
}

/// Translates one event.
///
/// # Errors
/// [`TranslateError`] when a rule fits but a field cannot be used: never a guess, never a default.
pub fn translate(source: &Source, kind: &EventKind, body: Body<'_>) -> Result<Translation, TranslateError> {
    let Some(rules) = candidates(&source.dialect, kind) else { return Ok(Translation::Unmapped) };
    let json = body.as_json(&source.dialect.envelope.content)?;
    let json = Json::parse(&json)?;
    let doc = json.root();
    check_mode(source, doc)?;
    facts(rules, doc)
}

/// Translates an event of a dialect's example, which belongs to no source and so has no mode to be checked.
pub(crate) fn translate_example(
    dialect: &Dialect,
    kind: &EventKind,
    body: Body<'_>,
) -> Result<Translation, TranslateError> {
    let Some(rules) = candidates(dialect, kind) else { return Ok(Translation::Unmapped) };
    facts(rules, Json::parse(&body.as_json(&dialect.envelope.content)?)?.root())
}

/// What the first rule that fits says; and, if it goes on, the next.
fn facts<'a>(rules: impl Iterator<Item = &'a FactRule>, doc: Doc<'_>) -> Result<Translation, TranslateError> {
    let mut found = Vec::new();
    for rule in rules {
        let items = match &rule.each {
            None => vec![doc],
            // No list at all says nothing, like an empty one.
            Some(each) => match each.list().map(|list| doc.at(&list)).transpose()?.flatten() {
                Some(_) => doc.all(each)?,
                None => Vec::new(),
            },
        };
        let mut fits = false;
        for item in items {
            if all_hold(&rule.when, item)? {
                fits = true;
                found.push(fact_of(rule, item)?);
            }
        }
        if fits && !rule.goes_on {
            break;
        }
    }
    Ok(if found.is_empty() { Translation::Unmapped } else { Translation::Facts(found) })
}

fn fact_of(rule: &FactRule, doc: Doc<'_>) -> Result<PaymentFact, TranslateError> {
    if let FactForm::Unclear(why) = &rule.fact {
        return Err(TranslateError::Unclear(why.clone()));
    }
    let payment = id(doc, "payment", &rule.payment, PaymentId::new)?;
    Ok(PaymentFact { payment, fact: fact(&rule.fact, doc)? })
}

fn candidates<'a>(dialect: &'a Dialect, kind: &'a EventKind) -> Option<impl Iterator<Item = &'a FactRule>> {
    let mut rules =
        dialect.facts.iter().filter(move |rule| rule.on.iter().any(|on| on == kind.as_str())).peekable();
    rules.peek().is_some().then_some(rules)
}

fn check_mode(source: &Source, doc: Doc<'_>) -> Result<(), TranslateError> {
    let livemode = source.dialect.envelope.livemode.as_ref();
    let Some(livemode) = livemode.filter(|livemode| livemode.of == LivemodeOf::Event) else { return Ok(()) };
    let found = mode_of(livemode, doc)?;
    let livemode = match found.ok_or_else(|| missing("livemode", [&livemode.path]))? {
        Ok(mode) if mode == source.mode => return Ok(()),
        Ok(mode) => match mode {
            Mode::Live => livemode.live.clone(),
            Mode::Test => livemode.test.clone(),
        },
        Err(other) => other,
    };
    Err(TranslateError::ModeDiffers { livemode, mode: source.mode })
}

/// Whether every condition holds.
///
/// # Errors
/// [`JsonError`] when an object on the way names a key twice.
pub(crate) fn all_hold(conditions: &[Condition], doc: Doc<'_>) -> Result<bool, JsonError> {
    for Condition { path, test } in conditions {
        let place = doc.at(path)?;
        let value = place.and_then(Doc::scalar);
        let holds = match test {
            Test::Is(wanted) => value.is_some_and(|value| wanted.iter().any(|wanted| *wanted == *value)),
            Test::IsNot(others) => value.is_some_and(|value| others.iter().all(|other| *other != *value)),
            Test::StartsWith(wanted) => value.is_some_and(|value| value.starts_with(wanted.as_str())),
            Test::Absent => place.is_none(),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fact(form: &FactForm, doc: Doc<'_>) -> Result<Fact, TranslateError> {
    let item = |field, from: &ItemFrom| item(doc, field, from);
    let amount = |from| amount(doc, from);
    Ok(match form {
        FactForm::Initiated(from) => Fact::Initiated { amount: amount(from)? },
        FactForm::RequiresAction => Fact::RequiresAction,
        FactForm::Pending => Fact::Pending,
        FactForm::Authorized(from) => Fact::Authorized { amount: amount(from)? },
        FactForm::Captured(from) => Fact::Captured { amount: amount(from)? },
        FactForm::CapturedPart(part, from) => {
            Fact::CapturedPart { part: item("part", part)?, amount: amount(from)? }
        }
        FactForm::Unclear(why) => return Err(TranslateError::Unclear(why.clone())),
        FactForm::Failed(attempt) => Fact::Failed { attempt: item("attempt", attempt)? },
        FactForm::Canceled => Fact::Canceled,
        FactForm::Expired => Fact::Expired,
        FactForm::CaptureReversed(reversal, from) => {
            Fact::CaptureReversed { reversal: item("reversal", reversal)?, amount: amount(from)? }
        }
        FactForm::Refunded(from) => Fact::Refunded { amount: amount(from)? },
        FactForm::Refund(refund, from, to) => {
            Fact::Refund { refund: item("refund", refund)?, amount: amount(from)?, state: state(doc, to)? }
        }
        FactForm::Dispute(dispute, from, to) => Fact::Dispute {
            dispute: item("dispute", dispute)?,
            amount: amount(from)?,
            stage: state(doc, to)?,
        },
        FactForm::DisputeFunds(dispute, from, movement) => Fact::DisputeFunds {
            dispute: item("dispute", dispute)?,
            amount: amount(from)?,
            movement: *movement,
        },
        FactForm::Payout(payout, from, to) => {
            Fact::Payout { payout: item("payout", payout)?, amount: amount(from)?, state: state(doc, to)? }
        }
    })
}

/// The item's name: one place, or several joined with `:`.
fn item(doc: Doc<'_>, field: &'static str, from: &ItemFrom) -> Result<ItemId, TranslateError> {
    let mut parts = Vec::new();
    for places in &from.0 {
        parts.push(id(doc, field, places, ItemId::new)?.to_string());
    }
    ItemId::new(parts.join(":")).map_err(|error| TranslateError::Id { field, error })
}

/// The first of the places that holds a scalar.
fn id<T>(
    doc: Doc<'_>,
    field: &'static str,
    places: &[Place],
    parse: fn(String) -> Result<T, IdError>,
) -> Result<T, TranslateError> {
    for place in places {
        if let Some(text) = place.read(doc)? {
            return parse(text.into_owned()).map_err(|error| TranslateError::Id { field, error });
        }
    }
    Err(missing(field, places.iter().map(Place::path)))
}

fn missing<'p>(field: &'static str, paths: impl IntoIterator<Item = &'p Path>) -> TranslateError {
    let at = paths.into_iter().map(Path::as_str).collect::<Vec<_>>().join(" or ");
    TranslateError::Missing { field, at }
}

/// Reads an amount with its currency, less what of it does not count. It never falls below zero.
///
/// # Errors
/// [`TranslateError`] names the place.
pub(crate) fn amount(doc: Doc<'_>, from: &AmountFrom) -> Result<Money, TranslateError> {
    let whole = amount_at(doc, from, &from.amount)?;
    let Some(less) = &from.less else { return Ok(whole) };
    let (amount, above) = (amount_at(doc, from, &less.amount)?, amount_at(doc, from, &less.above)?);
    let excess = amount.minor.saturating_sub(above.minor).max(0);
    Ok(Money { minor: whole.minor.saturating_sub(excess).max(0), ..whole })
}

fn amount_at(doc: Doc<'_>, from: &AmountFrom, place: &Path) -> Result<Money, TranslateError> {
    let at = |path: &Path| path.as_str().to_owned();
    let currency = match &from.currency {
        CurrencyFrom::Always(currency) => *currency,
        CurrencyFrom::At(path) => {
            let code = doc.at(path)?.and_then(Doc::text).ok_or_else(|| missing("currency", [path]))?;
            Currency::from_code(&code).map_err(|error| TranslateError::Money { at: at(path), error })?
        }
    };
    let found = doc.at(place)?;
    let (text, expected) = match from.form {
        AmountForm::MinorInt | AmountForm::DecimalNumber => {
            (found.and_then(Doc::number).map(Into::into), "a number")
        }
        AmountForm::MinorString | AmountForm::MinorStringFraction | AmountForm::DecimalString => {
            (found.and_then(Doc::text), "a string")
        }
        AmountForm::MinorAny => {
            let text = found.and_then(|found| found.text().or_else(|| found.number().map(Into::into)));
            (text, "a string or a number")
        }
    };
    let text = text.ok_or_else(|| TranslateError::Missing {
        field: "amount",
        at: match found {
            Some(found) => format!("{}, which is {} and not {expected}", place.as_str(), found.kind()),
            None => at(place),
        },
    })?;
    Money::parse(&text, from.form, currency, from.exponents.get(currency.code()).copied())
        .map_err(|error| TranslateError::Money { at: at(place), error })
}

fn state<S: Copy>(doc: Doc<'_>, from: &StateFrom<S>) -> Result<S, TranslateError> {
    match from {
        StateFrom::Always(state) => Ok(*state),
        StateFrom::Mapped(path, map) => {
            let value = doc.at(path)?.and_then(Doc::scalar);
            let value = value.ok_or_else(|| missing("state", [path]))?;
            map.get(value.as_ref()).copied().ok_or_else(|| TranslateError::UnmappedState {
                at: path.as_str().to_owned(),
                value: excerpt(&value),
            })
        }
    }
}

#[cfg(test)]
mod tests;
