//! What is in force is always the newest version, and no version is ever lost.

use super::*;
use crate::caches::SourceCache;
use crate::memory::MemorySources;
use crate::testing::{OTHER_SECRET, SECRET, SOURCE, at, now_or_never, source_config, source_name};

fn config(account: &str) -> SourceConfig {
    SourceConfig { account: account.to_owned(), ..source_config(SOURCE, "stripe") }
}

/// A store in which the accounts were applied, one after the other.
fn applied(accounts: &[&str]) -> MemorySources {
    let versions = MemorySources::default();
    for (at_second, account) in (0..).zip(accounts) {
        let changed = now_or_never(apply(&versions, config(account), at(at_second))).expect("it is applied");
        assert!(changed.is_new());
    }
    versions
}

/// Every version: its number, account, state and how it was made.
fn history(versions: &MemorySources) -> Vec<(u32, String, SourceState, Made)> {
    let history = now_or_never(versions.history(&source_name(SOURCE))).expect("the history");
    let shown = history
        .into_iter()
        .map(|version| (version.number, version.config.account, version.config.state, version.made));
    shown.collect()
}

fn back(versions: &MemorySources, to: Option<u32>) -> Result<Changed, OnboardError> {
    now_or_never(roll_back(versions, &source_name(SOURCE), to, at(60)))
}

fn turn(versions: &MemorySources, state: SourceState) -> Result<Changed, OnboardError> {
    now_or_never(switch(versions, &source_name(SOURCE), state, at(60)))
}

use Made::{Applied, Disabled as TurnedOff, Enabled as TurnedOn, RolledBack};
use SourceState::{Disabled, Enabled};

#[test]
fn what_is_applied_is_a_version_unless_it_is_in_force() {
    let versions = applied(&["one", "two"]);
    let again = now_or_never(apply(&versions, config("two"), at(9))).expect("it is applied");
    assert!(!again.is_new());
    assert_eq!(again.after.written_at, at(1), "the version that is in force");
    assert_eq!(
        history(&versions),
        [(1, "one".to_owned(), Enabled, Applied), (2, "two".to_owned(), Enabled, Applied)]
    );
}

#[test]
fn going_back_is_a_new_version_with_the_old_content() {
    for (accounts, to, expected) in [
        (&["one", "two"][..], None, Ok((3, "one", 1))),
        (&["one", "two", "three"], None, Ok((4, "two", 2))),
        (&["one", "two", "three"], Some(1), Ok((4, "one", 1))),
        // Back and back again: the newest that says anything else.
        (&["one", "two", "one"], None, Ok((4, "two", 2))),
        (
            &["one"],
            None,
            Err("source shop has no version that says anything else: there is nothing to go back to"),
        ),
        (&["one", "two"], Some(7), Err("source shop has no version 7: it has 1, 2")),
        (&[], None, Err("there is no source shop: `countersign source list` shows those there are")),
    ] {
        let versions = applied(accounts);
        let found = back(&versions, to).map_err(|error| error.to_string());
        let found =
            found.map(|changed| (changed.after.number, changed.after.config.account, changed.after.made));
        let expected = expected.map(|(number, account, to)| (number, account.to_owned(), RolledBack { to }));
        assert_eq!(found, expected.map_err(str::to_owned), "{accounts:?} to {to:?}");
    }
    let versions = applied(&["one", "two"]);
    assert!(!back(&versions, Some(2)).expect("it is in force").is_new());
}

#[test]
fn a_source_that_is_off_stays_off_until_it_is_turned_on() {
    let versions = applied(&["one", "two"]);
    assert!(turn(&versions, Disabled).expect("off").is_new());
    assert!(!turn(&versions, Disabled).expect("off already").is_new());
    now_or_never(apply(&versions, config("three"), at(60))).expect("it is applied");
    back(&versions, Some(1)).expect("it is rolled back");
    turn(&versions, Enabled).expect("on");
    let expected = [
        (1, "one", Enabled, Applied),
        (2, "two", Enabled, Applied),
        (3, "two", Disabled, TurnedOff),
        (4, "three", Disabled, Applied),
        (5, "one", Disabled, RolledBack { to: 1 }),
        (6, "one", Enabled, TurnedOn),
    ];
    assert_eq!(
        history(&versions),
        expected.map(|(n, account, state, made)| (n, account.to_owned(), state, made))
    );
    let error =
        now_or_never(switch(&versions, &source_name("nobody"), Disabled, at(0))).expect_err("no such source");
    assert!(matches!(error, OnboardError::NoSource(_)));
}

/// Another operator writes between the look and the write.
struct Raced(MemorySources);

impl SourceVersions for Raced {
    async fn newest(&self, name: &SourceName) -> crate::ports::Port<Option<SourceVersion>> {
        let newest = self.0.newest(name).await;
        self.0.set(config("the other operator's"));
        newest
    }

    async fn history(&self, name: &SourceName) -> crate::ports::Port<Vec<SourceVersion>> {
        let history = self.0.history(name).await;
        self.0.set(config("the other operator's"));
        history
    }

