//! The providers' own books, as their API shows them: lists by page, and payments one by one. Stripe's, which is the only
//! provider in these worlds that has an API.

use super::books::{Currency, Telling};
use super::wire::{ITEMS_BY_POSITION, snapshot};
use super::{Event, Format, Providers};
use crate::auditor::model::{Account, Happening};
use crate::world::faults::Fault;
use crate::world::hub::{Hub, Mishap};
use countersign_app::ports::{ApiRequest, Port, PortError, ProviderApi};
use countersign_domain::source::Source;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How far a copy of the provider's lists may lag behind, in milliseconds.
pub(crate) const LAG_MS_MAX: i64 = 7_200_000;
/// How late an event may be in the provider's list, in milliseconds.
const LISTED_LATE_MS_MAX: i64 = 18_000_000;

/// What every provider with an API knows, by source.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<BTreeMap<String, Book>>);

/// What one provider knows of our account.
pub(crate) struct Book {
    events: Vec<Listed>,
    pub(crate) payments: BTreeMap<String, Paid>,
    items_per_page: usize,
    /// When the list of payments last showed one.
    shown_at_ms: Mutex<BTreeMap<String, i64>>,
    /// When one was first asked for by name and not known.
    denied_at_ms: Mutex<BTreeMap<String, i64>>,
}

/// How a list moved since its last page was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drift {
    None,
    /// Something came in before what is read now.
    Longer,
    /// Something before it is gone.
    Shorter,
}

/// An event in the provider's list.
struct Listed {
    id: String,
    at_ms: i64,
    /// From when on the list shows it.
    shown_from_ms: i64,
    item: String,
}

/// A payment, and when what happened to it.
pub(crate) struct Paid {
    pub(crate) currency: Currency,
    pub(crate) created_ms: i64,
    happenings: Vec<(i64, Happening)>,
}

impl Paid {
    /// Its page in the provider's books, as it was at a moment.
    pub(crate) fn account_at(&self, at_ms: i64) -> Account {
        let mut account = Account::default();
        let so_far = self.happenings.iter().filter(|(happened_ms, _)| *happened_ms <= at_ms);
        so_far.for_each(|(_, happening)| account.happen(happening));
        account
    }
}

impl Books {
    /// The books of every provider that has an API.
    pub(crate) fn of(providers: &Providers, hub: &Hub) -> Self {
        let with_api = providers.sources.iter().enumerate().filter(|(_, source)| source.format.has_api());
        let book = |number: usize| {
            let mut state = hub.lock();
            let events = providers.events.iter().filter(|event| event.source == number);
            let mut book = Book {
                events: Vec::new(),
                payments: BTreeMap::new(),
                items_per_page: state.dice.index(4).saturating_add(1),
                shown_at_ms: Mutex::default(),
                denied_at_ms: Mutex::default(),
            };
            for event in events {
                book.write(event);
                if event.is_generated {
                    let late_ms = if state.strikes(Fault::ListedLate) { LISTED_LATE_MS_MAX } else { 30_000 };
                    let lag_ms = state.dice.between(0, late_ms);
                    book.events.push(Listed {
                        id: event.id.clone(),
                        at_ms: event.at_ms,
                        shown_from_ms: event.at_ms.saturating_add(lag_ms),
                        item: event.items[0].clone(),
                    });
                }
            }
            // The newest first, as Stripe lists.
            book.events.sort_by_key(|listed| std::cmp::Reverse(listed.at_ms));
            book
        };
        Self(Arc::new(with_api.map(|(number, source)| (source.name.clone(), book(number))).collect()))
    }

    pub(crate) fn of_source(&self, source: &str) -> Option<&Book> {
        self.0.get(source)
    }
}

impl Book {
    /// What an event says happened, unless it contradicts what did.
    fn write(&mut self, event: &Event) {
        let Telling::Happens(happening) = &event.versions[0] else { return };
        if event.is_contradiction || !event.payment.starts_with("pi_") {
            return;
        }
        let fresh = || Paid { currency: event.currency, created_ms: event.at_ms, happenings: Vec::new() };
        let paid = self.payments.entry(event.payment.clone()).or_insert_with(fresh);
        paid.happenings.push((event.at_ms, happening.clone()));
    }

