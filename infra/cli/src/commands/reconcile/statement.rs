//! `countersign reconcile statement`: a month of a source's books, to read and to sign.

use super::super::{Command, Context};
use super::report::Form;
use crate::error::CliError;
use countersign_app::ports::{Cases as _, Clock as _, Reports as _, RunHistory as _};
use countersign_app::reconcile::statement::Statement;
use countersign_aws::clock::SystemClock;
use countersign_domain::ids::SourceName;
use countersign_domain::time::{Timestamp, Window};
use serde::Serialize;

/// Runs of a source that are looked through: five years of days.
const RUNS_MAX: u16 = 1_830;

/// Which month.
#[derive(Debug, clap::Args)]
pub struct StatementArgs {
    /// The source.
    source: SourceName,
    /// The month, in UTC: 2026-11. Without it, the one before this; of this one, the days that are over.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    form: Form,
    /// Print it, and keep nothing.
    #[arg(long)]
    dry_run: bool,
}

impl StatementArgs {
    /// Of one month.
    #[must_use]
    pub fn of(source: SourceName, month: &str) -> Self {
        Self { source, month: Some(month.to_owned()), form: Form::Csv, dry_run: false }
    }
}

/// A statement.
#[derive(Debug, Serialize)]
pub struct Stated {
    /// What it says.
    pub statement: Statement,
    /// The form that was asked for.
    pub text: String,
    /// The object keys under which it is kept.
    pub keys: Vec<String>,
}

impl Command for StatementArgs {
    type Output = Stated;

    async fn run(self, context: &Context) -> Result<Stated, CliError> {
        let now = SystemClock.now();
        let (month, window) = month(self.month, now)?;
        let source = context.source(&self.source).await?;
        let runs = context.runs().newest(&source.name, RUNS_MAX).await?;
        let cases = context.findings().of(&source.name).await?;
        let made_with = (now, concat!("countersign ", env!("CARGO_PKG_VERSION")));
        let statement =
            Statement::new(&source.name, (&month, window), runs, (&cases, &source.policy), made_with);
        let files = statement.files()?;
        let [(_, _, json), (_, _, csv), (_, _, html)] = &files;
        let bytes = match self.form {
            Form::Json => json,
            Form::Csv => csv,
            Form::Html => html,
        };
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut keys = Vec::new();
        for (key, content_type, bytes) in files.into_iter().filter(|_| !self.dry_run) {
            context.reports().write(&key, content_type, bytes).await?;
            keys.push(key);
        }
        Ok(Stated { statement, text, keys })
    }

    /// The statement, as it can be written into a file.
    fn show(output: &Stated) -> String {
        output.text.clone()
    }

    /// Every day was read, and both sides agree.
    fn is_success(output: &Stated) -> bool {
        output.statement.is_level()
    }
}

/// The month that is meant: the last one that is over where nothing is said. Of one that has not begun every day would be
/// read and agree, for it has none.
fn month(given: Option<String>, now: Timestamp) -> Result<(String, Window), CliError> {
    let name = |instant: Timestamp| instant.strftime("%Y-%m").to_string();
    let this = name(now);
    let month = given.unwrap_or_else(|| {
        // The day before this month's first.
        let first = Window::utc_month(&this).map_or(now, |this| this.from);
        name(Window::utc_day(first, 1).from)
    });
    let window = Window::utc_month(&month)
        .ok_or_else(|| CliError::Usage(format!("{month:?} is no month: write it like 2026-11")))?;
    if now < window.from {
        return Err(CliError::Usage(format!(
            "the month {month} has not begun: give {this}, of which the days that are over are stated, or an earlier one"
        )));
    }
    Ok((month, window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_that_has_begun_is_stated() {
        let after = "the month 2027-01 has not begun: give 2026-12, of which the days that are over are stated, or an \
                     earlier one";
        for (given, now, expected) in [
            (None, "2026-12-31T23:59:59Z", "2026-11"),
            (None, "2027-01-01T00:00:00Z", "2026-12"),
            (Some("2026-12"), "2026-12-01T00:00:00Z", "2026-12"),
            (Some("2026-12"), "2027-01-01T00:00:00Z", "2026-12"),
            (Some("2027-01"), "2026-12-31T23:59:59Z", after),
            (Some("2027-01"), "2027-01-01T00:00:00Z", "2027-01"),
            (Some("2026-13"), "2027-01-01T00:00:00Z", "\"2026-13\" is no month: write it like 2026-11"),
        ] {
            let found = month(given.map(str::to_owned), now.parse().unwrap());
            let found = found.map_or_else(|error| error.to_string(), |(month, _)| month);
            assert_eq!(found, expected, "{given:?} at {now}");
        }
    }
}
