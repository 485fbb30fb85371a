//! One spelling for each path.
//!
//! A server's name has a slash, so clients encode it (`com.example%2Ffiles`); proxies and routers
//! decode it early, or encode it twice. A name has no percent sign, so that all three can only mean
//! one thing: paths are brought into the first form before they are routed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Brings `/v0.1/servers/…` into the form that is routed; leaves every other path alone.
pub fn normal(path: &str) -> Cow<'_, str> {
    let Some((prefix, rest)) = split_prefix(path) else { return Cow::Borrowed(path) };
    let mut segments = rest.split('/');
    let first = decode_name(segments.next().unwrap_or_default());
    let name = if first.contains('/') {
        first
    } else {
        match segments.next() {
            Some(second) => format!("{first}/{}", decode_name(second)),
            None => return Cow::Borrowed(path),
        }
    };
    let mut normal = format!("{prefix}{}", encode(&name));
    for segment in segments {
        normal.push('/');
        normal.push_str(segment);
    }
    Cow::Owned(normal)
}

/// The bytes that a percent-encoded text stands for, once decoded; a `+` stays one. `None` for bytes
/// that are no UTF-8, or a percent sign that encodes nothing.
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let hex = after.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = after.get(2..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// Encodes everything that is not unreserved (RFC 3986 section 2.3).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The spellings of a version in a path that was decoded once: as it is, and decoded again.
pub fn versions(version: &str) -> impl Iterator<Item = String> {
    let again = decode(version).filter(|again| again != version);
    std::iter::once(version.to_owned()).chain(again)
}

fn split_prefix(path: &str) -> Option<(&'static str, &str)> {
    ["/v0.1/servers/", "/v0/servers/"]
        .into_iter()
        .find_map(|prefix| Some((prefix, path.strip_prefix(prefix)?)))
}

/// A part of a name, decoded as often as it was encoded, twice at most.
fn decode_name(segment: &str) -> String {
    let once = decode(segment).unwrap_or_else(|| segment.to_owned());
    decode(&once).unwrap_or(once)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_is_found_encoded_plain_and_encoded_twice() {
        let normal_form = "/v0.1/servers/com.example%2Ffiles/versions/1.0.0%2B7";
        for name in ["com.example%2Ffiles", "com.example%2ffiles", "com.example/files"] {
            let path = format!("/v0.1/servers/{name}/versions/1.0.0%2B7");
            assert_eq!(normal(&path), normal_form, "{name}");
        }
        for name in ["com.example%252Ffiles", "com%2Eexample%2Ffiles", "com.example/%66iles"] {
            let path = format!("/v0.1/servers/{name}/versions/1.0.0%2B7");
            assert_eq!(normal(&path), normal_form, "{name}");
        }
        let named_versions = "/v0/servers/com.example/versions/versions/versions";
        let expected = "/v0/servers/com.example%2Fversions/versions/versions";
        assert_eq!(normal(named_versions), expected);
        assert_eq!(normal(expected), expected);
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for path in ["/v0.1/servers", "/v0.1/servers/x", "/log/tile/0/000", "/v0.1/publish", "/%2F"]
        {
            assert_eq!(normal(path), path);
        }
    }

    #[test]
    fn a_version_may_be_encoded_twice_and_a_plus_is_a_plus() {
        let all = |version: &str| versions(version).collect::<Vec<_>>();
        assert_eq!(all("1.0.0%2B7"), ["1.0.0%2B7", "1.0.0+7"]);
        assert_eq!(all("1.0.0+7"), ["1.0.0+7"]);
        assert_eq!(decode("1.0.0+7").unwrap(), "1.0.0+7");
        assert_eq!(decode("%ff"), None);
        assert_eq!(decode("%2"), None);
        assert_eq!(decode("%+1"), None);
        assert_eq!(decode(&encode("a/b c%é")).unwrap(), "a/b c%é");
    }
}
