//! What becomes of an invocation that is over, or was ended.

use super::World;
use super::environment::{Call, Called, Done, Invocation, Work};
use super::errand::{Errand, Went};
use super::faults::Fault;
use super::hub::{Due, Mishaps, TaskId, instant};
use super::queue::Message;
use crate::auditor::{Answer, Batch, Violation};
use countersign_app::logged;
use countersign_app::process::{Processed, Retry};
use countersign_app::reconcile::Ended;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::source::SourceState;

/// How often a call that failed is tried again. As `MaximumRetryAttempts` in `template.yaml`.
const CALL_RETRIES: u32 = 2;
/// How long the edge waits for an answer, in milliseconds.
const EDGE_PATIENCE_MS: i64 = 29_000;

/// How an invocation went, as far as the world had a hand in it.
struct Ending {
    task: TaskId,
    skew_ms: i64,
    began_at_ms: i64,
    ended_at_ms: i64,
    mishaps: Mishaps,
}

impl World {
    pub(super) fn finish(
        &mut self,
        task: TaskId,
        invocation: Invocation,
        done: Done,
    ) -> Result<(), Violation> {
        let mishaps = self.hub.close(task);
        let Invocation { work, began_at_ms, skew_ms, release } = invocation;
        let ended_at_ms = self.hub.now_ms();
        let ending = Ending { task, skew_ms, began_at_ms, ended_at_ms, mishaps };
        match (work, done) {
            (Work::Delivery { request, arrival, delivery }, Done::Answered(result)) => {
                let status = result.as_ref().map_or_else(|rejected| rejected.status(), |_| 200);
                self.hub.trace(|| format!("#{task} answers {status}: {result:?}"));
                logged::delivery(&request, &arrival, &result, instant(ended_at_ms.saturating_add(skew_ms)));
                let answer = Answer {
                    delivery: &delivery,
                    attempt: arrival.attempt.as_str(),
                    began_at_ms,
                    ended_at_ms,
                    clock_ms: arrival.now.as_millisecond(),
                    status,
                    mishaps: mishaps.all,
                };
                self.auditor.answered(&self.providers, &answer)?;
                let is_heard = ended_at_ms.saturating_sub(began_at_ms) <= EDGE_PATIENCE_MS;
                if let Some(webhook) = delivery.webhook {
                    self.providers.answered(&self.hub, webhook, Some(status).filter(|_| is_heard));
                }
            }
            (Work::Batch { messages }, Done::Processed(processed)) => {
                self.processed(&ending, release, &messages, &processed)?;
            }
            (Work::Call { call, tries }, Done::Called(result)) => match result {
                Ok(called) => self.called(&ending, call, tries, called)?,
                Err(error) => {
                    self.hub.trace(|| format!("#{task} fails: {}", error.chain()));
                    logged::failed(&error);
                    self.call_again(call, tries);
                }
            },
            (Work::Errand(errand), Done::Went(went)) => self.went(errand, &went),
            _ => unreachable!("an invocation ends as what it began"),
        }
        Ok(())
    }

    fn processed(
        &mut self,
        ending: &Ending,
        release: super::queue::Release,
        messages: &[Message],
        processed: &[Processed],
    ) -> Result<(), Violation> {
        for one in processed {
            if matches!(one.outcome, Err(Retry::Contended)) {
                self.hub.lock().faults.note(Fault::Contended);
            }
            self.hub
                .trace(|| format!("#{} message {}: {:?}", ending.task, one.trail.message_id, one.outcome));
            logged::message(one);
        }
        // What was published last is looked at before the batch is believed.
        for event in self.bus.take() {
            self.auditor.published(&event)?;
        }
        let batch = Batch {
            messages,
            processed,
            began_at_ms: ending.began_at_ms,
            ended_at_ms: ending.ended_at_ms,
            mishaps: ending.mishaps,
            release,
        };
        self.auditor.processed(&self.providers, &batch)?;
        let finished = messages.iter().zip(processed).filter(|(_, one)| one.outcome.is_ok());
        finished.for_each(|(message, _)| self.stores.queue.delete(message.id));
        Ok(())
    }

