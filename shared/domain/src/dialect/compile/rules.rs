//! One rule of a dialect: every fact gets the fields it needs, and no field is left over.

use super::{Amount, Context};
use crate::dialect::file::{self, FactName, State};
use crate::dialect::{AmountFrom, Condition, DialectError, FactForm, FactRule, ItemFrom, StateFrom, Test};
use crate::fact::FundsMovement;
use crate::json::{Path, Place};
use crate::money::AmountForm;
use serde::de::DeserializeOwned;

const CONDITION: &str =
    "it needs `path` with one of `is`, `is_not`, `starts_with` and `absent = true`, or `setting` with `is`";

impl Context {
    /// A rule; nothing when a setting of the source rules it out.
    pub(super) fn rule(&self, key: &str, rule: file::Rule) -> Result<Option<FactRule>, DialectError> {
        if rule.on.is_empty() {
            return Err(self.wrong(&format!("{key}.on"), "it is an empty list: name at least one event type"));
        }
        let when = self.conditions(&format!("{key}.when"), rule.when)?;
        let each = rule.each.map(|path| self.each(&format!("{key}.each"), &path)).transpose()?;
        let mut fields = Fields {
            context: self,
            key,
            fact: rule.fact,
            payment: rule.payment,
            id: rule.id,
            amount: rule.amount,
            form: rule.form,
            less: rule.less,
            currency: rule.currency,
            state: rule.state,
            movement: rule.movement,
            why: rule.why,
        };
        let fact = fields.fact()?;
        let payment = if rule.fact == FactName::Unclear { Vec::new() } else { fields.payment()? };
        fields.all_used()?;
        Ok(when.map(|when| FactRule { on: rule.on, when, each, goes_on: rule.goes_on, payment, fact }))
    }

    fn each(&self, key: &str, path: &str) -> Result<Path, DialectError> {
        let path = self.path(key, path)?;
        if path.is_many() {
            return Ok(path);
        }
        Err(self.wrong(
            key,
            format!("{:?} leads to one place: write the list's items, such as $.refunds[*]", path.as_str()),
        ))
    }

    /// The conditions on the event; nothing when one on a setting does not hold.
    pub(super) fn conditions(
        &self,
        key: &str,
        written: Vec<file::Condition>,
    ) -> Result<Option<Vec<Condition>>, DialectError> {
        let mut conditions = Vec::new();
        let mut is_possible = true;
        for condition in written {
            let file::Condition { path, setting, is, is_not, starts_with, absent } = condition;
            if let (None, Some(name), Some(is), None, None, None) =
                (&path, &setting, &is, &is_not, &starts_with, &absent)
            {
                is_possible &= self.wanted(key, is)?.contains(&self.setting(key, name)?);
                continue;
            }
            let test = match (is, is_not, starts_with, absent) {
                (Some(is), None, None, None) => Test::Is(self.wanted(key, &is)?),
                (None, Some(is_not), None, None) => Test::IsNot(self.wanted(key, &is_not)?),
                (None, None, Some(text), None) => Test::StartsWith(text),
                (None, None, None, Some(true)) => Test::Absent,
                _ => return Err(self.wrong(key, CONDITION)),
            };
            match (path, setting) {
                (Some(path), None) => {
                    conditions.push(Condition { path: self.single_path(key, &path)?, test })
                }
                _ => return Err(self.wrong(key, CONDITION)),
            }
        }
        Ok(is_possible.then_some(conditions))
    }

    fn wanted(&self, key: &str, is: &file::OneOrMany) -> Result<Vec<String>, DialectError> {
        let is = is.to_vec();
        if is.is_empty() {
            return Err(self.wrong(key, "`is` is an empty list, so the rule never applies: give a value"));
        }
        Ok(is)
    }
}

/// The optional fields of one rule. A fact takes those it needs; what is left over is a mistake.
struct Fields<'a> {
    context: &'a Context,
    key: &'a str,
    fact: FactName,
    payment: Option<file::OneOrMany>,
    id: Option<file::ItemName>,
    amount: Option<String>,
    form: Option<AmountForm>,
    less: Option<file::Less>,
    currency: Option<String>,
    state: Option<State>,
    movement: Option<FundsMovement>,
    why: Option<String>,
}

