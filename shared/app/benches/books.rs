//! The engine beside DuckDB and Polars: the same two files, the same differences, one after the other.
//!
//! ```sh
//! cargo bench -p countersign-app --bench books -- 1000000 10000000
//! ```
//! Each number is rows on a side. The files are seeded: sorted, a row in a thousand has a fault. They are made below
//! `target/books`, 65 bytes a row, and removed at the end. Every engine runs three times in a process of its own; the
//! fastest run is shown, with the most memory of any run. Reading `/proc` makes it a benchmark for Linux.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures with the clock, prints what it measures, and stops when something fails"
)]

use countersign_domain::books::canonical::{CanonicalRows, write_header, write_row};
use countersign_domain::books::compare::{Discrepancy, Rules};
use countersign_domain::books::lockstep::compare_canonical;
use countersign_domain::books::{Entry, Row};
use countersign_domain::finding::FindingKind;
use countersign_domain::money::Currency;
use countersign_domain::payment::PaymentStatus;
use countersign_domain::time::Timestamp;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const RUNS: usize = 3;
const BUFFER_BYTES: usize = 1 << 20;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some("compare") => run_ours(Path::new(&words[1]), Path::new(&words[2]), Path::new(&words[3])),
        None => measure(&[1_000_000]),
        Some(_) => {
            let sizes: Vec<u64> = words.iter().map(|word| word.parse().expect("rows on a side")).collect();
            measure(&sizes);
        }
    }
}

/// What one engine needed for one comparison.
#[derive(Clone, Copy)]
struct Needed {
    found: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_kib: u64,
}

fn measure(sizes: &[u64]) {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let folder = root.join("target/books");
    std::fs::create_dir_all(&folder).expect("a folder below target");
    let python = peers(&root);
    let script = root.join("shared/app/benches/peers/compare.py");
    println!("| rows a side | engine | differences | seconds | CPU seconds | peak MiB |");
    println!("|---|---|---|---|---|---|");
    for rows in sizes {
        let (ours, theirs) = (folder.join("ours.tsv"), folder.join("theirs.tsv"));
        let faults = generate(*rows, &ours, &theirs);
        for engine in ["countersign", "duckdb", "polars"] {
            let out = folder.join(format!("{engine}.tsv"));
            let runs: Option<Vec<_>> = (0..RUNS)
                .map(|_| {
                    let mut command = if engine == "countersign" {
                        let mut command = Command::new(std::env::current_exe().expect("this program"));
                        command.arg("compare");
                        command
                    } else {
                        let mut command = Command::new(&python);
                        command.arg(&script).arg(engine);
                        command
                    };
                    needed(command.arg(&ours).arg(&theirs).arg(&out))
                })
                .collect();
            let Some(runs) = runs else {
                println!("| {rows} | {engine} | killed: out of memory | | | |");
                continue;
            };
            let fastest = runs.iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("a run");
            let peak_kib = runs.iter().map(|run| run.peak_kib).max().expect("a run");
            assert!(
                runs.iter().all(|run| run.found == faults),
                "{engine} finds {}, not {faults}",
                fastest.found
            );
            println!(
                "| {rows} | {engine} | {} | {:.2} | {:.2} | {} |",
                fastest.found,
                fastest.seconds,
                fastest.cpu_seconds,
                peak_kib / 1024
            );
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// The pinned peers, in an environment of their own.
fn peers(root: &Path) -> PathBuf {
    let (venv, requirements) =
        (root.join(".countersign/venv-peers"), root.join("shared/app/benches/peers/requirements.txt"));
    let python = venv.join("bin/python");
    let is_ready = venv.join("ready");
    if !is_ready.exists() {
        let run = |command: &mut Command| {
            let status =
                command.status().unwrap_or_else(|error| panic!("{command:?}: {error}: Python 3 is needed"));
            assert!(status.success(), "{command:?} failed: {status}");
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&requirements));
        std::fs::write(is_ready, "").expect("a place in the environment");
    }
    python
}

/// Runs an engine; nothing when the system ended it, as it does when memory is out.
fn needed(command: &mut Command) -> Option<Needed> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    output.status.code()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Vec<_> = text.split_whitespace().collect();
    let [found, seconds, cpu_seconds, peak_kib] = words.as_slice() else {
        panic!("{command:?}: {}{}", text, String::from_utf8_lossy(&output.stderr))
    };
    Some(Needed {
        found: found.parse().expect("a count"),
        seconds: seconds.parse().expect("seconds"),
        cpu_seconds: cpu_seconds.parse().expect("seconds"),
        peak_kib: peak_kib.parse().expect("KiB"),
    })
}

/// What the child process does, and prints of itself.
fn run_ours(ours: &Path, theirs: &Path, out: &Path) {
    let begun = Instant::now();
    let open = |path: &Path| {
        let file = File::open(path).expect("the file");
        CanonicalRows::new(file).expect("canonical rows")
    };
    let mut out = BufWriter::new(File::create(out).expect("a place for the differences"));
    let mut found = 0_u64;
    let sums =
        compare_canonical(open(ours), open(theirs), &Rules::default(), |discrepancy: Discrepancy<'_>| {
            found += 1;
            for row in [discrepancy.ours, discrepancy.theirs].into_iter().flatten() {
                write!(out, "{}\t", discrepancy.kind.as_str()).expect("space");
                write_row(&mut out, row).expect("space");
            }
        });
    let sums = sums.expect("both sides are sorted").sorted();
    assert!(sums.iter().all(|sum| sum.gap() == 0), "the differences explain the sums");
    out.flush().expect("space");
    let (cpu, peak_kib) = of_this_process();
    println!("{found} {:.3} {:.3} {peak_kib}", begun.elapsed().as_secs_f64(), cpu.as_secs_f64());
}

