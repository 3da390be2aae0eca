//! The reading half of a run: it notes, and changes nothing.

use super::{Fault, LOOKUPS_PER_STEP, Reconciler, StepResult, Work};
use crate::ports::{
    ApiRequest, Bus, Cases, Clock, Evidence, Findings, Heal, Inbox, Ledger, Origin, Phase, PortError,
    ProviderApi, Queue, Reports, Resolution, Run, RunHistory, Runs, Sources,
};
use countersign_domain::dialect::{Listing, Reconcile as Books};
use countersign_domain::envelope;
use countersign_domain::fact::Fact;
use countersign_domain::ids::{EventKind, PaymentId, Sha256Hex};
use countersign_domain::json::{Doc, Json};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::limits::{FINDINGS_PER_RUN_MAX, PAGES_PER_LIST_MAX};
use countersign_domain::policy::{Policy, Verdict};
use countersign_domain::reconcile::{
    Difference, Snapshot, add_to_totals, compare, heal_id, plan, projected, snapshot,
};
use countersign_domain::source::Source;
use countersign_domain::translate::PaymentFact;
use std::collections::{BTreeMap, BTreeSet};

/// The type of an event that a run makes from the provider's own payment.
const CORRECTION: &str = "countersign.correction";

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
    /// One page of the provider's payments: differences are noted, with what levels them.
    pub(super) async fn read_payments(&self, work: &Work<'_>, run: &mut Run) -> StepResult<()> {
        let listing = &work.books.payments;
        let body = self.page(work.source, listing, run).await?;
        let json = Json::parse(&body).map_err(|error| unreadable_page(listing, &error))?;
        let page = Page::read(listing, json.root(), run)?;
        let mut seen = self.seen_payments(run).await?;
        let coming = self.coming_facts(run).await?;
        let mut payments = Vec::new();
        let mut notes = Vec::new();
        for doc in &page.inside {
            let theirs = snapshot(work.books, *doc).map_err(|error| {
                Fault::Provider(format!("{}: a payment cannot be read: {error}", listing.path))
            })?;
            // A list that shifts while it is read may show a payment twice.
            if !seen.insert(theirs.payment.clone()) {
                continue;
            }
            payments.push(theirs.payment.clone());
            let ours = self.ledger.history(&run.source, &theirs.payment).await?.pop();
            let payment = theirs.payment.clone();
            let sides = Sides { ours: ours.as_ref(), theirs: Some(&theirs), coming: coming.get(&payment) };
            notes.extend(weigh(run, &work.source.policy, &payment, &sides)?);
        }
        notes.push(Evidence::Page { page: run.pages, payments });
        self.note(run, &notes).await?;
        page.advance(run, Phase::Ledger);
        Ok(())
    }

    /// Some of the payments that began in the window and that the provider's list did not show: each is looked up.
    pub(super) async fn read_ledger(&self, work: &Work<'_>, run: &mut Run) -> StepResult<()> {
        let seen = self.seen_payments(run).await?;
        let coming = self.coming_facts(run).await?;
        let mut unseen = BTreeSet::new();
        for date in run.window.utc_dates() {
            unseen.extend(self.ledger.opened_on(&run.source, &date).await?);
        }
        unseen.retain(|payment| {
            payment.as_str().starts_with(&work.books.payment_prefix) && !seen.contains(payment)
        });
        let after = run.cursor.take();
        let mut rest =
            unseen.into_iter().filter(|payment| after.as_deref().is_none_or(|at| payment.as_str() > at));
        let mut notes = Vec::new();
        let until = self.end_of_step(work);
        for payment in rest.by_ref().take(LOOKUPS_PER_STEP) {
            run.cursor = Some(payment.to_string());
            let ours = self.ledger.history(&run.source, &payment).await?;
            // The ledger's index knows the day only.
            if ours.first().is_none_or(|first| run.window.contains(first.recorded_at)) {
                let theirs = self.lookup(work, run, &payment).await?;
                let sides =
                    Sides { ours: ours.last(), theirs: theirs.as_ref(), coming: coming.get(&payment) };
                notes.extend(weigh(run, &work.source.policy, &payment, &sides)?);
            }
            if self.clock.now() >= until {
                break;
            }
        }
        let is_more = rest.next().is_some();
        self.note(run, &notes).await?;
        if !is_more {
            (run.phase, run.cursor, run.pages) = (Phase::Recheck, None, 0);
        }
        Ok(())
    }

    /// One payment in the provider's books, or nothing.
    pub(super) async fn lookup(
        &self,
        work: &Work<'_>,
        run: &mut Run,
        payment: &PaymentId,
    ) -> StepResult<Option<Snapshot>> {
        let (answer, theirs) =
            look_up(&self.api, work.source, work.books, payment).await.map_err(Fault::Provider)?;
        run.has_read(&work.books.payment_path, &answer);
        Ok(theirs)
    }

    pub(super) async fn page(
        &self,
        source: &Source,
        listing: &Listing,
        run: &mut Run,
    ) -> StepResult<Vec<u8>> {
        if run.pages >= PAGES_PER_LIST_MAX {
            let why = format!("{}: more than {PAGES_PER_LIST_MAX} pages: use a report file", listing.path);
            return Err(Fault::Provider(why));
        }
        let request = page_request(listing, run);
        let body = self.api.get(source, &request).await.map_err(|e| Fault::Provider(e.chain()))?;
        let body =
            body.ok_or_else(|| Fault::Provider(format!("{}: the provider answers 404", listing.path)))?;
        run.has_read(&listing.path, &body);
        Ok(body)
    }

    /// The payments that the provider's list showed.
    pub(super) async fn seen_payments(&self, run: &Run) -> Result<BTreeSet<PaymentId>, PortError> {
        let notes = self.runs.notes(run, "page#").await?;
        let pages = notes.into_iter().filter_map(|note| match note {
            Evidence::Page { payments, .. } => Some(payments),
            _ => None,
        });
        Ok(pages.flatten().collect())
    }

    /// The facts of listed events that are noted to be sent, by payment: the ledger is compared as it will be.
    async fn coming_facts(&self, run: &Run) -> Result<BTreeMap<PaymentId, Vec<Fact>>, PortError> {
        let mut coming = BTreeMap::<_, Vec<_>>::new();
        for note in self.runs.notes(run, "heal#").await? {
            if let Evidence::Heal(heal) = note
                && heal.origin == Origin::Listed
            {
                for fact in heal.facts {
                    coming.entry(fact.payment).or_default().push(fact.fact);
                }
            }
        }
        Ok(coming)
    }

    pub(super) async fn note(&self, run: &mut Run, notes: &[Evidence]) -> StepResult<()> {
        let weighty = notes.iter().filter(|note| !matches!(note, Evidence::Page { .. })).count();
        run.noted = run.noted.saturating_add(u32::try_from(weighty).unwrap_or(u32::MAX));
        if run.noted > FINDINGS_PER_RUN_MAX {
            let why = format!("more than {FINDINGS_PER_RUN_MAX} differences: that is one fault, not many");
            return Err(Fault::Provider(why));
        }
        Ok(self.runs.note(run, notes).await?)
    }
}

