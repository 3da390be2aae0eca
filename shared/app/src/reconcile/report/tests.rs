//! What a report sets a run beside, and how it shows what was found.

use super::*;
use crate::ports::Phase;
use crate::testing::{SOURCE, at, currency, payment_id, source_name};
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::reconcile::proof::Effect;
use countersign_domain::time::Window;
use serde_json::{Value, json};

/// The run of a day, counted from one that means nothing, with so many differences left open.
fn run(day: i64, status: RunStatus, open: u32) -> Run {
    let window = Window { from: at(day * DAY_SECONDS), to: at((day + 1) * DAY_SECONDS) };
    let run = Run::begin(source_name(SOURCE), window, 1, 1, window.to);
    Run { status, open, phase: Phase::Done, ..run }
}

/// The report of day 2, as an object.
fn told(notes: Vec<Evidence>, history: History) -> Value {
    let report = Report::new(&run(2, RunStatus::Complete, 0), notes, history);
    serde_json::to_value(&report).expect("JSON")
}

#[test]
fn a_run_is_set_beside_the_complete_runs_of_earlier_windows() {
    use RunStatus::{Complete, Incomplete};
    // The newest first, as the store gives them; day 2 is the run itself, as it was closed before.
    let runs =
        [(4, Complete), (3, Incomplete), (2, Complete), (1, Complete), (0, Incomplete), (-1, Complete)];
    let mut runs: Vec<_> =
        runs.into_iter().zip(10..).map(|((day, status), open)| run(day, status, open)).collect();
    // A window that was read once more, and not to the end, counts as it was read before.
    let again = run(-2, Complete, 16).next_attempt(2, at(0));
    runs.push(Run { status: Incomplete, phase: Phase::Done, ..again });
    let report = told(Vec::new(), History { runs, ..History::default() });
    let day = |day: i64, open: u32| json!({ "from": at(day * DAY_SECONDS), "healed": 0, "open": open });
    assert_eq!(report["trend"], json!([day(-2, 16), day(-1, 15), day(1, 13), day(2, 0)]));
}

#[test]
fn what_waits_is_counted_by_its_age_when_the_run_began() {
    let began = 3 * DAY_SECONDS;
    let ages = [
        0,
        DAY_SECONDS - 1,
        DAY_SECONDS,
        7 * DAY_SECONDS - 1,
        7 * DAY_SECONDS,
        30 * DAY_SECONDS - 1,
        30 * DAY_SECONDS,
    ];
    let case = |age: i64| {
        Case::new(Finding {
            source: source_name(SOURCE),
            kind: FindingKind::MissingThere,
            subject: Subject::Payment(payment_id("p1")),
            reason: "a test".to_owned(),
            at_stake: None,
            found_at: at(began - age),
        })
    };
    let report = told(Vec::new(), History { cases: ages.map(case).into(), ..History::default() });
    let counted: Vec<_> = AGES.iter().zip([2, 2, 2, 1]).collect();
    let expected = counted.iter().map(|((age, _), findings)| json!({ "age": age, "findings": findings }));
    assert_eq!(report["waiting"], expected.collect::<Value>());
}

fn difference(payment: &str, kind: FindingKind, resolution: Resolution) -> Evidence {
    let effects = vec![Effect { currency: currency("EUR"), captured: 5, refunded: 0 }];
    let difference = Difference { kind, ours: "this".to_owned(), theirs: "that".to_owned(), effects };
    Evidence::Difference { payment: payment_id(payment), difference, resolution }
}

fn page(notes: Vec<Evidence>) -> String {
    let report = Report::new(&run(2, RunStatus::Complete, 0), notes, History::default());
    let [_, _, (key, _, html)] = report.files().expect("it can be written");
    assert!(key.ends_with("/attempt-1.html"), "{key}");
    String::from_utf8(html).expect("text")
}

#[test]
fn what_waits_for_a_person_is_shown_first() {
    use FindingKind::{AmountDiffers, MissingHere, RefundDiffers};
    let page = page(vec![
        difference("p1", AmountDiffers, Resolution::Healed),
        difference("p2", RefundDiffers, Resolution::Tolerated),
        difference("p3", MissingHere, Resolution::Open),
    ]);
    let place = |payment: &str| page.find(&format!("<td>{payment}</td>")).expect(payment);
    assert!(place("p3") < place("p1") && place("p1") < place("p2"), "{page}");
}

#[test]
fn what_is_tolerated_is_in_the_table_and_no_bar() {
    use FindingKind::{AmountDiffers, RefundDiffers};
    let tolerated = difference("p2", RefundDiffers, Resolution::Tolerated);
    let both = page(vec![difference("p1", AmountDiffers, Resolution::Healed), tolerated.clone()]);
    let shown = |kind: &str| both.matches(&format!(">{kind}<")).count();
    assert_eq!((shown("amount differs"), shown("refund differs")), (2, 1), "in the table, and as a bar");
    let alone = page(vec![tolerated]);
    assert!(alone.contains(r#"<p class="lead">None.</p>"#), "{alone}");
}
