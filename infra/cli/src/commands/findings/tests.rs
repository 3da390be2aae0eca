//! What a person sees of findings, and what a person must say about them.

use super::*;
use clap::Parser as _;
use countersign_domain::finding::{Finding, FindingKind, Subject};
use countersign_domain::ids::EventId;
use countersign_domain::time::from_seconds;

fn case() -> Case {
    let finding = Finding {
        source: SourceName::new("acme").unwrap(),
        kind: FindingKind::Conflicting,
        subject: Subject::Event(EventId::new("e1").unwrap()),
        reason: "the same event id came with another meaning; the first one counts".to_owned(),
        at_stake: None,
        found_at: from_seconds(1_764_000_000),
    };
    let step = |seconds: i64, what, why: &str| Step {
        at: from_seconds(1_764_000_000 + seconds),
        by: "ada".to_owned(),
        what,
        why: why.to_owned(),
    };
    let taken = Case::new(finding).after(step(60, Move::Acknowledge, "asked \"Acme\", by phone")).unwrap();
    taken.after(step(7_200, Move::Resolve(Settlement::Accepted), "a test of theirs")).unwrap()
}

#[test]
fn what_a_person_sees() {
    let id = case().finding.id();
    let expected = format!(
        "finding   {id}, resolved
source    acme
about     event e1
reason    the same event id came with another meaning; the first one counts
found     2025-11-24 16:00:00
seen      1 times, last 2025-11-24 16:00:00
2025-11-24 16:01:00  acknowledged, by ada: asked \"Acme\", by phone
2025-11-24 18:00:00  resolved: accepted as it is, by ada: a test of theirs
"
    );
    assert_eq!(shown(&case()), expected);
    let ages = [0, 59, 3_599, 3_600, 86_399, 86_400, 200_000].map(age);
    assert_eq!(ages, ["0 min", "0 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 0 h", "2 d 7 h"]);
}

#[test]
fn what_is_exported() {
    let id = case().finding.id();
    let about = format!("{id},acme,conflicting,event e1,resolved");
    let expected = format!(
        "at,finding,source,kind,about,stands,what,by,text
2025-11-24T16:00:00Z,{about},found,countersign,the same event id came with another meaning; the first one counts
2025-11-24T16:01:00Z,{about},acknowledged,ada,\"asked \"\"Acme\"\", by phone\"
2025-11-24T18:00:00Z,{about},resolved: accepted as it is,ada,a test of theirs
"
    );
    assert_eq!(csv(&[case()]).unwrap(), expected);
}

fn taken(given: &[&str]) -> Result<Option<String>, String> {
    let line = ["countersign", "findings"].iter().chain(given);
    let cli = crate::cli::Cli::try_parse_from(line).map_err(|error| error.to_string())?;
    let crate::cli::Command::Findings(FindingsCommand::Ack(take)) = cli.command else {
        return Err("another command".to_owned());
    };
    Ok(take.by)
}

#[test]
fn whoever_takes_a_finding_says_who_and_why() {
    assert_eq!(taken(&["ack", "f1", "--why", "asked them", "--by", "ada"]).unwrap().as_deref(), Some("ada"));
    for (why, by, says) in [
        ("", "ada", "invalid value '' for '--why <TEXT>': it is empty: say why, in words"),
        (" \t\n", "ada", "for '--why <TEXT>': it is empty: say why, in words"),
        ("asked them", "", "invalid value '' for '--by <NAME>': it is empty: give --by a name, or $USER"),
        ("asked them", "  ", "for '--by <NAME>': it is empty: give --by a name, or $USER"),
    ] {
        for line in [
            &["ack", "f1", "--why", why, "--by", by][..],
            &["reopen", "f1", "--why", why, "--by", by],
            &["resolve", "f1", "--how", "corrected", "--why", why, "--by", by],
        ] {
            let refused = taken(line).unwrap_err();
            assert!(refused.contains(says), "{line:?}: {refused}");
        }
    }
    assert_eq!(somebody(Some("ada".to_owned())).unwrap(), "ada");
    let refused = somebody(None).unwrap_err();
    assert!(matches!(refused, CliError::Usage(_)));
    assert_eq!(
        refused.to_string(),
        "nobody is named: give --by NAME; without it $USER is taken, and that is not set"
    );
}
