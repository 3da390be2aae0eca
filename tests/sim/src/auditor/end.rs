//! What is judged when the world has fallen quiet.

use super::invariant::Verdict;
use super::model::{Account, Happening, Stage};
use super::page::{Page, amount_of, fold};
use super::{Auditor, Invariant, check, source_name, version_of};
use crate::world::provider::{Event, Providers, Telling};
use countersign_app::ports::{InboxKey, InboxRow, Origin};
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::ledger::LedgerRow;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is left, sorted for the questions that are asked of it.
struct Remains<'a> {
    providers: &'a Providers,
    /// By source and event id: the row that counts.
    counted: BTreeMap<(String, String), InboxRow>,
    conflicts: Vec<InboxRow>,
    unreadable: Vec<InboxRow>,
    ledger: Vec<LedgerRow>,
    findings: Vec<Finding>,
}

impl Auditor {
    /// Judges the end.
    pub(crate) fn judge(&self, providers: &Providers) -> Verdict {
        let remains = self.remains(providers);
        self.check_quiet(&remains)?;
        self.check_powerless(&remains)?;
        self.check_unreadable(&remains)?;
        let mut applied = BTreeMap::new();
        for (number, event) in providers.events.iter().enumerate() {
            if let Some(happening) = self.check_event(&remains, number, event)? {
                applied.insert(number, happening);
            }
        }
        check_strangers(&remains)?;
        self.check_findings(&remains)?;
        self.check_discreet(&remains)?;
        self.check_books(providers)?;
        let payments: BTreeSet<_> =
            providers.events.iter().map(|event| (event.source, &event.payment)).collect();
        payments
            .into_iter()
            .try_for_each(|(source, payment)| self.check_payment(&remains, &applied, source, payment))
    }

