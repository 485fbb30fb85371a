//! What a result says about itself: is it final, whose is it, is there more.
//!
//! A result is read by the method of its request, never by its shape.

use std::borrow::Cow;

use crate::json::Value;
use crate::refusal::{Code, Refusal};
use crate::request::{meta, optional_text};

/// `resultType`; absent or `null` means `complete` (2026-07-28, basic).
///
/// # Errors
/// A type that is not a string.
pub fn result_type(result: Value<'_>) -> Result<Cow<'_, str>, Refusal> {
    let kind = optional_text(result, "resultType", Code::ResultType)?;
    Ok(kind.unwrap_or(Cow::Borrowed("complete")))
}

/// The cursor of the next page; `None` on the last one. The empty string is a cursor.
///
/// # Errors
/// A cursor that is neither a string nor `null`.
pub fn next_cursor(result: Value<'_>) -> Result<Option<Cow<'_, str>>, Refusal> {
    optional_text(result, "nextCursor", Code::Cursor)
}

/// The version that `initialize` negotiated: `protocolVersion` of its result.
///
/// # Errors
/// A version that is missing or not a string.
pub fn negotiated_version(result: Value<'_>) -> Result<Cow<'_, str>, Refusal> {
    optional_text(result, "protocolVersion", Code::ProtocolVersion)?
        .ok_or(Refusal::at(Code::ProtocolVersion, result.start()))
}

/// Who says to have answered, in the modern era; a claim, never a proof.
///
/// # Errors
/// A `_meta` that is not an object.
pub fn server_info(result: Value<'_>) -> Result<Option<Value<'_>>, Refusal> {
    meta(result)?.map_or(Ok(None), |meta| meta.member(SERVER_INFO))
}

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Document, Policy};

    #[test]
    fn a_result_says_what_it_is() {
        let text = r#"{"resultType":"input_required","nextCursor":"","protocolVersion":"2025-11-25",
            "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}"#;
        let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
        let result = document.root();
        assert_eq!(result_type(result).unwrap(), "input_required");
        assert_eq!(next_cursor(result).unwrap().unwrap(), "");
        assert_eq!(negotiated_version(result).unwrap(), "2025-11-25");
        assert_eq!(server_info(result).unwrap().unwrap().raw(), br#"{"name":"s"}"#);
    }

    #[test]
    fn a_bare_result_is_complete_and_final() {
        let document = Document::parse(b"{}", &Policy::default()).unwrap();
        assert_eq!(result_type(document.root()).unwrap(), "complete");
        assert_eq!(next_cursor(document.root()).unwrap(), None);
        assert_eq!(server_info(document.root()).unwrap().map(Value::raw), None);
        assert_eq!(negotiated_version(document.root()).unwrap_err().code, Code::ProtocolVersion);
    }

    #[test]
    fn odd_members_are_refused() {
        let text = r#"{"resulttype":"complete","nextCursor":1,"_meta":7}"#;
        let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
        assert_eq!(result_type(document.root()).unwrap_err().code, Code::KeyForm);
        assert_eq!(next_cursor(document.root()).unwrap_err().code, Code::Cursor);
        assert_eq!(server_info(document.root()).unwrap_err().code, Code::Meta);
        let document =
            Document::parse(br#"{"resultType":["complete"]}"#, &Policy::default()).unwrap();
        assert_eq!(result_type(document.root()).unwrap_err().code, Code::ResultType);
    }
}
