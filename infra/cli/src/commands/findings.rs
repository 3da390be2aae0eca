//! `countersign findings`: the doubts that wait for a person, and what is done about them.

use super::{Command, Context, meant};
use crate::cli::{Global, on_stack};
use crate::error::CliError;
use crate::output::{table, word};
use countersign_app::findings::take;
use countersign_app::ports::{Cases as _, Clock as _, Sources as _};
use countersign_app::spreadsheet::cell;
use countersign_aws::clock::SystemClock;
use countersign_domain::finding::{Case, Move, Settlement, Standing, Step};
use countersign_domain::ids::SourceName;
use countersign_domain::policy::{Policy, Severity};
use countersign_domain::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Look at findings, take them, settle them.
#[derive(Debug, clap::Subcommand)]
pub enum FindingsCommand {
    /// List the findings that are not settled, the most severe first, and of these the oldest.
    List(List),
    /// Show one finding, and everything that was done about it.
    Show(Show),
    /// Take a finding: you look after it.
    Ack(Take),
    /// Settle a finding. If it is seen again, it is open again.
    Resolve(Resolve),
    /// Open a settled finding again.
    Reopen(Take),
    /// Write every finding, settled or not, with all that was done about it, as CSV.
    Export(Export),
}

impl FindingsCommand {
    /// Does it, and says whether it succeeded.
    ///
    /// # Errors
    /// [`CliError`] when it cannot be done.
    pub async fn run(self, global: &Global) -> Result<bool, CliError> {
        match self {
            Self::List(list) => on_stack(list, global).await,
            Self::Show(show) => on_stack(show, global).await,
            Self::Ack(take) => on_stack(take.with(Move::Acknowledge), global).await,
            Self::Resolve(resolve) => on_stack(resolve.take(), global).await,
            Self::Reopen(take) => on_stack(take.with(Move::Reopen), global).await,
            Self::Export(export) => on_stack(export, global).await,
        }
    }
}

/// Which findings.
#[derive(Debug, Default, clap::Args)]
pub struct List {
    /// Those of one source; of every source without it.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
    /// The settled ones too.
    #[arg(long)]
    all: bool,
    /// Only those that are at least so severe by now.
    #[arg(long, value_enum, default_value = "low")]
    severity: Least,
}

/// How severe a finding must be to be listed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum Least {
    /// Any.
    #[default]
    Low,
    /// This week.
    Medium,
    /// Today.
    High,
    /// Now.
    Critical,
}

impl From<Least> for Severity {
    fn from(least: Least) -> Self {
        match least {
            Least::Low => Self::Low,
            Least::Medium => Self::Medium,
            Least::High => Self::High,
            Least::Critical => Self::Critical,
        }
    }
}

impl List {
    /// Those of one source that are not settled.
    #[must_use]
    pub fn of(source: SourceName) -> Self {
        Self { source: Some(source), ..Self::default() }
    }
}

/// A finding in a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// How long ago it was found, in seconds.
    pub age_seconds: i64,
    /// How severe it is by now, by its source's policy.
    pub severity: Severity,
    /// Who looks after the source's findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The finding.
    #[serde(flatten)]
    pub case: Case,
}

impl Command for List {
    type Output = Vec<Listed>;

    async fn run(self, context: &Context) -> Result<Vec<Listed>, CliError> {
        let now = SystemClock.now();
        let configs = context.sources().list().await?;
        let policies: BTreeMap<_, _> =
            configs.into_iter().map(|config| (config.name, config.policy)).collect();
        let usual = Policy::default();
        let mut cases = cases(context, self.source).await?;
        cases.retain(|case| self.all || case.standing != Standing::Resolved);
        let mut listed: Vec<_> = cases
            .into_iter()
            .map(|case| {
                let policy = policies.get(&case.finding.source).unwrap_or(&usual);
                let (severity, owner) = (policy.severity(&case, now), policy.owner.clone());
                Listed { id: case.finding.id(), age_seconds: case.age_seconds(now), severity, owner, case }
            })
            .filter(|listed| listed.severity >= self.severity.into())
            .collect();
        listed.sort_by_key(|listed| (std::cmp::Reverse(listed.severity), listed.case.finding.found_at));
        Ok(listed)
    }

