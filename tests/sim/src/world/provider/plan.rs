//! What a world's providers will do, decided before it begins.

use super::books::{Currency, Garble, Life, Telling, live, pay_out};
use super::wire::Format;
use super::{Providers, Webhook};
use crate::auditor::model::Happening;
use crate::world::dice::Dice;
use crate::world::faults::Fault;
use crate::world::hub::{Due, State};
use crate::world::scenario::Scenario;
use std::collections::{BTreeMap, BTreeSet};

/// One source: a provider's account with us.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) format: Format,
    /// The secrets it has had and will have.
    pub(crate) secrets: Vec<String>,
    /// From when on its provider signs with the second of them.
    switches_at_ms: i64,
    /// When the first one was taken out of use by us.
    pub(crate) retired_at_ms: Option<i64>,
}

impl Source {
    /// The secret that its provider signs with.
    pub(crate) fn secret_at(&self, now_ms: i64) -> &str {
        &self.secrets[usize::from(now_ms >= self.switches_at_ms)]
    }
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) source: usize,
    pub(crate) payment: String,
    pub(crate) currency: Currency,
    /// Its place in the provider's order.
    pub(crate) order: usize,
    pub(crate) at_ms: i64,
    /// What it says; more than one thing if it was altered.
    pub(crate) versions: Vec<Telling>,
    /// The bytes of each version in a delivery.
    pub(crate) items: Vec<String>,
    /// Whether it was made to contradict another.
    pub(crate) is_contradiction: bool,
    /// Whether its provider ever made an event of it. If not, only its books know.
    pub(crate) is_generated: bool,
}

/// A rotation of a source's secret: when it begins and ends on our side.
pub(crate) struct Rotation {
    pub(crate) source: usize,
    pub(crate) begins_at_ms: i64,
    pub(crate) ends_at_ms: i64,
}

/// A payment that the platform has announced.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub(crate) source: usize,
    pub(crate) payment: String,
    pub(crate) currency: Currency,
    pub(crate) amount: i64,
    pub(crate) at_ms: i64,
    pub(crate) within_seconds: u32,
}

/// How many events a hot payment has more than others.
const HOT_EVENTS: u32 = 40;
/// How late a late webhook is, in milliseconds.
const LATE_MS_MAX: i64 = 1_500_000;

/// The stream of its dice.
const STREAM: u64 = 1;

/// Plans events one after the other.
struct Planner<'a> {
    providers: Providers,
    state: &'a mut State,
    dice: Dice,
    /// Latest moment at which something begins to happen, in milliseconds after the beginning.
    beginnings_ms: i64,
    /// The payments of which nobody ever tells.
    untold: BTreeSet<(usize, String)>,
}

impl Providers {
    /// Decides everything that happens at the providers, and puts their webhooks and rotations on the agenda.
    pub(crate) fn plan(state: &mut State, scenario: &Scenario, beginnings_ms: i64) -> (Self, Vec<Rotation>) {
        let providers = Self {
            sources: Vec::new(),
            events: Vec::new(),
            webhooks: Vec::new(),
            captures: Vec::new(),
            furthest: BTreeMap::new(),
            forgeries: 0,
            payments: 0,
            announced: Vec::new(),
        };
        let dice = Dice::new(scenario.seed, STREAM);
        let mut planner = Planner { providers, state, dice, beginnings_ms, untold: BTreeSet::new() };
        let mut payments = 0;
        let mut rotations = Vec::new();
        let count = planner.dice.between(1, 2);
        for number in 0..usize::try_from(count).unwrap_or(1) {
            rotations.extend(planner.source(number));
            for payment in 0..planner.dice.between(1, 3) {
                let (events, announced) = (planner.providers.events.len(), planner.providers.announced.len());
                planner.payment(number, payment);
                if !scenario.payments.has(payments) {
                    planner.providers.events.truncate(events);
                    planner.providers.announced.truncate(announced);
                }
                payments = payments.saturating_add(1);
            }
            planner.webhooks(number);
            planner.unreadable(number);
        }
        planner.providers.payments = payments;
        (planner.providers, rotations)
    }
}

