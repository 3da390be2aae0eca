//! Python environments with pinned packages, made once and kept in the ignored folder.

use super::failure::{Doing as _, Failure};
use super::process::tail;
use super::project::Project;
use crate::output::Progress;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Oldest Python that the pinned packages take.
const VERSION_MIN: (u32, u32) = (3, 10);

/// Tried in this order; the first one that is new enough is taken.
const PROGRAMS: [&str; 7] =
    ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// Written last: an environment without it, or with another one, is made again.
const STAMP: &str = "countersign-stamp";

/// Lines of a failed command's output that an error shows.
const OUTPUT_LINES_SHOWN: usize = 12;

/// What one environment holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packages {
    /// Its name, and that of its main package.
    pub(crate) name: &'static str,
    /// Pinned requirements, complete.
    pub(crate) requirements: &'static str,
    /// What builds the main package, where it comes as source.
    pub(crate) build_tool: Option<&'static str>,
}

/// MiniStack and its SAM translator.
pub(crate) const MINISTACK: Packages =
    Packages { name: "ministack", requirements: include_str!("../../local/ministack.txt"), build_tool: None };

/// localstripe.
pub(crate) const LOCALSTRIPE: Packages = Packages {
    name: "localstripe",
    requirements: include_str!("../../local/localstripe.txt"),
    build_tool: Some("setuptools==80.9.0"),
};

/// Schemathesis, which tries a description of the endpoint on the endpoint.
pub(crate) const SCHEMATHESIS: Packages = Packages {
    name: "schemathesis",
    requirements: include_str!("../../local/schemathesis.txt"),
    build_tool: None,
};

/// A Python on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    program: &'static str,
    version: String,
}

impl Python {
    /// The first one that is new enough.
    pub(crate) async fn find() -> Result<Self, Failure> {
        let mut too_old = Vec::new();
        for program in PROGRAMS {
            let Some(version) = version_of(program).await else { continue };
            if is_new_enough(&version) {
                return Ok(Self { program, version });
            }
            too_old.push(format!("{program} is {version}"));
        }
        let (major, minor) = VERSION_MIN;
        let found = if too_old.is_empty() { "there is none".to_owned() } else { too_old.join(", ") };
        Err(Failure::new(format!(
            "Python {major}.{minor} or newer is needed to run MiniStack, and on the PATH {found}: install one, with its \
             venv module (Debian: `apt-get install python3 python3-venv`)"
        )))
    }

    #[cfg(test)]
    pub(crate) fn program(&self) -> &'static str {
        self.program
    }

    /// The interpreter of an environment that holds exactly these packages.
    pub(crate) async fn with(
        &self,
        packages: Packages,
        project: &Project,
        progress: Progress,
    ) -> Result<PathBuf, Failure> {
        let folder = project.kept(&format!("venv-{}", packages.name))?;
        let interpreter = folder.join("bin").join("python");
        let stamp = self.stamp(packages);
        let lock = project.kept(&format!("venv-{}.lock", packages.name))?;
        let lock = locked(&lock, packages.name, progress).await?;
        let stamped = std::fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == stamp);
        if !(stamped && interpreter.exists()) {
            let what = format!("installing {} (the first time only)", packages.name);
            progress.timed(&what, self.make(&folder, &interpreter, packages, &stamp)).await?;
        }
        drop(lock);
        Ok(interpreter)
    }

    /// Says which Python and which packages: another of either is another environment.
    fn stamp(&self, packages: Packages) -> String {
        let parts = [self.version.as_str(), packages.build_tool.unwrap_or_default(), packages.requirements];
        HEXLOWER.encode(&Sha256::digest(parts.join("\n")))
    }

    async fn make(
        &self,
        folder: &Path,
        interpreter: &Path,
        packages: Packages,
        stamp: &str,
    ) -> Result<(), Failure> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).doing(|| format!("remove the half-made {}", folder.display()))?;
        }
        let venv = [OsStr::new("-m"), OsStr::new("venv"), folder.as_os_str()];
        let remedy = "if it says that ensurepip is missing, install Python's venv module (Debian: `apt-get install \
                      python3-venv`)";
        run(OsStr::new(self.program), &venv, remedy).await?;

        let requirements = folder.join("requirements.txt");
        std::fs::write(&requirements, packages.requirements)
            .doing(|| format!("write {}", requirements.display()))?;
        let remedy =
            "check that pip can install packages here (network, proxy, `pip config list`), then start again";
        // The lists are complete, so nothing is resolved, and nothing but the main package is ever built.
        let common = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ];
        if let Some(tool) = packages.build_tool {
            let args: Vec<_> = common.into_iter().chain([tool]).map(OsStr::new).collect();
            run(interpreter.as_os_str(), &args, remedy).await?;
        }
        let from_source = format!("--no-binary={}", packages.name);
        let source = packages.build_tool.map_or(Vec::new(), |_| vec!["--no-build-isolation", &from_source]);
        let mut args: Vec<_> =
            common.into_iter().chain(source).chain(["--requirement"]).map(OsStr::new).collect();
        args.push(requirements.as_os_str());
        run(interpreter.as_os_str(), &args, remedy).await?;

        std::fs::write(folder.join(STAMP), stamp).doing(|| format!("write {}", folder.join(STAMP).display()))
    }
}

