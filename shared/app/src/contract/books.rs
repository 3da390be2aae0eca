//! The promises of the ledger and of the findings.

use super::{event, instant, kind, other, payment, trace};
use crate::ports::{Append, Findings, Ledger, LedgerView, Raised};
use countersign_domain::fact::{DisputeStage, Fact, FundsMovement, PayoutState, RefundState};
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::ids::{ItemId, PaymentId, Sha256Hex, SourceName};
use countersign_domain::ledger::{Cause, LedgerRow, next_row};
use countersign_domain::money::{Currency, Money};
use countersign_domain::time::{SignedDuration, utc_date};

/// The ledger: a version is written once, rows come back as they were and in order, an event finds its own row, and a
/// payment is found on the day of its first row.
///
/// # Panics
/// When the port breaks a promise.
pub async fn ledger(port: &impl Ledger, source: &SourceName) {
    rows_come_back_in_order(port, source).await;
    a_version_is_written_once(port, source).await;
    an_event_finds_its_row(port, source).await;
    payments_are_found_on_their_first_day(port, source).await;
}

fn item(text: &str) -> ItemId {
    ItemId::new(text).expect("an item id")
}

/// One fact of each sort, with words in every optional place.
fn facts() -> Vec<Fact> {
    let amount = Money { minor: 1_999, currency: Currency::from_code("EUR").expect("EUR") };
    let half = Money { minor: 1_000, ..amount };
    vec![
        Fact::Initiated { amount },
        Fact::RequiresAction,
        Fact::Pending,
        Fact::Failed { attempt: item("ch_1") },
        Fact::Authorized { amount },
        Fact::Captured { amount: half },
        Fact::Captured { amount },
        Fact::Refund { refund: item("re_1"), amount: half, state: RefundState::Pending },
        Fact::Refund { refund: item("re_1"), amount: half, state: RefundState::Succeeded },
        Fact::Refunded { amount: half },
        // Said once more: a row without a change.
        Fact::Refunded { amount: half },
        Fact::Dispute { dispute: item("dp_1"), amount, stage: DisputeStage::Open },
        Fact::DisputeFunds { dispute: item("dp_1"), amount, movement: FundsMovement::Withdrawn },
        Fact::DisputeFunds { dispute: item("dp_1"), amount, movement: FundsMovement::Reinstated },
        Fact::Payout { payout: item("po_1"), amount, state: PayoutState::Paid },
        Fact::CaptureReversed { reversal: item("rv_1"), amount },
        Fact::Canceled,
        Fact::Expired,
    ]
}

/// The rows that facts make of a payment; the event of row `n` is `{payment}-n`, and it was written at `recorded`.
fn rows(source: &SourceName, of: &PaymentId, facts: Vec<Fact>, recorded_seconds: i64) -> Vec<LedgerRow> {
    let mut rows: Vec<LedgerRow> = Vec::new();
    for (n, fact) in facts.into_iter().enumerate() {
        let cause = Cause {
            event: event(&format!("{of}-{}", n.saturating_add(1))),
            kind: kind("some.thing"),
            occurred_at: n.is_multiple_of(2).then(|| instant(-3)),
            received_at: instant(recorded_seconds.saturating_sub(1)),
            trace: trace(&format!("{of}-{n}")),
        };
        let row = next_row(rows.last(), source, of, cause, fact, instant(recorded_seconds));
        rows.push(row.expect("facts that do not contradict each other"));
    }
    rows
}

async fn append(port: &impl Ledger, row: &LedgerRow) -> Append {
    port.append(row).await.expect("ledger.append")
}

async fn history(port: &impl Ledger, source: &SourceName, of: &PaymentId) -> Vec<LedgerRow> {
    port.history(source, of).await.expect("ledger.history")
}

async fn rows_come_back_in_order(port: &impl Ledger, source: &SourceName) {
    let of = payment("pi_order");
    assert_eq!(history(port, source, &of).await, [], "nothing is known of it yet");
    // More than nine, so that versions that were ordered as texts would show.
    let rows = rows(source, &of, facts(), 0);
    assert!(rows.len() > 10 && rows.iter().any(|row| row.change.is_none()), "the rows are worth keeping");
    for row in &rows {
        assert_eq!(append(port, row).await, Append::Appended);
    }
    assert_eq!(history(port, source, &of).await, rows, "every row as it was written, oldest first");
    for (whose, neighbour) in [(source, "pi_orde"), (source, "pi_order2"), (&other(source), "pi_order")] {
        assert_eq!(history(port, whose, &payment(neighbour)).await, [], "{whose} {neighbour} has no rows");
    }
}

async fn a_version_is_written_once(port: &impl Ledger, source: &SourceName) {
    let of = payment("pi_once");
    let written = rows(source, &of, facts(), 0);
    let (first, second) = (&written[0], &written[1]);
    assert_eq!(append(port, first).await, Append::Appended);
    assert_eq!(append(port, first).await, Append::Stale, "our own append, whose answer was lost");
    let mut rival = first.clone();
    rival.cause.event = event("rival");
    assert_eq!(append(port, &rival).await, Append::Stale, "another event was first");
    assert_eq!(history(port, source, &of).await, written[..1], "the first row stays");
    assert_eq!(append(port, second).await, Append::Appended, "the next version is free");
    // The same version of another payment, and of the same reference at another source, is free.
    let others = [(other(source), of.clone()), (source.clone(), payment("pi_once2"))];
    for (whose, of) in others {
        let theirs = rows(&whose, &of, facts(), 0);
        assert_eq!(append(port, &theirs[0]).await, Append::Appended, "{whose} {of} has versions of its own");
    }
    assert_eq!(history(port, source, &of).await, written[..2]);
}

