use super::*;
use crate::memory::{MemorySecrets, MemorySources};
use crate::testing::{
    Mishap, OTHER_SECRET, SECRET, SOURCE, Script, Scripted, at, now_or_never, signed, source_config,
    source_name,
};
use countersign_domain::signature::{Delivery, Headers, KeyAge, verify};
use countersign_domain::source::{DialectRef, SourceConfig};

fn pair(current: &str, previous: Option<&str>) -> SecretPair {
    SecretPair { current: current.to_owned(), previous: previous.map(str::to_owned), ..SecretPair::default() }
}

/// A key cache over a store that holds [`SECRET`] for [`SOURCE`].
struct Keys {
    cache: KeyCache,
    stored: MemorySecrets,
    secrets: Scripted<MemorySecrets>,
    source: Source,
}

impl Keys {
    fn new() -> Self {
        let stored = MemorySecrets::default();
        stored.set(source_name(SOURCE), pair(SECRET, None));
        Self {
            cache: KeyCache::default(),
            secrets: Scripted::new(stored.clone(), &Script::default()),
            stored,
            source: Source::try_from(source_config(SOURCE, "stripe")).expect("a source"),
        }
    }

    fn get(&self, seconds: i64, reason: Reason) -> Port<Option<Arc<SigningKeys>>> {
        now_or_never(self.cache.get(&self.secrets, &self.source, at(seconds), reason))
    }

    fn fetches(&self) -> usize {
        self.secrets.script.calls().len()
    }

    /// Which of the keys that are given out now proves a body that was signed with this secret.
    fn age_of(&self, seconds: i64, secret: &str) -> Option<KeyAge> {
        let keys = self.get(seconds, Reason::Verify).expect("keys").expect("keys");
        let headers = signed("stripe", secret, b"{}", at(seconds));
        let headers = Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let delivery = Delivery { headers: &headers, body: b"{}", path_token: None, source_ip: None };
        verify(&self.source.dialect.auth, &keys, delivery, at(seconds)).ok().map(|verified| verified.key())
    }
}

#[test]
fn secrets_are_believed_for_five_minutes_and_looked_at_again_after_a_failure_but_not_at_once() {
    use Reason::{Failed, Verify};
    let keys = Keys::new();
    // At which second, asked why: whether the store is called, and whether there are keys.
    for (seconds, reason, is_called, is_given) in [
        (0, Verify, true, true),
        (1, Verify, false, true),
        (1, Failed, false, false),
        (29, Failed, false, false),
        (30, Failed, true, true),
        (31, Failed, false, false),
        (59, Failed, false, false),
        (60, Failed, true, true),
        (359, Verify, false, true),
        (360, Verify, true, true),
        (361, Failed, false, false),
        (10_000, Failed, true, true),
        // The clock was set back.
        (9_000, Verify, true, true),
    ] {
        let found = keys.get(seconds, reason).expect("the store answers");
        assert_eq!((keys.fetches() == 1, found.is_some()), (is_called, is_given), "{seconds} s, {reason:?}");
    }
}

#[test]
fn a_secret_store_that_fails_is_not_called_more_often_than_one_that_answers() {
    let keys = Keys::new();
    assert!(keys.get(0, Reason::Verify).is_ok());
    keys.secrets.script.next("secrets.fetch", Mishap::Refused);
    keys.secrets.script.next("secrets.fetch", Mishap::Refused);
    assert!(keys.get(40, Reason::Failed).is_err());
    assert_eq!(keys.fetches(), 2, "the first read and the one that failed");
    for seconds in 40..70 {
        assert!(matches!(keys.get(seconds, Reason::Failed), Ok(None)), "{seconds} s");
        assert!(
            matches!(keys.get(seconds, Reason::Verify), Ok(Some(_))),
            "what was read before is still believed"
        );
    }
    assert_eq!(keys.fetches(), 0, "not again within thirty seconds");
    // Failing reads do not prolong the belief.
    assert!(keys.get(299, Reason::Verify).is_ok());
    assert!(keys.get(300, Reason::Verify).is_err());
    assert!(keys.get(300, Reason::Verify).is_ok());
}

#[test]
fn a_rotation_comes_into_force_with_the_next_read() {
    let keys = Keys::new();
    let ages = |seconds| [keys.age_of(seconds, SECRET), keys.age_of(seconds, OTHER_SECRET)];
    let (current, previous) = (Some(KeyAge::Current), Some(KeyAge::Previous));
    assert_eq!(ages(0), [current, None]);
    keys.stored.set(source_name(SOURCE), pair(OTHER_SECRET, Some(SECRET)));
    assert_eq!(ages(200), [current, None], "still believed");
    assert!(matches!(keys.get(200, Reason::Failed), Ok(Some(_))), "a failure makes it look");
    assert_eq!(ages(200), [previous, current]);
    keys.stored.set(source_name(SOURCE), pair(OTHER_SECRET, None));
    assert_eq!(ages(499), [previous, current], "still believed");
    assert_eq!(ages(500), [None, current], "what was taken away is gone within five minutes");
}

