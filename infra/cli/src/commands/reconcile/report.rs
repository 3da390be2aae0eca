//! `countersign reconcile report`: the evidence of a run.

use super::super::{Command, Context, meant};
use super::window;
use crate::error::CliError;
use countersign_app::ports::{Clock as _, Runs as _};
use countersign_app::reconcile::report_keys;
use countersign_aws::clock::SystemClock;
use countersign_domain::ids::SourceName;
use countersign_domain::time::Timestamp;
use serde::Serialize;

/// Which report.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// The source.
    source: SourceName,
    /// Start of the window, RFC 3339, inclusive. Without it: yesterday, in UTC.
    #[arg(long, requires = "to", value_parser = crate::given::time)]
    from: Option<Timestamp>,
    /// End of the window, RFC 3339, exclusive.
    #[arg(long, requires = "from", value_parser = crate::given::time)]
    to: Option<Timestamp>,
    /// As the report is kept: rows for a spreadsheet, an object for machines, or a page for people.
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    form: Form,
}

/// What a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
    /// One page to read and to sign.
    Html,
}

impl Report {
    /// The report of one window of a source.
    #[must_use]
    pub fn over(source: SourceName, from: Timestamp, to: Timestamp, form: Form) -> Self {
        Self { source, from: Some(from), to: Some(to), form }
    }
}

/// A report.
#[derive(Debug, Serialize)]
pub struct Read {
    /// Its object key in the report bucket.
    pub key: String,
    /// What it says.
    pub text: String,
}

impl Command for Report {
    type Output = Read;

    async fn run(self, context: &Context) -> Result<Read, CliError> {
        let Self { source, from, to, form } = self;
        let window = window(from, to, SystemClock.now())?;
        meant(&context.sources(), Some(source.clone())).await?;
        let run = context.runs().find(&source, window).await?.ok_or_else(|| {
            CliError::NotFound(format!(
                "{} of source {source} was not reconciled: `countersign reconcile status` shows what was",
                window.name()
            ))
        })?;
        let [json, csv, html] = report_keys(&run).try_into().map_err(|keys: Vec<String>| {
            CliError::Refused(format!("a run has three reports, and not {}", keys.len()))
        })?;
        let key = match form {
            Form::Csv => csv,
            Form::Json => json,
            Form::Html => html,
        };
        let bytes = context.reports().read(&key).await?.ok_or_else(|| {
            CliError::NotFound(format!(
                "there is no report {key}: the run is not over, or it is no longer kept"
            ))
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|error| CliError::Refused(format!("the report {key} is no text: {error}")))?;
        Ok(Read { key, text })
    }

    fn show(output: &Read) -> String {
        output.text.clone()
    }
}