    fn remains<'a>(&self, providers: &'a Providers) -> Remains<'a> {
        let mut remains = Remains {
            providers,
            counted: BTreeMap::new(),
            conflicts: Vec::new(),
            unreadable: Vec::new(),
            ledger: self.stores.ledger.rows(),
            findings: self.stores.findings.all(),
        };
        for row in self.stores.inbox.rows() {
            match &row.key {
                InboxKey::Event { source, event } => {
                    remains.counted.insert((source.to_string(), event.to_string()), row);
                }
                InboxKey::Conflict { .. } => remains.conflicts.push(row),
                InboxKey::Unreadable { .. } => remains.unreadable.push(row),
            }
        }
        remains
    }

    /// I15: nothing is left but what was never a message.
    fn check_quiet(&self, remains: &Remains<'_>) -> Verdict {
        let (waiting, dead) = self.stores.queue.left();
        check(Invariant::I15, waiting.is_empty(), || format!("messages are left in the queue: {waiting:?}"))?;
        let lost: Vec<_> = dead.iter().filter(|letter| !letter.is_poison).collect();
        check(Invariant::I15, lost.is_empty(), || {
            format!("dead letters are left that were messages: {lost:?}")
        })?;
        let unanswered = remains.providers.unanswered();
        check(Invariant::I15, unanswered.is_empty(), || {
            format!("webhooks are left without an answer: {unanswered:?}")
        })
    }

    /// I8: what was not authentic left nothing.
    fn check_powerless(&self, remains: &Remains<'_>) -> Verdict {
        let rows = remains.counted.values().chain(&remains.conflicts).chain(&remains.unreadable);
        for row in rows {
            let is_clean = !self.powerless.contains(row.attempt.as_str());
            check(Invariant::I8, is_clean, || format!("{} was written by what was not authentic", row.key))?;
        }
        let sent = self.stores.queue.traces();
        let forged = sent.intersection(&self.powerless).next();
        check(Invariant::I8, forged.is_none(), || {
            format!("a message was sent by what was not authentic: {forged:?}")
        })
    }

    /// I1: what could not be read is kept and seen.
    fn check_unreadable(&self, remains: &Remains<'_>) -> Verdict {
        for (source, bytes) in &self.unreadable {
            let name = &remains.providers.sources[*source].name;
            let text = String::from_utf8_lossy(bytes);
            let row =
                remains.unreadable.iter().find(|row| row.body == *bytes && row.key.source().as_str() == name);
            let Some(InboxRow { key: InboxKey::Unreadable { digest, .. }, .. }) = row else {
                return check(Invariant::I1, false, || {
                    format!("{name}: {text} was answered, and is not kept")
                });
            };
            let subject = Subject::Delivery(digest.clone());
            let is_seen = remains.has_finding(name, FindingKind::Unreadable, &subject);
            check(Invariant::I1, is_seen, || format!("{name}: {text} was kept, and nobody is told"))?;
        }
        Ok(())
    }

    /// I1, I2, I9: what becomes of one event. Returns what it did to its payment, if it did.
    fn check_event(
        &self,
        remains: &Remains<'_>,
        number: usize,
        event: &Event,
    ) -> Result<Option<Happening>, super::Violation> {
        let source = &remains.providers.sources[event.source].name;
        let name = format!("{source} {}", event.id);
        let rows: Vec<_> = remains.rows_of(source, &event.id).collect();
        let kept = remains.counted.get(&(source.clone(), event.id.clone()));
        let is_ours_to_know = event.is_generated && !self.is_let_go(remains, number, event);
        if kept.is_none() && !is_ours_to_know {
            return Ok(None);
        }
        let Some(kept) = kept else {
            check(Invariant::I1, false, || format!("{name} was acknowledged, and is not kept"))?;
            return Ok(None);
        };
        let counts = event.items.iter().position(|item| item.as_bytes() == kept.body);
        let Some(counts) = counts else {
            check(Invariant::I1, false, || format!("{name}: what is kept was never said"))?;
            return Ok(None);
        };
        self.check_conflicts(remains, number, event, counts)?;
        check(Invariant::I2, rows.len() <= 1, || format!("{name} is in the ledger {} times", rows.len()))?;
        let is_found = |kind| remains.has_event_finding(source, kind, &event.id);
        match (&event.versions[counts], rows.first()) {
            (Telling::Happens(happening), Some(row)) => {
                let is_there = row.payment.as_str() == event.payment;
                check(Invariant::I1, is_there, || {
                    format!("{name} was applied to {}, not {}", row.payment, event.payment)
                })?;
                let amount = amount_of(row);
                check(Invariant::I9, amount == happening.amount(), || {
                    format!("{name} was applied with {amount:?}, where what counts says {happening:?}")
                })?;
                Ok(Some(happening.clone()))
            }
            (Telling::Happens(happening), None) => {
                let is_set_aside = is_found(FindingKind::Contradiction);
                check(Invariant::I1, is_set_aside, || format!("{name} is neither applied nor set aside"))?;
                let why = || format!("{name} ({happening:?}) was set aside, and contradicts nothing");
                check(Invariant::I1, remains.is_contradicted(event, happening), why)?;
                Ok(None)
            }
            (Telling::Unmapped | Telling::Garbled(_), Some(row)) => {
                check(Invariant::I1, false, || {
                    format!("{name} says nothing, and was applied as {:?}", row.fact)
                })?;
                Ok(None)
            }
            (Telling::Unmapped, None) => Ok(None),
            (Telling::Garbled(garble), None) => {
                let is_set_aside = is_found(FindingKind::Untranslatable);
                check(Invariant::I1, is_set_aside, || format!("{name} ({garble:?}) is not set aside"))?;
                Ok(None)
            }
        }
    }

    /// Whether an event that nobody brought means nothing to us: then no list brings it in either.
    fn is_let_go(&self, remains: &Remains<'_>, number: usize, event: &Event) -> bool {
        let was_brought = (0..event.versions.len()).any(|v| self.acknowledged.contains(&(number, v)));
        let has_api = remains.providers.sources[event.source].format.has_api();
        has_api && !was_brought && event.versions[0] == Telling::Unmapped
    }

    /// I14: nothing that people or other systems read holds what only the inbox may.
    fn check_discreet(&self, remains: &Remains<'_>) -> Verdict {
        let forbidden = self.forbidden(&[]);
        for finding in &remains.findings {
            super::check_discreet("a finding", &format!("{finding:?}"), &forbidden)?;
        }
        for text in self.published_text.values() {
            super::check_discreet("a published event", text, &forbidden)?;
        }
        for row in &remains.ledger {
            super::check_discreet("a row of the ledger", &format!("{row:?}"), &forbidden)?;
        }
        for expectation in self.stores.expectations.all() {
            super::check_discreet("an expectation", &format!("{expectation:?}"), &forbidden)?;
        }
        for key in self.stores.reports.keys() {
            let bytes = self.stores.reports.read(&key).unwrap_or_default();
            super::check_discreet(&key, &String::from_utf8_lossy(&bytes), &forbidden)?;
        }
        Ok(())
    }

    /// I9: every other meaning that was acknowledged is kept apart, and seen.
    fn check_conflicts(&self, remains: &Remains<'_>, number: usize, event: &Event, counts: usize) -> Verdict {
        let source = &remains.providers.sources[event.source].name;
        for (version, item) in event.items.iter().enumerate() {
            if version == counts || !self.acknowledged.contains(&(number, version)) {
                continue;
            }
            let name = format!("{source} {}, version {version}", event.id);
            let is_kept = remains.conflicts.iter().any(|row| row.body == item.as_bytes());
            check(Invariant::I9, is_kept, || format!("{name} was acknowledged, and is not kept"))?;
            let is_seen = remains.has_event_finding(source, FindingKind::Conflicting, &event.id);
            check(Invariant::I9, is_seen, || format!("{name} was kept, and nobody is told"))?;
        }
        Ok(())
    }

    /// I3, I4, I5, I6, I10, I16: one payment's page.
    fn check_payment(
        &self,
        remains: &Remains<'_>,
        applied: &BTreeMap<usize, Happening>,
        source: usize,
        payment: &str,
    ) -> Verdict {
        let name = &remains.providers.sources[source].name;
        let rows: Vec<_> = remains.ledger.iter().filter(|row| row.is_of(name, payment)).collect();
        let versions: Vec<_> = rows.iter().map(|row| row.version).collect();
        let is_gapless = versions.iter().zip(1..).all(|(found, expected)| *found == expected);
        check(Invariant::I4, is_gapless, || format!("{name} {payment} has the versions {versions:?}"))?;
        let page = Page {
            name: format!("{name} {payment}"),
            is_spoilt: remains.is_spoilt(source, payment),
            is_doubted: remains.is_doubted(source, payment),
            is_contradicted: remains.is_contradicted_by_itself(source, payment),
        };
        let mut so_far = BTreeMap::new();
        let mut told_stage = Stage::Unknown;
        for row in &rows {
            let event = remains.number_of(source, row.cause.event.as_str());
            if let Some((number, happening)) = event.and_then(|number| applied.get_key_value(&number)) {
                so_far.insert(*number, happening);
            }
            page.check_version(row, &fold(&so_far))?;
            let told = self.published.get(&version_of(row));
            let is_told = told.is_some() == row.change.is_some();
            check(Invariant::I5, is_told, || {
                format!("{} v{} was not published as it should", page.name, row.version)
            })?;
            if let Some(told) = told {
                let event = event.map(|number| &remains.providers.events[number]);
                told_stage = page.check_told(event, row, told, told_stage)?;
            }
        }
        let account = if page.is_contradicted { fold(&so_far) } else { remains.books_of(source, payment) };
        page.check_end(rows.last().copied(), &account, told_stage)
    }
}

