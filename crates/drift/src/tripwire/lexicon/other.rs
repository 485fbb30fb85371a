//! Terms of nine other languages, under the same concepts. Verbs that carry their own negation or
//! object (Japanese, Korean) stand for several concepts at once.

use super::Concepts;

pub(super) const TERMS: &[(Concepts, &str)] = &[];
