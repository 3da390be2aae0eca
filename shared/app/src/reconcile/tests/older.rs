//! What becomes of an older finding when its payment is looked at again.

use super::*;
use crate::testing::captured_row;
use countersign_domain::finding::Standing;

/// When the ledger heard of a payment that the run would not look at by itself, in seconds after the window's begin.
const EARLIER: Option<i64> = Some(-48 * HOUR);

/// Where a finding stands after a run, and how often the provider was asked for its payment. The ledger says that 9.00 EUR
/// were taken, if it heard of them; the provider what was taken and given back, if it knows the payment.
fn then(
    kind: FindingKind,
    payment: &str,
    booked: Option<i64>,
    theirs: Option<(i64, i64)>,
) -> (Standing, usize) {
    let desk = desk();
    let books = books();
    list(&desk, event_list(&books), &[vec![]]);
    list(&desk, &books.payments, &[vec![]]);
    if let Some(seconds) = booked {
        let row = captured_row("stripe-live", payment, 900, seconds);
        let _ = now_or_never(desk.ledger.append(&row)).expect("the ledger answers");
    }
    if let Some((captured, refunded)) = theirs {
        let path = books.payment_path.replace("{id}", payment);
        let one = ApiRequest { path, query: books.payment_query.clone() };
        let answer = intent(payment, "succeeded", captured, refunded).to_string();
        desk.api.answer(&source_name("stripe-live"), &one, answer);
    }
    let _ = now_or_never(desk.findings.raise(&finding(kind, payment))).expect("the findings answer");
    complete(&desk, false);
    let [case] = desk.findings.cases().try_into().expect("one finding");
    (case.standing, asked_for(&desk).len())
}

#[test]
fn an_older_finding_is_settled_when_it_holds_no_longer() {
    use FindingKind::{AmountDiffers, FeeDiffers, MissingHere, MissingThere};
    use Standing::{Open, Resolved};
    for (what, kind, payment, booked, theirs, expected) in [
        ("both sides agree by now", AmountDiffers, "pi_1", EARLIER, Some((900, 0)), (Resolved, 1)),
        ("they still differ", AmountDiffers, "pi_1", EARLIER, Some((1000, 0)), (Open, 1)),
        ("they differ in another way", AmountDiffers, "pi_1", EARLIER, Some((900, 100)), (Open, 1)),
        ("it is still not known there", MissingThere, "pi_1", EARLIER, None, (Open, 1)),
        ("this run has just found it again", MissingThere, "pi_1", Some(10), None, (Open, 1)),
        ("it is known here by now", MissingHere, "pi_1", EARLIER, Some((900, 0)), (Resolved, 1)),
        ("it is still not known here", MissingHere, "pi_1", None, Some((900, 0)), (Open, 1)),
        ("no look at both sides tells of a fee", FeeDiffers, "pi_1", EARLIER, Some((900, 0)), (Open, 0)),
        ("no such payment is in the list", MissingThere, "ch_1", EARLIER, Some((900, 0)), (Open, 0)),
    ] {
        assert_eq!(then(kind, payment, booked, theirs), expected, "{what}");
    }
}

#[test]
fn a_window_of_an_hour_holds_what_began_in_it() {
    let desk = desk();
    let books = books();
    list(&desk, event_list(&books), &[vec![]]);
    list(&desk, &books.payments, &[vec![]]);
    for (payment, seconds) in [("pi_before", -1), ("pi_first", 0), ("pi_last", HOUR - 1), ("pi_after", HOUR)]
    {
        let row = captured_row("stripe-live", payment, 900, seconds);
        let _ = now_or_never(desk.ledger.append(&row)).expect("the ledger answers");
    }
    let data = complete(&desk, false);
    assert_eq!(asked_for(&desk), ["pi_first", "pi_last"]);
    assert_eq!((data.totals[0].payments, data.open.get("missing_there")), (2, Some(&2)));
}
