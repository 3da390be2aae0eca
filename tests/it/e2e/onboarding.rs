//! What an operator does about sources, with the real command line on the deployed stack.
//!
//! The deployed functions believe a source for a minute and a secret for five. What must be seen at once is asked of the
//! same binaries, started afresh.

use super::harness::{Harness, e2e, http_event, stripe_event};
use super::lambda::Answer;
use clap::Parser as _;
use countersign::cli::{Cli, Command as Line};
use countersign::commands::Command;
use countersign::commands::source::SourceCommand;
use countersign::commands::source::versions::Switch;
use countersign_app::onboard::{OnboardError, apply};
use countersign_app::ports::{Clock as _, Port, SourceVersion, SourceVersions, Written};
use countersign_aws::clock::SystemClock;
use countersign_aws::dynamodb::SourceTable;
use countersign_domain::ids::SourceName;
use countersign_domain::payment::PaymentStatus;
use countersign_domain::source::{SourceState, read_file};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::sync::Barrier;

const OTHER_SECRET: &str = "the-second-secret-of-this-source";
const THIRD_SECRET: &str = "the-third-secret-of-this-source";

/// An operator at a shell, with files in a directory of their own.
struct Operator<'h> {
    h: &'h Harness,
    files: tempfile::TempDir,
}

