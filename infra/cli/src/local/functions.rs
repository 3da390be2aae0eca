//! The functions' processes and what they log.

use super::failure::{Doing as _, Failure};
use super::ministack::{MiniStack, REGION, ROOT_KEY};
use crate::clients;
use data_encoding::{BASE64, HEXLOWER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A running execution environment of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// `ingest`, `processor` or `reconcile`.
    pub function: &'static str,
    /// Its process id.
    pub id: u32,
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ends it at once, wherever it is: `kill -9`.
    Kill,
    /// Holds it where it is.
    Pause,
    /// Lets it go on.
    Resume,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Pause => "STOP",
            Self::Resume => "CONT",
        }
    }
}

/// A line that a function wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// When the invocation that wrote it was over, in milliseconds since 1970.
    pub at_ms: i64,
    /// The line; a string when it is not JSON.
    pub line: Value,
}

/// A deployed function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The binary it was made from.
    pub binary: PathBuf,
    /// Its variables, as deployed. MiniStack adds its own.
    pub environment: BTreeMap<String, String>,
    /// SHA-256 of its package, in hex. MiniStack unpacks it into a folder of this name, and runs it from there.
    digest: String,
}

/// The functions of one MiniStack.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    ministack: u32,
    endpoint: String,
    by_name: BTreeMap<&'static str, Function>,
}

impl Functions {
    /// Reads how the functions with these binaries are deployed.
    pub(crate) async fn deployed(
        ministack: &MiniStack,
        binaries: impl Iterator<Item = (&'static str, PathBuf)>,
    ) -> Result<Self, Failure> {
        let (endpoint, ministack) = (ministack.endpoint().to_owned(), ministack.id());
        let mut functions = Self { ministack, endpoint, by_name: BTreeMap::new() };
        for (name, binary) in binaries {
            let function = functions.configuration(name).await?.function(name, binary)?;
            functions.by_name.insert(name, function);
        }
        Ok(functions)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name)
    }

    /// The processes that run now. MiniStack starts one for each invocation that finds none free, and keeps it.
    pub(crate) fn processes(&self) -> Result<Vec<Process>, Failure> {
        let output = Command::new("ps")
            .args(["-A", "-o", "pid=,ppid=,stat=,args="])
            .output()
            .doing(|| "list processes: is `ps` installed (Debian: `apt-get install procps`)".to_owned())?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(|line| self.process(line)).collect())
    }

    /// A line of `ps`, if it is a function's: a living child of MiniStack, run from the folder of a package.
    fn process(&self, line: &str) -> Option<Process> {
        let mut words = line.split_whitespace();
        let id = words.next()?.parse().ok()?;
        let parent: u32 = words.next()?.parse().ok()?;
        if parent != self.ministack || words.next()?.starts_with('Z') {
            return None;
        }
        let (function, _) = self.by_name.iter().find(|(_, function)| line.contains(&function.digest))?;
        Some(Process { function, id })
    }

    /// Everything that a function has logged in invocations that are over.
    pub(crate) async fn log(&self, function: &str) -> Result<Vec<LogLine>, Failure> {
        let mut lines = Vec::new();
        let mut page = None;
        loop {
            let request = json!({
                "logGroupName": format!("/aws/lambda/{}-{function}", super::deploy::STACK),
                "nextToken": page,
            });
            let answer = self.filter_log_events(function, &request).await?;
            lines.extend(answer.events.into_iter().filter_map(log_line));
            page = answer.next_token;
            if page.is_none() {
                return Ok(lines);
            }
        }
    }

    async fn filter_log_events(&self, function: &str, request: &Value) -> Result<Page, Failure> {
        let request = clients::http()?
            .post(format!("{}/", self.endpoint))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "Logs_20140328.FilterLogEvents")
            .body(request.to_string());
        call(request, "logs").await.doing(|| format!("read the log of {function}"))
    }

    async fn configuration(&self, function: &str) -> Result<Configuration, Failure> {
        let path = format!("/2015-03-31/functions/{}-{function}/configuration", super::deploy::STACK);
        let request = clients::http()?.get(format!("{}{path}", self.endpoint));
        call(request, "lambda").await.doing(|| format!("read how {function} is deployed"))
    }
}

