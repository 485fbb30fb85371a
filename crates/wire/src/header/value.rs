//! The value of a header: found once, trimmed, decoded, and compared with an argument.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{HeaderMismatch, mismatch};
use crate::json::{self, Kind, Value};
use crate::limits;
use crate::refusal::Code;

/// The value of the header `name`, which must not stand twice.
pub(super) fn single<'h>(
    mut headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    name: &str,
) -> Result<Option<&'h str>, HeaderMismatch> {
    let Some((_, value)) = headers.find(|(other, _)| other.eq_ignore_ascii_case(name)) else {
        return Ok(None);
    };
    if headers.any(|(other, _)| other.eq_ignore_ascii_case(name)) {
        return Err(HeaderMismatch::new(Code::HeaderRepeated, name));
    }
    let is_visible = value.iter().all(|b| matches!(b, b'\t' | b' '..=b'~'));
    let text = std::str::from_utf8(value).ok();
    let text = text.filter(|text| is_visible && text.len() <= limits::HEADER_BYTES_MAX);
    let text = text.ok_or_else(|| HeaderMismatch::new(Code::HeaderMalformed, name))?;
    Ok(Some(text.trim_matches([' ', '\t'])))
}

/// The text of a value that may be written `=?base64?…?=`. Decoded once, never twice.
pub(super) fn decoded<'h>(value: &'h str, header: &str) -> Result<Cow<'h, str>, HeaderMismatch> {
    let Some(rest) = value.strip_prefix("=?base64?").filter(|_| value.ends_with("?=")) else {
        return Ok(Cow::Borrowed(value));
    };
    // `STANDARD` takes canonical Base64 only: full padding and no stray bits. In `=?base64?=` the
    // two markers overlap, and there is nothing to decode.
    let text = rest.strip_suffix("?=").and_then(|base64| STANDARD.decode(base64).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Cow::Owned).ok_or_else(|| HeaderMismatch::new(Code::HeaderMalformed, header))
}

/// Checks the header of one argument. An absent or `null` argument has no header.
pub(super) fn check(
    name: &str,
    header: Option<&str>,
    argument: Option<Value<'_>>,
) -> Result<(), HeaderMismatch> {
    let argument = argument.filter(|argument| !argument.is_null());
    let (header, argument) = match (header, argument) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(HeaderMismatch::new(Code::HeaderMissing, name)),
        (Some(_), None) => return Err(mismatch(name)),
        (Some(header), Some(argument)) => (decoded(header, name)?, argument),
    };
    let is_same = match argument.kind() {
        Kind::String => argument.as_str().is_some_and(|text| text == header),
        Kind::Number => {
            let integer = argument.as_integer();
            integer.is_some() && integer == json::integer(&header)
        }
        Kind::Bool => header.as_bytes() == argument.raw(),
        Kind::Null | Kind::Array | Kind::Object => false,
    };
    if is_same { Ok(()) } else { Err(mismatch(name)) }
}
