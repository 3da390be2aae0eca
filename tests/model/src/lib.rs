//! The way of an event through ingest and processor, small enough to try everything that can happen.
//!
//! The simulator of `tests` runs the product's own code and throws dice; this model is not the product's code, and leaves
//! no throw out: every order of the steps, every crash, every lost answer, every message handed out twice, within the
//! bounds of a [`Scope`]. What it proves is the protocol (the calls and their order, and what follows from an answer),
//! not the code that follows it.
//!
//! Each [`Variant`] but the first has one decision taken out. That the checker then finds what breaks is what shows that
//! its silence on the true protocol means something; so do the sights that must be seen on the way.
//!
//! Three things make it small, and lose nothing: taking a message and loading its payment are one step, as nothing can be
//! seen between them; the id of an attempt is used again when nobody can meet it any more; two states that differ only in
//! which event is called A are one. A call that fails without effect is a crash before it, one that fails for good after
//! its effect is a crash before the next.
//!
//! Left out, because it is the business of the simulator and of the property tests: what an event does to a payment,
//! several events in one delivery or batch, another meaning under a known id, dead letters, a row whose life ends.

mod promises;
mod protocol;
mod report;
mod state;
mod steps;
mod words;
mod workers;

pub use promises::Promise;
pub use protocol::{Scope, Variant};
pub use report::{Broken, Report, check};
