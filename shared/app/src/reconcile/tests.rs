use super::*;
use crate::caches::SourceCache;
use crate::memory::{
    MemoryApi, MemoryBus, MemoryClock, MemoryDrift, MemoryExpectations, MemoryFindings, MemoryInbox,
    MemoryLedger, MemoryQueue, MemoryReports, MemoryRuns, MemorySources,
};
use crate::ports::ApiRequest;
use crate::ports::Stepped;
use crate::process::{Processor, Record};
use crate::testing::{at, broken_config, lines_of, now_or_never, payment_id, source_config, source_name};
use countersign_domain::dialect::Listing;
use countersign_domain::finding::{Finding, FindingKind, Move, Settlement, Step, Subject};
use countersign_domain::source::SourceConfig;
use serde_json::{Value, json};

mod again;
mod asked_about;
mod disturbed;
mod older;
mod policy;
mod recorded;
mod rereads;
mod steps;

type Desk = Reconciler<
    MemorySources,
    MemoryApi,
    MemoryInbox,
    MemoryQueue,
    MemoryLedger,
    MemoryFindings,
    MemoryRuns,
    MemoryReports,
    MemoryBus,
    MemoryClock,
>;

const HOUR: i64 = 3_600;

/// A Stripe account in live mode, whose books are whatever a test puts there, two hours after the window.
fn desk() -> Desk {
    let sources = MemorySources::default();
    sources.set(source_config("stripe-live", "stripe"));
    sources.set(source_config("partner", "partner-hmac"));
    Reconciler {
        sources,
        api: MemoryApi::default(),
        inbox: MemoryInbox::default(),
        queue: MemoryQueue::default(),
        ledger: MemoryLedger::default(),
        findings: MemoryFindings::default(),
        runs: MemoryRuns::default(),
        reports: MemoryReports::default(),
        bus: MemoryBus::default(),
        clock: MemoryClock::at(at(2 * HOUR)),
        source_cache: SourceCache::default(),
        grace_seconds: HOUR,
        code: "countersign test".to_owned(),
    }
}

fn request(again: bool) -> ReconciliationRequest {
    ReconciliationRequest { source: source_name("stripe-live"), from: at(0), to: at(HOUR), again }
}

fn books() -> Reconcile {
    let source = Source::try_from(source_config("stripe-live", "stripe")).expect("a source that works");
    source.dialect.reconcile.clone().expect("Stripe has books")
}

fn event_list(books: &Reconcile) -> &Listing {
    books.events.as_ref().expect("Stripe lists its events")
}

fn page_of(listing: &Listing, cursor: Option<&str>) -> ApiRequest {
    let window = Window { from: at(0), to: at(HOUR) };
    ApiRequest { path: listing.path.clone(), query: listing.query_of(window, cursor) }
}

/// Puts the pages of a list into the books; each page's cursor is the id of the last item before it.
fn list(desk: &Desk, listing: &Listing, pages: &[Vec<Value>]) {
    let mut cursor: Option<String> = None;
    for (at, items) in pages.iter().enumerate() {
        let body = json!({ "data": items, "has_more": at + 1 < pages.len() }).to_string();
        desk.api.answer(&source_name("stripe-live"), &page_of(listing, cursor.as_deref()), body);
        cursor = items.last().and_then(|item| item["id"].as_str()).map(str::to_owned);
    }
}

fn event(id: &str, kind: &str, object: Value) -> Value {
    json!({ "id": id, "type": kind, "created": at(10).as_second(), "livemode": true, "data": { "object": object } })
}

fn captured_event(payment: &str, minor: i64) -> Value {
    let object = json!({ "id": payment, "amount_received": minor, "currency": "eur" });
    event(&format!("evt_{payment}"), "payment_intent.succeeded", object)
}

fn intent(id: &str, status: &str, captured: i64, refunded: i64) -> Value {
    json!({
        "id": id, "created": at(10).as_second(), "amount": 1000, "amount_received": captured, "amount_capturable": 0,
        "currency": "eur", "status": status, "latest_charge": { "amount": 1000, "amount_captured": captured, "amount_refunded": refunded + 1000 - captured },
    })
}

