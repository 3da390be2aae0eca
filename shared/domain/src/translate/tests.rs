//! What providers' events mean. The goldens are meant to be read: a person checks them by eye, the test keeps them true.

mod fields;
mod goldens;
mod settings;

use super::*;
