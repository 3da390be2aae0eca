//! Senders who send a plan, and send again what was not acknowledged, as providers do.

use crate::account::Sent;
use crate::plan::{Delivery, Proof};
use crate::stage::Stage;
use countersign::local::Failure;
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_domain::time::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Tries of one delivery, the first included. With the waits between them that is more than two minutes.
const TRIES_MAX: u32 = 24;

/// Before the second try; doubled up to the longest.
const AGAIN_MS: i64 = 500;
const AGAIN_MS_MAX: i64 = 8_000;

/// How often a sender with nothing to do looks again.
const IDLE: Duration = Duration::from_millis(50);

/// Whose delivery it was and how it was answered; nothing stands for no answer.
pub(crate) type Answers = BTreeMap<(bool, Option<u16>), u64>;

/// What the senders know.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: Sent,
    /// Deliveries of the plan.
    pub(crate) deliveries: u64,
    /// Further tries.
    pub(crate) again: u64,
    /// Never acknowledged, in spite of all tries.
    pub(crate) given_up: u64,
    pub(crate) answers: Answers,
}

struct Later {
    due: Timestamp,
    delivery: Delivery,
    tries: u32,
}

struct Work<P> {
    plan: P,
    later: Vec<Later>,
    is_over: bool,
    tally: Tally,
}

/// The senders of a trial.
pub(crate) struct Load<P> {
    stage: Arc<Stage>,
    work: Arc<Mutex<Work<P>>>,
    senders: JoinSet<Result<(), Failure>>,
}

enum Next {
    Send(Delivery, u32),
    Wait,
    End,
}

impl<P: Iterator<Item = Delivery> + Send + 'static> Load<P> {
    /// Begins to send.
    pub(crate) fn start(stage: &Arc<Stage>, plan: P, senders: usize) -> Self {
        let work = Work { plan, later: Vec::new(), is_over: false, tally: Tally::default() };
        let mut load =
            Self { stage: Arc::clone(stage), work: Arc::new(Mutex::new(work)), senders: JoinSet::new() };
        for _ in 0..senders {
            load.senders.spawn(send(Arc::clone(&load.stage), Arc::clone(&load.work)));
        }
        load
    }

    /// Sends nothing new any more.
    pub(crate) fn end(&self) {
        locked(&self.work).is_over = true;
    }

    /// How many deliveries of the plan were sent.
    pub(crate) fn deliveries(&self) -> u64 {
        locked(&self.work).tally.deliveries
    }

    /// Waits until everything is acknowledged, refused or given up.
    pub(crate) async fn finish(mut self) -> Result<Tally, Failure> {
        while let Some(ended) = self.senders.join_next().await {
            ended.map_err(|error| Failure::because("a sender failed", error))??;
        }
        let mut work = locked(&self.work);
        Ok(std::mem::take(&mut work.tally))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn send<P: Iterator<Item = Delivery>>(
    stage: Arc<Stage>,
    work: Arc<Mutex<Work<P>>>,
) -> Result<(), Failure> {
    loop {
        let next = locked(&work).next(SystemClock.now());
        let (delivery, tries) = match next {
            Next::Send(delivery, tries) => (delivery, tries),
            Next::Wait => {
                tokio::time::sleep(IDLE).await;
                continue;
            }
            Next::End => return Ok(()),
        };
        let answer = stage.post(&delivery).await?;
        locked(&work).answered(delivery, tries, answer, SystemClock.now());
    }
}

impl<P: Iterator<Item = Delivery>> Work<P> {
    fn next(&mut self, now: Timestamp) -> Next {
        if let Some(position) = self.later.iter().position(|later| later.due <= now) {
            let Later { delivery, tries, .. } = self.later.swap_remove(position);
            return Next::Send(delivery, tries);
        }
        if !self.is_over {
            if let Some(delivery) = self.plan.next() {
                self.tally.deliveries = self.tally.deliveries.saturating_add(1);
                return Next::Send(delivery, 0);
            }
            self.is_over = true;
        }
        if self.later.is_empty() { Next::End } else { Next::Wait }
    }

    fn answered(&mut self, delivery: Delivery, tries: u32, answer: Option<u16>, now: Timestamp) {
        let is_acknowledged = answer.is_some_and(|status| (200..300).contains(&status));
        let is_forged = delivery.proof != Proof::Genuine;
        *self.tally.answers.entry((is_forged, answer)).or_default() += 1;
        self.tally.again = self.tally.again.saturating_add(u64::from(tries > 0));
        self.tally.sent.record(&delivery, is_acknowledged);
        if is_acknowledged || is_forged {
            return;
        }
        let tries = tries.saturating_add(1);
        if tries >= TRIES_MAX {
            self.tally.given_up = self.tally.given_up.saturating_add(1);
            return;
        }
        let wait = AGAIN_MS.saturating_mul(1 << tries.min(6)).min(AGAIN_MS_MAX);
        self.later.push(Later { due: now + SignedDuration::from_millis(wait), delivery, tries });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[test]
    fn what_is_not_acknowledged_is_sent_again_and_what_is_refused_is_not() {
        let plan: Vec<_> = Plan::new(1).take(200).collect();
        let mut work =
            Work { plan: plan.into_iter(), later: Vec::new(), is_over: false, tally: Tally::default() };
        let mut now = SystemClock.now();
        let mut posts = 0_u64;
        loop {
            match work.next(now) {
                Next::Send(delivery, tries) => {
                    posts += 1;
                    let answer = match (delivery.proof, tries) {
                        (Proof::Forged(_), _) => Some(401),
                        (Proof::Genuine, 0) => None,
                        (Proof::Genuine, 1) => Some(503),
                        (Proof::Genuine, _) => Some(200),
                    };
                    work.answered(delivery, tries, answer, now);
                }
                Next::Wait => now += SignedDuration::from_millis(100),
                Next::End => break,
            }
        }
        let Tally { sent, deliveries, again, given_up, answers } = work.tally;
        assert_eq!((deliveries, again, given_up, posts), (200, 2 * 198, 0, 2 + 3 * 198));
        assert_eq!(answers[&(true, Some(401))], 2);
        assert_eq!(answers[&(false, Some(200))], 198);
        assert!(sent.claims.values().all(|claim| claim.acknowledged > 0));
    }
}
