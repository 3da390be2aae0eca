//! One entry of a CAMT.053 statement.

use super::super::{At, BankError, Booking, day};
use super::{Amount, Element, is_in, once};
use crate::money::Currency;
use crate::time::Timestamp;

#[derive(Default)]
pub(super) struct EntryDraft {
    pub(super) amount: Amount,
    status: Option<String>,
    date: Option<String>,
    end_to_end: Option<String>,
    entry_reference: Option<String>,
    bank_reference: Option<String>,
    text: Vec<String>,
}

impl EntryDraft {
    /// Takes the text of the innermost element that is open, at its end.
    pub(super) fn take(&mut self, open: &[Element], text: &str, at: At) -> Result<(), BankError> {
        let is = |end: &[&str]| is_in(open, end);
        if is(&["Ntry", "Amt"]) {
            return once(&mut self.amount.text, "Ntry/Amt", text, at);
        }
        if is(&["Ntry", "CdtDbtInd"]) {
            return once(&mut self.amount.mark, "Ntry/CdtDbtInd", text, at);
        }
        let is_status = is(&["Ntry", "Sts", "Cd"]) || is(&["Ntry", "Sts", "Prtry"]);
        if is_status || (is(&["Ntry", "Sts"]) && !text.is_empty()) {
            return once(&mut self.status, "Ntry/Sts", text, at);
        }
        if is(&["Ntry", "BookgDt", "Dt"]) || is(&["Ntry", "BookgDt", "DtTm"]) {
            return once(&mut self.date, "Ntry/BookgDt", text, at);
        }
        if is(&["Ntry", "NtryRef"]) {
            return once(&mut self.entry_reference, "Ntry/NtryRef", text, at);
        }
        if is(&["Ntry", "AcctSvcrRef"]) {
            return once(&mut self.bank_reference, "Ntry/AcctSvcrRef", text, at);
        }
        if is(&["Refs", "EndToEndId"]) && text != "NOTPROVIDED" {
            // The first of several payments in one booking.
            self.end_to_end.get_or_insert_with(|| text.to_owned());
        } else if (is(&["RmtInf", "Ustrd"]) || is(&["Nm"])) && !text.is_empty() {
            self.text.push(text.to_owned());
        }
        Ok(())
    }

    /// The booking and its currency; nothing for what is not booked yet, and so not part of the balance.
    pub(super) fn booked(self, at: At) -> Result<Option<(Currency, Booking)>, BankError> {
        match self.status.as_deref() {
            None | Some("BOOK") => {}
            Some("PDNG" | "INFO" | "FUTR") => return Ok(None),
            Some(other) => return Err(at.wrong("Ntry/Sts", other, "BOOK, PDNG, INFO or FUTR is expected")),
        }
        let (currency, minor) = self.amount.read("Ntry/Amt", "Ntry/CdtDbtInd", at)?;
        let written = self.date.unwrap_or_default();
        let booked_at = date(&written)
            .ok_or_else(|| at.wrong("Ntry/BookgDt", &written, "a day such as 2026-11-23 is expected"))?;
        let references = [self.end_to_end, self.entry_reference, self.bank_reference];
        let reference = references.into_iter().flatten().find(|text| !text.is_empty()).unwrap_or_default();
        Ok(Some((currency, Booking { reference, text: self.text.join(" "), minor, at: booked_at })))
    }
}

/// The day of a date, or of a time wherever that was.
fn date(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let date: jiff::civil::Date = date.parse().ok()?;
    let is_whole = rest.is_empty() || rest.starts_with(['T', 'Z', '+', '-']);
    is_whole.then(|| day(date.year(), date.month(), date.day())).flatten()
}