impl Planner<'_> {
    fn strikes(&mut self, fault: Fault) -> bool {
        self.state.strikes(fault)
    }

    fn secret(&mut self) -> String {
        // Hex digits are base64 too.
        let digits: String = self.dice.id().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("whsec_{digits}")
    }

    fn source(&mut self, number: usize) -> Option<Rotation> {
        let format = self.dice.pick(&[Format::Partner, Format::Standard, Format::Stripe]);
        let secrets = vec![self.secret(), self.secret()];
        let start_ms = self.state.now_ms;
        let begins_at_ms = start_ms.saturating_add(self.dice.between(60_000, self.beginnings_ms));
        // Providers and we do not rotate at the same moment.
        let switches_at_ms = begins_at_ms.saturating_add(self.dice.between(-60_000, 300_000));
        let ends_at_ms = begins_at_ms.max(switches_at_ms).saturating_add(self.dice.between(60_000, 600_000));
        let is_rotated = self.strikes(Fault::SecretRotated);
        let switches_at_ms = if is_rotated { switches_at_ms } else { i64::MAX };
        let name = format!("shop-{number}");
        self.providers.sources.push(Source { name, format, secrets, switches_at_ms, retired_at_ms: None });
        is_rotated.then_some(Rotation { source: number, begins_at_ms, ends_at_ms })
    }

    fn payment(&mut self, source: usize, number: i64) {
        let format = self.providers.sources[source].format;
        let is_payout = self.dice.in_thousand(150);
        let name = format!("{}{number}", if is_payout { "po_" } else { "pi_" });
        let Life { currency, mut happenings } = if is_payout {
            pay_out(&name, &mut self.dice)
        } else {
            live(&name, format != Format::Stripe, &mut self.dice)
        };
        let is_hot = !is_payout && self.strikes(Fault::HotPayment);
        if is_hot {
            let declined = |n| Happening::Declined(format!("{name}-again{n}"));
            happenings.splice(1..1, (0..HOT_EVENTS).map(declined));
        }
        let mut at_ms = self.state.now_ms.saturating_add(self.dice.between(0, self.beginnings_ms));
        let is_hurried = self.dice.in_thousand(500);
        let pause_ms_max = match (is_hot, is_hurried) {
            (true, _) => 0,
            (false, true) => 300,
            (false, false) => 180_000,
        };
        self.announcement(source, &name, currency, at_ms, &happenings);
        if format.has_api() && self.strikes(Fault::PaymentUntold) {
            self.untold.insert((source, name.clone()));
        }
        let names_refunds = happenings.iter().any(|one| matches!(one, Happening::Refund { .. }));
        for happening in happenings {
            let contradiction = self.contradiction(&happening, currency);
            let is_told = !self.is_never_told(format, &happening, names_refunds);
            self.event(source, &name, currency, at_ms, Telling::Happens(happening), false);
            if let Some(event) = self.providers.events.last_mut() {
                event.is_generated = is_told;
            }
            if let Some((currency, happening)) = contradiction {
                self.event(source, &name, currency, at_ms, Telling::Happens(happening), true);
            }
            at_ms = at_ms.saturating_add(self.dice.between(0, pause_ms_max));
            if self.dice.in_thousand(80) {
                self.event(source, &name, currency, at_ms, Telling::Unmapped, false);
            }
            if self.strikes(Fault::Untranslatable) {
                let garble =
                    self.dice.pick(&[Garble::Currency, Garble::Fraction, Garble::NoAmount, Garble::State]);
                self.event(source, &name, currency, at_ms, Telling::Garbled(garble), false);
            }
        }
    }

    /// Whether a provider makes no event of something that its books show.
    fn is_never_told(&mut self, format: Format, happening: &Happening, names_refunds: bool) -> bool {
        let is_in_books = match happening {
            Happening::Reserved(_) | Happening::TakenInAll(_) | Happening::CalledOff | Happening::RanOut => {
                true
            }
            Happening::GivenBackInAll(_) => !names_refunds,
            _ => false,
        };
        format.has_api() && is_in_books && self.strikes(Fault::NeverGenerated)
    }

    /// What the platform says before its payer is asked; sometimes another amount, or a payment that never comes.
    fn announcement(
        &mut self,
        source: usize,
        payment: &str,
        currency: Currency,
        at_ms: i64,
        happenings: &[Happening],
    ) {
        let Some(Happening::Asked(asked)) = happenings.first() else { return };
        if !self.strikes(Fault::Announced) {
            return;
        }
        let is_other = self.dice.in_thousand(100);
        let announced = Announced {
            source,
            payment: payment.to_owned(),
            currency,
            amount: if is_other { asked.saturating_add(1) } else { *asked },
            at_ms: at_ms.saturating_sub(self.dice.between(0, 5_000)),
            within_seconds: u32::try_from(self.dice.between(60, 3_600)).unwrap_or(60),
        };
        if self.dice.in_thousand(100) {
            let ghost = Announced { payment: format!("{payment}_never"), ..announced.clone() };
            self.providers.announced.push(ghost);
        }
        self.providers.announced.push(announced);
    }

    /// What cannot be true beside what happens: the same thing with another amount, or other money.
    fn contradiction(&mut self, happening: &Happening, currency: Currency) -> Option<(Currency, Happening)> {
        let amount = happening.amount()?;
        if !self.strikes(Fault::Contradiction) {
            return None;
        }
        let is_fixed = happening.fixed_item().is_some() && self.dice.in_thousand(500);
        Some(match is_fixed {
            true => (currency, happening.with_amount(amount.saturating_add(1))),
            false => (currency.other(), happening.clone()),
        })
    }

    fn event(
        &mut self,
        source: usize,
        payment: &str,
        currency: Currency,
        at_ms: i64,
        telling: Telling,
        is_contradiction: bool,
    ) {
        let order = self.providers.events.len();
        self.providers.events.push(Event {
            id: format!("evt_{order}"),
            source,
            payment: payment.to_owned(),
            currency,
            order,
            at_ms,
            versions: vec![telling],
            items: Vec::new(),
            is_contradiction,
            is_generated: true,
        });
        let item = self.providers.item(order, 0);
        self.providers.events[order].items.push(item);
    }

    /// Puts the events of a source into webhooks.
    fn webhooks(&mut self, source: usize) {
        let is_list = self.providers.sources[source].format == Format::Partner;
        let is_told = |event: &&Event| event.source == source && event.is_generated;
        let events: Vec<_> = self.providers.events.iter().filter(is_told).collect();
        let mut waiting: Vec<_> = events.into_iter().map(|event| event.order).collect();
        waiting.sort_by_key(|event| (self.providers.events[*event].at_ms, *event));
        let mut rest = waiting.as_slice();
        while !rest.is_empty() {
            let length = if is_list { self.dice.between(1, 4) } else { 1 };
            let (told, later) = rest.split_at(usize::try_from(length).unwrap_or(1).min(rest.len()));
            rest = later;
            let told: Vec<_> = told.iter().map(|event| (*event, 0)).collect();
            self.webhook(source, told.clone());
            for (event, _) in told {
                if self.strikes(Fault::Altered) {
                    let amount = self.dice.between(1, 100_000);
                    let version = self.providers.alter(event, amount);
                    version.into_iter().for_each(|version| self.webhook(source, vec![(event, version)]));
                }
            }
        }
    }

    fn webhook(&mut self, source: usize, told: Vec<(usize, usize)>) {
        let events = &self.providers.events;
        let at_ms = told.iter().map(|(event, _)| events[*event].at_ms).max().unwrap_or(0);
        let mut items: Vec<_> =
            told.iter().map(|(event, version)| events[*event].items[*version].clone()).collect();
        let id = told.first().map_or(String::new(), |(event, _)| events[*event].id.clone());
        let format = self.providers.sources[source].format;
        let mut unreadable = None;
        if format == Format::Partner && self.strikes(Fault::BadItem) {
            let item = format!(r#"{{"no":"id in {}"}}"#, self.providers.webhooks.len());
            unreadable = Some(item.clone().into_bytes());
            items.insert(self.dice.index(items.len()), item);
        }
        let body = format.body(&items);
        let is_untold = told.iter().all(|(event, _)| {
            let Event { source, payment, .. } = &self.providers.events[*event];
            self.untold.contains(&(*source, payment.clone()))
        });
        let is_done = format.has_api() && (is_untold || self.strikes(Fault::WebhookNeverSent));
        self.put(at_ms, Webhook { told, unreadable, is_readable: true, body, is_done, ..blank(source, id) });
    }

    /// A delivery from which nothing can be read.
    fn unreadable(&mut self, source: usize) {
        if self.strikes(Fault::Unreadable) {
            let number = self.providers.webhooks.len();
            let at_ms = self.state.now_ms.saturating_add(self.dice.between(0, self.beginnings_ms));
            let (front, back) =
                self.dice.pick(&[("{\"n\":", ""), ("{\"n\":", "}"), ("{\"n\":1,\"n\":", "}")]);
            let body = format!("{front}{number}{back}").into_bytes();
            let unreadable = Some(body.clone());
            self.put(at_ms, Webhook { unreadable, body, ..blank(source, format!("msg_{number}")) });
        }
    }

    fn put(&mut self, at_ms: i64, webhook: Webhook) {
        let late_ms = if self.strikes(Fault::WebhookLate) { self.dice.between(0, LATE_MS_MAX) } else { 0 };
        let at_ms = at_ms.saturating_add(late_ms).saturating_add(self.dice.between(0, 2_000));
        let number = self.providers.webhooks.len();
        let is_scheduled = !webhook.is_done;
        if is_scheduled {
            self.state.schedule(at_ms, Due::Webhook(number));
        }
        self.providers.webhooks.push(Webhook { is_scheduled, ..webhook });
    }
}

/// A webhook of nothing, not yet tried.
fn blank(source: usize, id: String) -> Webhook {
    Webhook {
        source,
        id,
        told: Vec::new(),
        unreadable: None,
        is_readable: false,
        body: Vec::new(),
        tries: 0,
        is_scheduled: false,
        is_done: false,
    }
}
