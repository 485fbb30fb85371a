//! `authorization_details` (RFC 9396 §2) of type `mcp_tool`, the one type that is understood.

use serde_json::{Map, Value, json};

use super::AccessError;
use crate::limits;

/// One element of `authorization_details`, of type `mcp_tool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The server's resource identifier.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// Constraints on arguments: `{"enum": […]}` or `{"const": …}` by name.
    pub arguments: Map<String, Value>,
}

impl Detail {
    /// Reads `authorization_details`. Another type, or a member that is not understood, is refused:
    /// ignoring a limit would widen what the token allows.
    ///
    /// # Errors
    /// [`AccessError::Claim`].
    pub fn parse(list: &Value) -> Result<Vec<Self>, AccessError> {
        list.as_array()
            .filter(|list| list.len() <= limits::DETAILS_MAX)
            .and_then(|list| list.iter().map(Self::one).collect())
            .ok_or(AccessError::Claim("authorization_details"))
    }

    /// As an element of `authorization_details`.
    pub fn to_value(&self) -> Value {
        let mut value = json!({"type": TYPE, "server": self.server, "tool": self.tool});
        if let (Value::Object(members), false) = (&mut value, self.arguments.is_empty()) {
            members.insert("arguments".to_owned(), Value::Object(self.arguments.clone()));
        }
        value
    }

    fn one(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        if members.keys().any(|key| !MEMBERS.contains(&key.as_str()))
            || members.get("type")? != TYPE
        {
            return None;
        }
        let text = |name: &str| {
            let text = members.get(name)?.as_str()?;
            (!text.is_empty() && text.len() <= limits::NAME_BYTES_MAX).then(|| text.to_owned())
        };
        let arguments = match members.get("arguments") {
            None => Map::new(),
            Some(Value::Object(map)) if map.values().all(is_constraint) => map.clone(),
            Some(_) => return None,
        };
        Some(Self { server: text("server")?, tool: text("tool")?, arguments })
    }
}

fn is_constraint(value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let mut members = members.iter();
    let only = members.next().filter(|_| members.next().is_none());
    only.is_some_and(|(name, value)| match name.as_str() {
        "const" => true,
        "enum" => value.as_array().is_some_and(|list| !list.is_empty()),
        _ => false,
    })
}

const TYPE: &str = "mcp_tool";
const MEMBERS: &[&str] = &["type", "server", "tool", "arguments"];
