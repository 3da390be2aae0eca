//! A format carries its own proof: lines of a file, and the rows that they come to.

use super::super::row::{Entry, Row, Rows as _};
use super::{ReportFormat, ReportRows};
use crate::money::Currency;
use serde::Deserialize;

/// Lines of a file, and what they come to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// What it shows.
    pub(super) name: String,
    text: String,
    rows: Vec<Expected>,
}

/// What an example says of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    reference: String,
    entry: Entry,
    #[serde(default)]
    item: String,
    currency: Currency,
    minor: i64,
    fee_minor: Option<i64>,
    #[serde(default)]
    payout: String,
}

impl Expected {
    fn of(row: &Row) -> Self {
        Self {
            reference: row.reference.clone(),
            entry: row.entry,
            item: row.item.clone(),
            currency: row.currency,
            minor: row.minor,
            fee_minor: row.settled.map(|settled| settled.fee_minor),
            payout: row.payout.clone(),
        }
    }
}

impl Example {
    /// # Errors
    /// What the lines come to instead.
    pub(super) fn check(self, format: &ReportFormat) -> Result<(), String> {
        let text = self.text.trim_start().as_bytes();
        let mut rows = ReportRows::new(text, format.clone()).map_err(|error| error.to_string())?;
        let (mut all, mut row) = (Vec::new(), Row::empty());
        while rows.next(&mut row).map_err(|error| error.to_string())? {
            all.push(Expected::of(&row));
        }
        if let Some(fault) = rows.faults().first() {
            return Err(fault.to_string());
        }
        let differs = |(at, (is, should)): (usize, (&Expected, &Expected))| {
            (is != should).then(|| format!("row {} is {is:?}", at.saturating_add(1)))
        };
        match all.iter().zip(&self.rows).enumerate().find_map(differs) {
            Some(why) => Err(why),
            None if all.len() != self.rows.len() => {
                Err(format!("there are {} rows, and {} are expected", all.len(), self.rows.len()))
            }
            None => Ok(()),
        }
    }
}
