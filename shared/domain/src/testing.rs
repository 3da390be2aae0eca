//! What the tests of several modules share.

use crate::dialect::Dialect;
use crate::ids::{ItemId, SourceName};
use crate::money::{Currency, Money};
use crate::source::{Mode, Source};
use crate::time::{Timestamp, from_seconds};
use std::path::PathBuf;
use std::sync::Arc;

/// A moment that means nothing.
pub(crate) const NOW_SECONDS: i64 = 1_764_000_000;

pub(crate) fn now() -> Timestamp {
    from_seconds(NOW_SECONDS)
}

pub(crate) fn money(minor: i64, code: &str) -> Money {
    Money { minor, currency: Currency::from_code(code).expect("a currency") }
}

pub(crate) fn item(text: &str) -> ItemId {
    ItemId::new(text).expect("an item id")
}

pub(crate) fn source_name() -> SourceName {
    SourceName::new("shop").expect("a source name")
}

pub(crate) fn built_in(name: &str) -> Dialect {
    Arc::unwrap_or_clone(Dialect::built_in(name).expect("a dialect that checks").expect("a built-in dialect"))
}

pub(crate) fn source(dialect: impl Into<Arc<Dialect>>, mode: Mode) -> Source {
    Source {
        name: source_name(),
        dialect: dialect.into(),
        mode,
        api_base_url: None,
        asks_back: false,
        second_factors: Default::default(),
        expect_within_seconds: None,
        policy: Default::default(),
        reports: Default::default(),
        configuration: crate::ids::Sha256Hex::of(&[]),
    }
}

/// A place in the repository, from its root.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(path: &str) -> Vec<u8> {
    let path = repository("tests/fixtures").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares a checked-in text with what it should be, or writes it when the person asks for that.
#[track_caller]
pub(crate) fn assert_checked_in(path: &str, expected: &str) {
    const UPDATE: &str = "COUNTERSIGN_UPDATE";
    let file = repository(path);
    #[expect(clippy::disallowed_methods, reason = "the person's wish to update, not configuration")]
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, expected).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    if found == expected {
        return;
    }
    let line = found.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let line = line.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    panic!(
        "{path} has drifted at line {}:\n  checked in: {}\n  now:        {}\nIf the change is meant, run {UPDATE}=1 cargo \
         test -p countersign-domain, and read the diff.",
        line.saturating_add(1),
        found.lines().nth(line).unwrap_or("(end)"),
        expected.lines().nth(line).unwrap_or("(end)"),
    );
}