async fn an_event_finds_its_row(port: &impl Ledger, source: &SourceName) {
    let of = payment("pi_view");
    let view =
        async |whose: &SourceName, id: &str| port.view(whose, &of, &event(id)).await.expect("ledger.view");
    assert_eq!(view(source, "pi_view-1").await, LedgerView::default(), "nothing is known of it yet");
    let rows = rows(source, &of, facts(), 0);
    for row in &rows {
        assert_eq!(append(port, row).await, Append::Appended);
    }
    for row in &rows {
        let expected = LedgerView { latest: rows.last().cloned(), of_event: Some(row.clone()) };
        assert_eq!(view(source, row.cause.event.as_str()).await, expected, "{}", row.cause.event);
    }
    let unknown = LedgerView { latest: rows.last().cloned(), of_event: None };
    assert_eq!(view(source, "pi_view").await, unknown, "an event that was never applied has no row");
    assert_eq!(view(&other(source), "pi_view-1").await, LedgerView::default(), "sources are apart");
}

async fn payments_are_found_on_their_first_day(port: &impl Ledger, source: &SourceName) {
    // A day of its own, far from the other checks, and enough payments to fall into every shard.
    let (day, next_day) = (40 * 86_400, 41 * 86_400);
    let mut opened = Vec::new();
    for n in 0..24 {
        let of = payment(&format!("pi_day_{n}"));
        let mut written = rows(source, &of, facts(), day);
        written[1].recorded_at = instant(next_day);
        assert_eq!(append(port, &written[0]).await, Append::Appended);
        assert_eq!(append(port, &written[1]).await, Append::Appended);
        opened.push(of);
    }
    let late = rows(source, &payment("pi_day_late"), facts(), next_day);
    assert_eq!(append(port, &late[0]).await, Append::Appended);
    let stranger = rows(&other(source), &payment("pi_day_other"), facts(), day);
    assert_eq!(append(port, &stranger[0]).await, Append::Appended);

    let on = async |seconds: i64| {
        let date = utc_date(instant(seconds));
        let mut found = port.opened_on(source, &date).await.expect("ledger.opened_on");
        found.sort();
        found
    };
    opened.sort();
    assert_eq!(on(day).await, opened, "each payment once, on the day of its first row");
    assert_eq!(on(next_day).await, [payment("pi_day_late")], "later rows do not count");
    let day_before = day.saturating_sub(86_400);
    assert_eq!(on(day_before).await, [], "nothing began that day");
}

const KINDS: [FindingKind; FindingKind::ALL.len()] = FindingKind::ALL;

/// The findings: the first record of a doubt stays, and a doubt of another kind, subject or source is another.
///
/// # Panics
/// When the port breaks a promise.
pub async fn findings(port: &impl Findings, source: &SourceName) {
    let listed = async |of: &SourceName| {
        let mut listed = port.list(of).await.expect("findings.list");
        listed.sort_by_key(Finding::id);
        listed
    };
    let raise = async |finding: &Finding| port.raise(finding).await.expect("findings.raise");
    assert_eq!(listed(source).await, [], "nothing is in doubt yet");

    let subjects = [
        Subject::Event(event("evt_1")),
        Subject::Payment(payment("evt_1")),
        Subject::Delivery(Sha256Hex::of(&[b"evt_1"])),
    ];
    let mut raised = Vec::new();
    for (kind, subject) in
        KINDS.into_iter().flat_map(|kind| subjects.iter().map(move |subject| (kind, subject)))
    {
        let reason = format!("because of \"{}\" {{}} <&", kind.as_str());
        let finding = Finding {
            source: source.clone(),
            kind,
            subject: subject.clone(),
            reason,
            at_stake: None,
            found_at: instant(0),
        };
        assert_eq!(raise(&finding).await, Raised::New, "{} {subject}", kind.as_str());
        raised.push(finding);
    }
    for finding in &raised {
        let again = Finding {
            reason: "another reason".to_owned(),
            found_at: finding.found_at.checked_add(SignedDuration::from_hours(1)).expect("an instant"),
            ..finding.clone()
        };
        assert_eq!(
            raise(&again).await,
            Raised::Known,
            "the same doubt about the same thing is the same finding"
        );
    }
    raised.sort_by_key(Finding::id);
    assert_eq!(listed(source).await, raised, "the first record of each stays");

    let elsewhere = other(source);
    assert_eq!(listed(&elsewhere).await, [], "sources are apart");
    let theirs = Finding { source: elsewhere.clone(), ..raised[0].clone() };
    assert_eq!(raise(&theirs).await, Raised::New, "the same doubt at another source is another");
    assert_eq!(listed(&elsewhere).await, [theirs]);
    assert_eq!(listed(source).await, raised);
}
