//! The providers: what happens there, the webhooks they send about it, and how they try again.

mod api;
mod attacks;
mod books;
mod plan;
mod wire;

pub(crate) use api::{Book, Books, LAG_MS_MAX, WorldApi};
pub(crate) use books::Telling;
pub(crate) use plan::{Announced, Event, Rotation, Source};
pub(crate) use wire::{Format, PERSONAL};

use super::faults::Fault;
use super::hub::{Due, Hub};
use wire::Telltale;

/// One message that a provider wants to bring.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    source: usize,
    /// Its id, where the scheme has one.
    id: String,
    /// Events and which of their versions.
    told: Vec<(usize, usize)>,
    /// What in it cannot be read, and whether anything can.
    unreadable: Option<Vec<u8>>,
    is_readable: bool,
    body: Vec<u8>,
    tries: u32,
    /// Whether the provider will make another request about it by itself.
    is_scheduled: bool,
    is_done: bool,
}

/// What proves a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) secret: String,
    pub(crate) signed_at_seconds: i64,
}

/// One request on its way to us.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The last part of the path, and whose it is if it is anybody's.
    pub(crate) endpoint: String,
    pub(crate) source: Option<usize>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What proves these very bytes; nothing when they prove nothing.
    pub(crate) proof: Option<Proof>,
    pub(crate) told: Vec<(usize, usize)>,
    /// What in it cannot be read, and whether anything can.
    pub(crate) unreadable: Option<Vec<u8>>,
    pub(crate) is_readable: bool,
    pub(crate) webhook: Option<usize>,
    /// For the trace.
    pub(crate) what: String,
}

/// Every provider of a world.
pub(crate) struct Providers {
    pub(crate) sources: Vec<Source>,
    pub(crate) events: Vec<Event>,
    webhooks: Vec<Webhook>,
    /// Requests that somebody listened to on the way, and when.
    captures: Vec<Delivery>,
    /// The furthest event of each payment that was ever brought.
    furthest: std::collections::BTreeMap<(usize, String), usize>,
    forgeries: u32,
    /// How many payments there are, with those that are left out.
    pub(crate) payments: u32,
    /// What the platform announced.
    pub(crate) announced: Vec<Announced>,
}

/// After so many tries a provider with books may leave it at that.
const TRIES_MIN: u32 = 5;
/// Longest pause between two tries, in milliseconds.
const BACKOFF_MS_MAX: i64 = 600_000;
/// How long a provider waits for an answer, in milliseconds.
const PATIENCE_MS: i64 = 10_000;

impl Providers {
    /// The requests that a provider makes now about one of its webhooks.
    pub(crate) fn requests(&mut self, hub: &Hub, number: usize) -> Vec<Delivery> {
        self.webhooks[number].is_scheduled = false;
        let is_retry = self.webhooks[number].tries > 0 && !self.webhooks[number].is_done;
        let mut state = hub.lock();
        if is_retry {
            state.faults.note(Fault::WebhookRetried);
        }
        let alters = is_retry && state.strikes(Fault::AlteredInRetry);
        let new_amount = state.dice.between(1, 100_000);
        let ahead_seconds = if state.strikes(Fault::SignedAhead) { state.dice.between(-900, 900) } else { 0 };
        let is_lost = state.strikes(Fault::RequestLost);
        let is_doubled = !is_lost && state.strikes(Fault::RequestDoubled);
        let signed_at_seconds = state.now_ms.div_euclid(1_000).saturating_add(ahead_seconds);
        drop(state);
        if alters {
            self.alter_in_retry(number, new_amount);
        }
        let webhook = &mut self.webhooks[number];
        webhook.tries = webhook.tries.saturating_add(1);
        if is_lost {
            hub.trace(|| format!("webhook {number}: lost on its way"));
            self.try_again(hub, number);
            return Vec::new();
        }
        let delivery = self.delivery(number, hub.now_ms(), signed_at_seconds);
        self.note_overtaking(hub, number);
        self.captures.push(Delivery { webhook: None, ..delivery.clone() });
        let copies = if is_doubled { 2 } else { 1 };
        vec![delivery; copies]
    }

    /// A provider has its answer, or none.
    pub(crate) fn answered(&mut self, hub: &Hub, number: usize, status: Option<u16>) {
        let is_lost = hub.lock().strikes(Fault::ResponseLost);
        let seen = status.filter(|_| !is_lost);
        let webhook = &mut self.webhooks[number];
        // A provider gives up on what is refused for good.
        let is_over = seen.is_some_and(|status| status == 200 || (status == 400 && !webhook.is_readable));
        if !is_over {
            if !webhook.is_done {
                self.try_again(hub, number);
            }
            return;
        }
        webhook.is_done = true;
        let mut state = hub.lock();
        if !webhook.is_scheduled && state.strikes(Fault::WebhookRepeated) {
            webhook.is_scheduled = true;
            let delay_ms = state.dice.between(0, 1_200_000);
            state.schedule_in(delay_ms, Due::Webhook(number));
        }
    }

