//! The ports of reconciliation and of the operator, with everything that can go wrong with a call.

use super::Faulty;
use countersign_app::ports::{
    Announced, Cases, Checkpoint, Evidence, Expectations, Lease, Port, Reports, Run, RunHistory, Runs,
    SourceVersion, SourceVersions, Stepped, Written,
};
use countersign_domain::expect::Expectation;
use countersign_domain::finding::Case;
use countersign_domain::ids::SourceName;
use countersign_domain::planted::{Mistake, is_planted};
use countersign_domain::time::{Timestamp, Window};

impl<P: Runs + Clone + 'static> Runs for Faulty<P> {
    async fn take(
        &self,
        source: &SourceName,
        window: Window,
        again: bool,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Port<Lease> {
        let (port, source) = (self.inner.clone(), source.clone());
        let about = format!("{source} {}", window.name());
        let show = |lease: &Lease| match lease {
            Lease::Taken(run) => format!("taken, attempt {}, {:?}", run.attempt, run.phase),
            Lease::Busy => "busy".to_owned(),
            Lease::Finished(_) => "finished".to_owned(),
        };
        let effect = async move { port.take(&source, window, again, now, lease_until).await };
        self.hub.call("runs.take", move || about, effect, show).await
    }

    async fn checkpoint(&self, run: &Run, lease_until: Timestamp) -> Port<Checkpoint> {
        let (port, run) = (self.inner.clone(), run.clone());
        let about = format!("{} {} {:?} {}", run.source, run.window.name(), run.phase, run.pages);
        let effect = async move { port.checkpoint(&run, lease_until).await };
        let kept =
            self.hub.call("runs.checkpoint", move || about, effect, |kept| format!("{kept:?}")).await?;
        Ok(if is_planted(Mistake::NoFencing) { Checkpoint::Kept } else { kept })
    }

    async fn find(&self, source: &SourceName, window: Window) -> Port<Option<Run>> {
        let (port, source) = (self.inner.clone(), source.clone());
        let about = format!("{source} {}", window.name());
        let show = |run: &Option<Run>| {
            run.as_ref().map_or("none".to_owned(), |run| format!("{:?} {:?}", run.status, run.phase))
        };
        let effect = async move { port.find(&source, window).await };
        self.hub.call("runs.find", move || about, effect, show).await
    }

    async fn note(&self, run: &Run, notes: &[Evidence]) -> Port<()> {
        let (port, run, notes) = (self.inner.clone(), run.clone(), notes.to_vec());
        let about = notes.iter().map(Evidence::key).collect::<Vec<_>>().join(", ");
        let effect = async move { port.note(&run, &notes).await };
        self.hub.call("runs.note", move || about, effect, |()| "noted".to_owned()).await
    }

    async fn notes(&self, run: &Run, prefix: &str) -> Port<Vec<Evidence>> {
        let (port, run, prefix) = (self.inner.clone(), run.clone(), prefix.to_owned());
        let about = prefix.clone();
        let effect = async move { port.notes(&run, &prefix).await };
        self.hub.call("runs.notes", move || about, effect, |notes| format!("{} notes", notes.len())).await
    }
}

impl<P: RunHistory + Clone + 'static> RunHistory for Faulty<P> {
    async fn newest(&self, source: &SourceName, runs_max: u16) -> Port<Vec<Run>> {
        let (port, about, source) = (self.inner.clone(), source.clone(), source.clone());
        let effect = async move { port.newest(&source, runs_max).await };
        let show = |runs: &Vec<Run>| format!("{} runs", runs.len());
        self.hub.call("runs.newest", move || about.to_string(), effect, show).await
    }
}

impl<P: Reports + Clone + 'static> Reports for Faulty<P> {
    async fn write(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Port<()> {
        let (port, about) = (self.inner.clone(), key.to_owned());
        let (key, content_type) = (key.to_owned(), content_type.to_owned());
        let effect = async move { port.write(&key, &content_type, bytes).await };
        self.hub.call("reports.write", move || about, effect, |()| "written".to_owned()).await
    }
}

