//! MT940: fields by their tags, one line of a statement at a time.

use super::{BankError, Booking, Statement, day, minor};
use crate::money::{Currency, excerpt};
use crate::time::Timestamp;

/// One field: its tag, and its lines.
struct Field<'a> {
    tag: &'a str,
    text: String,
}

pub(super) fn read(file: &str) -> Result<Vec<Statement>, BankError> {
    let fields = fields(file);
    if !fields.iter().any(|field| field.tag == "20") {
        return Err(BankError::Unknown);
    }
    let mut statements = Vec::new();
    let mut draft: Option<Draft> = None;
    for field in &fields {
        let number = statements.len().saturating_add(1);
        if field.tag == "20" {
            match &mut draft {
                None => draft = Some(Draft::default()),
                // A page that is not the last ends in :62M:, and the next goes on.
                Some(open) if open.goes_on => open.goes_on = false,
                Some(_) => {
                    return Err(BankError::Missing {
                        statement: number,
                        what: "the closing balance (:62F:)",
                    });
                }
            }
        }
        let Some(open) = &mut draft else { continue };
        open.take(field, number)?;
        if field.tag == "62F"
            && let Some(done) = draft.take()
        {
            statements.push(done.finish(number)?);
        }
    }
    match draft {
        Some(_) => {
            let statement = statements.len().saturating_add(1);
            Err(BankError::Missing { statement, what: "the closing balance (:62F:)" })
        }
        None => Ok(statements),
    }
}

fn fields(file: &str) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    for line in file.lines() {
        let line = line.trim_end();
        let tagged = line.strip_prefix(':').and_then(|rest| rest.split_once(':'));
        let tagged = tagged
            .filter(|(tag, _)| (2..=3).contains(&tag.len()) && tag.starts_with(|c: char| c.is_ascii_digit()));
        match (tagged, fields.last_mut()) {
            (Some((tag, text)), _) => fields.push(Field { tag, text: text.to_owned() }),
            // The end of the block, and what SWIFT puts around it.
            (None, _) if line == "-" || line == "-}" || line.starts_with('{') => {}
            (None, Some(last)) => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            (None, None) => {}
        }
    }
    fields
}

#[derive(Default)]
struct Draft {
    account: String,
    opening: Option<(Currency, i64)>,
    closing: Option<(Currency, i64)>,
    entries: Vec<Booking>,
    /// Whether another page is to come.
    goes_on: bool,
}

