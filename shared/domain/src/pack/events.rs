//! What a partner writes into a body: which events there are, where their fields stand, and what they mean to us.

mod leaf;
mod sample;
mod schema;

pub(super) use leaf::Leaf;

use super::Refusal;
use super::recipe::Given;
use crate::dialect::{
    AmountFrom, Condition, CurrencyFrom, Envelope, FactForm, FactRule, ItemFrom, LivemodeOf, NameFrom,
    StateFrom, Test, TimeForm,
};
use crate::json::{Path, Place};
use crate::source::Source;
use serde::Serialize;
use serde_json::Value;

/// A value of an event, or of the body around it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// What it is.
    pub(super) what: String,
    /// Where it stands: the first of these that holds something.
    pub(super) places: Vec<Place>,
    /// What stands there.
    pub(super) leaf: Leaf,
    /// Whether nothing goes without it.
    pub(super) is_required: bool,
}

/// What events of some types say.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    /// Their types.
    pub(super) types: Vec<String>,
    /// What else must hold for them to say it.
    when: Vec<Condition>,
    /// The list of the event whose items each say it; the fields are then the item's.
    each: Option<Path>,
    /// What they say.
    pub(super) says: String,
    /// The values that say it.
    pub(super) fields: Vec<Field>,
}

/// The body of a delivery.
pub(super) struct Events {
    /// The list that the events stand in; without one, the body is one event.
    pub(super) list: Option<Path>,
    /// What stands in every event.
    pub(super) fields: Vec<Field>,
    /// What stands around them.
    pub(super) around: Vec<Field>,
    /// The type that every event has, where none says its own.
    constant_type: Option<String>,
    /// Where an event's type stands, if it is in the body.
    type_places: Vec<Place>,
    pub(super) meanings: Vec<Meaning>,
    /// A body of one event.
    pub(super) sample: String,
    sample_type: String,
}

/// The id of the sample's event, where it stands outside the body.
const SAMPLE_ID: &str = "evt_test_1";

impl Events {
    pub(super) fn of(source: &Source) -> Result<Self, Refusal> {
        let envelope = &source.dialect.envelope;
        let list = envelope.events.list();
        if envelope.events.as_str() != "$"
            && list.as_ref().and_then(Path::keys).is_none_or(|_| !is_list(&envelope.events))
        {
            let why = format!(
                "{:?} is neither \"$\" nor a list like \"$.events[*]\": the samples send nothing else",
                envelope.events.as_str()
            );
            return Err(Refusal::new("envelope.events", why));
        }
        let mut events = Self {
            list,
            fields: fields(envelope, source),
            around: livemode(source, LivemodeOf::Delivery),
            constant_type: match &envelope.kind {
                NameFrom::Constant(kind) => Some(kind.clone()),
                NameFrom::Body(_) | NameFrom::Header(_) | NameFrom::Compose(_) => None,
            },
            type_places: match &envelope.kind {
                NameFrom::Body(places) => places.clone(),
                NameFrom::Header(_) | NameFrom::Constant(_) | NameFrom::Compose(_) => Vec::new(),
            },
            meanings: source.dialect.facts.iter().map(Meaning::of).collect(),
            sample: String::new(),
            sample_type: String::new(),
        };
        let (sample, kind) = sample::sample(&events)?;
        (events.sample, events.sample_type) = (sample, kind);
        Ok(events)
    }

    /// What the sample's event is given as, where that stands outside the body.
    pub(super) fn given(&self, given: Given) -> &str {
        match given {
            Given::Id => SAMPLE_ID,
            Given::Kind => &self.sample_type,
        }
    }

    /// The JSON Schemas of the events by name, and that of the body.
    pub(super) fn schemas(&self) -> (Vec<(String, Value)>, Value) {
        schema::schemas(self)
    }
}

/// Whether a path ends with its only `[*]`.
fn is_list(path: &Path) -> bool {
    path.as_str().matches("[*]").count() == 1 && path.as_str().ends_with("[*]")
}

