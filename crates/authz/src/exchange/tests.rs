#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::too_many_lines, clippy::format_push_string)]

mod assertions;
mod authority;
mod chains;
mod clients;
mod holders;
mod issued;
mod limits;
mod properties;
mod world;

use super::*;
