//! The file that a new source begins with.

use super::FileError;
use crate::dialect::{Description, Dialect, Setting, built_in_names};
use crate::ids::SourceName;
use std::fmt::Write as _;

/// A commented file for a new source of a built-in dialect. What a source must say is left to be written: a file that
/// nobody has filled in is refused.
///
/// # Errors
/// [`FileError`] when there is no such dialect.
pub fn template(name: &SourceName, dialect: &str) -> Result<String, FileError> {
    let wrong = |error| FileError::Dialect(Box::new(error));
    let described = Dialect::built_in_text(dialect).map(Dialect::describe).transpose().map_err(wrong)?;
    let Some(Description { title, docs, settings, .. }) = described else {
        let known = built_in_names().collect::<Vec<_>>().join(", ");
        let why = format!("there is no built-in dialect {dialect:?}; there are {known}");
        return Err(FileError::Value { key: "source.dialect", why });
    };
    let mut text = format!(
        "\
# {title}: a source of Countersign.
#
# Nothing secret stands here. The signing secret goes into a file of its own, {name}.secret, which `apply` and `rotate`
# put into Secrets Manager; remove it afterwards.
#
#   countersign source check {name}.toml                               does it work? (needs no stack)
#   countersign source check {name}.toml --request captured.http --secret-file {name}.secret
#   countersign source apply {name}.toml --secret-file {name}.secret   in force within a minute
#   countersign source show {name}                                     its URL, for the provider
"
    );
    list(&mut text, "To set it up:", &docs.setup, true);
    list(&mut text, "Good to know:", &docs.quirks, false);
    text.push_str(&endpoint(name, dialect));
    if !settings.is_empty() {
        text.push_str("\n[source.settings]\n");
    }
    for (name, known) in &settings {
        text.push_str(&setting(name, known));
    }
    text.push_str(&own(dialect));
    Ok(text)
}

fn endpoint(name: &SourceName, dialect: &str) -> String {
    format!(
        "
[source]
# The last part of its URL.
name = \"{name}\"
# \"live\" for real money, \"test\" for a test mode or sandbox. An event of the other mode is refused.
mode = \"test\"
# The provider's account, for people: nothing depends on it, and it may stay empty.
account = \"\"
dialect = \"{dialect}\"
# Another base URL of the provider's API than the dialect's.
# api_base_url = \"https://sandbox.example\"
# Ask the provider's API about every event, and not only about those that mean nothing without its answer.
# asks_back = true
# Seconds in which something must be heard of a payment that the platform announced; an hour without it.
# expect_within_seconds = 900

# What you decide once about its books; every line has a default.
# [source.policy]
# owner = \"payments team\"             # who looks after its findings
# grace_seconds = 7200                # age of a day's end before its books are compared
# reread_days = [1, 7]                # ages, in days, at which a day is read once more
# tolerance = {{ absolute_minor = 1 }}  # how far two amounts may differ without a finding
# late_seconds = 86400                # how far a report file's times and ours may be apart
# heals = [\"missing_here\", \"status_behind\", \"amount_differs\", \"refund_differs\"]
# check_after_seconds = 300           # ask the provider after each final state whether it agrees
# [[source.policy.escalations]]       # what makes a finding more severe; instead of: high after 3 days, critical after 10
# at_least = {{ minor = 100000, currency = \"EUR\" }}
# severity = \"critical\"

# How its report files are written that arrive in the folder {name}/daily/ of the report inbox: a ready format by name,
# or [source.reports.daily] with a format of its own.
# [source.reports]
# daily = \"partner-daily\"
"
    )
}

fn setting(name: &str, setting: &Setting) -> String {
    let mut text = comment(&setting.about);
    match &setting.default {
        // A comment: whoever leaves it as it is gets the default, also when that changes.
        Some(default) => _ = writeln!(text, "# {name} = {}", quoted(default)),
        None => {
            let example = quoted(&setting.example);
            _ = writeln!(text, "# It must be given; it looks like this:\n# {name} = {example}");
        }
    }
    text
}

fn own(dialect: &str) -> String {
    format!(
        "
# A partner that speaks {dialect} with words of its own: remove `dialect` above, and write
#
# [dialect]
# extends = \"{dialect}\"
# [dialect.rename.fields]
# \"$.payment\" = \"$.their.reference\"   # our place = where they have it
"
    )
}

fn list(text: &mut String, heading: &str, points: &[String], is_numbered: bool) {
    if points.is_empty() {
        return;
    }
    _ = writeln!(text, "#\n# {heading}");
    for (at, point) in points.iter().enumerate() {
        let mark = if is_numbered { format!("{}.", at.saturating_add(1)) } else { "-".to_owned() };
        text.push_str(&comment(&format!("{mark} {point}")));
    }
}

/// A text as comment lines, whatever it holds.
fn comment(text: &str) -> String {
    const WIDTH: usize = 110;
    let (mut lines, mut line) = (String::new(), String::from("#"));
    for word in text.split_whitespace() {
        if line.len() > 1 && line.len().saturating_add(word.len()) >= WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_broken_between_words_before_it_is_too_wide() {
        let (half, rest, long) = ("x".repeat(54), "x".repeat(53), "y".repeat(120));
        for (text, expected) in [
            ("", "#\n".to_owned()),
            ("one  two\nthree", "# one two three\n".to_owned()),
            // 110 characters, and one more.
            (&format!("{half} {rest}"), format!("# {half} {rest}\n")),
            (&format!("{half} {rest}x"), format!("# {half}\n# {rest}x\n")),
            // A word that is too wide by itself stands on a line of its own.
            (&format!("{long} a {long}"), format!("# {long}\n# a\n# {long}\n")),
        ] {
            assert_eq!(comment(text), expected, "{text}");
        }
    }
}
