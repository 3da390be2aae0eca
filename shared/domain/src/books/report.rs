//! Report files of providers and partners, read as rows.
//!
//! A file is described by a [`ReportFormat`], which is TOML and checked when it is read. One bad row is a [`RowFault`], kept
//! beside the good ones; only what makes every row doubtful (a column that is not there, bytes that are no text) is a
//! [`ReportError`].

mod amount;
mod csv_lines;
mod example;
mod format;
mod ready;
mod rows;
mod time;

pub use format::{FormatError, ReportFormat};
pub use ready::{FormatRef, ready_names};
pub use rows::{Faulty, ReportError, ReportRows, RowFault};

#[cfg(test)]
pub(crate) mod tests;
