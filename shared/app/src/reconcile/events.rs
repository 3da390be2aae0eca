//! The provider's list of events: what the ledger lacks of it is noted, to be handed over like a delivery.

use super::read::{Page, unreadable_page};
use super::{Fault, Reconciler, StepResult, Work};
use crate::ports::{
    Bus, Cases, Clock, Evidence, Findings, Heal, Inbox, InboxKey, InboxRow, Ledger, Phase, Port, ProviderApi,
    Queue, Reports, Run, RunHistory, Runs, Sources,
};
use crate::process::ask::{ask, question_of_listed};
use countersign_domain::envelope::{self, RawEvent};
use countersign_domain::finding::{FindingKind, Subject};
use countersign_domain::ids::EventId;
use countersign_domain::json::Json;
use countersign_domain::limits::RECORDS_IN_FLIGHT_MAX;
use countersign_domain::signature::Headers;
use countersign_domain::source::Source;
use countersign_domain::translate::{Body, PaymentFact, TranslateError, Translation, named, translate};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;

/// What was found out about a listed event.
struct Looked {
    /// What the provider's API said when it was asked about it, as it came.
    answer: Option<Vec<u8>>,
    /// What makes the ledger know it, if it does not.
    heal: Option<Heal>,
}

impl<P, A, I, Q, L, F, R, O, B, C> Reconciler<P, A, I, Q, L, F, R, O, B, C>
where
    P: Sources,
    A: ProviderApi,
    I: Inbox,
    Q: Queue,
    L: Ledger,
    F: Findings + Cases,
    R: Runs + RunHistory,
    O: Reports,
    B: Bus,
    C: Clock,
{
    /// One page of the provider's events: those that the ledger lacks are noted, body and all.
    pub(super) async fn read_events(&self, work: &Work<'_>, run: &mut Run) -> StepResult<()> {
        let Some(listing) = &work.books.events else {
            run.phase = Phase::Payments;
            return Ok(());
        };
        let body = self.page(work.source, listing, run).await?;
        let json = Json::parse(&body).map_err(|error| unreadable_page(listing, &error))?;
        let page = Page::read(listing, json.root(), run)?;
        let (parked, disputed) = self.known_events(work.source).await?;
        let events = page
            .inside
            .iter()
            .map(|doc| envelope::event(&work.source.dialect, &Headers::default(), *doc))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                Fault::Provider(format!("{}: an event cannot be read: {error}", listing.path))
            })?;
        run.events_seen = run.events_seen.saturating_add(events.len() as u64);
        let looked: Vec<Looked> =
            stream::iter(events.into_iter().filter(|event| !parked.contains(&event.id)))
                .map(|event| {
                    let is_disputed = disputed.contains(&event.id);
                    self.look(work.source, event, is_disputed)
                })
                .buffered(RECORDS_IN_FLIGHT_MAX)
                .try_collect()
                .await?;
        let mut notes = Vec::new();
        for Looked { answer, heal } in looked {
            if let Some(answer) = answer {
                run.has_read(&format!("{}, asked about", listing.path), &answer);
            }
            notes.extend(heal.map(|heal| Evidence::Heal(Box::new(heal))));
        }
        self.note(run, &notes).await?;
        page.advance(run, Phase::Payments);
        Ok(())
    }

    /// Events that were set aside with a finding (sending them again would not help), and events that came with two
    /// meanings (the first one counts, and may have been handed over or not).
    async fn known_events(&self, source: &Source) -> Port<(BTreeSet<EventId>, BTreeSet<EventId>)> {
        let (mut parked, mut disputed) = (BTreeSet::new(), BTreeSet::new());
        for finding in self.findings.list(&source.name).await? {
            if let Subject::Event(event) = finding.subject {
                let of_its_kind =
                    if finding.kind == FindingKind::Conflicting { &mut disputed } else { &mut parked };
                of_its_kind.insert(event);
            }
        }
        Ok((parked, disputed))
    }

    /// The correction for a listed event that the ledger lacks. One that cannot be translated is handed over as well: no
    /// finding says so yet, whether it never came in or came in and was never handed over, and the processor will.
    async fn look(&self, source: &Source, event: RawEvent, is_disputed: bool) -> StepResult<Looked> {
        let first = if is_disputed {
            let key = InboxKey::Event { source: source.name.clone(), event: event.id.clone() };
            self.inbox.get(&key).await?
        } else {
            None
        };
        let (answer, translation) = self.said(source, &event, first.as_ref()).await?;
        let (is_missing, facts) = match translation {
            Ok(Translation::Unmapped) => (false, Vec::new()),
            Ok(Translation::Facts(facts)) => {
                let mut is_missing = false;
                for (id, fact) in named(&event.id, facts.clone()) {
                    is_missing |= !self.is_booked(source, &event.id, &id, &fact).await?;
                }
                (is_missing, facts)
            }
            Err(_) => (true, Vec::new()),
        };
        Ok(Looked { answer, heal: is_missing.then(|| Heal::listed(event, facts)) })
    }

    /// What a listed event says: by what came in first, where what is listed may be another meaning; and where an event means
    /// nothing without the provider's answer, by that, as the processor will read it.
    async fn said(
        &self,
        source: &Source,
        event: &RawEvent,
        first: Option<&InboxRow>,
    ) -> StepResult<(Option<Vec<u8>>, Result<Translation, TranslateError>)> {
        let (kind, body) = match first {
            Some(row) => (row.kind.as_ref().unwrap_or(&event.kind), row.content()),
            None => (&event.kind, Body::Json(event.body.as_bytes())),
        };
        match question_of_listed(source, kind, body) {
            Ok(Some(question)) => {
                let asked = ask(&self.api, source, &question, (&event.id, body)).await;
                let (answer, fetched) = asked.map_err(|error| Fault::Provider(error.chain()))?;
                let said = fetched.and_then(|fetched| translate(source, kind, Body::Json(&fetched.body)));
                Ok((answer, said))
            }
            Ok(None) => Ok((None, translate(source, kind, body))),
            Err(error) => Ok((None, Err(error))),
        }
    }

    /// Whether the ledger holds a fact of an event: under the id that it has by itself, or under one that was made from the
    /// provider's answer when the event came in.
    async fn is_booked(
        &self,
        source: &Source,
        event: &EventId,
        id: &EventId,
        PaymentFact { payment, fact }: &PaymentFact,
    ) -> Port<bool> {
        let history = self.ledger.history(&source.name, payment).await?;
        Ok(history.iter().any(|row| {
            row.cause.event == *id
                || (row.fact == *fact && row.cause.event.lineage().any(|from| from == *event))
        }))
    }
}
