//! Report files that arrive by themselves, compared in parts: one reader splits a file into stretches of references, any
//! number of workers compare a stretch each, and one puts together what they found.
//!
//! Each of the three steps may be done twice: the parts, what they come to, the findings and the report are the same again.

use super::{
    BooksError, Compared, FileDesk, FileRun, FileSaid, Reading, Scope, Span, Unread, compare_part, join,
};
use crate::caches::SourceCache;
use crate::ports::{Arrived, Bus, Clock, Files, Findings, Ledger, Port, PortError, Reports, Sources};
use countersign_domain::books::arrival::{Arrival, ArrivalError};
use countersign_domain::books::canonical::{CanonicalError, CanonicalRows, write_header, write_row};
use countersign_domain::books::matching::MatchRules;
use countersign_domain::books::report::{FormatError, ReportError, ReportRows};
use countersign_domain::books::sort::{SortError, Spill, sort};
use countersign_domain::books::{Entry, Row, Rows};
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::ids::{Sha256Hex, SourceName};
use countersign_domain::source::Source;
use countersign_domain::time::Window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rows sorted at once: about 300 bytes each.
const RUN_ROWS_MAX: usize = 200_000;
/// Most that may be said of a file and its parts, in bytes of JSON. The state machine hands it from step to step, and
/// Step Functions allows 262,144 bytes with what Lambda says of the invocation around it. A part and its result take about
/// 430 with references of a usual length, so there are about 600 parts, and 1,330 with the longest, so there are about 190.
const STATE_BYTES_MAX: usize = 262_144 - 4_096;

/// Who looks after the files that arrive.
pub struct Clerk<P, W, L, F, O, B, C> {
    /// The configured sources.
    pub sources: P,
    /// Where files arrive.
    pub files: W,
    /// Who compares them.
    pub desk: FileDesk<L, F, O, B, C>,
    /// Sources read so far.
    pub source_cache: SourceCache,
    /// Rows of one part, about: as many as one worker compares well within its time.
    pub part_rows_max: usize,
}

/// What is known of a file once it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    source: SourceName,
    window: Window,
    name: String,
    sha256: Sha256Hex,
    format: Sha256Hex,
    unread: Unread,
    /// What the parts come to is kept under these keys.
    results: Vec<String>,
}

impl Plan {
    /// Whose file it is.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// Which payments it should name.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }
}

/// One part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    source: SourceName,
    window: Window,
    entries: BTreeSet<Entry>,
    span: Span,
    rows: String,
    result: String,
}