impl Draft {
    fn take(&mut self, field: &Field<'_>, statement: usize) -> Result<(), BankError> {
        let wrong =
            |what, why: String| BankError::Value { statement, what, value: excerpt(&field.text), why };
        match field.tag {
            "25" => field.text.clone_into(&mut self.account),
            "60F" | "60M" if self.opening.is_none() => {
                self.opening = Some(balance(&field.text).map_err(|why| wrong("the opening balance", why))?);
            }
            "62F" => {
                self.closing = Some(balance(&field.text).map_err(|why| wrong("the closing balance", why))?);
            }
            "62M" => self.goes_on = true,
            "61" => {
                let Some((currency, _)) = self.opening else {
                    return Err(BankError::Missing { statement, what: "the opening balance (:60F:)" });
                };
                self.entries
                    .push(booking(&field.text, currency).map_err(|why| wrong("an entry (:61:)", why))?);
            }
            "86" => {
                if let Some(entry) = self.entries.last_mut() {
                    entry.text = field.text.replace('\n', "");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, statement: usize) -> Result<Statement, BankError> {
        let missing = |what| BankError::Missing { statement, what };
        let (currency, opening) = self.opening.ok_or_else(|| missing("the opening balance (:60F:)"))?;
        let (_, closing) = self.closing.ok_or_else(|| missing("the closing balance (:62F:)"))?;
        Statement { account: self.account, currency, opening, closing, entries: self.entries }
            .check(statement)
    }
}

/// `C261123EUR1234,56`.
fn balance(text: &str) -> Result<(Currency, i64), String> {
    let expected =
        || "a mark, a day, a currency and an amount such as C261123EUR1234,56 are expected".to_owned();
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("C", rest)) => (1, rest),
        Some(("D", rest)) => (-1, rest),
        _ => return Err(expected()),
    };
    let (day, rest) = rest.split_at_checked(6).ok_or_else(expected)?;
    date(day).ok_or_else(expected)?;
    let (code, amount) = rest.split_at_checked(3).ok_or_else(expected)?;
    let currency = Currency::from_code(code).map_err(|error| error.to_string())?;
    Ok((currency, amount_of(amount, currency)?.saturating_mul(sign)))
}

/// `2611231123CR1234,56NTRFREFERENCE//BANKREFERENCE`, and on another line what the bank adds.
fn booking(text: &str, currency: Currency) -> Result<Booking, String> {
    let expected = || {
        "a day, a mark, an amount, a type and a reference such as 261123C10,00NTRFREF//BANK are expected"
            .to_owned()
    };
    let line = text.lines().next().unwrap_or_default();
    let (day, rest) = line.split_at_checked(6).ok_or_else(expected)?;
    let value_at = date(day).ok_or_else(expected)?;
    // The day of entry, MMDD, may follow; the mark is always a letter.
    let (entry_day, rest) = match rest.split_at_checked(4) {
        Some((four, rest)) if four.bytes().all(|byte| byte.is_ascii_digit()) => (Some(four), rest),
        _ => (None, rest),
    };
    let marks = [("RC", -1), ("RD", 1), ("C", 1), ("D", -1)];
    let (sign, rest) =
        marks.iter().find_map(|(mark, sign)| Some((*sign, rest.strip_prefix(mark)?))).ok_or_else(expected)?;
    // The third letter of the currency may follow the mark.
    let rest = rest.strip_prefix(|letter: char| letter.is_ascii_uppercase()).unwrap_or(rest);
    let amount_bytes = rest.find(|c: char| !c.is_ascii_digit() && c != ',').ok_or_else(expected)?;
    let (amount, rest) = rest.split_at_checked(amount_bytes).ok_or_else(expected)?;
    let (_kind, references) = rest.split_at_checked(4).ok_or_else(expected)?;
    let (own, bank) = references.split_once("//").unwrap_or((references, ""));
    let reference = if own == "NONREF" || own.is_empty() { bank } else { own };
    Ok(Booking {
        reference: reference.trim().to_owned(),
        text: String::new(),
        minor: amount_of(amount, currency)?.saturating_mul(sign),
        at: entry_day.and_then(|four| booked(day, four, value_at)).unwrap_or(value_at),
    })
}

/// The entry's day in the year that puts it nearest to the value's: a value of 31 December may be booked on 2 January.
fn booked(value_day: &str, month_and_day: &str, value_at: Timestamp) -> Option<Timestamp> {
    let year: i16 = value_day.get(..2)?.parse().ok()?;
    let near = |year: i16| date(&format!("{year:02}{month_and_day}"));
    let candidates = [year.checked_sub(1), Some(year), year.checked_add(1)].into_iter().flatten();
    let distance = |at: &Timestamp| at.as_second().abs_diff(value_at.as_second());
    candidates.filter_map(near).min_by_key(distance)
}

/// `1234,56`, and `1234,` for whole units.
fn amount_of(text: &str, currency: Currency) -> Result<i64, String> {
    let text = text.trim().strip_suffix(',').unwrap_or(text.trim()).replace(',', ".");
    minor(&text, currency).map_err(|error| error.to_string())
}

/// `YYMMDD`, of this century.
fn date(text: &str) -> Option<Timestamp> {
    let part = |from: usize| text.get(from..from.saturating_add(2))?.parse::<i8>().ok();
    day(2000_i16.checked_add(i16::from(part(0)?))?, part(2)?, part(4)?)
}
