//! The functions' binaries, built for this machine and packed as Lambda wants them.

use super::failure::{Doing as _, Failure};
use super::project::Project;
use crate::output::Progress;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// The binaries, each named like its folder in `functions/`.
pub(crate) const FUNCTIONS: [&str; 3] = ["ingest", "processor", "reconcile"];

/// The only file in a package, under the name that `provided.al2023` runs.
const BOOTSTRAP: &str = "bootstrap";

/// What is built together with the functions.
///
/// Cargo unites the features of all packages that one command selects, and those of the tests' own dependencies when it
/// builds tests. A command that selects otherwise than the one before it compiles the AWS SDK once more, with other
/// features; these select as the commands that they follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuiltWith {
    /// Nothing, as after `cargo run`.
    #[default]
    Binaries,
    /// All tests, as `cargo test --workspace` does.
    Tests,
}

/// A function ready for upload.
pub(crate) struct Package {
    pub(crate) binary: PathBuf,
    pub(crate) zip: Vec<u8>,
}

/// Builds every function and packs it.
pub(crate) async fn packages(
    project: &Project,
    with: BuiltWith,
    progress: Progress,
) -> Result<BTreeMap<&'static str, Package>, Failure> {
    let binaries = progress.timed("building the functions", binaries(project, with, progress)).await?;
    let mut packages = BTreeMap::new();
    for name in FUNCTIONS {
        let path = binaries.get(name).ok_or_else(|| {
            Failure::new(format!(
                "cargo built no binary {name}: is functions/{name} still a member of the workspace?"
            ))
        })?;
        let zip = std::fs::read(path).map_err(zip::result::ZipError::from).and_then(|binary| pack(&binary));
        let zip = zip.doing(|| format!("pack {}", path.display()))?;
        packages.insert(name, Package { binary: path.clone(), zip });
    }
    Ok(packages)
}

async fn binaries(
    project: &Project,
    with: BuiltWith,
    progress: Progress,
) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let doing = || "run cargo: is Rust installed, and cargo on the PATH?".to_owned();
    let cargo = cargo(project, with, progress).spawn().doing(doing)?;
    let output = cargo.wait_with_output().await.doing(doing)?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "cargo could not build the functions ({}): see its messages above",
            output.status
        )));
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to the programs it runs through their environment"
)]
fn cargo(project: &Project, with: BuiltWith, progress: Progress) -> Command {
    // Set by the cargo that runs us; it is the one of the right toolchain.
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(["build", "--message-format=json-render-diagnostics"]);
    command.args(FUNCTIONS.iter().flat_map(|name| ["--bin", name]));
    if with == BuiltWith::Tests {
        command.args(["--workspace", "--tests"]);
    }
    if progress == Progress::Silent {
        command.arg("--quiet");
    }
    // Build scripts that watch these would run again, and all that depends on them would be compiled again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_the_running_package) {
            command.env_remove(name);
        }
    }
    command.current_dir(project.root()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Whether `cargo run` and `cargo test` set it for the package that they run.
fn is_of_the_running_package(variable: &str) -> bool {
    const NAMES: [&str; 6] = [
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
    ];
    NAMES.contains(&variable) || variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_BIN_EXE_")
}

/// The binaries named in cargo's messages, one JSON object a line.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        target: Option<Target>,
        profile: Option<Profile>,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    messages
        .filter(|message| {
            message.reason == "compiler-artifact" && message.profile.as_ref().is_some_and(|p| !p.test)
        })
        .filter_map(|message| Some((message.target?.name, message.executable?)))
        .collect()
}

/// Not compressed: it is unpacked on the same machine a second later.
fn pack(binary: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(BOOTSTRAP, options)?;
    archive.write_all(binary)?;
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_package_holds_an_executable_bootstrap() {
        let mut archive = zip::ZipArchive::new(Cursor::new(pack(b"\x7fELF").unwrap())).unwrap();
        let mut file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode().unwrap() & 0o777, 0o755);
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"\x7fELF");
    }

    #[test]
    fn binaries_are_found_in_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"serde"},"profile":{"test":false},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"ingest"},"profile":{"test":false},"executable":"/t/ingest"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"ingest"},"profile":{"test":true},"executable":"/t/ingest-1"}"#,
            "\nnot json\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(
            executables(messages),
            BTreeMap::from([("ingest".to_owned(), PathBuf::from("/t/ingest"))])
        );
    }

    #[test]
    fn variables_of_the_running_package_are_told_from_the_users() {
        for (name, expected) in [
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_PKG_NAME", true),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_HOME", false),
            ("RUSTFLAGS", false),
        ] {
            assert_eq!(is_of_the_running_package(name), expected, "{name}");
        }
    }
}