fn fields(envelope: &Envelope, source: &Source) -> Vec<Field> {
    let mut fields = name("the event's id, the same for every attempt to deliver it", &envelope.id);
    let of_kind =
        |field: Field| if field.leaf == Leaf::Name { Field { leaf: Leaf::Kind, ..field } } else { field };
    fields.extend(name("the event's type", &envelope.kind).into_iter().map(of_kind));
    if let Some((path, form)) = &envelope.occurred_at {
        let leaf = match form {
            TimeForm::UnixS => Leaf::UnixSeconds,
            TimeForm::UnixMs => Leaf::UnixMilliseconds,
            TimeForm::Rfc3339 => Leaf::Rfc3339,
        };
        fields.push(Field { is_required: false, ..Field::at("when it happened", path, leaf) });
    }
    fields.extend(livemode(source, LivemodeOf::Event));
    fields
}

fn name(what: &str, from: &NameFrom) -> Vec<Field> {
    match from {
        NameFrom::Body(places) => vec![Field::first_of(what, places)],
        NameFrom::Compose(parts) => {
            parts.iter().map(|places| Field::first_of(&format!("a part of {what}"), places)).collect()
        }
        NameFrom::Header(_) | NameFrom::Constant(_) => Vec::new(),
    }
}

fn livemode(source: &Source, of: LivemodeOf) -> Vec<Field> {
    let livemode = source.dialect.envelope.livemode.as_ref().filter(|livemode| livemode.of == of);
    let field = livemode.map(|livemode| {
        let word = match source.mode {
            crate::source::Mode::Live => &livemode.live,
            crate::source::Mode::Test => &livemode.test,
        };
        Field::at("whether its money is real", &livemode.path, Leaf::Word(vec![word.clone()]))
    });
    field.into_iter().collect()
}

impl Field {
    fn at(what: &str, path: &Path, leaf: Leaf) -> Self {
        let places = Place::parse(path.as_str()).into_iter().collect();
        Self { what: what.to_owned(), places, leaf, is_required: true }
    }

    /// A name, at the first of several places.
    fn first_of(what: &str, places: &[Place]) -> Self {
        let is_url = places.first().is_some_and(Place::is_url_tail);
        let leaf = if is_url { Leaf::Url } else { Leaf::Name };
        Self { what: what.to_owned(), places: places.to_vec(), leaf, is_required: true }
    }
}

impl Meaning {
    fn of(rule: &FactRule) -> Self {
        let mut fields = Vec::new();
        if !matches!(rule.fact, FactForm::Unclear(_) | FactForm::Payout(..)) {
            fields.push(Field::first_of("the payment", &rule.payment));
        }
        let says = fact(&rule.fact, &mut fields);
        Self { types: rule.on.clone(), when: rule.when.clone(), each: rule.each.clone(), says, fields }
    }

    /// What else must hold, in words.
    pub(super) fn conditions(&self) -> Vec<String> {
        let quoted =
            |words: &[String]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let conditions = self.when.iter().map(|Condition { path, test }| {
            let path = path.as_str();
            match test {
                Test::Is(words) => format!("`{path}` is {}", quoted(words)),
                Test::IsNot(words) => format!("`{path}` is there and not {}", quoted(words)),
                Test::StartsWith(text) => format!("`{path}` begins with `{text}`"),
                Test::Absent => format!("there is no `{path}`"),
            }
        });
        let each = self
            .each
            .iter()
            .map(|list| format!("said by each item of `{}`, whose fields these are", list.as_str()));
        conditions.chain(each).collect()
    }
}

