//! What becomes of an older finding when its payment is looked at again.

use super::*;
use crate::testing::captured_row;
use countersign_domain::finding::Standing;

/// A finding, and what both sides say by now.
struct Older {
    what: &'static str,
    kind: FindingKind,
    payment: &'static str,
    /// Seconds after the window's begin at which the ledger heard of 9.00 EUR; nothing where it never did.
    booked: Option<i64>,
    /// What the provider says was taken and given back; nothing where it does not know the payment.
    theirs: Option<(i64, i64)>,
    then: Standing,
    /// How often the provider is asked.
    asked: usize,
}

/// Before the day of the window: the run would not look at the payment by itself.
const EARLIER: Option<i64> = Some(-48 * HOUR);

const OLDER: [Older; 9] = [
    Older {
        what: "both sides agree by now",
        kind: FindingKind::AmountDiffers,
        payment: "pi_1",
        booked: EARLIER,
        theirs: Some((900, 0)),
        then: Standing::Resolved,
        asked: 1,
    },
    Older {
        what: "they still differ",
        kind: FindingKind::AmountDiffers,
        payment: "pi_1",
        booked: EARLIER,
        theirs: Some((1000, 0)),
        then: Standing::Open,
        asked: 1,
    },
    Older {
        what: "they differ in another way, which is another finding",
        kind: FindingKind::AmountDiffers,
        payment: "pi_1",
        booked: EARLIER,
        theirs: Some((900, 100)),
        then: Standing::Resolved,
        asked: 1,
    },
    Older {
        what: "the provider still does not know it",
        kind: FindingKind::MissingThere,
        payment: "pi_1",
        booked: EARLIER,
        theirs: None,
        then: Standing::Open,
        asked: 1,
    },
    Older {
        what: "this run has just found it again",
        kind: FindingKind::MissingThere,
        payment: "pi_1",
        booked: Some(10),
        theirs: None,
        then: Standing::Open,
        asked: 1,
    },
    Older {
        what: "the ledger knows it by now",
        kind: FindingKind::MissingHere,
        payment: "pi_1",
        booked: EARLIER,
        theirs: Some((900, 0)),
        then: Standing::Resolved,
        asked: 1,
    },
    Older {
        what: "the ledger still does not know it",
        kind: FindingKind::MissingHere,
        payment: "pi_1",
        booked: None,
        theirs: Some((900, 0)),
        then: Standing::Open,
        asked: 1,
    },
    Older {
        what: "no look at both sides tells of a fee",
        kind: FindingKind::FeeDiffers,
        payment: "pi_1",
        booked: EARLIER,
        theirs: Some((900, 0)),
        then: Standing::Open,
        asked: 0,
    },
    Older {
        what: "the provider's list has no such payments",
        kind: FindingKind::MissingThere,
        payment: "ch_1",
        booked: EARLIER,
        theirs: Some((900, 0)),
        then: Standing::Open,
        asked: 0,
    },
];

#[test]
fn an_older_finding_is_settled_when_it_holds_no_longer() {
    for Older { what, kind, payment, booked, theirs, then, asked } in OLDER {
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
        let stands: Vec<_> = desk.findings.cases().iter().map(|case| case.standing).collect();
        assert_eq!((stands, asked_for(&desk).len()), (vec![then], asked), "{what}");
    }
}
