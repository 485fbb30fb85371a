//! The black-box suites.

mod conformance;
mod lying;
