//! A source file works, or says what to correct.

use super::*;
use crate::dialect::{Description, Dialect};

const PLAIN: &str = r#"
[source]
name = "acme"
mode = "test"
account = "Acme Ltd"
dialect = "partner-hmac"
"#;

/// What is wrong with a file, in full.
#[track_caller]
fn refusal(text: &str) -> String {
    let error = read_file(text).expect_err("it does not work");
    let mut said = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        if !said.contains(&error.to_string()) {
            said = format!("{said}: {error}");
        }
        source = error.source();
    }
    said
}

fn with(line: &str) -> String {
    format!("{PLAIN}{line}\n")
}

#[test]
fn a_file_says_what_a_source_is() {
    let (config, source) = read_file(PLAIN).expect("it works");
    assert_eq!(
        (config.name.as_str(), config.account.as_str(), config.mode),
        ("acme", "Acme Ltd", Mode::Test)
    );
    assert_eq!(config.dialect, DialectRef::BuiltIn("partner-hmac".to_owned()));
    assert_eq!(config.state, SourceState::Enabled);
    assert_eq!((config.api_base_url, config.asks_back), (None, false));
    assert_eq!(source.dialect.name, "partner-hmac");
    let (config, _) = read_file(&with(
        "api_base_url = \"http://127.0.0.1:8420\"\nasks_back = true\n[source.second_factors]\nbasic = true",
    ))
    .expect("it works");
    assert_eq!(config.api_base_url.as_deref(), Some("http://127.0.0.1:8420"));
    assert!(config.asks_back && config.second_factors.basic);
}

#[test]
fn a_dialect_of_its_own_is_named_after_its_source() {
    let own = PLAIN.replace(
        "dialect = \"partner-hmac\"",
        "[dialect]\nextends = \"partner-hmac\"\n[dialect.rename.types]\n\"payment.captured\" = \"PAID\"",
    );
    let (config, source) = read_file(&own).expect("it works");
    assert!(matches!(config.dialect, DialectRef::Own(_)));
    assert_eq!(source.dialect.name, "acme");
    assert!(source.dialect.facts.iter().any(|rule| rule.on == ["PAID"]));
    let (_, source) =
        read_file(&own.replace("[dialect]", "[dialect]\nname = \"acme-words\"")).expect("it works");
    assert_eq!(source.dialect.name, "acme-words");
}

#[test]
fn what_is_wrong_is_named_with_its_key_its_value_and_the_remedy() {
    let own = |lines: &str| PLAIN.replace("dialect = \"partner-hmac\"", &format!("[dialect]\n{lines}"));
    for (text, says) in [
        (with("colour = \"red\""), &["line 7", "unknown field `colour`", "`asks_back`"][..]),
        (PLAIN.replace("\"acme\"", "\"Acme Ltd\""), &["line 3", "'A'", "lower-case letters"]),
        (PLAIN.replace("\"test\"", "\"prod\""), &["line 4", "`prod`", "`live` or `test`"]),
        (PLAIN.replace("account = \"Acme Ltd\"", ""), &["missing field `account`"]),
        (with("[secrets]\nsigning = \"x\""), &["line 7", "unknown field `secrets`", "`source` or `dialect`"]),
        (
            PLAIN.replace("dialect = \"partner-hmac\"", ""),
            &["source.dialect: it is absent", "partner-hmac", "or a [dialect]"],
        ),
        (
            with("[dialect]\nextends = \"stripe\""),
            &["source.dialect: it is \"partner-hmac\"", "there is a [dialect] too", "remove it"],
        ),
        (
            PLAIN.replace("partner-hmac", "adyenn"),
            &["source acme", "there is no built-in dialect \"adyenn\"", "partner-hmac"],
        ),
        (
            with("api_base_url = \"http://evil.example\""),
            &["source acme", "api_base_url", "http://evil.example", "https://"],
        ),
        (
            with("[source.settings]\ncolour = \"red\""),
            &["settings.colour", "no such setting", "remove it or correct its name"],
        ),
        (with("[source.settings]\ncolour = 5"), &["line 8", "invalid type: integer `5`, expected a string"]),
        (own("extends = \"nobody\""), &["dialect acme: extends = \"nobody\"", "name one of"]),
        (
            own("extends = \"stripe\"\n[dialect.answers]\nunauthentic_status = 200"),
            &["dialect acme: answers.unauthentic_status: 200", "use one of them"],
        ),
        (
            own("extends = \"stripe\"\n[dialect.auth]\ncolour = \"red\""),
            &["dialect acme", "unknown field `colour`", "in `auth`"],
        ),
        (own("title = \"all alone\""), &["dialect acme", "missing field `auth`"]),
        (
            own(
                "extends = \"partner-hmac\"\n[[dialect.examples]]\nbody = '{\"events\":[]}'\nfacts = [{ payment = \"p\", fact = { kind = \"pending\" } }]",
            ),
            &["dialect acme: examples[0]"],
        ),
        ("[source".to_owned(), &["line 1"]),
    ] {
        let refusal = refusal(&text);
        for part in says {
            assert!(refusal.contains(part), "{part:?} is not in:\n{refusal}\nof\n{text}");
        }
    }
}

