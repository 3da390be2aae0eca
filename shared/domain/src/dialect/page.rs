//! A page about each built-in dialect, for people: `docs/providers/*.md`. It is made of the dialect's file and nothing
//! else, so it cannot say what the code does not do.
//!
//! `COUNTERSIGN_UPDATE=1 cargo test -p countersign-domain` writes the pages anew.

mod index;
mod meaning;
mod proof;

use super::file::{self, File, NameFrom, OneOrMany};
use super::{TimeForm, built_in_names, built_in_text};
use crate::testing::{assert_checked_in, repository};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const FOLDER: &str = "docs/providers";

fn read(name: &str) -> File {
    file::read(built_in_text(name).expect("a built-in dialect")).expect("a dialect that checks")
}

#[test]
fn every_built_in_dialect_has_its_page_and_no_other_is_there() {
    for name in built_in_names() {
        assert_checked_in(&format!("{FOLDER}/{name}.md"), &page(&read(name)));
    }
    assert_checked_in(&format!("{FOLDER}/README.md"), &index::page());
    let there = std::fs::read_dir(repository(FOLDER)).expect("the folder");
    let there = there.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let expected = built_in_names().map(|name| format!("{name}.md")).chain(["README.md".to_owned()]);
    assert_eq!(there.collect::<BTreeSet<_>>(), expected.collect::<BTreeSet<_>>());
}

fn page(file: &File) -> String {
    let mut text = format!("# {}\n\n`dialect = \"{}\"`. Made from ", file.title, file.name);
    _ = writeln!(text, "[infra/providers/{0}.toml](../../infra/providers/{0}.toml).", file.name);
    section(&mut text, "How a delivery is proven", &proof::proof(file));
    section(&mut text, "Set it up", &set_up(file));
    section(&mut text, "Where things are", &envelope(file));
    section(&mut text, "What the events mean", &meaning::events(file));
    section(&mut text, "What the provider's API is asked", &meaning::asked(file));
    section(&mut text, "Good to know", &points(&file.docs.quirks));
    section(&mut text, "Examples", &meaning::examples(file));
    section(&mut text, "Where the facts are from", &points(&file.docs.sources));
    text
}

fn section(text: &mut String, heading: &str, body: &str) {
    if !body.is_empty() {
        _ = write!(text, "\n## {heading}\n\n{}\n", body.trim_end());
    }
}

fn points(points: &[String]) -> String {
    points.iter().map(|point| format!("- {point}\n")).collect()
}

fn set_up(file: &File) -> String {
    let mut text = String::new();
    for (at, step) in (1..).zip(&file.docs.setup) {
        _ = writeln!(text, "{at}. {step}");
    }
    if !file.settings.is_empty() {
        let rows = file.settings.iter().map(|(name, setting)| {
            let default = setting
                .default
                .as_deref()
                .map(|default| if default.is_empty() { "(empty)".to_owned() } else { code(default) });
            let default = default.unwrap_or_else(|| "must be given".to_owned());
            [code(name), setting.about.clone(), code(&setting.example), default]
        });
        text.push_str("\nUnder `[source.settings]`:\n\n");
        text.push_str(&table(["setting", "what it is", "looks like", "without it"], rows));
    }
    text
}

fn envelope(file: &File) -> String {
    let envelope = &file.envelope;
    let content = match &envelope.content {
        file::Content::Json => "JSON".to_owned(),
        file::Content::Form => "a URL-encoded form".to_owned(),
        file::Content::Query => "the query of a GET".to_owned(),
        file::Content::FormXml { field } => format!("XML in base64 in the form field {}", code(field)),
    };
    let mut rows = vec![["content".to_owned(), content]];
    let mut row = |what: &str, place: String| rows.push([what.to_owned(), place]);
    if envelope.events != "$" {
        row("events", format!("{}; the places below are each event's own", code(&envelope.events)));
    }
    row("id", named(&envelope.id));
    row(
        "type",
        match &envelope.kind {
            file::KindFrom::Path(path) => code(path),
            file::KindFrom::From(from) => named(from),
        },
    );
    if let Some(at) = &envelope.occurred_at {
        let form = match at.form {
            TimeForm::UnixS => "Unix seconds",
            TimeForm::UnixMs => "Unix milliseconds",
            TimeForm::Rfc3339 => "RFC 3339",
        };
        row("time", format!("{}, {form}", code(&at.path)));
    }
    match &envelope.livemode {
        None => row("mode", "the events do not say".to_owned()),
        Some(file::Livemode::Path(path)) => row("mode", format!("{}: `true` is live", code(path))),
        Some(file::Livemode::From(from)) => {
            row(
                "mode",
                format!("{}: {} is live, {} is test", code(&from.path), code(&from.live), code(&from.test)),
            );
        }
    }
    row("the same event again", format!("has the same {}", codes(&envelope.meaning)));
    table(["", ""], rows)
}

fn named(from: &NameFrom) -> String {
    match from {
        NameFrom::Path(places) => one_of(places),
        NameFrom::Header(header) => format!("the header {}", code(header)),
        NameFrom::Constant(text) => format!("always {}", code(text)),
        NameFrom::Compose(parts) => {
            let parts: Vec<_> = parts.iter().map(one_of).collect();
            format!("{}, joined with `:`", parts.join(", "))
        }
    }
}

fn one_of(places: &OneOrMany) -> String {
    places.to_vec().iter().map(|place| code(place)).collect::<Vec<_>>().join(" or ")
}

fn codes(texts: &[String]) -> String {
    texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn table<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&headings.map(str::to_owned));
    text.push_str(&line(&[(); COLUMNS].map(|()| "---".to_owned())));
    for row in rows {
        text.push_str(&line(&row.map(|cell| cell.replace('|', "\\|"))));
    }
    text
}
