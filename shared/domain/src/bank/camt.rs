//! CAMT.053: elements are known by their local names and their place, so every version of the message is read.

use super::{BankError, Booking, Statement, day, minor};
use crate::limits::JSON_DEPTH_MAX;
use crate::money::{Currency, excerpt};
use crate::time::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What is known of the statement that is being read.
#[derive(Default)]
struct Draft {
    account: String,
    opening: Option<(Currency, i64)>,
    closing: Option<(Currency, i64)>,
    entries: Vec<Booking>,
    balance: Balance,
    entry: EntryDraft,
}

#[derive(Default)]
struct Balance {
    code: String,
    amount: String,
    currency: String,
    is_debit: bool,
}

#[derive(Default)]
struct EntryDraft {
    amount: String,
    currency: String,
    is_debit: bool,
    status: String,
    date: String,
    end_to_end: Option<String>,
    entry_reference: Option<String>,
    bank_reference: Option<String>,
    text: Vec<String>,
}

pub(super) fn read(file: &[u8]) -> Result<Vec<Statement>, BankError> {
    let mut reader = Reader::from_reader(file);
    reader.config_mut().trim_text(true);
    let mut path: Vec<String> = Vec::new();
    let mut statements = Vec::new();
    let mut draft = Draft::default();
    loop {
        let at = reader.buffer_position();
        let broken = |why: String| BankError::Xml { at, why };
        let number = statements.len().saturating_add(1);
        match reader.read_event().map_err(|error| broken(error.to_string()))? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                if path.len() > JSON_DEPTH_MAX {
                    return Err(broken(format!("more than {JSON_DEPTH_MAX} levels")));
                }
                draft.begin(&path, &start).map_err(broken)?;
            }
            Event::Text(text) => {
                draft.text(&path, &text);
            }
            Event::GeneralRef(name) => {
                // The five of XML and numbers; no document may define more.
                let reference = format!("&{};", &*name);
                let text = quick_xml::escape::unescape(&reference).map(std::borrow::Cow::into_owned);
                draft.append(&path, &text.map_err(|error| broken(error.to_string()))?);
            }
            Event::End(_) => {
                let element = path.pop().unwrap_or_default();
                match (element.as_str(), path.last().map(String::as_str)) {
                    ("Bal", Some("Stmt")) => draft.end_balance(number)?,
                    ("Ntry", Some("Stmt")) => draft.end_entry(number)?,
                    ("Stmt", _) => statements.push(std::mem::take(&mut draft).finish(number)?),
                    _ => {}
                }
            }
            Event::DocType(_) => return Err(broken("a statement has no DOCTYPE".to_owned())),
            Event::Eof if !path.is_empty() => return Err(broken("the file ends in the middle".to_owned())),
            Event::Eof if statements.is_empty() => {
                return Err(BankError::Missing { statement: 1, what: "Stmt" });
            }
            Event::Eof => return Ok(statements),
            _ => {}
        }
    }
}

/// Whether the path ends in these elements.
fn is_at(path: &[String], end: &[&str]) -> bool {
    path.len() >= end.len() && path.iter().rev().zip(end.iter().rev()).all(|(one, other)| one == other)
}

impl Draft {
    fn begin(&mut self, path: &[String], start: &BytesStart<'_>) -> Result<(), String> {
        let into = if is_at(path, &["Stmt", "Ntry", "Amt"]) {
            &mut self.entry.currency
        } else if is_at(path, &["Stmt", "Bal", "Amt"]) {
            &mut self.balance.currency
        } else {
            return Ok(());
        };
        let attribute = start.try_get_attribute("Ccy").map_err(|error| error.to_string())?;
        *into = attribute.map(|code| code.value.into_owned()).unwrap_or_default();
        Ok(())
    }

