//! What Countersign does: use cases over small ports. It decides and orders; it talks to nothing by itself.
//!
//! | module | holds |
//! |---|---|
//! | [`ports`] | what the use cases need from the world, one small trait each |
//! | [`books`] | a file of rows against the ledger |
//! | [`caches`] | sources and secrets, remembered for a bounded time |
//! | [`ingest`] | a delivery becomes rows and messages, or an answer that says why not |
//! | [`process`] | messages become ledger rows and bus events |
//! | [`reconcile`] | a window of our books against the provider's |
//! | [`replay`] | events that came in are handed over again |
//! | [`onboard`] | a source is put in force, taken back, turned off and given another secret |
//! | [`expect`] | payments that the platform announced and nobody told of in time |
//! | [`findings`] | what a person does about a finding |
//! | [`logged`] | the one wide line that is logged of each unit of work |
//! | [`spreadsheet`] | text from outside in a CSV |
//! | [`trace`] | what is known of an event or a payment, in order |
//! | [`memory`], [`contract`] | the ports in memory, and the suite that every implementation passes |

pub mod books;
pub mod caches;
pub mod contract;
pub mod expect;
pub mod findings;
pub mod ingest;
pub mod logged;
pub mod memory;
pub mod onboard;
pub mod ports;
pub mod process;
pub mod reconcile;
pub mod replay;
pub mod spreadsheet;
pub mod trace;

#[cfg(test)]
mod testing;
