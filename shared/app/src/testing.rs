//! What the tests of several modules share.

mod lines;
mod scripted;

pub(crate) use lines::lines_of;
pub(crate) use scripted::{Mishap, Script, Scripted};

use countersign_domain::dialect::Dialect;
use countersign_domain::ids::{EventId, PaymentId, SourceName};
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

/// A live source of a built-in dialect.
pub(crate) fn source_config(name: &str, dialect: &str) -> SourceConfig {
    let dialect = DialectRef::BuiltIn(dialect.to_owned());
    SourceConfig { account: "acct_1".to_owned(), ..SourceConfig::new(source_name(name), dialect, Mode::Live) }
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
