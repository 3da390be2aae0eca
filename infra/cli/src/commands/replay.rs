//! `countersign replay`: events that came in are handed over again.

use super::{Command, Context};
use crate::error::CliError;
use countersign_app::ports::Clock as _;
use countersign_app::replay::replay;
use countersign_aws::clock::SystemClock;
use countersign_domain::ids::{EventId, SourceName, TraceId};
use serde::Serialize;

/// Hand events over again that came in before: after a dialect learnt a word, or a fault was mended.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The source that told of them.
    source: SourceName,
    /// The provider's ids of the events.
    #[arg(required = true, value_name = "EVENT")]
    events: Vec<EventId>,
}

/// What became of them.
#[derive(Debug, Serialize)]
pub struct Done {
    source: SourceName,
    /// Handed over; `countersign trace` shows what comes of each.
    sent: Vec<EventId>,
    /// Not in the inbox.
    unknown: Vec<EventId>,
}

impl Replay {
    /// Events of a source.
    #[must_use]
    pub fn new(source: SourceName, events: Vec<EventId>) -> Self {
        Self { source, events }
    }
}

impl Command for Replay {
    type Output = Done;

    async fn run(self, context: &Context) -> Result<Done, CliError> {
        let source = context.source(&self.source).await?.name;
        let trace = TraceId::of(&["replay", source.as_str(), &SystemClock.now().to_string()]);
        let replayed = replay(&context.inbox(), &context.queue(), &source, &self.events, &trace).await?;
        Ok(Done { source, sent: replayed.sent, unknown: replayed.unknown })
    }

    fn show(output: &Done) -> String {
        let Done { source, sent, unknown } = output;
        let sent = sent.iter().map(|event| format!("{event} of {source}: handed over again\n"));
        let unknown = unknown.iter().map(|event| {
            format!("{event} of {source}: not in the inbox. It never came in, or its row has expired\n")
        });
        sent.chain(unknown).collect()
    }

    /// Only when every one of them was there.
    fn is_success(output: &Done) -> bool {
        output.unknown.is_empty()
    }
}
