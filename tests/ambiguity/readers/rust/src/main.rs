//! Reads corpus entries as Rust programs do: serde structs, by `serde_json`. Lines in and out as in
//! read.py.

use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize, Serialize)]
struct Message {
    jsonrpc: Option<Value>,
    id: Option<Value>,
    method: Option<String>,
    params: Option<Params>,
    result: Option<Outcome>,
    error: Option<Failure>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    name: Option<String>,
    uri: Option<String>,
    cursor: Option<String>,
    arguments: Option<Value>,
    request_id: Option<Value>,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
    #[serde(rename = "ref")]
    reference: Option<Reference>,
}

#[derive(Deserialize, Serialize)]
struct Meta {
    #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<String>,
    #[serde(rename = "progressToken")]
    progress_token: Option<Value>,
}

#[derive(Deserialize, Serialize)]
struct Reference {
    r#type: Option<String>,
    name: Option<String>,
    uri: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Outcome {
    tools: Option<Vec<Tool>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tool {
    name: Option<String>,
    description: Option<String>,
    input_schema: Option<Value>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotations {
    destructive_hint: Option<bool>,
}

#[derive(Deserialize, Serialize)]
struct Failure {
    code: Option<i64>,
    message: Option<String>,
}

fn render(value: &Value) -> String {
    match value {
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(integer), _) => integer.to_string(),
            (None, Some(double)) => format!("{double}"),
            (None, None) => number.to_string(),
        },
        Value::String(text) => escaped(text),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(render).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(k, v)| format!("{}:{}", escaped(k), render(v)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string");
    let unit = |unit: u16| match unit {
        0x7f.. => format!("\\u{unit:04x}"),
        _ => char::from(u8::try_from(unit).expect("ASCII")).to_string(),
    };
    quoted.encode_utf16().map(unit).collect()
}

/// Drops what is `null`, as programs do.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, v)| !v.is_null());
            Value::Object(members.map(|(k, v)| (k, pruned(v))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(pruned).collect()),
        other => other,
    }
}

fn read(entry: &Value) -> Result<String, serde_json::Error> {
    if !matches!(entry["layer"].as_str(), Some("message" | "surface")) {
        return Ok(String::new());
    }
    let bytes = match &entry["base64"] {
        Value::String(base64) => STANDARD.decode(base64).expect("Base64"),
        _ => entry["bytes"].as_str().expect("bytes").as_bytes().to_vec(),
    };
    let value = if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::to_value(serde_json::from_slice::<Vec<Message>>(&bytes)?)
    } else {
        serde_json::to_value(serde_json::from_slice::<Message>(&bytes)?)
    };
    Ok(render(&pruned(value?)))
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let entry: Value = serde_json::from_str(&line.expect("a line")).expect("an entry");
        println!("{}", read(&entry).map_or(Value::Null, Value::String));
    }
}