fn run(desk: &Desk, again: bool) -> Ended {
    now_or_never(desk.run(&request(again), at(3 * HOUR))).expect("our own side works")
}

#[track_caller]
fn complete(desk: &Desk, again: bool) -> ReconciliationData {
    let ended = run(desk, again);
    assert_eq!(ended.name(), "complete", "{ended:?}");
    let data = finished(ended);
    let window = Window { from: at(0), to: at(HOUR) };
    let run = now_or_never(desk.runs.find(&source_name("stripe-live"), window)).expect("the runs answer");
    let run = run.expect("there is a run");
    assert_eq!(data.status, RunStatus::Complete, "{:?}", run.cause);
    assert_eq!(data.reports, report_keys(&run), "where people look for them");
    data
}

fn finished(ended: Ended) -> ReconciliationData {
    match ended {
        Ended::Finished(data) => *data,
        other => unreachable!("the run is not over: {other:?}"),
    }
}

/// Works off everything that was sent while the window is still open: what comes of it belongs to the window.
fn process_in_time(desk: &Desk) {
    let now = desk.clock.now();
    desk.clock.set(at(20));
    process(desk);
    desk.clock.set(now);
}

/// Works off everything that was sent.
fn process(desk: &Desk) {
    let processor = Processor {
        sources: desk.sources.clone(),
        inbox: desk.inbox.clone(),
        ledger: desk.ledger.clone(),
        findings: desk.findings.clone(),
        bus: desk.bus.clone(),
        api: desk.api.clone(),
        clock: desk.clock.clone(),
        drift: MemoryDrift::default(),
        expectations: MemoryExpectations::default(),
        source_cache: SourceCache::default(),
    };
    for notice in desk.queue.take() {
        let body = serde_json::to_string(&notice).expect("JSON");
        let record = Record { message_id: "m".to_owned(), body };
        for processed in now_or_never(processor.batch(vec![record], Timestamp::MAX)) {
            assert!(processed.outcome.is_ok(), "{:?}", processed.outcome);
        }
    }
}

fn captured(desk: &Desk, payment: &str) -> Option<i64> {
    let history = now_or_never(desk.ledger.history(&source_name("stripe-live"), &payment_id(payment)));
    history
        .expect("the ledger answers")
        .last()?
        .state
        .amounts()
        .map(|amounts| amounts.captured - amounts.refunded)
}

/// The payments that the provider was asked for one by one, in that order.
fn asked_for(desk: &Desk) -> Vec<String> {
    let path = books().payment_path.replace("{id}", "");
    let requests = desk.api.requests();
    let asked = requests.iter().filter_map(|request| request.strip_prefix(&path)?.split('?').next());
    asked.map(str::to_owned).collect()
}

fn finding(kind: FindingKind, payment: &str) -> Finding {
    Finding {
        source: source_name("stripe-live"),
        kind,
        subject: Subject::Payment(payment_id(payment)),
        reason: "a test".to_owned(),
        at_stake: None,
        found_at: at(0),
    }
}

#[test]
fn what_was_missed_is_healed_and_the_second_run_is_silent() {
    let desk = desk();
    let books = books();
    list(
        &desk,
        event_list(&books),
        &[vec![captured_event("pi_1", 1000)], vec![captured_event("pi_2", 1000)]],
    );
    let refunded = intent("pi_2", "succeeded", 1000, 300);
    let shifted = intent("pi_1", "succeeded", 1000, 0);
    // The list shifts while it is read: pi_1 is on both pages.
    list(&desk, &books.payments, &[vec![shifted.clone()], vec![refunded, shifted]]);
    let data = complete(&desk, false);
    // Two listed events, and a refund for which there never was an event.
    assert_eq!((data.status, data.healed, data.open.len()), (RunStatus::Complete, 3, 0));
    assert_eq!(data.totals[0].payments, 2);
    assert!(data.proof_holds, "what shows once an event is in counts with it, and not twice");
    process(&desk);
    assert_eq!((captured(&desk, "pi_1"), captured(&desk, "pi_2")), (Some(1000), Some(700)));

    assert_eq!(run(&desk, false).name(), "already_complete");
    let rows = desk.ledger.rows();
    let data = complete(&desk, true);
    assert_eq!((data.healed, data.open.len()), (0, 0), "a second run changes nothing");
    assert_eq!(data.totals[0].captured_ours, data.totals[0].captured_theirs);
    assert_eq!(data.totals[0].refunded_ours, data.totals[0].refunded_theirs);
    process(&desk);
    assert_eq!(desk.ledger.rows(), rows);
}

