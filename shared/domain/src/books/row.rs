//! One row of somebody's books.

use crate::money::Currency;
use crate::payment::PaymentStatus;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a row of the books is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Money taken for a payment.
    #[default]
    Payment,
    /// Money given back.
    Refund,
    /// Money pulled back by the payer's bank.
    Dispute,
    /// A cost that belongs to no payment.
    Fee,
    /// Something else between the provider and us; its amount may have either sign.
    Adjustment,
    /// A transfer from the provider to the bank.
    Payout,
    /// Money that the bank booked.
    Deposit,
}

impl Entry {
    /// The word that stands for it in files and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Fee => "fee",
            Self::Adjustment => "adjustment",
            Self::Payout => "payout",
            Self::Deposit => "deposit",
        }
    }

    /// 1 where a positive amount raises what the provider owes us, -1 where it lowers it.
    #[must_use]
    pub fn sign(self) -> i64 {
        match self {
            Self::Payment | Self::Adjustment | Self::Deposit => 1,
            Self::Refund | Self::Dispute | Self::Fee | Self::Payout => -1,
        }
    }
}

/// One row of somebody's books. It is filled again and again while a file is read, so that reading allocates nothing
/// per row; an empty text means that the side does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What both sides know the payment, payout or deposit by.
    pub reference: String,
    /// What it is about.
    pub entry: Entry,
    /// The refund's, dispute's, fee's or adjustment's own id; empty for the payment itself.
    pub item: String,
    /// The currency of `minor`.
    pub currency: Currency,
    /// Minor units, positive in the usual direction of the entry: a refund of 5.00 EUR is 500.
    pub minor: i64,
    /// Where the payment stands, if the side says so.
    pub status: Option<PaymentStatus>,
    /// What was settled for it, if the side says so.
    pub settled: Option<Settled>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// The payout that it was paid out with; empty where unknown.
    pub payout: String,
    /// How it was paid (`card`, `sepa_debit`), in the side's own words; empty where unknown.
    pub method: String,
    /// Its number, if the side numbers its rows.
    pub sequence: Option<u64>,
    /// Its place in the input, from 1.
    pub place: u64,
}

/// What a provider settled for a row, in the currency of its payouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The currency of the payout.
    pub currency: Currency,
    /// Minor units before the fee, with the sign convention of [`Row::minor`].
    pub gross_minor: i64,
    /// Minor units kept by the provider; negative when a fee is given back.
    pub fee_minor: i64,
    /// Units of the payout's currency for one unit of the row's, if they differ.
    pub rate: Option<Rate>,
}

/// An exchange rate: `digits / 10^scale`, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    digits: u64,
    scale: u32,
}

/// A text that is no exchange rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no exchange rate: a positive decimal number such as 1.0842 of at most 18 digits is expected"
)]
pub struct RateError {
    /// The text, shortened.
    pub text: String,
}

/// What rows are sorted and matched by: reference, entry, item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a> {
    /// See [`Row::reference`].
    pub reference: &'a str,
    /// See [`Row::entry`].
    pub entry: Entry,
    /// See [`Row::item`].
    pub item: &'a str,
}

/// A stream of rows. A reader that is lent can be asked afterwards what it set aside.
pub trait Rows {
    /// Why the next row cannot be read.
    type Error;

    /// Fills `row` with the next one, or says `false` when there is none.
    ///
    /// # Errors
    /// Why it cannot be read; what `row` holds then means nothing.
    fn next(&mut self, row: &mut Row) -> Result<bool, Self::Error>;
}

impl<R: Rows> Rows for &mut R {
    type Error = R::Error;

    fn next(&mut self, row: &mut Row) -> Result<bool, R::Error> {
        (**self).next(row)
    }
}

impl Row {
    /// A row that says nothing yet, its currency included: to be filled.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            reference: String::new(),
            entry: Entry::default(),
            item: String::new(),
            currency: Currency::EUR,
            minor: 0,
            status: None,
            settled: None,
            at: None,
            payout: String::new(),
            method: String::new(),
            sequence: None,
            place: 0,
        }
    }

    /// What it says of its money, for people: `captured 20.00 EUR`.
    #[must_use]
    pub fn describe(&self) -> String {
        let amount = format!("{} {}", crate::money::major(self.minor, self.currency), self.currency);
        let fee = self.settled.map_or_else(String::new, |settled| {
            let fee = crate::money::major(settled.fee_minor, settled.currency);
            let rate = settled.rate.map_or_else(String::new, |rate| format!(" at {rate}"));
            format!(", fee {fee} {}{rate}", settled.currency)
        });
        let what = self.status.map_or(self.entry.as_str(), crate::reconcile::word);
        format!("{what} {amount}{fee}")
    }

    /// What it is sorted and matched by.
    #[must_use]
    pub fn key(&self) -> Key<'_> {
        Key { reference: &self.reference, entry: self.entry, item: &self.item }
    }
}

