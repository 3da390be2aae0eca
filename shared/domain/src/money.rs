//! Money: an integer of minor units in an ISO 4217 currency with its own exponent. No float exists anywhere.

use crate::limits::AMOUNT_MINOR_MAX;
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency that has minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

/// Why a text is not an amount that may be booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not in ISO 4217, or without minor units (gold, test codes).
    #[error("the currency {0:?} is not an ISO 4217 currency with minor units, and no other can be booked")]
    UnknownCurrency(String),
    /// Not written in the form that the dialect names.
    #[error("the amount {text:?} is not {expected}")]
    NotAnAmount {
        /// The source text, at most 40 characters of it.
        text: String,
        /// The form expected.
        expected: &'static str,
    },
    /// A part smaller than the currency's smallest unit.
    #[error("the amount {text} has a fraction that {currency} with {exponent} decimals cannot hold")]
    Fraction {
        /// The source text.
        text: String,
        /// The currency.
        currency: Currency,
        /// Its number of decimals.
        exponent: u32,
    },
    /// Beyond [`AMOUNT_MINOR_MAX`].
    #[error("the amount {text} is above the limit of {AMOUNT_MINOR_MAX} minor units")]
    TooLarge {
        /// The source text.
        text: String,
    },
    /// Two currencies where one was expected.
    #[error("{found} where the payment is in {expected}")]
    CurrencyDiffers {
        /// The payment's.
        expected: Currency,
        /// The fact's.
        found: Currency,
    },
    /// A sum outside `i64`.
    #[error("a sum of amounts in {currency} overflows")]
    Overflow {
        /// The currency.
        currency: Currency,
    },
}

impl MoneyError {
    /// What was expected, without what stands there: for texts that may be anything.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::UnknownCurrency(_) => "a currency of ISO 4217 with minor units is expected".to_owned(),
            Self::NotAnAmount { expected, .. } => format!("{expected} is expected"),
            Self::Fraction { currency, exponent, .. } => {
                format!("an amount in {currency} has at most {exponent} decimals")
            }
            Self::TooLarge { .. } => format!("it is above the limit of {AMOUNT_MINOR_MAX} minor units"),
            Self::CurrencyDiffers { .. } | Self::Overflow { .. } => self.to_string(),
        }
    }
}

impl Currency {
    /// The euro.
    pub(crate) const EUR: Self = Self(iso_currency::Currency::EUR);

    /// The currency of a code in any case: `eur`, `EUR`.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] when ISO 4217 has no such code or gives it no minor unit.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(excerpt(code));
        let currency = iso_currency::Currency::from_code(&code.to_ascii_uppercase()).ok_or_else(unknown)?;
        currency.exponent().map(|_| Self(currency)).ok_or_else(unknown)
    }

    /// `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Number of decimals: 2 for EUR, 0 for JPY, 3 for BHD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::from_code(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "ISO 4217 code, upper case.", "type": "string", "pattern": "^[A-Z]{3}$"
        })
    }
}

/// An amount of money that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Money {
    /// Minor units: 2000 is 20.00 EUR, 2000 JPY, or 2.000 BHD.
    #[schemars(range(min = 0))]
    pub minor: i64,
    /// Whose minor units.
    pub currency: Currency,
}

/// How a provider writes an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountForm {
    /// A JSON integer of minor units: `2000`.
    MinorInt,
    /// A string of minor units: `"2000"`.
    MinorString,
    /// Minor units, as a JSON integer or as a string: a provider that writes both.
    MinorAny,
    /// A string of minor units with a fraction that is zero: `"2000.0"`.
    MinorStringFraction,
    /// A string of major units: `"20.00"`.
    DecimalString,
    /// A JSON number of major units, read from its source text: `20.00`.
    DecimalNumber,
}

