//! Older findings are looked at again: one that holds no longer is settled without a person.

use super::{LOOKUPS_PER_STEP, Reconciler, StepResult, Work};
use crate::findings::{self, StepError};
use crate::ports::{
    Bus, Cases, Clock, Evidence, Findings, Inbox, Ledger, Phase, ProviderApi, Queue, Reports, Run,
    RunHistory, Runs, Sources,
};
use countersign_domain::finding::{Case, FindingKind, Standing, Step, Subject};
use countersign_domain::reconcile::compare;
use std::collections::BTreeSet;

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
    /// Some of the findings about payments that are not settled, and that this run has not found again: those where both
    /// sides agree by now are noted. One whose payment differs in another way by now waits on, as nobody else tells of that. A
    /// correction that this run only plans counts in the next run.
    pub(super) async fn recheck(&self, work: &Work<'_>, run: &mut Run) -> StepResult<()> {
        let seen = self.seen_payments(run).await?;
        let mut found = BTreeSet::new();
        for note in self.runs.notes(run, "difference#").await? {
            if let Evidence::Difference { payment, .. } = note {
                found.insert(payment);
            }
        }
        let after = run.cursor.take();
        let cases = self.findings.of(&run.source).await?.into_iter();
        let mut rest = cases.filter(|case| {
            is_of_books(case) && after.as_ref().is_none_or(|after| case.finding.id() > *after)
        });
        let mut notes = Vec::new();
        let until = self.end_of_step(work);
        for case in rest.by_ref().take(LOOKUPS_PER_STEP) {
            let id = case.finding.id();
            run.cursor = Some(id.clone());
            let Subject::Payment(payment) = &case.finding.subject else { continue };
            if case.finding.kind == FindingKind::Overdue {
                // It was waited for, and came after all.
                if self.ledger.history(&run.source, payment).await?.pop().is_some() {
                    notes.push(Evidence::Level { finding: id });
                }
                continue;
            }
            if found.contains(payment) || !payment.as_str().starts_with(&work.books.payment_prefix) {
                continue;
            }
            let is_level = if seen.contains(payment) {
                true
            } else {
                let theirs = self.lookup(work, run, payment).await?;
                let ours = self.ledger.history(&run.source, payment).await?.pop();
                compare(ours.as_ref().map(|row| &row.state), theirs.as_ref()).is_empty()
            };
            if is_level {
                notes.push(Evidence::Level { finding: id });
            }
            if self.clock.now() >= until {
                break;
            }
        }
        let is_more = rest.next().is_some();
        self.runs.note(run, &notes).await?;
        if !is_more {
            (run.phase, run.cursor) = (Phase::Heal, None);
        }
        Ok(())
    }

    /// Settles what was noted as level. What a person did meanwhile stays.
    pub(super) async fn settle_leveled(&self, run: &Run, finding: &str) -> StepResult<()> {
        let step = Step::leveled(self.clock.now(), &run.window.name());
        match findings::take(&self.findings, &run.source, finding, step).await {
            Ok(_) | Err(StepError::NoFinding { .. } | StepError::Move { .. } | StepError::Changed(_)) => {
                Ok(())
            }
            Err(StepError::Port(error)) => Err(error.into()),
        }
    }
}

fn is_of_books(case: &Case) -> bool {
    let kind = case.finding.kind;
    case.standing != Standing::Resolved && (kind.is_between_books() || kind == FindingKind::Overdue)
}
