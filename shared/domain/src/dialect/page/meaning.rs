//! What the events mean and what is asked about them, as tables.

use super::{code, codes, one_of, table};
use crate::dialect::FetchInto;
use crate::dialect::file::{Authorization, Condition, FactName, File, ItemName, Rule, State};
use crate::fact::FundsMovement;
use crate::money::AmountForm;
use std::fmt::Write as _;

pub(super) fn events(file: &File) -> String {
    let mut text = String::new();
    if let Some(amounts) = amounts(file) {
        _ = writeln!(text, "{amounts}\n");
    }
    text.push_str("The first row that fits an event decides; after a row that ends with *and on*, the next ones are tried too.\n\n");
    let rows =
        file.facts.iter().map(|rule| [types(&rule.on), conditions(&rule.when), becomes(rule), of(rule)]);
    text.push_str(&table(["event", "when", "becomes", "of"], rows));
    text.push_str(
        "\nAny other event is acknowledged, counted (`countersign source drift`) and moves nothing.\n",
    );
    text
}

fn types(on: &[String]) -> String {
    on.iter().map(|kind| code(kind)).collect::<Vec<_>>().join("<br>")
}

fn amounts(file: &File) -> Option<String> {
    let form = form(file.amounts.form?);
    let currency =
        file.amounts.currency.as_deref().map(|place| format!(", in the currency at {}", code(place)));
    let mut text = format!("Amounts are {form}{}.", currency.unwrap_or_default());
    if !file.amounts.exponents.is_empty() {
        let other =
            file.amounts.exponents.iter().map(|(currency, decimals)| format!("{currency} {decimals}"));
        _ = write!(text, " Decimals other than in ISO 4217: {}.", other.collect::<Vec<_>>().join(", "));
    }
    Some(text)
}

fn form(form: AmountForm) -> &'static str {
    match form {
        AmountForm::MinorInt => "whole numbers of minor units",
        AmountForm::MinorString => "texts of minor units",
        AmountForm::MinorAny => "minor units, as numbers or texts",
        AmountForm::MinorStringFraction => "texts of minor units with a fraction of zero",
        AmountForm::DecimalString => "texts of major units",
        AmountForm::DecimalNumber => "numbers of major units, read by their source text",
    }
}

