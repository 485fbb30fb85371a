//! A registry as its users see it.

mod publish;
mod watching;
mod whole;
