//! What is judged of the books: runs of reconciliation, announced payments, and whether both sides agree at the end.

use super::invariant::Verdict;
use super::model::{Account, Stage};
use super::{Auditor, Invariant, check, now, source_name};
use crate::world::provider::{Book, LAG_MS_MAX, Providers};
use countersign_app::ports::{InboxRow, Ledger as _, Origin, Run, Runs as _};
use countersign_app::reconcile::Ended;
use countersign_domain::event::{ReconciliationData, ReconciliationRequest};
use countersign_domain::expect::Announcement;
use countersign_domain::finding::{Case, Finding, FindingKind, Standing, Subject};
use countersign_domain::ids::{PaymentId, TraceId};
use countersign_domain::ledger::LedgerRow;
use countersign_domain::reconcile::RunStatus;
use countersign_domain::time::Window;
use std::collections::{BTreeMap, BTreeSet};

/// How far a function's clock may be off, in milliseconds.
const SKEW_MS_MAX: i64 = 660_000;

/// What the judge remembers of the books.
#[derive(Default)]
pub(super) struct Memory {
    /// What was said of complete runs, since it was last forgotten.
    completed: Vec<ReconciliationData>,
    /// What runs that were incomplete would have signed with.
    powerless: BTreeSet<String>,
    /// What is waited for.
    announced: Vec<Announcement>,
    /// The text of each finished run's event, by its id.
    told: BTreeMap<String, String>,
}

/// Everything that a run done again must not change.
#[derive(PartialEq, Eq)]
pub(crate) struct Ledgers {
    ledger: Vec<LedgerRow>,
    inbox: Vec<String>,
    findings: Vec<(Finding, Standing)>,
    published: usize,
}

/// One payment as both sides have it: status, taken, given back, currency.
type Side = (u8, i64, i64, Option<String>);

impl Auditor {
    /// Judges a run that is over (I11).
    pub(crate) fn ran(
        &mut self,
        request: &ReconciliationRequest,
        ended: &Ended,
        began: (i64, i64),
    ) -> Verdict {
        let Ended::Finished(data) = ended else { return Ok(()) };
        let window = Window { from: request.from, to: request.to };
        let run = now(self.stores.runs.find(&request.source, window));
        let name = || format!("the run of {} {}", request.source, window.name());
        if data.status == RunStatus::Complete {
            check(Invariant::I11, data.proof_holds, || {
                format!("{}: its differences do not explain its sums", name())
            })?;
            self.saw_enough(run.as_ref(), data, began)?;
            self.books.completed.push((**data).clone());
            return Ok(());
        }
        let is_silent = data.healed == 0 && data.open.is_empty();
        check(Invariant::I11, is_silent, || format!("{} is incomplete, and says what differs", name()))?;
        let attempt = attempt_of(data);
        check(Invariant::I11, attempt.is_some(), || format!("{} has no attempt: {data:?}", name()))?;
        // As every correction of an attempt is signed.
        let trace = TraceId::of(&[request.source.as_str(), &window.name(), attempt.unwrap_or_default()]);
        self.books.powerless.insert(trace.as_str().to_owned());
        self.check_incomplete_runs()
    }

    /// I11: a run that could not read everything has changed nothing.
    pub(super) fn check_incomplete_runs(&self) -> Verdict {
        if self.books.powerless.is_empty() {
            return Ok(());
        }
        let of_runs = |row: &InboxRow| matches!(row.origin, Origin::Listed | Origin::Correction);
        for row in self.stores.inbox.rows().iter().filter(|row| of_runs(row)) {
            let is_clean = !self.books.powerless.contains(row.attempt.as_str());
            check(Invariant::I11, is_clean, || format!("{} was written by an incomplete run", row.key))?;
        }
        Ok(())
    }

