//! Somebody who is no provider, and what they try.

use super::books::{Currency, Telling};
use super::wire::Telltale;
use super::{Delivery, Proof, Providers};
use crate::auditor::model::Happening;
use crate::world::faults::Fault;
use crate::world::hub::Hub;

/// How long after a secret was taken out of use nobody may accept it any more, in milliseconds: secrets are believed for
/// five minutes, and clocks are ten minutes off at the most.
const RETIRED_FOR_GOOD_MS: i64 = 940_000;
/// Beyond this age a signature is stale, in seconds.
const FRESH_SECONDS_MAX: i64 = 300;

const ATTACKS: [Fault; 7] = [
    Fault::Forged,
    Fault::Unsigned,
    Fault::Tampered,
    Fault::ReplayedFresh,
    Fault::ReplayedStale,
    Fault::OldSecretUsed,
    Fault::UnknownEndpoint,
];

impl Providers {
    /// The requests of somebody who tries this and that.
    pub(crate) fn attack(&mut self, hub: &Hub) -> Vec<Delivery> {
        ATTACKS.into_iter().filter_map(|attack| self.one_attack(hub, attack)).collect()
    }

    fn one_attack(&mut self, hub: &Hub, attack: Fault) -> Option<Delivery> {
        let now_ms = hub.now_ms();
        let now_seconds = now_ms.div_euclid(1_000);
        let source = hub.lock().dice.index(self.sources.len());
        match attack {
            Fault::ReplayedFresh | Fault::ReplayedStale => {
                let age = |capture: &&Delivery| {
                    let signed_at = capture.proof.as_ref().map_or(0, |proof| proof.signed_at_seconds);
                    now_seconds.saturating_sub(signed_at).saturating_abs()
                };
                let is_wanted = |capture: &&Delivery| {
                    (age(capture) > FRESH_SECONDS_MAX) == (attack == Fault::ReplayedStale)
                };
                let captures: Vec<_> = self.captures.iter().filter(is_wanted).collect();
                let capture = (*self.choose(hub, attack, &captures)?).clone();
                Some(Delivery { what: format!("{attack:?}: {}", capture.what), ..capture })
            }
            Fault::Tampered => {
                let captures: Vec<_> = self.captures.iter().collect();
                let capture = (*self.choose(hub, attack, &captures)?).clone();
                let body = [capture.body.as_slice(), b" "].concat();
                Some(nothing_told(Delivery { body, proof: None, ..capture }, attack))
            }
            Fault::OldSecretUsed => {
                let retired_at_ms = self.sources[source].retired_at_ms?;
                let is_gone = now_ms.saturating_sub(retired_at_ms) > RETIRED_FOR_GOOD_MS;
                if !is_gone || !hub.lock().strikes(attack) {
                    return None;
                }
                let secret = self.sources[source].secrets[0].clone();
                Some(self.forgery(source, secret, now_seconds, attack))
            }
            _ => {
                if !hub.lock().strikes(attack) {
                    return None;
                }
                let mut forgery =
                    self.forgery(source, "whsec_0123456789abcdef".to_owned(), now_seconds, attack);
                if attack == Fault::Unsigned {
                    forgery.headers = self.sources[source].format.unsigned(&forgery.headers);
                    forgery.proof = None;
                }
                if attack == Fault::UnknownEndpoint {
                    (forgery.endpoint, forgery.source) = ("nobody".to_owned(), None);
                }
                Some(forgery)
            }
        }
    }

    fn choose<'a>(&self, hub: &Hub, attack: Fault, from: &[&'a Delivery]) -> Option<&'a Delivery> {
        let mut state = hub.lock();
        if from.is_empty() || !state.strikes(attack) {
            return None;
        }
        Some(state.dice.pick(from))
    }

    /// A delivery of an event that never happened.
    fn forgery(&mut self, source: usize, secret: String, signed_at_seconds: i64, attack: Fault) -> Delivery {
        self.forgeries = self.forgeries.saturating_add(1);
        let id = format!("forged_{}", self.forgeries);
        let format = self.sources[source].format;
        let item = format.item(&Telltale {
            id: &id,
            payment: "pi_0",
            currency: Currency { code: "EUR", decimals: 2 },
            telling: &Telling::Happens(Happening::TakenInAll(1)),
            at_seconds: signed_at_seconds,
        });
        let body = format.body(&[item]);
        let delivery = Delivery {
            endpoint: self.sources[source].name.clone(),
            source: Some(source),
            headers: format.headers(&secret, &id, &body, signed_at_seconds),
            body,
            proof: Some(Proof { secret, signed_at_seconds }),
            told: Vec::new(),
            unreadable: None,
            is_readable: true,
            webhook: None,
            what: String::new(),
        };
        nothing_told(delivery, attack)
    }
}

/// A delivery that must leave nothing behind.
fn nothing_told(delivery: Delivery, attack: Fault) -> Delivery {
    Delivery { told: Vec::new(), unreadable: None, webhook: None, what: format!("{attack:?}"), ..delivery }
}
