//! What stands at a place: in words, as a JSON Schema, and as a sample.

use crate::limits::{AMOUNT_MINOR_MAX, ID_BYTES_MAX};
use crate::money::{AmountForm, Currency};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pack) enum Leaf {
    /// A name: of an event, a payment, an item.
    Name,
    /// A type of events: which, is said elsewhere.
    Kind,
    /// A URL whose end is a name.
    Url,
    /// One of these words.
    Word(Vec<String>),
    /// A time in RFC 3339.
    Rfc3339,
    /// A time in seconds since 1970.
    UnixSeconds,
    /// A time in milliseconds since 1970.
    UnixMilliseconds,
    /// An amount.
    Amount {
        /// How it is written.
        form: AmountForm,
        /// Decimals that differ from ISO 4217, by code.
        exponents: BTreeMap<String, u32>,
        /// Its currency, where the event does not say.
        always: Option<Currency>,
    },
    /// A currency code.
    Currency,
    /// One of these words, and the state that each is to us.
    State(BTreeMap<String, String>),
}

impl Leaf {
    /// What a partner writes there.
    pub(in crate::pack) fn words(&self) -> String {
        let listed = |words: Vec<String>| words.join(", ");
        match self {
            Self::Name => "an id".to_owned(),
            Self::Kind => "one of those below".to_owned(),
            Self::Url => "a URL; what is behind its last `/` is the name".to_owned(),
            Self::Word(words) => listed(words.iter().map(|word| format!("`{word}`")).collect()),
            Self::Rfc3339 => "RFC 3339, as `\"2025-11-24T16:00:00Z\"`".to_owned(),
            Self::UnixSeconds => "seconds since 1970, a whole number".to_owned(),
            Self::UnixMilliseconds => "milliseconds since 1970, a whole number".to_owned(),
            Self::Amount { form, exponents, always } => {
                let mut text = amount_words(*form).to_owned();
                if let Some(currency) = always {
                    text.push_str(&format!(", always {currency}"));
                }
                for (code, decimals) in exponents {
                    text.push_str(&format!("; {code} has {decimals} decimals here"));
                }
                text
            }
            Self::Currency => "ISO 4217 code of three letters, as `\"EUR\"`".to_owned(),
            Self::State(states) => listed(
                states
                    .iter()
                    .map(|(word, state)| match word == state {
                        true => format!("`{word}`"),
                        false => format!("`{word}` ({state})"),
                    })
                    .collect(),
            ),
        }
    }

    /// What may stand there, for machines.
    pub(in crate::pack) fn schema(&self) -> Value {
        match self {
            // Every printable ASCII character but the space and #.
            Self::Name => json!({ "type": "string", "pattern": format!("^[!-\"$-~]{{1,{ID_BYTES_MAX}}}$") }),
            Self::Kind => json!({ "type": "string" }),
            Self::Url => json!({ "type": "string", "format": "uri" }),
            Self::Word(words) => {
                json!({ "enum": words.iter().map(|word| literal(word)).collect::<Vec<_>>() })
            }
            Self::Rfc3339 => json!({ "type": "string", "format": "date-time" }),
            Self::UnixSeconds | Self::UnixMilliseconds => json!({ "type": "integer", "minimum": 0 }),
            Self::Amount { form, .. } => amount_schema(*form),
            Self::Currency => json!({ "type": "string", "pattern": "^[A-Za-z]{3}$" }),
            Self::State(states) => json!({ "enum": states.keys().collect::<Vec<_>>() }),
        }
    }

    /// Something that may stand there. `name` is taken for a name.
    pub(super) fn sample(&self, name: &str) -> Value {
        match self {
            Self::Name | Self::Kind => json!(name),
            Self::Url => json!(format!("https://api.example.com/{name}")),
            Self::Word(words) => words.first().map_or(Value::Null, |word| literal(word)),
            Self::Rfc3339 => json!("2025-11-24T16:00:00Z"),
            Self::UnixSeconds => json!(1_764_000_000),
            Self::UnixMilliseconds => json!(1_764_000_000_000_i64),
            Self::Amount { form, exponents, always } => amount_sample(*form, exponents, *always),
            Self::Currency => json!("EUR"),
            Self::State(states) => states.keys().next().map_or(Value::Null, |word| json!(word)),
        }
    }
}

/// A word as JSON writes it: `true` and `false` are no texts.
fn literal(word: &str) -> Value {
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        word => json!(word),
    }
}

/// A state as we call it.
pub(super) fn word<S: Serialize>(state: &S) -> String {
    match serde_json::to_value(state) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn amount_words(form: AmountForm) -> &'static str {
    match form {
        AmountForm::MinorInt => "a whole number of minor units, as `2000` for 20.00 EUR",
        AmountForm::MinorString => "text of minor units, as `\"2000\"` for 20.00 EUR",
        AmountForm::MinorAny => "minor units, as `2000` or `\"2000\"` for 20.00 EUR",
        AmountForm::MinorStringFraction => {
            "text of minor units with a fraction that is zero, as `\"2000.0\"` for 20.00 EUR"
        }
        AmountForm::DecimalString => {
            "text of major units with no more decimals than the currency has, as `\"20.00\"`"
        }
        AmountForm::DecimalNumber => {
            "a number of major units with no more decimals than the currency has, as `20.00`"
        }
    }
}

fn amount_schema(form: AmountForm) -> Value {
    let whole = json!({ "type": "integer", "minimum": 0, "maximum": AMOUNT_MINOR_MAX });
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match form {
        AmountForm::MinorInt => whole,
        AmountForm::MinorString => text("^[0-9]{1,16}$"),
        AmountForm::MinorAny => json!({ "anyOf": [whole, text("^[0-9]{1,16}$")] }),
        AmountForm::MinorStringFraction => text("^[0-9]{1,16}\\.0+$"),
        AmountForm::DecimalString => text("^[0-9]{1,16}(\\.[0-9]{1,4})?$"),
        AmountForm::DecimalNumber => json!({ "type": "number", "minimum": 0 }),
    }
}

/// Twenty of whatever it is.
fn amount_sample(form: AmountForm, exponents: &BTreeMap<String, u32>, always: Option<Currency>) -> Value {
    let code = always.map_or("EUR", Currency::code);
    let decimals = exponents.get(code).copied().or_else(|| always.map(Currency::exponent)).unwrap_or(2);
    let zeros = "0".repeat(usize::try_from(decimals).unwrap_or_default());
    let minor = format!("20{zeros}");
    match form {
        AmountForm::MinorInt | AmountForm::MinorAny => json!(minor.parse::<i64>().unwrap_or(20)),
        AmountForm::MinorString => json!(minor),
        AmountForm::MinorStringFraction => json!(format!("{minor}.0")),
        AmountForm::DecimalString if decimals == 0 => json!("20"),
        AmountForm::DecimalString => json!(format!("20.{zeros}")),
        AmountForm::DecimalNumber => json!(20),
    }
}
