//! Counts what the processor executes, with valgrind: the benchmark runs itself under callgrind.

use std::process::Command;

const ENV: &str = "COUNTERSIGN_BENCH_REPEAT";

/// What this process was started to repeat, and how often, when it is the one that is counted.
#[expect(clippy::disallowed_methods, reason = "how this program tells its own child what to do")]
pub(crate) fn order() -> Option<(u32, String)> {
    let order = std::env::var(ENV).ok()?;
    let (times, what) = order.split_once(' ').expect("times and what");
    Some((times.parse().expect("a number"), what.to_owned()))
}

/// Instructions of one repetition: what 110 take more than 10, divided by 100. INIT cancels out.
pub(crate) fn instructions(what: &str) -> u64 {
    let count = |times: u32| {
        let program = std::env::current_exe().expect("this program");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        let output = valgrind.env(ENV, format!("{times} {what}")).output().expect("valgrind is installed");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = log.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind's total");
        line.1.trim().parse::<u64>().expect("a number")
    };
    (count(110) - count(10)) / 100
}