impl Rate {
    /// From decimal text.
    ///
    /// # Errors
    /// [`RateError`] for anything but a positive plain decimal number.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let refused = || RateError { text: crate::money::excerpt(text) };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(refused());
        }
        let fraction = fraction.trim_end_matches('0');
        let digits: u64 = [whole, fraction].concat().parse().map_err(|_| refused())?;
        let scale = u32::try_from(fraction.len()).map_err(|_| refused())?;
        if digits == 0 || digits >= 10_u64.pow(18) || scale > 18 {
            return Err(refused());
        }
        Ok(Self { digits, scale })
    }

    /// The same as a share of a hundred: 1.4 becomes 0.014.
    #[must_use]
    pub(crate) fn hundredth(self) -> Self {
        Self { digits: self.digits, scale: self.scale.saturating_add(2) }
    }

    /// An amount exchanged at this rate, rounded half away from zero to the other currency's minor units. `None` when it
    /// leaves the range of amounts.
    #[must_use]
    pub fn exchange(self, minor: i64, from: Currency, into: Currency) -> Option<i64> {
        let mut numerator = i128::from(minor).checked_mul(i128::from(self.digits))?;
        let mut denominator = 10_i128.checked_pow(self.scale)?;
        let (from, into) = (from.exponent(), into.exponent());
        if into >= from {
            numerator = numerator.checked_mul(10_i128.checked_pow(into - from)?)?;
        } else {
            denominator = denominator.checked_mul(10_i128.checked_pow(from - into)?)?;
        }
        let half = denominator.checked_div(2)?;
        let rounded = numerator.abs().checked_add(half)?.checked_div(denominator)?;
        i64::try_from(rounded.checked_mul(numerator.signum())?).ok()
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits, width = scale.saturating_add(1));
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
        if fraction.is_empty() { f.write_str(whole) } else { write!(f, "{whole}.{fraction}") }
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;
    fn try_from(text: String) -> Result<Self, RateError> {
        Self::parse(&text)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).expect("a currency")
    }

    #[test]
    fn a_row_says_what_it_is_of() {
        let row = Row { minor: 2_000, ..Row::empty() };
        assert_eq!(row.describe(), format!("{} 20.00 EUR", row.entry.as_str()));
        let rate = Rate::parse("1.0842").expect("a rate");
        let settled =
            Settled { currency: currency("USD"), gross_minor: 2_168, fee_minor: 30, rate: Some(rate) };
        let row =
            Row { status: Some(crate::payment::PaymentStatus::Captured), settled: Some(settled), ..row };
        assert_eq!(row.describe(), "captured 20.00 EUR, fee 0.30 USD at 1.0842");
        assert_eq!(String::from(rate), "1.0842");
    }

    #[test]
    fn a_rate_is_exact_and_rounds_once() {
        for (rate, minor, from, into, expected) in [
            ("0.001", 1_000, "BHD", "JPY", Some(0)),
            ("150", 1_000, "BHD", "JPY", Some(150)),
            ("1.5", 1_000, "BHD", "EUR", Some(150)),
            ("1.5", 1, "CLF", "JPY", Some(0)),
            ("2", 10_000, "CLF", "BHD", Some(2_000)),
            ("1.0842", 1_000, "EUR", "USD", Some(1_084)),
            ("1.0845", 1_000, "EUR", "USD", Some(1_085)),
            ("1.0845", -1_000, "EUR", "USD", Some(-1_085)),
            ("161.3", 100, "EUR", "JPY", Some(161)),
            ("0.0062", 161, "JPY", "EUR", Some(100)),
            ("0.3", 1_000, "USD", "BHD", Some(3_000)),
            ("2", i64::MAX, "EUR", "USD", None),
        ] {
            let exchanged = Rate::parse(rate).expect(rate).exchange(minor, currency(from), currency(into));
            assert_eq!(exchanged, expected, "{minor} {from} at {rate} in {into}");
        }
    }

    #[test]
    fn a_rate_is_written_as_it_is_meant() {
        const SMALLEST: &str = "0.000000000000000001";
        const LARGEST: &str = "999999999999999999";
        for (text, written) in [
            ("1.0842", "1.0842"),
            ("1.0800", "1.08"),
            ("0.0062", "0.0062"),
            ("12", "12"),
            (SMALLEST, SMALLEST),
            (LARGEST, LARGEST),
        ] {
            assert_eq!(Rate::parse(text).expect(text).to_string(), written);
        }
        for refused in
            ["", "0", "-1", "1e3", ".5", "1.", "1,2", "1000000000000000000", "0.0000000000000000001"]
        {
            let error = Rate::parse(refused).expect_err(refused).to_string();
            assert!(error.contains("is no exchange rate"), "{error}");
        }
    }
}
