use super::*;
use crate::memory::{
    MemoryApi, MemoryClock, MemoryExpectations, MemoryFindings, MemoryInbox, MemoryLedger, MemoryQueue,
    MemorySources,
};
use crate::ports::{ApiRequest, Append, InboxKey};
use crate::testing::{
    at, broken_config, event_id, lines_of, now_or_never, payment_id, source_config, source_name,
};
use countersign_domain::dialect::Reconcile;
use countersign_domain::fact::Fact;
use countersign_domain::ids::EventKind;
use countersign_domain::ledger::{Cause, next_row};
use countersign_domain::money::{Currency, Money};
use countersign_domain::source::{SourceConfig, SourceState};
use serde_json::json;

type Desk = Expecter<
    MemoryExpectations,
    MemorySources,
    MemoryApi,
    MemoryInbox,
    MemoryQueue,
    MemoryLedger,
    MemoryFindings,
    MemoryClock,
>;

const MINUTE: i64 = 60;

fn desk() -> Desk {
    let sources = MemorySources::default();
    sources.set(source_config("stripe-live", "stripe"));
    sources.set(source_config("partner", "partner-hmac"));
    Expecter {
        expectations: MemoryExpectations::default(),
        sources,
        api: MemoryApi::default(),
        inbox: MemoryInbox::default(),
        queue: MemoryQueue::default(),
        ledger: MemoryLedger::default(),
        findings: MemoryFindings::default(),
        clock: MemoryClock::at(at(0)),
        source_cache: SourceCache::default(),
    }
}

fn money(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("EUR").expect("a currency") }
}

fn announce(desk: &Desk, source: &str, payment: &str, minor: i64) -> Option<Expectation> {
    let announcement = Announcement {
        source: source_name(source),
        payment: payment_id(payment),
        amount: money(minor),
        within_seconds: Some(600),
    };
    now_or_never(desk.announce(announcement)).expect("our own side works")
}

/// The ledger hears of a payment.
fn book(desk: &Desk, payment: &str, fact: Fact) {
    let (source, payment) = (source_name("stripe-live"), payment_id(payment));
    let cause = Cause {
        event: event_id("e1"),
        kind: EventKind::new("k").expect("a type"),
        occurred_at: None,
        received_at: at(1),
        trace: TraceId::of(&["t"]),
    };
    let row = next_row(None, &source, &payment, cause, fact, at(1)).expect("a fact that fits");
    assert_eq!(now_or_never(desk.ledger.append(&row)).expect("the ledger answers"), Append::Appended);
}

fn books() -> Reconcile {
    let source = Source::try_from(source_config("stripe-live", "stripe")).expect("a source that works");
    source.dialect.reconcile.clone().expect("Stripe has books")
}

/// The provider knows a payment.
fn listed(desk: &Desk, payment: &str, status: &str, captured: i64) {
    let one = json!({
        "id": payment, "amount": 2000, "amount_received": captured, "amount_capturable": 0, "currency": "eur",
        "status": status, "latest_charge": { "amount": 2000, "amount_captured": captured, "amount_refunded": 2000 - captured },
    });
    desk.api.answer(&source_name("stripe-live"), &question(payment), one.to_string());
}

fn question(payment: &str) -> ApiRequest {
    let books = books();
    ApiRequest { path: books.payment_path.replace("{id}", payment), query: books.payment_query }
}

fn check(desk: &Desk, minutes: i64) -> Checked {
    desk.clock.set(at(minutes * MINUTE));
    now_or_never(desk.check(at(i64::from(u32::MAX)))).expect("our own side works")
}

fn findings(desk: &Desk) -> Vec<String> {
    let found = desk.findings.all();
    found.iter().map(|f| format!("{} {}: {}", f.kind.as_str(), f.subject, f.reason)).collect()
}

