//! What is on the agenda before a world begins, but for the providers' own: the operator, the platform, the schedules,
//! the attacker, and the hour at which everything is well again.

use super::World;
use super::environment::Call;
use super::errand::Errand;
use super::faults::Fault;
use super::hub::{Due, Operation, Rollout, instant};
use super::provider::{Announced, Rotation};
use super::queue;
use super::settings;
use countersign_app::onboard::rotated;
use countersign_app::ports::{SecretPair, Secrets as _};
use countersign_domain::event::ReconciliationRequest;
use countersign_domain::expect::Announcement;
use countersign_domain::ids::{EventId, PaymentId};
use countersign_domain::money::{Currency, Money};
use countersign_domain::source::SourceState;
use countersign_domain::time::SignedDuration;

/// The services that may be out, as their calls are named.
const SERVICES: [&str; 14] = [
    "sources",
    "versions",
    "secrets",
    "inbox",
    "queue",
    "ledger",
    "findings",
    "cases",
    "drift",
    "bus",
    "runs",
    "reports",
    "expectations",
    "api",
];
/// Longest time for which one is, in milliseconds.
const OUTAGE_MS_MAX: i64 = 1_200_000;
/// A call that nobody waits for takes effect at most so late, in milliseconds.
const LATEST_EFFECT_MS: i64 = 400_000;
/// How long after a deadline the announced payments are looked after, in milliseconds.
const CHECKED_AFTER_MS: i64 = 60_000;

impl World {
    /// Puts everything on the agenda that is known before.
    pub(super) fn plan_operations(&self, rotations: &[Rotation]) {
        self.plan_sources(rotations);
        self.plan_schedules();
        self.plan_runs_by_hand();
        let trouble_ms = self.calendar.trouble_ms;
        let mut state = self.hub.lock();
        for service in SERVICES {
            if state.strikes(Fault::Outage) {
                let from_ms = state.now_ms.saturating_add(state.dice.between(1, trouble_ms));
                let to_ms = from_ms.saturating_add(state.dice.between(60_000, OUTAGE_MS_MAX));
                state.black_out(service, from_ms, to_ms);
            }
        }
        for _ in 0..3 {
            let at_ms = state.dice.between(1, trouble_ms);
            state.schedule_in(at_ms, Due::Operate(Operation::Redrive));
            if state.strikes(Fault::Poisoned) {
                let at_ms = state.dice.between(1, trouble_ms);
                state.schedule_in(at_ms, Due::Operate(Operation::Poison));
            }
        }
        for _ in 0..8 {
            let at_ms = state.dice.between(1, trouble_ms);
            state.schedule_in(at_ms, Due::Attack);
        }
        if state.strikes(Fault::OtherVersion) {
            let begins_ms = state.dice.between(1, trouble_ms);
            let takes_ms = state.dice.between(60_000, 1_200_000);
            let end = if state.dice.in_thousand(300) { Rollout::None } else { Rollout::Full };
            state.schedule_in(begins_ms, Due::Deploy(Rollout::Partial));
            state.schedule_in(begins_ms.saturating_add(takes_ms), Due::Deploy(end));
        }
        state.schedule_in(trouble_ms, Due::Heal);
    }

    /// Rotations, changes, replays of each source.
    fn plan_sources(&self, rotations: &[Rotation]) {
        let half_ms = self.calendar.trouble_ms / 2;
        let mut state = self.hub.lock();
        for Rotation { source, begins_at_ms, ends_at_ms } in rotations {
            let overlap_seconds = ends_at_ms.saturating_sub(*begins_at_ms).div_euclid(1_000);
            state.schedule(*begins_at_ms, Due::Operate(Operation::Rotate(*source, overlap_seconds)));
        }
        for (number, source) in self.providers.sources.iter().enumerate() {
            let name = self.source_name(number);
            if state.strikes(Fault::SourceDisabled) {
                let at_ms = state.dice.between(1, half_ms);
                let back_ms = at_ms.saturating_add(state.dice.between(1_000, half_ms));
                let switch = |to| Due::Errand(Errand::Switch(name.clone(), to));
                state.schedule_in(at_ms, switch(SourceState::Disabled));
                state.schedule_in(back_ms, switch(SourceState::Enabled));
            }
            for _ in 0..2 {
                if state.strikes(Fault::SourceChanged) {
                    let at_ms = state.dice.between(1, self.calendar.trouble_ms);
                    let variant = u32::try_from(state.dice.below(u64::from(settings::VARIANTS))).unwrap_or(0);
                    let errand = if state.dice.in_thousand(700) {
                        Errand::Apply(name.clone(), source.format, variant)
                    } else {
                        Errand::RollBack(name.clone())
                    };
                    state.schedule_in(at_ms, Due::Errand(errand));
                    // A colleague who knows nothing of it.
                    if state.dice.in_thousand(300) {
                        let other = variant.saturating_add(1) % settings::VARIANTS;
                        let errand = Errand::Apply(name.clone(), source.format, other);
                        state.schedule_in(at_ms, Due::Errand(errand));
                    }
                }
            }
            let of_source = self.providers.events.iter().filter(|event| event.source == number);
            let ids: Vec<_> = of_source.filter_map(|event| EventId::new(&*event.id).ok()).collect();
            if !ids.is_empty() && state.strikes(Fault::Replayed) {
                let at_ms = state.dice.between(1, self.calendar.trouble_ms);
                let first = state.dice.index(ids.len());
                let events = ids.into_iter().skip(first).take(3).collect();
                state.schedule_in(at_ms, Due::Errand(Errand::Replay(name, events)));
            }
        }
    }