#[test]
fn what_is_written_is_read_back() {
    let own = PLAIN.replace(
        "dialect = \"partner-hmac\"",
        "asks_back = true\n[source.second_factors]\nsource_ips = [\"192.0.2.0/24\"]\n[dialect]\nextends = \"partner-hmac\"\n[dialect.rename.types]\n\"payment.captured\" = [\"PAID\", \"SETTLED\"]",
    );
    for text in [PLAIN, &own] {
        let (config, _) = read_file(text).expect("it works");
        let written = write_file(&config).expect("it can be written");
        assert_eq!(read_file(&written).expect("it works").0, config, "{written}");
        assert_eq!(write_file(&read_file(&written).expect("it works").0).expect("again"), written);
    }
}

/// Every built-in dialect: the file is refused until what must be said is said, and works then.
#[test]
fn a_new_file_works_once_it_is_filled_in() {
    let name = SourceName::new("acme").expect("a source name");
    for dialect in built_in_names() {
        let text = template(&name, dialect).expect("a built-in dialect");
        let Description { settings, .. } =
            Dialect::describe(Dialect::built_in_text(dialect).expect("is built in")).expect("it checks");
        assert!(text.contains(&format!("# extends = \"{dialect}\"\n# [dialect.rename.fields]")), "{text}");
        assert!(text.contains("\n# To set it up:\n# 1. "), "{text}");
        let mut filled = text.clone();
        for (name, setting) in &settings {
            assert!(text.contains(&format!("# {name} = ")), "{dialect}: {name}\n{text}");
            if setting.default.is_none() {
                assert!(refusal(&filled).contains("the dialect needs it"), "{dialect}\n{filled}");
                filled = filled.replace(&format!("# {name} = "), &format!("{name} = "));
            }
        }
        let (config, _) = read_file(&filled).unwrap_or_else(|error| panic!("{dialect}: {error}\n{filled}"));
        assert_eq!(config.dialect, DialectRef::BuiltIn(dialect.to_owned()));
        assert_eq!(config.mode, Mode::Test, "no file begins with real money");
    }
    let error = template(&name, "adyenn").expect_err("no such dialect").to_string();
    assert!(error.starts_with(
        "the source file: source.dialect: there is no built-in dialect \"adyenn\"; there are stripe"
    ));
}

#[test]
fn a_policy_and_the_formats_of_report_files_come_back_as_they_were_written() {
    let text = with(
        "[source.policy]\nowner = \"payments team\"\ntolerance = { absolute_minor = 1 }\nreread_days = [1, 7]\n\
         [[source.policy.escalations]]\nat_least = { minor = 100000, currency = \"EUR\" }\nseverity = \"critical\"\n\
         [source.reports]\ndaily = \"partner-daily\"\n[source.reports.weekly]\ntitle = \"Weekly\"\nformat = \"csv\"\n\
         columns = { reference = \"p\", entry = \"payment\", currency = { constant = \"EUR\" }, amount = { column = \"a\" } }",
    );
    let (config, source) = read_file(&text).expect("it works");
    assert_eq!(source.policy.owner.as_deref(), Some("payments team"));
    assert_eq!(source.reports.keys().collect::<Vec<_>>(), ["daily", "weekly"]);
    let written = write_file(&config).expect("it can be written");
    assert_eq!(read_file(&written).expect("it works").0, config);
    for (line, says) in [
        ("[source.policy]\nheals = [\"late\"]", "policy.heals is late: corrections level"),
        ("[source.reports]\ndaily = \"acme\"", "reports.daily: there is no ready report format \"acme\""),
        ("[source.reports]\n\"a/b\" = \"partner-daily\"", "\"a/b\" is the name of no folder"),
    ] {
        let said = refusal(&with(line));
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn silence_is_expected_for_a_second_at_least_and_no_longer_than_the_limit() {
    let read = |seconds: u32| read_file(&with(&format!("expect_within_seconds = {seconds}")));
    for seconds in [1, EXPECT_WITHIN_SECONDS_MAX] {
        assert_eq!(read(seconds).expect("it works").0.expect_within_seconds, Some(seconds));
    }
    for seconds in [0, EXPECT_WITHIN_SECONDS_MAX + 1] {
        let error = read(seconds).expect_err("it does not work").to_string();
        assert!(error.contains(&format!("source.expect_within_seconds: it is {seconds}: 1 to ")), "{error}");
    }
}

#[test]
fn a_folder_of_reports_has_a_name_of_letters_digits_and_dashes() {
    let read = |folder: &str| read_file(&with(&format!("[source.reports]\n{folder:?} = \"partner-daily\"")));
    for folder in ["daily", "2", "daily-eu", "daily_eu", "-", "_"] {
        assert!(read(folder).is_ok(), "{folder}");
    }
    for folder in ["", "a/b", "a.b", "a b", "täglich"] {
        assert!(read(folder).is_err(), "{folder}");
    }
}