/// A call of a service whose SDK would be a minute of compiling for this one call.
async fn call<T: DeserializeOwned>(request: reqwest::RequestBuilder, service: &str) -> reqwest::Result<T> {
    // MiniStack does not check the signature of its root key.
    let credential = format!("Credential={ROOT_KEY}/20260101/{REGION}/{service}/aws4_request");
    let header = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0");
    request.header("authorization", header).send().await?.error_for_status()?.json().await
}

/// Does something to a process.
///
/// # Errors
/// When there is no such process any more.
pub fn signal(process: &Process, signal: Signal) -> Result<(), Failure> {
    let Process { function, id } = process;
    // Without unsafe code there is no other way to signal a process that is not a child.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$0\" \"$1\"", signal.name(), &id.to_string()]).stderr(Stdio::null());
    let status = kill.status().doing(|| format!("send {} to process {id} of {function}", signal.name()))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("process {id} of {function} is gone: {} did not reach it", signal.name())))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    code_sha256: String,
    environment: Environment,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    variables: BTreeMap<String, String>,
}

impl Configuration {
    fn function(self, name: &str, binary: PathBuf) -> Result<Function, Failure> {
        let digest = BASE64.decode(self.code_sha256.as_bytes());
        let digest = digest.doing(|| format!("read the digest of {name}, {}", self.code_sha256))?;
        Ok(Function { binary, environment: self.environment.variables, digest: HEXLOWER.encode(&digest) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<LogEvent>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct LogEvent {
    timestamp: i64,
    message: String,
}

/// The lines that Lambda itself adds are left out.
fn log_line(event: LogEvent) -> Option<LogLine> {
    let LogEvent { timestamp: at_ms, message } = event;
    let is_platforms =
        ["START", "END", "REPORT"].iter().any(|word| message.starts_with(&format!("{word} RequestId: ")));
    (!is_platforms).then(|| {
        let line = serde_json::from_str(&message).unwrap_or(Value::String(message));
        LogLine { at_ms, line }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions() -> Functions {
        let function = |digest: &str| Function {
            binary: PathBuf::new(),
            environment: BTreeMap::new(),
            digest: digest.to_owned(),
        };
        let by_name = BTreeMap::from([("ingest", function("aa11")), ("processor", function("bb22"))]);
        Functions { ministack: 100, endpoint: "http://127.0.0.1:1".to_owned(), by_name }
    }

    #[test]
    fn a_function_is_read_as_it_is_deployed() {
        let configuration = json!({
            "FunctionName": "countersign-dev-ingest",
            "CodeSha256": "qhE=",
            "Environment": { "Variables": { "STAGE": "dev" } },
        });
        let configuration: Configuration = serde_json::from_value(configuration).unwrap();
        let function = configuration.function("ingest", PathBuf::from("/t/ingest")).unwrap();
        assert_eq!(function.digest, "aa11");
        assert_eq!(function.environment["STAGE"], "dev");
    }

    #[test]
    fn processes_are_told_apart_by_the_package_they_run() {
        for (line, expected) in [
            ("  101   100 Sl   /run/code/aa11/bootstrap", Some(("ingest", 101))),
            ("  102   100 S    /run/code/bb22/bootstrap", Some(("processor", 102))),
            ("  103   100 Z    [bootstrap] <defunct> aa11", None),
            ("  104   999 S    /run/code/aa11/bootstrap", None),
            ("  105   100 S    /usr/bin/python", None),
            ("", None),
        ] {
            let found = functions().process(line).map(|process| (process.function, process.id));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_process_can_be_paused_resumed_and_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process { function: "ingest", id: child.id() };
        for wanted in [Signal::Pause, Signal::Resume, Signal::Kill] {
            signal(&process, wanted).unwrap();
        }
        assert!(!child.wait().unwrap().success());
        assert!(signal(&process, Signal::Kill).is_err());
    }

    #[test]
    fn log_lines_are_json_where_they_can_be() {
        let line = |message: &str| log_line(LogEvent { timestamp: 1, message: message.to_owned() });
        assert_eq!(line(r#"{"level":"INFO"}"#).unwrap().line, json!({"level": "INFO"}));
        assert_eq!(line("panicked at").unwrap().line, json!("panicked at"));
        assert_eq!(line("START RequestId: 1 Version: $LATEST"), None);
        assert_eq!(line("REPORT RequestId: 1\tDuration: 1 ms"), None);
    }
}
