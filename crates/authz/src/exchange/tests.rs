#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod authority;
mod chains;
mod clients;
mod holders;
mod issued;
mod limits;
mod properties;
mod world;

use super::*;
