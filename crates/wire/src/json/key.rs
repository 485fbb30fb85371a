//! Keys: equal exactly, or equal only to a lenient parser.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::{Value, text};
use crate::refusal::{Code, Refusal};

/// A key as it stands between its quotes, and where its opening quote is.
#[derive(Clone, Copy)]
pub(super) struct Key<'b> {
    pub(super) inner: &'b [u8],
    pub(super) escaped: bool,
    pub(super) offset: usize,
}

impl<'b> Key<'b> {
    /// The key with its escapes resolved, as WTF-8.
    fn text(self) -> Cow<'b, [u8]> {
        if self.escaped {
            Cow::Owned(text::decode_wtf8(self.inner))
        } else {
            Cow::Borrowed(self.inner)
        }
    }

    /// Whether lenient parsers read the key as `name`: they ignore case, normalise Unicode, or stop
    /// at NUL.
    pub(super) fn looks_like(self, name: &str) -> bool {
        if !self.escaped && self.inner.is_ascii() && name.is_ascii() {
            return self.inner.eq_ignore_ascii_case(name.as_bytes());
        }
        let text = self.text();
        let text = String::from_utf8_lossy(&text);
        let until_nul = text.split('\0').next().unwrap_or_default();
        if name.is_ascii() {
            // Nothing is allocated: a hostile object has half a million such keys.
            let folded = until_nul.nfkc().flat_map(char::to_lowercase);
            let folded = folded.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
            return folded.eq(name.chars().map(|c| c.to_ascii_lowercase()));
        }
        let compatible = |text: &str| fold(&text.nfkc().collect::<String>());
        compatible(until_nul) == compatible(name)
    }
}

/// Refuses two of `keys` that are equal: the first that repeats an earlier one. Leaves `keys` in
/// any order.
pub(super) fn refuse_repeated(keys: &mut [Key<'_>]) -> Result<(), Refusal> {
    let repeated = if keys.iter().any(|key| key.escaped) {
        let mut texts: Vec<_> = keys.iter().map(|key| (key.text(), key.offset)).collect();
        texts.sort_unstable();
        first_repeated(texts.iter().map(|(text, offset)| (text, *offset)))
    } else if keys.len() <= PAIRWISE_MAX {
        first_pair(keys, |a, b| a == b)
    } else {
        keys.sort_unstable_by_key(|key| (key.inner, key.offset));
        first_repeated(keys.iter().map(|key| (key.inner, key.offset)))
    };
    repeated.map_or(Ok(()), |offset| Err(Refusal::at(Code::DuplicateKey, offset)))
}

/// Refuses two of `keys`, which are all distinct, that are equal after folding.
pub(super) fn refuse_folded(keys: &[Key<'_>]) -> Result<(), Refusal> {
    let is_plain = keys.iter().all(|key| !key.escaped && key.inner.is_ascii());
    let repeated = if is_plain && keys.len() <= PAIRWISE_MAX {
        first_pair(keys, <[u8]>::eq_ignore_ascii_case)
    } else {
        let form = |key: &Key<'_>| (fold(&String::from_utf8_lossy(&key.text())), key.offset);
        let mut forms: Vec<_> = keys.iter().map(form).collect();
        forms.sort_unstable();
        first_repeated(forms.iter().map(|(form, offset)| (form, *offset)))
    };
    repeated.map_or(Ok(()), |offset| Err(Refusal::at(Code::FoldedKey, offset)))
}

/// Refuses, anywhere inside `value`, two keys that are equal after folding. Names that a server
/// chooses are not keys of this kind: the members of an object if `are_names`, and of a schema's
/// maps. Recursion is bounded by the depth limit of the scan.
pub(super) fn refuse_merged(value: Value<'_>, are_names: bool) -> Result<(), Refusal> {
    if !are_names {
        let keys: Vec<_> = value.members().map(|(key, _)| key.as_key()).collect();
        refuse_folded(&keys)?;
    }
    for element in value.elements() {
        refuse_merged(element, false)?;
    }
    for (key, member) in value.members() {
        let is_one_of = |names: &[&str]| !are_names && names.iter().any(|name| key.is_text(name));
        if !is_one_of(HOLD_INSTANCES) {
            refuse_merged(member, is_one_of(HOLD_NAMES))?;
        }
    }
    Ok(())
}

/// The first key, as it stands between its quotes, that equals an earlier one.
fn first_pair(keys: &[Key<'_>], equal: impl Fn(&[u8], &[u8]) -> bool) -> Option<usize> {
    keys.iter().enumerate().find_map(|(index, key)| {
        let mut earlier = keys.iter().take(index);
        earlier.any(|earlier| equal(key.inner, earlier.inner)).then_some(key.offset)
    })
}

/// The least offset at which a sorted sequence repeats its predecessor.
fn first_repeated<T: PartialEq>(sorted: impl Iterator<Item = (T, usize)>) -> Option<usize> {
    let mut before = None;
    let repeated = sorted.filter_map(|(key, offset)| {
        let is_repeated = before.as_ref() == Some(&key);
        before = Some(key);
        is_repeated.then_some(offset)
    });
    repeated.min()
}

/// NFC and the full case folding, close enough that keys which lenient parsers merge become equal.
fn fold(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    // Lower case first, or `ẞ` and `ß` differ; upper case next, or `ſ` and `s` do.
    let folded = key.nfc().collect::<String>().to_lowercase().to_uppercase().to_lowercase();
    folded.nfc().collect()
}

/// Keywords of JSON Schema whose members have names that the author of the schema chooses.
const HOLD_NAMES: &[&str] = &[
    "$defs",
    "definitions",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Keywords of JSON Schema whose values are instances: every key in them is somebody's choice.
const HOLD_INSTANCES: &[&str] = &["const", "default", "enum", "examples"];

/// Up to this many keys, comparing each pair beats sorting.
const PAIRWISE_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(inner: &str) -> Key<'_> {
        Key { inner: inner.as_bytes(), escaped: inner.contains('\\'), offset: 0 }
    }

    #[test]
    fn folding_joins_every_case_of_every_character() {
        for c in '\0'..=char::MAX {
            let lower: String = c.to_lowercase().collect();
            let upper: String = c.to_uppercase().collect();
            if lower != upper {
                let form = fold(c.encode_utf8(&mut [0; 4]));
                assert_eq!((fold(&lower), fold(&upper)), (form.clone(), form), "{c}");
            }
        }
    }

    #[test]
    fn a_key_looks_like_what_lenient_parsers_make_of_it() {
        for inner in ["method", "Method", "METHOD", "\\u004dethod", "method\\u0000x", "ｍethod"] {
            assert!(key(inner).looks_like("method"), "{inner}");
        }
        assert!(key("paramſ").looks_like("params"));
        assert!(key("to\u{212a}en").looks_like("token"));
        for inner in ["methods", "metho", "x-method", "m\\u0000ethod", "m\u{e9}thod"] {
            assert!(!key(inner).looks_like("method"), "{inner}");
        }
    }
}
