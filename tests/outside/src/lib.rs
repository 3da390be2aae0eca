//! Trials from outside: the real functions on the local stack, under a load that a seed decides, while their processes are
//! killed and held, while a proxy spoils their calls to AWS, or in a burst. Afterwards every delivery that was
//! acknowledged is accounted for.

pub mod account;
pub mod burst;
mod fault;
pub mod kill;
mod load;
pub mod plan;
pub mod proxy;
pub mod report;
mod stage;