#[test]
fn how_an_expectation_ends() {
    let overdue = "20.00 EUR announced at 2025-11-24T16:00:00Z, and nothing was heard: ";
    type Prepare = fn(&Desk);
    let table: [(&str, Prepare, Checked, Option<String>); 7] = [
        (
            "a webhook came in time",
            |desk| book(desk, "pi_1", Fact::Captured { amount: money(2_000) }),
            Checked { met: 1, ..Checked::default() },
            None,
        ),
        (
            "a webhook came, with other money",
            |desk| book(desk, "pi_1", Fact::Captured { amount: money(1_900) }),
            Checked { met: 1, ..Checked::default() },
            Some(
                "amount_differs payment pi_1: announced: 20.00 EUR; ledger: captured 19.00 EUR, taken 19.00 EUR"
                    .to_owned(),
            ),
        ),
        ("it was declined", |desk| book(desk, "pi_1", Fact::Pending), Checked { met: 1, ..Checked::default() }, None),
        (
            "the webhook was lost",
            |desk| listed(desk, "pi_1", "succeeded", 2_000),
            Checked { healed: 1, ..Checked::default() },
            None,
        ),
        (
            "nobody paid",
            |desk| listed(desk, "pi_1", "requires_payment_method", 0),
            Checked { overdue: 1, ..Checked::default() },
            Some(format!("overdue payment pi_1: {overdue}at the provider it is initiated")),
        ),
        (
            "the provider does not know it",
            |_| {},
            Checked { overdue: 1, ..Checked::default() },
            Some(format!("overdue payment pi_1: {overdue}the provider does not know it")),
        ),
        (
            "the provider is down",
            |desk| desk.api.fail(&source_name("stripe-live"), &question("pi_1"), "503"),
            Checked { waiting: 1, ..Checked::default() },
            None,
        ),
    ];
    for (what, prepare, expected, finding) in table {
        let desk = desk();
        assert!(announce(&desk, "stripe-live", "pi_1", 2_000).is_some());
        prepare(&desk);
        assert_eq!(check(&desk, 9), Checked::default(), "{what}: it is not due yet");
        assert_eq!(check(&desk, 10), expected, "{what}");
        assert_eq!(findings(&desk), finding.into_iter().collect::<Vec<_>>(), "{what}");
        let sent: Vec<_> = desk.queue.take().into_iter().map(|notice| notice.key).collect();
        let event = event_id("reconcile/payment.captured/2000/pi_1");
        let heal = InboxKey::Event { source: source_name("stripe-live"), event };
        assert_eq!(sent, if expected.healed == 1 { vec![heal] } else { vec![] }, "{what}");
        let waits = expected.waiting == 1;
        assert_eq!(desk.expectations.all().len(), usize::from(waits), "{what}");
        // It is asked again for three days.
        assert_eq!(
            check(&desk, 71 * 60),
            Checked { waiting: u32::from(waits), ..Checked::default() },
            "{what}"
        );
    }
}

/// A source as it is from now on.
fn set(desk: &Desk, state: SourceState, config: SourceConfig) {
    desk.sources.set(SourceConfig { state, ..config });
}

#[test]
fn what_cannot_be_checked_for_three_days_is_overdue_and_says_why() {
    use SourceState::{Disabled, Enabled};
    const HOURS: i64 = 60;
    type Prepare = fn(&Desk);
    let table: [(&str, Prepare, &str); 3] = [
        (
            "the provider is down",
            |desk| desk.api.fail(&source_name("stripe-live"), &question("pi_1"), "503"),
            "provider: get failed: 503",
        ),
        (
            "the source is turned off",
            |desk| set(desk, Disabled, source_config("stripe-live", "stripe")),
            "its source is not enabled",
        ),
        (
            "the source does not work",
            |desk| set(desk, Enabled, broken_config("stripe-live")),
            "its source does not work: sources: compile failed: source stripe-live: its dialect does not check",
        ),
    ];
    let waits = Checked { waiting: 1, ..Checked::default() };
    let overdue = Checked { overdue: 1, ..Checked::default() };
    for (what, prepare, why) in table {
        // The last hour, and a day later, when nobody looked meanwhile.
        for given_up_at in [72 * HOURS, 96 * HOURS] {
            let desk = desk();
            assert!(announce(&desk, "stripe-live", "pi_1", 2_000).is_some());
            prepare(&desk);
            assert_eq!(check(&desk, 72 * HOURS - 1), waits, "{what}");
            assert!(findings(&desk).is_empty(), "{what}");
            assert_eq!(check(&desk, given_up_at), overdue, "{what}");
            let [finding] = findings(&desk).try_into().expect("one finding");
            let said = format!(
                "overdue payment pi_1: 20.00 EUR announced at 2025-11-24T16:00:00Z, and nothing was heard: \
                 it could not be checked for 72 hours: {why}"
            );
            assert!(finding.starts_with(&said), "{what}: {finding}");
            assert!(desk.expectations.all().is_empty(), "{what}: it is settled");
        }
        // What the source told of before is heard, whatever became of the source.
        let desk = desk();
        assert!(announce(&desk, "stripe-live", "pi_1", 2_000).is_some());
        prepare(&desk);
        book(&desk, "pi_1", Fact::Captured { amount: money(2_000) });
        assert_eq!(check(&desk, 72 * HOURS), Checked { met: 1, ..Checked::default() }, "{what}");
        assert!(findings(&desk).is_empty(), "{what}");
    }
    // Mended in the last moment, it is asked as ever.
    let desk = desk();
    assert!(announce(&desk, "stripe-live", "pi_1", 2_000).is_some());
    listed(&desk, "pi_1", "succeeded", 2_000);
    assert_eq!(check(&desk, 96 * HOURS), Checked { healed: 1, ..Checked::default() });
}

