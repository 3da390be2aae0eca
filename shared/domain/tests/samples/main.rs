//! A partner's samples, run: what they print is the test vector, and what they send is what the verifier accepts.
//!
//! A language whose runtime is not on this machine is skipped with a word; Python is everywhere that these tests are, so it
//! must be there.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is all test code, its helpers outside #[test] included"
)]

mod endpoint;

// `cargo bolero` instruments every test binary of the crate: this one has no target, and links the fuzzer's runtime only so.
use bolero as _;
use countersign_domain::pack::{File, pack};
use countersign_domain::signature::{Delivery, Headers, SigningKeys, verify};
use countersign_domain::source::{Source, read_file};
use countersign_domain::time::Timestamp;
use endpoint::{Endpoint, Received};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The partners of these tests: each signs in another way.
const PARTNERS: [(&str, &str); 6] = [
    ("partner-hmac", "dialect = \"partner-hmac\""),
    ("standard-webhooks", "dialect = \"standard-webhooks\""),
    ("standard-webhooks-ed25519", "dialect = \"standard-webhooks-ed25519\""),
    ("hex-ed25519", HEX_ED25519),
    ("everything-else", EVERYTHING_ELSE),
    ("sha512", SHA512),
];

const HEX_ED25519: &str = r#"
    [dialect]
    extends = "partner-hmac"
    [dialect.auth]
    algorithm = "ed25519"
    key = { decode = "hex" }
"#;

/// SHA-1 all over, a key made of the secret, names in headers, no time, every second factor, and texts that each language
/// must escape.
const EVERYTHING_ELSE: &str = r#"
    [source.second_factors]
    basic = true
    secret_path = true
    [dialect]
    extends = "partner-hmac"
    without = ["auth.timestamp"]
    [dialect.auth]
    algorithm = "hmac_sha1"
    key = { strip = "it's_", decode = "base64", derive = "sha1" }
    signed = "it's \"odd\" \\n $HOME @url@ %s {header:x-id}/{header:content-type}/{header:x-type}{body}"
    [dialect.auth.signature]
    header = "X-Odd"
    encoding = "hex"
    shape = { keyed = { separator = ",", between = "/", algorithm = "S1", key_id = "k'1\"$" } }
    [dialect.envelope]
    events = "$"
    id = { header = "X-Id" }
    type = { header = "X-Type" }
"#;

const SHA512: &str = r#"
    [dialect]
    extends = "partner-hmac"
    without = ["auth.timestamp"]
    [dialect.auth]
    algorithm = "hmac_sha512"
    key = { decode = "base64" }
    timestamp = { past_seconds_max = 60, future_seconds_max = 60 }
    [dialect.auth.signature]
    header = "X-Sig"
    encoding = "base64"
    shape = { pairs = { separator = ";", equals = "=", signature = "s", timestamp = "t" } }
"#;

/// How the samples of a language are run.
struct Language {
    program: &'static str,
    /// What must be said before the sample's file.
    before: &'static [&'static str],
    sample: &'static str,
    /// What tells whether it can sign with Ed25519, where not every build of it can.
    ed25519: Option<&'static [&'static str]>,
}

/// A pack that was written, and what belongs to it.
struct Written {
    folder: TempDir,
    source: Source,
    vector: Value,
}

impl Written {
    fn new(partner: &str) -> Self {
        let text = format!("[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"Acme\"\n{partner}");
        let (config, source) = read_file(&text).expect("a source");
        let files = pack(&config, "https://hooks.example.com/$default/v1/webhooks/acme").expect("a pack");
        let folder = TempDir::new().expect("a folder");
        std::fs::create_dir(folder.path().join("samples")).expect("its folder");
        let mut vector = Value::Null;
        for File { path, text } in files {
            if path == "samples/vector.json" {
                vector = serde_json::from_str(&text).expect("JSON");
            }
            std::fs::write(folder.path().join(path), text).expect("a file");
        }
        Self { folder, source, vector }
    }

    fn samples(&self) -> std::path::PathBuf {
        self.folder.path().join("samples")
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.vector[key].as_str()
    }

    /// What a sample is started with.
    fn command(&self, language: &Language, body: &Path, url: &str) -> Command {
        let mut command = Command::new(language.program);
        command.args(language.before).arg(language.sample).arg(body).current_dir(self.samples());
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.env("WEBHOOK_SECRET", self.text("secret").expect("a secret")).env("WEBHOOK_URL", url);
        command.env("WEBHOOK_BASIC", "partner:a password");
        for (name, value) in self.vector["given"].as_object().expect("what is given") {
            command.env(name, value.as_str().expect("a text"));
        }
        command
    }