fn conditions(conditions: &[Condition]) -> String {
    let one = |condition: &Condition| {
        let place = match (&condition.path, &condition.setting) {
            (Some(path), _) => code(path),
            (None, setting) => format!("the setting {}", code(setting.as_deref().unwrap_or_default())),
        };
        let mut tests = Vec::new();
        if let Some(wanted) = &condition.is {
            tests.push(format!("is {}", one_of(wanted)));
        }
        if let Some(others) = &condition.is_not {
            let others = one_of(others);
            let others = if others == code("") { "empty".to_owned() } else { others };
            tests.push(format!("is there and not {others}"));
        }
        if let Some(start) = &condition.starts_with {
            tests.push(format!("begins with {}", code(start)));
        }
        match condition.absent {
            Some(true) => tests.push("is absent".to_owned()),
            Some(false) => tests.push("is there".to_owned()),
            None => {}
        }
        format!("{place} {}", tests.join(" and "))
    };
    conditions.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn becomes(rule: &Rule) -> String {
    let name = match rule.fact {
        FactName::Initiated => "initiated: the payer is asked for the amount",
        FactName::RequiresAction => "requires action of the payer",
        FactName::Pending => "pending",
        FactName::Authorized => "authorized",
        FactName::Captured => "captured, in all",
        FactName::CapturedPart => "captured, by this capture",
        FactName::Failed => "a failed attempt",
        FactName::Canceled => "canceled",
        FactName::Expired => "expired",
        FactName::CaptureReversed => "capture reversed by the bank",
        FactName::Refunded => "refunded, in all",
        FactName::Refund => "a refund",
        FactName::Dispute => "a dispute",
        FactName::DisputeFunds => "a dispute's money",
        FactName::Payout => "a payout",
        FactName::Unclear => "a finding for a person",
    };
    let mut text = name.to_owned();
    match &rule.state {
        None => {}
        Some(State::Always(state)) => _ = write!(text, ", {state}"),
        Some(State::Mapped(mapping)) => {
            let words = mapping.map.iter().map(|(theirs, ours)| format!("{} {ours}", code(theirs)));
            _ = write!(text, ", by {}: {}", code(&mapping.path), words.collect::<Vec<_>>().join(", "));
        }
    }
    match rule.movement {
        None => {}
        Some(FundsMovement::Withdrawn) => text.push_str(", withdrawn"),
        Some(FundsMovement::Reinstated) => text.push_str(", given back"),
    }
    if let Some(why) = &rule.why {
        _ = write!(text, ": {why}");
    }
    if rule.goes_on {
        text.push_str(" *and on*");
    }
    text
}

fn of(rule: &Rule) -> String {
    let mut parts = Vec::new();
    if let Some(each) = &rule.each {
        parts.push(format!("each of {}", code(each)));
    }
    if let Some(payment) = &rule.payment {
        parts.push(format!("payment {}", one_of(payment)));
    }
    match &rule.id {
        None => {}
        Some(ItemName::Places(places)) => parts.push(format!("id {}", one_of(places))),
        Some(ItemName::Composed(composed)) => {
            let named: Vec<_> = composed.compose.iter().map(one_of).collect();
            parts.push(format!("id {}", named.join(" with ")));
        }
    }
    if let Some(amount) = &rule.amount {
        let form = rule.form.map(|other| format!(" ({})", form(other))).unwrap_or_default();
        let currency =
            rule.currency.as_deref().map(|place| format!(" in {}", code(place))).unwrap_or_default();
        parts.push(format!("amount {}{form}{currency}", code(amount)));
    }
    if let Some(less) = &rule.less {
        parts.push(format!("less what {} is above {}", code(&less.amount), code(&less.above)));
    }
    parts.join("; ")
}

pub(super) fn asked(file: &File) -> String {
    let mut text = String::new();
    if let Some(api) = &file.api {
        let how = match &api.authorization {
            Authorization::Bearer => "a bearer token".to_owned(),
            Authorization::Basic => "basic authentication (`user:password`)".to_owned(),
            Authorization::Header(header) => format!("a token in the header {}", code(header)),
            Authorization::Oauth2 { token_path } => {
                format!("OAuth 2 client credentials (`client id:client secret`, {})", code(token_path))
            }
        };
        let test =
            api.test_base_url.as_ref().map(|url| format!(", in test mode {}", code(url))).unwrap_or_default();
        _ = writeln!(text, "At {}{test}, with {how}. Redirects are not followed.\n", code(&api.base_url));
    }
    if !file.fetch.is_empty() {
        let rows = file.fetch.iter().map(|fetch| {
            let when = if fetch.required { "always" } else { "where the source says `asks_back = true`" };
            let into = match fetch.into {
                FetchInto::Fetched => "beside the event, at `$.fetched`",
                FetchInto::Event => "in place of the event",
            };
            [
                types(&fetch.on),
                conditions(&fetch.when),
                code(&fetch.path),
                when.to_owned(),
                into.to_owned(),
                codes(&fetch.meaning),
            ]
        });
        text.push_str(&table(
            ["event", "when", "asks for", "asked", "the answer is put", "the same answer has the same"],
            rows,
        ));
    }
    if let Some(reconcile) = &file.reconcile {
        let events = reconcile.events.as_ref().map(|events| format!("events ({}), ", code(&events.path)));
        _ = writeln!(
            text,
            "\nDaily reconciliation lists {}payments ({}) and single payments ({}).",
            events.unwrap_or_default(),
            code(&reconcile.payments.path),
            code(&reconcile.payment.path)
        );
    }
    text
}

pub(super) fn examples(file: &File) -> String {
    let mut text = String::new();
    for example in file.examples.iter().filter(|example| !example.name.is_empty()) {
        let facts = example.facts.iter().map(|one| format!("payment `{}`: {}", one.payment, one.fact));
        let facts = if example.facts.is_empty() {
            "moves nothing".to_owned()
        } else {
            facts.collect::<Vec<_>>().join("; ")
        };
        _ = writeln!(text, "- {}: {facts}", example.name);
    }
    text
}
