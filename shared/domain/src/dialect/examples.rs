//! A dialect's own examples: a body in, facts out. A file whose examples do not come true is not a dialect.

use super::{Dialect, file};
use crate::envelope::split_body;
use crate::fetch;
use crate::signature::Headers;
use crate::translate::{Body, PaymentFact, Translation, translate_example};

/// Why an example does not come true: the key of it, and a sentence.
pub(super) type Untrue = (&'static str, String);

pub(super) fn check(dialect: &Dialect, example: &file::Example) -> Result<(), Untrue> {
    let found = facts(dialect, example).map_err(|why| ("body", why))?;
    if found == example.facts {
        return Ok(());
    }
    let (found, written) = (shown(&found), shown(&example.facts));
    Err(("facts", format!("the body comes to {found}, not to {written}: correct the rules or the example")))
}

fn facts(dialect: &Dialect, example: &file::Example) -> Result<Vec<PaymentFact>, String> {
    let headers = Headers::new(example.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let split = split_body(dialect, &headers, example.body.as_bytes());
    if let Some(item) = split.unreadable.first() {
        return Err(format!("item {} is no event: {}", item.at, item.error));
    }
    let mut facts = Vec::new();
    for event in split.events {
        let (kind, delivered) = (&event.kind, event.body.as_bytes());
        let wrong = |error| format!("event {}: {error}", event.id);
        let translated = match &example.fetched {
            None => translate_example(dialect, kind, Body::Delivered(delivered)),
            Some(answer) => {
                let content = &dialect.envelope.content;
                let body = fetch::example(content, &dialect.fetches, kind, delivered, answer.as_bytes());
                translate_example(dialect, kind, Body::Json(&body.map_err(wrong)?))
            }
        };
        match translated.map_err(wrong)? {
            Translation::Facts(found) => facts.extend(found),
            Translation::Unmapped => {}
        }
    }
    Ok(facts)
}

fn shown(facts: &[PaymentFact]) -> String {
    serde_json::to_string(facts).unwrap_or_default()
}