impl Money {
    /// Reads an amount from the source text of a number (or the content of a string).
    ///
    /// `exponent` is the number of decimals that the provider uses for this currency where it differs from ISO 4217
    /// (Stripe writes ISK with two); `None` means ISO's own.
    ///
    /// # Errors
    /// [`MoneyError`] names the text and what was expected. Signs, exponents, spaces and separators are refused.
    pub fn parse(
        text: &str,
        form: AmountForm,
        currency: Currency,
        exponent: Option<u32>,
    ) -> Result<Self, MoneyError> {
        let iso = currency.exponent();
        let (whole, fraction, expected) = match form {
            AmountForm::MinorInt | AmountForm::MinorString | AmountForm::MinorAny => {
                (text, None, "a whole number of minor units without sign, point or exponent")
            }
            AmountForm::MinorStringFraction => match text.split_once('.') {
                Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => {
                    (whole, None, MINOR_ZERO)
                }
                Some(_) => ("", None, MINOR_ZERO),
                None => (text, None, MINOR_ZERO),
            },
            AmountForm::DecimalString | AmountForm::DecimalNumber => match text.split_once('.') {
                Some((whole, fraction)) => (whole, Some(fraction), DECIMAL),
                None => (text, None, DECIMAL),
            },
        };
        let all_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || fraction.is_some_and(|digits| !all_digits(digits)) {
            return Err(MoneyError::NotAnAmount { text: excerpt(text), expected });
        }
        let wire_decimals = match form {
            AmountForm::MinorInt
            | AmountForm::MinorString
            | AmountForm::MinorAny
            | AmountForm::MinorStringFraction => exponent.unwrap_or(iso),
            AmountForm::DecimalString | AmountForm::DecimalNumber => {
                u32::try_from(fraction.unwrap_or_default().len()).unwrap_or(u32::MAX)
            }
        };
        let digits = [whole, fraction.unwrap_or_default()].concat();
        let minor = rescale(&digits, wire_decimals, iso).map_err(|fault| match fault {
            Rescale::Fraction => MoneyError::Fraction { text: excerpt(text), currency, exponent: iso },
            Rescale::TooLarge => MoneyError::TooLarge { text: excerpt(text) },
        })?;
        #[cfg(feature = "planted")]
        if crate::planted::is_planted(crate::planted::Mistake::FloatMoney) && fraction.is_some() {
            let minor = crate::planted::through_a_float(text, iso).unwrap_or(minor);
            return Ok(Self { minor, currency });
        }
        Ok(Self { minor, currency })
    }

    /// `20.00 EUR`, `2000 JPY`: for people, never parsed back.
    #[must_use]
    pub fn display(self) -> String {
        format!("{} {}", major(self.minor, self.currency), self.currency)
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.display())
    }
}

/// Minor units written in major units with the currency's decimals: `20.00`. The sign is kept: sums may be negative.
#[must_use]
pub fn major(minor: i64, currency: Currency) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let decimals = currency.exponent() as usize;
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

const MINOR_ZERO: &str = "a whole number of minor units, with or without a fraction of zeros";
const DECIMAL: &str = "a plain decimal number such as 20.00, without sign or exponent";

enum Rescale {
    Fraction,
    TooLarge,
}

/// Turns decimal digits counted in units of `10^-from` into an integer of units of `10^-to`.
fn rescale(digits: &str, from: u32, to: u32) -> Result<i64, Rescale> {
    let (kept, dropped) = match from.checked_sub(to) {
        Some(extra) => digits.split_at(digits.len().saturating_sub(extra as usize)),
        None => (digits, ""),
    };
    if dropped.bytes().any(|b| b != b'0') {
        return Err(Rescale::Fraction);
    }
    let significant = kept.trim_start_matches('0');
    let value: i64 =
        if significant.is_empty() { 0 } else { significant.parse().map_err(|_| Rescale::TooLarge)? };
    let missing = to.saturating_sub(from);
    10_i64
        .checked_pow(missing)
        .and_then(|factor| value.checked_mul(factor))
        .filter(|minor| *minor <= AMOUNT_MINOR_MAX)
        .ok_or(Rescale::TooLarge)
}

