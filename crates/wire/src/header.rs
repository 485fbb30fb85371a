//! Headers of a modern POST that must say what the body says (2026-07-28, transports,
//! Streamable HTTP, request metadata).
//!
//! Names compare without case, values with. White space around a value is not part of it (RFC
//! 9110, 5.5). Stricter than the specification: a header that stands twice, Base64 that another
//! decoder could read differently, and a header for which the body has no value are refused.

mod schema;
mod value;

use std::borrow::Cow;

use crate::json::Value;
use crate::refusal::{Code, Refusal};
use crate::request;
use crate::rpc::Message;

pub use schema::params_of;

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

impl HeaderMismatch {
    fn new(code: Code, header: impl Into<String>) -> Self {
        Self { code, header: header.into() }
    }
}

/// Checks the headers of one modern POST against its body.
///
/// `headers` are all headers of the request, in order. `params` are the arguments that the called
/// tool moves into headers; other `Mcp-Param-*` headers are not read. A request needs every header;
/// the specification asks none of a notification, so there only what stands in both is compared.
///
/// # Errors
/// The first header that is missing, repeated, malformed or differs.
pub fn check<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    message: &Message<'_>,
    params: &[ParamHeader],
) -> Result<(), HeaderMismatch> {
    let Some(method) = message.method() else { return Ok(()) };
    let is_request = matches!(message, Message::Request(_));
    let body = message.params();
    let single = move |name: &str| value::single(headers.clone(), name);

    let version = request::protocol_version(body).map_err(|_| mismatch(VERSION))?;
    let header = single(VERSION)?;
    // Only requests must say their version in the body.
    if is_request || version.is_some() {
        compare(VERSION, header, version.as_deref(), is_request)?;
    }
    compare(METHOD, single(METHOD)?, Some(method), is_request)?;

    let name = named(method, body).map_err(|_| mismatch(NAME))?;
    let header = single(NAME)?.map(|value| value::decoded(value, NAME)).transpose()?;
    compare(NAME, header.as_deref(), name.as_deref(), is_request && needs_name(method))?;

    if method == "tools/call" {
        let arguments = body.map(|body| body.member("arguments")).transpose();
        let arguments = arguments.map_err(|_| mismatch(PARAM_PREFIX))?.flatten();
        for param in params {
            let header = format!("{PARAM_PREFIX}{}", param.name);
            let value = value_at(arguments, &param.path).map_err(|_| mismatch(&header))?;
            value::check(&header, single(&header)?, value)?;
        }
    }
    Ok(())
}

fn mismatch(header: &str) -> HeaderMismatch {
    HeaderMismatch::new(Code::HeaderMismatch, header)
}

/// A header must be there if it is needed, and say what the body says if it is there.
fn compare(
    name: &str,
    header: Option<&str>,
    body: Option<&str>,
    is_needed: bool,
) -> Result<(), HeaderMismatch> {
    match header {
        None if is_needed => Err(HeaderMismatch::new(Code::HeaderMissing, name)),
        Some(_) if header != body => Err(mismatch(name)),
        _ => Ok(()),
    }
}

/// The methods whose requests must carry `Mcp-Name`.
fn needs_name(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read") || is_of_tasks(method)
}

/// The methods of the tasks extension that address one task.
fn is_of_tasks(method: &str) -> bool {
    matches!(method, "tasks/get" | "tasks/update" | "tasks/cancel")
}

/// What `Mcp-Name` repeats: the subject of the request, or for methods that have none the id of a
/// task, a name or a URI, whichever there is.
fn named<'d>(method: &str, params: Option<Value<'d>>) -> Result<Option<Cow<'d, str>>, Refusal> {
    if let Some(subject) = request::subject(method, params)? {
        return Ok(Some(subject.into_name()));
    }
    let Some(params) = params else { return Ok(None) };
    let keys: &[_] = if is_of_tasks(method) { &["taskId"] } else { &["name", "uri", "taskId"] };
    for key in keys {
        if let Some(value) = params.member(key)? {
            return Ok(value.exact()?.as_str());
        }
    }
    Ok(None)
}

/// The argument at `path`.
fn value_at<'d>(
    arguments: Option<Value<'d>>,
    path: &[String],
) -> Result<Option<Value<'d>>, Refusal> {
    path.iter().try_fold(arguments, |value, key| value.map_or(Ok(None), |value| value.member(key)))
}

const VERSION: &str = "MCP-Protocol-Version";
const METHOD: &str = "Mcp-Method";
const NAME: &str = "Mcp-Name";
const PARAM_PREFIX: &str = "Mcp-Param-";

#[cfg(test)]
mod tests;