/// What is known of one payment.
struct Sides<'a> {
    /// Its newest row in the ledger.
    ours: Option<&'a LedgerRow>,
    theirs: Option<&'a Snapshot>,
    /// What noted events will say of it.
    coming: Option<&'a Vec<Fact>>,
}

/// Compares one payment, adds it to the totals, and says what to note.
fn weigh(
    run: &mut Run,
    policy: &Policy,
    payment: &PaymentId,
    sides: &Sides<'_>,
) -> StepResult<Vec<Evidence>> {
    let Sides { ours: latest, theirs, coming } = *sides;
    let ours = latest.map(|row| &row.state);
    let read = latest
        .map_or_else(|| payment.to_string(), |row| format!("{payment} {} {}", row.version, row.cause.event));
    run.has_read("ledger", read.as_bytes());
    add_to_totals(&mut run.totals, ours, theirs);
    let will_be = projected(latest, coming.map_or(&[], Vec::as_slice));
    let plan = plan(will_be.as_ref(), theirs);
    let mut notes = Vec::new();
    let verdict = policy.verdict(&plan, will_be.as_ref(), theirs);
    let left: BTreeMap<_, _> = plan
        .differences
        .iter()
        .map(|difference| {
            let is_small = policy.tolerates(difference.kind, will_be.as_ref(), theirs);
            let resolution = match verdict {
                Verdict::Heal => Resolution::Healed,
                Verdict::Tolerate => Resolution::Tolerated,
                Verdict::Open if is_small => Resolution::Tolerated,
                Verdict::Open => Resolution::Open,
            };
            (difference.kind, resolution)
        })
        .collect();
    let heals = if verdict == Verdict::Heal { plan.heals } else { Vec::new() };
    // As the ledger is now, and what only shows once the listed events are in.
    let mut differences = compare(ours, theirs);
    let known: Vec<_> = differences.iter().map(|difference| difference.kind).collect();
    let coming = plan.differences.into_iter().filter(|difference| !known.contains(&difference.kind));
    // What only shows later is not part of today's sums.
    differences.extend(coming.map(|difference| Difference { effects: Vec::new(), ..difference }));
    for difference in differences {
        // What is not left is leveled by the listed events.
        let resolution = left.get(&difference.kind).copied().unwrap_or(Resolution::Healed);
        notes.push(Evidence::Difference { payment: payment.clone(), difference, resolution });
    }
    for fact in heals {
        let heal = correction(PaymentFact { payment: payment.clone(), fact }).map_err(Fault::Provider)?;
        notes.push(Evidence::Heal(Box::new(heal)));
    }
    Ok(notes)
}