/// I2, I8: nothing is in the ledger that no provider ever said.
fn check_strangers(remains: &Remains<'_>) -> Verdict {
    for row in &remains.ledger {
        if is_correction(remains, row) {
            continue;
        }
        let is_known = remains.providers.sources.iter().enumerate().any(|(source, known)| {
            known.name == row.source.as_str() && remains.number_of(source, row.cause.event.as_str()).is_some()
        });
        check(Invariant::I8, is_known, || {
            format!("{} {} was applied, and no provider said it", row.source, row.cause.event)
        })?;
    }
    Ok(())
}

/// Whether a row was made by what our own books lacked.
fn is_correction(remains: &Remains<'_>, row: &LedgerRow) -> bool {
    let kept = remains.counted.get(&(row.source.to_string(), row.cause.event.to_string()));
    kept.is_some_and(|kept| kept.origin == Origin::Correction)
}

impl Auditor {
    /// No doubt without a reason.
    fn check_findings(&self, remains: &Remains<'_>) -> Verdict {
        for finding in &remains.findings {
            let source =
                remains.providers.sources.iter().position(|source| source.name == finding.source.as_str());
            let event = match (&finding.subject, source) {
                (Subject::Event(id), Some(source)) => remains.number_of(source, id.as_str()),
                _ => None,
            };
            let event = event.map(|number| &remains.providers.events[number]);
            let counts = |event: &Event| {
                let row = remains.counted.get(&(finding.source.to_string(), event.id.clone()))?;
                let version = event.items.iter().position(|item| item.as_bytes() == row.body)?;
                Some(event.versions[version].clone())
            };
            let is_real = match finding.kind {
                FindingKind::Unreadable => matches!(finding.subject, Subject::Delivery(_)),
                FindingKind::Conflicting if event.is_some() => {
                    event.is_some_and(|event| event.versions.len() > 1)
                }
                FindingKind::Untranslatable => {
                    event.and_then(counts).is_some_and(|telling| matches!(telling, Telling::Garbled(_)))
                }
                // A provider's event, or a correction that another event overtook.
                FindingKind::Contradiction => match &finding.subject {
                    Subject::Event(id) => {
                        let named = (finding.source.to_string(), id.to_string());
                        remains.counted.contains_key(&named)
                            && remains.rows_of(&named.0, &named.1).next().is_none()
                    }
                    _ => false,
                },
                _ => self.is_real(finding),
            };
            check(Invariant::I1, is_real, || format!("a finding without a reason: {finding:?}"))?;
        }
        Ok(())
    }
}

