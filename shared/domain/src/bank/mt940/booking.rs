//! One entry of an MT940 statement.

use super::super::{Booking, day};
use super::minor;
use crate::money::Currency;
use crate::time::Timestamp;

/// What stands in an entry.
pub(super) struct Parts<'a> {
    sign: i64,
    amount: &'a str,
    reference: &'a str,
    at: Timestamp,
}

/// `2611231123CR1234,56NTRFREFERENCE//BANKREFERENCE`, and on another line what the bank adds.
pub(super) fn booking(text: &str, currency: Currency) -> Result<Booking, String> {
    let Parts { sign, amount, reference, at } = parts(text).ok_or_else(|| {
        "a day, a mark, an amount, a type and a reference such as 261123C10,00NTRFREF//BANK are expected"
            .to_owned()
    })?;
    let minor = amount_of(amount, currency)?.saturating_mul(sign);
    Ok(Booking { reference: reference.to_owned(), text: String::new(), minor, at })
}

/// The parts of an entry; nothing for what does not read as one.
pub(super) fn parts(text: &str) -> Option<Parts<'_>> {
    let line = text.lines().next().unwrap_or_default();
    let (value_day, rest) = line.split_at_checked(6)?;
    let value_at = date(value_day)?;
    // The day of entry, MMDD, may follow; the mark is always a letter.
    let (at, rest) = match rest.split_at_checked(4) {
        Some((four, rest)) if four.bytes().all(|byte| byte.is_ascii_digit()) => {
            (booked(value_day, four, value_at)?, rest)
        }
        _ => (value_at, rest),
    };
    let marks = [("RC", -1), ("RD", 1), ("C", 1), ("D", -1)];
    let (sign, rest) = marks.iter().find_map(|(mark, sign)| Some((*sign, rest.strip_prefix(mark)?)))?;
    // The third letter of the currency may follow the mark.
    let rest = rest.strip_prefix(|letter: char| letter.is_ascii_uppercase()).unwrap_or(rest);
    let amount_bytes = rest.find(|c: char| !c.is_ascii_digit() && c != ',')?;
    let (amount, rest) = rest.split_at_checked(amount_bytes)?;
    let (kind, references) = rest.split_at_checked(4)?;
    let is_kind = kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (own, bank) = references.split_once("//").unwrap_or((references, ""));
    let reference = if own == "NONREF" || own.is_empty() { bank } else { own };
    is_kind.then(|| Parts { sign, amount, reference: reference.trim(), at })
}

/// The entry's day in the year that puts it nearest to the value's: a value of 31 December may be booked on 2 January.
fn booked(value_day: &str, month_and_day: &str, value_at: Timestamp) -> Option<Timestamp> {
    let (year, month, day_of_month) = (two(value_day, 0)?, two(month_and_day, 0)?, two(month_and_day, 2)?);
    let year = 2000_i16.checked_add(i16::from(year))?;
    let near = |year: i16| day(year, month, day_of_month);
    let candidates = [year.checked_sub(1), Some(year), year.checked_add(1)].into_iter().flatten();
    let distance = |at: &Timestamp| at.as_second().abs_diff(value_at.as_second());
    candidates.filter_map(near).min_by_key(distance)
}

/// `1234,56`, and `1234,` for whole units.
pub(super) fn amount_of(text: &str, currency: Currency) -> Result<i64, String> {
    let text = text.trim().strip_suffix(',').unwrap_or(text.trim()).replace(',', ".");
    minor(&text, currency).map_err(|error| error.expected())
}

/// `YYMMDD`, of this century.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    day(2000_i16.checked_add(i16::from(two(text, 0)?))?, two(text, 2)?, two(text, 4)?)
}

/// Two digits, and nothing else that a number may have.
fn two(text: &str, from: usize) -> Option<i8> {
    let digits = text.get(from..from.saturating_add(2))?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
