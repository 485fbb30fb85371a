//! A registry as its users see it.

mod contract;
mod publish;
mod watching;
mod whole;
