//! Our books against the provider's: pure comparison, and the plan of what to correct.

pub mod baseline;
pub mod proof;

use crate::dialect::{AmountFrom, Reconcile};
use crate::fact::Fact;
use crate::finding::FindingKind;
use crate::ids::{EventId, IdError, PaymentId};
use crate::json::{Doc, Path};
use crate::ledger::LedgerRow;
use crate::money::{Currency, Money, major};
use crate::payment::{Payment, PaymentStatus, Step, apply};
use crate::translate::{PaymentFact, TranslateError, amount};
use proof::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A payment as the provider lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The provider's reference.
    pub payment: PaymentId,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Amount asked for.
    pub requested: Money,
    /// Minor units reserved and not yet taken.
    pub capturable: i64,
    /// Minor units taken, so far in all.
    pub captured: i64,
    /// Minor units given back, so far in all; nothing where the provider's list does not say.
    pub refunded: Option<i64>,
}

/// One difference between the two books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What sort.
    pub kind: FindingKind,
    /// What the ledger says.
    pub ours: String,
    /// What the provider says.
    pub theirs: String,
    /// What it is worth. Empty where it is of state alone, and no money.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

/// What follows from one comparison.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every difference.
    pub differences: Vec<Difference>,
    /// The facts that would level them; empty when they would not level all of them.
    pub heals: Vec<Fact>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// At work, or waiting to go on.
    Running,
    /// Everything was read and compared.
    Complete,
    /// The provider's books could not be read to the end: nothing was changed.
    Incomplete,
}

/// The two sides of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// The currency.
    pub currency: Currency,
    /// Payments compared.
    pub payments: u64,
    /// Minor units taken, by the ledger.
    pub captured_ours: i128,
    /// Minor units taken, by the provider.
    pub captured_theirs: i128,
    /// Minor units given back, by the ledger.
    pub refunded_ours: i128,
    /// Minor units given back, by the provider.
    pub refunded_theirs: i128,
}

/// Reads a payment as the provider lists it.
///
/// # Errors
/// [`TranslateError`] names the field: a snapshot that cannot be read makes the run incomplete, never a difference.
pub fn snapshot(reconcile: &Reconcile, doc: Doc<'_>) -> Result<Snapshot, TranslateError> {
    let from = &reconcile.snapshot;
    let scalar = |field, path: &Path| {
        doc.at(path)?
            .and_then(Doc::scalar)
            .ok_or_else(|| TranslateError::Missing { field, at: path.as_str().to_owned() })
    };
    let id = scalar("id", &reconcile.payment_id)?.into_owned();
    let payment = PaymentId::new(id).map_err(|error: IdError| TranslateError::Id { field: "id", error })?;
    let (status_path, statuses) = &from.status;
    let status = scalar("status", status_path)?;
    let status = statuses.get(status.as_ref()).copied().ok_or_else(|| TranslateError::UnmappedState {
        at: status_path.as_str().to_owned(),
        value: crate::money::excerpt(&status),
    })?;
    let requested = amount(doc, &from.requested)?;
    let capturable = match &from.capturable {
        Some(from) => amount(doc, from)?.minor,
        None => requested.minor,
    };
    // Before money is taken, a provider may count what it released as "refunded" (Stripe does).
    let is_taken = level(status) >= level(PaymentStatus::Captured);
    let captured = if is_taken { taken(doc, &from.captured)? } else { 0 };
    let refunded = match &from.refunded {
        Some(from) if is_taken && doc.at(&from.amount)?.is_some() => Some(amount(doc, from)?.minor),
        Some(_) => Some(0),
        None => None,
    };
    Ok(Snapshot { payment, status, requested, capturable, captured, refunded })
}

