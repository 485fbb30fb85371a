//! The black-box suites.

mod conformance;