    /// I11: what any copy of the provider's list showed when the run began was shown to it, and is in its sums.
    fn saw_enough(
        &self,
        run: Option<&Run>,
        data: &ReconciliationData,
        (began_ms, skew_ms): (i64, i64),
    ) -> Verdict {
        let (Some(book), Some(run)) = (self.provider_books.of_source(data.source.as_str()), run) else {
            return Ok(());
        };
        let started_ms = run.started_at.as_millisecond();
        let earliest_ms = started_ms.saturating_sub(SKEW_MS_MAX);
        // By this invocation, or by another one with another clock.
        let is_of_this = started_ms.saturating_sub(skew_ms) >= began_ms;
        let started_ms = if is_of_this { began_ms } else { earliest_ms };
        let surely_ms = started_ms.saturating_sub(LAG_MS_MAX);
        let (from_ms, to_ms) = (data.from.as_millisecond(), data.to.as_millisecond());
        let mut taken = BTreeMap::<&str, i128>::new();
        for (payment, paid) in &book.payments {
            if (from_ms..to_ms).contains(&paid.created_ms) && paid.created_ms <= surely_ms {
                let is_shown = book.shown_at_ms(payment).is_some_and(|shown_ms| shown_ms >= earliest_ms);
                check(Invariant::I11, is_shown, || {
                    format!("{}: a complete run's list did not show {payment}", data.source)
                })?;
                let sum = taken.entry(paid.currency.code).or_default();
                *sum = sum.saturating_add(i128::from(paid.account_at(surely_ms).money().2));
            }
        }
        for (currency, least) in taken {
            let total = data.totals.iter().find(|total| total.currency.to_string() == currency);
            let seen = total.map_or(0, |total| total.captured_theirs);
            check(Invariant::I11, seen >= least, || {
                format!("{}: a complete run saw {seen} {currency} of at least {least}", data.source)
            })?;
        }
        Ok(())
    }

    /// Judges what was said of a finished run: the same each time (I5).
    pub(super) fn told_of_run(&mut self, id: &str, detail: &str) -> Verdict {
        let first = self.books.told.entry(id.to_owned()).or_insert_with(|| detail.to_owned());
        let is_same = first == detail;
        check(Invariant::I5, is_same, || format!("a run was told as {first} and as {detail}"))
    }

    /// A payment is waited for.
    pub(crate) fn announced(&mut self, announcement: &Announcement) {
        self.books.announced.push(announcement.clone());
    }

    /// Forgets the runs so far.
    pub(crate) fn forget_runs(&mut self) {
        self.books.completed.clear();
    }

    /// What was said of the complete runs since.
    pub(crate) fn completed_runs(&self) -> Vec<ReconciliationData> {
        self.books.completed.clone()
    }

    /// Everything that a run done again must not change.
    pub(crate) fn ledgers(&self) -> Ledgers {
        let cases = self.cases().into_iter().map(|case| (case.finding, case.standing));
        Ledgers {
            ledger: self.stores.ledger.rows(),
            inbox: self.stores.inbox.rows().iter().map(|row| row.key.to_string()).collect(),
            findings: cases.collect(),
            published: self.published.len(),
        }
    }

    /// I12: what was done again has changed nothing.
    pub(crate) fn is_unchanged(&self, before: &Ledgers) -> Verdict {
        let after = self.ledgers();
        let what = |is_same: bool, what: &'static str| if is_same { None } else { Some(what) };
        let changed = [
            what(before.ledger == after.ledger, "the ledger"),
            what(before.inbox == after.inbox, "the inbox"),
            what(before.findings == after.findings, "the findings"),
            what(before.published == after.published, "what was published"),
        ];
        let changed: Vec<_> = changed.into_iter().flatten().collect();
        check(Invariant::I12, changed.is_empty(), || {
            format!("runs done again changed {}", changed.join(", "))
        })
    }

