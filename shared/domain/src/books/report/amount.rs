//! Amounts as report files write them.

use super::super::row::Entry;
use super::format::{AmountFrom, Sign, Units};
use crate::money::{AmountForm, Currency, Money};

impl AmountFrom {
    /// The minor units that `credit` (and `debit`, where there are two columns) come to, positive in the usual direction of
    /// the entry.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn read(
        &self,
        credit: &str,
        debit: Option<&str>,
        entry: Entry,
        currency: Currency,
    ) -> Result<i64, String> {
        let minor = match debit.map(str::trim).filter(|text| !text.is_empty()) {
            None if self.debit.is_some() && credit.trim().is_empty() => {
                return Err("an amount is expected in one of the two columns".to_owned());
            }
            None => self.one(credit, currency)?,
            Some(debit) => {
                let debit = self.one(debit, currency)?;
                let credit = if credit.trim().is_empty() { 0 } else { self.one(credit, currency)? };
                if credit != 0 && debit != 0 {
                    return Err("an amount is expected in one of the two columns, and not in both".to_owned());
                }
                credit.saturating_sub(debit)
            }
        };
        let is_of_balance = self.sign == Sign::ByBalance || self.debit.is_some();
        Ok(if is_of_balance { minor.saturating_mul(entry.sign()) } else { minor })
    }

    /// One amount with its sign: before it, behind it, or as brackets around it.
    fn one(&self, text: &str, currency: Currency) -> Result<i64, String> {
        let text = text.trim();
        let bracketed = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let behind = text.strip_suffix('-');
        let before = text.strip_prefix('-').or_else(|| text.strip_prefix('\u{2212}'));
        let unsigned = bracketed.or(behind).or(before);
        let digits = unsigned.or_else(|| text.strip_prefix('+')).unwrap_or(text).trim();
        let mut plain = String::with_capacity(digits.len());
        let mut groups = Vec::new();
        for character in digits.chars() {
            if Some(character) == self.thousands_mark {
                groups.push(plain.len());
            } else if character == self.decimal_mark {
                plain.push('.');
            } else if character == '.' {
                // A point that is no mark of this file: 1.234 would be read a thousand times too small.
                return Err(format!("the decimal mark is {:?}", self.decimal_mark));
            } else {
                plain.push(character);
            }
        }
        let whole_digits = plain.find('.').unwrap_or(plain.len());
        // Each thousands mark stands before a multiple of three digits.
        let is_grouped =
            groups.iter().all(|at| *at > 0 && *at < whole_digits && (whole_digits - at).is_multiple_of(3));
        if !is_grouped {
            return Err("the marks of its thousands are not between groups of three digits".to_owned());
        }
        let form = match self.units {
            Units::Major => AmountForm::DecimalString,
            Units::Minor => AmountForm::MinorString,
        };
        let money = Money::parse(&plain, form, currency, None).map_err(|error| error.expected())?;
        Ok(if unsigned.is_some() { money.minor.saturating_neg() } else { money.minor })
    }
}
