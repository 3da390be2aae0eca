//! How each provider writes down what happened.

use super::api::Paid;
use super::books::{Currency, Garble, Telling};
use crate::auditor::model::{Account, Happening, Progress, Stage};
use countersign_domain::dialect::Dialect;
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::sign::sign;
use countersign_domain::source::DialectRef;
use countersign_domain::time::from_seconds;
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};

/// The providers that the world knows, each speaking a built-in dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lists of events, in our own words.
    Partner,
    /// One event, its id in a header.
    Standard,
    /// Stripe's own objects.
    Stripe,
}

/// Stripe with lists that are paged through by position.
const PAGED_BY_POSITION: &str = include_str!("by_position.toml");
/// Items on its pages.
pub(super) const ITEMS_BY_POSITION: usize = 2;

struct Dialects {
    partner: Arc<Dialect>,
    standard: Arc<Dialect>,
    stripe: Arc<Dialect>,
}

/// Compiled once: every world signs with them.
static DIALECTS: LazyLock<Dialects> = LazyLock::new(|| {
    let built_in =
        |name| Dialect::built_in(name).expect("a dialect that checks").expect("a built-in dialect");
    Dialects {
        partner: built_in("partner-hmac"),
        standard: built_in("standard-webhooks"),
        stripe: built_in("stripe"),
    }
});

impl Format {
    /// Its dialect, as a source is configured with it.
    pub(crate) fn dialect_ref(self) -> DialectRef {
        if self == Self::Stripe && is_planted(Mistake::PagesByPosition) {
            return DialectRef::Own(PAGED_BY_POSITION.to_owned());
        }
        DialectRef::BuiltIn(self.compiled().name.clone())
    }

    fn compiled(self) -> &'static Dialect {
        match self {
            Self::Partner => &DIALECTS.partner,
            Self::Standard => &DIALECTS.standard,
            Self::Stripe => &DIALECTS.stripe,
        }
    }

    /// The headers of a delivery, signed. `id` is the webhook's, where the scheme has one.
    pub(crate) fn headers(
        self,
        secret: &str,
        id: &str,
        body: &[u8],
        at_seconds: i64,
    ) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if self == Self::Standard {
            headers.push(("webhook-id".to_owned(), id.to_owned()));
        }
        let auth = &self.compiled().auth;
        let proof =
            sign(auth, secret, &headers, body, from_seconds(at_seconds)).expect("a secret that is a key");
        headers.extend(proof);
        headers
    }

    /// Drops what proves a delivery.
    pub(crate) fn unsigned(self, headers: &[(String, String)]) -> Vec<(String, String)> {
        let proof = match self {
            Self::Partner => "x-signature",
            Self::Standard => "webhook-signature",
            Self::Stripe => "stripe-signature",
        };
        headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(proof)).cloned().collect()
    }

    /// One event as its bytes in a delivery.
    pub(crate) fn item(self, event: &Telltale<'_>) -> String {
        match self {
            Self::Partner | Self::Standard => self.own_words(event),
            Self::Stripe => stripe(event),
        }
    }

    /// The body of a delivery of these items.
    pub(crate) fn body(self, items: &[String]) -> Vec<u8> {
        match self {
            Self::Partner => format!(r#"{{"events": [{}]}}"#, items.join(", ")).into_bytes(),
            Self::Standard | Self::Stripe => items.concat().into_bytes(),
        }
    }

    fn own_words(self, event: &Telltale<'_>) -> String {
        let (kind, mut fields) = match event.telling {
            Telling::Happens(happening) => own_happening(happening, event.currency),
            Telling::Unmapped => ("invoice.sent", Map::new()),
            Telling::Garbled(garble) => own_garbled(*garble),
        };
        let reference = if kind == "payout.updated" { "payout" } else { "payment" };
        fields.insert(reference.to_owned(), event.payment.into());
        let time = from_seconds(event.at_seconds).to_string();
        let whole = match self {
            Self::Partner => {
                fields.insert("customer".to_owned(), payer());
                fields.extend([("id", event.id), ("type", kind), ("occurred_at", &time)].map(text));
                Value::Object(fields)
            }
            Self::Standard | Self::Stripe => {
                json!({ "type": kind, "timestamp": time, "data": fields, "customer": payer() })
            }
        };
        whole.to_string()
    }
}

/// What is needed to write an event down.
pub(crate) struct Telltale<'a> {
    pub(crate) id: &'a str,
    pub(crate) payment: &'a str,
    pub(crate) currency: Currency,
    pub(crate) telling: &'a Telling,
    pub(crate) at_seconds: i64,
}