/// At most 40 characters of a text from outside: enough to recognise it, not enough to leak a body.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;
    use AmountForm::{DecimalNumber, DecimalString, MinorInt, MinorString};

    fn check(text: &str, form: AmountForm, code: &str, expected: Result<i64, &str>) {
        let currency = Currency::from_code(code).expect("a currency in a test");
        let found = Money::parse(text, form, currency, None).map(|m| m.minor).map_err(|e| e.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{text} {code} {form:?}");
    }

    #[test]
    fn amounts_are_read_from_their_source_text() {
        check("2000", MinorInt, "eur", Ok(2000));
        check("0", MinorInt, "EUR", Ok(0));
        check("2000", MinorString, "JPY", Ok(2000));
        check("20.00", DecimalString, "EUR", Ok(2000));
        check("20", DecimalString, "EUR", Ok(2000));
        check("20.5", DecimalNumber, "EUR", Ok(2050));
        check("20.5000", DecimalNumber, "EUR", Ok(2050));
        check("1.234", DecimalString, "BHD", Ok(1234));
        check("1", DecimalString, "JPY", Ok(1));
        check("1.00", DecimalString, "JPY", Ok(1));
        check("1000000000000000", MinorInt, "EUR", Ok(AMOUNT_MINOR_MAX));
        check(
            "9007199254740993",
            MinorInt,
            "EUR",
            Err("the amount 9007199254740993 is above the limit of 1000000000000000 minor units"),
        );
    }

    #[test]
    fn what_is_not_plainly_an_amount_is_refused() {
        const MINOR: &str = "a whole number of minor units without sign, point or exponent";
        for text in ["", "-1", "+1", "1e3", "1.0", " 1", "1,000", "٣", "0x10", "NaN"] {
            check(text, MinorInt, "EUR", Err(&format!("the amount {text:?} is not {MINOR}")));
        }
        for text in ["", ".5", "5.", "1.2.3", "1e2", "-0.01", "1_0"] {
            check(text, DecimalNumber, "EUR", Err(&format!("the amount {text:?} is not {DECIMAL}")));
        }
        check(
            "0.001",
            DecimalString,
            "EUR",
            Err("the amount 0.001 has a fraction that EUR with 2 decimals cannot hold"),
        );
        check(
            "1.5",
            DecimalString,
            "JPY",
            Err("the amount 1.5 has a fraction that JPY with 0 decimals cannot hold"),
        );
        let digits = "9".repeat(60);
        let message =
            format!("the amount {} is above the limit of 1000000000000000 minor units", "9".repeat(40));
        check(&digits, MinorInt, "EUR", Err(&message));
    }

    #[test]
    fn minor_units_may_end_in_a_fraction_of_zero() {
        const FRACTION: AmountForm = AmountForm::MinorStringFraction;
        check("2000.0", FRACTION, "EUR", Ok(2000));
        check("2000.00", FRACTION, "EUR", Ok(2000));
        check("2000", FRACTION, "EUR", Ok(2000));
        for text in ["2000.", "2000.5", "2000.05", ".0"] {
            check(text, FRACTION, "EUR", Err(&format!("the amount {text:?} is not {MINOR_ZERO}")));
        }
    }

    #[test]
    fn a_provider_may_count_a_currency_its_own_way() {
        let isk = Currency::from_code("ISK").expect("ISK");
        let parse = |text| Money::parse(text, MinorInt, isk, Some(2)).map(|m| m.minor);
        assert_eq!(parse("50000"), Ok(500));
        assert!(matches!(parse("50001"), Err(MoneyError::Fraction { .. })));
    }

    #[test]
    fn currencies_without_minor_units_are_refused() {
        for code in ["XAU", "XXX", "BTC", "", "EURO", "E"] {
            assert!(Currency::from_code(code).is_err(), "{code}");
        }
    }

    #[test]
    fn amounts_for_people() {
        for (minor, code, text) in
            [(2000, "EUR", "20.00"), (5, "EUR", "0.05"), (7, "JPY", "7"), (-1234, "BHD", "-1.234")]
        {
            assert_eq!(major(minor, Currency::from_code(code).expect(code)), text);
        }
    }
}
