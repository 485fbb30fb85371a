//! Headers of a modern POST that must say what the body says (2026-07-28, transports, headers).

use crate::json::Value;
use crate::refusal::Code;
use crate::rpc::Message;

/// An argument that travels in a header too, from `x-mcp-header` in the pinned `inputSchema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamHeader {
    /// The part after `Mcp-Param-`, as the schema writes it.
    pub name: String,
    /// Property names from the root of the arguments to the value.
    pub path: Vec<String>,
}

/// A header that is missing, malformed or different from the body: HTTP 400, `-32020`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {header}")]
pub struct HeaderMismatch {
    /// `wire.header.missing`, `.malformed`, `.repeated` or `.mismatch`.
    pub code: Code,
    /// The name of the header.
    pub header: String,
}

/// Checks the headers of one modern POST against its body.
///
/// `headers` are all headers of the request, in order; names compare without case.
///
/// # Errors
/// The first header that is missing, repeated, malformed or differs.
pub fn check<'h>(
    _headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    _message: &Message<'_>,
    _params: &[ParamHeader],
) -> Result<(), HeaderMismatch> {
    Ok(())
}

/// The arguments that a tool's `inputSchema` moves into headers.
///
/// # Errors
/// The first `x-mcp-header` for which an HTTP client must drop the tool.
pub fn params_of(_input_schema: Value<'_>) -> Result<Vec<ParamHeader>, HeaderMismatch> {
    Ok(Vec::new())
}