    /// What a provider still wants to bring.
    pub(crate) fn unanswered(&self) -> Vec<usize> {
        (0..self.webhooks.len()).filter(|number| !self.webhooks[*number].is_done).collect()
    }

    fn try_again(&mut self, hub: &Hub, number: usize) {
        let webhook = &mut self.webhooks[number];
        if webhook.is_scheduled {
            return;
        }
        let may_give_up = webhook.tries >= TRIES_MIN && self.sources[webhook.source].format.has_api();
        if may_give_up && hub.lock().strikes(Fault::ProviderGaveUp) {
            hub.trace(|| format!("webhook {number}: given up"));
            webhook.is_done = true;
            return;
        }
        webhook.is_scheduled = true;
        let doublings = webhook.tries.min(10);
        let pause_ms = PATIENCE_MS.saturating_mul(1_i64 << doublings).min(BACKOFF_MS_MAX);
        let mut state = hub.lock();
        let jitter_ms = state.dice.between(0, pause_ms);
        state.schedule_in(pause_ms.saturating_add(jitter_ms), Due::Webhook(number));
    }

    fn delivery(&self, number: usize, now_ms: i64, signed_at_seconds: i64) -> Delivery {
        let webhook = &self.webhooks[number];
        let source = &self.sources[webhook.source];
        let secret = source.secret_at(now_ms).to_owned();
        Delivery {
            endpoint: source.name.clone(),
            source: Some(webhook.source),
            headers: source.format.headers(&secret, &webhook.id, &webhook.body, signed_at_seconds),
            body: webhook.body.clone(),
            proof: Some(Proof { secret, signed_at_seconds }),
            told: webhook.told.clone(),
            unreadable: webhook.unreadable.clone(),
            is_readable: webhook.is_readable,
            webhook: Some(number),
            what: format!("webhook {number}, try {}: {}", webhook.tries, self.describe(webhook)),
        }
    }

    fn describe(&self, webhook: &Webhook) -> String {
        let event = |(event, version): &(usize, usize)| {
            let Event { id, payment, versions, .. } = &self.events[*event];
            format!("{id} ({payment} {:?})", versions[*version])
        };
        webhook.told.iter().map(event).collect::<Vec<_>>().join(", ")
    }

    /// Changes the meaning of the one event of a webhook that was tried before.
    fn alter_in_retry(&mut self, number: usize, new_amount: i64) {
        let [(event, _)] = self.webhooks[number].told.as_slice() else { return };
        let event = *event;
        let Some(version) = self.alter(event, new_amount) else { return };
        let source = &self.sources[self.webhooks[number].source];
        let body = source.format.body(&[self.events[event].items[version].clone()]);
        let webhook = &mut self.webhooks[number];
        (webhook.told, webhook.body, webhook.unreadable) = (vec![(event, version)], body, None);
    }

    /// Gives an event another version, with another amount, if it has one.
    fn alter(&mut self, number: usize, new_amount: i64) -> Option<usize> {
        let event = &mut self.events[number];
        let Telling::Happens(happening) = &event.versions[0] else { return None };
        let altered = Telling::Happens(happening.with_amount(new_amount));
        if event.versions.contains(&altered) {
            return None;
        }
        event.versions.push(altered);
        let version = event.versions.len().saturating_sub(1);
        let item = self.item(number, version);
        self.events[number].items.push(item);
        Some(version)
    }

    /// The bytes of one version of an event.
    fn item(&self, number: usize, version: usize) -> String {
        let Event { id, payment, currency, at_ms, .. } = &self.events[number];
        let telltale = Telltale {
            id,
            payment,
            currency: *currency,
            telling: &self.events[number].versions[version],
            at_seconds: at_ms.div_euclid(1_000),
        };
        self.sources[self.events[number].source].format.item(&telltale)
    }

    fn note_overtaking(&mut self, hub: &Hub, number: usize) {
        for (event, _) in &self.webhooks[number].told {
            let event = &self.events[*event];
            let furthest = self.furthest.entry((event.source, event.payment.clone())).or_default();
            if event.order < *furthest {
                hub.lock().faults.note(Fault::WebhookOvertakes);
            }
            *furthest = event.order.max(*furthest);
        }
    }
}