#[test]
fn a_final_state_that_cannot_be_checked_for_three_days_is_told_of_and_left_to_its_days_run() {
    let desk = desk();
    to_check(&desk, "", 2_000);
    desk.api.fail(&source_name("stripe-live"), &question("pi_1"), "503");
    let waits = Checked { waiting: 1, ..Checked::default() };
    assert_eq!(check(&desk, 71 * 60), waits);
    let lines = lines_of(|| assert_eq!(check(&desk, 72 * 60), waits));
    let told = "WARN countersign::work work=expectations outcome=unchecked source=stripe-live payment=pi_1 \
        detail=provider: get failed: 503";
    assert_eq!(lines, [told]);
    assert!(findings(&desk).is_empty(), "nothing is known to be wrong");
    assert!(desk.expectations.all().is_empty());
}

#[test]
fn announced_twice_it_is_waited_for_once() {
    let desk = desk();
    let first = announce(&desk, "stripe-live", "pi_1", 2_000);
    assert_eq!(announce(&desk, "stripe-live", "pi_1", 2_000), first);
    assert!(findings(&desk).is_empty());
    assert_eq!(announce(&desk, "stripe-live", "pi_1", 2_100), first, "what was said first counts");
    assert_eq!(findings(&desk), ["conflicting payment pi_1: announced as 20.00 EUR, and again as 21.00 EUR"]);
    let waiting = now_or_never(waited_for(&desk.expectations, Some(&source_name("stripe-live")), at(0)));
    assert_eq!(waiting.expect("they answer"), first.into_iter().collect::<Vec<_>>());
}

#[test]
fn what_is_waited_for_is_listed_up_to_the_longest_deadline() {
    let desk = desk();
    let announcement = |payment: &str, within_seconds| Announcement {
        source: source_name("stripe-live"),
        payment: payment_id(payment),
        amount: money(2_000),
        within_seconds: Some(within_seconds),
    };
    for (payment, seconds) in [("pi_late", EXPECT_WITHIN_SECONDS_MAX), ("pi_soon", 600)] {
        let announced = now_or_never(desk.announce(announcement(payment, seconds)));
        assert!(announced.expect("our own side works").is_some());
    }
    let waiting = now_or_never(waited_for(&desk.expectations, None, at(0))).expect("they answer");
    let payments: Vec<_> = waiting.iter().map(|waiting| waiting.payment.as_str()).collect();
    assert_eq!(payments, ["pi_soon", "pi_late"], "the next deadline first");
}

#[test]
fn a_source_without_books_or_none_at_all() {
    let desk = desk();
    assert_eq!(announce(&desk, "nobody", "p1", 2_000), None);
    assert!(announce(&desk, "partner", "p1", 2_000).is_some());
    assert_eq!(check(&desk, 11).overdue, 1);
    assert!(findings(&desk)[0].ends_with("its provider cannot be asked"), "{:?}", findings(&desk));
}

