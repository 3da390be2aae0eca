//! Pages of providers' lists as they recorded them (`tests/fixtures/lists`), through a whole run.

use super::*;
use countersign_domain::source::SourceConfig;
use countersign_domain::time::Window;
use std::path::Path;

/// A provider's pages, and what an empty ledger comes to by them.
struct Recorded {
    dialect: &'static str,
    /// A day of the pages.
    day: &'static str,
    /// What asks for each page after the first.
    cursors: &'static [&'static str],
    /// Corrections sent: payments that money was held or taken for.
    healed: u32,
    /// Per currency: payments seen, minor units taken and given back.
    totals: &'static [(&'static str, u64, i128, i128)],
}

const RECORDED: [Recorded; 6] = [
    Recorded {
        dialect: "mollie-classic",
        day: "2018-07-19T00:00:00Z",
        cursors: &["from=tr_gM5hTq4x4J&limit=250"],
        // 50.00 and 12.50 of it back; 60.00 of 100.00; one that expired. The page before the day is not asked for.
        healed: 4,
        totals: &[("EUR", 3, 11_000, 1_250), ("GBP", 1, 0, 0)],
    },
    Recorded {
        dialect: "razorpay",
        day: "2014-05-23T00:00:00Z",
        cursors: &["100"],
        healed: 3,
        totals: &[("INR", 101, 500, 200)],
    },
    Recorded {
        dialect: "paddle",
        day: "2023-08-21T00:00:00Z",
        cursors: &["after=txn_06h69ddtrb11km0wk46dn607ya"],
        healed: 1,
        totals: &[("USD", 3, 901_387, 0)],
    },
    Recorded {
        dialect: "square",
        day: "2020-11-22T00:00:00Z",
        cursors: &["cursor-of-page-2"],
        healed: 4,
        totals: &[("USD", 3, 100, 40)],
    },
    Recorded {
        dialect: "gocardless",
        day: "2026-03-02T00:00:00Z",
        cursors: &["PM02"],
        // 20.00 and 5.00 of it back; 7.00; one that was called off.
        healed: 4,
        totals: &[("GBP", 4, 2_700, 500)],
    },
    Recorded {
        dialect: "paystack",
        day: "2024-08-22T00:00:00Z",
        cursors: &[],
        healed: 2,
        totals: &[("NGN", 3, 65_333, 0)],
    },
];

fn page(dialect: &str, number: usize) -> Vec<u8> {
    file(dialect, &format!("page{number}"))
}

fn file(dialect: &str, name: &str) -> Vec<u8> {
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/lists");
    let path = lists.join(dialect).join(format!("{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A desk with one source, whose list has these pages.
fn desk_of(recorded: &Recorded) -> (Desk, ReconciliationRequest) {
    let desk = desk();
    let mut config = SourceConfig {
        mode: countersign_domain::source::Mode::Test,
        ..source_config("shop", recorded.dialect)
    };
    if recorded.dialect == "square" {
        config.settings.insert("url".to_owned(), "https://pay.example.com/hooks/shop".to_owned());
    }
    let books = Source::try_from(config.clone())
        .expect("a source")
        .dialect
        .reconcile
        .clone()
        .expect("it lists payments");
    desk.sources.set(config);
    let window = Window::utc_day(recorded.day.parse().expect("an instant"), 0);
    let cursors = [None].into_iter().chain(recorded.cursors.iter().copied().map(Some));
    if let Some(events) = &books.events {
        let request = ApiRequest { path: events.path.clone(), query: events.query_of(window, None) };
        desk.api.answer(&source_name("shop"), &request, file(recorded.dialect, "events1"));
    }
    for (cursor, number) in cursors.zip(1..) {
        let request =
            ApiRequest { path: books.payments.path.clone(), query: books.payments.query_of(window, cursor) };
        desk.api.answer(&source_name("shop"), &request, page(recorded.dialect, number));
    }
    desk.clock.set(window.to.checked_add(SignedDuration::from_hours(2)).expect("an instant"));
    (
        desk,
        ReconciliationRequest { source: source_name("shop"), from: window.from, to: window.to, again: false },
    )
}

fn run_of(desk: &Desk, request: &ReconciliationRequest) -> ReconciliationData {
    let ended = now_or_never(desk.run(request, Timestamp::MAX)).expect("our own side works");
    let data = finished(ended);
    let window = Window { from: request.from, to: request.to };
    let run = now_or_never(desk.runs.find(&request.source, window)).expect("the runs answer");
    assert_eq!(data.status, RunStatus::Complete, "{:?}", run.and_then(|run| run.cause));
    data
}

#[test]
fn recorded_pages_are_read_to_their_end_and_what_they_hold_is_healed() {
    for recorded in &RECORDED {
        let dialect = recorded.dialect;
        let (desk, request) = desk_of(recorded);
        let data = run_of(&desk, &request);
        assert_eq!(
            (data.healed, data.open.len()),
            (recorded.healed, 0),
            "{dialect}: {:?}",
            desk.findings.all()
        );
        let totals: Vec<_> = data
            .totals
            .iter()
            .map(|t| (t.currency.code(), t.payments, t.captured_theirs, t.refunded_theirs))
            .collect();
        assert_eq!(totals, recorded.totals, "{dialect}");
        assert!(data.proof_holds, "{dialect}");
        process(&desk);

        let again = ReconciliationRequest { again: true, ..request };
        let data = run_of(&desk, &again);
        assert_eq!((data.healed, data.open.len()), (0, 0), "{dialect}: a second run is silent");
        let t = &data.totals;
        assert!(
            t.iter().all(|t| (t.captured_ours, t.refunded_ours) == (t.captured_theirs, t.refunded_theirs)),
            "{dialect}"
        );
    }
}

#[test]
fn a_page_that_is_torn_changes_nothing() {
    for recorded in RECORDED.iter().filter(|recorded| !recorded.cursors.is_empty()) {
        let (desk, request) = desk_of(recorded);
        let window = Window { from: request.from, to: request.to };
        let source =
            now_or_never(desk.sources.fetch(&request.source)).expect("they answer").expect("a source");
        let books =
            Source::try_from(source).expect("it works").dialect.reconcile.clone().expect("it lists payments");
        let query = books.payments.query_of(window, recorded.cursors.last().copied());
        let mut torn = page(recorded.dialect, 2);
        torn.truncate(torn.len() / 2);
        desk.api.answer(&request.source, &ApiRequest { path: books.payments.path.clone(), query }, torn);
        let data = finished(now_or_never(desk.run(&request, Timestamp::MAX)).expect("our own side works"));
        assert_eq!((data.status, data.healed), (RunStatus::Incomplete, 0), "{}", recorded.dialect);
        assert!(desk.queue.take().is_empty() && desk.findings.all().is_empty(), "{}", recorded.dialect);
    }
}