/// What a fact says, and the fields it takes.
fn fact(fact: &FactForm, fields: &mut Vec<Field>) -> String {
    match fact {
        FactForm::Initiated(of) => amount("the amount that the payer was asked for", of, fields),
        FactForm::RequiresAction => return "the payer must do something".to_owned(),
        FactForm::Pending => return "it is on its way, and nobody can speed it up".to_owned(),
        FactForm::Authorized(of) => amount("the amount reserved so far in all", of, fields),
        FactForm::Captured(of) => amount("the amount taken so far in all", of, fields),
        FactForm::CapturedPart(id, of) => {
            item("the capture", id, fields);
            amount("the amount that this capture took", of, fields);
        }
        FactForm::Failed(id) => item("the attempt", id, fields),
        FactForm::Canceled => return "it was called off before any money was taken".to_owned(),
        FactForm::Expired => return "it ran out of time before any money was taken".to_owned(),
        FactForm::CaptureReversed(id, of) => {
            item("the reversal", id, fields);
            amount("the amount that was pulled back", of, fields);
        }
        FactForm::Refunded(of) => amount("the amount given back so far in all", of, fields),
        FactForm::Refund(id, of, from) => {
            item("the refund", id, fields);
            amount("the refund's amount", of, fields);
            state(from, fields);
        }
        FactForm::Dispute(id, of, from) => {
            item("the dispute", id, fields);
            amount("the amount in dispute", of, fields);
            state(from, fields);
        }
        FactForm::DisputeFunds(id, of, _) => {
            item("the dispute", id, fields);
            amount("the amount moved", of, fields);
        }
        FactForm::Payout(id, of, from) => {
            item("the payout", id, fields);
            amount("the payout's amount", of, fields);
            state(from, fields);
        }
        FactForm::Unclear(_) => {}
    }
    said(fact)
}

/// What a fact with fields says.
fn said(fact: &FactForm) -> String {
    let always = match fact {
        FactForm::Initiated(_) => "the payer was asked for an amount",
        FactForm::Authorized(_) => "an amount is reserved",
        FactForm::Captured(_) => "money was taken, as a running total",
        FactForm::CapturedPart(..) => "part of the money was taken",
        FactForm::Failed(_) => "an attempt was declined; another may still succeed",
        FactForm::CaptureReversed(..) => "money taken was pulled back by the bank",
        FactForm::Refunded(_) => "money was given back, as a running total",
        FactForm::Refund(_, _, state) => return with_state("what became of a refund", state),
        FactForm::Dispute(_, _, state) => return with_state("what became of a dispute", state),
        FactForm::DisputeFunds(_, _, movement) => match movement {
            crate::fact::FundsMovement::Withdrawn => "a dispute took money from us",
            crate::fact::FundsMovement::Reinstated => "a dispute gave money back to us",
        },
        FactForm::Payout(_, _, state) => return with_state("what became of a payout", state),
        FactForm::Unclear(why) => return format!("it is set aside for a person: {why}"),
        FactForm::RequiresAction | FactForm::Pending | FactForm::Canceled | FactForm::Expired => "",
    };
    always.to_owned()
}

fn with_state<S: Serialize>(says: &str, state: &StateFrom<S>) -> String {
    match state {
        StateFrom::Always(state) => format!("{says}: {}", leaf::word(state)),
        StateFrom::Mapped(..) => says.to_owned(),
    }
}

fn amount(what: &str, from: &AmountFrom, fields: &mut Vec<Field>) {
    let always = match &from.currency {
        CurrencyFrom::At(_) => None,
        CurrencyFrom::Always(currency) => Some(*currency),
    };
    let leaf = Leaf::Amount { form: from.form, exponents: from.exponents.clone(), always };
    fields.push(Field::at(what, &from.amount, leaf.clone()));
    if let Some(less) = &from.less {
        let optional = |what, path| Field { is_required: false, ..Field::at(what, path, leaf.clone()) };
        fields.push(optional("what does not count of it, where it is above the next", &less.amount));
        fields.push(optional("what the one before is compared with", &less.above));
    }
    if let CurrencyFrom::At(path) = &from.currency {
        fields.push(Field::at("its currency", path, Leaf::Currency));
    }
}

fn item(what: &str, ItemFrom(parts): &ItemFrom, fields: &mut Vec<Field>) {
    fields.extend(parts.iter().map(|places| Field::first_of(&format!("{what}'s id"), places)));
}

fn state<S: Serialize>(from: &StateFrom<S>, fields: &mut Vec<Field>) {
    if let StateFrom::Mapped(path, map) = from {
        let states = map.iter().map(|(word, state)| (word.clone(), leaf::word(state))).collect();
        fields.push(Field::at("how far it is", path, Leaf::State(states)));
    }
}
