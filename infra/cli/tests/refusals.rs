//! What the command itself says, as a process with nothing but the variables that are given here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::net::TcpListener;
use std::process::Command;

/// Its exit code and what it says on standard error, a line each.
fn said(line: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(line)
        .env_clear()
        // Nobody's profile, and no machine of AWS's to ask for credentials.
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_wrong_is_named_with_the_remedy() {
    let list = ["source", "list"];
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let is_silent =
        format!("nothing answers at {nobody} (--endpoint or COUNTERSIGN_ENDPOINT): is `cargo run local` up?");
    let no_credentials = "error: there are no credentials for AWS: give credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID \
                          and AWS_SECRET_ACCESS_KEY), or --endpoint for the local stack";
    let key = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let an_endpoint = "for '--endpoint <URL>': an endpoint is an http or https URL with a host";
    for (line, variables, code, says) in [
        (&list[..], &[][..], 1, no_credentials),
        (&list, &[("COUNTERSIGN_ENDPOINT", "")], 1, no_credentials),
        (
            &list,
            &key,
            1,
            "error: there is no region of AWS: give one (AWS_REGION, or a profile that has one)",
        ),
        (&list, &[("COUNTERSIGN_ENDPOINT", "nonsense")], 2, an_endpoint),
        (&["source", "list", "--endpoint", ""], &[("COUNTERSIGN_ENDPOINT", "")], 2, an_endpoint),
        (&list, &[("COUNTERSIGN_ENDPOINT", &nobody)], 1, &is_silent),
        (&["source", "list", "--endpoint", &nobody], &[("COUNTERSIGN_ENDPOINT", "")], 1, &is_silent),
        (&list, &[("COUNTERSIGN_STACK", "")], 2, "invalid value '' for '--stack <NAME>': a stack's name is"),
        (
            &["local", "--port", "4570", "--stripe-port", "4570"],
            &[],
            2,
            "error: --port and --stripe-port are both 4570, and two servers cannot share a port",
        ),
    ] {
        let (found, error) = said(line, variables);
        assert!(error.contains(says), "{line:?} {variables:?}: {error}");
        assert!(!error.contains("panicked") && !error.contains(" { "), "no dump: {error}");
        assert!(!error.contains("Attempted"), "no list of what is not there: {error}");
        assert_eq!(found, Some(code), "{line:?} {variables:?}: {error}");
    }
}
