//! The promises of what is configured and of what drifts.

use super::{event, instant, kind, other};
use crate::ports::{
    Drift, Drifted, Made, Seen, Sighting, SourceVersion, SourceVersions, Sources, Unknown, Written,
};
use countersign_domain::ids::SourceName;
use countersign_domain::source::{DialectRef, Mode, SourceConfig};

/// The versions of a source: each is written once and read as it was written, and the newest is in force.
///
/// # Panics
/// When the port breaks a promise.
pub async fn versions<P: SourceVersions + Sources>(port: &P, source: &SourceName) {
    assert_eq!(port.newest(source).await.expect("versions.newest"), None, "{source} was never configured");
    assert_eq!(port.history(source).await.expect("versions.history"), []);
    let [one, rival, two, three] = [
        version(source, 1, Made::Applied),
        SourceVersion { made: Made::Enabled, ..version(source, 1, Made::Applied) },
        version(source, 2, Made::Disabled),
        version(source, 3, Made::RolledBack { to: 1 }),
    ];
    let write = async |version: &SourceVersion| port.write(version).await.expect("versions.write");
    assert_eq!(write(&two).await, Written::Taken, "no number is left out");
    assert_eq!(write(&one).await, Written::InForce);
    assert_eq!(write(&rival).await, Written::Taken, "somebody else was first");
    assert_eq!(write(&three).await, Written::Taken, "no number is left out");
    assert_eq!(write(&two).await, Written::InForce);
    assert_eq!(write(&one).await, Written::Taken, "an old version is not written again");
    assert_eq!(write(&two).await, Written::Taken, "nor is the newest");
    assert_eq!(write(&three).await, Written::InForce);
    let history = port.history(source).await.expect("versions.history");
    assert_eq!(history, [one, two, three.clone()], "every version, oldest first");
    assert_eq!(port.newest(source).await.expect("versions.newest"), Some(three.clone()));
    let in_force = port.fetch(source).await.expect("sources.fetch");
    assert_eq!(in_force, Some(three.config), "the newest is what the functions read");
    let theirs = version(&other(source), 1, Made::Applied);
    assert_eq!(write(&theirs).await, Written::InForce, "another source has versions of its own");
}

fn version(source: &SourceName, number: u32, made: Made) -> SourceVersion {
    let config = SourceConfig {
        account: format!("account {number}"),
        ..SourceConfig::new(source.clone(), DialectRef::BuiltIn("stripe".to_owned()), Mode::Test)
    };
    SourceVersion { number, config, made, written_at: instant(i64::from(number)) }
}

/// What drifts: each word is listed once, with all its sightings added up and the first example kept.
///
/// # Panics
/// When the port breaks a promise.
pub async fn drift(port: &impl Drift, source: &SourceName) {
    let list = async |source| port.list(source).await.expect("drift.list");
    assert_eq!(list(source).await, [], "nothing was seen yet");
    let state = |value: &str| Unknown::State { at: "$.status".to_owned(), value: value.to_owned() };
    let sighting = |of: &str, unknown: &Unknown, events: u32, second: i64| Sighting {
        source: source.clone(),
        kind: kind(of),
        unknown: unknown.clone(),
        example: event(&format!("{of}-{second}")),
        events,
        at: instant(second),
    };
    let [odd, empty] = [state("a state: \"ü\"#1"), state("")];
    let theirs = Sighting { source: other(source), ..sighting("refund", &Unknown::Type, 9, 0) };
    for (sighting, expected) in [
        (sighting("refund", &Unknown::Type, 2, 1), Seen::New),
        (sighting("refund", &Unknown::Type, 3, 2), Seen::Known),
        (sighting("refund.updated", &Unknown::Type, 1, 3), Seen::New),
        (sighting("refund", &odd, 1, 4), Seen::New),
        (sighting("refund", &empty, 1, 5), Seen::New),
        (sighting("refund", &odd, 1, 6), Seen::Known),
        (theirs, Seen::New),
    ] {
        assert_eq!(port.saw(&sighting).await.expect("drift.saw"), expected, "{sighting:?}");
    }
    let drifted = |of: &str, unknown: &Unknown, events, (first, last): (i64, i64)| Drifted {
        kind: kind(of),
        unknown: unknown.clone(),
        example: event(&format!("{of}-{first}")),
        events,
        first_seen: instant(first),
        last_seen: instant(last),
    };
    let mut expected = vec![
        drifted("refund", &Unknown::Type, 5, (1, 2)),
        drifted("refund.updated", &Unknown::Type, 1, (3, 3)),
        drifted("refund", &odd, 2, (4, 6)),
        drifted("refund", &empty, 1, (5, 5)),
    ];
    expected.sort_by_key(|drifted| drifted.unknown.key(&drifted.kind));
    assert_eq!(list(source).await, expected);
}
