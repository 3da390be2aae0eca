//! `countersign reconcile file`: a report file against the ledger.

use super::super::{Command, Context};
use crate::error::CliError;
use crate::output::table;
use countersign_app::books::{FileDesk, FileSaid, Reading, Scope};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_aws::files::{FileRuns, REPORT_BYTES_MAX, decompressed};
use countersign_domain::books::compare::{Rules, Tolerance};
use countersign_domain::books::matching::MatchRules;
use countersign_domain::books::report::{FormatRef, ReportFormat, ReportRows, ready_names};
use countersign_domain::books::sort::sort;
use countersign_domain::event::ReconciliationData;
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::{Timestamp, Window};
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The text of a report format: of a file, or of the ready one of that name.
pub(super) fn format_text(format: &Path) -> Result<String, CliError> {
    let ready = format.to_str().and_then(|name| ready_names().find(|ready| *ready == name));
    match ready {
        Some(name) => {
            let text = FormatRef::Ready(name.to_owned()).text().map(str::to_owned);
            text.map_err(|error| CliError::Refused(error.to_string()))
        }
        None => std::fs::read_to_string(format).map_err(|error| CliError::file("read", format, error)),
    }
}

/// Rows sorted at once: about 300 bytes each.
const RUN_ROWS_MAX: usize = 200_000;

/// Which file, and how it is read.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// The source whose payments it lists.
    source: SourceName,
    /// The file: CSV or JSON lines, plain or compressed with gzip or zstd.
    file: PathBuf,
    /// How it is written: a report format in TOML, or the name of a ready one.
    #[arg(long, value_name = "FILE|NAME")]
    format: PathBuf,
    /// Start of the window whose payments it should name, RFC 3339, inclusive. Without it: yesterday, in UTC.
    #[arg(long, requires = "to")]
    from: Option<Timestamp>,
    /// End of the window, RFC 3339, exclusive.
    #[arg(long, requires = "from")]
    to: Option<Timestamp>,
    /// Minor units that two amounts may differ without a finding; without it, what the source's policy allows.
    #[arg(long, value_name = "MINOR")]
    tolerance: Option<i64>,
    /// Say what differs, and write nothing: no finding, no report, no event.
    #[arg(long)]
    dry_run: bool,
}

impl FileArgs {
    /// A file of one window.
    #[must_use]
    pub fn new(source: SourceName, file: PathBuf, format: PathBuf, window: Window, dry_run: bool) -> Self {
        let Window { from, to } = window;
        Self { source, file, format, from: Some(from), to: Some(to), tolerance: None, dry_run }
    }
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Said {
    /// What the bus was told, or would have been.
    pub run: ReconciliationData,
    /// The report, as CSV.
    pub report: String,
    /// Whether anything was written.
    pub is_dry: bool,
}

impl Command for FileArgs {
    type Output = Said;

    async fn run(self, context: &Context) -> Result<Said, CliError> {
        let source = context.source(&self.source).await?;
        let format_text = format_text(&self.format)?;
        let wrong =
            |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", self.format.display()));
        let format = ReportFormat::parse(&format_text).map_err(|error| wrong(&error))?;
        let format_digest = Sha256Hex::of_file(format_text.as_bytes()).map_err(|error| wrong(&error))?;
        let unreadable =
            |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", self.file.display()));
        let entries = format.entries();
        let sha256 = self.digest()?;
        let file = File::open(&self.file).map_err(|error| CliError::file("open", &self.file, error))?;
        let plain = decompressed(file, REPORT_BYTES_MAX).map_err(|error| unreadable(&error))?;
        let rows = ReportRows::new(plain, format).map_err(|error| unreadable(&error))?;
        let mut rows = Reading::new(rows);
        let sorted =
            sort(&mut rows, RUN_ROWS_MAX, FileRuns::default()).map_err(|error| unreadable(&error))?;
        let window = super::window(self.from, self.to, SystemClock.now());
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let said = FileSaid { name, sha256, format: format_digest, is_dry: self.dry_run };
        let matching = MatchRules::default();
        let given = self.tolerance.map(|absolute_minor| Tolerance { absolute_minor, relative_ppm: 0 });
        let rules = source.policy.rules();
        let tolerance = given.unwrap_or(rules.tolerance);
        let scope = Scope {
            source: &source.name,
            window,
            entries: &entries,
            rules: Rules { tolerance, ..rules },
            matching: &matching,
        };
        let desk = FileDesk {
            ledger: context.ledger(),
            findings: context.findings(),
            reports: context.reports(),
            bus: context.bus(),
            clock: SystemClock,
            code: format!("countersign {}", env!("CARGO_PKG_VERSION")),
        };
        let run =
            desk.run(&scope, &said, sorted, &rows.unread()).await.map_err(|error| unreadable(&error))?;
        let [_, (_, _, csv), _] = run.files;
        let report = String::from_utf8_lossy(&csv).into_owned();
        Ok(Said { run: run.data, report, is_dry: self.dry_run })
    }

    fn show(output: &Said) -> String {
        let Said { run, report, is_dry } = output;
        let mut shown = table(["currency", "sum", "ledger", "file"]);
        for total in &run.totals {
            let amount = |minor: i128| {
                let major = |minor| countersign_domain::money::major(minor, total.currency);
                i64::try_from(minor).map_or_else(|_| minor.to_string(), major)
            };
            for (name, ours, theirs) in [
                ("taken", total.captured_ours, total.captured_theirs),
                ("given back", total.refunded_ours, total.refunded_theirs),
            ] {
                shown.add_row([total.currency.to_string(), name.to_owned(), amount(ours), amount(theirs)]);
            }
        }
        let differences: Vec<_> = report.lines().filter(|line| line.starts_with("difference,")).collect();
        let kept = if *is_dry {
            "nothing was written: it was a dry run".to_owned()
        } else {
            format!("reports: {}", run.reports.join(", "))
        };
        format!(
            "{shown}\n{}{}\n{kept}\n",
            differences.join("\n"),
            if differences.is_empty() { "no difference" } else { "" }
        )
    }

    /// Every row was read, and nothing differs.
    fn is_success(output: &Said) -> bool {
        output.run.status == RunStatus::Complete && output.run.open.is_empty()
    }
}

impl FileArgs {
    /// The digest of the file as it came.
    fn digest(&self) -> Result<Sha256Hex, CliError> {
        let digest = File::open(&self.file).and_then(Sha256Hex::of_file);
        digest.map_err(|error| CliError::file("read", &self.file, error))
    }
}