#[test]
fn a_source_without_usable_secrets_has_no_keys() {
    let keys = Keys::new();
    for (pair, message) in [
        (pair("short", None), "the secret has 5 bytes of key, fewer than 8"),
        (pair(SECRET, Some("short")), "the secret has 5 bytes of key, fewer than 8"),
    ] {
        keys.stored.set(source_name(SOURCE), pair);
        let error = keys.get(0, Reason::Verify).expect_err("no keys");
        assert_eq!(error.chain(), format!("secrets: decode failed: {message}"));
    }
    let mut stranger = keys.source.clone();
    stranger.name = source_name("stranger");
    let found = now_or_never(keys.cache.get(&keys.secrets, &stranger, at(0), Reason::Verify));
    let error = found.expect_err("no keys");
    assert_eq!(error.chain(), "secrets: fetch failed: source stranger has no signing secret: add one");
}

/// A source cache over a store.
struct Names {
    cache: SourceCache,
    stored: MemorySources,
    sources: Scripted<MemorySources>,
}

impl Names {
    fn new() -> Self {
        let stored = MemorySources::default();
        let sources = Scripted::new(stored.clone(), &Script::default());
        Self { cache: SourceCache::default(), stored, sources }
    }

    fn get(&self, name: &str, seconds: i64) -> Port<Option<Arc<Source>>> {
        now_or_never(self.cache.get(&self.sources, &source_name(name), at(seconds)))
    }
}

#[test]
fn sources_are_believed_for_a_minute_whether_there_are_any_or_not() {
    let names = Names::new();
    let disabled = SourceConfig { state: SourceState::Disabled, ..source_config(SOURCE, "stripe") };
    // At which second the store is given what, whether it is then called, and whether there is a source.
    for (seconds, stored, is_called, is_given) in [
        (0, None, true, false),
        (59, Some(source_config(SOURCE, "stripe")), false, false),
        (60, None, true, true),
        (119, Some(disabled), false, true),
        (120, None, true, false),
        (179, Some(source_config(SOURCE, "partner-hmac")), false, false),
        (180, None, true, true),
        // The clock was set back.
        (100, None, true, true),
    ] {
        if let Some(config) = stored {
            names.stored.set(config);
        }
        let found = names.get(SOURCE, seconds).expect("the store answers");
        let is_seen_called = names.sources.script.calls() == ["sources.fetch"];
        assert_eq!((is_seen_called, found.is_some()), (is_called, is_given), "{seconds} s");
    }
}

#[test]
fn a_source_that_does_not_work_is_an_error_until_it_does() {
    let names = Names::new();
    names.stored.set(source_config(SOURCE, "no-such-dialect"));
    for _ in 0..2 {
        let error = names.get(SOURCE, 0).expect_err("it does not work");
        let message =
            "sources: compile failed: source shop: there is no built-in dialect \"no-such-dialect\"";
        assert!(error.chain().starts_with(message), "{}", error.chain());
    }
    names.stored.set(source_config(SOURCE, "stripe"));
    assert!(names.get(SOURCE, 0).expect("it works").is_some(), "an error is not remembered");
    names.sources.script.next("sources.fetch", Mishap::Refused);
    assert!(names.get(SOURCE, 60).is_err());
    assert!(names.get(SOURCE, 60).expect("the store answers").is_some(), "nor is a failed call");
}

#[test]
fn of_names_that_nobody_has_each_is_asked_for_once() {
    let names = Names::new();
    for name in ["nobody", "somebody", "nobody", "somebody"] {
        assert!(names.get(name, 0).expect("the store answers").is_none());
    }
    assert_eq!(names.sources.script.calls(), ["sources.fetch"; 2]);
}

#[test]
fn made_up_names_cannot_fill_the_memory() {
    let names = Names::new();
    names.stored.set(source_config(SOURCE, "stripe"));
    assert!(names.get(SOURCE, 0).expect("the store answers").is_some());
    for n in 0..=UNKNOWN_NAMES_MAX {
        assert!(names.get(&format!("made-up-{n}"), 0).expect("the store answers").is_none());
        assert!(lock(&names.cache.known).len() <= UNKNOWN_NAMES_MAX, "after {n} names");
    }
    names.sources.script.calls();
    assert!(names.get(SOURCE, 0).expect("the store answers").is_some());
    assert!(names.sources.script.calls().is_empty(), "what there is stays remembered");
}

#[test]
fn warming_reads_everything_that_works_in_one_call() {
    let names = Names::new();
    let own =
        SourceConfig { dialect: DialectRef::Own("broken".to_owned()), ..source_config("broken", "stripe") };
    let disabled = SourceConfig { state: SourceState::Disabled, ..source_config("disabled", "stripe") };
    for config in [source_config(SOURCE, "stripe"), source_config("partner", "partner-hmac"), own, disabled] {
        names.stored.set(config);
    }
    let warmed = now_or_never(names.cache.warm(&names.sources, at(0))).expect("the store answers");
    assert_eq!(warmed.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["partner", SOURCE]);
    assert_eq!(names.sources.script.calls(), ["sources.list"]);
    assert!(names.get(SOURCE, 59).expect("warm").is_some());
    assert!(names.sources.script.calls().is_empty(), "the first delivery finds it");
    assert!(names.get("broken", 0).is_err(), "its own delivery is told");
    names.sources.script.next("sources.list", Mishap::Refused);
    assert!(now_or_never(names.cache.warm(&names.sources, at(0))).is_err());
}