    /// I11: the sums of the last runs are those of both books.
    pub(crate) fn sums_up(&self, providers: &Providers, completed: &[ReconciliationData]) -> Verdict {
        for source in providers.sources.iter().filter(|source| source.format.has_api()) {
            let Some(book) = self.provider_books.of_source(&source.name) else { continue };
            let of_source: Vec<_> =
                completed.iter().filter(|data| data.source.as_str() == source.name).collect();
            check(Invariant::I11, !of_source.is_empty(), || format!("{} has no complete run", source.name))?;
            for data in of_source {
                self.sums_of_run(book, data)?;
            }
        }
        Ok(())
    }

    /// The payments that began in the window on either side.
    fn sums_of_run(&self, book: &Book, data: &ReconciliationData) -> Verdict {
        let window = Window { from: data.from, to: data.to };
        let rows = self.stores.ledger.rows();
        let of_source = || rows.iter().filter(|row| row.source == data.source);
        let opened = of_source().filter(|row| row.version == 1 && window.contains(row.recorded_at));
        let mut payments: BTreeSet<&str> = opened.map(|row| row.payment.as_str()).collect();
        let listed = book.payments.iter().filter(|(_, paid)| {
            (data.from.as_millisecond()..data.to.as_millisecond()).contains(&paid.created_ms)
        });
        payments.extend(listed.map(|(id, _)| id.as_str()));
        payments.retain(|payment| payment.starts_with("pi_"));
        let mut expected = BTreeMap::<String, [i128; 2]>::new();
        for payment in payments {
            if let Some(paid) = book.payments.get(payment) {
                let sums = expected.entry(paid.currency.code.to_owned()).or_default();
                sums[1] = sums[1].saturating_add(i128::from(paid.account_at(i64::MAX).money().2));
            }
            let last = of_source().rfind(|row| row.payment.as_str() == payment);
            if let Some(amounts) = last.and_then(|row| row.state.amounts()) {
                let sums = expected.entry(amounts.currency.to_string()).or_default();
                sums[0] = sums[0].saturating_add(i128::from(amounts.captured));
            }
        }
        let found = data
            .totals
            .iter()
            .map(|total| (total.currency.to_string(), [total.captured_ours, total.captured_theirs]));
        let found: BTreeMap<_, _> = found.collect();
        check(Invariant::I11, found == expected, || {
            format!("{} {}: the report's sums are {found:?}, not {expected:?}", data.source, window.name())
        })
    }

    /// I11: at the end both books agree on every payment, or the difference is a finding that waits; and no finding waits
    /// for what agrees.
    pub(super) fn check_books(&self, providers: &Providers) -> Verdict {
        self.check_incomplete_runs()?;
        let cases = self.cases();
        for source in &providers.sources {
            let Some(book) = self.provider_books.of_source(&source.name) else { continue };
            for (payment, paid) in &book.payments {
                let account = paid.account_at(i64::MAX);
                let ours = self.newest(&source.name, payment);
                let (ours, theirs) = (ours.as_ref().map(our_side), their_side(&account, paid.currency.code));
                let waits = cases.iter().any(|case| {
                    case.standing != Standing::Resolved
                        && case.finding.kind.is_between_books()
                        && is_about(case, &source.name, payment)
                });
                let agrees = agree(ours.as_ref(), &theirs);
                let said = || format!("{} {payment}: ledger {ours:?}, provider {theirs:?}", source.name);
                check(Invariant::I11, agrees || waits, || format!("{}, and nobody is told", said()))?;
                check(Invariant::I11, !agrees || !waits, || format!("{}, and a finding waits", said()))?;
            }
        }
        self.check_announced(&cases)
    }

    /// I11, I15: every payment that was announced was heard of, or is a finding; nothing is waited for any more.
    fn check_announced(&self, cases: &[Case]) -> Verdict {
        let waiting = self.stores.expectations.all();
        check(Invariant::I15, waiting.is_empty(), || format!("still waited for: {waiting:?}"))?;
        for Announcement { source, payment, .. } in &self.books.announced {
            let ours = self.newest(source.as_str(), payment.as_str());
            let is_heard = ours.is_some_and(|row| super::page::stage_of(&row) != Some(Stage::Unknown));
            // A difference will do: where the first event told of another currency, all that came after it contradicts it.
            let is_seen = cases.iter().any(|case| {
                let kind = case.finding.kind;
                let differs = kind.is_between_books() && case.standing != Standing::Resolved;
                (kind == FindingKind::Overdue || differs) && is_about(case, source.as_str(), payment.as_str())
            });
            check(Invariant::I11, is_heard || is_seen, || {
                format!("{source} {payment} was announced, nothing was heard, and nobody is told")
            })?;
        }
        Ok(())
    }

