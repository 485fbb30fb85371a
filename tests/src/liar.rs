//! The lying server, as a command or behind an address.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Map, Value, json};

use crate::guard::ServerCommand;
use crate::http::free_port;
use crate::rpc::Client;
use crate::{HttpClient, paths, program};

/// How the server lies: the members of `liar.py`'s configuration.
#[derive(Debug, Clone, Default)]
pub struct Liar {
    config: Map<String, Value>,
}

/// A lying server that listens, until this is dropped.
#[derive(Debug)]
pub struct ListeningLiar {
    child: Child,
    url: String,
}

/// One entry of `mutations.json` or `benign.json`.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// Its name.
    pub name: String,
    /// The item that it changes, such as `tools/send_letter`; empty for a benign one.
    pub place: String,
    /// The code of the change; empty for a benign one.
    pub code: String,
    /// Whether it adds an item.
    pub adds: bool,
    /// Whether the item is gone, or goes by another name.
    pub removes: bool,
}

/// What a client sees of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The result of `initialize` or `server/discover`.
    pub opening: Value,
    /// Each list's items, by its method.
    pub lists: Vec<(&'static str, Vec<Value>)>,
    /// The body of the one `ui://` resource, or the error instead of it.
    pub ui: Value,
}

impl Liar {
    /// A server that tells the truth.
    pub fn honest() -> Self {
        Self::default()
    }

    /// A server that shows this mutation.
    pub fn with(mutation: &str) -> Self {
        Self::default().set("mutation", mutation)
    }

    /// Sets a member of the configuration.
    #[must_use]
    pub fn set(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.config.insert(member.to_owned(), value.into());
        self
    }

    /// Records each request that arrives.
    #[must_use]
    pub fn logging_to(self, path: &Path) -> Self {
        self.set("log", path.to_str().expect("paths are UTF-8"))
    }

    /// The command that runs it over stdio.
    pub fn command(&self) -> ServerCommand {
        ServerCommand::new("python3")
            .arg(paths::tests_file("liar/liar.py").to_str().expect("paths are UTF-8"))
            .env("LIAR", Value::Object(self.config.clone()).to_string())
    }

    /// Runs it over HTTP.
    #[track_caller]
    pub fn listen(&self) -> ListeningLiar {
        let port = free_port();
        let command = self.clone().set("port", port).command();
        let child =
            command.direct(Path::new("/")).stdin(Stdio::null()).spawn().expect("python3 starts");
        let listening = ListeningLiar { child, url: format!("http://127.0.0.1:{port}/mcp") };
        HttpClient::new(&listening.url).wait();
        listening
    }
}

impl ListeningLiar {
    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ListeningLiar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = program::wait(&mut self.child, std::time::Duration::from_secs(3));
    }
}

impl Mutation {
    /// Every change that matters.
    pub fn all() -> Vec<Self> {
        Self::read("liar/mutations.json")
    }

    /// Every change that does not.
    pub fn benign() -> Vec<Self> {
        Self::read("liar/benign.json")
    }

    /// The kind of the changed item: the first part of its place.
    pub fn kind(&self) -> &str {
        self.place.split('/').next().unwrap_or_default()
    }

    /// The name of the changed item: the rest of its place.
    pub fn item(&self) -> &str {
        self.place.split_once('/').map_or("", |(_, name)| name)
    }

    fn read(file: &str) -> Vec<Self> {
        let text = std::fs::read_to_string(paths::tests_file(file)).expect("the file can be read");
        let list: Vec<Value> = serde_json::from_str(&text).expect("the file is a JSON list");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entry = |value: &Value| {
            let path = text(&value["path"]);
            let parts: Vec<&str> = path.split('/').skip(1).collect();
            let renames =
                matches!(parts[..], ["tools" | "prompts", _, "name"] | [_, _, "uriTemplate"]);
            Self {
                name: text(&value["name"]),
                place: text(&value["place"]),
                code: text(&value["code"]),
                adds: value["op"] == "add" && parts.len() == 2,
                removes: renames
                    || value["op"] == "remove"
                        && matches!(parts[..], [_, number] if number.parse::<u8>().is_ok()),
            }
        };
        list.iter().map(entry).collect()
    }
}

impl View {
    /// What `client` sees when it opens and asks for everything.
    #[track_caller]
    pub fn of(client: &mut impl Client) -> Self {
        let opening = without_age(client.open()["result"].clone());
        let lists = LISTS
            .into_iter()
            .map(|(method, member)| (method, client.list(method, member)))
            .collect();
        let ui = client.request("resources/read", json!({ "uri": UI_BODY }));
        let ui = if ui["error"].is_null() { ui["result"]["contents"].clone() } else { ui };
        Self { opening, lists, ui }
    }

    /// The items of a list.
    pub fn list(&self, method: &str) -> &[Value] {
        let found = self.lists.iter().find(|list| list.0 == method);
        found.map_or(&[], |(_, items)| items)
    }
}

/// The lists of a surface and the member of each that holds the items.
pub const LISTS: [(&str, &str); 5] = [
    ("tools/list", "tools"),
    ("prompts/list", "prompts"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
    ("skills/list", "skills"),
];

/// The URI of the liar's `ui://` body.
pub const UI_BODY: &str = "ui://post-office/board";

fn without_age(mut result: Value) -> Value {
    if let Some(members) = result.as_object_mut() {
        members.remove("ttlMs");
        members.remove("cacheScope");
    }
    result
}
