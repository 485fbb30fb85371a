#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod admitted;
mod compatible;
mod logins;
mod observed;
mod reviewed;
mod states;
mod world;
