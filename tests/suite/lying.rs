//! A lying server: every change to what it shows is caught, and nothing harmless is.

mod at_list_time;
mod when;

use harness::liar::{LISTS, Mutation, UI_BODY};
use harness::{Client, rpc};
use serde_json::{Value, json};

/// Whether the changes hold the one that the mutation is, at its place.
fn names_the_change(changes: &[Value], mutation: &Mutation) -> bool {
    changes.iter().any(|change| {
        let place = change["place"].as_str().unwrap_or_default();
        change["code"] == mutation.code && place.starts_with(mutation.place.as_str())
    })
}

/// Asks for the mutated item as a client would that never heard of the change; nothing for a kind
/// that nobody asks for by name.
fn use_item(client: &mut impl Client, mutation: &Mutation) -> Option<Value> {
    let name = mutation.item();
    Some(match mutation.kind() {
        "tools" => client.call(name, &json!({})),
        "prompts" => client.request("prompts/get", json!({ "name": name })),
        "resources" => client.request("resources/read", json!({ "uri": name })),
        "ui" => client.request("resources/read", json!({ "uri": UI_BODY })),
        _ => return None,
    })
}

/// Whether a response is a refusal of any kind: held, or an error.
fn is_refused(response: &Value) -> bool {
    rpc::is_held(response) || response["error"].is_object() || response["result"]["isError"] == true
}

/// The list of a kind of item: its method and the key that names an item.
fn list_of(kind: &str) -> Option<(&'static str, &'static str)> {
    let (method, _) = LISTS.into_iter().find(|(method, member)| match kind {
        "templates" => *method == "resources/templates/list",
        kind => *member == kind,
    })?;
    let key = match kind {
        "tools" | "prompts" => "name",
        "templates" => "uriTemplate",
        _ => "uri",
    };
    Some((method, key))
}

/// The eras, as the liar's configuration names them.
const LEGACY: &str = "legacy";
const MODERN: &str = "modern";