    fn called(&mut self, ending: &Ending, call: Call, tries: u32, called: Called) -> Result<(), Violation> {
        match (call, called) {
            (Call::Due, Called::Requested(requests)) => logged::requested(&requests),
            (Call::Requested(request), Called::Ran(ended)) => {
                self.hub.trace(|| format!("#{} {}: {ended:?}", ending.task, ended.name()));
                logged::run(&request, &ended);
                let fault = match &ended {
                    Ended::Suspended(_) => Some(Fault::RunSuspended),
                    Ended::Busy => Some(Fault::RunBusy),
                    Ended::Finished(data) if data.status == RunStatus::Incomplete => {
                        Some(Fault::RunIncomplete)
                    }
                    Ended::Finished(_) | Ended::AlreadyComplete | Ended::Refused(_) => None,
                };
                fault.into_iter().for_each(|fault| self.hub.lock().faults.note(fault));
                self.auditor.ran(&request, &ended, (ending.began_at_ms, ending.skew_ms))?;
            }
            (Call::Announced(announcement), Called::Announced(is_waited_for)) => {
                logged::announced(&announcement, is_waited_for);
                if is_waited_for {
                    self.auditor.announced(&announcement);
                } else {
                    self.call_again(Call::Announced(announcement), tries);
                }
            }
            (Call::Check, Called::Checked(checked)) => {
                self.hub.trace(|| format!("#{} {checked:?}", ending.task));
                logged::checked(&checked);
            }
            _ => unreachable!("a call is answered as what it was"),
        }
        Ok(())
    }

    /// As Lambda does with an asynchronous invocation that failed.
    fn call_again(&mut self, call: Call, tries: u32) {
        let mut state = self.hub.lock();
        if tries < CALL_RETRIES {
            state.faults.note(Fault::CallRetried);
            let tries = tries.saturating_add(1);
            state.schedule_in(i64::from(tries).saturating_mul(60_000), Due::Invoke(call, tries));
            return;
        }
        state.faults.note(Fault::CallGivenUp);
        drop(state);
        self.hub.trace(|| format!("given up: {call:?}"));
        self.dead_calls.push(call);
    }

    fn went(&mut self, errand: Errand, went: &Went) {
        self.hub.trace(|| format!("operator: {errand:?}: {went:?}"));
        let mut state = self.hub.lock();
        match went {
            Went::Well => return,
            Went::Raced => state.faults.note(Fault::ChangeRaced),
            Went::Wrong(why) => {
                drop(state);
                self.hub.trace(|| format!("it went wrong: {why}"));
                state = self.hub.lock();
            }
        }
        // Nobody insists on turning a source off.
        if !matches!(errand, Errand::Switch(_, SourceState::Disabled)) {
            let delay_ms = state.dice.between(10_000, 120_000);
            state.schedule_in(delay_ms, Due::Errand(errand));
        }
    }

    pub(super) fn time_out(&mut self, task: TaskId) {
        if !self.environments.is_at_work(task) {
            return;
        }
        if let Some(until_ms) = self.hub.frozen_until(task) {
            let mut state = self.hub.lock();
            let grace_ms = state.dice.between(1, 30_000);
            state.schedule(until_ms.saturating_add(grace_ms), Due::Timeout(task));
            return;
        }
        self.hub.lock().faults.note(Fault::TimedOut);
        self.kill(task, "is out of time");
    }

    /// Ends an invocation where it stands, and its environment with it.
    pub(super) fn kill(&mut self, task: TaskId, how: &str) {
        let Some(Invocation { work, began_at_ms, .. }) = self.environments.kill(task) else { return };
        self.hub.close(task);
        self.hub.trace(|| format!("#{task} {how}"));
        match work {
            Work::Delivery { arrival, delivery, .. } => {
                let span = (began_at_ms, self.hub.now_ms());
                let clock_ms = arrival.now.as_millisecond();
                self.auditor.doubt(&delivery, arrival.attempt.as_str(), clock_ms, span);
                if let Some(webhook) = delivery.webhook {
                    self.providers.answered(&self.hub, webhook, None);
                }
            }
            Work::Batch { .. } => {}
            Work::Call { call, tries } => self.call_again(call, tries),
            Work::Errand(errand) => {
                let mut state = self.hub.lock();
                let delay_ms = state.dice.between(10_000, 120_000);
                if !matches!(errand, Errand::Switch(_, SourceState::Disabled)) {
                    state.schedule_in(delay_ms, Due::Errand(errand));
                }
            }
        }
    }
}