/// What was taken: by the first place that is there, or the error of the last.
fn taken(doc: Doc<'_>, places: &[AmountFrom]) -> Result<i64, TranslateError> {
    let mut missing = None;
    for from in places {
        match amount(doc, from) {
            Ok(money) => return Ok(money.minor),
            Err(error @ TranslateError::Missing { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| TranslateError::Missing { field: "captured", at: "no place".to_owned() }))
}

/// Compares one payment on both sides. `theirs` of `None` means that the provider does not know the payment.
///
/// Below [`PaymentStatus::Authorized`] no money is held or moved, and providers name those states by their own habits
/// (Stripe takes a declined intent back to its first state), so they count as level.
pub fn compare(ours: Option<&Payment>, theirs: Option<&Snapshot>) -> Vec<Difference> {
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return Vec::new(),
        (Some(ours), None) => {
            let kind = FindingKind::MissingThere;
            let effects = ours.amounts().map(|a| Effect::lacking(a.currency, a.captured, a.refunded));
            let effects = effects.into_iter().collect();
            return vec![Difference { kind, ours: describe(ours), theirs: "nothing".to_owned(), effects }];
        }
        (None, Some(theirs)) if theirs.status < PaymentStatus::Authorized => return Vec::new(),
        (None, Some(theirs)) => {
            let kind = FindingKind::MissingHere;
            let effects = vec![theirs.effect()];
            return vec![Difference { kind, ours: "nothing".to_owned(), theirs: theirs.describe(), effects }];
        }
        (Some(ours), Some(theirs)) => (ours, theirs),
    };
    let amounts = ours.amounts();
    let currency = theirs.requested.currency;
    if let Some(amounts) = amounts
        && amounts.currency != currency
    {
        let effects =
            vec![Effect::lacking(amounts.currency, amounts.captured, amounts.refunded), theirs.effect()];
        let (ours, theirs) = (amounts.currency.to_string(), currency.to_string());
        return vec![Difference { kind: FindingKind::CurrencyDiffers, ours, theirs, effects }];
    }
    let (captured, refunded) = amounts.map_or((0, 0), |amounts| (amounts.captured, amounts.refunded));
    let more = |captured: i64, refunded: i64| {
        let effect = Effect { currency, captured, refunded };
        if (captured, refunded) == (0, 0) { Vec::new() } else { vec![effect] }
    };
    let more_captured = more(theirs.captured.saturating_sub(captured), 0);
    // What is not said does not differ.
    let their_refunded = theirs.refunded.unwrap_or(refunded);
    let more_refunded = more(0, their_refunded.saturating_sub(refunded));
    let money = |minor| Money { minor, currency }.to_string();
    let mut differences = Vec::new();
    let mut differ = |kind, ours: String, theirs: String, effects: Vec<Effect>| {
        differences.push(Difference { kind, ours, theirs, effects });
    };
    match level(ours.status()).cmp(&level(theirs.status)) {
        std::cmp::Ordering::Less => {
            differ(FindingKind::StatusBehind, describe(ours), theirs.describe(), more_captured);
        }
        std::cmp::Ordering::Greater => {
            differ(FindingKind::StatusAhead, describe(ours), theirs.describe(), more_captured);
        }
        std::cmp::Ordering::Equal if captured != theirs.captured => {
            differ(FindingKind::AmountDiffers, money(captured), money(theirs.captured), more_captured);
        }
        std::cmp::Ordering::Equal => {}
    }
    if refunded != their_refunded {
        differ(FindingKind::RefundDiffers, money(refunded), money(their_refunded), more_refunded);
    }
    let they_balance = theirs.refunded.is_some_and(|refunded| refunded <= theirs.captured);
    if refunded > captured && they_balance && captured == theirs.captured {
        differ(FindingKind::OutOfBalance, money(refunded), money(captured), Vec::new());
    }
    differences
}

/// Statuses that count as the same for a comparison share a level.
pub(crate) fn level(status: PaymentStatus) -> u8 {
    match status {
        PaymentStatus::Unknown
        | PaymentStatus::Initiated
        | PaymentStatus::RequiresAction
        | PaymentStatus::Pending
        | PaymentStatus::Failed => 0,
        PaymentStatus::Authorized => 1,
        PaymentStatus::Expired | PaymentStatus::Canceled => 2,
        PaymentStatus::PartiallyCaptured | PaymentStatus::Captured => 3,
        PaymentStatus::Reversed => 4,
    }
}

/// Compares, and plans the facts that would level the difference. Only facts that move forward are planned, and only
/// when they level everything: a half correction would hide the other half.
pub fn plan(ours: Option<&Payment>, theirs: Option<&Snapshot>) -> Plan {
    let differences = compare(ours, theirs);
    let Some(theirs) = theirs.filter(|_| !differences.is_empty()) else {
        return Plan { differences, heals: Vec::new() };
    };
    let mut leveled = ours.cloned().unwrap_or_default();
    let mut heals = Vec::new();
    for fact in theirs.facts() {
        match apply(&leveled, &fact) {
            Ok(Step::Advanced { payment, .. }) => {
                leveled = payment;
                heals.push(fact);
            }
            Ok(Step::Unchanged) => {}
            Err(_) => return Plan { differences, heals: Vec::new() },
        }
    }
    if !compare(Some(&leveled), Some(theirs)).is_empty() {
        heals.clear();
    }
    Plan { differences, heals }
}

impl Effect {
    /// All of a payment that the provider lacks.
    fn lacking(currency: Currency, captured: i64, refunded: i64) -> Self {
        Self { currency, captured: captured.saturating_neg(), refunded: refunded.saturating_neg() }
    }
}

impl Difference {
    /// The money that it is about: the larger of what was taken and what was given back.
    #[must_use]
    pub fn at_stake(&self) -> Option<Money> {
        let worth = |effect: &Effect| {
            let minor = effect.captured.saturating_abs().max(effect.refunded.saturating_abs());
            Money { minor, currency: effect.currency }
        };
        self.effects.iter().map(worth).max_by_key(|money| money.minor)
    }
}

impl Snapshot {
    /// All of a payment that only the provider has.
    fn effect(&self) -> Effect {
        let (captured, refunded) = (self.captured, self.refunded.unwrap_or_default());
        Effect { currency: self.requested.currency, captured, refunded }
    }

    /// The facts that a snapshot states by itself.
    fn facts(&self) -> Vec<Fact> {
        let money = |minor| Money { minor, currency: self.requested.currency };
        let mut facts = Vec::new();
        match self.status {
            PaymentStatus::Authorized => facts.push(Fact::Authorized { amount: money(self.capturable) }),
            PaymentStatus::Canceled => facts.push(Fact::Canceled),
            PaymentStatus::Expired => facts.push(Fact::Expired),
            PaymentStatus::PartiallyCaptured | PaymentStatus::Captured => {
                facts.push(Fact::Captured { amount: money(self.captured) });
            }
            PaymentStatus::Unknown
            | PaymentStatus::Initiated
            | PaymentStatus::RequiresAction
            | PaymentStatus::Pending
            | PaymentStatus::Failed
            | PaymentStatus::Reversed => {}
        }
        if let Some(refunded) = self.refunded.filter(|refunded| *refunded > 0) {
            facts.push(Fact::Refunded { amount: money(refunded) });
        }
        facts
    }

    fn describe(&self) -> String {
        let currency = self.requested.currency;
        format!(
            "{} {}, taken {} {currency}",
            word(self.status),
            self.requested,
            major(self.captured, currency)
        )
    }
}

/// What the ledger says of a payment, for people.
#[must_use]
pub fn describe(payment: &Payment) -> String {
    match payment.amounts() {
        None => word(payment.status()).to_owned(),
        Some(a) => format!(
            "{} {} {currency}, taken {} {currency}",
            word(payment.status()),
            major(a.requested.max(a.authorized).max(a.captured), a.currency),
            major(a.captured, a.currency),
            currency = a.currency
        ),
    }
}

/// The snake-case word of a status.
#[must_use]
pub fn word(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Unknown => "unknown",
        PaymentStatus::Initiated => "initiated",
        PaymentStatus::RequiresAction => "requires_action",
        PaymentStatus::Pending => "pending",
        PaymentStatus::Failed => "failed",
        PaymentStatus::Authorized => "authorized",
        PaymentStatus::Expired => "expired",
        PaymentStatus::Canceled => "canceled",
        PaymentStatus::PartiallyCaptured => "partially_captured",
        PaymentStatus::Captured => "captured",
        PaymentStatus::Reversed => "reversed",
    }
}

