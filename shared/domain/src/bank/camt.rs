//! CAMT.053: elements are known by their local names and their place, so every version of the message is read.
//!
//! What is lost here is lost from the books. So an entry that is not where entries are, and an element that a statement
//! does not have, are errors and not passed over.

mod entry;

use super::{At, BankError, Booking, Statement, minor};
use crate::limits::JSON_DEPTH_MAX;
use crate::money::Currency;
use crate::shape::Shape;
use entry::EntryDraft;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The elements of a statement, in any version.
const OF_STATEMENT: [&str; 16] = [
    "Id",
    "StmtPgntn",
    "ElctrncSeqNb",
    "RptgSeq",
    "LglSeqNb",
    "CreDtTm",
    "FrToDt",
    "CpyDplctInd",
    "RptgSrc",
    "Acct",
    "RltdAcct",
    "Intrst",
    "Bal",
    "TxsSummry",
    "Ntry",
    "AddtlStmtInf",
];
/// The elements of the message around statements.
const OF_MESSAGE: [&str; 3] = ["GrpHdr", "Stmt", "SplmtryData"];

/// An element that is being read.
struct Element {
    name: String,
    text: String,
    has_elements: bool,
}

/// What is known of the statement that is being read.
#[derive(Default)]
struct Draft {
    account: String,
    opening: Option<(Currency, i64)>,
    closing: Option<(Currency, i64)>,
    entries: Vec<(At, Currency, Booking)>,
    /// Entries so far, with those that are not booked.
    seen: usize,
    balance: Balance,
    entry: EntryDraft,
}

#[derive(Default)]
struct Balance {
    code: String,
    amount: Amount,
}

/// An amount as it is written.
#[derive(Default)]
struct Amount {
    text: Option<String>,
    currency: String,
    mark: Option<String>,
}

pub(super) fn read(file: &[u8]) -> Result<Vec<Statement>, BankError> {
    let mut reader = Reader::from_reader(file);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut statements = Vec::new();
    let mut draft = Draft::default();
    loop {
        let at = reader.buffer_position();
        let broken = |why: String| BankError::Xml { at, why };
        let number = statements.len().saturating_add(1);
        let text = match reader.read_event().map_err(|error| broken(error.to_string()))? {
            // The reader is lenient: a tag that is cut short would take in what stands behind it.
            Event::Start(start) if start.contains('<') => {
                return Err(broken(format!("a tag begins inside a tag, which is {}", Shape::of(&start))));
            }
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                check_place(&open, &name, draft.at(number))?;
                if let Some(parent) = open.last_mut() {
                    parent.has_elements = true;
                }
                open.push(Element { name, text: String::new(), has_elements: false });
                if open.len() > JSON_DEPTH_MAX {
                    return Err(broken(format!("more than {JSON_DEPTH_MAX} levels")));
                }
                draft.begin(&open, &start).map_err(broken)?;
                continue;
            }
            Event::End(_) => {
                check_content(&open).map_err(broken)?;
                draft.end(&open, number)?;
                if open.pop().is_some_and(|element| element.name == "Stmt") {
                    statements.push(std::mem::take(&mut draft).finish(number)?);
                }
                continue;
            }
            Event::Text(text) => text.to_string(),
            Event::CData(text) => text.to_string(),
            Event::GeneralRef(name) => {
                // The five of XML and numbers; no document may define more.
                let reference = format!("&{};", &*name);
                let text = quick_xml::escape::unescape(&reference).map(std::borrow::Cow::into_owned);
                text.map_err(|error| broken(error.to_string()))?
            }
            Event::DocType(_) => return Err(broken("a statement has no DOCTYPE".to_owned())),
            Event::Eof if !open.is_empty() => return Err(broken("the file ends in the middle".to_owned())),
            Event::Eof if statements.is_empty() => {
                return Err(At { statement: 1, entry: None }.missing("Stmt"));
            }
            Event::Eof => return Ok(statements),
            _ => continue,
        };
        if let Some(element) = open.last_mut() {
            element.text.push_str(&text);
        }
    }
}

/// Whether an element may stand where it begins.
fn check_place(open: &[Element], name: &str, at: At) -> Result<(), BankError> {
    let parent = open.last().map_or("", |parent| parent.name.as_str());
    let is_known = match parent {
        "Stmt" => OF_STATEMENT.contains(&name),
        "BkToCstmrStmt" => OF_MESSAGE.contains(&name),
        _ => !matches!(name, "Stmt" | "Ntry"),
    };
    if is_known {
        return Ok(());
    }
    let parent = if parent.is_empty() { "the file" } else { parent };
    Err(at.wrong("an element", name, format!("it has no place in {parent}")))
}

/// Whether the innermost element holds either text or elements, as everything does but what banks add in their own words.
fn check_content(open: &[Element]) -> Result<(), String> {
    let Some(Element { name, text, has_elements: true }) = open.last() else { return Ok(()) };
    let text = text.trim();
    if text.is_empty() || open.iter().any(|outer| outer.name == "SplmtryData") {
        return Ok(());
    }
    Err(format!("<{name}> holds a text and elements beside it; the text is {}", Shape::of(text)))
}

/// Whether what is open ends in these elements.
fn is_in(open: &[Element], end: &[&str]) -> bool {
    open.len() >= end.len() && open.iter().rev().zip(end.iter().rev()).all(|(one, other)| one.name == *other)
}