    fn verify(&self, received: &Received) {
        let key = self.text("public_key").or(self.text("secret")).expect("a key");
        let auth = &self.source.dialect.auth;
        let keys = SigningKeys::new(auth, key, None).expect("a key of its dialect");
        let headers =
            Headers::new(received.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let delivery =
            Delivery { headers: &headers, body: &received.body, path_token: None, source_ip: None };
        #[expect(clippy::disallowed_methods, reason = "the samples sign by the clock of this machine")]
        let now = Timestamp::now();
        verify(auth, &keys, delivery, now).unwrap_or_else(|error| panic!("{error}: {received:?}"));
        assert_eq!(headers.one("content-type"), Ok(Some("application/json")));
        let credentials = self.source.second_factors.basic.then_some("Basic cGFydG5lcjphIHBhc3N3b3Jk");
        assert_eq!(headers.one("authorization"), Ok(credentials));
    }
}

impl Language {
    /// Whether it is on this machine.
    fn is_here(&self, must: bool) -> bool {
        let is_here = Command::new(self.program).arg("--version").output().is_ok()
            || Command::new(self.program).arg("version").output().is_ok();
        assert!(is_here || !must, "{} is not on the PATH, and these tests need it", self.program);
        if !is_here {
            println!("skipped: {} is not on the PATH", self.program);
        }
        is_here
    }

    fn can(&self, partner: &str) -> bool {
        let Some(probe) = self.ed25519.filter(|_| partner.ends_with("ed25519")) else { return true };
        let can = Command::new(self.program).args(probe).output().is_ok_and(|output| output.status.success());
        if !can {
            println!("skipped: {} cannot sign with Ed25519 on this machine", self.program);
        }
        can
    }

    /// Runs its sample for every partner.
    fn check(&self, must: bool) {
        if !self.is_here(must) {
            return;
        }
        for (name, partner) in PARTNERS {
            if self.can(name) {
                let written = Written::new(partner);
                self.prints_the_vector(name, &written);
                self.sends_what_is_accepted(name, &written);
            }
        }
        self.tells_of_a_refusal(&Written::new(PARTNERS[0].1));
    }

    fn prints_the_vector(&self, name: &str, written: &Written) {
        let mut command = written.command(self, Path::new("body.json"), "http://127.0.0.1:1/nobody");
        let output = command
            .arg("--print")
            .env("WEBHOOK_TIMESTAMP", written.vector["timestamp"].to_string())
            .output()
            .expect("it runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut found: Vec<_> = printed.lines().collect();
        found.sort_unstable();
        let headers = written.vector["headers"].as_object().expect("headers");
        let mut expected: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.as_str().expect("a text")))
            .collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}: {}", said(&output));
    }

    fn sends_what_is_accepted(&self, name: &str, written: &Written) {
        // Byte for byte: line ends, spaces and letters beyond ASCII are signed and sent as they are.
        let body = "{ \"events\": [ ],\r\n  \"ümlaut\": \"€ %00 $x \\\\n\" }\n\n";
        std::fs::write(written.samples().join("own.json"), body).expect("a file");
        let endpoint = Endpoint::start(200);
        let output = written.command(self, Path::new("own.json"), endpoint.url()).output().expect("it runs");
        assert!(output.status.success(), "{name}: {}", said(&output));
        let received =
            endpoint.received().unwrap_or_else(|| panic!("{name}: nothing came: {}", said(&output)));
        assert_eq!(received.request_line, "POST /v1/webhooks/acme HTTP/1.1", "{name}");
        assert_eq!(String::from_utf8_lossy(&received.body), body, "{name}");
        written.verify(&received);
    }

    fn tells_of_a_refusal(&self, written: &Written) {
        let endpoint = Endpoint::start(401);
        let output = written.command(self, Path::new("body.json"), endpoint.url()).output().expect("it runs");
        assert!(endpoint.received().is_some(), "nothing came: {}", said(&output));
        assert!(!output.status.success(), "a refusal is no success");
        assert!(said(&output).contains("401 the delivery is not authentic"), "{}", said(&output));
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn curl_and_openssl() {
    let language = Language { program: "bash", before: &[], sample: "sample.sh", ed25519: None };
    if ["curl", "openssl"].iter().all(|program| Command::new(program).arg("version").output().is_ok()) {
        language.check(false);
    } else {
        println!("skipped: curl or openssl is not on the PATH");
    }
}

#[test]
fn python() {
    let probe: &[_] = &["-c", "import cryptography"];
    Language { program: "python3", before: &[], sample: "sample.py", ed25519: Some(probe) }.check(true);
}

#[test]
fn node() {
    Language { program: "node", before: &[], sample: "sample.mjs", ed25519: None }.check(false);
}

#[test]
fn java() {
    Language { program: "java", before: &[], sample: "Sample.java", ed25519: None }.check(false);
}

#[test]
fn go() {
    Language { program: "go", before: &["run"], sample: "sample.go", ed25519: None }.check(false);
}

#[test]
fn php() {
    let probe: &[_] = &["-r", "exit(function_exists('sodium_crypto_sign_detached') ? 0 : 1);"];
    Language { program: "php", before: &[], sample: "sample.php", ed25519: Some(probe) }.check(false);
}
