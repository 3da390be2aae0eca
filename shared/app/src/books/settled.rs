//! A settlement checked: what was kept, paid out and booked, against what was agreed.

use super::evidence::FileSaid;
use crate::ports::{Findings, Port, PortError, Reports};
use crate::spreadsheet::cell;
use countersign_domain::books::compare::Tolerance;
use countersign_domain::books::{Entry, Row, Rows};
use countersign_domain::finding::{Finding, gather};
use countersign_domain::ids::SourceName;
use countersign_domain::limits::FINDINGS_PER_RUN_MAX;
use countersign_domain::money::major;
use countersign_domain::settlement::Gap;
use countersign_domain::settlement::fees::FeeSchedule;
use countersign_domain::settlement::payouts::{DepositRules, Payout, check_deposits, check_sums, payouts};
use countersign_domain::settlement::rates::Rates;
use countersign_domain::time::Timestamp;

/// What was agreed, and the bank's side of it. What is absent is not checked.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    /// The fees.
    pub fees: Option<FeeSchedule>,
    /// The exchange rates.
    pub rates: Option<Rates>,
    /// The bank's bookings that can only be payouts, and how they are looked for.
    pub deposits: Option<(Vec<Row>, DepositRules)>,
    /// For fees and exchanged amounts.
    pub tolerance: Tolerance,
}

/// What a settlement comes to.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Every payout that the report names.
    pub payouts: Vec<Payout>,
    /// What is not as it should be.
    pub gaps: Vec<Gap>,
}

/// Checks the rows of a settlement report, in any order, in one pass. Memory grows with the payouts, not with the rows.
/// `until` is the end of the bank's statement.
///
/// # Errors
/// Why a row cannot be read.
pub fn check<R: Rows>(rows: R, agreed: &Agreed, until: Timestamp) -> Result<Settlement, R::Error> {
    let mut gaps = Vec::new();
    let payouts = payouts(Watched { rows, agreed, gaps: &mut gaps })?;
    gaps.extend(check_sums(&payouts));
    if let Some((deposits, rules)) = &agreed.deposits {
        gaps.extend(check_deposits(&payouts, deposits, rules, until));
    }
    Ok(Settlement { payouts, gaps })
}

/// Rows whose fees and rates are looked at as they pass.
struct Watched<'a, R> {
    rows: R,
    agreed: &'a Agreed,
    gaps: &'a mut Vec<Gap>,
}

impl<R: Rows> Rows for Watched<'_, R> {
    type Error = R::Error;

    fn next(&mut self, row: &mut Row) -> Result<bool, R::Error> {
        if !self.rows.next(row)? {
            return Ok(false);
        }
        let Agreed { fees, rates, tolerance, .. } = self.agreed;
        if !matches!(row.entry, Entry::Payout | Entry::Deposit) {
            let found = [
                fees.as_ref().and_then(|fees| fees.check(row, *tolerance)),
                rates.as_ref().and_then(|rates| rates.check(row, *tolerance)),
            ];
            self.gaps.extend(found.into_iter().flatten());
        }
        Ok(true)
    }
}

impl Settlement {
    /// Puts what was found on record, with a table beside it, and gives back the table's object key.
    ///
    /// # Errors
    /// [`PortError`] when something cannot be kept, or there are so many gaps that they are one fault.
    pub async fn keep(
        &self,
        findings: &impl Findings,
        reports: &impl Reports,
        source: &SourceName,
        file: &FileSaid,
        now: Timestamp,
    ) -> Port<String> {
        if self.gaps.len() > FINDINGS_PER_RUN_MAX as usize {
            let why = format!("{} gaps: that is one fault, not many", self.gaps.len());
            return Err(PortError::new("findings", "raise", why));
        }
        let finding = |Gap { kind, subject, reason, at_stake }: &Gap| Finding {
            source: source.clone(),
            kind: *kind,
            subject: subject.clone(),
            reason: format!("{}: {reason}", file.name),
            at_stake: *at_stake,
            found_at: now,
        };
        // The fees of a payment and of its refunds are settled together.
        for finding in gather(self.gaps.iter().map(finding)) {
            // New or known, it is on record now.
            let _ = findings.raise(&finding).await?;
        }
        let key = format!("{source}/settlement/file-{}.csv", file.sha256.short());
        let table = self.table(file).map_err(|error| PortError::new("reports", "encode", error))?;
        reports.write(&key, "text/csv; charset=utf-8", table).await?;
        Ok(key)
    }

    /// Every payout and every gap, as CSV: the same settlement gives the same bytes.
    ///
    /// # Errors
    /// [`csv::Error`], which these shapes rule out.
    pub fn table(&self, file: &FileSaid) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "record",
            "payout",
            "currency",
            "paid",
            "rows",
            "rows_come_to",
            "kind",
            "about",
            "reason",
        ])?;
        for payout in &self.payouts {
            let paid = payout.paid.map(|paid| major(paid, payout.currency)).unwrap_or_default();
            let items = i64::try_from(payout.items).map(|items| major(items, payout.currency));
            let items = items.unwrap_or_else(|_| payout.items.to_string());
            let (count, code) = (payout.item_count.to_string(), payout.currency.code());
            csv.write_record(["payout", &cell(&payout.id), code, &paid, &count, &items, "", "", ""])?;
        }
        for Gap { kind, subject, reason, .. } in &self.gaps {
            let subject = subject.to_string();
            let (subject, reason) = (cell(&subject), cell(reason));
            csv.write_record(["gap", "", "", "", "", "", kind.as_str(), &subject, &reason])?;
        }
        csv.write_record(["input", "", "", "", "", "", "sha256", &cell(&file.name), file.sha256.as_str()])?;
        csv.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

#[cfg(test)]
mod tests;