impl<P: Expectations + Clone + 'static> Expectations for Faulty<P> {
    async fn announce(&self, expectation: &Expectation) -> Port<Announced> {
        let (port, expectation) = (self.inner.clone(), expectation.clone());
        let about = format!("{} {}", expectation.source, expectation.payment);
        let show = |announced: &Announced| match announced {
            Announced::New => "new".to_owned(),
            Announced::Known(_) => "known".to_owned(),
        };
        let effect = async move { port.announce(&expectation).await };
        self.hub.call("expectations.announce", move || about, effect, show).await
    }

    async fn due_in(&self, hour: Timestamp) -> Port<Vec<Expectation>> {
        let port = self.inner.clone();
        let effect = async move { port.due_in(hour).await };
        let show = |due: &Vec<Expectation>| format!("{} due", due.len());
        self.hub.call("expectations.due_in", move || hour.to_string(), effect, show).await
    }

    async fn settle(&self, expectation: &Expectation) -> Port<()> {
        let (port, expectation) = (self.inner.clone(), expectation.clone());
        let about = format!("{} {}", expectation.source, expectation.payment);
        let effect = async move { port.settle(&expectation).await };
        self.hub.call("expectations.settle", move || about, effect, |()| "settled".to_owned()).await
    }
}

impl<P: Cases + Clone + 'static> Cases for Faulty<P> {
    async fn of(&self, source: &SourceName) -> Port<Vec<Case>> {
        let (port, about, source) = (self.inner.clone(), source.clone(), source.clone());
        let effect = async move { port.of(&source).await };
        let show = |cases: &Vec<Case>| format!("{} cases", cases.len());
        self.hub.call("cases.of", move || about.to_string(), effect, show).await
    }

    async fn find(&self, source: &SourceName, id: &str) -> Port<Option<Case>> {
        let (port, source, id) = (self.inner.clone(), source.clone(), id.to_owned());
        let about = format!("{source} {id}");
        let effect = async move { port.find(&source, &id).await };
        let show =
            |case: &Option<Case>| case.as_ref().map_or("none".to_owned(), |c| format!("{:?}", c.standing));
        self.hub.call("cases.find", move || about, effect, show).await
    }

    async fn step(&self, after: &Case) -> Port<Stepped> {
        let (port, after) = (self.inner.clone(), after.clone());
        let about = format!("{} {:?}", after.finding.id(), after.standing);
        let effect = async move { port.step(&after).await };
        self.hub.call("cases.step", move || about, effect, |stepped| format!("{stepped:?}")).await
    }
}

impl<P: SourceVersions + Clone + 'static> SourceVersions for Faulty<P> {
    async fn newest(&self, name: &SourceName) -> Port<Option<SourceVersion>> {
        let (port, about, name) = (self.inner.clone(), name.clone(), name.clone());
        let effect = async move { port.newest(&name).await };
        let show = |newest: &Option<SourceVersion>| {
            newest.as_ref().map_or("none".to_owned(), |newest| format!("version {}", newest.number))
        };
        self.hub.call("versions.newest", move || about.to_string(), effect, show).await
    }

    async fn history(&self, name: &SourceName) -> Port<Vec<SourceVersion>> {
        let (port, about, name) = (self.inner.clone(), name.clone(), name.clone());
        let effect = async move { port.history(&name).await };
        let show = |history: &Vec<SourceVersion>| format!("{} versions", history.len());
        self.hub.call("versions.history", move || about.to_string(), effect, show).await
    }

    async fn write(&self, version: &SourceVersion) -> Port<Written> {
        let (port, version) = (self.inner.clone(), version.clone());
        let about = format!("{} version {}", version.config.name, version.number);
        let effect = async move { port.write(&version).await };
        self.hub.call("versions.write", move || about, effect, |written| format!("{written:?}")).await
    }
}
