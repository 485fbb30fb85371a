//! What a request means: the item it addresses, the era it speaks, the page it asks for.

use std::borrow::Cow;

use crate::json::Value;
use crate::refusal::Refusal;

/// What a request acts on, by the name that the server gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<'d> {
    /// `tools/call`: `params.name`.
    Tool(Cow<'d, str>),
    /// `prompts/get`: `params.name`; `completion/complete` with a `ref/prompt`.
    Prompt(Cow<'d, str>),
    /// `resources/read`, `resources/subscribe`, `resources/directory/read`: `params.uri`.
    Resource(Cow<'d, str>),
    /// `completion/complete` with a `ref/resource`: `params.ref.uri`.
    Template(Cow<'d, str>),
    /// `skills/get`: `params.uri`.
    Skill(Cow<'d, str>),
}

/// What the request acts on; `None` for methods that act on no item.
///
/// # Errors
/// A name that is missing, not a string, or read differently by parsers.
pub fn subject<'d>(
    _method: &str,
    _params: Option<Value<'d>>,
) -> Result<Option<Subject<'d>>, Refusal> {
    Ok(None)
}

/// The modern protocol version of a request or notification: `params._meta` under
/// `io.modelcontextprotocol/protocolVersion`. `None` means that it is not modern.
///
/// # Errors
/// A version that is not a string, or a `_meta` that is not an object.
pub fn protocol_version<'d>(_params: Option<Value<'d>>) -> Result<Option<Cow<'d, str>>, Refusal> {
    Ok(None)
}

/// The cursor of a list request; absent and `null` both ask for the first page.
///
/// # Errors
/// A cursor that is neither a string nor `null`.
pub fn cursor<'d>(_params: Option<Value<'d>>) -> Result<Option<Cow<'d, str>>, Refusal> {
    Ok(None)
}
