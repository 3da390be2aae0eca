//! Why the local stack does not work.

use std::error::Error;

type Cause = Box<dyn Error + Send + Sync>;

/// What failed, with the thing it was about and what to do about it.
///
/// One type for all of it: nobody decides anything on the kind of a failed set-up, a person reads it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    what: String,
    #[source]
    cause: Option<Cause>,
}

impl Failure {
    /// A failure that needs no cause.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }

    /// A failure for a reason.
    pub fn because(what: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self { what: what.into(), cause: Some(cause.into()) }
    }
}

/// Names what failed while keeping the reason.
pub trait Doing<T> {
    /// `what` reads on from "cannot".
    ///
    /// # Errors
    /// The same, as a [`Failure`].
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Cause>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|cause| Failure::because(format!("cannot {}", what()), cause))
    }
}
