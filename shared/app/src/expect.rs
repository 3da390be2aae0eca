//! Payments that the platform has announced: what nobody told of in time is asked about.
//!
//! An expectation ends in one of three ways. The ledger knows the payment: it is met. The provider knows that money is
//! held or taken: it is healed, by an ordinary event through the same inbox and queue as a webhook. Otherwise a finding
//! says that it is overdue. A provider that does not answer leaves it waiting, and so does a source that is turned off or
//! does not work: for three days. What could not be checked by then is overdue.

use crate::caches::{Found, SourceCache};
use crate::logged;
use crate::ports::{
    Announced, Clock, Expectations, Findings, Inbox, Ledger, Port, ProviderApi, Queue, Sources,
};
use crate::reconcile::{admit, correction, look_up};
use countersign_domain::expect::{Announcement, Expectation, Heard, Purpose};
use countersign_domain::fact::Fact;
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::ids::{SourceName, TraceId};
use countersign_domain::limits::{EXPECT_LOOKBACK_HOURS, EXPECT_PATIENCE_HOURS, EXPECT_WITHIN_SECONDS_MAX};
use countersign_domain::money::Money;
use countersign_domain::policy::Verdict;
use countersign_domain::reconcile::{plan, word};
use countersign_domain::source::Source;
use countersign_domain::time::{SignedDuration, Timestamp};
use countersign_domain::translate::PaymentFact;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What waiting for payments needs.
pub struct Expecter<E, P, A, I, Q, L, F, C> {
    /// The payments that are waited for.
    pub expectations: E,
    /// The configured sources.
    pub sources: P,
    /// The provider's books.
    pub api: A,
    /// Where corrections are kept.
    pub inbox: I,
    /// Where they are handed over.
    pub queue: Q,
    /// Our books.
    pub ledger: L,
    /// Where overdue payments go.
    pub findings: F,
    /// The time.
    pub clock: C,
    /// Sources read so far.
    pub source_cache: SourceCache,
}

/// How one expectation ended, or not.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// The ledger knows the payment.
    Met,
    /// The provider knows it; what it knows was sent.
    Healed,
    /// Neither knows that money moved.
    Overdue,
    /// The provider says something else of a final state; a person must look.
    Differs,
    /// It cannot be checked now, and why: it is checked again.
    Waiting(String),
    /// It is a final state that could not be checked for so long that nobody will.
    Unchecked,
}

/// Whether what cannot be checked now is checked again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Left,
    /// Nobody will look for it much longer.
    Over,
}

/// What one check came to.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Expectations that the ledger met.
    pub met: u32,
    /// Those that the provider's answer healed.
    pub healed: u32,
    /// Those that are overdue.
    pub overdue: u32,
    /// Final states with which the provider does not agree.
    pub differing: u32,
    /// Those that could not be checked: they are checked again, or were for too long.
    pub waiting: u32,
}

/// One check under way.
#[derive(Default)]
struct Round {
    checked: Checked,
    /// Sources that do not work: each is told of once.
    unusable: BTreeSet<SourceName>,
}

