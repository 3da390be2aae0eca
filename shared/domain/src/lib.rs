//! The rules of Countersign, and nothing else.
//!
//! Everything here is a pure function of its arguments: no clock, no environment, no network, no log, no async.
//! The arrows of the system end in this crate, so a rule can be read, tested and simulated by itself.
//!
//! | module | holds |
//! |---|---|
//! | [`limits`] | every bound of the system, with its unit |
//! | [`ids`] | parsed names: source, event, payment, trace |
//! | [`money`] | integer minor units in an ISO 4217 currency |
//! | [`json`] | a strict, lazy view of a provider's JSON; its canonical digest |
//! | [`dialect`] | a provider as data: TOML, checked and compiled |
//! | [`signature`], [`sign`] | delivery -> verified bytes, and the other way round |
//! | [`envelope`] | verified bytes -> events |
//! | [`content`] | forms and XML, read as if they were JSON |
//! | [`fetch`] | what the provider is asked before an event is understood |
//! | [`translate`] | event -> facts |
//! | [`fact`], [`payment`] | what happened, and what it adds up to |
//! | [`ledger`] | one row of the append-only ledger |
//! | [`event`] | what the bus is told |
//! | [`expect`] | payments that the platform has announced |
//! | [`finding`] | a doubt that a person or a policy must settle |
//! | [`bank`] | statements of a bank |
//! | [`books`] | rows of money from any side, read as streams and compared |
//! | [`reconcile`] | our books against the provider's |
//! | [`settlement`] | fees, exchange rates, payouts, deposits |
//! | [`shape`] | what a text from outside looks like, without what it says |
//! | [`pack`] | what a partner is handed who signs as we say |
//! | [`planted`] | classic mistakes that the simulator must catch; not in any build but its own |

pub mod bank;
pub mod books;
pub mod content;
pub mod dialect;
pub mod envelope;
pub mod event;
pub mod expect;
pub mod fact;
pub mod fetch;
pub mod finding;
pub mod ids;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod money;
pub mod pack;
pub mod payment;
pub mod planted;
pub mod policy;
pub mod reconcile;
pub mod settlement;
pub mod shape;
pub mod sign;
pub mod signature;
pub mod source;
pub mod time;
pub mod translate;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod testing;
