#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod admitted;
mod bounds;
mod compatible;
mod logins;
mod observed;
mod reviewed;
mod states;
mod world;