/// Holds the lock until it is dropped: several tests may want the same environment at the same time.
async fn locked(path: &Path, name: &str, progress: Progress) -> Result<File, Failure> {
    let file = File::create(path).doing(|| format!("write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            progress.say(format_args!("  waiting for another process that installs {name} …"))
        }
        Err(TryLockError::Error(error)) => {
            return Err(Failure::because(format!("cannot lock {}", path.display()), error));
        }
    }
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    let locked = locked.await.doing(|| format!("wait for {}", path.display()))?;
    locked.doing(|| format!("lock {}", path.display()))
}

async fn run(program: &OsStr, args: &[&OsStr], remedy: &str) -> Result<(), Failure> {
    let shown = || {
        let args = args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
        format!("{} {args}", program.display())
    };
    let output = Command::new(program)
        .args(args)
        // A user's own pip settings hold, but for this one: pip refuses it inside an environment.
        .env("PIP_USER", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .doing(|| format!("run `{}`", shown()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = tail(&String::from_utf8_lossy(&said), OUTPUT_LINES_SHOWN);
    Err(Failure::new(format!("`{}` failed ({}): {remedy}. It said:\n{said}", shown(), output.status)))
}

async fn version_of(program: &str) -> Option<String> {
    let print = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
    let run = Command::new(program).args(["-c", print]).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = run.await.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= VERSION_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, expected) in [
            ("3.10.0", true),
            ("3.9.18", false),
            ("3.13.1", true),
            ("4.0.0", true),
            ("2.7.18", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
    }

    #[test]
    fn every_requirement_is_pinned_to_one_version() {
        for packages in [MINISTACK, LOCALSTRIPE, SCHEMATHESIS] {
            let lines = packages.requirements.lines().filter(|line| !line.starts_with('#'));
            let wrong: Vec<_> =
                lines.filter(|line| line.split(';').next().unwrap().matches("==").count() != 1).collect();
            assert_eq!(wrong, [""; 0], "{}", packages.name);
            assert!(packages.requirements.contains(&format!("\n{}==", packages.name)));
        }
    }

    #[test]
    fn a_stamp_tells_python_and_packages_apart() {
        let python = |version: &str| Python { program: "python3", version: version.to_owned() };
        let stamp = python("3.11.7").stamp(MINISTACK);
        assert_eq!(stamp, python("3.11.7").stamp(MINISTACK));
        assert_ne!(stamp, python("3.12.0").stamp(MINISTACK));
        assert_ne!(
            stamp,
            python("3.11.7").stamp(Packages { requirements: "ministack==1.5.34", ..MINISTACK })
        );
        assert_ne!(
            stamp,
            python("3.11.7").stamp(Packages { build_tool: Some("setuptools==80.9.0"), ..MINISTACK })
        );
    }
}
