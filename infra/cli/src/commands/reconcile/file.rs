//! `countersign reconcile file`: a report file against the ledger.

use super::super::{Command, Context};
use crate::error::CliError;
use crate::output::table;
use countersign_app::books::{BooksError, FileDesk, FileError, FileSaid, Reading, Scope, Unread};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_aws::files::{FileRuns, REPORT_BYTES_MAX, decompressed};
use countersign_domain::books::compare::{Rules, Tolerance};
use countersign_domain::books::matching::MatchRules;
use countersign_domain::books::report::{FormatRef, ReportFormat, ReportRows, ready_names};
use countersign_domain::books::sort::sort;
use countersign_domain::event::ReconciliationData;
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::reconcile::{RunStatus, Totals};
use countersign_domain::time::{Timestamp, Window};
use serde::Serialize;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The text of a report format: of a file, or of the ready one of that name.
pub(super) fn format_text(format: &Path) -> Result<String, CliError> {
    let ready = format.to_str().and_then(|name| ready_names().find(|ready| *ready == name));
    match ready {
        Some(name) => {
            let text = FormatRef::Ready(name.to_owned()).text().map(str::to_owned);
            text.map_err(|error| CliError::Refused(error.to_string()))
        }
        None => std::fs::read_to_string(format).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                let (name, ready) = (format.display(), ready_names().collect::<Vec<_>>().join(", "));
                CliError::NotFound(format!(
                    "--format {name}: there is no such file, and no ready format of that name; there are \
                     {ready}"
                ))
            }
            _ => CliError::file("read", format, error),
        }),
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
    /// What of the file is not in its rows: those that cannot be read, and numbers that are missing.
    pub unread: Unread,
    /// Whether it was a dry run: nothing was written.
    pub is_dry: bool,
}

impl Command for FileArgs {
    type Output = Said;

    async fn run(self, context: &Context) -> Result<Said, CliError> {
        let source = context.source(&self.source).await?;
        let window = super::window(self.from, self.to, SystemClock.now())?;
        let (format, format_digest) = self.format()?;
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
        let unread = rows.unread();
        let run = desk.run(&scope, &said, sorted, &unread).await.map_err(|error| match error {
            FileError::Port(error) | FileError::Books(BooksError::Ledger(error)) => CliError::Port(error),
            FileError::Books(error) => unreadable(&error),
        })?;
        let ([_, (_, _, csv), _], mut data) = (run.files, run.data);
        if self.dry_run {
            // None was written that could be read.
            data.reports.clear();
        }
        let report = String::from_utf8_lossy(&csv).into_owned();
        Ok(Said { run: data, report, unread, is_dry: self.dry_run })
    }

    fn show(output: &Said) -> String {
        let Said { run, report, unread, is_dry } = output;
        let kept = if *is_dry {
            "nothing was written: it was a dry run".to_owned()
        } else {
            format!("reports: {}", run.reports.join(", "))
        };
        format!("{}{}{kept}\n", sums(&run.totals), found(report, unread))
    }

    /// Every row was read and none is missing, and nothing differs.
    fn is_success(output: &Said) -> bool {
        let is_whole = output.unread == Unread::default();
        is_whole && output.run.status == RunStatus::Complete && output.run.open.is_empty()
    }
}