impl<'h> Operator<'h> {
    fn at(h: &'h Harness) -> Self {
        Self { h, files: tempfile::tempdir().expect("a directory") }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path: PathBuf = self.files.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// `countersign --json source …`: what it prints, or what it says went wrong.
    async fn source(&self, line: &[&str]) -> Result<Value, String> {
        let line = ["countersign", "source"].iter().chain(line);
        let Line::Source(command) = Cli::try_parse_from(line).map_err(|error| error.to_string())?.command
        else {
            panic!("a command of `source`")
        };
        match command {
            SourceCommand::Apply(command) => self.json(command).await,
            SourceCommand::Rollback(command) => self.json(command).await,
            SourceCommand::Disable { name } => self.json(Switch::to(name, SourceState::Disabled)).await,
            SourceCommand::Enable { name } => self.json(Switch::to(name, SourceState::Enabled)).await,
            SourceCommand::Show(command) => self.json(command).await,
            SourceCommand::History(command) => self.json(command).await,
            SourceCommand::Rotate(command) => self.json(command).await,
            SourceCommand::Drift(command) => self.json(command).await,
            other => panic!("{other:?} is not used here"),
        }
    }

    async fn json<C: Command>(&self, command: C) -> Result<Value, String> {
        let output = command.run(&self.h.context).await.map_err(|error| error.chain())?;
        assert!(!C::show(&output).is_empty(), "a person sees something");
        Ok(serde_json::to_value(&output).expect("JSON"))
    }
}

fn file(name: &str, more: &str) -> String {
    format!("[source]\nname = \"{name}\"\nmode = \"test\"\naccount = \"Acme\"\n{more}")
}

fn name(text: &str) -> SourceName {
    SourceName::new(text).expect("a source name")
}

fn captured(payment: &str) -> String {
    let event = json!({"id": format!("e-{payment}"), "type": "payment.captured", "payment": payment,
                       "occurred_at": "2026-11-23T10:00:00Z", "amount": "20.00", "currency": "EUR"});
    json!({"events": [event]}).to_string()
}

/// What ingest answers to a delivery, started afresh: it has read nothing before.
async fn fresh(h: &Harness, source: &SourceName, secret: &str, body: &str) -> (u64, String) {
    let headers = Harness::headers("partner-hmac", body, 0, secret);
    let ingest = h.function("ingest", None).await;
    let Answer::Response(answer) = ingest.invoke(http_event(source, &headers, body)).await else {
        panic!("no answer")
    };
    let status = answer["statusCode"].as_u64().expect("a status");
    (status, answer["body"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_source_goes_from_a_file_to_the_ledger_and_back_again() {
    e2e(async |h| {
        let operator = Operator::at(h);
        let (source, secret) = (name("onboarded"), operator.file("secret", Harness::SECRET));
        let first = operator.file("acme.toml", &file("onboarded", "dialect = \"partner-hmac\"\n"));

        let lacks = operator.source(&["apply", &first]).await.expect_err("no secret");
        assert_eq!(lacks, "source onboarded still lacks the signing secret: give it with --secret-file");
        let planned = operator.source(&["apply", &first, "--dry-run"]).await.expect("a plan");
        assert_eq!((&planned["outcome"], &planned["version"]), (&json!("planned"), &Value::Null));
        assert!(operator.source(&["show", "onboarded"]).await.is_err(), "a plan is not written");
        let applied =
            operator.source(&["apply", &first, "--secret-file", &secret]).await.expect("is applied");
        assert_eq!((&applied["outcome"], &applied["version"]), (&json!("written"), &json!(1)));
        assert_eq!(applied["stored"], json!(["--secret-file"]));
        assert_eq!(applied["url"], h.stack.webhook_url("onboarded"));

        assert_eq!(h.post_partner(&source, &captured("on-1")).await.status, 200);
        assert_eq!(h.until_version(&source, "on-1", 1).await.state.status(), PaymentStatus::Captured);

        let again = operator.source(&["apply", &first]).await.expect("is in force");
        assert_eq!((&again["outcome"], &again["version"]), (&json!("unchanged"), &json!(1)));
        let own = "[dialect]\nextends = \"partner-hmac\"\n[dialect.answers]\nok_body = \"thanks\"\n";
        let second = operator.file("second.toml", &file("onboarded", own));
        let changed = operator.source(&["apply", &second]).await.expect("is applied");
        let difference = changed["difference"].as_str().expect("a text");
        assert!(difference.contains("-dialect = \"partner-hmac\"\n"), "{difference}");
        assert!(difference.contains("+ok_body = \"thanks\"\n"), "{difference}");
        assert_eq!(fresh(h, &source, Harness::SECRET, &captured("on-2")).await, (200, "thanks".to_owned()));

        operator.source(&["rollback", "onboarded"]).await.expect("is rolled back");
        assert_eq!(fresh(h, &source, Harness::SECRET, &captured("on-3")).await, (200, String::new()));
        operator.source(&["disable", "onboarded"]).await.expect("is off");
        assert_eq!(fresh(h, &source, Harness::SECRET, &captured("on-4")).await.0, 404);
        operator.source(&["enable", "onboarded"]).await.expect("is on");
        assert_eq!(fresh(h, &source, Harness::SECRET, &captured("on-4")).await.0, 200);

        let history = operator.source(&["history", "onboarded", "--diff"]).await.expect("a history");
        let made: Vec<_> =
            history.as_array().expect("a list").iter().map(|version| &version["made"]).collect();
        let rolled_back = json!({"rolled_back": {"to": 1}});
        assert_eq!(
            made,
            [&json!("applied"), &json!("applied"), &rolled_back, &json!("disabled"), &json!("enabled")]
        );
        assert_eq!(history[3]["difference"], "");
        let shown = operator.source(&["show", "onboarded"]).await.expect("is shown");
        assert_eq!((&shown["version"], &shown["state"]), (&json!(5), &json!("enabled")));
        let (config, _) =
            read_file(shown["file"].as_str().expect("a text")).expect("the file that is shown works");
        assert_eq!(config.account, "Acme");
    });
}

#[test]
fn going_back_to_what_does_not_work_any_more_is_refused() {
    e2e(async |h| {
        let operator = Operator::at(h);
        let webhooks =
            operator.file("webhooks.toml", &file("no-way-back", "dialect = \"standard-webhooks\"\n"));
        let stripe = operator.file("stripe.toml", &file("no-way-back", "dialect = \"stripe\"\n"));
        // A key of both, and one of the second only.
        let (first, second) = (
            operator.file("first", "whsec_c2l4dGVlbiBieXRlcyBvZiBzZWNyZXQ="),
            operator.file("second", OTHER_SECRET),
        );
        operator.source(&["apply", &webhooks, "--secret-file", &first]).await.expect("is applied");
        operator.source(&["apply", &stripe]).await.expect("is applied");
        operator.source(&["rotate", "no-way-back", "--secret-file", &second]).await.expect("is rotated");
        let refused =
            operator.source(&["rollback", "no-way-back"]).await.expect_err("its secret does not fit");
        assert!(refused.contains("does not fit its dialect"), "{refused}");
        let shown = operator.source(&["show", "no-way-back"]).await.expect("is shown");
        assert_eq!(shown["version"], 2, "nothing was written");
    });
}

#[test]
fn second_factors_are_given_once_and_asked_for_from_then_on() {
    e2e(async |h| {
        let operator = Operator::at(h);
        let asks = "dialect = \"partner-hmac\"\n[source.second_factors]\nbasic = true\nsecret_path = true\n";
        let path = operator.file("acme.toml", &file("factors", asks));
        let secret = operator.file("secret", Harness::SECRET);
        let basic = operator.file("basic", "user:password\n");
        let token = operator.file("token", "a-secret-part-of-the-url\n");
        let line =
            ["apply", &path, "--secret-file", &secret, "--basic-file", &basic, "--path-token-file", &token];
        for (given, lacks) in [(4, "--basic-file"), (6, "--path-token-file")] {
            let refused = operator.source(&line[..given]).await.expect_err("it lacks something");
            assert!(refused.contains(lacks), "{refused}");
        }
        let applied = operator.source(&line).await.expect("is applied");
        assert_eq!(applied["stored"], json!(["--secret-file", "--basic-file", "--path-token-file"]));
        assert_eq!(applied["url"], format!("{}/TOKEN", h.stack.webhook_url("factors")));

        let body = captured("fa-1");
        let post = async |path: &str, authorization: Option<&str>| {
            let mut headers = Harness::headers("partner-hmac", &body, 0, Harness::SECRET);
            headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
            h.post(format!("factors{path}"), headers, &body).await.status
        };
        // user:password, user:passwort.
        let (right, wrong) = (Some("Basic dXNlcjpwYXNzd29yZA=="), Some("Basic dXNlcjpwYXNzd29ydA=="));
        for (path, authorization, status) in [
            ("", right, 401),
            ("/another-part-of-the-url", right, 401),
            ("/a-secret-part-of-the-url", None, 401),
            ("/a-secret-part-of-the-url", wrong, 401),
            ("/a-secret-part-of-the-url", right, 200),
        ] {
            assert_eq!(post(path, authorization).await, status, "{path} {authorization:?}");
        }
        h.until_version(&name("factors"), "fa-1", 1).await;

        let line = ["countersign", "send", "factors", &operator.file("event.json", &captured("fa-2"))];
        let Line::Send(send) = Cli::try_parse_from(line).expect("a line").command else { panic!("it sends") };
        let sent = operator.json(send).await.expect("an answer");
        assert_eq!((&sent["status"], &sent["url"]), (&json!(200), &applied["url"]));
        h.until_version(&name("factors"), "fa-2", 1).await;
    });
}

#[test]
fn what_is_asked_back_needs_a_token() {
    e2e(async |h| {
        let operator = Operator::at(h);
        let path = operator.file("mollie.toml", &file("asks-back", "dialect = \"mollie-classic\"\n"));
        let secret = operator.file("secret", "a-secret-part-of-the-url");
        let token = operator.file("token", "test_dHar4XY7LxsDOtmnkVtjNVWXLSlXsM");
        let line = ["apply", &path, "--secret-file", &secret, "--fetch-token-file", &token];
        let lacks = operator.source(&line[..4]).await.expect_err("no token");
        assert!(lacks.contains("give it with --fetch-token-file"), "{lacks}");
        let applied = operator.source(&line).await.expect("is applied");
        assert_eq!(applied["stored"], json!(["--secret-file", "--fetch-token-file"]));
        let again = operator.source(&line[..2]).await.expect("both are there");
        assert_eq!(again["outcome"], "unchanged");
    });
}

#[test]
fn a_rotation_accepts_both_secrets_and_then_names_who_uses_the_old_one() {
    e2e(async |h| {
        let source = h.partner_source("rotated").await;
        let operator = Operator::at(h);
        let (second, third) = (operator.file("second", OTHER_SECRET), operator.file("third", THIRD_SECRET));
        let status = async |secret: &str| fresh(h, &source, secret, &captured("ro-1")).await.0;

        let another = operator.file("acme.toml", &file("rotated", "dialect = \"partner-hmac\"\n"));
        let refused = operator.source(&["apply", &another, "--secret-file", &second]).await;
        assert!(refused.expect_err("it would push one out").contains("countersign source rotate rotated"));
        operator.source(&["rotate", "rotated", "--secret-file", &second]).await.expect("is rotated");
        assert_eq!((status(Harness::SECRET).await, status(OTHER_SECRET).await), (200, 200));

        let line = ["rotate", "rotated", "--secret-file", &third, "--overlap", "0s", "--retire-previous"];
        let refused = operator.source(&line[..6]).await.expect_err("the first one is still accepted");
        assert!(refused.contains("--retire-previous"), "{refused}");
        operator.source(&line).await.expect("is rotated at once");
        assert_eq!((status(OTHER_SECRET).await, status(THIRD_SECRET).await), (401, 200));

        let ingest = h.function("ingest", None).await;
        for secret in [OTHER_SECRET, Harness::SECRET] {
            let headers = Harness::headers("partner-hmac", &captured("ro-2"), 0, secret);
            let answer = ingest.invoke(http_event(&source, &headers, &captured("ro-2"))).await;
            assert!(matches!(&answer, Answer::Response(answer) if answer["statusCode"] == 401), "{answer:?}");
        }
        let condition = || async {
            let refused = ingest.lines().into_iter().filter(|line| line["rejected"] == 1);
            let retired: Vec<_> = refused.map(|line| line["retired_secret"] == 1).collect();
            (retired.len() >= 2).then_some(retired)
        };
        assert_eq!(h.until("two refusals in the log", condition).await, [true, false]);
    });
}

/// A table at which an operator stops after looking, until the other one has looked as well.
struct Looking<'a>(SourceTable, &'a Barrier);

impl SourceVersions for Looking<'_> {
    async fn newest(&self, name: &SourceName) -> Port<Option<SourceVersion>> {
        let newest = self.0.newest(name).await;
        self.1.wait().await;
        newest
    }

    async fn history(&self, name: &SourceName) -> Port<Vec<SourceVersion>> {
        self.0.history(name).await
    }

    async fn write(&self, version: &SourceVersion) -> Port<Written> {
        self.0.write(version).await
    }
}

#[test]
fn of_two_operators_at_once_one_is_told() {
    e2e(async |h| {
        let source = h.partner_source("contended").await;
        let both = Barrier::new(2);
        let change = async |account: &str| {
            let text = file("contended", "dialect = \"partner-hmac\"\n").replace("Acme", account);
            let (config, _) = read_file(&text).expect("it works");
            apply(&Looking(h.context.sources(), &both), config, SystemClock.now()).await
        };
        let (one, other) = futures::join!(change("One"), change("Other"));
        let (changed, error) = match (one, other) {
            (Ok(changed), Err(error)) | (Err(error), Ok(changed)) => (changed, error),
            both => panic!("one is first: {both:?}"),
        };
        assert!(matches!(error, OnboardError::Taken { number: 2, .. }), "{error}");
        let history = h.context.sources().history(&source).await.expect("a history");
        assert_eq!(history.last(), Some(&changed.after));
        assert_eq!(history.len(), 2);
    });
}

#[test]
fn what_a_dialect_does_not_know_shows_up() {
    e2e(async |h| {
        let source = h.stripe_source("drifting").await;
        let operator = Operator::at(h);
        let none = operator.source(&["drift", "drifting"]).await.expect("nothing yet");
        assert_eq!(none, json!([]));
        for id in ["evt_drift_1", "evt_drift_2"] {
            let event = stripe_event(id, "terminal.reader.action_failed", &json!({"id": "tmr_1"}));
            assert_eq!(h.post_signed(&source, &event).await.status, 200);
        }
        let refund =
            json!({"id": "re_1", "payment_intent": "pi_drift", "amount": 300, "status": "on_the_moon"});
        assert_eq!(
            h.post_signed(&source, &stripe_event("evt_drift_3", "refund.updated", &refund)).await.status,
            200
        );
        let condition = || async {
            let found = operator.source(&["drift", "--all"]).await.expect("the drift");
            let ours: Vec<_> =
                found.as_array()?.iter().filter(|word| word["source"] == "drifting").cloned().collect();
            let events: u64 = ours.iter().filter_map(|word| word["events"].as_u64()).sum();
            (events >= 3).then_some(ours)
        };
        let found = h.until("three events with unknown words", condition).await;
        let [state, kind] = found.as_slice() else { panic!("a state and a type: {found:?}") };
        assert_eq!(state["unknown"]["state"]["value"], "on_the_moon");
        assert_eq!(state["example"], "evt_drift_3");
        assert_eq!(
            (&kind["kind"], &kind["unknown"]),
            (&json!("terminal.reader.action_failed"), &json!("type"))
        );
        assert!(kind["example"].as_str().is_some_and(|id| id.starts_with("evt_drift_")), "{kind}");
    });
}
