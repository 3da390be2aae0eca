//! What the tests of several modules share.

mod lines;
mod scripted;

pub(crate) use lines::lines_of;
pub(crate) use scripted::{Mishap, Script, Scripted};

use countersign_domain::dialect::Dialect;
use countersign_domain::fact::Fact;
use countersign_domain::ids::{EventId, PaymentId, SourceName, TraceId};
use countersign_domain::ledger::{Cause, LedgerRow, next_row};
use countersign_domain::money::{Currency, Money};
use countersign_domain::sign::sign;
use countersign_domain::source::{DialectRef, Mode, SourceConfig};
use countersign_domain::time::{Timestamp, from_seconds};
use futures::FutureExt as _;
use std::future::Future;

/// A source's name, where any will do.
pub(crate) const SOURCE: &str = "shop";
/// A secret that every dialect takes.
pub(crate) const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBvZiBzZWNyZXQ=";
/// Another.
pub(crate) const OTHER_SECRET: &str = "whsec_YW5vdGhlciBzaXh0ZWVuIGJ5dGVz";

/// The outcome of work on ports in memory, which never waits.
pub(crate) fn now_or_never<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("ports in memory never wait")
}

/// Seconds after a moment that means nothing.
pub(crate) fn at(seconds: i64) -> Timestamp {
    from_seconds(1_764_000_000 + seconds)
}

pub(crate) fn source_name(text: &str) -> SourceName {
    SourceName::new(text).expect("a source name")
}

pub(crate) fn event_id(text: &str) -> EventId {
    EventId::new(text).expect("an event id")
}

pub(crate) fn payment_id(text: &str) -> PaymentId {
    PaymentId::new(text).expect("a payment reference")
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

/// A live source of a built-in dialect.
pub(crate) fn source_config(name: &str, dialect: &str) -> SourceConfig {
    let dialect = DialectRef::BuiltIn(dialect.to_owned());
    SourceConfig { account: "acct_1".to_owned(), ..SourceConfig::new(source_name(name), dialect, Mode::Live) }
}

/// The first row of a payment in the ledger: so many minor units of euros were taken, so many seconds after [`at`]`(0)`.
pub(crate) fn captured_row(source: &str, payment: &str, minor: i64, seconds: i64) -> LedgerRow {
    let cause = Cause {
        event: event_id(&format!("e-{payment}")),
        kind: "k".parse().expect("a type"),
        occurred_at: Some(at(seconds)),
        received_at: at(seconds),
        trace: TraceId::of(&["t"]),
    };
    let amount = Money { minor, currency: currency("EUR") };
    let fact = Fact::Captured { amount };
    next_row(None, &source_name(source), &payment_id(payment), cause, fact, at(seconds)).expect("it fits")
}

/// A source that was stored when its dialect still compiled.
pub(crate) fn broken_config(name: &str) -> SourceConfig {
    SourceConfig { dialect: DialectRef::Own("signed = 1".to_owned()), ..source_config(name, "stripe") }
}

/// The headers that prove a body at a source of a built-in dialect.
pub(crate) fn signed(dialect: &str, secret: &str, body: &[u8], now: Timestamp) -> Vec<(String, String)> {
    let dialect = Dialect::built_in(dialect).expect("a dialect that checks").expect("a built-in dialect");
    sign(&dialect.auth, secret, &[], body, now).expect("a secret that is a key")
}
