//! JSON-RPC messages of both eras.

use serde_json::{Map, Value, json};

/// The newest legacy version.
pub const LEGACY: &str = "2025-11-25";

/// The modern version.
pub const MODERN: &str = "2026-07-28";

/// A client of either transport and era.
pub trait Client {
    /// Opens as the client's era does; gives the response.
    fn open(&mut self) -> Value;

    /// Opens the stream on which a server speaks by itself, where a transport has one apart.
    fn hear(&mut self) {}

    /// Sends a request and waits for its response.
    fn request(&mut self, method: &str, params: Value) -> Value;

    /// Calls a tool.
    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Every item of a list, page after page.
    fn list(&mut self, method: &str, member: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut params = json!({});
        for _ in 0..PAGES_MAX {
            let response = self.request(method, params);
            let Some(page) = response["result"][member].as_array() else {
                panic!("{method} answered {response}")
            };
            items.extend(page.iter().cloned());
            match response["result"].get("nextCursor") {
                None | Some(Value::Null) => return items,
                Some(cursor) => params = json!({ "cursor": cursor }),
            }
        }
        panic!("{method} has no end")
    }
}

/// A request as a legacy client sends it.
pub fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

/// A request as a modern client sends it.
pub fn modern_request(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    if !params["_meta"].is_object() {
        params["_meta"] = Value::Object(Map::new());
    }
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = MODERN.into();
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = client();
    request(id, method, params)
}

/// A notification.
pub fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// The `initialize` request.
pub fn initialize(id: impl Into<Value>) -> Value {
    let params = json!({ "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client() });
    request(id, "initialize", params)
}

/// The text of a tool result's first block.
pub fn text_of(response: &Value) -> &str {
    response["result"]["content"][0]["text"].as_str().unwrap_or_default()
}

/// Whether a response is the guard's answer to a held request.
pub fn is_held(response: &Value) -> bool {
    let tool = response["result"]["isError"] == true
        && response["result"]["_meta"]["countersign/verdict"]["verdict"] == "hold";
    tool || response["error"]["data"]["verdict"] == "hold"
}

fn client() -> Value {
    json!({ "name": "countersign-tests", "version": "1.0.0" })
}

const PAGES_MAX: usize = 100;
