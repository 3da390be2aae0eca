//! One rule of a dialect: every fact gets the fields it needs, and no field is left over.

use super::Context;
use crate::dialect::file::{self, FactName, State};
use crate::dialect::{AmountFrom, Condition, DialectError, FactForm, FactRule, StateFrom};
use crate::fact::FundsMovement;
use crate::json::Path;
use serde::de::DeserializeOwned;

impl Context {
    pub(super) fn rule(&self, key: &str, rule: file::Rule) -> Result<FactRule, DialectError> {
        if rule.on.is_empty() {
            return Err(self.wrong(&format!("{key}.on"), "it is an empty list: name at least one event type"));
        }
        let mut when = Vec::new();
        for condition in rule.when {
            let key = format!("{key}.when");
            let (path, is) = (self.single_path(&key, &condition.path)?, condition.is.into_vec());
            if is.is_empty() {
                return Err(
                    self.wrong(&key, "`is` is an empty list, so the rule never applies: give a value")
                );
            }
            when.push(Condition { path, is });
        }
        let mut fields = Fields {
            context: self,
            key,
            fact: rule.fact,
            id: rule.id,
            amount: rule.amount,
            less: rule.less,
            currency: rule.currency,
            state: rule.state,
            movement: rule.movement,
        };
        let fact = fields.fact()?;
        fields.all_used()?;
        let payment = self.single_paths(&format!("{key}.payment"), rule.payment)?;
        Ok(FactRule { on: rule.on, when, payment, fact })
    }
}

/// The optional fields of one rule. A fact takes those it needs; what is left over is a mistake.
struct Fields<'a> {
    context: &'a Context,
    key: &'a str,
    fact: FactName,
    id: Option<file::OneOrMany>,
    amount: Option<String>,
    less: Option<file::Less>,
    currency: Option<String>,
    state: Option<State>,
    movement: Option<FundsMovement>,
}

impl Fields<'_> {
    fn fact(&mut self) -> Result<FactForm, DialectError> {
        Ok(match self.fact {
            FactName::Initiated => FactForm::Initiated(self.amount()?),
            FactName::RequiresAction => FactForm::RequiresAction,
            FactName::Pending => FactForm::Pending,
            FactName::Authorized => FactForm::Authorized(self.amount()?),
            FactName::Captured => FactForm::Captured(self.amount()?),
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

    fn id(&mut self) -> Result<Vec<Path>, DialectError> {
        let id = self.id.take().ok_or_else(|| self.missing("id"))?;
        self.context.single_paths(&self.key_of("id"), id)
    }

    fn amount(&mut self) -> Result<AmountFrom, DialectError> {
        let amount = self.amount.take().ok_or_else(|| self.missing("amount"))?;
        let (less, currency) = (self.less.take(), self.currency.take());
        self.context.amount(&self.key_of("amount"), &amount, less.as_ref(), currency.as_deref())
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
            ("id", self.id.is_some()),
            ("amount", self.amount.is_some()),
            ("less", self.less.is_some()),
            ("currency", self.currency.is_some()),
            ("state", self.state.is_some()),
            ("movement", self.movement.is_some()),
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
