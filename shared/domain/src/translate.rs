//! From an event to a fact, as its dialect says.

use crate::dialect::{AmountFrom, Dialect, FactForm, FactRule, StateFrom};
use crate::fact::Fact;
use crate::ids::{EventKind, IdError, ItemId, PaymentId};
use crate::json::{Doc, JsonError, Path};
use crate::money::{AmountForm, Currency, Money, MoneyError, excerpt};
use crate::source::{Mode, Source};
use serde::{Deserialize, Serialize};

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
    /// Something happened to a payment.
    Fact(PaymentFact),
    /// The dialect has no rule for this: counted and acknowledged.
    Unmapped,
}

/// Why an event that a rule fits cannot be understood. It is set aside, with this as its finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    /// Not JSON, or a doubled key on the way to a field.
    #[error(transparent)]
    Json(#[from] JsonError),
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

/// Translates one event.
///
/// # Errors
/// [`TranslateError`] when a rule fits but a field cannot be used: never a guess, never a default.
pub fn translate(source: &Source, kind: &EventKind, body: &[u8]) -> Result<Translation, TranslateError> {
    let Some(rules) = candidates(&source.dialect, kind) else { return Ok(Translation::Unmapped) };
    let doc = Doc::parse(body)?;
    check_mode(source, doc)?;
    first_fact(rules, doc)
}

/// Translates an event of a dialect's example, which belongs to no source and so has no mode to be checked.
pub(crate) fn translate_example(
    dialect: &Dialect,
    kind: &EventKind,
    body: &[u8],
) -> Result<Translation, TranslateError> {
    match candidates(dialect, kind) {
        Some(rules) => first_fact(rules, Doc::parse(body)?),
        None => Ok(Translation::Unmapped),
    }
}

fn first_fact<'a>(
    rules: impl Iterator<Item = &'a FactRule>,
    doc: Doc<'_>,
) -> Result<Translation, TranslateError> {
    for rule in rules {
        if applies(rule, doc)? {
            let payment = id(doc, "payment", &rule.payment, PaymentId::new)?;
            return Ok(Translation::Fact(PaymentFact { payment, fact: fact(&rule.fact, doc)? }));
        }
    }
    Ok(Translation::Unmapped)
}

fn candidates<'a>(dialect: &'a Dialect, kind: &'a EventKind) -> Option<impl Iterator<Item = &'a FactRule>> {
    let mut rules =
        dialect.facts.iter().filter(move |rule| rule.on.iter().any(|on| on == kind.as_str())).peekable();
    rules.peek().is_some().then_some(rules)
}

fn check_mode(source: &Source, doc: Doc<'_>) -> Result<(), TranslateError> {
    let Some(path) = &source.dialect.envelope.livemode else { return Ok(()) };
    let expected = match source.mode {
        Mode::Live => "true",
        Mode::Test => "false",
    };
    let found = doc.at(path)?.and_then(Doc::scalar);
    let found = found.ok_or_else(|| missing("livemode", std::slice::from_ref(path)))?;
    if found == expected {
        return Ok(());
    }
    Err(TranslateError::ModeDiffers { livemode: excerpt(&found), mode: source.mode })
}

fn applies(rule: &FactRule, doc: Doc<'_>) -> Result<bool, TranslateError> {
    for condition in &rule.when {
        let value = doc.at(&condition.path)?.and_then(Doc::scalar);
        if !value.is_some_and(|value| condition.is.iter().any(|wanted| *wanted == *value)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fact(form: &FactForm, doc: Doc<'_>) -> Result<Fact, TranslateError> {
    let item = |field, paths: &[Path]| id(doc, field, paths, ItemId::new);
    let amount = |from| amount(doc, from);
    Ok(match form {
        FactForm::Initiated(from) => Fact::Initiated { amount: amount(from)? },
        FactForm::RequiresAction => Fact::RequiresAction,
        FactForm::Pending => Fact::Pending,
        FactForm::Authorized(from) => Fact::Authorized { amount: amount(from)? },
        FactForm::Captured(from) => Fact::Captured { amount: amount(from)? },
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

/// The first of the places that holds a scalar.
fn id<T>(
    doc: Doc<'_>,
    field: &'static str,
    paths: &[Path],
    parse: fn(String) -> Result<T, IdError>,
) -> Result<T, TranslateError> {
    for path in paths {
        if let Some(text) = doc.at(path)?.and_then(Doc::scalar) {
            return parse(text.into_owned()).map_err(|error| TranslateError::Id { field, error });
        }
    }
    Err(missing(field, paths))
}

fn missing(field: &'static str, paths: &[Path]) -> TranslateError {
    let at = paths.iter().map(Path::as_str).collect::<Vec<_>>().join(" or ");
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
    let code = doc.at(&from.currency)?.and_then(Doc::text);
    let code = code.ok_or_else(|| missing("currency", std::slice::from_ref(&from.currency)))?;
    let currency = Currency::from_code(&code)
        .map_err(|error| TranslateError::Money { at: at(&from.currency), error })?;
    let found = doc.at(place)?;
    let (text, expected) = match from.form {
        AmountForm::MinorInt | AmountForm::DecimalNumber => {
            (found.and_then(Doc::number).map(Into::into), "a number")
        }
        AmountForm::MinorString | AmountForm::DecimalString => (found.and_then(Doc::text), "a string"),
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
            let value = value.ok_or_else(|| missing("state", std::slice::from_ref(path)))?;
            map.get(value.as_ref()).copied().ok_or_else(|| TranslateError::UnmappedState {
                at: path.as_str().to_owned(),
                value: excerpt(&value),
            })
        }
    }
}

#[cfg(test)]
mod tests;
