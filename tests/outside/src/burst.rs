//! A burst: as much as the stack takes, and the memory of the functions' processes meanwhile.

use crate::load::Load;
use crate::plan::Plan;
use crate::report::Outcome;
use crate::stage::Stage;
use countersign::local::{BuiltWith, Doing as _, Failure, Options};
use countersign::output::Progress;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;

/// Deliveries on their way at the same time.
const SENDERS: usize = 16;

/// How long a message stays with a processor: a busy machine may take long over a batch, and no fault is made here.
const VISIBILITY_SECONDS: u32 = 60;

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_secs(1);

/// Samples before memory can be said to be flat or not: a process grows while it starts, and on a busy machine many do.
const SAMPLES_MIN: usize = 120;

/// How many samples are between two lines that tell how far it is.
const TOLD_EVERY: usize = 60;

/// What the last quarter may have more than the first one: a tenth, and two mebibytes for a process's own comings and goings.
const MORE_DIVISOR: u64 = 10;
const MORE_KIB: u64 = 2_048;

/// At one moment, the mean resident set of a function's processes, in KiB, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    mean_kib: u64,
    processes: u64,
}

/// How a function's memory went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Course {
    first_kib: u64,
    last_kib: u64,
    most_processes: u64,
}

impl Course {
    /// The means of the first and the last quarter. Nothing when there is too little to tell.
    fn of(samples: &[Sample]) -> Option<Self> {
        if samples.len() < SAMPLES_MIN {
            return None;
        }
        let quarter = samples.len() / 4;
        let mean = |part: &[Sample]| {
            let sum: u64 = part.iter().map(|sample| sample.mean_kib).sum();
            sum.checked_div(part.len() as u64).unwrap_or_default()
        };
        Some(Self {
            first_kib: mean(&samples[..quarter]),
            last_kib: mean(&samples[samples.len() - quarter..]),
            most_processes: samples.iter().map(|sample| sample.processes).max().unwrap_or_default(),
        })
    }

    fn is_flat(self) -> bool {
        let most = self.first_kib.saturating_add(self.first_kib / MORE_DIVISOR).saturating_add(MORE_KIB);
        self.last_kib <= most
    }
}

type Samples = BTreeMap<&'static str, Vec<Sample>>;

/// Runs the trial.
///
/// # Errors
/// When the stack does not start, does not fall quiet, or cannot be read.
pub async fn burst(seed: u64, deliveries: usize, built_with: BuiltWith) -> Result<Outcome, Failure> {
    // The emulator is what limits a burst, and who may do what is the subject of other tests.
    let options = Options { built_with, without_iam: true, ..Options::default() };
    let stage = Arc::new(Stage::start(options, VISIBILITY_SECONDS).await?);
    let load = Load::start(&stage, Plan::new(seed).take(deliveries), SENDERS);
    let mut samples = Samples::new();
    let mut taken = 0_usize;
    while load.deliveries() < deliveries as u64 || stage.waiting().await? > 0 {
        tokio::time::sleep(SAMPLE).await;
        sample(&stage, &mut samples).await?;
        taken = taken.saturating_add(1);
        if taken.is_multiple_of(TOLD_EVERY) {
            let (sent, waiting) = (load.deliveries(), stage.waiting().await?);
            Progress::Shown.say(format_args!("  {taken} s: {sent} deliveries sent, {waiting} messages wait"));
        }
    }
    let tally = load.finish().await?;
    let mut outcome = Outcome::of(format!("burst of {deliveries}, seed {seed}"), tally, &stage).await?;
    outcome.add("samples of memory", taken);
    for (function, samples) in samples {
        let Some(course) = Course::of(&samples) else {
            outcome.add(format!("{function}: memory"), "too few samples to tell");
            continue;
        };
        let Course { first_kib, last_kib, most_processes } = course;
        outcome.add(format!("{function}: most processes at once"), most_processes);
        outcome.add(format!("{function}: mean RSS of a process, first quarter"), format!("{first_kib} KiB"));
        outcome.add(format!("{function}: mean RSS of a process, last quarter"), format!("{last_kib} KiB"));
        outcome.must(
            course.is_flat(),
            format!("memory of {function} grew from {first_kib} to {last_kib} KiB a process"),
        );
    }
    Ok(outcome)
}

async fn sample(stage: &Stage, samples: &mut Samples) -> Result<(), Failure> {
    let mut of_function = BTreeMap::<&str, Vec<String>>::new();
    for process in stage.processes()? {
        of_function.entry(process.function).or_default().push(process.id.to_string());
    }
    for (function, ids) in of_function {
        let ps = Command::new("ps").args(["-o", "rss=", "-p", &ids.join(",")]).output().await;
        let ps = ps.doing(|| format!("ask ps for the memory of {function}"))?;
        let sizes: Vec<u64> =
            String::from_utf8_lossy(&ps.stdout).lines().filter_map(|line| line.trim().parse().ok()).collect();
        let processes = sizes.len() as u64;
        // All of them may have ended since they were listed.
        if let Some(mean_kib) = sizes.iter().sum::<u64>().checked_div(processes) {
            samples.entry(function).or_default().push(Sample { mean_kib, processes });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(sizes: impl Iterator<Item = u64>) -> Course {
        let samples: Vec<_> = sizes.map(|mean_kib| Sample { mean_kib, processes: 2 }).collect();
        Course::of(&samples).expect("enough samples")
    }

    #[test]
    fn memory_that_stays_is_flat_and_memory_that_grows_is_not() {
        assert!(course((0..400).map(|at| 20_000 + at % 7)).is_flat());
        let leak = course((0..400).map(|at| 20_000 + at * 20));
        assert_eq!((leak.first_kib, leak.last_kib, leak.most_processes), (20_990, 26_990, 2));
        assert!(!leak.is_flat());
        assert_eq!(Course::of(&[Sample { mean_kib: 1, processes: 1 }; SAMPLES_MIN - 1]), None);
    }
}
