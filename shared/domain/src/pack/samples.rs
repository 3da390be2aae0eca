//! Samples that sign and send a file, in six languages. Each is a template with `@name@` places, and a module that says a
//! recipe in its language.

mod go;
mod java;
mod node;
mod php;
mod python;
mod shell;

use super::answers::ANSWER_SECONDS_MAX;
use super::recipe::{Given, Part, Recipe, Sent, Signing};
use super::{File, Partner};

/// What a template's places are filled with, by name.
type Filled = Vec<(&'static str, String)>;

/// One language of the samples.
pub(super) struct Sample {
    /// For people.
    pub(super) title: &'static str,
    /// Where it is in the pack.
    pub(super) path: &'static str,
    /// What it needs.
    pub(super) needs: fn(&Recipe) -> &'static str,
    /// How it is started, less its arguments.
    pub(super) run: &'static str,
    template: &'static str,
    fill: fn(&Partner<'_>) -> Filled,
}

/// All of them, in the order of the page.
pub(super) const SAMPLES: [Sample; 6] =
    [shell::SAMPLE, python::SAMPLE, node::SAMPLE, java::SAMPLE, go::SAMPLE, php::SAMPLE];

pub(super) fn samples(partner: &Partner<'_>) -> impl Iterator<Item = File> {
    SAMPLES.iter().map(|sample| {
        let mut filled = (sample.fill)(partner);
        filled.extend([
            ("source", partner.source.name.to_string()),
            ("usage", usage(partner, sample)),
            ("answer_seconds_max", ANSWER_SECONDS_MAX.to_string()),
        ]);
        File { path: sample.path, text: render(sample.template, &filled) }
    })
}

/// How a sample is called.
pub(super) fn usage(partner: &Partner<'_>, sample: &Sample) -> String {
    let mut words: Vec<_> = variables(partner).into_iter().map(|name| format!("{name}=…")).collect();
    words.push(sample.run.to_owned());
    words.push("body.json [--print]".to_owned());
    words.join(" ")
}

/// The variables that a sample must be given.
pub(super) fn variables(partner: &Partner<'_>) -> Vec<&'static str> {
    let factors = &partner.source.second_factors;
    let mut names = vec!["WEBHOOK_SECRET"];
    if factors.secret_path {
        names.push("WEBHOOK_URL");
    }
    if factors.basic {
        names.push("WEBHOOK_BASIC");
    }
    names.extend(partner.recipe.given.iter().map(|given| given.variable()));
    names
}

/// Fills a template. A place that stands alone on its line takes several lines, or none.
fn render(template: &str, filled: &Filled) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let alone = filled.iter().find(|(name, _)| line.trim_start() == format!("@{name}@"));
        if let Some((_, lines)) = alone {
            let indent = line.get(..line.len().saturating_sub(line.trim_start().len())).unwrap_or_default();
            for line in lines.lines() {
                text.push_str(&format!("{indent}{line}\n"));
            }
            continue;
        }
        text.push_str(&in_line(line, filled));
        text.push('\n');
    }
    text
}

/// Fills the places of one line. What was filled in is not looked at again: a partner's text may look like a place.
fn in_line(line: &str, filled: &Filled) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let place = after.split_once('@');
        let found =
            place.and_then(|(name, behind)| Some((filled.iter().find(|(place, _)| *place == name)?, behind)));
        match found {
            Some(((_, value), behind)) => {
                text.push_str(value);
                rest = behind;
            }
            None => {
                text.push('@');
                rest = after;
            }
        }
    }
    text + rest
}

/// A text between double quotes, as Python, JavaScript, Java and Go write printable ASCII.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text between single quotes, as PHP writes printable ASCII.
fn quoted_php(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A text between single quotes, as a shell writes anything.
fn quoted_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The header's value, joined with `+` or what else the language has.
fn joined(parts: &[Part], with: &str, say: impl Fn(&Part) -> String) -> String {
    parts.iter().map(say).collect::<Vec<_>>().join(with)
}

/// The whole line of a header: its name is a part of its value's first text.
fn line(sent: &Sent) -> Vec<Part> {
    let mut parts = sent.value.clone();
    match parts.first_mut() {
        Some(Part::Text(text)) => *text = format!("{}: {text}", sent.name),
        _ => parts.insert(0, Part::Text(format!("{}: ", sent.name))),
    }
    parts
}

/// The name of a variable of what a sample is told.
fn variable(given: Given) -> &'static str {
    match given {
        Given::Id => "id",
        Given::Kind => "type",
    }
}

fn is_mac(recipe: &Recipe) -> bool {
    matches!(recipe.signing, Signing::Mac(_))
}