    fn text(&mut self, path: &[String], text: &str) {
        let entry = &mut self.entry;
        match path {
            _ if is_at(path, &["Stmt", "Acct", "Id", "IBAN"])
                || is_at(path, &["Stmt", "Acct", "Id", "Othr", "Id"]) =>
            {
                text.clone_into(&mut self.account);
            }
            _ if is_at(path, &["Bal", "Tp", "CdOrPrtry", "Cd"]) => text.clone_into(&mut self.balance.code),
            _ if is_at(path, &["Stmt", "Bal", "Amt"]) => text.clone_into(&mut self.balance.amount),
            _ if is_at(path, &["Stmt", "Bal", "CdtDbtInd"]) => self.balance.is_debit = text == "DBIT",
            _ if is_at(path, &["Stmt", "Ntry", "Amt"]) => text.clone_into(&mut entry.amount),
            _ if is_at(path, &["Stmt", "Ntry", "CdtDbtInd"]) => entry.is_debit = text == "DBIT",
            _ if is_at(path, &["Ntry", "Sts"]) || is_at(path, &["Ntry", "Sts", "Cd"]) => {
                text.clone_into(&mut entry.status);
            }
            _ if is_at(path, &["BookgDt", "Dt"]) || is_at(path, &["BookgDt", "DtTm"]) => {
                text.clone_into(&mut entry.date);
            }
            _ if is_at(path, &["Ntry", "NtryRef"]) => entry.entry_reference = Some(text.to_owned()),
            _ if is_at(path, &["Ntry", "AcctSvcrRef"]) => entry.bank_reference = Some(text.to_owned()),
            _ if is_at(path, &["Refs", "EndToEndId"]) && text != "NOTPROVIDED" => {
                entry.end_to_end.get_or_insert_with(|| text.to_owned());
            }
            _ if is_at(path, &["RmtInf", "Ustrd"]) || path.last().is_some_and(|name| name == "Nm") => {
                entry.text.push(text.to_owned());
            }
            _ => {}
        }
    }

    /// More of a text that an entity stands in.
    fn append(&mut self, path: &[String], text: &str) {
        if is_at(path, &["RmtInf", "Ustrd"]) || path.last().is_some_and(|name| name == "Nm") {
            self.entry.text.push(text.to_owned());
        }
    }

    fn end_balance(&mut self, statement: usize) -> Result<(), BankError> {
        let Balance { code, amount, currency, is_debit } = std::mem::take(&mut self.balance);
        let (currency, minor) = signed("Bal/Amt", &amount, &currency, is_debit, statement)?;
        match code.as_str() {
            "OPBD" | "PRCD" => self.opening = Some((currency, minor)),
            "CLBD" => self.closing = Some((currency, minor)),
            _ => {}
        }
        Ok(())
    }

    fn end_entry(&mut self, statement: usize) -> Result<(), BankError> {
        let entry = std::mem::take(&mut self.entry);
        // Only what is booked is part of the balance.
        if !matches!(entry.status.as_str(), "BOOK" | "") {
            return Ok(());
        }
        let (_, minor) = signed("Ntry/Amt", &entry.amount, &entry.currency, entry.is_debit, statement)?;
        let at = date(&entry.date).ok_or_else(|| BankError::Value {
            statement,
            what: "Ntry/BookgDt",
            value: excerpt(&entry.date),
            why: "a day such as 2026-11-23 is expected".to_owned(),
        })?;
        let references = [entry.end_to_end, entry.entry_reference, entry.bank_reference];
        let reference = references.into_iter().flatten().next().unwrap_or_default();
        self.entries.push(Booking { reference, text: entry.text.join(" "), minor, at });
        Ok(())
    }

    fn finish(self, statement: usize) -> Result<Statement, BankError> {
        let missing = |what| BankError::Missing { statement, what };
        let (currency, opening) =
            self.opening.ok_or_else(|| missing("the opening balance (OPBD or PRCD)"))?;
        let (other, closing) = self.closing.ok_or_else(|| missing("the closing balance (CLBD)"))?;
        if currency != other {
            return Err(BankError::Value {
                statement,
                what: "Bal/Amt/@Ccy",
                value: other.to_string(),
                why: format!("the opening balance is in {currency}"),
            });
        }
        Statement { account: self.account, currency, opening, closing, entries: self.entries }
            .check(statement)
    }
}

fn signed(
    what: &'static str,
    amount: &str,
    code: &str,
    is_debit: bool,
    statement: usize,
) -> Result<(Currency, i64), BankError> {
    let wrong = |value: &str, why: String| BankError::Value { statement, what, value: excerpt(value), why };
    let currency = Currency::from_code(code).map_err(|error| wrong(code, error.to_string()))?;
    let minor = minor(amount, currency).map_err(|error| wrong(amount, error.to_string()))?;
    Ok((currency, if is_debit { minor.saturating_neg() } else { minor }))
}

fn date(text: &str) -> Option<Timestamp> {
    let date: jiff::civil::Date = text.get(..10)?.parse().ok()?;
    day(date.year(), date.month(), date.day())
}