#[test]
fn a_provider_that_cannot_be_read_to_the_end_changes_nothing() {
    let desk = desk();
    let books = books();
    let events = [vec![captured_event("pi_1", 1000)], vec![captured_event("pi_2", 1000)]];
    list(&desk, event_list(&books), &events);
    let second = page_of(event_list(&books), Some("evt_pi_1"));
    desk.api.fail(&source_name("stripe-live"), &second, "503 Service Unavailable");
    let data = finished(run(&desk, false));
    assert_eq!((data.status, data.healed, data.open.len()), (RunStatus::Incomplete, 0, 0));
    assert!(desk.queue.take().is_empty() && desk.inbox.rows().is_empty() && desk.findings.all().is_empty());

    list(&desk, event_list(&books), &events);
    list(&desk, &books.payments, &[vec![]]);
    let data = finished(run(&desk, false));
    assert_eq!((data.status, data.healed), (RunStatus::Complete, 2), "it begins again by itself");
}

#[test]
fn differences_that_nothing_levels_become_findings() {
    let desk = desk();
    let books = books();
    let known = ["pi_amount", "pi_gone", "pi_ahead", "pi_level"];
    list(&desk, event_list(&books), &[known.map(|payment| captured_event(payment, 1000)).to_vec()]);
    list(&desk, &books.payments, &[vec![]]);
    complete(&desk, false);
    process_in_time(&desk);
    list(&desk, event_list(&books), &[vec![]]);
    let theirs = [
        intent("pi_amount", "succeeded", 900, 0),
        intent("pi_ahead", "canceled", 0, 0),
        intent("pi_level", "succeeded", 1000, 0),
    ];
    list(&desk, &books.payments, &[theirs.to_vec()]);
    let data = complete(&desk, true);
    assert_eq!(data.healed, 0);
    let found: Vec<_> =
        desk.findings.all().iter().map(|f| format!("{} {}", f.kind.as_str(), f.subject)).collect();
    assert_eq!(
        found,
        [
            "amount_differs payment pi_amount",
            "missing_there payment pi_gone",
            "status_ahead payment pi_ahead"
        ]
    );
    let again = complete(&desk, true);
    assert_eq!(again.open, data.open, "found again, it is the same finding");
    assert_eq!(desk.findings.all().len(), 3);
    assert!(desk.findings.all().iter().all(|finding| finding.kind != FindingKind::Conflicting));
    for (key, name) in data.reports.iter().zip(["differences.json", "differences.csv", "differences.html"]) {
        assert_checked_in(name, &desk.reports.read(key).expect("it was written"));
    }
    assert!(data.proof_holds, "what differs explains the sums");
}

/// Compares with a file beside this one, or writes it when `COUNTERSIGN_UPDATE` is set: a person then reads the change.
#[expect(clippy::disallowed_methods, reason = "a person asks for new files by the environment")]
fn assert_checked_in(name: &str, bytes: &[u8]) {
    let path = format!("{}/src/reconcile/tests/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("COUNTERSIGN_UPDATE").is_some() {
        std::fs::write(&path, bytes).expect("a place to write");
    }
    let expected = std::fs::read_to_string(&path).expect("a file that is checked in");
    assert_eq!(String::from_utf8_lossy(bytes), expected, "{name}");
}

