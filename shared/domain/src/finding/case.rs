//! What becomes of a finding: somebody sees it, somebody settles it, and it comes back if it is seen again.

use super::Finding;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A finding, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// What was found, as it was found first.
    #[serde(flatten)]
    pub finding: Finding,
    /// When it was seen last.
    pub seen_at: Timestamp,
    /// How often it was seen.
    pub sightings: u64,
    /// Where it stands.
    pub standing: Standing,
    /// Everything that was done about it, oldest first.
    pub steps: Vec<Step>,
}

/// Where a finding stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has taken it.
    #[default]
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// It is settled. If it is seen again, it is open again.
    Resolved,
}

/// One thing that was done about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What.
    pub what: Move,
    /// Why, in words that hold no secret and no personal data.
    pub why: String,
}

/// What can be done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Somebody takes it.
    Acknowledge,
    /// It is settled.
    Resolve(Settlement),
    /// It was settled too early.
    Reopen,
    /// It was seen again after it was settled.
    SeenAgain,
}

/// How a finding was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The books were put right, here or at the provider.
    Corrected,
    /// The difference is right as it is.
    Accepted,
    /// It was none.
    NoIssue,
    /// A later run found that both sides agree.
    Leveled,
}

/// Why something cannot be done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// It is settled.
    #[error("it is resolved: reopen it first if that was too early")]
    Resolved,
    /// Somebody has taken it.
    #[error("it is acknowledged already")]
    Acknowledged,
    /// It is not settled.
    #[error("it is not resolved: there is nothing to reopen")]
    NotResolved,
}

impl Standing {
    /// Where a finding stands after a move.
    ///
    /// # Errors
    /// [`MoveError`] when it makes no sense from here.
    pub fn after(self, what: Move) -> Result<Self, MoveError> {
        match (self, what) {
            (Self::Open, Move::Acknowledge) => Ok(Self::Acknowledged),
            (Self::Acknowledged, Move::Acknowledge) => Err(MoveError::Acknowledged),
            (Self::Resolved, Move::Acknowledge | Move::Resolve(_)) => Err(MoveError::Resolved),
            (Self::Open | Self::Acknowledged, Move::Resolve(_)) => Ok(Self::Resolved),
            (Self::Resolved, Move::Reopen | Move::SeenAgain) => Ok(Self::Open),
            (Self::Open | Self::Acknowledged, Move::Reopen) => Err(MoveError::NotResolved),
            // Seen again while it is being looked after: it stays so.
            (Self::Open | Self::Acknowledged, Move::SeenAgain) => Ok(self),
        }
    }
}

impl Step {
    /// A settled finding is seen once more.
    #[must_use]
    pub fn seen_again(finding: &Finding) -> Self {
        Self {
            at: finding.found_at,
            by: "countersign".to_owned(),
            what: Move::SeenAgain,
            why: finding.reason.clone(),
        }
    }
}

impl Step {
    /// A run found that both sides agree.
    #[must_use]
    pub fn leveled(at: Timestamp, run: &str) -> Self {
        Self {
            at,
            by: "countersign".to_owned(),
            what: Move::Resolve(Settlement::Leveled),
            why: format!("the ledger and the provider agree: found by the run of {run}"),
        }
    }
}

impl Case {
    /// A finding that was seen for the first time.
    #[must_use]
    pub fn new(finding: Finding) -> Self {
        let seen_at = finding.found_at;
        Self { finding, seen_at, sightings: 1, standing: Standing::Open, steps: Vec::new() }
    }

    /// The same after a step.
    ///
    /// # Errors
    /// [`MoveError`] when it makes no sense where it stands.
    pub fn after(&self, step: Step) -> Result<Self, MoveError> {
        let standing = self.standing.after(step.what)?;
        let steps = self.steps.iter().cloned().chain([step]).collect();
        Ok(Self { standing, steps, ..self.clone() })
    }

    /// Seconds since it was found.
    #[must_use]
    pub fn age_seconds(&self, now: Timestamp) -> i64 {
        now.as_second().saturating_sub(self.finding.found_at.as_second()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Acknowledged, Open, Resolved};

    #[test]
    fn every_step_is_kept() {
        let step = |what| Step {
            at: Timestamp::UNIX_EPOCH,
            by: "ada".to_owned(),
            what,
            why: "looked at".to_owned(),
        };
        let case = Case::new(Finding {
            source: crate::testing::source_name(),
            kind: crate::finding::FindingKind::Late,
            subject: crate::finding::Subject::Delivery(crate::ids::Sha256Hex::of(&[])),
            reason: "why".to_owned(),
            at_stake: None,
            found_at: Timestamp::UNIX_EPOCH,
        });
        let steps = [step(Move::Acknowledge), step(Move::Resolve(Settlement::Corrected)), step(Move::Reopen)];
        let found =
            steps.iter().try_fold(case, |case, step| case.after(step.clone())).expect("each makes sense");
        assert_eq!((found.standing, found.steps), (Open, steps.to_vec()));
    }

    #[test]
    fn from_each_standing_each_move() {
        let resolve = Move::Resolve(Settlement::Corrected);
        for (from, what, expected) in [
            (Open, Move::Acknowledge, Ok(Acknowledged)),
            (Open, resolve, Ok(Resolved)),
            (Open, Move::Reopen, Err(MoveError::NotResolved)),
            (Open, Move::SeenAgain, Ok(Open)),
            (Acknowledged, Move::Acknowledge, Err(MoveError::Acknowledged)),
            (Acknowledged, resolve, Ok(Resolved)),
            (Acknowledged, Move::Reopen, Err(MoveError::NotResolved)),
            (Acknowledged, Move::SeenAgain, Ok(Acknowledged)),
            (Resolved, Move::Acknowledge, Err(MoveError::Resolved)),
            (Resolved, resolve, Err(MoveError::Resolved)),
            (Resolved, Move::Reopen, Ok(Open)),
            (Resolved, Move::SeenAgain, Ok(Open)),
        ] {
            assert_eq!(from.after(what), expected, "{from:?} and {what:?}");
        }
    }
}