    fn show(output: &Vec<Listed>) -> String {
        if output.is_empty() {
            return "nothing waits for a person\n".to_owned();
        }
        let mut shown =
            table(["id", "severity", "owner", "source", "about", "stands", "age", "seen", "reason"]);
        for Listed { id, age_seconds, severity, owner, case } in output {
            shown.add_row([
                id.clone(),
                word(severity),
                owner.clone().unwrap_or_default(),
                case.finding.source.to_string(),
                case.finding.subject.to_string(),
                word(&case.standing),
                age(*age_seconds),
                case.sightings.to_string(),
                case.finding.reason.clone(),
            ]);
        }
        format!("{shown}\n")
    }
}

/// An age for a person: the two largest parts of it.
fn age(seconds: i64) -> String {
    match seconds {
        0..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

async fn cases(context: &Context, source: Option<SourceName>) -> Result<Vec<Case>, CliError> {
    let mut cases = Vec::new();
    for source in meant(&context.sources(), source).await? {
        cases.extend(context.findings().of(&source).await?);
    }
    Ok(cases)
}

/// Which finding.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Its id, as `findings list` shows it.
    id: String,
}

impl Command for Show {
    type Output = Case;

    async fn run(self, context: &Context) -> Result<Case, CliError> {
        find(context, &self.id).await
    }

    fn show(case: &Case) -> String {
        shown(case)
    }
}

/// An id names its source too, so it is looked for everywhere.
async fn find(context: &Context, id: &str) -> Result<Case, CliError> {
    let found = cases(context, None).await?.into_iter().find(|case| case.finding.id() == id);
    found.ok_or_else(|| {
        CliError::NotFound(format!(
            "there is no finding {id}: `countersign findings list --all` shows those there are"
        ))
    })
}

fn shown(case: &Case) -> String {
    let mut text = format!(
        "finding   {}, {}\nsource    {}\nabout     {}\nreason    {}\nfound     {}\nseen      {} times, last {}\n",
        case.finding.id(),
        word(&case.standing),
        case.finding.source,
        case.finding.subject,
        case.finding.reason,
        at(case.finding.found_at),
        case.sightings,
        at(case.seen_at),
    );
    for Step { at: time, by, what, why } in &case.steps {
        _ = writeln!(text, "{}  {}, by {by}: {why}", at(*time), did(*what));
    }
    text
}

fn did(what: Move) -> &'static str {
    match what {
        Move::Acknowledge => "acknowledged",
        Move::Resolve(Settlement::Corrected) => "resolved: corrected",
        Move::Resolve(Settlement::Accepted) => "resolved: accepted as it is",
        Move::Resolve(Settlement::NoIssue) => "resolved: no issue",
        Move::Resolve(Settlement::Leveled) => "resolved: both sides agree",
        Move::Reopen => "reopened",
        Move::SeenAgain => "reopened: seen again",
    }
}

fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Who does something about which finding, and why.
#[derive(Clone, Debug, clap::Args)]
pub struct Take {
    /// Its id, as `findings list` shows it.
    id: String,
    /// Why, for whoever reads it later. No secret and no personal data.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    why: String,
    /// Who does it. Without it: who $USER says.
    #[arg(long, value_name = "NAME", env = "USER", value_parser = name)]
    by: Option<String>,
}

/// Words that stand beside the finding for good, so they must say something.
fn words(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it is empty: say why, in words") } else { Ok(text.to_owned()) }
}

fn name(text: &str) -> Result<String, &'static str> {
    let nobody = "it is empty: give --by a name, or $USER, which it is by default";
    if text.trim().is_empty() { Err(nobody) } else { Ok(text.to_owned()) }
}

