//! What is judged of one payment: each version, what consumers were told of it, and where it ends.

use super::invariant::Verdict;
use super::model::{Account, Happening, Stage};
use super::{Invariant, check};
use crate::world::provider::Event;
use countersign_domain::ledger::LedgerRow;
use countersign_domain::time::from_seconds;
use serde_json::Value;
use std::collections::BTreeMap;

/// The model's account of some events, in the provider's order: that of their numbers.
pub(super) fn fold(happenings: &BTreeMap<usize, &Happening>) -> Account {
    let mut account = Account::default();
    happenings.values().for_each(|happening| account.happen(happening));
    account
}

/// One payment.
pub(super) struct Page {
    pub(super) name: String,
    /// Whether something of it was not told by events: then its provider's books have the last word, and not the model.
    pub(super) is_spoilt: bool,
    /// Whether somebody is told that both sides differ about it.
    pub(super) is_doubted: bool,
    /// Whether its provider contradicted itself: then what it says need not be a life that a payment can have.
    pub(super) is_contradicted: bool,
}

impl Page {
    /// I4: a version is what its events add up to.
    pub(super) fn check_version(&self, row: &LedgerRow, account: &Account) -> Verdict {
        if self.is_spoilt {
            return Ok(());
        }
        let stage = stage_of(row);
        let at = || format!("{} v{} after {}", self.name, row.version, row.cause.event);
        let expected = account.stage();
        check(Invariant::I4, stage == Some(expected), || {
            format!("{}: it stands at {stage:?}, where the books say {expected:?}", at())
        })?;
        let amounts =
            row.state.amounts().map(|a| [a.requested, a.authorized, a.captured, a.disputed, a.paid_out]);
        let expected = account.amounts();
        check(Invariant::I4, amounts == expected, || {
            format!("{}: it has {amounts:?}, where the books say {expected:?}", at())
        })
    }

    /// I3, I5, I6: what consumers were told of a version fits what they were told before. Returns where the payment then
    /// stands for them.
    pub(super) fn check_told(
        &self,
        event: Option<&Event>,
        row: &LedgerRow,
        told: &Value,
        before: Stage,
    ) -> Result<Stage, super::Violation> {
        let data = &told["data"];
        let at = || format!("{} v{}", self.name, row.version);
        let amounts = serde_json::to_value(row.state.amounts()).unwrap_or_default();
        check(Invariant::I5, data["amounts"] == amounts, || {
            format!("{}: other amounts were told: {}", at(), data["amounts"])
        })?;
        // A correction happened when it came in.
        if let Some(event) = event {
            let time = from_seconds(event.at_ms.div_euclid(1_000)).to_string();
            check(Invariant::I5, told["time"] == *time, || {
                format!("{}: it happened at {time}, told as {}", at(), told["time"])
            })?;
        }
        if data["register"] != "payment" {
            return Ok(before);
        }
        let stage = |field: &str| data[field].as_str().and_then(Stage::named);
        let (from, to) = (stage("from"), stage("to"));
        check(Invariant::I6, from == Some(before), || {
            format!("{}: it was {before:?}, and moves from {from:?}", at())
        })?;
        let to = to.unwrap_or_default();
        let is_onward = to.rank() >= before.rank();
        // More was taken than was pulled back before, says who said otherwise before: I4 judges that.
        if is_onward || !self.is_contradicted {
            check(Invariant::I3, is_onward, || format!("{}: it went back from {before:?} to {to:?}", at()))?;
        }
        Ok(to)
    }

    /// I10, I16: the end is that of the books.
    pub(super) fn check_end(&self, last: Option<&LedgerRow>, account: &Account, told: Stage) -> Verdict {
        let stage = last.map_or(Some(Stage::Unknown), stage_of);
        check(Invariant::I6, stage == Some(told), || {
            format!("{} ends at {stage:?}, told as {told:?}", self.name)
        })?;
        let amounts = last.and_then(|row| row.state.amounts());
        if let Some(amounts) = amounts
            && !self.is_contradicted
        {
            let most = amounts.authorized.max(amounts.requested);
            let is_balanced =
                0 <= amounts.refunded && amounts.refunded <= amounts.captured && amounts.captured <= most;
            check(Invariant::I10, is_balanced || self.is_doubted, || {
                format!("{}: the amounts do not fit, and nobody is told: {amounts:?}", self.name)
            })?;
        }
        if self.is_spoilt {
            return Ok(());
        }
        let expected = account.stage();
        check(Invariant::I16, told == expected, || {
            format!("{} ends at {told:?}, not {expected:?}", self.name)
        })?;
        let Some(amounts) = amounts else { return Ok(()) };
        let is_right = amounts.refunded == account.given_back();
        let expected = account.given_back();
        check(Invariant::I16, is_right, || {
            format!("{}: {} given back, not {expected}", self.name, amounts.refunded)
        })
    }
}

/// The money in what was applied.
pub(super) fn amount_of(row: &LedgerRow) -> Option<i64> {
    serde_json::to_value(&row.fact).ok()?.get("amount")?.get("minor")?.as_i64()
}

pub(super) fn stage_of(row: &LedgerRow) -> Option<Stage> {
    let word = serde_json::to_value(row.state.status()).ok()?;
    Stage::named(word.as_str()?)
}
