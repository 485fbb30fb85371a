//! Keys: equal exactly, or equal only to a lenient parser.

use std::borrow::Cow;
use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;

use super::text;
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

    fn compare(self, other: Self) -> Ordering {
        if self.escaped || other.escaped {
            self.text().cmp(&other.text())
        } else {
            self.inner.cmp(other.inner)
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
        let compatible = |text: &str| fold(&text.nfkc().collect::<String>());
        compatible(until_nul) == compatible(name)
    }
}

/// Refuses two of `keys` that are equal, and if `folded` also two that are equal after folding:
/// the first that repeats an earlier one. Leaves `keys` in any order.
pub(super) fn refuse_repeated(keys: &mut [Key<'_>], folded: bool) -> Result<(), Refusal> {
    let repeated = if keys.len() <= PAIRWISE_MAX {
        keys.iter().enumerate().find_map(|(index, key)| {
            let mut earlier = keys.iter().take(index);
            earlier.any(|earlier| key.compare(*earlier).is_eq()).then_some(key.offset)
        })
    } else {
        keys.sort_unstable_by(|a, b| a.compare(*b).then(a.offset.cmp(&b.offset)));
        first_repeated(keys.iter().map(|key| (key, key.offset)), |a, b| a.compare(**b).is_eq())
    };
    if let Some(offset) = repeated {
        return Err(Refusal::at(Code::DuplicateKey, offset));
    }
    if !folded {
        return Ok(());
    }
    let mut forms: Vec<_> =
        keys.iter().map(|key| (fold(&String::from_utf8_lossy(&key.text())), key.offset)).collect();
    forms.sort_unstable();
    let repeated =
        first_repeated(forms.iter().map(|(form, offset)| (form, *offset)), |a, b| a == b);
    repeated.map_or(Ok(()), |offset| Err(Refusal::at(Code::FoldedKey, offset)))
}

/// The least offset at which a sorted sequence repeats its predecessor.
fn first_repeated<T: Copy>(
    sorted: impl Iterator<Item = (T, usize)>,
    equal: impl Fn(&T, &T) -> bool,
) -> Option<usize> {
    let mut before = None;
    let repeated = sorted.filter_map(|(key, offset)| {
        let earlier = before.replace(key);
        earlier.is_some_and(|earlier| equal(&earlier, &key)).then_some(offset)
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
            let form = fold(c.encode_utf8(&mut [0; 4]));
            let cases = [c.to_lowercase().collect::<String>(), c.to_uppercase().collect()];
            for other in cases {
                assert_eq!(fold(&other), form, "{c} {other}");
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