impl<E, P, A, I, Q, L, F, C> Expecter<E, P, A, I, Q, L, F, C>
where
    E: Expectations,
    P: Sources,
    A: ProviderApi,
    I: Inbox,
    Q: Queue,
    L: Ledger,
    F: Findings,
    C: Clock,
{
    /// Waits for a payment; `None` when there is no enabled source of that name. Another amount than was announced before
    /// is a finding: what was said first counts.
    ///
    /// # Errors
    /// [`PortError`](crate::ports::PortError); announcing it again is right.
    pub async fn announce(&self, announcement: Announcement) -> Port<Option<Expectation>> {
        let now = self.clock.now();
        let Some(source) = self.source_cache.get(&self.sources, &announcement.source, now).await? else {
            return Ok(None);
        };
        let expectation = Expectation::new(announcement, source.expect_within_seconds, now);
        match self.expectations.announce(&expectation).await? {
            Announced::New => Ok(Some(expectation)),
            Announced::Known(known) => {
                if known.amount != expectation.amount {
                    let reason =
                        format!("announced as {}, and again as {}", known.amount, expectation.amount);
                    self.raise(&known, FindingKind::Conflicting, reason, Some(known.amount)).await?;
                }
                Ok(Some(*known))
            }
        }
    }

    /// Looks after every expectation whose deadline has come, until `stop_at`. Two checks at once are harmless. What
    /// cannot be checked of one source keeps no other waiting. Nothing is forgotten: what could not be checked for
    /// [`EXPECT_PATIENCE_HOURS`] is overdue.
    ///
    /// # Errors
    /// [`PortError`](crate::ports::PortError) when our own side fails; checking again is right.
    pub async fn check(&self, stop_at: Timestamp) -> Port<Checked> {
        let mut round = Round::default();
        for hours_ago in (0..=EXPECT_LOOKBACK_HOURS).rev() {
            let now = self.clock.now();
            let hour = now.checked_sub(SignedDuration::from_hours(hours_ago)).unwrap_or(Timestamp::MIN);
            let patience = if hours_ago < EXPECT_PATIENCE_HOURS { Patience::Left } else { Patience::Over };
            for expectation in self.expectations.due_in(hour).await? {
                let now = self.clock.now();
                if now >= stop_at {
                    return Ok(round.checked);
                }
                if expectation.due_at <= now {
                    self.check_one(&expectation, patience, &mut round).await?;
                }
            }
        }
        Ok(round.checked)
    }

    async fn check_one(&self, expectation: &Expectation, patience: Patience, round: &mut Round) -> Port<()> {
        let source = self.source(&expectation.source, round).await?;
        let ended = match (expectation.purpose, source) {
            (Purpose::Heard, source) => self.look_after(source, expectation).await?,
            (Purpose::Agreed, Ok(source)) => self.compare_final(&source, expectation).await?,
            (Purpose::Agreed, Err(why)) => Ended::Waiting(why),
        };
        let ended = match ended {
            Ended::Waiting(why) if patience == Patience::Over => self.give_up(expectation, &why).await?,
            ended => ended,
        };
        let checked = &mut round.checked;
        let count = match ended {
            Ended::Met => &mut checked.met,
            Ended::Healed => &mut checked.healed,
            Ended::Overdue => &mut checked.overdue,
            Ended::Differs => &mut checked.differing,
            Ended::Waiting(_) | Ended::Unchecked => &mut checked.waiting,
        };
        *count = count.saturating_add(1);
        match ended {
            Ended::Waiting(_) => Ok(()),
            _ => self.expectations.settle(expectation).await,
        }
    }

    /// The source of an expectation, or why its provider cannot be asked now: the payments of one that is turned off wait
    /// until it is turned on, and those of one that does not work until it is mended.
    async fn source(&self, name: &SourceName, round: &mut Round) -> Port<Result<Arc<Source>, String>> {
        match self.source_cache.find(&self.sources, name, self.clock.now()).await? {
            Found::Enabled(source) => Ok(Ok(source)),
            Found::NotEnabled => Ok(Err("its source is not enabled".to_owned())),
            Found::Unusable(error) => {
                if round.unusable.insert(name.clone()) {
                    logged::unusable_source("expectations", name, &error);
                }
                Ok(Err(format!("its source does not work: {}", error.chain())))
            }
        }
    }

    /// Ends what could not be checked for as long as anything is waited for. Whoever announced a payment that nobody has
    /// told of is told; a final state was told of, and its day's run compares it as well.
    async fn give_up(&self, expectation: &Expectation, why: &str) -> Port<Ended> {
        match expectation.purpose {
            Purpose::Heard => {
                let why = format!("it could not be checked for {EXPECT_PATIENCE_HOURS} hours: {why}");
                self.overdue(expectation, &why).await
            }
            Purpose::Agreed => {
                logged::unchecked(expectation, why);
                Ok(Ended::Unchecked)
            }
        }
    }

    async fn look_after(
        &self,
        source: Result<Arc<Source>, String>,
        expectation: &Expectation,
    ) -> Port<Ended> {
        let history = self.ledger.history(&expectation.source, &expectation.payment).await?;
        let ours = history.last().map(|row| &row.state);
        match expectation.heard(ours) {
            Heard::AsAnnounced => return Ok(Ended::Met),
            Heard::Otherwise(kind) => {
                let known = ours.map_or_else(String::new, countersign_domain::reconcile::describe);
                let reason = format!("announced: {}; ledger: {known}", expectation.amount);
                self.raise(expectation, kind, reason, Some(expectation.amount)).await?;
                return Ok(Ended::Met);
            }
            Heard::Nothing => {}
        }
        let source = match source {
            Ok(source) => source,
            Err(why) => return Ok(Ended::Waiting(why)),
        };
        let Some(books) = &source.dialect.reconcile else {
            return self.overdue(expectation, "its provider cannot be asked").await;
        };
        let theirs = match look_up(&self.api, &source, books, &expectation.payment).await {
            Ok((_, theirs)) => theirs,
            Err(why) => return Ok(Ended::Waiting(why)),
        };
        let Some(theirs) = theirs else {
            return self.overdue(expectation, "the provider does not know it").await;
        };
        let heals = plan(ours, Some(&theirs)).heals;
        if heals.is_empty() {
            let stands = format!("at the provider it is {}", word(theirs.status));
            return self.overdue(expectation, &stands).await;
        }
        match self.send(expectation, heals).await? {
            Ok(()) => Ok(Ended::Healed),
            Err(why) => self.overdue(expectation, &why).await,
        }
    }

    /// Asks the provider whether it agrees with a final state. What differs is healed where the source's policy lets it, and
    /// is a finding otherwise.
    async fn compare_final(&self, source: &Source, expectation: &Expectation) -> Port<Ended> {
        // Whoever took the books out of the dialect since wants no check.
        let Some(books) = &source.dialect.reconcile else { return Ok(Ended::Met) };
        let theirs = match look_up(&self.api, source, books, &expectation.payment).await {
            Ok((_, theirs)) => theirs,
            Err(why) => return Ok(Ended::Waiting(why)),
        };
        // Read after the provider was asked: what came in meanwhile is in it.
        let history = self.ledger.history(&source.name, &expectation.payment).await?;
        let ours = history.last().map(|row| &row.state);
        let plan = plan(ours, theirs.as_ref());
        if plan.differences.is_empty() {
            return Ok(Ended::Met);
        }
        match source.policy.verdict(&plan, ours, theirs.as_ref()) {
            Verdict::Tolerate => return Ok(Ended::Met),
            Verdict::Heal => {
                if self.send(expectation, plan.heals).await?.is_ok() {
                    return Ok(Ended::Healed);
                }
            }
            Verdict::Open => {}
        }
        for difference in plan.differences {
            let reason = format!("ledger: {}; provider: {}", difference.ours, difference.theirs);
            self.raise(expectation, difference.kind, reason, difference.at_stake()).await?;
        }
        Ok(Ended::Differs)
    }

    /// Sends what the provider knows, or says why it cannot be sent.
    async fn send(&self, expectation: &Expectation, heals: Vec<Fact>) -> Port<Result<(), String>> {
        let Expectation { source, payment, due_at, .. } = expectation;
        let mut events = Vec::new();
        for fact in heals {
            match correction(PaymentFact { payment: payment.clone(), fact }) {
                Ok(heal) => events.push(heal),
                Err(why) => return Ok(Err(why)),
            }
        }
        let trace = TraceId::of(&["expected", source.as_str(), payment.as_str(), &due_at.to_string()]);
        admit(&self.inbox, &self.queue, source, events, &trace, self.clock.now()).await?;
        Ok(Ok(()))
    }

    async fn overdue(&self, expectation: &Expectation, why: &str) -> Port<Ended> {
        let Expectation { amount, announced_at, .. } = expectation;
        let reason = format!("{amount} announced at {announced_at}, and nothing was heard: {why}");
        self.raise(expectation, FindingKind::Overdue, reason, Some(*amount)).await?;
        Ok(Ended::Overdue)
    }

    async fn raise(
        &self,
        expectation: &Expectation,
        kind: FindingKind,
        reason: String,
        at_stake: Option<Money>,
    ) -> Port<()> {
        let finding = Finding {
            source: expectation.source.clone(),
            kind,
            subject: Subject::Payment(expectation.payment.clone()),
            reason,
            at_stake,
            found_at: self.clock.now(),
        };
        // New or known, it is on record now.
        let _ = self.findings.raise(&finding).await?;
        Ok(())
    }
}

/// Every payment that is waited for, of one source or of all: those that are due, and those whose deadline is to come.
///
/// # Errors
/// [`PortError`](crate::ports::PortError).
pub async fn waited_for(
    expectations: &impl Expectations,
    source: Option<&SourceName>,
    now: Timestamp,
) -> Port<Vec<Expectation>> {
    let hours_ahead = i64::from(EXPECT_WITHIN_SECONDS_MAX / 3_600).saturating_add(1);
    let mut waiting = Vec::new();
    for hours in -EXPECT_LOOKBACK_HOURS..=hours_ahead {
        let hour = now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(now);
        waiting.extend(expectations.due_in(hour).await?);
    }
    waiting.retain(|expectation| source.is_none_or(|source| expectation.source == *source));
    waiting.sort_by(|one, other| (one.due_at, &one.payment).cmp(&(other.due_at, &other.payment)));
    Ok(waiting)
}

#[cfg(test)]
mod tests;
