//! A registry as its users see it.

mod contract;
mod feeds;
mod observing;
mod operating;
mod publish;
mod running;
mod watching;
mod whole;