/// Why a file that arrived is not compared.
#[derive(Debug, thiserror::Error)]
pub enum ClerkError {
    /// Nobody knows whose it is.
    #[error(transparent)]
    Place(#[from] ArrivalError),
    /// There is no such source.
    #[error("there is no enabled source {0}: see `countersign source list`")]
    NoSource(SourceName),
    /// Its folder has no format.
    #[error(
        "source {source_name} has no format for the folder {folder:?}: write one under [source.reports] in its file"
    )]
    NoFormat {
        /// The source.
        source_name: SourceName,
        /// The folder.
        folder: String,
    },
    /// Its format cannot be used.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It is not there any more.
    #[error("there is nothing at {0:?}: it was taken away again")]
    Gone(String),
    /// It cannot be read.
    #[error("{name} cannot be read: {why}")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// One of its parts cannot be compared.
    #[error(transparent)]
    Books(#[from] BooksError<CanonicalError>),
    /// A call failed. Doing it again is right.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl<P, W, L, F, O, B, C> Clerk<P, W, L, F, O, B, C>
where
    P: Sources,
    W: Files,
    L: Ledger,
    F: Findings,
    O: Reports,
    B: Bus,
    C: Clock,
{
    /// Reads a file that arrived, and splits it into parts. One that cannot be read at all is a finding too.
    ///
    /// # Errors
    /// [`ClerkError`] names what is wrong and what to do.
    pub async fn plan<S>(&self, key: &str, spill: S) -> Result<(Plan, Vec<Part>), ClerkError>
    where
        S: Spill,
        S::Run: Send,
        S::Error: std::fmt::Display,
    {
        let arrival = Arrival::parse(key)?;
        let source = self.source(&arrival.source).await?;
        let format_ref = source.reports.get(&arrival.folder).ok_or_else(|| ClerkError::NoFormat {
            source_name: source.name.clone(),
            folder: arrival.folder.clone(),
        })?;
        let (format, entries) = (format_ref.read()?, format_ref.read()?.entries());
        let Arrived { sha256, plain } =
            self.files.open(key).await?.ok_or_else(|| ClerkError::Gone(key.to_owned()))?;
        let digest = Sha256Hex::of_file(format_ref.text()?.as_bytes());
        let digest = digest.map_err(|e| PortError::new("files", "open", e))?;
        let read = ReportRows::new(plain, format).map_err(|error: ReportError| error.to_string());
        let read = read.and_then(|rows| {
            let mut reading = Reading::new(rows);
            let sorted = sort(&mut reading, RUN_ROWS_MAX, spill)
                .map_err(|error: SortError<_, _>| error.to_string())?;
            Ok((sorted, reading.times(), reading.unread()))
        });
        let (sorted, times, unread) = match read {
            Ok(read) => read,
            Err(why) => return Err(self.unreadable(&arrival, &sha256, why).await?),
        };
        let window = arrival.window(times, self.desk.clock.now());
        let plan = Plan {
            source: source.name.clone(),
            window,
            name: arrival.name.clone(),
            sha256: sha256.clone(),
            format: digest,
            unread,
            results: Vec::new(),
        };
        match self.split(key, plan, &entries, sorted).await {
            Ok(split) => Ok(split),
            Err(Split::Port(error)) => Err(error.into()),
            Err(Split::Rows(why)) => Err(self.unreadable(&arrival, &sha256, why).await?),
        }
    }

    /// Compares one part, and keeps what it comes to.
    ///
    /// # Errors
    /// [`ClerkError`]; doing it again is right.
    pub async fn compare(&self, part: &Part) -> Result<(), ClerkError> {
        let source = self.source(&part.source).await?;
        let bytes = self.files.kept(&part.rows).await?.ok_or_else(|| ClerkError::Gone(part.rows.clone()))?;
        let rows = CanonicalRows::new(bytes.as_slice()).map_err(BooksError::Rows)?;
        let matching = MatchRules::default();
        let scope = scope(&source, part.window, &part.entries, &matching);
        let compared = compare_part(&self.desk.ledger, &scope, &part.span, rows).await?;
        let json = serde_json::to_vec(&compared).map_err(|e| PortError::new("files", "encode", e))?;
        Ok(self.files.keep(&part.result, json).await?)
    }

    /// Puts together what the parts came to: findings, a report, a word on the bus.
    ///
    /// # Errors
    /// [`ClerkError`]; doing it again is right.
    pub async fn conclude(&self, plan: &Plan) -> Result<FileRun, ClerkError> {
        let source = self.source(&plan.source).await?;
        let mut parts = Vec::with_capacity(plan.results.len());
        for key in &plan.results {
            let json = self.files.kept(key).await?.ok_or_else(|| ClerkError::Gone(key.clone()))?;
            let compared: Compared =
                serde_json::from_slice(&json).map_err(|e| PortError::new("files", "decode", e))?;
            parts.push(compared);
        }
        let (matching, entries) = (MatchRules::default(), BTreeSet::new());
        let compared = join(parts, &matching).ok_or(BooksError::TooMany)?;
        let scope = scope(&source, plan.window, &entries, &matching);
        let Plan { name, sha256, format, .. } = plan.clone();
        let said = FileSaid { name, sha256, format, is_dry: false };
        Ok(self.desk.conclude(&scope, &said, compared, &plan.unread).await?)
    }

    async fn source(&self, name: &SourceName) -> Result<Arc<Source>, ClerkError> {
        let source = self.source_cache.get(&self.sources, name, self.desk.clock.now()).await?;
        source.ok_or_else(|| ClerkError::NoSource(name.clone()))
    }

    /// Puts a file that cannot be read on record.
    async fn unreadable(&self, arrival: &Arrival, sha256: &Sha256Hex, why: String) -> Port<ClerkError> {
        let name = arrival.name.clone();
        let finding = Finding {
            source: arrival.source.clone(),
            kind: FindingKind::Unreadable,
            subject: Subject::Delivery(sha256.clone()),
            reason: format!("{name}: {why}"),
            at_stake: None,
            found_at: self.desk.clock.now(),
        };
        // New or known, it is on record now.
        let _ = self.desk.findings.raise(&finding).await?;
        Ok(ClerkError::Unreadable { name, why })
    }

    /// Writes sorted rows as parts; all rows of one reference are in one part. There is one at least, for what only the
    /// ledger has. `arrived` is where the file lies.
    async fn split<R>(
        &self,
        arrived: &str,
        mut plan: Plan,
        entries: &BTreeSet<Entry>,
        mut rows: R,
    ) -> Result<(Plan, Vec<Part>), Split>
    where
        R: Rows + Send,
        R::Error: std::fmt::Display,
    {
        let place = place_of_parts(arrived, &plan);
        let mut bytes_left = STATE_BYTES_MAX.saturating_sub(bytes_of(&(&plan, ["plan", "parts"]))?);
        let mut parts: Vec<Part> = Vec::new();
        let mut next = Row::empty();
        let mut has_next = rows.next(&mut next).map_err(|error| Split::Rows(error.to_string()))?;
        loop {
            let mut bytes = Vec::new();
            write_header(&mut bytes).map_err(|error| Split::Rows(error.to_string()))?;
            // The first part also has what comes before the first row.
            let from = if parts.is_empty() { String::new() } else { next.reference.clone() };
            let (mut count, mut last) = (0_usize, String::new());
            while has_next && (count < self.part_rows_max || next.reference == last) {
                write_row(&mut bytes, &next).map_err(|error| Split::Rows(error.to_string()))?;
                last.clone_from(&next.reference);
                count = count.saturating_add(1);
                has_next = rows.next(&mut next).map_err(|error| Split::Rows(error.to_string()))?;
            }
            let rows_key = format!("{place}/{:04}.tsv", parts.len());
            let part = Part {
                source: plan.source.clone(),
                window: plan.window,
                entries: entries.clone(),
                span: Span { from, before: has_next.then(|| next.reference.clone()) },
                result: format!("{rows_key}.json"),
                rows: rows_key,
            };
            // With a comma behind each.
            let bytes_told = bytes_of(&part)?.saturating_add(bytes_of(&part.result)?).saturating_add(2);
            bytes_left = bytes_left.checked_sub(bytes_told).ok_or_else(|| {
                let (count, rows) = (parts.len(), self.part_rows_max);
                Split::Rows(format!(
                    "it has more than {count} parts of {rows} rows, and no more are told in one message: raise FilePartRows"
                ))
            })?;
            self.files.keep(&part.rows, bytes).await.map_err(Split::Port)?;
            plan.results.push(part.result.clone());
            parts.push(part);
            if !has_next {
                return Ok((plan, parts));
            }
        }
    }
}

/// Why a file was not split.
enum Split {
    /// Its sorted rows cannot be read, or are too many.
    Rows(String),
    /// A part cannot be kept.
    Port(PortError),
}

/// Where the parts of a file lie. The same bytes may lie in two folders, and under two names that speak of two windows: each
/// has parts and results of its own.
fn place_of_parts(arrived: &str, plan: &Plan) -> String {
    let what = [arrived, plan.sha256.as_str(), plan.format.as_str()];
    let digest = Sha256Hex::of(&what.map(str::as_bytes));
    format!("parts/{}/{}", plan.source, digest.short())
}

/// How long something is as it is handed from step to step.
fn bytes_of(said: &impl Serialize) -> Result<usize, Split> {
    let json = serde_json::to_vec(said).map_err(|error| Split::Rows(error.to_string()))?;
    Ok(json.len())
}

fn scope<'a>(
    source: &'a Source,
    window: Window,
    entries: &'a BTreeSet<Entry>,
    matching: &'a MatchRules,
) -> Scope<'a> {
    Scope { source: &source.name, window, entries, rules: source.policy.rules(), matching }
}

#[cfg(test)]
mod tests;