    async fn write(&self, version: &SourceVersion) -> crate::ports::Port<Written> {
        self.0.write(version).await
    }
}

#[test]
fn two_operators_cannot_overwrite_each_other() {
    let name = source_name(SOURCE);
    let versions = Raced(applied(&["one", "two"]));
    let said = [
        now_or_never(apply(&versions, config("mine"), at(60))),
        now_or_never(roll_back(&versions, &name, None, at(60))),
        now_or_never(switch(&versions, &name, Disabled, at(60))),
    ];
    for (number, found) in (3..).zip(said) {
        let error = found.expect_err("the other was first").to_string();
        let expected =
            format!("somebody else wrote version {number} of source shop meanwhile: nothing was changed");
        assert!(error.starts_with(&expected), "{error}");
    }
    assert_eq!(history(&versions.0).len(), 5, "two of ours, three of theirs");
}

#[test]
fn functions_know_of_a_change_within_a_minute() {
    let (cache, versions, name) = (SourceCache::default(), MemorySources::default(), source_name(SOURCE));
    // At which second what is done, and which dialect the functions speak then.
    let dialect = |seconds| {
        let found = now_or_never(cache.get(&versions, &name, at(seconds))).expect("the store answers");
        found.map(|source| source.dialect.name.clone())
    };
    let apply =
        |dialect| now_or_never(apply(&versions, source_config(SOURCE, dialect), at(0))).expect("applied");
    assert_eq!(dialect(0), None);
    apply("stripe");
    assert_eq!(dialect(60).as_deref(), Some("stripe"));
    apply("partner-hmac");
    assert_eq!(dialect(119).as_deref(), Some("stripe"));
    assert_eq!(dialect(120).as_deref(), Some("partner-hmac"));
    back(&versions, None).expect("rolled back");
    assert_eq!(dialect(180).as_deref(), Some("stripe"));
    turn(&versions, Disabled).expect("off");
    assert_eq!(dialect(240), None);
}

fn pair(current: &str, previous: Option<(&str, Option<i64>)>) -> SecretPair {
    SecretPair {
        current: current.to_owned(),
        previous: previous.map(|(previous, _)| previous.to_owned()),
        previous_until: previous.and_then(|(_, until)| until).map(at),
        basic: vec!["user:password".to_owned()],
        path_tokens: vec!["token".to_owned()],
    }
}

#[test]
fn a_rotation_gives_the_old_secret_an_end() {
    let overlaps = |until| Err(RotateError::Overlaps(until));
    let then = |until| Ok(pair(OTHER_SECRET, Some((SECRET, Some(until)))));
    for (before, new, hours, retires_previous, expected) in [
        (pair(SECRET, None), OTHER_SECRET, 72, false, then(72 * 3_600)),
        // It leaked: known, and refused from now on.
        (pair(SECRET, None), OTHER_SECRET, 0, false, then(0)),
        (pair(SECRET, None), SECRET, 72, false, Err(RotateError::Current)),
        (pair(SECRET, None), OTHER_SECRET, -1, false, Err(RotateError::Overlap)),
        (pair(SECRET, None), OTHER_SECRET, i64::MAX / 3_600, false, Err(RotateError::Overlap)),
        (pair(SECRET, Some(("old", Some(1)))), OTHER_SECRET, 1, false, overlaps(Some(at(1)))),
        (pair(SECRET, Some(("old", Some(1)))), OTHER_SECRET, 1, true, then(3_600)),
        (pair(SECRET, Some(("old", Some(0)))), OTHER_SECRET, 1, false, then(3_600)),
        // As secrets were written before they had an end.
        (pair(SECRET, Some(("old", None))), OTHER_SECRET, 1, false, overlaps(None)),
        (pair(SECRET, Some(("old", None))), OTHER_SECRET, 1, true, then(3_600)),
    ] {
        let overlap = SignedDuration::from_secs(hours * 3_600);
        let found = rotated(&before, new.to_owned(), overlap, retires_previous, at(0));
        assert!(found == expected, "{:?} in {hours} h: {:?}", before.previous_until, found.err());
    }
}

#[test]
fn secrets_are_read_in_both_shapes() {
    for (json, expected) in [
        (r#"{"current":"a"}"#, SecretPair { current: "a".to_owned(), ..SecretPair::default() }),
        (
            r#"{"current":"a","previous":"b"}"#,
            SecretPair { current: "a".to_owned(), previous: Some("b".to_owned()), ..SecretPair::default() },
        ),
        (
            r#"{"current":"a","previous":"b","previous_until":"2025-11-24T16:00:00Z"}"#,
            SecretPair {
                current: "a".to_owned(),
                previous: Some("b".to_owned()),
                previous_until: Some(at(0)),
                ..SecretPair::default()
            },
        ),
    ] {
        assert!(serde_json::from_str::<SecretPair>(json).expect("a pair of secrets") == expected, "{json}");
        assert_eq!(serde_json::to_string(&expected).expect("JSON"), json);
    }
}
