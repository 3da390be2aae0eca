//! What a partner is handed, taken at its word on the deployed stack.

use super::harness::{Harness, e2e};
use clap::Parser as _;
use countersign::cli::{Cli, Command as Line};
use countersign::commands::source::SourceCommand;
use countersign::local::{Project, schemathesis};
use countersign::output::Progress;
use countersign_domain::ids::SourceName;
use countersign_domain::pack::pack;
use countersign_domain::payment::PaymentStatus;
use countersign_domain::source::read_file;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokio::process::Command;

/// Examples of each run: enough to write every event once and each header wrongly, in seconds.
const EXAMPLES: &str = "60";
/// The same examples every time.
const SEED: &str = "20261123";

/// Signs what is sent.
const SIGN: &str = include_str!("pack/sign.py");
/// With a right signature nothing but 200 will do.
const AS_THE_PARTNER: &str =
    "hooks = \"sign.py\"\n[checks.positive_data_acceptance]\nexpected-statuses = [\"200\"]\n";

/// Who tries the description.
#[derive(Clone, Copy)]
enum Who {
    /// Somebody who has no secret.
    Anybody,
    /// Whoever the pack was made for.
    ThePartner,
}

/// A pack of a source of the stack, as the operator's command writes it.
struct Pack {
    folder: TempDir,
    python: PathBuf,
}

impl Pack {
    async fn of(h: &Harness, source: &SourceName) -> Self {
        let folder = TempDir::new().expect("a folder");
        let out = folder.path().to_str().expect("UTF-8");
        let line = ["countersign", "source", "pack", source.as_str(), "--out", out];
        let Line::Source(SourceCommand::Pack(command)) =
            Cli::try_parse_from(line).expect("a command line").command
        else {
            panic!("another command")
        };
        let packed = command.on(&h.context).await.expect("a pack");
        assert_eq!(packed.url, h.stack.webhook_url(source.as_str()));
        let python = schemathesis(Progress::Shown).await.expect("a Python");
        Self { folder, python }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A program of its Python's, with the source's secret.
    async fn run(&self, program: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.path("samples")).kill_on_drop(true);
        command.env("WEBHOOK_SECRET", Harness::SECRET).env("NO_PROXY", "127.0.0.1");
        command.output().await.expect("it runs")
    }

    /// Tries a description on the endpoint that it describes.
    async fn tried(&self, openapi: &Value, who: Who) -> Output {
        let (mode, config) = match who {
            Who::Anybody => ("all", ""),
            Who::ThePartner => ("positive", AS_THE_PARTNER),
        };
        for (name, text) in
            [("tried.json", openapi.to_string().as_str()), ("schemathesis.toml", config), ("sign.py", SIGN)]
        {
            std::fs::write(self.path("samples").join(name), text).expect("a file");
        }
        let server = openapi["servers"][0]["url"].as_str().expect("a URL");
        let line = format!(
            "--config-file schemathesis.toml run tried.json --url {server} --checks all --mode {mode} --phases \
             examples,coverage,fuzzing --max-examples {EXAMPLES} --seed {SEED} --no-shrink --max-failures 1 \
             --generation-database none --no-color"
        );
        let args: Vec<_> = line.split(' ').collect();
        self.run(&self.python.with_file_name("schemathesis"), &args).await
    }

    fn openapi(&self) -> Value {
        let text = std::fs::read_to_string(self.path("openapi.json")).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_partner_runs_the_sample_and_the_payment_moves() {
    e2e(async |h| {
        let source = h.partner_source("packed").await;
        let pack = Pack::of(h, &source).await;
        let output = pack.run(&pack.python, &["sample.py", "body.json"]).await;
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(h.until_version(&source, "pay_test_1", 1).await.state.status(), PaymentStatus::Captured);
        let output = pack.run(&pack.python, &["sample.py", "vector.json"]).await;
        assert!(said(&output).starts_with("400 no event can be read from the body"), "{}", said(&output));
    });
}

#[test]
fn the_endpoint_is_as_it_is_described() {
    e2e(async |h| {
        let source = h.partner_source("described").await;
        let pack = Pack::of(h, &source).await;
        let openapi = pack.openapi();
        // Every answer is one that is described, whatever is sent by whomever.
        let output = pack.tried(&openapi, Who::Anybody).await;
        assert!(output.status.success(), "{}", said(&output));
        // What the description allows is accepted, if it is signed as the page says.
        let output = pack.tried(&openapi, Who::ThePartner).await;
        assert!(output.status.success(), "{}", said(&output));

        let mut lacking = openapi;
        let responses = lacking.pointer_mut(&format!("/paths/~1{source}/post/responses")).expect("answers");
        responses.as_object_mut().expect("an object").remove("200").expect("an answer");
        let output = pack.tried(&lacking, Who::ThePartner).await;
        assert!(said(&output).contains("Undocumented HTTP status code"), "{}", said(&output));
        assert!(!output.status.success());
    });
}

#[test]
fn every_description_is_one_of_openapi_3_1() {
    e2e(async |_| {
        let python = schemathesis(Progress::Shown).await.expect("a Python");
        let fixtures = Project::find().expect("a checkout").root().join("tests/fixtures/pack");
        for pack in ["partner-hmac", "standard-webhooks", "extending"] {
            let openapi = fixtures.join(pack).join("openapi.json");
            let mut command = Command::new(&python);
            command.args(["-m", "openapi_spec_validator", "--schema", "3.1"]).arg(openapi);
            let output = command.output().await.expect("it runs");
            assert!(output.status.success(), "{pack}: {}", said(&output));
        }
    });
}

/// The packages of the test above hold what Python itself has not.
#[test]
fn the_python_sample_signs_with_ed25519() {
    e2e(async |_| {
        let python = schemathesis(Progress::Shown).await.expect("a Python");
        let file = "[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"\"\ndialect = \"standard-webhooks-ed25519\"\n";
        let (config, _) = read_file(file).expect("a source");
        let folder = TempDir::new().expect("a folder");
        let files = pack(&config, "https://hooks.example.com/v1/webhooks/acme").expect("a pack");
        std::fs::create_dir(folder.path().join("samples")).expect("a folder");
        for file in &files {
            std::fs::write(folder.path().join(file.path), &file.text).expect("a file");
        }
        let vector = files.iter().find(|file| file.path == "samples/vector.json").expect("a vector");
        let vector: Value = serde_json::from_str(&vector.text).expect("JSON");
        let text = |key: &str| vector[key].as_str().expect("a text").to_owned();
        let mut command = Command::new(&python);
        command.args(["sample.py", "body.json", "--print"]).current_dir(folder.path().join("samples"));
        command
            .env("WEBHOOK_SECRET", text("secret"))
            .env("WEBHOOK_TIMESTAMP", vector["timestamp"].to_string());
        command.env("WEBHOOK_ID", vector["given"]["WEBHOOK_ID"].as_str().expect("an id"));
        let output = command.output().await.expect("it runs");
        let signature = vector["headers"]["webhook-signature"].as_str().expect("a signature");
        assert!(said(&output).contains(&format!("webhook-signature: {signature}\n")), "{}", said(&output));
    });
}
