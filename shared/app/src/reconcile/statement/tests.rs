use super::*;
use crate::ports::Phase;
use countersign_domain::finding::{Finding, FindingKind, Move, Settlement, Step, Subject};
use countersign_domain::ids::PaymentId;
use countersign_domain::money::{Currency, Money};
use countersign_domain::reconcile::RunStatus;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn totals(code: &str, ours: i128, theirs: i128) -> Totals {
    let currency = Currency::from_code(code).expect("a currency");
    Totals { payments: 2, captured_ours: ours, captured_theirs: theirs, ..Totals::zero(currency) }
}

fn source() -> SourceName {
    SourceName::new("shop").expect("a source")
}

fn run(day: &str, status: RunStatus, totals: Vec<Totals>) -> Run {
    let window = Window::utc_day(at(day), 0);
    let mut run = Run::begin(source(), window, 2, 1, window.to);
    (run.status, run.phase) = (status, Phase::Done);
    (run.totals, run.healed, run.open) = (totals, 1, 0);
    run
}

fn case(id: &str, found_at: &str) -> Case {
    Case::new(Finding {
        source: source(),
        kind: FindingKind::MissingThere,
        subject: Subject::Payment(PaymentId::new(id).expect("a payment")),
        reason: "ledger: captured; provider: nothing".to_owned(),
        at_stake: Some(Money { minor: 5, currency: Currency::from_code("EUR").expect("a currency") }),
        found_at: at(found_at),
    })
}

fn statement(runs: Vec<Run>, cases: &[Case]) -> Statement {
    let window = Window::utc_month("2026-02").expect("a month");
    let now = at("2026-03-01T04:00:00Z");
    Statement::new(
        &source(),
        ("2026-02", window),
        runs,
        (cases, &Policy::default()),
        (now, "countersign test"),
    )
}

fn whole_month(differs_on: &str) -> Vec<Run> {
    let dates = Window::utc_month("2026-02").expect("a month").utc_dates();
    let run = |date: &String| {
        let theirs = if date == differs_on { 999 } else { 1_000 };
        run(
            &format!("{date}T00:00:00Z"),
            RunStatus::Complete,
            vec![totals("EUR", 1_000, theirs), totals("JPY", 7, 7)],
        )
    };
    dates.iter().map(run).collect()
}

#[test]
fn a_month_is_the_sum_of_its_days() {
    let level = statement(whole_month(""), &[]);
    assert!(level.is_level() && level.unread.is_empty());
    let sums: Vec<_> =
        level.totals.iter().map(|t| (t.currency.code(), t.payments, t.captured_ours)).collect();
    assert_eq!(sums, [("EUR", 56, 28_000), ("JPY", 56, 196)]);

    let mut runs = whole_month("2026-02-03");
    // A window that is no day, a day of another month and a day that was not read to the end are none of the month's days.
    runs.push(Run {
        window: Window { from: at("2026-02-01T00:00:00Z"), to: at("2026-02-01T01:00:00Z") },
        ..runs[0].clone()
    });
    runs.push(run("2026-01-31T00:00:00Z", RunStatus::Complete, vec![totals("EUR", 5, 5)]));
    runs[27].status = RunStatus::Incomplete;
    let settled = case("p1", "2026-02-03T10:00:00Z").after(Step {
        at: at("2026-02-04T10:00:00Z"),
        by: "ada".to_owned(),
        what: Move::Resolve(Settlement::Accepted),
        why: "agreed".to_owned(),
    });
    let cases = [
        settled.expect("it can be settled"),
        case("p2", "2026-02-28T10:00:00Z"),
        case("=p3", "2026-02-03T10:00:00Z"),
    ];
    let statement = statement(runs, &cases);
    assert!(!statement.is_level());
    assert_eq!((statement.days.len(), statement.unread.as_slice()), (27, &["2026-02-28".to_owned()][..]));
    assert_eq!((statement.totals[0].captured_ours, statement.totals[0].captured_theirs), (27_000, 26_999));
    let waiting: Vec<_> = statement.waiting.iter().map(|w| (w.about.as_str(), w.severity)).collect();
    assert_eq!(waiting, [("payment =p3", Severity::Critical), ("payment p2", Severity::High)]);
    let [(key, _, _), (_, _, csv), (_, _, page)] = statement.files().expect("it can be written");
    assert_eq!(key, "shop/statement/2026-02.json");
    let (csv, page) = (String::from_utf8(csv).expect("text"), String::from_utf8(page).expect("text"));
    for line in [
        "day,2026-02-03,EUR,2,10.00,9.99,0.00,0.00,1,0,,,",
        "month,2026-02,EUR,54,270.00,269.99,0.00,0.00,,,,,",
        "unread,2026-02-28,,,,,,,,,,,not read to the end",
        "waiting,2026-02-28,,,,,,,,,payment p2,high,ledger: captured; provider: nothing",
    ] {
        assert!(csv.contains(line), "{line} is not in\n{csv}");
    }
    assert!(
        page.contains("do not agree") && page.contains("2026-02-28") && !page.contains("<script"),
        "{page}"
    );
}

#[test]
fn a_month_is_level_when_every_day_was_read_and_every_sum_agrees() {
    let given_back = |ours: i128, theirs: i128| Totals {
        refunded_ours: ours,
        refunded_theirs: theirs,
        ..totals("EUR", 1_000, 1_000)
    };
    for (what, sums, is_level) in [
        ("all agrees", given_back(300, 300), true),
        ("more was taken there", totals("EUR", 1_000, 1_001), false),
        ("more was given back there", given_back(300, 301), false),
    ] {
        let mut runs = whole_month("");
        runs[4].totals = vec![sums];
        assert_eq!(statement(runs.clone(), &[]).is_level(), is_level, "{what}");
        runs.pop();
        assert!(!statement(runs, &[]).is_level(), "{what}, and a day was not read");
    }
}