impl Remains<'_> {
    fn rows_of<'a>(&'a self, source: &'a str, event: &'a str) -> impl Iterator<Item = &'a LedgerRow> {
        let is_of =
            move |row: &&LedgerRow| row.source.as_str() == source && row.cause.event.as_str() == event;
        self.ledger.iter().filter(is_of)
    }

    fn number_of(&self, source: usize, id: &str) -> Option<usize> {
        self.providers.events.iter().position(|event| event.source == source && event.id == id)
    }

    fn has_finding(&self, source: &str, kind: FindingKind, subject: &Subject) -> bool {
        let is_it = |found: &Finding| {
            found.source.as_str() == source && found.kind == kind && found.subject == *subject
        };
        self.findings.iter().any(is_it)
    }

    fn has_event_finding(&self, source: &str, kind: FindingKind, event: &str) -> bool {
        let is_about = |subject: &Subject| matches!(subject, Subject::Event(id) if id.as_str() == event);
        let of_source = self.findings.iter().filter(|found| found.source == source_name(source));
        of_source.into_iter().any(|found| found.kind == kind && is_about(&found.subject))
    }

    /// What a provider told, or should have told, of a payment, each with its number.
    fn events_of<'a>(&'a self, source: usize, payment: &'a str) -> impl Iterator<Item = (usize, &'a Event)> {
        let events = self.providers.events.iter().enumerate();
        events.filter(move |(_, event)| event.source == source && event.payment == payment)
    }

    /// The provider's own page of a payment, of which it always said the same.
    fn books_of(&self, source: usize, payment: &str) -> Account {
        let happenings =
            self.events_of(source, payment).filter_map(|(number, event)| match &event.versions[..] {
                [Telling::Happens(happening)] => Some((number, happening)),
                _ => None,
            });
        fold(&happenings.collect())
    }

    /// Whether a payment's provider did not tell everything.
    fn is_spoilt(&self, source: usize, payment: &str) -> bool {
        let name = &self.providers.sources[source].name;
        let mut rows = self.ledger.iter().filter(|row| row.is_of(name, payment));
        self.events_of(source, payment).any(|(_, event)| !event.is_generated)
            || rows.any(|row| is_correction(self, row))
    }

    /// Whether a payment's difference from its provider's books is a finding.
    fn is_doubted(&self, source: usize, payment: &str) -> bool {
        let name = &self.providers.sources[source].name;
        let is_about = |subject: &Subject| matches!(subject, Subject::Payment(id) if id.as_str() == payment);
        let mut of_source = self.findings.iter().filter(|found| found.source.as_str() == name);
        of_source.any(|found| found.kind.is_between_books() && is_about(&found.subject))
    }

    /// Whether a payment's provider said one thing of it and another.
    fn is_contradicted_by_itself(&self, source: usize, payment: &str) -> bool {
        self.events_of(source, payment).any(|(_, event)| event.is_contradiction || event.versions.len() > 1)
    }

    /// Whether something that was applied stands against it: other money, or another amount of the same thing.
    fn is_contradicted(&self, event: &Event, happening: &Happening) -> bool {
        let name = &self.providers.sources[event.source].name;
        let rows = self.ledger.iter().filter(|row| row.is_of(name, &event.payment));
        let others = rows.filter_map(|row| self.number_of(event.source, row.cause.event.as_str()));
        let said = others.flat_map(|number| {
            let other = &self.providers.events[number];
            other.versions.iter().map(move |version| (other.currency, version))
        });
        said.into_iter().any(|(currency, version)| {
            let Telling::Happens(other) = version else { return false };
            let both_have_amounts = other.amount().is_some() && happening.amount().is_some();
            let is_other_money = currency != event.currency && both_have_amounts;
            let is_same_thing =
                happening.fixed_item().is_some() && happening.fixed_item() == other.fixed_item();
            is_other_money || (is_same_thing && happening.amount() != other.amount())
        })
    }
}

/// Whose row it is.
trait IsOf {
    fn is_of(&self, source: &str, payment: &str) -> bool;
}

impl IsOf for LedgerRow {
    fn is_of(&self, source: &str, payment: &str) -> bool {
        self.source.as_str() == source && self.payment.as_str() == payment
    }
}