/// Fills what may be said once.
fn once(into: &mut Option<String>, what: &'static str, text: &str, at: At) -> Result<(), BankError> {
    match into.replace(text.to_owned()) {
        None => Ok(()),
        Some(first) => Err(at.wrong(what, text, format!("it was {first:?} before, in the same place"))),
    }
}

impl Draft {
    /// Where the next entry is.
    fn at(&self, statement: usize) -> At {
        At { statement, entry: Some(self.seen.saturating_add(1)) }
    }

    fn begin(&mut self, open: &[Element], start: &BytesStart<'_>) -> Result<(), String> {
        let into = if is_in(open, &["Stmt", "Ntry", "Amt"]) {
            &mut self.entry.amount.currency
        } else if is_in(open, &["Stmt", "Bal", "Amt"]) {
            &mut self.balance.amount.currency
        } else {
            return Ok(());
        };
        let attribute = start.try_get_attribute("Ccy").map_err(|error| error.to_string())?;
        *into = attribute.map(|code| code.value.into_owned()).unwrap_or_default();
        Ok(())
    }

    /// The end of the innermost element that is open.
    fn end(&mut self, open: &[Element], statement: usize) -> Result<(), BankError> {
        let Some(element) = open.last() else { return Ok(()) };
        let text = element.text.trim();
        let at = At { statement, entry: None };
        let balance = &mut self.balance;
        match element.name.as_str() {
            "Ntry" => self.end_entry(statement),
            "Bal" if is_in(open, &["Stmt", "Bal"]) => self.end_balance(at),
            _ if open.iter().any(|outer| outer.name == "Ntry") => {
                let at = self.at(statement);
                self.entry.take(open, text, at)
            }
            "IBAN" if is_in(open, &["Stmt", "Acct", "Id", "IBAN"]) => {
                text.clone_into(&mut self.account);
                Ok(())
            }
            "Id" if is_in(open, &["Stmt", "Acct", "Id", "Othr", "Id"]) => {
                text.clone_into(&mut self.account);
                Ok(())
            }
            "Cd" if is_in(open, &["Stmt", "Bal", "Tp", "CdOrPrtry", "Cd"]) => {
                text.clone_into(&mut balance.code);
                Ok(())
            }
            "Amt" if is_in(open, &["Stmt", "Bal", "Amt"]) => {
                once(&mut balance.amount.text, "Bal/Amt", text, at)
            }
            "CdtDbtInd" if is_in(open, &["Stmt", "Bal", "CdtDbtInd"]) => {
                once(&mut balance.amount.mark, "Bal/CdtDbtInd", text, at)
            }
            _ => Ok(()),
        }
    }

    fn end_balance(&mut self, at: At) -> Result<(), BankError> {
        let Balance { code, amount } = std::mem::take(&mut self.balance);
        let found = amount.read("Bal/Amt", "Bal/CdtDbtInd", at)?;
        let into = match code.as_str() {
            "OPBD" | "PRCD" => &mut self.opening,
            "CLBD" => &mut self.closing,
            _ => return Ok(()),
        };
        match into.replace(found) {
            Some(other) if other != found => {
                let why = "the statement has another balance of this kind, and they differ";
                Err(at.wrong("Bal/Tp", &code, why))
            }
            _ => Ok(()),
        }
    }

    fn end_entry(&mut self, statement: usize) -> Result<(), BankError> {
        let at = self.at(statement);
        self.seen = self.seen.saturating_add(1);
        if let Some((currency, booking)) = std::mem::take(&mut self.entry).booked(at)? {
            self.entries.push((at, currency, booking));
        }
        Ok(())
    }

    fn finish(self, statement: usize) -> Result<Statement, BankError> {
        let at = At { statement, entry: None };
        let (currency, opening) =
            self.opening.ok_or_else(|| at.missing("the opening balance (OPBD or PRCD)"))?;
        let (other, closing) = self.closing.ok_or_else(|| at.missing("the closing balance (CLBD)"))?;
        let differs = |found: Currency, at: At, what| {
            at.wrong(what, found.code(), format!("the opening balance is in {currency}"))
        };
        if currency != other {
            return Err(differs(other, at, "Bal/Amt/@Ccy"));
        }
        let mut entries = Vec::new();
        for (at, found, booking) in self.entries {
            if found != currency {
                return Err(differs(found, at, "Ntry/Amt/@Ccy"));
            }
            entries.push(booking);
        }
        Statement { account: self.account, currency, opening, closing, entries }.check(statement)
    }
}

impl Amount {
    /// Its minor units, below zero for a debit.
    fn read(self, what: &'static str, mark: &'static str, at: At) -> Result<(Currency, i64), BankError> {
        let text = self.text.unwrap_or_default();
        let currency = Currency::from_code(&self.currency)
            .map_err(|error| at.wrong(what, &self.currency, error.to_string()))?;
        let minor = minor(&text, currency).map_err(|error| at.wrong(what, &text, error.to_string()))?;
        match self.mark.as_deref() {
            Some("CRDT") => Ok((currency, minor)),
            Some("DBIT") => Ok((currency, minor.saturating_neg())),
            other => Err(at.wrong(mark, other.unwrap_or_default(), "CRDT or DBIT is expected")),
        }
    }
}
