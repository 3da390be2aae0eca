//! How a report file is written: TOML, checked when it is read.

use super::super::row::Entry;
use super::example::Example;
use super::time::Clock;
use crate::money::{Currency, excerpt};
use crate::payment::PaymentStatus;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Why a format cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is not written as it should be.
    #[error("the report format is not readable: {0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// A key holds what cannot be used.
    #[error("the report format has {key} = {value:?}: {remedy}")]
    Key {
        /// Which key.
        key: String,
        /// What it holds, shortened.
        value: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// One of its examples comes to other rows.
    #[error("the report format's example {name:?} comes out otherwise: {why}")]
    Example {
        /// Which.
        name: String,
        /// How.
        why: String,
    },
    /// No ready format has that name.
    #[error("there is no ready report format {name:?}; there are {known}")]
    Unknown {
        /// The name, shortened.
        name: String,
        /// Those there are.
        known: String,
    },
}

impl FormatError {
    /// There is no ready format of that name.
    pub(super) fn unknown(name: &str, known: &str) -> Self {
        Self::Unknown { name: excerpt(name), known: known.to_owned() }
    }
}

/// Lines of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Comma-separated values, or separated by another character. Columns are named by the header.
    Csv,
    /// A JSON object on each line. Columns are paths (`$.amount.value`).
    JsonLines,
}

/// A value that is the same for all rows, or in a column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum From<T> {
    /// The same for all.
    Constant(T),
    /// In a column, as it stands.
    Column(String),
}

/// A value of ours for each word of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words<T> {
    pub(super) column: String,
    pub(super) map: BTreeMap<String, T>,
}

/// What each row is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum EntryFrom {
    /// All are the same.
    Constant(Entry),
    /// By a word in a column.
    Words(Words<Entry>),
}

/// How the sign of an amount is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sign {
    /// Positive is the usual direction of the entry: a refund of 5.00 is written 5.00.
    #[default]
    ByEntry,
    /// Positive is money for us: a refund of 5.00 is written -5.00.
    ByBalance,
}

/// In which units an amount is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Units {
    /// `20.00`.
    #[default]
    Major,
    /// `2000`.
    Minor,
}

/// Where an amount is, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AmountFrom {
    /// Its column; with `debit`, that of money for us.
    pub(super) column: String,
    /// The column of money from us, where there are two.
    pub(super) debit: Option<String>,
    #[serde(default)]
    pub(super) units: Units,
    #[serde(default = "point")]
    pub(super) decimal_mark: char,
    pub(super) thousands_mark: Option<char>,
    #[serde(default)]
    pub(super) sign: Sign,
}

fn point() -> char {
    '.'
}

/// When a row happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct AtFrom {
    column: String,
    form: String,
    zone: Option<String>,
}

/// What was settled for a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettledFrom {
    pub(super) currency: From<Currency>,
    pub(super) gross: AmountFrom,
    pub(super) fee: AmountFrom,
    pub(super) rate: Option<String>,
}

/// Rows that are no entries: totals, headings, what is still on its way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaveOut {
    pub(super) column: String,
    pub(super) is: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    format: Kind,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "utf_8")]
    encoding: String,
    #[serde(default)]
    skip_lines: u8,
    columns: WrittenColumns,
    #[serde(default)]
    leave_out: Vec<LeaveOut>,
    #[serde(default)]
    examples: Vec<Example>,
}

fn comma() -> char {
    ','
}

fn utf_8() -> String {
    "utf-8".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenColumns {
    reference: String,
    entry: EntryFrom,
    item: Option<String>,
    currency: From<Currency>,
    amount: AmountFrom,
    status: Option<Words<PaymentStatus>>,
    at: Option<AtFrom>,
    payout: Option<String>,
    method: Option<String>,
    sequence: Option<String>,
    settled: Option<SettledFrom>,
}

/// Where each part of a row is.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub(super) reference: String,
    pub(super) entry: EntryFrom,
    pub(super) item: Option<String>,
    pub(super) currency: From<Currency>,
    pub(super) amount: AmountFrom,
    pub(super) status: Option<Words<PaymentStatus>>,
    pub(super) at: Option<(String, Clock)>,
    pub(super) payout: Option<String>,
    pub(super) method: Option<String>,
    pub(super) sequence: Option<String>,
    pub(super) settled: Option<SettledFrom>,
}

/// How a report file is written, checked.
#[derive(Clone, Debug)]
pub struct ReportFormat {
    /// What it is, for people.
    pub title: String,
    pub(super) kind: Kind,
    pub(super) delimiter: u8,
    pub(super) encoding: &'static encoding_rs::Encoding,
    pub(super) skip_lines: u8,
    pub(super) columns: Columns,
    pub(super) leave_out: Vec<LeaveOut>,
}

