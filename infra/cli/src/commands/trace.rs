//! `countersign trace`: everything that is known of an event or a payment, in order.

use super::{Command, Context};
use crate::error::CliError;
use crate::output::word;
use countersign_app::ports::Sources as _;
use countersign_app::trace::{self, Entry, What};
use countersign_domain::ids::{EventId, PaymentId, SourceName};
use countersign_domain::money::major;
use countersign_domain::payment::{Amounts, Change};
use countersign_domain::source::Source;
use serde::Serialize;

/// Show everything that is known of an event or a payment.
#[derive(Debug, clap::Args)]
pub struct Trace {
    /// The provider's id of an event, or its reference of a payment.
    id: String,
    /// Only look at this source; all of them without it.
    #[arg(long)]
    source: Option<SourceName>,
}

/// What is known, per source.
#[derive(Debug, Serialize)]
pub struct Timeline {
    source: SourceName,
    entries: Vec<Entry>,
}

impl Command for Trace {
    type Output = Vec<Timeline>;

    async fn run(self, context: &Context) -> Result<Vec<Timeline>, CliError> {
        let not_an_id = |e: countersign_domain::ids::IdError| CliError::Usage(e.to_string());
        let event = EventId::new(self.id.clone()).map_err(not_an_id)?;
        let payment = PaymentId::new(self.id.clone()).map_err(not_an_id)?;
        let mut timelines = Vec::new();
        for source in self.sources(context).await? {
            let (inbox, ledger, findings) = (context.inbox(), context.ledger(), context.findings());
            let name = source.name.clone();
            let mut entries = trace::payment(&inbox, &ledger, &findings, &name, &payment).await?;
            if entries.is_empty() {
                entries = trace::event(&inbox, &ledger, &findings, &source, &event).await?;
            }
            if !entries.is_empty() {
                timelines.push(Timeline { source: name, entries });
            }
        }
        if timelines.is_empty() {
            let nobody = self
                .source
                .map_or("no source knows".to_owned(), |source| format!("source {source} does not know"));
            return Err(CliError::NotFound(format!(
                "{nobody} an event or a payment {:?}: it may not have come in yet, or its inbox row has expired",
                self.id
            )));
        }
        Ok(timelines)
    }

    fn show(output: &Vec<Timeline>) -> String {
        let mut text = String::new();
        for Timeline { source, entries } in output {
            let mut table = crate::output::table(["time", "what", "", ""]);
            for entry in entries {
                table.add_row(row(entry));
            }
            text.push_str(&format!("source {source}\n{table}\n"));
        }
        text
    }
}

impl Trace {
    /// One id at one source.
    #[must_use]
    pub fn of(id: String, source: SourceName) -> Self {
        Self { id, source: Some(source) }
    }

    async fn sources(&self, context: &Context) -> Result<Vec<Source>, CliError> {
        if let Some(name) = &self.source {
            return Ok(vec![context.source(name).await?]);
        }
        let configs = context.sources().list().await?;
        configs.into_iter().map(|config| Source::try_from(config).map_err(CliError::from)).collect()
    }
}

fn row(entry: &Entry) -> [String; 4] {
    let at = entry.at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let [what, about, detail] = match &entry.what {
        What::Received { event, kind, origin, .. } => {
            let how = word(origin);
            [format!("received ({how})"), event.to_string(), kind.clone()]
        }
        What::Recorded { event, payment, version, change, amounts } => {
            let detail = change.as_ref().map_or_else(|| "nothing new".to_owned(), describe);
            let amounts = amounts.as_ref().map(sums).unwrap_or_default();
            [format!("recorded {payment} v{version}"), event.to_string(), format!("{detail}{amounts}")]
        }
        What::Published { id, detail_type } => {
            ["published".to_owned(), id.clone(), (*detail_type).to_owned()]
        }
        What::Found { finding } => [
            format!("finding: {}", finding.kind.as_str()),
            finding.subject.to_string(),
            finding.reason.clone(),
        ],
    };
    [at, what, about, detail]
}

fn describe(change: &Change) -> String {
    match change {
        Change::Payment { from: before, to } => format!("payment {} → {}", known(before), word(to)),
        Change::Refund { item, from: before, to } => {
            format!("refund {item} {} → {}", known(before), word(to))
        }
        Change::Dispute { item, from: before, to } => {
            format!("dispute {item} {} → {}", known(before), known(to))
        }
        Change::Settlement { item, from: before, to } => {
            format!("payout {item} {} → {}", known(before), word(to))
        }
    }
}

/// A state, or that there was none.
fn known<S: Serialize>(state: &S) -> String {
    let word = word(state);
    if word == "null" { "new".to_owned() } else { word }
}

fn sums(amounts: &Amounts) -> String {
    let shown =
        [("captured", amounts.captured), ("refunded", amounts.refunded), ("disputed", amounts.disputed)];
    let shown = shown.into_iter().filter(|(_, minor)| *minor != 0);
    shown
        .map(|(what, minor)| format!(", {what} {} {}", major(minor, amounts.currency), amounts.currency))
        .collect()
}
