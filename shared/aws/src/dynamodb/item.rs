//! Rows as DynamoDB holds them: reading attributes with an error that names them, and what a row weighs.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use countersign_domain::ids::{Sha256Hex, TraceId};
use countersign_domain::time::Timestamp;
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use std::collections::HashMap;
use std::error::Error;

/// One row.
pub type Item = HashMap<String, AttributeValue>;

/// Why a row cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// An attribute is absent.
    #[error("the row has no attribute {attribute}")]
    Missing {
        /// Which.
        attribute: &'static str,
    },
    /// An attribute does not hold what it should.
    #[error("the row's attribute {attribute} cannot be used")]
    Unreadable {
        /// Which.
        attribute: &'static str,
        /// Why.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
}

impl ItemError {
    pub(super) fn unreadable(
        attribute: &'static str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unreadable { attribute, error: error.into() }
    }
}

type Read<T> = Result<T, ItemError>;

fn wrong_type(attribute: &'static str, expected: &str) -> ItemError {
    ItemError::unreadable(attribute, format!("it is not {expected}"))
}

fn present<T>(attribute: &'static str, value: Option<T>) -> Read<T> {
    value.ok_or(ItemError::Missing { attribute })
}

pub(super) fn optional_text<'a>(item: &'a Item, attribute: &'static str) -> Read<Option<&'a str>> {
    let text = |value: &'a AttributeValue| value.as_s().map_err(|_| wrong_type(attribute, "a string"));
    item.get(attribute).map(text).transpose().map(|text| text.map(String::as_str))
}

pub(super) fn text<'a>(item: &'a Item, attribute: &'static str) -> Read<&'a str> {
    present(attribute, optional_text(item, attribute)?)
}

pub(super) fn optional_number<N>(item: &Item, attribute: &'static str) -> Read<Option<N>>
where
    N: std::str::FromStr,
    N::Err: Error + Send + Sync + 'static,
{
    let Some(value) = item.get(attribute) else { return Ok(None) };
    let digits = value.as_n().map_err(|_| wrong_type(attribute, "a number"))?;
    digits.parse().map(Some).map_err(|error: N::Err| ItemError::unreadable(attribute, error))
}

pub(super) fn number<N>(item: &Item, attribute: &'static str) -> Read<N>
where
    N: std::str::FromStr,
    N::Err: Error + Send + Sync + 'static,
{
    present(attribute, optional_number(item, attribute)?)
}

pub(super) fn optional_bytes<'a>(item: &'a Item, attribute: &'static str) -> Read<Option<&'a [u8]>> {
    let bytes = |value: &'a AttributeValue| value.as_b().map_err(|_| wrong_type(attribute, "binary"));
    item.get(attribute).map(bytes).transpose().map(|bytes| bytes.map(Blob::as_ref))
}

pub(super) fn bytes<'a>(item: &'a Item, attribute: &'static str) -> Read<&'a [u8]> {
    present(attribute, optional_bytes(item, attribute)?)
}

pub(super) fn optional_time(item: &Item, attribute: &'static str) -> Read<Option<Timestamp>> {
    let at = |nanoseconds| {
        Timestamp::from_nanosecond(nanoseconds).map_err(|error| ItemError::unreadable(attribute, error))
    };
    optional_number::<i128>(item, attribute)?.map(at).transpose()
}

pub(super) fn time(item: &Item, attribute: &'static str) -> Read<Timestamp> {
    present(attribute, optional_time(item, attribute)?)
}

pub(super) fn optional_trace(item: &Item, attribute: &'static str) -> Read<Option<TraceId>> {
    let trace = |bytes: &[u8]| {
        let bytes = bytes.try_into().map_err(|_| wrong_type(attribute, "16 bytes"))?;
        Ok(TraceId::from_bytes(bytes))
    };
    optional_bytes(item, attribute)?.map(trace).transpose()
}

pub(super) fn trace(item: &Item, attribute: &'static str) -> Read<TraceId> {
    present(attribute, optional_trace(item, attribute)?)
}

pub(super) fn digest(item: &Item, attribute: &'static str) -> Read<Sha256Hex> {
    let bytes = bytes(item, attribute)?;
    if bytes.len() != 32 {
        return Err(wrong_type(attribute, "32 bytes"));
    }
    of_word(attribute, &HEXLOWER.encode(bytes))
}

/// A type whose JSON is one word, from that word.
pub(super) fn word<T: DeserializeOwned>(item: &Item, attribute: &'static str) -> Read<T> {
    of_word(attribute, text(item, attribute)?)
}

fn of_word<T: DeserializeOwned>(attribute: &'static str, word: &str) -> Read<T> {
    let word: value::StrDeserializer<'_, value::Error> = word.into_deserializer();
    T::deserialize(word).map_err(|error| ItemError::unreadable(attribute, error))
}

pub(super) fn optional_json<T: DeserializeOwned>(item: &Item, attribute: &'static str) -> Read<Option<T>> {
    let json = |text| serde_json::from_str(text).map_err(|error| ItemError::unreadable(attribute, error));
    optional_text(item, attribute)?.map(json).transpose()
}

pub(super) fn json<T: DeserializeOwned>(item: &Item, attribute: &'static str) -> Read<T> {
    present(attribute, optional_json(item, attribute)?)
}

/// Builds a row; an absent value leaves its attribute out.
pub(super) struct Writer(Item);

impl Writer {
    pub(super) fn new(key: Item) -> Self {
        Self(key)
    }

    pub(super) fn put(&mut self, attribute: &'static str, value: impl Into<Option<AttributeValue>>) {
        if let Some(value) = value.into() {
            self.0.insert(attribute.to_owned(), value);
        }
    }

    pub(super) fn finish(self) -> Item {
        self.0
    }
}

pub(super) fn of_text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn of_bytes(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

pub(super) fn of_number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Unix nanoseconds. DynamoDB drops trailing zeros, so a whole second weighs no more than its seconds.
pub(super) fn of_time(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_nanosecond().to_string())
}

/// Half the size of the hex.
pub(super) fn of_hex(attribute: &'static str, hex: &str) -> Read<AttributeValue> {
    let bytes = HEXLOWER.decode(hex.as_bytes());
    bytes.map(of_bytes).map_err(|error| ItemError::unreadable(attribute, error))
}

pub(super) fn of_json(attribute: &'static str, value: &impl Serialize) -> Read<AttributeValue> {
    let text = serde_json::to_string(value);
    text.map(AttributeValue::S).map_err(|error| ItemError::unreadable(attribute, error))
}

/// Bytes that DynamoDB bills for a row, by its documented rule ("DynamoDB item sizes and formats"): the names and values
/// of all attributes. A write costs one unit for each started 1,024 of them.
#[must_use]
pub fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len().saturating_add(value_bytes(value))).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number_bytes(number),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_bytes(number)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|bytes| bytes.as_ref().len()).sum(),
        // Three bytes for the collection, and one for each element.
        AttributeValue::L(values) => {
            values.iter().map(|value| value_bytes(value).saturating_add(1)).sum::<usize>() + 3
        }
        AttributeValue::M(entries) => item_bytes(entries).saturating_add(entries.len()).saturating_add(3),
        // Null, a boolean.
        _ => 1,
    }
}