impl ReportFormat {
    /// Reads and checks a format; its examples must come to the rows that they say.
    ///
    /// # Errors
    /// [`FormatError`] names the key, its value and what to do.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let mut written: Written = toml::from_str(text).map_err(Box::new)?;
        let examples = std::mem::take(&mut written.examples);
        let format = Self::of(written)?;
        for example in examples {
            let name = example.name.clone();
            example.check(&format).map_err(|why| FormatError::Example { name, why })?;
        }
        Ok(format)
    }

    fn of(written: Written) -> Result<Self, FormatError> {
        let wrong = |key: &str, value: &str, remedy| FormatError::Key {
            key: key.to_owned(),
            value: excerpt(value),
            remedy,
        };
        let delimiter = u8::try_from(written.delimiter).ok().filter(|byte| byte.is_ascii() && *byte != b'"');
        let delimiter = delimiter.ok_or_else(|| {
            wrong(
                "delimiter",
                &written.delimiter.to_string(),
                "one ASCII character other than the quote is expected",
            )
        })?;
        let encoding = encoding_rs::Encoding::for_label(written.encoding.as_bytes());
        let encoding = encoding.ok_or_else(|| {
            let remedy =
                "a name of the WHATWG Encoding Standard is expected, such as utf-8, utf-16le or windows-1252";
            wrong("encoding", &written.encoding, remedy)
        })?;
        let columns = written.columns;
        let at = columns.at.map(|at| {
            let clock = Clock::new(&at.form, at.zone.as_deref());
            clock.map(|clock| (at.column, clock)).map_err(|(key, value, remedy)| wrong(key, &value, remedy))
        });
        let amounts = [
            Some(&columns.amount),
            columns.settled.as_ref().map(|s| &s.gross),
            columns.settled.as_ref().map(|s| &s.fee),
        ];
        for amount in amounts.into_iter().flatten() {
            if Some(amount.decimal_mark) == amount.thousands_mark || amount.decimal_mark.is_ascii_digit() {
                let remedy = "a mark that is no digit and not the thousands_mark is expected";
                return Err(wrong("decimal_mark", &amount.decimal_mark.to_string(), remedy));
            }
        }
        let format = Self {
            title: written.title,
            kind: written.format,
            delimiter,
            encoding,
            skip_lines: written.skip_lines,
            columns: Columns {
                at: at.transpose()?,
                reference: columns.reference,
                entry: columns.entry,
                item: columns.item,
                currency: columns.currency,
                amount: columns.amount,
                status: columns.status,
                payout: columns.payout,
                method: columns.method,
                sequence: columns.sequence,
                settled: columns.settled,
            },
            leave_out: written.leave_out,
        };
        if format.kind == Kind::JsonLines {
            for column in format.names() {
                if crate::json::Path::parse(column).is_err() {
                    let remedy = "in JSON lines a column is a path such as $.amount.value";
                    return Err(wrong("columns", column, remedy));
                }
            }
        }
        Ok(format)
    }

    /// What the rows of such a file can be: of anything else it says nothing.
    #[must_use]
    pub fn entries(&self) -> BTreeSet<Entry> {
        match &self.columns.entry {
            EntryFrom::Constant(entry) => [*entry].into(),
            EntryFrom::Words(words) => words.map.values().copied().collect(),
        }
    }

    /// Every column that is read.
    pub(super) fn names(&self) -> Vec<&str> {
        let columns = &self.columns;
        let mut names = vec![columns.reference.as_str(), &columns.amount.column];
        names.extend(columns.amount.debit.as_deref());
        if let EntryFrom::Words(words) = &columns.entry {
            names.push(&words.column);
        }
        if let From::Column(column) = &columns.currency {
            names.push(column);
        }
        names.extend(columns.status.as_ref().map(|words| words.column.as_str()));
        names.extend(columns.at.as_ref().map(|(column, _)| column.as_str()));
        let texts = [&columns.item, &columns.payout, &columns.method, &columns.sequence];
        names.extend(texts.into_iter().flatten().map(String::as_str));
        if let Some(settled) = &columns.settled {
            names.extend([settled.gross.column.as_str(), settled.fee.column.as_str()]);
            names.extend(settled.gross.debit.as_deref());
            names.extend(settled.fee.debit.as_deref());
            names.extend(settled.rate.as_deref());
            if let From::Column(column) = &settled.currency {
                names.push(column);
            }
        }
        names.extend(self.leave_out.iter().map(|rule| rule.column.as_str()));
        names
    }
}