/// Both sides, for a person.
fn sums(totals: &[Totals]) -> String {
    if totals.is_empty() {
        return "neither side has a payment or a refund that can be compared\n".to_owned();
    }
    let mut shown = table(["currency", "sum", "ledger", "file"]);
    for total in totals {
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
    format!("{shown}\n")
}

/// What differs and what could not be read. That nothing differs is only said of a file that was read whole.
fn found(report: &str, unread: &Unread) -> String {
    let Unread { rows, faults, gaps, unnumbered } = unread;
    let mut lines = Vec::new();
    if *rows > 0 {
        let many = if *rows == 1 { "row" } else { "rows" };
        lines.push(format!("incomplete: {rows} {many} cannot be read:"));
        lines.extend(faults.iter().map(|fault| format!("  {fault}")));
        let more = rows.saturating_sub(faults.len());
        lines.extend((more > 0).then(|| format!("  and {more} more")));
        lines.push("it is not said what only the ledger has: it may be in what cannot be read".to_owned());
    }
    lines.extend(gaps.iter().map(ToString::to_string));
    lines.extend(unnumbered.iter().map(|why| format!("nothing is said of its numbers: {why}")));
    lines.extend(report.lines().filter(|line| line.starts_with("difference,")).map(str::to_owned));
    if lines.is_empty() {
        lines.push("no difference".to_owned());
    }
    lines.join("\n") + "\n"
}

impl FileArgs {
    /// The format that is given, and its digest.
    fn format(&self) -> Result<(ReportFormat, Sha256Hex), CliError> {
        let text = format_text(&self.format)?;
        let wrong =
            |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", self.format.display()));
        let format = ReportFormat::parse(&text).map_err(|error| wrong(&error))?;
        Ok((format, Sha256Hex::of_file(text.as_bytes()).map_err(|error| wrong(&error))?))
    }

    /// The digest of the file as it came.
    fn digest(&self) -> Result<Sha256Hex, CliError> {
        let digest = File::open(&self.file).and_then(Sha256Hex::of_file);
        digest.map_err(|error| CliError::file("read", &self.file, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_domain::books::sequence::Gap;
    use countersign_domain::books::{Row, Rows as _};

    /// What is not in the rows of a partner's file.
    fn unread(rows: &str) -> Unread {
        let format = ReportFormat::parse(&format_text(Path::new("partner-daily")).unwrap()).unwrap();
        let file = format!("payment,entry,refund,currency,amount,at\n{rows}");
        let mut reading = Reading::new(ReportRows::new(file.as_bytes(), format).unwrap());
        let mut row = Row::empty();
        while reading.next(&mut row).unwrap() {}
        reading.unread()
    }

    #[test]
    fn a_file_with_rows_that_cannot_be_read_says_which_and_why() {
        const GOOD: &str = "p1,payment,,EUR,20.00,2026-11-23T10:00:00Z\n";
        let difference = "difference,EUR,p1,,amount_differs";
        let last = "it is not said what only the ledger has: it may be in what cannot be read\n";
        let bad = |count: usize| GOOD.replace("EUR", "XXQ").repeat(count);
        for (rows, report, lines) in [
            (GOOD.to_owned(), "total,EUR", vec!["no difference\n"]),
            (GOOD.to_owned(), difference, vec![difference]),
            (
                bad(1),
                "total,EUR",
                vec!["incomplete: 1 row cannot be read:\n  line 2: currency is like \"AAA\": ", last],
            ),
            (
                format!("{GOOD}p2,payment\n"),
                difference,
                vec!["  line 3: the row cannot be read: ", last, difference],
            ),
            (
                format!("{GOOD}\"p2,payment\n{GOOD}"),
                "",
                vec!["  lines 3 to 4: the row cannot be read: ", "a quote opens and is not closed"],
            ),
            (bad(12), "", vec!["incomplete: 12 rows cannot be read:", "  line 11: ", "  and 2 more\n", last]),
        ] {
            let unread = unread(&rows);
            let (shown, json) = (found(report, &unread), crate::output::json(&unread).unwrap());
            for line in lines {
                assert!(shown.contains(line), "{line} is not in\n{shown}");
            }
            let is_level = unread.rows == 0 && report != difference;
            assert_eq!(shown.contains("no difference"), is_level, "{shown}");
            assert_eq!(json.contains("line 2: currency is"), rows.contains("XXQ"), "{json}");
        }
        let gap = Unread { gaps: vec![Gap { first: 4, last: 6 }], ..Unread::default() };
        assert_eq!(found("", &gap), "numbers 4 to 6 are missing\n");
    }

    #[test]
    fn a_format_that_there_is_not_names_those_that_are_ready() {
        let refused = format_text(Path::new("partner-dayly")).unwrap_err().chain();
        let says = "--format partner-dayly: there is no such file, and no ready format of that name; there are \
                    partner-daily, stripe-balance-change, ";
        assert!(refused.starts_with(says), "{refused}");
        let folder = tempfile::tempdir().unwrap();
        let refused = format_text(folder.path()).unwrap_err().chain();
        assert!(refused.starts_with("cannot read "), "{refused}");
    }
}