/// Asks for one payment: the answer's bytes (none where the provider does not know it), and what it says.
///
/// # Errors
/// Why the provider's books cannot be read.
pub(crate) async fn look_up(
    api: &impl ProviderApi,
    source: &Source,
    books: &Books,
    payment: &PaymentId,
) -> Result<(Vec<u8>, Option<Snapshot>), String> {
    let request = ApiRequest {
        path: books.payment_path.replace("{id}", payment.as_str()),
        query: books.payment_query.clone(),
    };
    let Some(body) = api.get(source, &request).await.map_err(|error| error.chain())? else {
        return Ok((Vec::new(), None));
    };
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", request.path);
    let json = Json::parse(&body).map_err(|error| unreadable(&error))?;
    let object = json.root().at(&books.payment_object).map_err(|error| unreadable(&error))?;
    let Some(object) = object else {
        return Err(unreadable(&format!("there is no payment at {}", books.payment_object.as_str())));
    };
    let theirs = snapshot(books, object).map_err(|error| unreadable(&error))?;
    Ok((body, Some(theirs)))
}

/// The event that makes a fact known which the provider's own books state.
///
/// # Errors
/// Why it cannot be one.
pub(crate) fn correction(fact: PaymentFact) -> Result<Heal, String> {
    let broken = |error: &dyn std::fmt::Display| format!("payment {}: {error}", fact.payment);
    let body = serde_json::to_string(&fact).map_err(|error| broken(&error))?;
    Ok(Heal {
        origin: Origin::Correction,
        event: heal_id(&fact).map_err(|error| broken(&error))?,
        kind: EventKind::new(CORRECTION).map_err(|error| broken(&error))?,
        meaning: Sha256Hex::of(&[body.as_bytes()]),
        occurred_at: None,
        body,
        facts: vec![fact],
    })
}

fn page_request(listing: &Listing, run: &Run) -> ApiRequest {
    ApiRequest { path: listing.path.clone(), query: listing.query_of(run.window, run.cursor.as_deref()) }
}

pub(super) fn unreadable_page(listing: &Listing, error: &dyn std::fmt::Display) -> Fault {
    Fault::Provider(format!("{}: the page cannot be read: {error}", listing.path))
}

/// One page of a list.
pub(super) struct Page<'a> {
    /// The items whose time is in the window; an item without a time counts as inside.
    pub(super) inside: Vec<Doc<'a>>,
    /// What asks for the next page, if there is one to read.
    next: Option<String>,
}

impl<'a> Page<'a> {
    pub(super) fn read(listing: &Listing, doc: Doc<'a>, run: &Run) -> StepResult<Self> {
        let unreadable = |error: &dyn std::fmt::Display| unreadable_page(listing, error);
        let items = doc.all(&listing.items).map_err(|error| unreadable(&error))?;
        let next =
            listing.cursor_after(doc, &items, run.cursor.as_deref()).map_err(|error| unreadable(&error))?;
        let (path, form) = &listing.created;
        let mut inside = Vec::new();
        let mut oldest = None;
        for item in items {
            let created = envelope::time_at(item, path, *form).map_err(|error| unreadable(&error))?;
            oldest = created;
            if created.is_none_or(|created| run.window.contains(created)) {
                inside.push(item);
            }
        }
        let is_past = listing.is_newest_first && oldest.is_some_and(|oldest| oldest < run.window.from);
        Ok(Self { inside, next: next.filter(|_| !is_past) })
    }

    /// Moves a run to the next page, or to the next phase.
    pub(super) fn advance(self, run: &mut Run, next: Phase) {
        match self.next {
            None => (run.phase, run.cursor, run.pages) = (next, None, 0),
            cursor => {
                run.cursor = cursor;
                run.pages = run.pages.saturating_add(1);
            }
        }
    }
}
