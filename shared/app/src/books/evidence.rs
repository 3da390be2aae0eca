//! What a compared file leaves behind: findings, a report, a word on the bus.

use super::likely::likely;
use super::{BooksError, Compared, Found, Scope, Unread, compare_with_ledger};
use crate::ports::{
    Bus, Clock, Evidence, Findings, Input, Ledger, Port, PortError, Reports, Resolution, Run,
};
use crate::reconcile::report::{History, Report};
use countersign_domain::books::compare::Tolerance;
use countersign_domain::books::matching::MatchedBy;
use countersign_domain::books::sequence::Gap;
use countersign_domain::books::{Entry, Row, Rows, Sum};
use countersign_domain::event::{self, ReconciliationData};
use countersign_domain::finding::{Finding, FindingKind, Subject, gather};
use countersign_domain::ids::{PaymentId, Sha256Hex};
use countersign_domain::money::Money;
use countersign_domain::reconcile::proof::Effect;
use countersign_domain::reconcile::{Difference, RunStatus, Totals};

/// Who compares files.
pub struct FileDesk<L, F, O, B, C> {
    /// Our books.
    pub ledger: L,
    /// Where differences go.
    pub findings: F,
    /// Where reports are kept.
    pub reports: O,
    /// Where the business listens.
    pub bus: B,
    /// The time.
    pub clock: C,
    /// What a report calls the code that made it.
    pub code: String,
}

/// What is known of the file itself.
#[derive(Clone, Debug)]
pub struct FileSaid {
    /// Its name, for people.
    pub name: String,
    /// The digest of its bytes as they came.
    pub sha256: Sha256Hex,
    /// The digest of the format that it was read by.
    pub format: Sha256Hex,
    /// Whether anything is written. Without it the file is compared, and that is all.
    pub is_dry: bool,
}

