//! A registry as its users see it.

mod feeds;
mod publish;
mod watching;
mod whole;
