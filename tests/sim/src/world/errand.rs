//! What an operator does by the command line: each is done again until it worked.

use super::environment::Hand;
use super::hub::{Hub, instant};
use super::provider::Format;
use super::settings;
use countersign_app::onboard::{self, Changed, OnboardError};
use countersign_app::replay::replay;
use countersign_domain::ids::{EventId, SourceName, TraceId};
use countersign_domain::source::SourceState;

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Turns a source off or on.
    Switch(SourceName, SourceState),
    /// Gives it another policy.
    Apply(SourceName, Format, u32),
    /// Goes back to the version before.
    RollBack(SourceName),
    /// Hands events over again.
    Replay(SourceName, Vec<EventId>),
}

/// How it went.
#[derive(Debug)]
pub(crate) enum Went {
    /// It is done, or there was nothing to do.
    Well,
    /// Somebody else was first.
    Raced,
    /// A call failed.
    Wrong(String),
}

impl Errand {
    /// Does it once.
    pub(crate) async fn run(&self, hand: &Hand, hub: &Hub) -> Went {
        let now = instant(hub.now_ms());
        let changed: Result<Changed, OnboardError> = match self {
            Self::Switch(name, state) => onboard::switch(&hand.sources, name, *state, now).await,
            Self::Apply(name, format, variant) => {
                let config = settings::config(name, *format, *variant);
                onboard::apply(&hand.sources, config, now).await
            }
            Self::RollBack(name) => onboard::roll_back(&hand.sources, name, None, now).await,
            Self::Replay(source, events) => {
                let trace = TraceId::from_bytes(hub.lock().dice.id());
                return match replay(&hand.inbox, &hand.queue, source, events, &trace).await {
                    Ok(_) => Went::Well,
                    Err(error) => Went::Wrong(error.chain()),
                };
            }
        };
        match changed {
            Ok(_)
            | Err(
                OnboardError::NothingBefore(_) | OnboardError::NoVersion { .. } | OnboardError::NoSource(_),
            ) => Went::Well,
            Err(OnboardError::Taken { .. }) => Went::Raced,
            Err(OnboardError::Port(error)) => Went::Wrong(error.chain()),
        }
    }
}
