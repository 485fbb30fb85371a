//! What the echo server answers: twenty tools, of which `echo` gives its argument back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Message<'m> {
    id: Option<Value>,
    #[serde(borrow)]
    method: Cow<'m, str>,
    #[serde(borrow)]
    params: Option<Params<'m>>,
}

#[derive(Deserialize)]
struct Params<'m> {
    #[serde(borrow)]
    arguments: Option<Arguments<'m>>,
}

#[derive(Deserialize)]
struct Arguments<'m> {
    #[serde(borrow)]
    text: Cow<'m, str>,
}

#[derive(Serialize)]
struct Response<R> {
    jsonrpc: &'static str,
    id: Value,
    result: R,
}

#[derive(Serialize)]
struct Called<'m> {
    content: [Text<'m>; 1],
}

#[derive(Serialize)]
struct Text<'m> {
    r#type: &'static str,
    text: Cow<'m, str>,
}

/// The server. It keeps nothing between messages.
pub(super) struct Echo {
    tools: Value,
}

impl Echo {
    /// A server with `echo` and the first nineteen tools of a real server.
    pub(super) fn new() -> Self {
        let real = include_str!("../../surfaces/playwright.json");
        let mut listed: Value = serde_json::from_str(real).unwrap_or_default();
        let echo = json!({
            "name": "echo",
            "description": "Gives its argument back.",
            "inputSchema": {
                "type": "object",
                "properties": { "text": { "type": "string" } },
                "required": ["text"],
            },
        });
        if let Some(tools) = listed.get_mut("tools").and_then(Value::as_array_mut) {
            tools.truncate(19);
            tools.insert(0, echo);
        }
        Self { tools: listed }
    }

    /// The answer to one message; `None` for a notification.
    pub(super) fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let message: Message<'_> = serde_json::from_slice(message).ok()?;
        let id = message.id?;
        let arguments = message.params.and_then(|params| params.arguments);
        match (&*message.method, arguments) {
            ("tools/call", Some(Arguments { text })) => {
                result(id, Called { content: [Text { r#type: "text", text }] })
            }
            ("tools/list", _) => result(id, &self.tools),
            ("ping", _) => result(id, json!({})),
            ("initialize", _) => result(
                id,
                json!({
                    "protocolVersion": "2025-06-18",
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": "echo", "version": "1.0.0" },
                }),
            ),
            _ => {
                let error = json!({ "code": -32601, "message": "no such method" });
                serde_json::to_vec(&json!({ "jsonrpc": "2.0", "id": id, "error": error })).ok()
            }
        }
    }
}

fn result(id: Value, result: impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(&Response { jsonrpc: "2.0", id, result }).ok()
}