fn somebody(by: Option<String>) -> Result<String, CliError> {
    by.ok_or_else(|| {
        let why = "nobody is named: give --by NAME; without it $USER is taken, and that is not set";
        CliError::Usage(why.to_owned())
    })
}

impl Take {
    fn with(self, what: Move) -> Taken {
        Taken { take: self, what }
    }
}

/// How a finding is settled.
#[derive(Debug, clap::Args)]
pub struct Resolve {
    #[command(flatten)]
    take: Take,
    /// How it was settled.
    #[arg(long, value_enum)]
    how: How,
}

/// How a finding is settled.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum How {
    /// The books were put right, here or at the provider.
    Corrected,
    /// The difference is right as it is.
    Accepted,
    /// It was none.
    NoIssue,
}

impl Resolve {
    fn take(self) -> Taken {
        self.take.with(Move::Resolve(match self.how {
            How::Corrected => Settlement::Corrected,
            How::Accepted => Settlement::Accepted,
            How::NoIssue => Settlement::NoIssue,
        }))
    }
}

/// One thing that a person does about a finding.
#[derive(Debug)]
pub struct Taken {
    take: Take,
    what: Move,
}

impl Taken {
    /// Something done by somebody about a finding.
    #[must_use]
    pub fn new(id: String, what: Move, by: &str, why: &str) -> Self {
        Self { take: Take { id, why: why.to_owned(), by: Some(by.to_owned()) }, what }
    }
}

impl Command for Taken {
    type Output = Case;

    async fn run(self, context: &Context) -> Result<Case, CliError> {
        let Self { take: Take { id, why, by }, what } = self;
        let by = somebody(by)?;
        let source = find(context, &id).await?.finding.source;
        let step = Step { at: SystemClock.now(), by, what, why };
        Ok(take(&context.findings(), &source, &id, step).await?)
    }

    fn show(case: &Case) -> String {
        shown(case)
    }
}

/// Where to.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Those of one source; of every source without it.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
    /// The file to write; printed without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What was exported.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// How many findings.
    pub findings: usize,
    /// Where to, if to a file.
    pub path: Option<PathBuf>,
    /// The rows, one for each finding and step.
    pub csv: String,
}

impl Command for Export {
    type Output = Exported;

    async fn run(self, context: &Context) -> Result<Exported, CliError> {
        let mut cases = cases(context, self.source).await?;
        cases.sort_by_key(|case| (case.finding.found_at, case.finding.id()));
        let csv = csv(&cases)?;
        if let Some(path) = &self.out {
            std::fs::write(path, &csv).map_err(|error| CliError::file("write", path, error))?;
        }
        Ok(Exported { findings: cases.len(), path: self.out, csv })
    }

    fn show(output: &Exported) -> String {
        match &output.path {
            None => output.csv.clone(),
            Some(path) => format!("{} findings are in {}\n", output.findings, path.display()),
        }
    }
}

/// A row for each finding, and one more for each step about it.
fn csv(cases: &[Case]) -> Result<String, CliError> {
    let unwritable = |error: String| CliError::Refused(format!("cannot write the findings as CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut row =
        |cells: [&str; 9]| writer.write_record(cells).map_err(|error| unwritable(error.to_string()));
    row(["at", "finding", "source", "kind", "about", "stands", "what", "by", "text"])?;
    for case in cases {
        let finding = &case.finding;
        let (id, about, stands) = (finding.id(), finding.subject.to_string(), word(&case.standing));
        let mut line = |at: Timestamp, what: &str, by: &str, text: &str| {
            let (at, source) = (at.to_string(), finding.source.as_str());
            row([
                &at,
                &id,
                source,
                finding.kind.as_str(),
                &cell(&about),
                &stands,
                what,
                &cell(by),
                &cell(text),
            ])
        };
        line(finding.found_at, "found", "countersign", &finding.reason)?;
        for Step { at, by, what, why } in &case.steps {
            line(*at, did(*what), by, why)?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| unwritable(error.to_string()))
}

#[cfg(test)]
mod tests;
