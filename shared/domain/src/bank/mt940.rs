//! MT940: fields by their tags, one line of a statement at a time.
//!
//! What is lost here is lost from the books. So a line that reads as an entry and is none, a field that no statement has,
//! and a field outside of a statement are errors and not passed over.

mod booking;
mod fields;

use super::{At, BankError, Booking, Statement, minor};
use crate::money::{Currency, major};
use booking::{amount_of, booking, date};
use fields::{Field, fields};

pub(super) fn read(file: &str) -> Result<Vec<Statement>, BankError> {
    let fields = fields(file)?;
    if !fields.iter().any(|field| field.tag == "20") {
        return Err(BankError::Unknown);
    }
    let mut statements = Vec::new();
    let mut draft: Option<Draft> = None;
    for field in &fields {
        let at = At { statement: statements.len().saturating_add(1), entry: None };
        match (&mut draft, field.tag) {
            (None, "20") => draft = Some(Draft::default()),
            (None, tag) if may_follow(tag) && !statements.is_empty() => {}
            (None, tag) => {
                let value = format!(":{tag}:");
                return Err(at.wrong(
                    "a field outside of a statement",
                    &value,
                    "a statement begins with :20:",
                ));
            }
            // A page that is not the last ends in :62M:, and the next goes on.
            (Some(open), "20") if open.is_between_pages => {}
            (Some(_), "20") => return Err(at.missing("the closing balance (:62F:)")),
            (Some(open), _) => open.take(field, at.statement)?,
        }
        if field.tag == "62F"
            && let Some(done) = draft.take()
        {
            statements.push(done.finish(at.statement)?);
        }
    }
    match draft {
        Some(_) => {
            let at = At { statement: statements.len().saturating_add(1), entry: None };
            Err(at.missing("the closing balance (:62F:)"))
        }
        None => Ok(statements),
    }
}

/// What a bank may say behind the closing balance: other balances, and words to the owner.
fn may_follow(tag: &str) -> bool {
    matches!(tag, "64" | "65" | "86")
}

#[derive(Default)]
struct Draft {
    account: String,
    opening: Option<(Currency, i64)>,
    closing: Option<(Currency, i64)>,
    entries: Vec<Booking>,
    /// The closing balance of the page before.
    page: Option<(Currency, i64)>,
    /// A page is closed, and the next has not begun.
    is_between_pages: bool,
    /// Whether the field before belongs to an entry, and :86: to that.
    is_in_entry: bool,
}

impl Draft {
    fn take(&mut self, field: &Field<'_>, statement: usize) -> Result<(), BankError> {
        let at = At { statement, entry: None };
        let text = field.text.as_str();
        let balance = |what| balance(text).map_err(|why| at.wrong(what, text, why));
        match field.tag {
            "25" | "25P" => text.clone_into(&mut self.account),
            "60F" | "60M" => self.open(balance("the opening balance")?, text, at)?,
            "62F" => self.closing = Some(balance("the closing balance")?),
            "62M" => {
                let closing = balance("the closing balance of a page (:62M:)")?;
                self.close_page(closing, at)?;
            }
            "61" if self.is_between_pages => {
                let at = self.next_entry(statement);
                return Err(at.wrong_line("an entry (:61:)", text, "it stands between two pages"));
            }
            "61" => {
                let (currency, _) = self.opening.ok_or_else(|| at.missing("the opening balance (:60F:)"))?;
                let at = self.next_entry(statement);
                let entry =
                    booking(text, currency).map_err(|why| at.wrong_line("an entry (:61:)", text, why))?;
                self.entries.push(entry);
            }
            "86" if self.is_in_entry => {
                if let Some(entry) = self.entries.last_mut() {
                    entry.text.push_str(&text.replace('\n', ""));
                }
            }
            _ => {}
        }
        self.is_in_entry = field.tag == "61" || (field.tag == "86" && self.is_in_entry);
        Ok(())
    }

    fn next_entry(&self, statement: usize) -> At {
        At { statement, entry: Some(self.entries.len().saturating_add(1)) }
    }

    /// The first opening balance is the statement's; that of a later page is the one before's closing balance.
    fn open(&mut self, found: (Currency, i64), text: &str, at: At) -> Result<(), BankError> {
        self.is_between_pages = false;
        let Some(first) = self.opening else {
            self.opening = Some(found);
            return Ok(());
        };
        let expected = self.page.unwrap_or(first);
        if found == expected {
            return Ok(());
        }
        let (currency, minor) = expected;
        let why =
            format!("the balance before it is {} {currency}: a page is missing", major(minor, currency));
        Err(at.wrong("the opening balance of a page (:60M:)", text, why))
    }

    fn close_page(&mut self, closing: (Currency, i64), at: At) -> Result<(), BankError> {
        self.statement(closing, at)?.check(at.statement)?;
        self.page = Some(closing);
        self.is_between_pages = true;
        Ok(())
    }

    fn finish(self, statement: usize) -> Result<Statement, BankError> {
        let at = At { statement, entry: None };
        let closing = self.closing.ok_or_else(|| at.missing("the closing balance (:62F:)"))?;
        self.statement(closing, at)?.check(statement)
    }

    fn statement(&self, (other, closing): (Currency, i64), at: At) -> Result<Statement, BankError> {
        let (currency, opening) = self.opening.ok_or_else(|| at.missing("the opening balance (:60F:)"))?;
        if currency != other {
            let why = format!("the opening balance is in {currency}");
            return Err(at.wrong("the currency of a closing balance", other.code(), why));
        }
        let (account, entries) = (self.account.clone(), self.entries.clone());
        Ok(Statement { account, currency, opening, closing, entries })
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
