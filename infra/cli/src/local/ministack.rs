//! MiniStack as a child process: AWS on loopback, without Docker.

use super::failure::{Doing as _, Failure};
use super::port::Port;
use super::process::{self, Server};
use super::project::Project;
use crate::clients;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where the local stack pretends to be.
pub(crate) const REGION: &str = "eu-central-1";

/// MiniStack's root key: whoever uses it may do anything, and its signature is not checked.
pub(crate) const ROOT_KEY: &str = "test";

/// What to do when its port is taken.
pub(crate) const PORT_REMEDY: &str = "choose another with --port";

/// How long it may take to answer. It takes a quarter of a second on a laptop.
const START_SECONDS_MAX: u64 = 30;

/// How often a start on a port that was free a moment ago is tried.
const START_ATTEMPTS_MAX: u32 = 3;

/// Variables of ours that MiniStack, and so every function, may see. No credentials, no `AWS_…`, no proxy.
const PASSED_ON: [&str; 8] =
    ["PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What MiniStack is started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) port: Port,
    pub(crate) without_iam: bool,
    pub(crate) functions_endpoint: Option<String>,
    pub(crate) functions_env: BTreeMap<String, String>,
}

/// A running MiniStack. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct MiniStack {
    server: Server,
    endpoint: String,
    folder: PathBuf,
}

impl MiniStack {
    /// Starts it with nothing in it and waits until it answers.
    pub(crate) async fn start(
        interpreter: &Path,
        project: &Project,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let mut attempt = 1;
        loop {
            match Self::start_once(interpreter, project, settings).await {
                // Another process may take a free port before MiniStack does.
                Err(_) if settings.port == Port::Free && attempt < START_ATTEMPTS_MAX => attempt += 1,
                result => return result,
            }
        }
    }

    async fn start_once(interpreter: &Path, project: &Project, settings: &Settings) -> Result<Self, Failure> {
        let port = settings.port.pick("MiniStack", PORT_REMEDY)?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let folder = project.kept(&format!("run/ministack-{port}"))?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).doing(|| format!("empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).doing(|| format!("make {}", folder.display()))?;
        let log = project.kept(&format!("logs/ministack-{port}.log"))?;
        let mut command = process::script(interpreter, project, "start_ministack.py");
        set_environment(&mut command, settings, port, &endpoint, &folder);
        let mut started = Self { server: Server::start("MiniStack", command, &log)?, endpoint, folder };
        let health = format!("{}/_ministack/health", started.endpoint);
        let http = clients::http()?;
        let answers =
            || async { http.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) };
        started.server.wait_until(Duration::from_secs(START_SECONDS_MAX), answers).await?;
        Ok(started)
    }

    /// Where it answers.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its process id. The functions' processes are its children.
    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> Result<String, Failure> {
        self.server.log()
    }

    pub(crate) fn look_after(&mut self) -> Result<(), Failure> {
        self.server.look_after()
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        self.server.stop();
        // For what was written while it was being removed. The next start on this port empties it anyway.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::disallowed_methods, reason = "what a child process may see of our environment")]
fn set_environment(command: &mut Command, settings: &Settings, port: u16, endpoint: &str, folder: &Path) {
    command.current_dir(folder).env_clear();
    for name in PASSED_ON {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // The functions inherit all of this. Their endpoint has to be named, or they would call the real AWS.
    let functions_endpoint = settings.functions_endpoint.as_deref().unwrap_or(endpoint);
    command
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("AUTH", (!settings.without_iam).to_string())
        .env("MINISTACK_REGION", REGION)
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("PYTHONUNBUFFERED", "1")
        .env("TMPDIR", folder)
        .env("HOME", folder)
        // Removed by lease.py when we are gone: every function's package is unpacked in it.
        .env("COUNTERSIGN_RUN_FOLDER", folder)
        .env("AWS_ENDPOINT_URL", functions_endpoint)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", ROOT_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_KEY)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(&settings.functions_env);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_ours_reaches_the_functions_by_accident() {
        let settings = Settings {
            functions_endpoint: Some("http://127.0.0.1:9".to_owned()),
            functions_env: BTreeMap::from([("MARK".to_owned(), "1".to_owned())]),
            ..Settings::default()
        };
        let mut command = Command::new("python");
        set_environment(&mut command, &settings, 4566, "http://127.0.0.1:4566", Path::new("/run"));
        let env: BTreeMap<_, _> =
            command.get_envs().map(|(k, v)| (k.to_str().unwrap(), v.unwrap())).collect();
        assert_eq!(env["AWS_ENDPOINT_URL"], "http://127.0.0.1:9");
        assert_eq!(env["MARK"], "1");
        assert_eq!(env["AUTH"], "true");
        assert!(!env.contains_key("CARGO_MANIFEST_DIR"));
    }
}