    /// The answer to one request, as a copy of the books has it that is so far behind; nothing for a 404.
    fn answer(
        &self,
        request: &ApiRequest,
        (now_ms, as_of_ms): (i64, i64),
        drift: Drift,
    ) -> Result<Option<String>, String> {
        match request.path.as_str() {
            "/v1/events" => {
                let shown = self.events.iter().filter(|listed| listed.shown_from_ms <= as_of_ms);
                let items = shown.map(|listed| (listed.at_ms, listed.id.as_str(), listed.item.clone()));
                self.page(request, items.collect(), drift).map(|(text, _)| Some(text))
            }
            "/v1/payment_intents" => {
                let mut known: Vec<_> =
                    self.payments.iter().filter(|(_, paid)| paid.created_ms <= as_of_ms).collect();
                known.sort_by_key(|(_, paid)| std::cmp::Reverse(paid.created_ms));
                let items = known.into_iter().map(|(id, paid)| {
                    (paid.created_ms, id.as_str(), snapshot(id, paid, &paid.account_at(as_of_ms)))
                });
                let (text, ids) = self.page(request, items.collect(), drift)?;
                let mut shown = self.shown_at_ms.lock().unwrap_or_else(PoisonError::into_inner);
                shown.extend(ids.into_iter().map(|id| (id, now_ms)));
                Ok(Some(text))
            }
            path => {
                let id = path.strip_prefix("/v1/payment_intents/").unwrap_or_default();
                let paid = self.payments.get(id).filter(|paid| paid.created_ms <= as_of_ms);
                if paid.is_none() {
                    let mut denied = self.denied_at_ms.lock().unwrap_or_else(PoisonError::into_inner);
                    denied.entry(id.to_owned()).or_insert(now_ms);
                }
                Ok(paid.map(|paid| snapshot(id, paid, &paid.account_at(as_of_ms))))
            }
        }
    }

    /// When the list of payments last showed one.
    pub(crate) fn shown_at_ms(&self, payment: &str) -> Option<i64> {
        self.shown_at_ms.lock().unwrap_or_else(PoisonError::into_inner).get(payment).copied()
    }

    /// When a payment was first asked for by name and not known.
    pub(crate) fn denied_at_ms(&self, payment: &str) -> Option<i64> {
        self.denied_at_ms.lock().unwrap_or_else(PoisonError::into_inner).get(payment).copied()
    }

