//! `countersign`: the operator's command, and the local stack that it and the end-to-end tests run on.

pub mod cli;
pub mod clients;
pub mod commands;
pub mod error;
pub mod given;
pub mod local;
pub mod output;
pub mod stack;
