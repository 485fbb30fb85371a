//! RFC 8785, the JSON Canonicalization Scheme.
//!
//! Output never depends on the order of a map in memory; numbers are written as ECMAScript does.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// The canonical bytes of `value`.
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    write(value, &mut out);
    out
}

/// Appends the canonical bytes of `value` to `out`.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let double = number.as_f64().unwrap_or_default();
            out.extend_from_slice(ryu_js::Buffer::new().format(double).as_bytes());
        }
        Value::String(text) => write_string(text, out),
        Value::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element, out);
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, out),
    }
}

fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) {
    if members.keys().is_sorted_by(|a, b| key_order(a, b).is_lt()) {
        write_members(members.iter(), out);
    } else {
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_unstable_by(|(a, _), (b, _)| key_order(a, b));
        write_members(sorted.into_iter(), out);
    }
}

fn write_members<'v>(members: impl Iterator<Item = (&'v String, &'v Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (key, member)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(key, out);
        out.push(b':');
        write(member, out);
    }
    out.push(b'}');
}

/// The order of UTF-16 code units (RFC 8785 §3.2.3). That of bytes differs only where a character
/// beyond U+FFFF meets one from U+E000 on, whose UTF-8 begins with 0xEE or more.
pub(crate) fn key_order(a: &str, b: &str) -> Ordering {
    let is_high = |key: &str| key.bytes().any(|byte| byte >= 0xee);
    if is_high(a) && is_high(b) { a.encode_utf16().cmp(b.encode_utf16()) } else { a.cmp(b) }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at_checked(plain_len(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        write_escape(byte, out);
        rest = after;
    }
    out.push(b'"');
}

/// How many bytes stand before the first that is escaped. Whole blocks are tested at once, which
/// compiles to vector instructions.
fn plain_len(bytes: &[u8]) -> usize {
    let is_special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    let (blocks, _) = bytes.as_chunks::<16>();
    let is_plain =
        |block: &&[u8; 16]| !block.iter().fold(false, |any, byte| any | is_special(byte));
    let plain = blocks.iter().take_while(is_plain).count() * 16;
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(is_special).unwrap_or(rest.len())
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests;
