//! `countersign reconcile settlement`: what a provider kept and paid out, against what was agreed and what the bank booked.

use super::super::{Command, Context, read_text};
use crate::error::CliError;
use countersign_app::books::{Agreed, FileSaid, ListedError, check_settlement, settlement_lines};
use countersign_app::ports::Clock as _;
use countersign_aws::clock::SystemClock;
use countersign_aws::files::{REPORT_BYTES_MAX, decompressed};
use countersign_domain::bank::{self, Statement};
use countersign_domain::books::Row;
use countersign_domain::books::compare::Tolerance;
use countersign_domain::books::matching::MatchRules;
use countersign_domain::books::report::{ReportFormat, ReportRows};
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::settlement::fees::FeeSchedule;
use countersign_domain::settlement::payouts::DepositRules;
use countersign_domain::settlement::rates::Rates;
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Which report, and what it is checked against.
#[derive(Debug, clap::Args)]
pub struct SettlementArgs {
    /// The source.
    source: SourceName,
    /// The provider's settlement report: CSV or JSON lines, plain or compressed with gzip or zstd. Without it, the provider's
    /// API is asked, where the dialect has a [settlement].
    #[arg(requires = "format")]
    file: Option<PathBuf>,
    /// How it is written: a report format in TOML, or the name of a ready one.
    #[arg(long, value_name = "FILE|NAME", requires = "file")]
    format: Option<PathBuf>,
    /// Start of the window that the provider is asked for, RFC 3339, inclusive. Without it: yesterday, in UTC.
    #[arg(long, requires = "to", conflicts_with = "file", value_parser = crate::given::time)]
    from: Option<Timestamp>,
    /// End of the window, RFC 3339, exclusive.
    #[arg(long, requires = "from", value_parser = crate::given::time)]
    to: Option<Timestamp>,
    /// What was agreed to be kept: a fee schedule in TOML.
    #[arg(long, value_name = "FILE")]
    fees: Option<PathBuf>,
    /// Exchange rates: a CSV of date, from, to, rate.
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// A statement of the bank: CAMT.053 or MT940.
    #[arg(long, value_name = "FILE")]
    bank: Option<PathBuf>,
    /// Look only at bookings of the bank whose text holds this: the provider's name, as the bank writes it.
    #[arg(long, value_name = "TEXT", requires = "bank")]
    payer: Option<String>,
    /// Days the bank may take.
    #[arg(long, default_value_t = 3, value_name = "DAYS")]
    grace_days: u16,
    /// Minor units that a fee or an exchanged amount may differ.
    #[arg(long, default_value_t = 1, value_name = "MINOR")]
    tolerance: i64,
    /// Say what is wrong, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Settled {
    /// The table.
    pub report: String,
    /// How many things are not as they should be.
    pub gaps: usize,
    /// Rows that could not be read.
    pub unread: Vec<String>,
    /// Where the table is kept; nothing after a dry run.
    pub key: Option<String>,
}

impl SettlementArgs {
    /// A report of a source.
    #[must_use]
    pub fn new(source: SourceName, file: PathBuf, format: PathBuf) -> Self {
        Self {
            source,
            file: Some(file),
            format: Some(format),
            from: None,
            to: None,
            fees: None,
            rates: None,
            bank: None,
            payer: None,
            grace_days: 3,
            tolerance: 1,
            dry_run: false,
        }
    }

    /// The same with fees and a bank's statement.
    #[must_use]
    pub fn against(self, fees: PathBuf, bank: PathBuf, payer: &str) -> Self {
        Self { fees: Some(fees), bank: Some(bank), payer: Some(payer.to_owned()), ..self }
    }

    /// The same with exchange rates.
    #[must_use]
    pub fn at_rates(self, rates: PathBuf) -> Self {
        Self { rates: Some(rates), ..self }
    }

    fn agreed(&self) -> Result<(Agreed, Option<Timestamp>), CliError> {
        let fees = self.fees.as_ref().map(|path| {
            let text = read_text("read", path)?;
            FeeSchedule::parse(&text).map_err(|error| in_file(path, &error))
        });
        let rates = self.rates.as_ref().map(|path| {
            let file = File::open(path).map_err(|error| CliError::file("open", path, error))?;
            Rates::read(file).map_err(|error| in_file(path, &error))
        });
        let mut until = None;
        let mut deposits = None;
        if let Some(path) = &self.bank {
            let bytes = std::fs::read(path).map_err(|error| CliError::file("read", path, error))?;
            let statements = bank::read(&bytes).map_err(|error| in_file(path, &error))?;
            let booked = statements.iter().flat_map(|statement| &statement.entries);
            until = booked.map(|booking| booking.at).max();
            let rows = self.bookings(&statements);
            let grace_seconds = i64::from(self.grace_days).saturating_mul(86_400);
            deposits = Some((rows, DepositRules { matching: MatchRules::default(), grace_seconds }));
        }
        let tolerance = Tolerance { absolute_minor: self.tolerance, relative_ppm: 0 };
        Ok((Agreed { fees: fees.transpose()?, rates: rates.transpose()?, deposits, tolerance }, until))
    }

    /// The bank's bookings that can be payouts.
    fn bookings(&self, statements: &[Statement]) -> Vec<Row> {
        let is_meant = |text: &str| self.payer.as_ref().is_none_or(|payer| text.contains(payer.as_str()));
        let mut rows = Vec::new();
        for statement in statements {
            let of_payer = statement.rows().into_iter().zip(&statement.entries);
            rows.extend(of_payer.filter(|(_, booking)| is_meant(&booking.text)).map(|(row, _)| row));
        }
        rows
    }
}

