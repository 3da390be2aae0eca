//! What is configured, and the runs of reconciliation.

use super::Shared;
use crate::ports::{
    Checkpoint, Drift, Drifted, Evidence, Lease, Made, Phase, Port, Run, RunHistory, Runs, SecretPair,
    Secrets, Seen, Sighting, SourceVersion, SourceVersions, Sources, StepId, Written,
};
use countersign_domain::ids::SourceName;
use countersign_domain::source::SourceConfig;
use countersign_domain::time::{Timestamp, Window};
use std::collections::BTreeMap;

/// The sources, each with its versions, oldest first.
#[derive(Clone, Debug, Default)]
pub struct MemorySources(Shared<BTreeMap<SourceName, Vec<SourceVersion>>>);

impl MemorySources {
    /// Puts a source in force as its next version.
    pub fn set(&self, config: SourceConfig) {
        let mut sources = self.0.lock();
        let versions = sources.entry(config.name.clone()).or_default();
        let number = versions.last().map_or(1, |newest| newest.number.saturating_add(1));
        versions.push(SourceVersion {
            number,
            config,
            made: Made::Applied,
            written_at: Timestamp::UNIX_EPOCH,
        });
    }
}

impl Sources for MemorySources {
    async fn fetch(&self, name: &SourceName) -> Port<Option<SourceConfig>> {
        Ok(self.newest(name).await?.map(|newest| newest.config))
    }

    async fn list(&self) -> Port<Vec<SourceConfig>> {
        let sources = self.0.lock();
        Ok(sources.values().filter_map(|versions| Some(versions.last()?.config.clone())).collect())
    }
}

impl SourceVersions for MemorySources {
    async fn newest(&self, name: &SourceName) -> Port<Option<SourceVersion>> {
        Ok(self.0.lock().get(name).and_then(|versions| versions.last().cloned()))
    }

    async fn history(&self, name: &SourceName) -> Port<Vec<SourceVersion>> {
        Ok(self.0.lock().get(name).cloned().unwrap_or_default())
    }

    async fn write(&self, version: &SourceVersion) -> Port<Written> {
        let mut sources = self.0.lock();
        let versions = sources.entry(version.config.name.clone()).or_default();
        let newest = versions.last().map_or(0, |newest| newest.number);
        if version.number != newest.saturating_add(1) {
            return Ok(Written::Taken);
        }
        versions.push(version.clone());
        Ok(Written::InForce)
    }
}

/// What the sources say that nobody knows.
#[derive(Clone, Debug, Default)]
pub struct MemoryDrift(Shared<BTreeMap<(SourceName, String), Drifted>>);

impl Drift for MemoryDrift {
    async fn saw(&self, sighting: &Sighting) -> Port<Seen> {
        let Sighting { source, kind, unknown, example, events, at } = sighting;
        let mut known = self.0.lock();
        let key = (source.clone(), unknown.key(kind));
        if let Some(drifted) = known.get_mut(&key) {
            drifted.events = drifted.events.saturating_add(u64::from(*events));
            drifted.last_seen = *at;
            return Ok(Seen::Known);
        }
        let drifted = Drifted {
            kind: kind.clone(),
            unknown: unknown.clone(),
            example: example.clone(),
            events: u64::from(*events),
            first_seen: *at,
            last_seen: *at,
        };
        known.insert(key, drifted);
        Ok(Seen::New)
    }

    async fn list(&self, source: &SourceName) -> Port<Vec<Drifted>> {
        let known = self.0.lock();
        let of_source = known.iter().filter(|((whose, _), _)| whose == source);
        Ok(of_source.map(|(_, drifted)| drifted.clone()).collect())
    }
}

/// The signing secrets.
#[derive(Clone, Debug, Default)]
pub struct MemorySecrets(Shared<BTreeMap<SourceName, SecretPair>>);

impl MemorySecrets {
    /// Writes the secrets of a source, replacing those that are there.
    pub fn set(&self, source: SourceName, pair: SecretPair) {
        self.0.lock().insert(source, pair);
    }
}

impl Secrets for MemorySecrets {
    async fn fetch(&self, source: &SourceName) -> Port<Option<SecretPair>> {
        Ok(self.0.lock().get(source).cloned())
    }
}

#[derive(Debug)]
struct Held {
    run: Run,
    lease_until: Timestamp,
}

#[derive(Debug, Default)]
struct RunBook {
    runs: BTreeMap<(SourceName, Window), Held>,
    /// By source, window and attempt.
    notes: BTreeMap<(SourceName, Window, u32), Vec<(StepId, Evidence)>>,
}

/// The runs.
#[derive(Clone, Debug, Default)]
pub struct MemoryRuns(Shared<RunBook>);

impl RunHistory for MemoryRuns {
    async fn newest(&self, source: &SourceName, runs_max: u16) -> Port<Vec<Run>> {
        let book = self.0.lock();
        let of_source = book.runs.values().map(|held| &held.run).filter(|run| run.source == *source);
        let mut runs: Vec<_> = of_source.cloned().collect();
        runs.sort_by_key(|run| std::cmp::Reverse((run.window.from, run.window.to)));
        runs.truncate(usize::from(runs_max));
        Ok(runs)
    }
}

impl Runs for MemoryRuns {
    async fn take(
        &self,
        source: &SourceName,
        window: Window,
        again: bool,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Port<Lease> {
        let mut book = self.0.lock();
        let key = (source.clone(), window);
        let run = match book.runs.get(&key) {
            None => Run::begin(source.clone(), window, 1, 1, now),
            Some(Held { run, lease_until: held_until }) => {
                if run.is_complete() && !again {
                    return Ok(Lease::Finished(Box::new(run.clone())));
                }
                if *held_until > now {
                    return Ok(Lease::Busy);
                }
                let epoch = run.epoch.saturating_add(1);
                if run.phase == Phase::Done {
                    run.next_attempt(epoch, now)
                } else {
                    Run { epoch, ..run.clone() }
                }
            }
        };
        book.runs.insert(key, Held { run: run.clone(), lease_until });
        Ok(Lease::Taken(Box::new(run)))
    }

    async fn checkpoint(&self, run: &Run, lease_until: Timestamp) -> Port<Checkpoint> {
        let mut book = self.0.lock();
        match book.runs.get_mut(&(run.source.clone(), run.window)) {
            Some(held) if held.run.epoch == run.epoch => {
                *held = Held { run: run.clone(), lease_until };
                Ok(Checkpoint::Kept)
            }
            _ => Ok(Checkpoint::Lost),
        }
    }

    async fn find(&self, source: &SourceName, window: Window) -> Port<Option<Run>> {
        Ok(self.0.lock().runs.get(&(source.clone(), window)).map(|held| held.run.clone()))
    }

    async fn note(&self, run: &Run, notes: &[Evidence]) -> Port<()> {
        let mut book = self.0.lock();
        let kept = book.notes.entry((run.source.clone(), run.window, run.attempt)).or_default();
        kept.extend(notes.iter().map(|note| (run.step(), note.clone())));
        Ok(())
    }

    async fn notes(&self, run: &Run, prefix: &str) -> Port<Vec<Evidence>> {
        let book = self.0.lock();
        let Some(kept) = book.notes.get(&(run.source.clone(), run.window, run.attempt)) else {
            return Ok(Vec::new());
        };
        let asked_for = kept.iter().filter(|(_, note)| note.key().starts_with(prefix));
        Ok(run.counted(asked_for.cloned().collect()))
    }
}
