//! A registry as its users see it.

mod publish;
mod running;
mod watching;
mod whole;
