//! PEM (RFC 7468), one block and nothing beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;
use crate::limits;

/// The label and the bytes of the one block in `text`.
///
/// # Errors
/// Text that is not exactly one block, or longer than any key.
pub fn read(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    if text.len() > limits::PEM_BYTES_MAX {
        return Err(KeyError::Malformed("longer than any key"));
    }
    let mut lines = text.trim_end().lines();
    let label = lines.next().and_then(|line| line.strip_prefix(BEGIN)?.strip_suffix("-----"));
    let label = label.ok_or(KeyError::Malformed("no PEM"))?;
    let mut encoded = Zeroizing::new(String::with_capacity(text.len()));
    let mut is_closed = false;
    for line in &mut lines {
        let end = line.strip_prefix(END).and_then(|line| line.strip_suffix("-----"));
        if let Some(end) = end {
            is_closed = end == label;
            break;
        }
        encoded.push_str(line);
    }
    if !is_closed || lines.next().is_some() {
        return Err(KeyError::Malformed("no PEM, or more than one block"));
    }
    let bytes = STANDARD.decode(encoded.as_bytes());
    let bytes = bytes.map_err(|_| KeyError::Malformed("PEM that is not Base64"))?;
    Ok((label, Zeroizing::new(bytes)))
}

/// One block, in lines of 64 characters.
pub fn write(label: &str, bytes: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(bytes));
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 32 + 80);
    text.push_str(BEGIN);
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(END);
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The label of a private key: PKCS #8.
pub const PRIVATE_KEY: &str = "PRIVATE KEY";

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
