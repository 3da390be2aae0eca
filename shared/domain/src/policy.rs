//! What a source's owner has decided once, so that nobody decides it again every morning: which differences are too small to
//! matter, which corrections go out by themselves, and how soon a finding must be looked at.

use crate::books::compare::{Rules, Tolerance};
use crate::finding::{Case, FindingKind, Standing};
use crate::money::Money;
use crate::payment::Payment;
use crate::reconcile::{Difference, Plan, Snapshot};
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest name of an owner, in bytes.
const OWNER_BYTES_MAX: usize = 80;
/// Longest grace of a source, in seconds: a week.
pub const GRACE_SECONDS_MAX: u32 = 604_800;
/// Longest delay of a check, in seconds: a day.
pub const CHECK_AFTER_SECONDS_MAX: u32 = 86_400;
/// Oldest age at which a window is read once more, in days.
pub const REREAD_DAYS_MAX: u16 = 35;
/// How often one window is read once more.
const REREADS_MAX: usize = 5;

/// The kinds that a correction can level.
pub const HEALABLE: [FindingKind; 4] = [
    FindingKind::MissingHere,
    FindingKind::AmountDiffers,
    FindingKind::RefundDiffers,
    FindingKind::StatusBehind,
];

/// How soon somebody must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// When there is time.
    Low,
    /// This week.
    Medium,
    /// Today.
    High,
    /// Now.
    Critical,
}

/// A rule that makes findings more severe. All that it says must be true of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Findings of these kinds; of any kind where there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<FindingKind>,
    /// Hours since it was found.
    #[serde(default)]
    pub after_hours: u32,
    /// What is at stake, in this currency, at the least. A finding whose stake is unknown or in another currency is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Money>,
    /// How severe it is then.
    pub severity: Severity,
}

/// What the owner of a source has decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Who looks after the findings: a team, not a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Youngest age of a window's end, in seconds, where it is not the stack's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    /// Ages, in days after its end, at which a window is read once more: what a provider's list shows late is found then. A
    /// day later, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reread_days: Option<BTreeSet<u16>>,
    /// How far two amounts may differ without a finding.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tolerance: Tolerance,
    /// Seconds that a report file's time of an entry and the ledger's may be apart; not compared where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_seconds: Option<u32>,
    /// The kinds that corrections level by themselves; all of [`HEALABLE`] where nothing is said. An event that the provider
    /// lists and we missed always comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heals: Option<BTreeSet<FindingKind>>,
    /// Seconds after a payment's final state at which the provider is asked whether it agrees; never where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_after_seconds: Option<u32>,
    /// What makes findings more severe; where there are none, [`Policy::severity`] knows two rules of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<Escalation>,
}

fn is_none(tolerance: &Tolerance) -> bool {
    *tolerance == Tolerance::default()
}

/// Why a policy cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy.{key} is {value}: {remedy}")]
pub struct PolicyError {
    /// Which key.
    pub key: &'static str,
    /// What it holds.
    pub value: String,
    /// What may stand there.
    pub remedy: String,
}

/// What becomes of the differences of one payment.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Each is too small to matter.
    Tolerate,
    /// The plan's corrections go out.
    Heal,
    /// A person must look.
    Open,
}

