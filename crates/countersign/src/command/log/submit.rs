//! `countersign log submit`: a signed statement, handed to a registry.

use seal::{Envelope, PublicKey};
use serde_json::{Value, json};

use super::publish::registry::Registry;
use crate::args::log as args;
use crate::command::{Desk, statement};
use crate::failure::{Exit, Failure};

/// Submits a statement; it is in the log when this ends.
///
/// # Errors
/// A file that is no statement, a registry that does not answer, or refuses.
pub(super) async fn run(desk: &Desk, arguments: &args::Submit) -> Result<Exit, Failure> {
    let bytes = statement::read_bounded(&arguments.file, tlog::tile::ENTRY_SIZE_MAX)?;
    let shown = arguments.file.display();
    let envelope = Envelope::parse(&bytes).map_err(|error| {
        Failure::refusal(error.code(), format!("{shown} is no statement")).because(error)
    })?;
    let mut keys = Vec::new();
    for path in &arguments.keys {
        let pem = statement::read_bounded(path, seal::limits::PEM_BYTES_MAX)?;
        let key: PublicKey = String::from_utf8_lossy(&pem).parse().map_err(|error| {
            Failure::new(format!("reading the key in {}", path.display())).because(error)
        })?;
        keys.push(key);
    }
    let answer = Registry::of(&arguments.registry)?;
    let answer = answer.post(STATEMENTS, None, body(&envelope, &keys, None)).await?;
    let index = answer.get("index").and_then(Value::as_u64);
    let index = index.ok_or_else(|| Failure::new("the registry's answer names no statement"))?;
    if arguments.json {
        desk.output.json(&json!({ "index": index }))?;
    } else {
        desk.output.note(&format!("it is statement {index} of the log"));
    }
    Ok(Exit::Same)
}

/// The body that submits a statement, with the `surface` that an observation is of.
pub(in crate::command) fn body(
    envelope: &Envelope,
    keys: &[PublicKey],
    surface: Option<&[u8]>,
) -> Vec<u8> {
    let keys = keys.iter().map(|key| Value::String(key.to_string())).collect();
    let keys = Value::Array(keys).to_string();
    let mut body = [br#"{"envelope":"#, envelope.bytes(), br#","keys":"#, keys.as_bytes()].concat();
    if let Some(surface) = surface {
        body.extend([br#","surface":"#, surface].concat());
    }
    body.push(b'}');
    body
}

/// Where a registry takes statements.
pub(in crate::command) const STATEMENTS: &str = "/v0.1/countersign/statements";