impl Fields<'_> {
    fn fact(&mut self) -> Result<FactForm, DialectError> {
        Ok(match self.fact {
            FactName::Initiated => FactForm::Initiated(self.amount()?),
            FactName::RequiresAction => FactForm::RequiresAction,
            FactName::Pending => FactForm::Pending,
            FactName::Authorized => FactForm::Authorized(self.amount()?),
            FactName::Captured => FactForm::Captured(self.amount()?),
            FactName::CapturedPart => FactForm::CapturedPart(self.id()?, self.amount()?),
            FactName::Unclear => FactForm::Unclear(self.why.take().ok_or_else(|| self.missing("why"))?),
            FactName::Failed => FactForm::Failed(self.id()?),
            FactName::Canceled => FactForm::Canceled,
            FactName::Expired => FactForm::Expired,
            FactName::CaptureReversed => FactForm::CaptureReversed(self.id()?, self.amount()?),
            FactName::Refunded => FactForm::Refunded(self.amount()?),
            FactName::Refund => FactForm::Refund(self.id()?, self.amount()?, self.state()?),
            FactName::Dispute => FactForm::Dispute(self.id()?, self.amount()?, self.state()?),
            FactName::DisputeFunds => FactForm::DisputeFunds(self.id()?, self.amount()?, self.movement()?),
            FactName::Payout => FactForm::Payout(self.id()?, self.amount()?, self.state()?),
        })
    }

    fn missing(&self, field: &str) -> DialectError {
        let why = format!("it is absent, and a fact {:?} needs it: add it", word(self.fact));
        self.context.wrong(&self.key_of(field), why)
    }

    fn key_of(&self, field: &str) -> String {
        format!("{}.{field}", self.key)
    }

    fn payment(&mut self) -> Result<Vec<Place>, DialectError> {
        let payment = self.payment.take().ok_or_else(|| self.missing("payment"))?;
        self.context.places(&self.key_of("payment"), payment)
    }

    fn id(&mut self) -> Result<ItemFrom, DialectError> {
        let key = self.key_of("id");
        match self.id.take().ok_or_else(|| self.missing("id"))? {
            file::ItemName::Places(places) => Ok(ItemFrom(vec![self.context.places(&key, places)?])),
            file::ItemName::Composed(file::Composed { compose }) if compose.len() < 2 => {
                let why = format!("`compose` has {} parts: give two or more, or a path alone", compose.len());
                Err(self.context.wrong(&key, why))
            }
            file::ItemName::Composed(file::Composed { compose }) => {
                let parts = compose.into_iter().map(|part| self.context.places(&key, part));
                Ok(ItemFrom(parts.collect::<Result<_, _>>()?))
            }
        }
    }

    fn amount(&mut self) -> Result<AmountFrom, DialectError> {
        let amount = self.amount.take().ok_or_else(|| self.missing("amount"))?;
        let (less, currency, form) = (self.less.take(), self.currency.take(), self.form.take());
        let written = Amount { amount: &amount, less: less.as_ref(), currency: currency.as_deref(), form };
        self.context.amount(&self.key_of("amount"), written)
    }

    fn movement(&mut self) -> Result<FundsMovement, DialectError> {
        self.movement.take().ok_or_else(|| self.missing("movement"))
    }

    fn state<S: DeserializeOwned>(&mut self) -> Result<StateFrom<S>, DialectError> {
        let key = self.key_of("state");
        match self.state.take().ok_or_else(|| self.missing("state"))? {
            State::Always(name) => Ok(StateFrom::Always(self.context.state(&key, &name)?)),
            State::Mapped(mapping) => Ok(StateFrom::Mapped(
                self.context.single_path(&key, &mapping.path)?,
                self.context.states(&key, mapping.map)?,
            )),
        }
    }

    fn all_used(&self) -> Result<(), DialectError> {
        let left = [
            ("payment", self.payment.is_some()),
            ("id", self.id.is_some()),
            ("amount", self.amount.is_some()),
            ("form", self.form.is_some()),
            ("less", self.less.is_some()),
            ("currency", self.currency.is_some()),
            ("state", self.state.is_some()),
            ("movement", self.movement.is_some()),
            ("why", self.why.is_some()),
        ];
        match left.into_iter().find(|(_, is_left)| *is_left) {
            Some((field, _)) => {
                let why = format!("a fact {:?} does not have it: remove it", word(self.fact));
                Err(self.context.wrong(&self.key_of(field), why))
            }
            None => Ok(()),
        }
    }
}

/// A fact's name as it is written in a file.
fn word(fact: FactName) -> String {
    serde_json::to_value(fact).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