#[test]
fn a_finding_is_settled_when_a_later_run_finds_both_sides_level() {
    let desk = desk();
    let books = books();
    let known = ["pi_listed", "pi_asked", "pi_still", "pi_taken"];
    list(&desk, event_list(&books), &[known.map(|payment| captured_event(payment, 1000)).to_vec()]);
    list(&desk, &books.payments, &[vec![]]);
    complete(&desk, false);
    process_in_time(&desk);
    // The provider knows none of them: four findings.
    list(&desk, event_list(&books), &[vec![]]);
    assert_eq!(complete(&desk, true).open.get("missing_there"), Some(&4));
    let source = source_name("stripe-live");
    let cases = now_or_never(desk.findings.of(&source)).expect("the findings answer");
    let by_person = Step {
        at: at(2 * HOUR),
        by: "Ada".to_owned(),
        what: Move::Resolve(Settlement::Accepted),
        why: "told by telephone".to_owned(),
    };
    let taken = cases.iter().find(|case| case.finding.subject.to_string() == "payment pi_taken");
    let taken = taken.expect("a finding").after(by_person).expect("it is open");
    assert_eq!(now_or_never(desk.findings.step(&taken)).expect("the findings answer"), Stepped::Written);

    // One is in the next window's list, two are only found when they are asked for; one stays unknown.
    let later = ReconciliationRequest { from: at(HOUR), to: at(2 * HOUR), ..request(false) };
    desk.clock.set(at(4 * HOUR));
    for listing in [event_list(&books), &books.payments] {
        let mut page = page_of(listing, None);
        for (name, value) in &mut page.query {
            let bounds = [(&listing.since, at(HOUR)), (&listing.until, at(2 * HOUR))];
            for (_, instant) in bounds.iter().filter(|(bound, _)| bound.as_ref() == Some(name)) {
                *value = instant.as_second().to_string();
            }
        }
        let listed = json!([intent("pi_listed", "succeeded", 1000, 0)]);
        let mut items = if listing == &books.payments { listed } else { json!([]) };
        for item in items.as_array_mut().into_iter().flatten() {
            item["created"] = json!(at(HOUR + 10).as_second());
        }
        desk.api.answer(&source, &page, json!({ "data": items, "has_more": false }).to_string());
    }
    for payment in ["pi_asked", "pi_taken"] {
        let path = books.payment_path.replace("{id}", payment);
        let one = ApiRequest { path, query: books.payment_query.clone() };
        desk.api.answer(&source, &one, intent(payment, "succeeded", 1000, 0).to_string());
    }
    let ended = finished(now_or_never(desk.run(&later, at(9 * HOUR))).expect("our own side works"));
    assert_eq!(ended.open.get("missing_there"), None, "none of them began in this window");
    let cases = now_or_never(desk.findings.of(&source)).expect("the findings answer");
    let mut ends: Vec<_> = cases
        .iter()
        .map(|case| {
            format!(
                "{}: {:?} by {}",
                case.finding.subject,
                case.standing,
                case.steps.last().map_or("nobody", |step| &step.by)
            )
        })
        .collect();
    ends.sort();
    assert_eq!(
        ends,
        [
            "payment pi_asked: Resolved by countersign",
            "payment pi_listed: Resolved by countersign",
            "payment pi_still: Open by nobody",
            "payment pi_taken: Resolved by Ada",
        ]
    );
}

/// A run whose invocation ended after these changes to it.
fn left(desk: &Desk, change: impl FnOnce(&mut Run)) -> Run {
    let (source, window) = (source_name("stripe-live"), Window { from: at(0), to: at(HOUR) });
    let lease = now_or_never(desk.runs.take(&source, window, false, at(2 * HOUR), at(2 * HOUR)));
    let Ok(Lease::Taken(mut left)) = lease else { unreachable!("the lease is free") };
    change(&mut left);
    let kept = now_or_never(desk.runs.checkpoint(&left, at(2 * HOUR))).expect("they answer");
    assert_eq!(kept, Checkpoint::Kept);
    *left
}

#[test]
fn a_source_that_changes_while_its_books_are_read_is_read_again() {
    for (phase, status) in [
        (Phase::Payments, RunStatus::Incomplete),
        (Phase::Recheck, RunStatus::Incomplete),
        (Phase::Heal, RunStatus::Complete),
        (Phase::Raise, RunStatus::Complete),
    ] {
        let desk = desk();
        list(&desk, event_list(&books()), &[vec![]]);
        list(&desk, &books().payments, &[vec![]]);
        let another = Some(countersign_domain::ids::Sha256Hex::of(&[b"another"]));
        left(&desk, |run| (run.phase, run.configuration) = (phase, another));
        let data = finished(run(&desk, false));
        assert_eq!(data.status, status, "a report is of one configuration: {phase:?}");
        if status == RunStatus::Incomplete {
            assert_eq!(complete(&desk, false).status, RunStatus::Complete);
        }
    }
}