/// The latest state of a payment with facts on top that are on their way to it.
#[must_use]
pub fn projected(latest: Option<&LedgerRow>, coming: &[Fact]) -> Option<Payment> {
    if latest.is_none() && coming.is_empty() {
        return None;
    }
    let mut payment = latest.map(|row| row.state.clone()).unwrap_or_default();
    for fact in coming {
        if let Ok(Step::Advanced { payment: next, .. }) = apply(&payment, fact) {
            payment = next;
        }
    }
    Some(payment)
}

/// The id of a correction: the same correction, found again, is the same event.
///
/// # Errors
/// [`IdError`] when the payment's reference is so long that its correction has no room.
pub fn heal_id(heal: &PaymentFact) -> Result<EventId, IdError> {
    let kind = crate::event::EventType::from(&heal.fact).name();
    let minor = heal.fact.amount().map_or(0, |amount| amount.minor);
    EventId::new(format!("reconcile/{kind}/{minor}/{}", heal.payment))
}

/// Adds one compared payment to the totals of its currency.
pub fn add_to_totals(totals: &mut Vec<Totals>, ours: Option<&Payment>, theirs: Option<&Snapshot>) {
    let amounts = ours.and_then(Payment::amounts);
    // Where the provider does not say what was given back, it is taken to be what the ledger says.
    let unsaid = |currency| {
        let ours = amounts.filter(|amounts| amounts.currency == currency);
        ours.map_or(0, |amounts| amounts.refunded)
    };
    let sides = [
        theirs.map(|t| {
            let currency = t.requested.currency;
            (currency, [0, t.captured, 0, t.refunded.unwrap_or_else(|| unsaid(currency))])
        }),
        amounts.map(|a| (a.currency, [a.captured, 0, a.refunded, 0])),
    ];
    let mut counted = None;
    for (currency, minor) in sides.into_iter().flatten() {
        let row = match totals.binary_search_by(|row| row.currency.cmp(&currency)) {
            Ok(at) => totals.get_mut(at),
            Err(at) => {
                totals.insert(at, Totals::zero(currency));
                totals.get_mut(at)
            }
        };
        let Some(row) = row else { continue };
        if counted.replace(currency) != Some(currency) {
            row.payments = row.payments.saturating_add(1);
        }
        let [captured_ours, captured_theirs, refunded_ours, refunded_theirs] = minor.map(i128::from);
        row.captured_ours += captured_ours;
        row.captured_theirs += captured_theirs;
        row.refunded_ours += refunded_ours;
        row.refunded_theirs += refunded_theirs;
    }
}

impl Totals {
    /// Of nothing yet.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self {
            currency,
            payments: 0,
            captured_ours: 0,
            captured_theirs: 0,
            refunded_ours: 0,
            refunded_theirs: 0,
        }
    }
}

#[cfg(test)]
mod tests;
