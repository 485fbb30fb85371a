//! Strings: where they end, and what they say.

use std::borrow::Cow;

use crate::refusal::{Code, Refusal};

/// Measures a string from after its opening quote: bytes before the closing quote, and whether
/// any of them is an escape. `base` is the offset of `rest` in the document.
pub(super) fn measure(
    rest: &[u8],
    base: usize,
    notes: &mut Vec<Refusal>,
) -> Result<(usize, bool), Refusal> {
    let mut at = 0;
    let mut escaped = false;
    loop {
        at += plain_run(rest.get(at..).unwrap_or_default());
        match rest.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                let (length, unit) = escape(rest.get(at..).unwrap_or_default())
                    .map_err(|(code, within)| Refusal { code, offset: base + at + within })?;
                if matches!(unit, Unit::Lone(_)) {
                    notes.push(Refusal { code: Code::LoneSurrogate, offset: base + at });
                }
                at += length;
            }
            Some(_) => return Err(Refusal { code: Code::Syntax, offset: base + at }),
            None => return Err(Refusal { code: Code::Truncated, offset: base + at }),
        }
    }
}

/// The text of a string's inner bytes; `None` when it holds a lone surrogate.
pub(super) fn decode(inner: &[u8], escaped: bool) -> Option<Cow<'_, str>> {
    if escaped {
        String::from_utf8(decode_wtf8(inner)).ok().map(Cow::Owned)
    } else {
        std::str::from_utf8(inner).ok().map(Cow::Borrowed)
    }
}

/// The text of a string's inner bytes, with lone surrogates as generalised UTF-8 (WTF-8).
pub(super) fn decode_wtf8(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(&byte) = rest.first() {
        let length = if let (b'\\', Ok((length, unit))) = (byte, escape(rest)) {
            unit.push_to(&mut out);
            length
        } else {
            let run = plain_run(rest).max(1);
            out.extend_from_slice(rest.get(..run).unwrap_or_default());
            run
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// Length of the bytes before the next quote, backslash or control character.
fn plain_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        if has_special(word) {
            break;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}

/// Whether one of eight bytes is a quote, a backslash or below 0x20; may say so for none, never
/// the reverse.
const fn has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zero_in_quote = quote.wrapping_sub(ONES) & !quote;
    let zero_in_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    (zero_in_quote | zero_in_backslash | below_space) & HIGHS != 0
}

/// What one escape stands for.
enum Unit {
    Char(char),
    Lone(u16),
}

impl Unit {
    fn push_to(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Self::Lone(unit) => {
                let [high, low] = unit.to_be_bytes();
                let middle = 0x80 | (high & 0x0f) << 2 | low >> 6;
                out.extend_from_slice(&[0xe0 | high >> 4, middle, 0x80 | low & 0x3f]);
            }
        }
    }
}

/// Reads the escape at the start of `bytes`: its length and what it stands for.
fn escape(bytes: &[u8]) -> Result<(usize, Unit), (Code, usize)> {
    let plain = |c| Ok((2, Unit::Char(c)));
    match bytes.get(1) {
        Some(b'"') => plain('"'),
        Some(b'\\') => plain('\\'),
        Some(b'/') => plain('/'),
        Some(b'b') => plain('\u{8}'),
        Some(b'f') => plain('\u{c}'),
        Some(b'n') => plain('\n'),
        Some(b'r') => plain('\r'),
        Some(b't') => plain('\t'),
        Some(b'u') => unicode_escape(bytes),
        Some(_) => Err((Code::Syntax, 1)),
        None => Err((Code::Truncated, 1)),
    }
}

fn unicode_escape(bytes: &[u8]) -> Result<(usize, Unit), (Code, usize)> {
    let first = hex4(bytes, 2)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Ok((6, Unit::Char(c)));
    }
    let pair = match (bytes.get(6), bytes.get(7), hex4(bytes, 8)) {
        (Some(b'\\'), Some(b'u'), Ok(second)) => char::decode_utf16([first, second]).next(),
        _ => None,
    };
    Ok(match pair {
        Some(Ok(c)) => (12, Unit::Char(c)),
        _ => (6, Unit::Lone(first)),
    })
}

fn hex4(bytes: &[u8], at: usize) -> Result<u16, (Code, usize)> {
    (at..at + 4).try_fold(0, |unit, index| {
        let byte = *bytes.get(index).ok_or((Code::Truncated, index))?;
        let digit = (byte as char).to_digit(16).ok_or((Code::Syntax, index))?;
        Ok(unit << 4 | u16::try_from(digit).unwrap_or_default())
    })
}