impl Policy {
    /// What counts as a difference between the rows of two sides.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let late_seconds_max = self.late_seconds.map(i64::from);
        Rules { tolerance: self.tolerance, late_seconds_max, needs_payments: false }
    }

    /// Whether a policy was written at all.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it can be kept.
    ///
    /// # Errors
    /// [`PolicyError`] names the key, its value and what may stand there.
    pub fn check(&self) -> Result<(), PolicyError> {
        let wrong = |key, value: String, remedy: String| Err(PolicyError { key, value, remedy });
        if let Some(owner) = &self.owner
            && !(1..=OWNER_BYTES_MAX).contains(&owner.len())
        {
            return wrong(
                "owner",
                format!("{owner:?}"),
                format!("1 to {OWNER_BYTES_MAX} bytes are expected"),
            );
        }
        for (key, seconds, max) in [
            ("grace_seconds", self.grace_seconds, GRACE_SECONDS_MAX),
            ("check_after_seconds", self.check_after_seconds, CHECK_AFTER_SECONDS_MAX),
        ] {
            if let Some(seconds) = seconds.filter(|seconds| *seconds > max) {
                return wrong(key, seconds.to_string(), format!("at most {max} seconds are possible"));
            }
        }
        if let Some(days) = &self.reread_days
            && (days.len() > REREADS_MAX || days.iter().any(|day| !(1..=REREAD_DAYS_MAX).contains(day)))
        {
            let remedy = format!("at most {REREADS_MAX} ages of 1 to {REREAD_DAYS_MAX} days are possible");
            return wrong("reread_days", format!("{days:?}"), remedy);
        }
        let Tolerance { absolute_minor, relative_ppm } = self.tolerance;
        if absolute_minor < 0 {
            return wrong(
                "tolerance.absolute_minor",
                absolute_minor.to_string(),
                "0 or more is expected".to_owned(),
            );
        }
        if relative_ppm > 1_000_000 {
            let remedy = "millionths are expected, at most 1000000".to_owned();
            return wrong("tolerance.relative_ppm", relative_ppm.to_string(), remedy);
        }
        if let Some(kind) = self.heals.iter().flatten().find(|kind| !HEALABLE.contains(kind)) {
            let remedy = format!("corrections level {} only", HEALABLE.map(FindingKind::as_str).join(", "));
            return wrong("heals", kind.as_str().to_owned(), remedy);
        }
        Ok(())
    }

    /// What becomes of a payment's differences.
    pub fn verdict(&self, plan: &Plan, ours: Option<&Payment>, theirs: Option<&Snapshot>) -> Verdict {
        let is_tolerated = |difference: &Difference| self.tolerates(difference.kind, ours, theirs);
        if !plan.differences.is_empty() && plan.differences.iter().all(is_tolerated) {
            return Verdict::Tolerate;
        }
        let is_allowed = |difference: &Difference| {
            self.heals.as_ref().is_none_or(|heals| heals.contains(&difference.kind))
        };
        let is_healed = !plan.heals.is_empty() && plan.differences.iter().all(is_allowed);
        if is_healed { Verdict::Heal } else { Verdict::Open }
    }

    /// Whether a payment's two amounts are near enough.
    #[must_use]
    pub fn tolerates(&self, kind: FindingKind, ours: Option<&Payment>, theirs: Option<&Snapshot>) -> bool {
        let (Some(ours), Some(theirs)) = (ours.and_then(Payment::amounts), theirs) else { return false };
        match kind {
            FindingKind::AmountDiffers => self.tolerance.allows(ours.captured, theirs.captured),
            FindingKind::RefundDiffers => {
                theirs.refunded.is_none_or(|theirs| self.tolerance.allows(ours.refunded, theirs))
            }
            _ => false,
        }
    }

    /// How severe an unsettled finding is by now: the most that its kind or a rule says. Where the policy has no rules, any
    /// finding is high after three days and critical after ten. A settled one is low.
    #[must_use]
    pub fn severity(&self, case: &Case, now: Timestamp) -> Severity {
        if case.standing == Standing::Resolved {
            return Severity::Low;
        }
        let hours = case.age_seconds(now) / 3_600;
        let own = usual(case.finding.kind);
        if self.escalations.is_empty() {
            let by_age = match hours {
                0..72 => Severity::Low,
                72..240 => Severity::High,
                _ => Severity::Critical,
            };
            return own.max(by_age);
        }
        let fits = |rule: &&Escalation| {
            let is_of_kind = rule.kinds.is_empty() || rule.kinds.contains(&case.finding.kind);
            let is_enough = rule.at_least.is_none_or(|least| {
                case.finding
                    .at_stake
                    .is_some_and(|stake| stake.currency == least.currency && stake.minor >= least.minor)
            });
            is_of_kind && is_enough && hours >= i64::from(rule.after_hours)
        };
        self.escalations.iter().filter(fits).map(|rule| rule.severity).fold(own, Severity::max)
    }

    /// Ages, in days after its end, at which a window is read once more.
    pub fn rereads(&self) -> impl Iterator<Item = u16> {
        self.reread_days.clone().unwrap_or_else(|| [1].into()).into_iter()
    }
}

/// How severe a finding is when it is new.
fn usual(kind: FindingKind) -> Severity {
    match kind {
        FindingKind::Conflicting
        | FindingKind::Contradiction
        | FindingKind::CurrencyDiffers
        | FindingKind::OutOfBalance
        | FindingKind::DuplicateHere
        | FindingKind::MissingThere
        | FindingKind::PayoutWithoutDeposit
        | FindingKind::DepositDiffers => Severity::High,
        FindingKind::Unreadable
        | FindingKind::Untranslatable
        | FindingKind::MissingHere
        | FindingKind::AmountDiffers
        | FindingKind::RefundDiffers
        | FindingKind::DuplicateThere
        | FindingKind::RefundWithoutPayment
        | FindingKind::DisputeWithoutPayment
        | FindingKind::SequenceGap
        | FindingKind::PayoutDiffers
        | FindingKind::DepositWithoutPayout
        | FindingKind::Overdue => Severity::Medium,
        FindingKind::StatusBehind
        | FindingKind::StatusAhead
        | FindingKind::FeeDiffers
        | FindingKind::RateDiffers
        | FindingKind::ReferenceDiffers
        | FindingKind::Late => Severity::Low,
    }
}

#[cfg(test)]
mod tests;
