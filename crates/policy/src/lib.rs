//! Verdicts by policy: entities and facts in, a decision with its reasons out (Cedar).
//!
//! Pure: policies, entities and context are arguments. A policy that errs denies, whatever the others
//! say: Cedar skips it, and a `forbid` that is skipped would allow.