#[test]
fn a_source_that_does_not_work_keeps_no_other_waiting() {
    let desk = desk();
    desk.sources.set(source_config("broken", "stripe"));
    for (source, payment) in
        [("broken", "pi_1"), ("broken", "pi_2"), ("stripe-live", "pi_3"), ("partner", "p4")]
    {
        assert!(announce(&desk, source, payment, 2_000).is_some());
    }
    desk.sources.set(broken_config("broken"));
    book(&desk, "pi_3", Fact::Captured { amount: money(2_000) });
    let mut checked = Checked::default();
    let lines = lines_of(|| checked = check(&desk, 11));
    assert_eq!(checked, Checked { waiting: 2, met: 1, overdue: 1, ..Checked::default() });
    assert_eq!(desk.expectations.all().len(), 2, "both of the broken one wait");
    let [line] = lines.as_slice() else { panic!("a source is told of once: {lines:?}") };
    let begin = "WARN countersign::work work=expectations outcome=refused source=broken \
        detail=sources: compile failed: source broken: its dialect does not check: ";
    assert!(line.starts_with(begin) && line.ends_with(" unusable_source=1"), "{line}");
    // Mended, it is asked.
    desk.sources.set(source_config("broken", "stripe"));
    assert_eq!(check(&desk, 15), Checked { overdue: 2, ..Checked::default() });
}

#[test]
fn what_a_source_that_is_turned_off_told_of_before_is_met() {
    let desk = desk();
    assert!(announce(&desk, "stripe-live", "pi_1", 2_000).is_some());
    assert!(announce(&desk, "stripe-live", "pi_2", 2_000).is_some());
    book(&desk, "pi_1", Fact::Captured { amount: money(2_000) });
    let config = source_config("stripe-live", "stripe");
    desk.sources.set(SourceConfig { state: SourceState::Disabled, ..config });
    assert_eq!(check(&desk, 11), Checked { met: 1, waiting: 1, ..Checked::default() });
}

/// A final state that the ledger holds, to be checked ten minutes later.
fn to_check(desk: &Desk, policy: &str, captured: i64) {
    desk.sources.set(SourceConfig {
        policy: toml::from_str(policy).expect("a policy"),
        ..source_config("stripe-live", "stripe")
    });
    book(desk, "pi_1", Fact::Captured { amount: money(captured) });
    let history = now_or_never(desk.ledger.history(&source_name("stripe-live"), &payment_id("pi_1")));
    let row = history.expect("the ledger answers").pop().expect("a row");
    let check = Expectation::check(&row, 599, row.recorded_at).expect("captured is final");
    assert_eq!(now_or_never(desk.expectations.announce(&check)).expect("they answer"), Announced::New);
}

#[test]
fn a_final_state_is_checked_with_the_provider_after_a_while() {
    let differs = |count| Checked { differing: count, ..Checked::default() };
    let healed = Checked { healed: 1, ..Checked::default() };
    let met = Checked { met: 1, ..Checked::default() };
    for (what, policy, ours, theirs, expected, finding) in [
        ("it agrees", "", 2_000, Some(("succeeded", 2_000)), met, None),
        ("it knows of less", "", 2_000, Some(("succeeded", 1_900)), differs(1), Some("amount_differs")),
        ("it knows of more", "", 1_900, Some(("succeeded", 2_000)), healed, None),
        (
            "it may not be healed",
            "heals = []",
            1_900,
            Some(("succeeded", 2_000)),
            differs(1),
            Some("amount_differs"),
        ),
        (
            "it is near enough",
            "tolerance = { absolute_minor = 100 }",
            2_000,
            Some(("succeeded", 1_900)),
            met,
            None,
        ),
        ("it took the money back", "", 2_000, Some(("canceled", 0)), differs(1), Some("status_ahead")),
        ("it does not know it", "", 2_000, None, differs(1), Some("missing_there")),
    ] {
        let desk = desk();
        to_check(&desk, policy, ours);
        if let Some((status, captured)) = theirs {
            listed(&desk, "pi_1", status, captured);
        }
        assert_eq!(check(&desk, 9), Checked::default(), "{what}: it is not due yet");
        assert_eq!(check(&desk, 10), expected, "{what}");
        let kinds: Vec<_> = desk.findings.all().iter().map(|finding| finding.kind.as_str()).collect();
        assert_eq!(kinds, finding.into_iter().collect::<Vec<_>>(), "{what}");
        assert_eq!(desk.queue.take().len(), usize::try_from(expected.healed).expect("few"), "{what}");
        assert!(desk.expectations.all().is_empty(), "{what}: checked once");
    }
    let desk = desk();
    to_check(&desk, "", 2_000);
    desk.api.fail(&source_name("stripe-live"), &question("pi_1"), "503");
    assert_eq!(check(&desk, 10), Checked { waiting: 1, ..Checked::default() });
    listed(&desk, "pi_1", "succeeded", 2_000);
    assert_eq!(check(&desk, 15), met, "asked again, it agrees");
}
