//! A server process that lives exactly as long as we do.
//!
//! It leads a process group of its own, so that a terminal's Ctrl-C reaches only us, and holds the reading end of a pipe
//! whose writing end only we hold. When the pipe ends, because we stopped it or because we were killed, `lease.py` in it
//! kills the whole group: the functions that MiniStack started cannot be left behind.

use super::failure::{Doing as _, Failure};
use super::project::Project;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// Where the start scripts are.
const SCRIPTS: &str = "infra/cli/local";

/// How often a process is looked at that should end because its pipe did: five seconds.
const END_POLLS_MAX: u32 = 250;

/// How often something awaited is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Lines of a log that an error shows.
const LOG_LINES_SHOWN: usize = 15;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    lease: Option<ChildStdin>,
    log: PathBuf,
}

impl Server {
    /// Starts a command that runs one of our start scripts. Its output goes to `log`.
    pub(crate) fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Self, Failure> {
        let file = File::create(log).doing(|| format!("write the log {}", log.display()))?;
        let second = file.try_clone().doing(|| format!("write the log {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(second)
            .process_group(0)
            .spawn()
            .doing(|| format!("start {name} with {}", command.get_program().display()))?;
        let lease = child.stdin.take();
        Ok(Self { name, child, lease, log: log.to_owned() })
    }

    /// Its process id, which is also the id of its group.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready` says so.
    pub(crate) async fn wait_until<F>(
        &mut self,
        limit: Duration,
        is_ready: impl Fn() -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = bool>,
    {
        let ready = async {
            while !is_ready().await {
                self.look_after()?;
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        };
        match tokio::time::timeout(limit, ready).await {
            Ok(done) => done,
            Err(_) => Err(self.failure(&format!("did not answer within {} s", limit.as_secs()))),
        }
    }

    /// Fails when it has ended by itself.
    pub(crate) fn look_after(&mut self) -> Result<(), Failure> {
        match self.child.try_wait().doing(|| format!("look after {}", self.name))? {
            Some(status) => Err(self.failure(&format!("ended by itself, {status}"))),
            None => Ok(()),
        }
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> Result<String, Failure> {
        let Self { name, log, .. } = self;
        let text = std::fs::read(log).doing(|| format!("read the log of {name}, {}", log.display()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// A failure of this server, with the end of its log.
    fn failure(&self, what: &str) -> Failure {
        let Self { name, log, .. } = self;
        let text = std::fs::read_to_string(log).unwrap_or_else(|error| format!("(unreadable: {error})"));
        Failure::new(format!(
            "{name} {what}. The end of its log, {}:\n{}",
            log.display(),
            tail(&text, LOG_LINES_SHOWN)
        ))
    }

    /// Ends it with everything it started, and waits until it is gone.
    #[expect(clippy::disallowed_methods, reason = "a destructor calls it, which cannot await")]
    pub(crate) fn stop(&mut self) {
        drop(self.lease.take());
        for _ in 0..END_POLLS_MAX {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(POLL),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // It holds on in spite of its lease; then from outside, with its group.
        let _ = Command::new("sh").args(["-c", "kill -s KILL -- \"-$0\"", &self.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command that runs one of our start scripts, and leaves no compiled copy of it beside it.
pub(crate) fn script(interpreter: &Path, project: &Project, name: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.arg("-B").arg(project.root().join(SCRIPTS).join(name));
    command
}

/// The last lines of a text, indented.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = all.get(all.len().saturating_sub(lines)..).unwrap_or_default();
    shown.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::python::Python;
    use super::*;

    #[tokio::test]
    async fn what_a_server_started_ends_with_it() {
        let project = Project::find().unwrap();
        let interpreter = Python::find().await.unwrap();
        // One child that would outlive us all, as a function of MiniStack's would.
        let code =
            "import lease, subprocess, time; print(subprocess.Popen(['sleep', '600']).pid); time.sleep(600)";
        let mut command = Command::new(interpreter.program());
        command.args(["-u", "-B", "-c", code]).env("PYTHONPATH", project.root().join(SCRIPTS));
        let log = project.kept("logs/test-lease.log").unwrap();
        let mut server = Server::start("the test", command, &log).unwrap();
        let said = || std::fs::read_to_string(&log).unwrap().trim().to_owned();
        server.wait_until(Duration::from_secs(20), async || !said().is_empty()).await.unwrap();
        let is_there = |pid: &str| {
            Command::new("sh")
                .args(["-c", "kill -0 \"$0\"", pid])
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        };
        assert!(is_there(&said()), "{}", said());
        drop(server);
        // Whoever inherits it may take a moment to see that it is dead.
        for _ in 0..100 {
            if !is_there(&said()) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("process {} was left behind", said());
    }

    #[tokio::test]
    async fn a_server_that_ends_by_itself_is_told_with_its_log() {
        let log = Project::find().unwrap().kept("logs/test-end.log").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo the reason; exit 3"]);
        let mut server = Server::start("the test", command, &log).unwrap();
        let never = server.wait_until(Duration::from_secs(20), async || false).await.unwrap_err().to_string();
        assert!(never.contains("the test ended by itself") && never.contains("the reason"), "{never}");
    }

    #[test]
    fn the_end_of_a_log_is_its_last_lines() {
        assert_eq!(tail("a\n\nb\nc\n", 2), "    b\n    c");
        assert_eq!(tail("a", 2), "    a");
        assert_eq!(tail("", 2), "");
    }
}