/// What nobody but the provider and the inbox may ever hold, one piece of each kind.
pub(crate) const PERSONAL: [&str; 3] = ["Jo Private", "jo@private.example", "4000056655665556"];

fn payer() -> Value {
    let [name, email, card] = PERSONAL;
    json!({ "name": name, "email": email, "card": card })
}

fn text((name, value): (&str, &str)) -> (String, Value) {
    (name.to_owned(), value.into())
}

/// Minor units in major units: `20.00`.
fn decimal(minor: i64, currency: Currency) -> String {
    let digits = format!("{minor:0>width$}", width = currency.decimals.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(currency.decimals));
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

fn progress_word(progress: Progress, succeeded: &'static str) -> &'static str {
    match progress {
        Progress::Pending => "pending",
        Progress::Succeeded => succeeded,
        Progress::Canceled => "canceled",
        Progress::Failed => "failed",
    }
}

fn own_happening(happening: &Happening, currency: Currency) -> (&'static str, Map<String, Value>) {
    let (kind, more) = match happening {
        Happening::Asked(_) => ("payment.initiated", vec![]),
        Happening::NeedsAction => ("payment.requires_action", vec![]),
        Happening::Processing => ("payment.pending", vec![]),
        Happening::Declined(attempt) => ("payment.failed", vec![("attempt", attempt.as_str())]),
        Happening::Reserved(_) => ("payment.authorized", vec![]),
        Happening::TakenInAll(_) => ("payment.captured", vec![]),
        Happening::CalledOff => ("payment.canceled", vec![]),
        Happening::RanOut => ("payment.expired", vec![]),
        Happening::PulledBack { item, .. } => ("payment.capture_reversed", vec![("reversal", item.as_str())]),
        Happening::GivenBackInAll(_) => ("payment.refunded", vec![]),
        Happening::Refund { item, progress, .. } => (
            "refund.updated",
            vec![("refund", item.as_str()), ("state", progress_word(*progress, "succeeded"))],
        ),
        Happening::Dispute { item, stage, .. } => {
            ("dispute.updated", vec![("dispute", item.as_str()), ("stage", *stage)])
        }
        Happening::DisputeTook { item, .. } => ("dispute.funds_withdrawn", vec![("dispute", item.as_str())]),
        Happening::DisputeGave { item, .. } => ("dispute.funds_reinstated", vec![("dispute", item.as_str())]),
        Happening::Payout { progress, .. } => {
            ("payout.updated", vec![("state", progress_word(*progress, "paid"))])
        }
    };
    let mut fields: Map<_, _> = more.into_iter().map(text).collect();
    if let Some(amount) = happening.amount() {
        fields.extend([("amount", &*decimal(amount, currency)), ("currency", currency.code)].map(text));
    }
    (kind, fields)
}

fn own_garbled(garble: Garble) -> (&'static str, Map<String, Value>) {
    let (kind, fields) = match garble {
        Garble::Currency => ("payment.captured", vec![("amount", "1.00"), ("currency", "BTC")]),
        Garble::Fraction => ("payment.captured", vec![("amount", "1.0001"), ("currency", "EUR")]),
        Garble::NoAmount => ("payment.captured", vec![("currency", "EUR")]),
        Garble::State => {
            let state = [("refund", "re_x"), ("state", "floating"), ("amount", "1.00"), ("currency", "EUR")];
            ("refund.updated", state.to_vec())
        }
    };
    (kind, fields.into_iter().map(text).collect())
}

fn stripe(event: &Telltale<'_>) -> String {
    let (kind, mut object) = match event.telling {
        Telling::Happens(happening) => stripe_happening(happening, event.payment),
        Telling::Unmapped => ("customer.updated", json!({ "id": "cus_1" })),
        Telling::Garbled(garble) => stripe_garbled(*garble, event.payment),
    };
    if object.get("currency").is_none()
        && let Some(fields) = object.as_object_mut()
    {
        fields.insert("currency".to_owned(), event.currency.code.to_ascii_lowercase().into());
    }
    if let Some(fields) = object.as_object_mut() {
        fields.insert("billing_details".to_owned(), payer());
    }
    let created = event.at_seconds;
    json!({ "id": event.id, "type": kind, "created": created, "livemode": true, "data": { "object": object } })
        .to_string()
}

fn stripe_happening(happening: &Happening, payment: &str) -> (&'static str, Value) {
    match happening {
        Happening::Asked(amount) => ("payment_intent.created", json!({ "id": payment, "amount": amount })),
        Happening::NeedsAction => ("payment_intent.requires_action", json!({ "id": payment })),
        Happening::Processing => ("payment_intent.processing", json!({ "id": payment })),
        Happening::Declined(attempt) => {
            let object = json!({ "id": payment, "last_payment_error": { "charge": attempt } });
            ("payment_intent.payment_failed", object)
        }
        Happening::Reserved(amount) => {
            let object = json!({ "id": payment, "amount": amount, "amount_capturable": amount });
            ("payment_intent.amount_capturable_updated", object)
        }
        Happening::TakenInAll(amount) => (
            "payment_intent.succeeded",
            json!({ "id": payment, "amount": amount, "amount_received": amount }),
        ),
        Happening::CalledOff => ("payment_intent.canceled", json!({ "id": payment })),
        Happening::RanOut => ("charge.expired", json!({ "id": "ch_1", "payment_intent": payment })),
        Happening::GivenBackInAll(total) => {
            let charge = json!({
                "id": "ch_1", "payment_intent": payment, "captured": true,
                "amount": 1_000_000, "amount_captured": 1_000_000, "amount_refunded": total,
            });
            ("charge.refunded", charge)
        }
        Happening::Refund { item, amount, progress } => {
            let kind = if *progress == Progress::Failed { "refund.failed" } else { "refund.updated" };
            let status = progress_word(*progress, "succeeded");
            (kind, json!({ "id": item, "payment_intent": payment, "amount": amount, "status": status }))
        }
        Happening::Dispute { item, amount, stage } => {
            let status = match *stage {
                "inquiry" => "warning_needs_response",
                "open" => "needs_response",
                other => other,
            };
            let object = json!({ "id": item, "payment_intent": payment, "amount": amount, "status": status });
            ("charge.dispute.updated", object)
        }
        Happening::DisputeTook { item, amount } => (
            "charge.dispute.funds_withdrawn",
            json!({ "id": item, "payment_intent": payment, "amount": amount }),
        ),
        Happening::DisputeGave { item, amount } => (
            "charge.dispute.funds_reinstated",
            json!({ "id": item, "payment_intent": payment, "amount": amount }),
        ),
        Happening::Payout { item, amount, progress } => {
            let status = progress_word(*progress, "paid");
            ("payout.updated", json!({ "id": item, "amount": amount, "status": status }))
        }
        // No event of Stripe's says this; its payments never do it.
        Happening::PulledBack { .. } => ("charge.updated", json!({ "id": "ch_1" })),
    }
}

/// A payment as the provider's API shows it.
pub(super) fn snapshot(id: &str, paid: &Paid, account: &Account) -> String {
    let (asked, reserved, taken) = account.money();
    let status = match account.stage() {
        Stage::Unknown | Stage::Initiated | Stage::Failed => "requires_payment_method",
        Stage::RequiresAction => "requires_action",
        Stage::Pending => "processing",
        Stage::Authorized => "requires_capture",
        Stage::Expired | Stage::Canceled => "canceled",
        Stage::PartiallyCaptured | Stage::Captured | Stage::Reversed => "succeeded",
    };
    let charged = reserved.max(taken);
    // What is released of a reservation counts as given back too: it is Stripe's way.
    let refunded = account.given_back().saturating_add(charged.saturating_sub(taken));
    let charge = json!({ "amount": charged, "amount_captured": taken, "amount_refunded": refunded });
    json!({
        "id": id,
        "object": "payment_intent",
        "amount": asked,
        "amount_capturable": if account.stage() == Stage::Authorized { reserved } else { 0 },
        "amount_received": taken,
        "currency": paid.currency.code.to_ascii_lowercase(),
        "created": paid.created_ms.div_euclid(1_000),
        "status": status,
        "latest_charge": if charged > 0 { charge } else { Value::Null },
    })
    .to_string()
}

fn stripe_garbled(garble: Garble, payment: &str) -> (&'static str, Value) {
    let taken = |more: Value| {
        let mut object = json!({ "id": payment });
        if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) {
            fields.extend(more);
        }
        ("payment_intent.succeeded", object)
    };
    match garble {
        Garble::Currency => taken(json!({ "amount_received": 100, "currency": "btc" })),
        Garble::Fraction => taken(json!({ "amount_received": 1.5, "currency": "eur" })),
        Garble::NoAmount => taken(json!({ "currency": "eur" })),
        Garble::State => {
            let refund =
                json!({ "id": "re_x", "payment_intent": payment, "amount": 1, "status": "floating" });
            ("refund.updated", refund)
        }
    }
}
