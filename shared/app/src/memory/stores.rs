//! What comes in, the books, the doubts.

use super::Shared;
use crate::ports::{
    Append, Cases, Findings, Inbox, InboxKey, InboxRow, Ledger, LedgerView, Port, PortError, Put, Raised,
    Stepped,
};
use countersign_domain::finding::{Case, Finding, Standing, Step};
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::time::utc_date;
use std::collections::BTreeMap;

/// What came in. Rows live for ever.
#[derive(Clone, Debug, Default)]
pub struct MemoryInbox(Shared<BTreeMap<InboxKey, InboxRow>>);

impl MemoryInbox {
    /// Every row, by key.
    #[must_use]
    pub fn rows(&self) -> Vec<InboxRow> {
        self.0.lock().values().cloned().collect()
    }
}

impl Inbox for MemoryInbox {
    async fn put(&self, row: &InboxRow) -> Port<Put> {
        let mut rows = self.0.lock();
        if let Some(InboxRow { attempt, meaning, .. }) = rows.get(&row.key) {
            return Ok(Put::Exists { attempt: attempt.clone(), meaning: meaning.clone() });
        }
        rows.insert(row.key.clone(), row.clone());
        Ok(Put::Written)
    }

    async fn get(&self, key: &InboxKey) -> Port<Option<InboxRow>> {
        Ok(self.0.lock().get(key).cloned())
    }
}

type Books = BTreeMap<(SourceName, PaymentId), BTreeMap<u64, LedgerRow>>;

/// The books.
#[derive(Clone, Debug, Default)]
pub struct MemoryLedger(Shared<Books>);

impl MemoryLedger {
    /// Every row, by source, payment and version.
    #[must_use]
    pub fn rows(&self) -> Vec<LedgerRow> {
        self.0.lock().values().flat_map(BTreeMap::values).cloned().collect()
    }
}

impl Ledger for MemoryLedger {
    async fn view(&self, source: &SourceName, payment: &PaymentId, event: &EventId) -> Port<LedgerView> {
        let books = self.0.lock();
        let Some(rows) = books.get(&(source.clone(), payment.clone())) else {
            return Ok(LedgerView::default());
        };
        Ok(LedgerView {
            latest: rows.values().next_back().cloned(),
            of_event: rows.values().find(|row| row.cause.event == *event).cloned(),
        })
    }

    async fn history(&self, source: &SourceName, payment: &PaymentId) -> Port<Vec<LedgerRow>> {
        let books = self.0.lock();
        let rows = books.get(&(source.clone(), payment.clone()));
        Ok(rows.map(|rows| rows.values().cloned().collect()).unwrap_or_default())
    }

    async fn append(&self, row: &LedgerRow) -> Port<Append> {
        let mut books = self.0.lock();
        let rows = books.entry((row.source.clone(), row.payment.clone())).or_default();
        if rows.contains_key(&row.version) {
            return Ok(Append::Stale);
        }
        rows.insert(row.version, row.clone());
        Ok(Append::Appended)
    }

    async fn opened_on(&self, source: &SourceName, date: &str) -> Port<Vec<PaymentId>> {
        let books = self.0.lock();
        let of_source = books.iter().filter(|((whose, _), _)| whose == source);
        let opened =
            of_source.filter(|(_, rows)| rows.get(&1).is_some_and(|row| utc_date(row.recorded_at) == date));
        Ok(opened.map(|((_, payment), _)| payment.clone()).collect())
    }
}

/// The doubts.
#[derive(Clone, Debug, Default)]
pub struct MemoryFindings(Shared<BTreeMap<(SourceName, String), Case>>);

impl MemoryFindings {
    /// Every finding, by source and id.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.0.lock().values().map(|case| case.finding.clone()).collect()
    }

    /// The same with what was done about each.
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        self.0.lock().values().cloned().collect()
    }
}

impl Findings for MemoryFindings {
    async fn raise(&self, finding: &Finding) -> Port<Raised> {
        let mut findings = self.0.lock();
        let key = (finding.source.clone(), finding.id());
        let Some(known) = findings.get_mut(&key) else {
            findings.insert(key, Case::new(finding.clone()));
            return Ok(Raised::New);
        };
        known.seen_at = finding.found_at;
        known.sightings = known.sightings.saturating_add(1);
        if known.standing != Standing::Resolved {
            return Ok(Raised::Known);
        }
        *known = known
            .after(Step::seen_again(finding))
            .map_err(|error| PortError::new("findings", "raise", error))?;
        Ok(Raised::Reopened)
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Finding>> {
        Ok(self.of(source).await?.into_iter().map(|case| case.finding).collect())
    }
}

impl Cases for MemoryFindings {
    async fn of(&self, source: &SourceName) -> Port<Vec<Case>> {
        let findings = self.0.lock();
        Ok(findings.iter().filter(|((whose, _), _)| whose == source).map(|(_, case)| case.clone()).collect())
    }

    async fn find(&self, source: &SourceName, id: &str) -> Port<Option<Case>> {
        Ok(self.0.lock().get(&(source.clone(), id.to_owned())).cloned())
    }

    async fn step(&self, after: &Case) -> Port<Stepped> {
        let mut findings = self.0.lock();
        let known = findings.get_mut(&(after.finding.source.clone(), after.finding.id()));
        let before = after.steps.split_last().map(|(_, before)| before).unwrap_or_default();
        match known {
            Some(known) if known.steps == before => {
                (known.standing, known.steps) = (after.standing, after.steps.clone());
                Ok(Stepped::Written)
            }
            _ => Ok(Stepped::Changed),
        }
    }
}
