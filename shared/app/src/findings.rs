//! What a person does about a finding: takes it, settles it, opens it again.

use crate::ports::{Cases, PortError, Stepped};
use countersign_domain::finding::{Case, MoveError, Step};
use countersign_domain::ids::SourceName;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// There is none of that id.
    #[error("source {source_name} has no finding {id}: `countersign findings list` shows those there are")]
    NoFinding {
        /// The source.
        source_name: SourceName,
        /// The id.
        id: String,
    },
    /// It makes no sense where the finding stands.
    #[error("finding {id}: {error}")]
    Move {
        /// The id.
        id: String,
        /// Why not.
        error: MoveError,
    },
    /// Somebody else was first.
    #[error(
        "somebody did something about finding {0} meanwhile: nothing was written; look at it, and do it again"
    )]
    Changed(String),
    /// A call failed. Doing it again is right: what took effect is then said to be done already.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Does one thing about a finding.
///
/// # Errors
/// [`StepError`] when there is none, the step makes no sense, somebody else was first, or a call fails.
pub async fn take(cases: &impl Cases, source: &SourceName, id: &str, step: Step) -> Result<Case, StepError> {
    let case = cases.find(source, id).await?;
    let case = case.ok_or_else(|| StepError::NoFinding { source_name: source.clone(), id: id.to_owned() })?;
    let after = case.after(step).map_err(|error| StepError::Move { id: id.to_owned(), error })?;
    match cases.step(&after).await? {
        Stepped::Written => Ok(after),
        Stepped::Changed => Err(StepError::Changed(id.to_owned())),
    }
}