#[test]
fn a_day_whose_later_attempt_was_not_read_to_the_end_stands_as_it_was_read_before() {
    let before = statement(whole_month(""), &[]);
    let broken_off = |run: &Run, status: RunStatus, phase: Phase| {
        let later = run.next_attempt(2, at("2026-03-01T03:00:00Z"));
        Run { status, phase, totals: vec![totals("EUR", 5, 7)], ..later }
    };
    let mut runs = whole_month("");
    runs[3] = broken_off(&runs[3], RunStatus::Incomplete, Phase::Done);
    runs[5] = broken_off(&runs[5], RunStatus::Running, Phase::Payments);
    // Again and again.
    runs[5] = broken_off(&runs[5], RunStatus::Incomplete, Phase::Done);
    // Everything was read, and its report is not yet written.
    runs[7] = broken_off(&runs[7], RunStatus::Complete, Phase::Report);
    let after = statement(runs, &[]);
    assert_eq!(after.stale, ["2026-02-04", "2026-02-06", "2026-02-08"]);
    let [_, (_, _, csv), (_, _, page)] = after.files().expect("it can be written");
    let (csv, page) = (String::from_utf8(csv).expect("text"), String::from_utf8(page).expect("text"));
    let line = "stale,2026-02-06,,,,,,,,,,,a later attempt was not read to the end";
    assert!(csv.contains(line), "{line} is not in\n{csv}");
    assert!(page.contains("as they were read before it: 2026-02-04, 2026-02-06, 2026-02-08."), "{page}");
    assert!(after.is_level(), "every day was read, and what was read agrees");
    assert_eq!(Statement { stale: Vec::new(), ..after }, before);
}

#[test]
fn the_page_shows_both_sides_of_every_day_and_what_waits() {
    let page = |statement: Statement| {
        let [_, _, (_, _, page)] = statement.files().expect("it can be written");
        String::from_utf8(page).expect("text")
    };
    let shown = page(statement(whole_month("2026-02-03"), &[case("p1", "2026-02-03T10:00:00Z")]));
    let sums = |cells: [&str; 5]| {
        let cells = cells.map(|cell| {
            // A sum that the other side does not have is marked.
            let class = if cell.starts_with('!') { "n bad" } else { "n" };
            format!("<td class=\"{class}\">{}</td>", cell.trim_start_matches('!'))
        });
        cells.concat()
    };
    for (part, times) in [
        ("<th>Currency</th><th class=\"n\">Payments</th>".to_owned(), 2),
        (format!("<td>EUR</td>{}", sums(["56", "280.00", "!279.99", "0.00", "0.00"])), 1),
        (format!("<td>JPY</td>{}", sums(["56", "196", "196", "0", "0"])), 1),
        (format!("<td>2026-02-02</td><td>EUR</td>{}", sums(["2", "10.00", "10.00", "0.00", "0.00"])), 1),
        (format!("<td>2026-02-03</td><td>EUR</td>{}", sums(["2", "10.00", "!9.99", "0.00", "0.00"])), 1),
        ("<td>payment p1</td><td>critical</td><td>2026-02-03</td>".to_owned(), 1),
        ("Made with countersign test.".to_owned(), 1),
        ("<span>Reviewed by, date</span>".to_owned(), 1),
    ] {
        assert_eq!(shown.matches(&part).count(), times, "{part} in\n{shown}");
    }
    let empty = page(statement(Vec::new(), &[]));
    assert!(empty.contains("No money moved on either side.") && empty.contains("Nothing."), "{empty}");
}

#[test]
fn of_a_month_that_is_not_over_only_the_days_that_are_count() {
    let window = Window::utc_month("2026-02").expect("a month");
    let runs = vec![run("2026-02-01T00:00:00Z", RunStatus::Complete, Vec::new())];
    for (now, unread, goes_on_from) in [
        ("2026-01-03T10:00:00Z", 0, Some("2026-02-01")),
        ("2026-02-01T00:00:00Z", 0, Some("2026-02-01")),
        ("2026-02-03T10:00:00Z", 1, Some("2026-02-03")),
        ("2026-02-28T23:59:59Z", 26, Some("2026-02-28")),
        ("2026-03-01T00:00:00Z", 27, None),
        ("2027-01-03T10:00:00Z", 27, None),
    ] {
        let made_with = (at(now), "countersign test");
        let policy = Policy::default();
        let found = Statement::new(&source(), ("2026-02", window), runs.clone(), (&[], &policy), made_with);
        let days = (found.unread.len(), found.goes_on_from.as_deref());
        assert_eq!(days, (unread, goes_on_from), "by {now}");
        assert_eq!(
            found.unread.first().map(String::as_str),
            (unread > 0).then_some("2026-02-02"),
            "by {now}"
        );
        let [_, (_, _, csv), (_, _, page)] = found.files().expect("it can be written");
        let (csv, page) = (String::from_utf8(csv).expect("text"), String::from_utf8(page).expect("text"));
        let goes_on = goes_on_from.unwrap_or("x");
        let is_said = [
            csv.contains(&format!("goes_on,{goes_on},,,,,,,,,,,the month is not over: this day and those")),
            page.contains(&format!("The month is not over: {goes_on} and the days after it")),
        ];
        assert_eq!(is_said, [goes_on_from.is_some(); 2], "by {now}:\n{csv}");
    }
}