#[test]
fn a_run_that_has_no_time_asks_to_be_taken_up_again() {
    let desk = desk();
    let books = books();
    list(&desk, event_list(&books), &[vec![captured_event("pi_1", 1000)]]);
    list(&desk, &books.payments, &[vec![intent("pi_1", "succeeded", 1000, 0)]]);
    let ended = now_or_never(desk.run(&request(false), at(2 * HOUR))).expect("our own side works");
    assert!(matches!(ended, Ended::Suspended(Phase::Events)), "{ended:?}");
    let asked = desk.bus.events();
    assert_eq!(asked.last().map(|event| event.detail_type), Some(event::RECONCILIATION_REQUESTED));
    let asked: ReconciliationRequest = serde_json::from_str(&asked[0].detail).expect("a request");
    assert_eq!(asked, request(false));
    assert_eq!(complete(&desk, false).healed, 1);
}

#[test]
fn one_run_per_window_and_a_lease_that_ends() {
    let desk = desk();
    let window = Window { from: at(0), to: at(HOUR) };
    let held = now_or_never(desk.runs.take(
        &source_name("stripe-live"),
        window,
        false,
        at(2 * HOUR),
        at(2 * HOUR + 50),
    ));
    let Ok(Lease::Taken(mut held)) = held else { unreachable!("the lease is free") };
    assert!(matches!(run(&desk, false), Ended::Busy));
    desk.clock.set(at(2 * HOUR + 51));
    list(&desk, event_list(&books()), &[vec![]]);
    list(&desk, &books().payments, &[vec![]]);
    assert_eq!(complete(&desk, false).status, RunStatus::Complete);
    held.pages = 7;
    let late = now_or_never(desk.runs.checkpoint(&held, at(4 * HOUR))).expect("the runs answer");
    assert_eq!(late, Checkpoint::Lost, "whoever lost the lease can do no harm");
}

#[test]
fn what_cannot_be_reconciled_is_refused_with_its_reason() {
    let desk = desk();
    for (source, to, message) in [
        ("nobody", HOUR, "there is no enabled source nobody: see `countersign source list`"),
        ("partner", HOUR, "source partner: its dialect lists no books: it has no [reconcile]"),
    ] {
        let request = ReconciliationRequest { source: source_name(source), to: at(to), ..request(false) };
        let ended = now_or_never(desk.run(&request, at(3 * HOUR))).expect("our own side works");
        let Ended::Refused(why) = ended else { unreachable!("{ended:?}") };
        assert_eq!(why.to_string(), message);
    }
    let open = ReconciliationRequest { to: at(2 * HOUR), ..request(false) };
    let ended = now_or_never(desk.run(&open, at(3 * HOUR))).expect("our own side works");
    assert!(matches!(ended, Ended::Refused(Refused::Window(_))), "{ended:?}");
}

#[test]
fn the_daily_call_asks_for_every_closed_day_that_is_not_complete() {
    let desk = desk();
    let requests = now_or_never(desk.request_due()).expect("our own side works");
    assert_eq!(requests.len(), 3, "three days of the one source that lists books: {requests:?}");
    assert!(requests.iter().all(|request| request.source.as_str() == "stripe-live"));
    assert_eq!(desk.bus.events().len(), 3);
}

#[test]
fn the_daily_call_tells_of_a_source_that_does_not_work_and_asks_for_the_others() {
    let desk = desk();
    desk.sources.set(broken_config("broken"));
    desk.sources.set(SourceConfig { state: SourceState::Disabled, ..broken_config("given-up") });
    let lines = lines_of(|| {
        let requests = now_or_never(desk.request_due()).expect("our own side works");
        assert_eq!(requests.len(), 3, "of the one that works: {requests:?}");
    });
    let [line] = lines.as_slice() else { panic!("one line, of the one that is enabled: {lines:?}") };
    let begin = "WARN countersign::work work=schedule outcome=refused source=broken \
        detail=sources: compile failed: source broken: its dialect does not check: ";
    assert!(line.starts_with(begin) && line.ends_with(" unusable_source=1"), "{line}");
}