/// What became of a file.
#[derive(Debug)]
pub struct FileRun {
    /// What the bus is told.
    pub data: ReconciliationData,
    /// The report: object key, content type, bytes.
    pub files: [(String, &'static str, Vec<u8>); 3],
}

/// Why a file was not compared to the end.
#[derive(Debug, thiserror::Error)]
pub enum FileError<E> {
    /// It cannot be compared.
    #[error(transparent)]
    Books(#[from] BooksError<E>),
    /// What was found cannot be kept. Doing it again is right.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl<L, F, O, B, C> FileDesk<L, F, O, B, C>
where
    L: Ledger,
    F: Findings,
    O: Reports,
    B: Bus,
    C: Clock,
{
    /// Compares a file, sorted by key, with the ledger, and keeps what comes of it.
    ///
    /// # Errors
    /// [`FileError`] when a side cannot be read or something cannot be kept. Doing it again finds the same findings.
    pub async fn run<S: Rows>(
        &self,
        scope: &Scope<'_>,
        file: &FileSaid,
        rows: S,
        unread: &Unread,
    ) -> Result<FileRun, FileError<S::Error>> {
        let compared = compare_with_ledger(&self.ledger, scope, rows).await?;
        Ok(self.conclude(scope, file, compared, unread).await?)
    }

    /// Keeps what comes of a compared file. Of a file with rows that could not be read it is not said what only the ledger
    /// has: it may be in them.
    ///
    /// # Errors
    /// [`PortError`] when something cannot be kept. Doing it again finds the same findings.
    pub async fn conclude(
        &self,
        scope: &Scope<'_>,
        file: &FileSaid,
        compared: Compared,
        unread: &Unread,
    ) -> Port<FileRun> {
        let Compared { mut found, sums } = compared;
        let mut run = Run::begin(scope.source.clone(), scope.window, 1, 0, self.clock.now());
        run.status = RunStatus::Complete;
        if let Some(first) = unread.faults.first() {
            found.retain(|found| found.kind != FindingKind::MissingThere);
            run.status = RunStatus::Incomplete;
            let count = unread.rows;
            run.cause = Some(format!(
                "{count} rows of the file cannot be read, so it is not said what only the ledger has; the first: {first}"
            ));
        }
        run.inputs = vec![Input { name: file.name.clone(), parts: 1, sha256: file.sha256.clone() }];
        run.configuration = Some(file.format.clone());
        run.totals = totals(&sums.sorted());
        let notes = found.iter().filter_map(|found| note(found, scope.rules.tolerance)).collect();
        // The days of the provider's API are another series than its files, and what waits today is not in the file: the
        // same file gives the same report.
        let history = History { code: self.code.clone(), ..History::default() };
        let report = Report::new(&run, notes, history);
        let report = report.named(format!("file-{}", file.sha256.short()));
        let files = report.files()?;
        let data = report.summary();
        if !file.is_dry {
            self.keep(scope, file, &found, &run, &files, &data).await?;
            self.keep_gaps(scope, file, &run, unread).await?;
        }
        Ok(FileRun { data, files })
    }

    /// Numbers that are missing: what they number was sent and did not come.
    async fn keep_gaps(&self, scope: &Scope<'_>, file: &FileSaid, run: &Run, unread: &Unread) -> Port<()> {
        let unnumbered = unread.unnumbered.iter().map(|why| {
            let reason = format!("{}: nothing is said of its numbers: {why}", file.name);
            (FindingKind::Untranslatable, Subject::Delivery(file.sha256.clone()), reason)
        });
        let gaps = unread
            .gaps
            .iter()
            .map(|gap| (FindingKind::SequenceGap, Subject::Sequence(gap.first), gap_reason(file, gap)));
        for (kind, subject, reason) in gaps.chain(unnumbered) {
            let (source, found_at) = (scope.source.clone(), run.started_at);
            let finding = Finding { source, kind, subject, reason, at_stake: None, found_at };
            // New or known, it is on record now.
            let _ = self.findings.raise(&finding).await?;
        }
        Ok(())
    }

    async fn keep(
        &self,
        scope: &Scope<'_>,
        file: &FileSaid,
        found: &[Found],
        run: &Run,
        files: &[(String, &'static str, Vec<u8>); 3],
        data: &ReconciliationData,
    ) -> Result<(), PortError> {
        let finding = |kind, subject, reason, at_stake| Finding {
            source: scope.source.clone(),
            kind,
            subject,
            reason,
            at_stake,
            found_at: run.started_at,
        };
        let likely = likely(found);
        let counts = |(_, found): &(usize, &Found)| !is_tolerated(found, scope.rules.tolerance);
        let differing = found.iter().enumerate().filter(counts).filter_map(|(at, found)| {
            let subject =
                Subject::Payment(found.ours.as_ref().or(found.theirs.as_ref()).and_then(payment_of)?);
            let perhaps =
                likely.get(&at).map_or_else(String::new, |names| format!("; perhaps it is {names}"));
            let [ours, theirs] = sides(found);
            let reason = format!("ledger: {ours}; {}: {theirs}{perhaps}", file.name);
            let at_stake = at_stake(found.ours.as_ref(), found.theirs.as_ref());
            Some(finding(found.kind, subject, reason, at_stake))
        });
        // A payment's refunds may differ one by one, and are settled together.
        for finding in gather(differing) {
            // New or known, it is on record now.
            let _ = self.findings.raise(&finding).await?;
        }
        if let Some(cause) = &run.cause {
            let subject = Subject::Delivery(file.sha256.clone());
            let reason = format!("{}: {cause}", file.name);
            let _ = self.findings.raise(&finding(FindingKind::Untranslatable, subject, reason, None)).await?;
        }
        for (key, content_type, bytes) in files {
            self.reports.write(key, content_type, bytes.clone()).await?;
        }
        let event = event::of_file(data, &file.sha256).map_err(|e| PortError::new("bus", "encode", e))?;
        if !self.bus.publish(&[event]).await?.is_empty() {
            return Err(PortError::new("bus", "publish", "the event of the compared file was not taken"));
        }
        Ok(())
    }
}

/// Whether it is shown and no finding: the two amounts are near enough, or only the names differ.
fn is_tolerated(found: &Found, tolerance: Tolerance) -> bool {
    if found.kind == FindingKind::ReferenceDiffers {
        return true;
    }
    let (Some(ours), Some(theirs)) = (&found.ours, &found.theirs) else { return false };
    let is_of_amounts = matches!(found.kind, FindingKind::AmountDiffers | FindingKind::RefundDiffers);
    is_of_amounts && tolerance.allows(ours.minor, theirs.minor)
}

/// What two rows are apart, or what one of them is about.
fn at_stake(ours: Option<&Row>, theirs: Option<&Row>) -> Option<Money> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.currency == theirs.currency => {
            let minor = ours.minor.saturating_sub(theirs.minor).saturating_abs();
            Some(Money { minor, currency: ours.currency })
        }
        (ours, theirs) => {
            theirs.or(ours).map(|row| Money { minor: row.minor.saturating_abs(), currency: row.currency })
        }
    }
}

/// What a number that is missing means.
fn gap_reason(file: &FileSaid, gap: &Gap) -> String {
    format!("{}: {gap}", file.name)
}

fn payment_of(row: &Row) -> Option<PaymentId> {
    PaymentId::new(row.reference.as_str()).ok()
}

fn words(row: Option<&Row>) -> String {
    let named = |row: &Row| {
        let item = if row.item.is_empty() { String::new() } else { format!(" {}", row.item) };
        format!("{}{item}", row.describe())
    };
    row.map_or_else(|| "nothing".to_owned(), named)
}

/// What each side says. Of a pair that has no key in common it is told what the file calls it, and what made it one.
fn sides(Found { ours, theirs, by, .. }: &Found) -> [String; 2] {
    let how = by.map(|by| match by {
        MatchedBy::Reference => "matched by its reference, which is written differently",
        MatchedBy::Amount => "matched by its amount, day and reference without zeros",
        MatchedBy::PayoutSum | MatchedBy::Sum => "matched by a sum",
    });
    let named = how.zip(theirs.as_ref()).map(|(how, row)| format!(" under {}, {how}", row.reference));
    [words(ours.as_ref()), words(theirs.as_ref()) + &named.unwrap_or_default()]
}

fn note(found: &Found, tolerance: Tolerance) -> Option<Evidence> {
    let resolution = if is_tolerated(found, tolerance) { Resolution::Tolerated } else { Resolution::Open };
    let Found { kind, ours, theirs, .. } = found;
    let effect = |row: &Row, sign: i64| {
        let minor = row.minor.saturating_mul(sign);
        let (captured, refunded) = match row.entry {
            Entry::Payment => (minor, 0),
            Entry::Refund => (0, minor),
            _ => return None,
        };
        Some(Effect { currency: row.currency, captured, refunded })
    };
    let is_without_money = matches!(
        kind,
        FindingKind::StatusBehind
            | FindingKind::StatusAhead
            | FindingKind::FeeDiffers
            | FindingKind::RateDiffers
            | FindingKind::Late
            | FindingKind::ReferenceDiffers
    );
    let effects =
        [ours.as_ref().and_then(|row| effect(row, -1)), theirs.as_ref().and_then(|row| effect(row, 1))];
    let effects = if is_without_money { Vec::new() } else { effects.into_iter().flatten().collect() };
    let [ours_said, theirs_said] = sides(found);
    let difference = Difference { kind: *kind, ours: ours_said, theirs: theirs_said, effects };
    let payment = ours.as_ref().or(theirs.as_ref()).and_then(payment_of)?;
    Some(Evidence::Difference { payment, difference, resolution })
}

/// The sums as a report shows them: payments and refunds. Disputes and fees differ one by one, and have no line.
fn totals(sums: &[Sum]) -> Vec<Totals> {
    let mut totals: Vec<Totals> = Vec::new();
    for sum in sums {
        if totals.last().is_none_or(|last| last.currency != sum.currency) {
            totals.push(Totals::zero(sum.currency));
        }
        let Some(total) = totals.last_mut() else { continue };
        match sum.entry {
            Entry::Payment => {
                total.payments = sum.rows_ours.max(sum.rows_theirs);
                (total.captured_ours, total.captured_theirs) = (sum.line.ledger, sum.line.provider);
            }
            Entry::Refund => {
                (total.refunded_ours, total.refunded_theirs) = (sum.line.ledger, sum.line.provider)
            }
            _ => {}
        }
    }
    totals
}
