//! `countersign source drift`: what live sources say that their dialects have no word for.

use super::super::{Command, Context, meant};
use super::look::at;
use crate::error::CliError;
use crate::output::table;
use countersign_app::ports::{Drift as _, Drifted, Unknown};
use countersign_domain::ids::SourceName;
use serde::Serialize;

/// Whose.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct DriftOf {
    /// The source.
    name: Option<SourceName>,
    /// Every source.
    #[arg(long)]
    all: bool,
}

impl DriftOf {
    /// One source's.
    #[must_use]
    pub fn source(name: SourceName) -> Self {
        Self { name: Some(name), all: false }
    }
}

/// A word that is unknown, and who says it.
#[derive(Debug, Serialize)]
pub struct Unknowns {
    /// The source.
    pub source: SourceName,
    /// What it says.
    #[serde(flatten)]
    pub drifted: Drifted,
}

impl Command for DriftOf {
    type Output = Vec<Unknowns>;

    async fn run(self, context: &Context) -> Result<Vec<Unknowns>, CliError> {
        let mut unknowns = Vec::new();
        for source in meant(&context.sources(), self.name).await? {
            let drifted = context.drift().list(&source).await?;
            unknowns.extend(drifted.into_iter().map(|drifted| Unknowns { source: source.clone(), drifted }));
        }
        Ok(unknowns)
    }

    fn show(output: &Vec<Unknowns>) -> String {
        if output.is_empty() {
            return "nothing unknown was seen in the last 90 days\n".to_owned();
        }
        let mut shown = table(["source", "type", "state", "events", "first seen", "last seen", "example"]);
        for Unknowns { source, drifted } in output {
            let state = match &drifted.unknown {
                Unknown::Type => "(the type itself)".to_owned(),
                Unknown::State { at, value } => format!("{value:?} at {at}"),
            };
            shown.add_row([
                source.to_string(),
                drifted.kind.to_string(),
                state,
                drifted.events.to_string(),
                at(drifted.first_seen),
                at(drifted.last_seen),
                drifted.example.to_string(),
            ]);
        }
        format!("{shown}\n")
    }
}