    /// Whether a finding about a payment has a reason at all.
    pub(super) fn is_real(&self, finding: &Finding) -> bool {
        let Subject::Payment(payment) = &finding.subject else { return false };
        let is_announced = self
            .books
            .announced
            .iter()
            .any(|known| known.source == finding.source && known.payment == *payment);
        let book = self.provider_books.of_source(finding.source.as_str());
        let theirs = book.and_then(|book| book.payments.get(payment.as_str()));
        let is_theirs = theirs.is_some();
        match finding.kind {
            FindingKind::Overdue | FindingKind::Conflicting => is_announced,
            // Everything that these providers ever told of is in their books: a copy that lagged behind said otherwise, and a
            // run may stand for hours between its question and what it tells.
            FindingKind::MissingThere => {
                book.and_then(|book| book.denied_at_ms(payment.as_str())).is_some_and(|denied_ms| {
                    denied_ms <= finding.found_at.as_millisecond().saturating_add(SKEW_MS_MAX)
                })
            }
            // What was announced otherwise, at a source without books.
            FindingKind::AmountDiffers | FindingKind::CurrencyDiffers => is_theirs || is_announced,
            kind => kind.is_between_books() && is_theirs,
        }
    }

    fn newest(&self, source: &str, payment: &str) -> Option<LedgerRow> {
        let payment = PaymentId::new(payment).ok()?;
        now(self.stores.ledger.history(&source_name(source), &payment)).pop()
    }

    fn cases(&self) -> Vec<Case> {
        self.stores.findings.cases()
    }
}

/// Which attempt at its window a run was: its reports are named so.
fn attempt_of(data: &ReconciliationData) -> Option<&str> {
    data.reports.first()?.rsplit_once("attempt-")?.1.strip_suffix(".json")
}

fn is_about(case: &Case, source: &str, payment: &str) -> bool {
    let is_it = matches!(&case.finding.subject, Subject::Payment(known) if known.as_str() == payment);
    is_it && case.finding.source.as_str() == source
}

/// How far a payment is, as far as money is concerned: before any is held, providers have habits of their own.
fn level(stage: Stage) -> u8 {
    match stage {
        Stage::Unknown | Stage::Initiated | Stage::RequiresAction | Stage::Pending | Stage::Failed => 0,
        Stage::Authorized => 1,
        Stage::Expired | Stage::Canceled => 2,
        Stage::PartiallyCaptured | Stage::Captured => 3,
        Stage::Reversed => 4,
    }
}

fn our_side(row: &LedgerRow) -> Side {
    let stage = super::page::stage_of(row).unwrap_or_default();
    let amounts = row.state.amounts();
    let currency = amounts.map(|amounts| amounts.currency.to_string());
    (level(stage), amounts.map_or(0, |a| a.captured), amounts.map_or(0, |a| a.refunded), currency)
}

fn their_side(account: &Account, currency: &str) -> Side {
    let given_back = if level(account.stage()) >= 3 { account.given_back() } else { 0 };
    (level(account.stage()), account.money().2, given_back, Some(currency.to_owned()))
}

fn agree(ours: Option<&Side>, theirs: &Side) -> bool {
    match ours {
        None => theirs.0 == 0,
        Some((level, taken, given_back, currency)) => {
            let is_same_money = currency.is_none() || *currency == theirs.3;
            is_same_money && (*level, *taken, *given_back) == (theirs.0, theirs.1, theirs.2)
        }
    }
}