    /// One page of a list and the ids on it. Of each item: when, id and text, the newest first.
    fn page(
        &self,
        request: &ApiRequest,
        items: Vec<(i64, &str, String)>,
        drift: Drift,
    ) -> Result<(String, Vec<String>), String> {
        let said = |name: &str| {
            request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let seconds = |name: &str| said(name).and_then(|text| text.parse::<i64>().ok());
        let (since, until) = (seconds("created[gte]"), seconds("created[lt]"));
        let is_asked_for = |at_ms: i64| {
            let created = at_ms.div_euclid(1_000);
            since.is_none_or(|since| created >= since) && until.is_none_or(|until| created < until)
        };
        let items_max = if said("skip").is_some() { ITEMS_BY_POSITION } else { self.items_per_page };
        let begin = match (said("starting_after"), seconds("skip")) {
            (None, None) => 0,
            // Behind where it stands or would stand: a copy that lags may not have it yet.
            (Some(after), _) => {
                let at_ms = self.at_ms(after).ok_or_else(|| format!("400: no such item: {after}"))?;
                let is_behind = |(their_ms, id, _): &(i64, &str, String)| {
                    *their_ms < at_ms || (*their_ms == at_ms && self.place(id) > self.place(after))
                };
                items.iter().position(is_behind).unwrap_or(items.len())
            }
            (None, Some(skip)) => {
                let first = items.iter().position(|(at_ms, ..)| is_asked_for(*at_ms)).unwrap_or(items.len());
                let gone = usize::from(skip > 0 && drift == Drift::Shorter);
                let skip = usize::try_from(skip).unwrap_or(0).saturating_add(gone);
                first.saturating_add(skip).min(items.len())
            }
        };
        // What is on the page before may be on this one too.
        let begin = if drift == Drift::Longer { begin.saturating_sub(1) } else { begin };
        let mut rest = items[begin..].iter().filter(|(at_ms, ..)| is_asked_for(*at_ms));
        let (ids, page): (Vec<_>, Vec<_>) =
            rest.by_ref().take(items_max).map(|(_, id, text)| ((*id).to_owned(), text.as_str())).unzip();
        let has_more = rest.next().is_some();
        Ok((format!(r#"{{"object":"list","data":[{}],"has_more":{has_more}}}"#, page.join(",")), ids))
    }

    fn at_ms(&self, id: &str) -> Option<i64> {
        let of_event = self.events.iter().find(|listed| listed.id == id).map(|listed| listed.at_ms);
        of_event.or_else(|| self.payments.get(id).map(|paid| paid.created_ms))
    }

    /// Among items of one moment.
    fn place(&self, id: &str) -> Option<usize> {
        let of_event = self.events.iter().position(|listed| listed.id == id);
        of_event.or_else(|| self.payments.keys().position(|known| known == id))
    }
}

/// The API of every provider, over a network that cannot be trusted.
#[derive(Clone)]
pub(crate) struct WorldApi {
    hub: Hub,
    books: Books,
}

impl WorldApi {
    pub(crate) fn new(hub: &Hub, books: &Books) -> Self {
        Self { hub: hub.clone(), books: books.clone() }
    }
}

impl ProviderApi for WorldApi {
    async fn get(&self, source: &Source, request: &ApiRequest) -> Port<Option<Vec<u8>>> {
        let (hub, books, name) = (self.hub.clone(), self.books.clone(), source.name.to_string());
        let about = {
            let cursor =
                request.query.iter().rfind(|(name, _)| name != "limit" && !name.starts_with("expand"));
            let cursor = cursor.map_or(String::new(), |(name, value)| format!(" {name}={value}"));
            format!("{name} {}{cursor}", request.path)
        };
        let request = request.clone();
        let effect = async move {
            let failed = |why: String| Err(PortError::new("provider", "get", why));
            let mut state = hub.lock();
            if state.strikes(Fault::ApiRefused) {
                state.blame_current(Mishap::Failed("api.get"));
                return failed("429: slow down".to_owned());
            }
            let lag_ms =
                if state.strikes(Fault::ReplicaLags) { state.dice.between(0, LAG_MS_MAX) } else { 0 };
            let drift = match state.strikes(Fault::PageDrifts) {
                false => Drift::None,
                true if state.dice.in_thousand(500) => Drift::Longer,
                true => Drift::Shorter,
            };
            let is_torn = state.strikes(Fault::PageTorn);
            let (now_ms, as_of_ms) = (state.now_ms, state.now_ms.saturating_sub(lag_ms));
            drop(state);
            let Some(book) = books.of_source(&name) else { return Ok(None) };
            match book.answer(&request, (now_ms, as_of_ms), drift) {
                Ok(Some(text)) => {
                    let end = if is_torn { text.len() / 2 } else { text.len() };
                    Ok(Some(text.into_bytes()[..end].to_vec()))
                }
                Ok(None) => Ok(None),
                Err(why) => failed(why),
            }
        };
        let show = |answer: &Option<Vec<u8>>| match answer {
            None => "404".to_owned(),
            Some(bytes) => format!("{} bytes", bytes.len()),
        };
        self.hub.call("api.get", move || about, effect, show).await
    }
}

impl Format {
    /// Whether its provider has an API that lists books.
    pub(crate) fn has_api(self) -> bool {
        self == Self::Stripe
    }
}