    /// The daily call, the announcements, and the looks after them.
    fn plan_schedules(&self) {
        let mut state = self.hub.lock();
        for due_ms in &self.calendar.due_ms {
            state.schedule(*due_ms, Due::Invoke(Call::Due, 0));
            state.schedule(*due_ms, Due::Invoke(Call::Check, 0));
        }
        for announced in &self.providers.announced {
            let deadline_ms =
                announced.at_ms.saturating_add(i64::from(announced.within_seconds).saturating_mul(1_000));
            if let Some(announcement) = self.announcement(announced) {
                state.schedule(announced.at_ms, Due::Invoke(Call::Announced(announcement), 0));
                state.schedule(deadline_ms.saturating_add(CHECKED_AFTER_MS), Due::Invoke(Call::Check, 0));
            }
        }
    }

    /// An operator reconciles this and that day, closed or not.
    fn plan_runs_by_hand(&self) {
        let requests = self.requests();
        let mut state = self.hub.lock();
        for request in requests.iter().cycle().take(requests.len().saturating_mul(3)) {
            if state.strikes(Fault::RunByHand) {
                let at_ms = state.dice.between(self.calendar.trouble_ms / 2, self.calendar.trouble_ms);
                let again = state.dice.in_thousand(500);
                let request = ReconciliationRequest { again, ..request.clone() };
                state.schedule_in(at_ms, Due::Invoke(Call::Requested(request), 0));
            }
        }
    }

    fn announcement(&self, announced: &Announced) -> Option<Announcement> {
        Some(Announcement {
            source: self.source_name(announced.source),
            payment: PaymentId::new(&*announced.payment).ok()?,
            amount: Money {
                minor: announced.amount,
                currency: Currency::from_code(announced.currency.code).ok()?,
            },
            within_seconds: Some(announced.within_seconds),
        })
    }

    pub(super) fn operate(&mut self, operation: Operation) {
        self.hub.trace(|| format!("operator: {operation:?}"));
        match operation {
            Operation::Rotate(source, overlap_seconds) => self.rotate(source, overlap_seconds),
            Operation::Redrive => drop(self.stores.queue.redrive()),
            Operation::Poison => {
                let body = queue::poison(&mut self.hub.lock().dice);
                self.stores.queue.put(body, true);
            }
        }
    }

    /// The next secret is in force; the one before is accepted for a while.
    fn rotate(&mut self, source: usize, overlap_seconds: i64) {
        let (name, now_ms) = (self.source_name(source), self.hub.now_ms());
        let new = self.providers.sources[source].secrets[1].clone();
        let stored = crate::auditor::now(self.settings.secrets.fetch(&name)).unwrap_or_default();
        let overlap = SignedDuration::from_secs(overlap_seconds);
        let Ok(pair) = rotated(&stored, new, overlap, false, instant(now_ms)) else { return };
        let SecretPair { current, previous, previous_until, .. } = &pair;
        let until_ms = previous_until.map_or(i64::MAX, |until| until.as_millisecond());
        let history = &mut self.auditor.histories[source];
        history.has_secret(now_ms, current);
        history.retires(now_ms, previous.as_deref().unwrap_or_default(), until_ms);
        self.providers.sources[source].retired_at_ms = Some(until_ms);
        self.settings.secrets.set(name, pair);
    }

    /// From here on nothing goes wrong. What was given up is done again by hand.
    pub(super) fn heal(&mut self) {
        self.hub.trace(|| "from here on nothing goes wrong".to_owned());
        self.hub.lock().faults.end();
        if self.is_next_out {
            self.environments.roll_out(Rollout::Full);
        }
        self.environments.retire_all();
        self.stores.queue.redrive();
        let names: Vec<_> =
            (0..self.providers.sources.len()).map(|source| self.source_name(source)).collect();
        let dead_calls = std::mem::take(&mut self.dead_calls);
        let mut state = self.hub.lock();
        // A change that is still on its way must not have the last word.
        for delay_ms in [1, LATEST_EFFECT_MS.saturating_add(10_000)] {
            for name in &names {
                let errand = Errand::Switch(name.clone(), SourceState::Enabled);
                state.schedule_in(delay_ms, Due::Errand(errand));
            }
        }
        for call in dead_calls {
            state.schedule_in(LATEST_EFFECT_MS.saturating_add(120_000), Due::Invoke(call, 0));
        }
    }
}
