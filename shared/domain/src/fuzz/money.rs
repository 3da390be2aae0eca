//! Amounts: the minor units are the digits that were written, by a calculation of our own in digits.

use super::damage::Script;
use crate::limits::AMOUNT_MINOR_MAX;
use crate::money::{AmountForm, Currency, Money, MoneyError};

/// The digits of an amount in minor units, without leading zeros; nothing for what is no such amount.
fn digits(text: &str, form: AmountForm, currency: Currency, exponent: Option<u32>) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || fraction.is_some_and(|part| !is_digits(part)) {
        return None;
    }
    let decimals = currency.exponent() as usize;
    let (mut whole, mut part) = (whole.to_owned(), fraction.unwrap_or_default().to_owned());
    match form {
        AmountForm::DecimalNumber | AmountForm::DecimalString => {}
        AmountForm::MinorStringFraction if part.bytes().all(|byte| byte == b'0') => {
            part = String::new();
        }
        _ if fraction.is_some() => return None,
        _ => {}
    }
    if !matches!(form, AmountForm::DecimalNumber | AmountForm::DecimalString) {
        // As many of the last digits as the provider's decimals are a fraction.
        let wire = exponent.unwrap_or(currency.exponent()) as usize;
        let padded = format!("{whole:0>width$}", width = wire + 1);
        let (major, minor) = padded.split_at(padded.len() - wire);
        (whole, part) = (major.to_owned(), minor.to_owned());
    }
    let part = part.trim_end_matches('0');
    if part.len() > decimals {
        return None;
    }
    let all = format!("{whole}{part:0<decimals$}");
    let all = all.trim_start_matches('0');
    Some(if all.is_empty() { "0".to_owned() } else { all.to_owned() })
}

#[test]
fn amounts() {
    let forms = [
        AmountForm::MinorInt,
        AmountForm::MinorString,
        AmountForm::MinorAny,
        AmountForm::MinorStringFraction,
        AmountForm::DecimalString,
        AmountForm::DecimalNumber,
    ];
    let currencies =
        ["EUR", "JPY", "BHD", "CLF", "ISK"].map(|code| Currency::from_code(code).expect("a currency"));
    let alphabet = b"0123456789.00000999-+eE, _";
    bolero::check!().for_each(|input: &[u8]| {
        let mut script = Script::new(input);
        let form = forms[script.one_of(forms.len())];
        let currency = currencies[script.one_of(currencies.len())];
        let exponent = [None, Some(0), Some(2), Some(3)][script.one_of(4)];
        let bytes = script.bytes(40);
        let text: String =
            bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect();
        let max = AMOUNT_MINOR_MAX.to_string();
        let expected = digits(&text, form, currency, exponent);
        let is_small = |all: &String| (all.len(), all) <= (max.len(), &max);
        match Money::parse(&text, form, currency, exponent) {
            Ok(money) => {
                assert_eq!(
                    Some(money.minor.to_string()),
                    expected,
                    "{text} {form:?} {currency} {exponent:?}"
                );
            }
            Err(MoneyError::TooLarge { .. }) => {
                assert!(!expected.as_ref().is_some_and(is_small), "{text} {form:?} {currency} {exponent:?}");
            }
            Err(_) => assert_eq!(expected, None, "{text} {form:?} {currency} {exponent:?}"),
        }
    });
}
