//! Scopes (RFC 6749 §3.3): words of visible ASCII without `"` and `\`, between spaces.

use std::collections::BTreeSet;

use crate::limits;

/// The scopes of a list; `None` if it is none, or too long. Spaces may repeat: some issuers do.
pub fn parse(text: &str) -> Option<BTreeSet<String>> {
    collect(text.split(' ').filter(|word| !word.is_empty()))
}

/// The same of scopes that come one by one.
pub fn collect<'s>(words: impl IntoIterator<Item = &'s str>) -> Option<BTreeSet<String>> {
    let mut scopes = BTreeSet::new();
    for word in words {
        if !is_scope(word) {
            return None;
        }
        scopes.insert(word.to_owned());
        if scopes.len() > limits::SCOPES_MAX {
            return None;
        }
    }
    Some(scopes)
}

/// Sorted, between single spaces.
pub fn join(scopes: &BTreeSet<String>) -> String {
    let words: Vec<&str> = scopes.iter().map(String::as_str).collect();
    words.join(" ")
}

/// Whether a text is one scope.
pub fn is_scope(word: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !word.is_empty() && word.len() <= limits::NAME_BYTES_MAX && word.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_list_of_scopes_is_read_and_written_in_one_form() {
        let scopes = parse("b  a b").unwrap();
        assert_eq!(join(&scopes), "a b");
        assert_eq!(parse(""), Some(BTreeSet::new()));
        for refused in ["a\tb", "a\"", "a\\b", "é", "a\nb"] {
            assert_eq!(parse(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn scopes_are_bounded() {
        let list = |count: usize| (0..count).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert_eq!(parse(&list(limits::SCOPES_MAX)).unwrap().len(), limits::SCOPES_MAX);
        assert_eq!(parse(&list(limits::SCOPES_MAX + 1)), None);
        assert!(is_scope(&"a".repeat(limits::NAME_BYTES_MAX)));
        assert!(!is_scope(&"a".repeat(limits::NAME_BYTES_MAX + 1)));
    }
}