/// One byte for two significant digits, one more, and one for a sign.
fn number_bytes(number: &str) -> usize {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    significant.div_ceil(2).saturating_add(1).saturating_add(usize::from(number.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_weighs_what_the_rule_says() {
        let n = |number: &str| AttributeValue::N(number.to_owned());
        for (value, weight) in [
            (of_text("four"), 4),
            (of_text("é"), 2),
            (of_bytes(*b"123"), 3),
            (n("0"), 1),
            (n("7"), 2),
            (n("1764000000"), 3),
            (n("-1764000000"), 4),
            (n("1764000000123000000"), 8),
            (AttributeValue::Bool(true), 1),
            (AttributeValue::Null(true), 1),
            (AttributeValue::L(vec![]), 3),
            (AttributeValue::L(vec![of_text("ab"), of_text("c")]), 3 + 2 + 1 + 2),
            (AttributeValue::M([("k".to_owned(), of_text("v"))].into()), 3 + 2 + 1),
        ] {
            assert_eq!(item_bytes(&[("name".to_owned(), value.clone())].into()), 4 + weight, "{value:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let item: Item = [("a".to_owned(), of_text("x")), ("b".to_owned(), of_bytes(*b"xy"))].into();
        assert_eq!(text(&item, "z").expect_err("is absent").to_string(), "the row has no attribute z");
        for error in [
            number::<u64>(&item, "a").expect_err("is a string"),
            bytes(&item, "a").expect_err("is a string"),
            json::<u64>(&item, "a").expect_err("is no JSON"),
        ] {
            assert_eq!(error.to_string(), "the row's attribute a cannot be used");
            assert!(error.source().is_some());
        }
        assert!(trace(&item, "b").is_err() && digest(&item, "b").is_err());
        assert!(of_hex("a", "xyz").is_err());
    }
}