/// CPU time and peak memory of this process, in KiB, from `/proc`.
fn of_this_process() -> (Duration, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("peak memory");
    let peak_kib = peak.trim().trim_end_matches(" kB").parse().expect("KiB");
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<_> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    // Fields 14 and 15 of the whole, in hundredths of a second.
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    (Duration::from_millis(ticks * 10), peak_kib)
}

/// Writes both sides, and says how many rows differ.
fn generate(rows: u64, ours: &Path, theirs: &Path) -> u64 {
    let create = |path: &Path| {
        let mut file =
            BufWriter::with_capacity(BUFFER_BYTES, File::create(path).expect("a file below target"));
        write_header(&mut file).expect("space");
        file
    };
    let (mut ours, mut theirs) = (create(ours), create(theirs));
    let currencies = ["EUR", "USD", "GBP", "JPY"].map(|code| Currency::from_code(code).expect("a currency"));
    let mut dice = Dice(0x5eed);
    let mut row = Row { entry: Entry::Payment, status: Some(PaymentStatus::Captured), ..Row::empty() };
    let mut faults = 0;
    for number in 0..rows {
        let thrown = dice.throw();
        row.reference.clear();
        std::fmt::Write::write_fmt(&mut row.reference, format_args!("pi_{number:012}{:08x}", thrown as u32))
            .expect("text");
        row.currency = currencies[(thrown >> 32) as usize % currencies.len()];
        row.minor = (thrown >> 34) as i64 % 1_000_000 + 100;
        row.at = Timestamp::from_second(1_700_000_000 + (number / 20) as i64).ok();
        let mut other = row.clone();
        let fault = match dice.throw() % 4_000 {
            0 => FindingKind::MissingHere,
            1 => FindingKind::MissingThere,
            2 => FindingKind::AmountDiffers,
            3 => FindingKind::StatusBehind,
            _ => {
                write_row(&mut ours, &row).expect("space");
                write_row(&mut theirs, &row).expect("space");
                continue;
            }
        };
        faults += 1;
        let mut here = row.clone();
        match fault {
            FindingKind::AmountDiffers => other.minor += 1,
            FindingKind::StatusBehind => here.status = Some(PaymentStatus::Authorized),
            _ => {}
        }
        if fault != FindingKind::MissingHere {
            write_row(&mut ours, &here).expect("space");
        }
        if fault != FindingKind::MissingThere {
            write_row(&mut theirs, &other).expect("space");
        }
    }
    ours.flush().expect("space");
    theirs.flush().expect("space");
    faults
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
