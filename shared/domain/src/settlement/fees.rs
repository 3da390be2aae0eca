//! What a provider may keep: a schedule of fees, as data.

use super::Gap;
use crate::books::compare::Tolerance;
use crate::books::{Entry, Rate, Row};
use crate::finding::{FindingKind, Subject};
use crate::ids::PaymentId;
use crate::money::{AmountForm, Currency, Money, excerpt, major};
use crate::time::Timestamp;
use serde::Deserialize;

/// Why a schedule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FeesError {
    /// It is not written as it should be.
    #[error("the fee schedule is not readable: {0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// A key holds what cannot be used.
    #[error("fee {number}: {key} is {value:?}: {remedy}")]
    Key {
        /// Which fee of the file, from 1.
        number: usize,
        /// Which key.
        key: &'static str,
        /// What it holds, shortened.
        value: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "fee")]
    fees: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    entry: Entry,
    method: Option<String>,
    currency: Currency,
    percent: Option<String>,
    fixed: Option<String>,
    least: Option<String>,
    most: Option<String>,
    above: Option<String>,
    from: Option<Timestamp>,
}

/// One line of a schedule: it is for rows of its entry, currency and method, of more than `above`, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fee {
    entry: Entry,
    method: Option<String>,
    currency: Currency,
    percent: Option<Rate>,
    fixed: i64,
    least: Option<i64>,
    most: Option<i64>,
    above: i64,
    from: Option<Timestamp>,
}

/// What a provider may keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeSchedule {
    fees: Vec<Fee>,
}

impl FeeSchedule {
    /// Reads and checks a schedule: `[[fee]]` with `currency`, and any of `entry` (payment without it), `method`,
    /// `percent`, `fixed`, `least`, `most`, `above` (the tier) and `from`, amounts in major units.
    ///
    /// # Errors
    /// [`FeesError`] names the fee, the key, its value and what to do.
    pub fn parse(text: &str) -> Result<Self, FeesError> {
        let file: File = toml::from_str(text).map_err(Box::new)?;
        let fees = file.fees.into_iter().zip(1..).map(|(written, number)| written.check(number));
        Ok(Self { fees: fees.collect::<Result<_, _>>()? })
    }

    /// Minor units that may be kept for a row; `None` where nothing was agreed. Of several lines that fit, the one with the
    /// highest tier counts, then the newest, then one for a method before one for all.
    #[must_use]
    pub fn expected(&self, row: &Row) -> Option<i64> {
        let fits = |fee: &&Fee| {
            fee.entry == row.entry
                && fee.currency == row.currency
                && fee.method.as_ref().is_none_or(|method| *method == row.method)
                && (fee.above == 0 || row.minor > fee.above)
                && fee.from.is_none_or(|from| row.at.is_some_and(|at| at >= from))
        };
        let fee =
            self.fees.iter().filter(fits).max_by_key(|fee| (fee.above, fee.from, fee.method.is_some()))?;
        let share = match fee.percent {
            Some(percent) => percent.hundredth().exchange(row.minor, row.currency, row.currency)?,
            None => 0,
        };
        let kept = share.checked_add(fee.fixed)?;
        let kept = fee.least.map_or(kept, |least| kept.max(least));
        Some(fee.most.map_or(kept, |most| kept.min(most)))
    }

    /// What is kept and was not agreed. Only rows that were settled in their own currency are looked at: what another
    /// currency's fee comes to is the rate's affair.
    #[must_use]
    pub fn check(&self, row: &Row, tolerance: Tolerance) -> Option<Gap> {
        let settled = row.settled.filter(|settled| settled.currency == row.currency)?;
        let expected = self.expected(row)?;
        if tolerance.allows(settled.fee_minor, expected) {
            return None;
        }
        let amount = |minor| format!("{} {}", major(minor, row.currency), row.currency);
        let payment = PaymentId::new(row.reference.as_str()).ok()?;
        Some(Gap {
            kind: FindingKind::FeeDiffers,
            subject: Subject::Payment(payment),
            reason: format!(
                "{} of {} kept, and {} agreed",
                amount(settled.fee_minor),
                amount(row.minor),
                amount(expected)
            ),
            at_stake: Some(Money {
                minor: settled.fee_minor.saturating_sub(expected).saturating_abs(),
                currency: row.currency,
            }),
        })
    }
}

impl Written {
    fn check(self, number: usize) -> Result<Fee, FeesError> {
        let wrong = |key, value: &str, remedy| FeesError::Key { number, key, value: excerpt(value), remedy };
        let amount = |key, text: Option<&String>| {
            let money = |text: &String| Money::parse(text, AmountForm::DecimalString, self.currency, None);
            let remedy = "an amount in major units such as 0.25 is expected, with no more decimals than the currency has";
            text.map(|text| money(text).map(|money| money.minor).map_err(|_| wrong(key, text, remedy)))
                .transpose()
        };
        let percent = self.percent.as_ref().map(|text| {
            Rate::parse(text)
                .map_err(|_| wrong("percent", text, "a positive decimal number such as 1.4 is expected"))
        });
        let fee = Fee {
            entry: self.entry,
            percent: percent.transpose()?,
            fixed: amount("fixed", self.fixed.as_ref())?.unwrap_or(0),
            least: amount("least", self.least.as_ref())?,
            most: amount("most", self.most.as_ref())?,
            above: amount("above", self.above.as_ref())?.unwrap_or(0),
            method: self.method,
            currency: self.currency,
            from: self.from,
        };
        if fee.percent.is_none() && self.fixed.is_none() {
            return Err(wrong("percent", "", "a fee needs percent, fixed, or both"));
        }
        if fee.least > fee.most && fee.most.is_some() {
            let least = self.least.unwrap_or_default();
            return Err(wrong("least", &least, "it is more than most"));
        }
        Ok(fee)
    }
}
