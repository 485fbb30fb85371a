//! `x-mcp-header` in a tool's `inputSchema`: which arguments travel in headers.

use super::{HeaderMismatch, ParamHeader};
use crate::json::Value;
use crate::limits;
use crate::refusal::Code;

/// The arguments that a tool's `inputSchema` moves into headers, in the order of the schema.
///
/// The annotation is an RFC 9110 token, unique without case, on a property of type `string`,
/// `integer` or `boolean` that is reached through `properties` alone.
///
/// # Errors
/// `wire.header.malformed` for the first `x-mcp-header` for which an HTTP client must drop the
/// tool, with what the annotation says, or the path of the property when it says nothing.
pub fn params_of(input_schema: Value<'_>) -> Result<Vec<ParamHeader>, HeaderMismatch> {
    let mut walk = Walk { params: Vec::new(), path: Vec::new() };
    walk.schema(input_schema, true)?;
    Ok(walk.params)
}

struct Walk {
    params: Vec<ParamHeader>,
    /// Property names from the root to the schema in hand.
    path: Vec<String>,
}

impl Walk {
    /// Reads one schema. Recursion is bounded by the depth limit of the scan.
    fn schema(&mut self, schema: Value<'_>, is_reachable: bool) -> Result<(), HeaderMismatch> {
        for (key, value) in schema.members() {
            if key.names(ANNOTATION).map_err(|_| self.malformed(value))? {
                let is_property = is_reachable && !self.path.is_empty();
                self.annotation(schema, value, is_property)?;
            } else if key.is_text("properties") {
                for (name, property) in value.members() {
                    self.path.push(name.as_str().unwrap_or_default().into_owned());
                    self.schema(property, is_reachable && name.exact().is_ok())?;
                    self.path.pop();
                }
            } else if HOLD_DATA.iter().any(|keyword| key.is_text(keyword)) {
            } else if HOLD_NAMED_SCHEMAS.iter().any(|keyword| key.is_text(keyword)) {
                for (_, named) in value.members() {
                    self.schema(named, false)?;
                }
            } else {
                self.anything(value)?;
            }
        }
        Ok(())
    }

    /// Looks for annotations where none may be: in one schema or a list of them.
    fn anything(&mut self, value: Value<'_>) -> Result<(), HeaderMismatch> {
        for element in value.elements() {
            self.anything(element)?;
        }
        self.schema(value, false)
    }

    fn annotation(
        &mut self,
        schema: Value<'_>,
        name: Value<'_>,
        is_property: bool,
    ) -> Result<(), HeaderMismatch> {
        let text = name.as_str().filter(|text| is_token(text));
        let is_primitive = schema.get("type").is_some_and(|kind| {
            ["string", "integer", "boolean"].iter().any(|primitive| kind.is_text(primitive))
        });
        let is_unique =
            |text: &str| !self.params.iter().any(|param| param.name.eq_ignore_ascii_case(text));
        let has_room = self.params.len() < limits::PARAM_HEADERS_MAX;
        match text.filter(|text| is_property && is_primitive && has_room && is_unique(text)) {
            Some(text) => {
                let path = self.path.clone();
                self.params.push(ParamHeader { name: text.into_owned(), path });
                Ok(())
            }
            None => Err(self.malformed(name)),
        }
    }

    fn malformed(&self, annotation: Value<'_>) -> HeaderMismatch {
        let says = annotation.as_str().filter(|text| !text.is_empty());
        let header = says.map_or_else(|| self.path.join("/"), std::borrow::Cow::into_owned);
        HeaderMismatch::new(Code::HeaderMalformed, header)
    }
}

/// A token of RFC 9110, 5.6.2, short enough for a header line.
fn is_token(text: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.len() <= limits::METHOD_BYTES_MAX && text.bytes().all(is_token)
}

const ANNOTATION: &str = "x-mcp-header";

/// Keywords whose values are instances, not schemas: an annotation in them is only data.
const HOLD_DATA: &[&str] = &["const", "default", "enum", "examples"];

/// Keywords whose members are schemas under names that mean nothing here.
const HOLD_NAMED_SCHEMAS: &[&str] =
    &["$defs", "definitions", "dependentSchemas", "patternProperties"];