/// What is to be checked: a file, or what the provider said.
struct Given {
    name: String,
    sha256: Sha256Hex,
    format_text: String,
    plain: Box<dyn Read + Send>,
}

impl Given {
    fn in_file(file: &Path, format: &Path) -> Result<Self, CliError> {
        let format_text = super::file::format_text(format)?;
        let open = || File::open(file).map_err(|error| CliError::file("open", file, error));
        let sha256 = Sha256Hex::of_file(open()?).map_err(|error| CliError::file("read", file, error))?;
        let plain = decompressed(open()?, REPORT_BYTES_MAX).map_err(|error| in_file(file, &error))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, sha256, format_text, plain })
    }
}

impl SettlementArgs {
    /// Asks the provider for the rows of the window.
    async fn asked(&self, context: &Context, source: &Source) -> Result<Given, CliError> {
        let window = super::window(self.from, self.to, SystemClock.now())?;
        let refused = |error: &dyn std::fmt::Display| CliError::Refused(error.to_string());
        let lines = settlement_lines(&context.provider_api()?, source, window).await;
        let lines = lines.map_err(not_listed)?;
        let sha256 = Sha256Hex::of_file(lines.as_slice()).map_err(|error| refused(&error))?;
        let format_text = source.dialect.settlement.as_ref().map(|settlement| settlement.format.clone());
        Ok(Given {
            name: format!("{} {}", source.dialect.name, window.name()),
            sha256,
            // It was read with it.
            format_text: format_text.unwrap_or_default(),
            plain: Box::new(std::io::Cursor::new(lines)),
        })
    }
}

/// Why the provider lists nothing: what it was asked for, and what it answered.
fn not_listed(error: ListedError) -> CliError {
    match error {
        ListedError::Port(error) => CliError::Port(error),
        error @ (ListedError::NoList(_) | ListedError::Page { .. }) => CliError::Refused(error.to_string()),
    }
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::Refused(format!("{}: {error}", path.display()))
}

impl Command for SettlementArgs {
    type Output = Settled;

    async fn run(self, context: &Context) -> Result<Settled, CliError> {
        let source = context.source(&self.source).await?;
        let Given { name, sha256, format_text, plain } = match (&self.file, &self.format) {
            (Some(file), Some(format)) => Given::in_file(file, format)?,
            _ => self.asked(context, &source).await?,
        };
        let unreadable = |error: &dyn std::fmt::Display| CliError::Refused(format!("{name}: {error}"));
        let format = ReportFormat::parse(&format_text).map_err(|error| unreadable(&error))?;
        let format_digest = Sha256Hex::of_file(format_text.as_bytes()).map_err(|error| unreadable(&error))?;
        let said = FileSaid { name: name.clone(), sha256, format: format_digest, is_dry: self.dry_run };
        let source = source.name;
        let (agreed, until) = self.agreed()?;
        let mut rows = ReportRows::new(plain, format).map_err(|error| unreadable(&error))?;
        let now = SystemClock.now();
        let settlement =
            check_settlement(&mut rows, &agreed, until.unwrap_or(now)).map_err(|error| unreadable(&error))?;
        let unread: Vec<_> = rows.faults().iter().map(ToString::to_string).collect();
        let table = settlement.table(&said).map_err(|error| unreadable(&error))?;
        let report = String::from_utf8_lossy(&table).into_owned();
        let gaps = settlement.gaps.len();
        // Sums that lack a row prove nothing.
        let is_kept = !self.dry_run && unread.is_empty();
        let key = if is_kept {
            Some(settlement.keep(&context.findings(), &context.reports(), &source, &said, now).await?)
        } else {
            None
        };
        Ok(Settled { report, gaps, unread, key })
    }

    fn show(output: &Settled) -> String {
        let Settled { report, gaps, unread, key } = output;
        let kept = match key {
            Some(key) => format!("report: {key}"),
            None if unread.is_empty() => "nothing was written: it was a dry run".to_owned(),
            None => format!(
                "nothing was written, for sums that lack a row prove nothing. {} rows cannot be read:\n{}",
                unread.len(),
                unread.join("\n")
            ),
        };
        format!("{report}{gaps} not as agreed\n{kept}\n")
    }

    /// Every row was read, and all is as agreed.
    fn is_success(output: &Settled) -> bool {
        output.gaps == 0 && output.unread.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_app::ports::PortError;
    use countersign_aws::provider::ApiError;

    #[test]
    fn what_the_provider_was_asked_for_and_what_it_answered_is_said() {
        let path = "/v1/balance_transactions".to_owned();
        let status = ApiError::Status { path: path.clone(), status: 404, retry_after: None };
        for (error, says) in [
            (
                ListedError::Port(PortError::new("provider_api", "get", status)),
                "provider_api: get failed\n  because: /v1/balance_transactions: the provider answers with status 404",
            ),
            (
                ListedError::Page { path, why: "the provider answers 404".to_owned() },
                "/v1/balance_transactions: the provider answers 404",
            ),
            (
                ListedError::NoList("acme".to_owned()),
                "the dialect acme lists no settlement: give a report file instead",
            ),
        ] {
            assert_eq!(not_listed(error).chain(), says);
        }
    }
}
