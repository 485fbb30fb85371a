//! What changed between two surfaces, ranked for people.
//!
//! [`compare`](compare::compare) gives the changes, each an entry of the [`catalogue`];
//! [`tripwire`] flags text, [`novel`] judges what is new in it. Absent on purpose: I/O, models, and
//! any rule whose false alarms were not measured.

pub mod catalogue;
pub mod change;
pub mod compare;
pub mod novel;
pub mod tripwire;

mod item;
mod lexicon;
mod report;
mod schema;

pub use change::{Change, Severity};
pub use compare::{Neighbour, compare};
pub use novel::{Judgement, Names, judge};
