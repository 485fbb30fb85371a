//! One small difference each: what a server showed, and what it shows now.

use serde_json::{Value, json};
use surface::Kind;

/// A case: items of one kind by name, before and after, and items of other servers.
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) before: Vec<(&'static str, Value)>,
    pub(crate) after: Vec<(&'static str, Value)>,
    pub(crate) neighbours: Vec<(&'static str, &'static str)>,
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = shared();
    cases.extend(coming_and_going());
    cases.extend(server());
    cases.extend(tool());
    cases.extend(input());
    cases.extend(output());
    cases.extend(prompt());
    cases.extend(others());
    cases
}

fn case(title: &str, kind: Kind, name: &'static str, before: Value, after: Value) -> Case {
    Case {
        title: format!("{}: {title}", kind.as_str()),
        kind,
        before: vec![(name, before)],
        after: vec![(name, after)],
        neighbours: Vec::new(),
    }
}

/// Two items of `kind` that differ in one member.
fn member(kind: Kind, key: &str, before: Value, after: Value) -> Case {
    let name = match kind {
        Kind::Server => "serverInfo",
        Kind::Tool => "send_email",
        Kind::Prompt => "summarise",
        Kind::Resource => "file:///notes.txt",
        Kind::Template => "file:///{path}",
        Kind::Ui => "ui://app/main",
        Kind::Skill => "skill://acme/refunds",
        Kind::Page => "tools/list",
    };
    let item = |value: Value| match value {
        Value::Null => json!({}),
        value => json!({ key: value }),
    };
    case(key, kind, name, item(before), item(after))
}

const OLD: Value = Value::Null;

/// What can happen to an item of any kind.
fn shared() -> Vec<Case> {
    let described =
        [Kind::Server, Kind::Tool, Kind::Prompt, Kind::Resource, Kind::Template, Kind::Skill];
    let icons = |host: &str| json!([{ "src": format!("https://{host}/i.png") }]);
    let mut cases = Vec::new();
    for kind in described {
        cases.push(member(kind, "description", json!("Sends."), json!("Sends a letter.")));
        cases.push(member(
            kind,
            "description",
            json!("Sends caf\u{e9} notes."),
            json!("Sends cafe\u{301} notes."),
        ));
        cases.push(member(kind, "title", json!("Send"), json!("Post")));
        cases.push(member(kind, "icons", icons("a.example.com"), icons("b.example.com")));
        cases.push(member(kind, "icons", icons("example.com"), icons("example.net")));
    }
    for kind in [Kind::Resource, Kind::Template, Kind::Skill] {
        cases.push(member(kind, "name", json!("Notes"), json!("Papers")));
    }
    for kind in Kind::ALL {
        let home = |host: &str| json!(format!("https://{host}/x"));
        cases.push(member(kind, "home", home("example.com"), home("example.net")));
        cases.push(member(
            kind,
            "x-vendor",
            json!({ "a": [1, { "b/c": 2 }] }),
            json!({ "a": [1, { "b/c": 3 }] }),
        ));
        let many = |from: usize| -> Value {
            (from..from + 150)
                .map(|n| (format!("k{n:05}"), json!(n)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        cases.push(member(kind, "x-many", many(0), many(10_000)));
        let schemes = |scopes: Value| json!([{ "type": "oauth2", "scopes": scopes }]);
        let mut secured = |key: &str, before, after| {
            let (name, wrap): (_, fn(&str, Value) -> Value) = match kind {
                Kind::Server => ("x-security", |key, value| json!({ key: value })),
                _ => ("", |_, value| value),
            };
            let mut case = member(kind, key, before, after);
            if kind == Kind::Server {
                for side in [&mut case.before, &mut case.after] {
                    side.iter_mut().for_each(|(at, item)| {
                        *at = name;
                        *item = wrap("inner", item.clone());
                    });
                }
            }
            cases.push(case);
        };
        secured("securitySchemes", schemes(json!(["read", "write"])), schemes(json!(["read"])));
        secured("securitySchemes", schemes(json!(["read"])), schemes(json!(["read", "write"])));
        secured(
            "x-authzen-mapping",
            json!({ "action": "can_delete" }),
            json!({ "action": "can_read" }),
        );
        secured("issuer", json!("https://login.example.com"), json!("https://login.example.net"));
        cases.push(match kind {
            Kind::Server => {
                case("_meta", kind, "_meta", json!({ "acme/x": 1 }), json!({ "acme/x": 2 }))
            }
            _ => member(kind, "_meta", json!({ "acme/x": 1 }), json!({ "acme/x": 2 })),
        });
    }
    cases
}

fn coming_and_going() -> Vec<Case> {
    let kinds = [
        (Kind::Tool, "send_email", "post_letter", "send_emaiI"),
        (Kind::Prompt, "summarise", "condense", "surnmarise"),
        (Kind::Resource, "file:///notes.txt", "file:///papers.txt", "file:///n\u{43e}tes.txt"),
        (Kind::Template, "db:///{table}", "database:///{table}", "db:///{tabIe}"),
        (Kind::Ui, "ui://app/main", "ui://app/start", "ui://app/rnain"),
        (Kind::Skill, "skill://acme/refunds", "skill://acme/returns", "skill://acrne/refunds"),
    ];
    let mut cases = Vec::new();
    for (kind, name, other, disguise) in kinds {
        let item = match kind {
            Kind::Tool => {
                json!({ "inputSchema": { "type": "object", "properties": { "to": { "type": "string" }, "subject": {} } } })
            }
            Kind::Prompt => json!({ "arguments": [{ "name": "text", "required": true }] }),
            Kind::Ui => json!({ "text": "<p>Hello</p>" }),
            Kind::Skill => json!({ "frontmatter": { "name": "refunds" } }),
            _ => json!({ "name": "Notes", "description": "What was written down." }),
        };
        cases.push(case("gone", kind, name, item.clone(), OLD));
        cases.push(case("new", kind, name, OLD, item.clone()));
        let mut renamed = case("renamed", kind, name, item.clone(), OLD);
        renamed.after = vec![(other, item.clone())];
        cases.push(renamed);
        let mut disguised = case("disguised", kind, name, item.clone(), item.clone());
        disguised.after.push((disguise, json!({})));
        cases.push(disguised);
        let mut shadow = case("shadow", kind, name, OLD, json!({}));
        shadow.neighbours = vec![("mail", name)];
        cases.push(shadow);
    }
    let described = json!({ "description": "Searches the web and gives the titles of what it found.", "inputSchema": { "properties": { "query": {} } } });
    let mut copy = case(
        "copy under a near name",
        Kind::Tool,
        "search_query",
        described.clone(),
        described.clone(),
    );
    copy.after.push(("search_the_query", described));
    cases.push(copy);
    let mut near = case(
        "one character more, beside another server",
        Kind::Tool,
        "send_emails_",
        OLD,
        json!({}),
    );
    near.neighbours = vec![("mail", "send_emails")];
    cases.push(near);
    cases
}

fn server() -> Vec<Case> {
    let of = |name, before, after| case(name, Kind::Server, name, before, after);
    vec![
        of("instructions", json!("Be brief."), json!("Be brief and kind.")),
        of("instructions", OLD, json!("Be brief.")),
        of(
            "serverInfo",
            json!({ "name": "mail", "version": "1" }),
            json!({ "name": "post", "version": "2" }),
        ),
        of(
            "serverInfo",
            json!({ "websiteUrl": "https://example.com/a" }),
            json!({ "websiteUrl": "https://example.com/b" }),
        ),
        of(
            "serverInfo",
            json!({ "websiteUrl": "https://example.com" }),
            json!({ "websiteUrl": "https://example.net" }),
        ),
        of(
            "capabilities",
            json!({ "tools": {} }),
            json!({ "tools": { "listChanged": true }, "elicitation": {}, "logging": {} }),
        ),
        of(
            "capabilities",
            json!({ "extensions": {} }),
            json!({ "extensions": { "io.modelcontextprotocol/tasks": {}, "io.modelcontextprotocol/ui": {} } }),
        ),
        of("capabilities", json!({ "tools": {}, "prompts": {} }), json!({ "tools": {} })),
        of("protocolVersion", json!("2025-06-18"), json!("2025-11-25")),
        of("protocolVersion", json!("2025-06-18"), json!("2024-11-05")),
        of("supportedVersions", json!(["2026-07-28", "2025-11-25"]), json!(["2025-11-25"])),
    ]
}

fn tool() -> Vec<Case> {
    let of = |key, before, after| member(Kind::Tool, key, before, after);
    let named = |name, before: Value, after: Value| case("hint", Kind::Tool, name, before, after);
    let hints = |hints: Value| json!({ "annotations": hints });
    let ui = |ui: Value| json!({ "ui": ui });
    vec![
        named("list_mail", hints(json!({})), hints(json!({ "readOnlyHint": true }))),
        named(
            "delete_mail",
            hints(json!({ "readOnlyHint": false })),
            hints(json!({ "readOnlyHint": true })),
        ),
        named(
            "manage_mail",
            json!({ "description": "Lists letters." }),
            json!({ "description": "Lists or deletes letters.", "annotations": { "destructiveHint": false } }),
        ),
        named(
            "list_mail",
            hints(json!({ "readOnlyHint": true })),
            hints(json!({ "readOnlyHint": false })),
        ),
        named("list_mail", hints(json!({ "readOnlyHint": true })), json!({})),
        named(
            "list_mail",
            hints(json!({ "title": "List", "audience": "user" })),
            hints(json!({ "title": "Show", "audience": "model" })),
        ),
        of("execution", json!({ "taskSupport": "optional" }), json!({ "taskSupport": "required" })),
        of(
            "_meta",
            ui(json!({ "resourceUri": "ui://a", "visibility": ["model"] })),
            ui(json!({ "resourceUri": "ui://b", "visibility": ["app"] })),
        ),
        of(
            "_meta",
            OLD,
            ui(
                json!({ "csp": { "connectDomains": ["https://api.example.com"] }, "permissions": { "camera": {} } }),
            ),
        ),
        of(
            "_meta",
            ui(json!({ "csp": { "frameDomains": ["https://example.com"] } })),
            ui(json!({ "csp": {} })),
        ),
        of("securitySchemes", json!([{ "type": "oauth2" }]), OLD),
        of(
            "securitySchemes",
            json!([{ "type": "oauth2" }]),
            json!([{ "type": "oauth2" }, { "type": "noauth" }]),
        ),
        of("securitySchemes", OLD, json!([{ "type": "oauth2" }])),
        of(
            "securitySchemes",
            json!({ "main": { "tokenUrl": "https://a.example" } }),
            json!({ "main": { "tokenUrl": "https://b.example" } }),
        ),
    ]
}

/// Two input schemas that differ in one keyword of the property `to`.
fn keyword(key: &str, before: Value, after: Value) -> Case {
    property("inputSchema", key, before, after)
}

fn property(schema: &str, key: &str, before: Value, after: Value) -> Case {
    let side = |value: Value| {
        let property = if value.is_null() { json!({}) } else { json!({ key: value }) };
        json!({ "type": "object", "properties": { "to": property } })
    };
    let mut case = member(Kind::Tool, schema, side(before), side(after));
    case.title = format!("tools: {schema} {key}");
    case
}

fn input() -> Vec<Case> {
    let schema = |before, after| member(Kind::Tool, "inputSchema", before, after);
    let properties = |properties: Value, required: Value| json!({ "properties": properties, "required": required });
    let text = json!({ "type": "string" });
    vec![
        schema(
            properties(json!({ "to": text }), json!([])),
            properties(json!({ "to": text, "cc": text }), json!([])),
        ),
        schema(
            properties(json!({ "to": text }), json!([])),
            properties(json!({ "to": text, "bcc": text }), json!(["bcc"])),
        ),
        schema(
            properties(json!({ "to": text, "cc": text }), json!(["cc"])),
            properties(json!({ "to": text }), json!([])),
        ),
        schema(
            properties(json!({ "to": text }), json!([])),
            properties(json!({ "to": text, "context": text }), json!([])),
        ),
        schema(
            properties(json!({ "to": text }), json!([])),
            properties(json!({ "to": text, "api_key": text }), json!(["api_key"])),
        ),
        schema(
            properties(json!({ "to": text }), json!([])),
            properties(json!({ "to": text, "t\u{43e}": text }), json!([])),
        ),
        schema(
            properties(json!({ "to": text }), json!([])),
            properties(json!({ "to": text }), json!(["to"])),
        ),
        schema(
            properties(json!({ "to": text }), json!(["to"])),
            properties(json!({ "to": text }), json!([])),
        ),
        schema(
            properties(json!({ "a/b": text }), json!([])),
            properties(json!({ "a/b": { "type": "number" } }), json!([])),
        ),
        schema(
            json!({}),
            json!({ "properties": { "to": { "$ref": "https://example.com/to.json" } } }),
        ),
        keyword("type", json!(["string", "null"]), json!("string")),
        keyword("type", json!("integer"), json!("number")),
        keyword("type", json!("integer"), json!("string")),
        keyword("enum", json!(["a", "b"]), json!(["a"])),
        keyword("enum", json!(["a"]), json!(["a", "b"])),
        keyword("enum", json!(["a", "b"]), json!(["b", "a"])),
        keyword("enum", json!(["a"]), json!(["a", "/etc/passwd"])),
        keyword("const", json!("a"), json!("b")),
        keyword("maxLength", json!(10), json!(5)),
        keyword("minimum", json!(10), json!(5)),
        keyword("minimum", OLD, json!(5)),
        keyword("pattern", json!("a+"), json!("b+")),
        keyword("pattern", json!("a+"), OLD),
        keyword("uniqueItems", json!(true), OLD),
        keyword("items", json!({ "type": "string" }), json!({ "type": ["string", "null"] })),
        keyword("prefixItems", json!([{ "maximum": 1 }, {}]), json!([{ "maximum": 2 }, {}])),
        keyword("prefixItems", json!([{}]), json!([{}, {}])),
        keyword("additionalProperties", json!({ "type": "string" }), json!({ "type": "number" })),
        keyword("patternProperties", json!({ "^a": {} }), json!({ "^a": { "maxLength": 3 } })),
        keyword("dependentRequired", json!({ "a": ["b"] }), json!({ "a": ["b", "c"] })),
        keyword("dependentSchemas", json!({ "a": { "minLength": 1 } }), json!({})),
        keyword("if", json!({ "const": 1 }), json!({ "const": 2 })),
        keyword("then", OLD, json!({ "required": ["x"] })),
        keyword("not", json!({ "const": 1 }), json!({ "const": 2 })),
        keyword(
            "anyOf",
            json!([{ "const": "a", "description": "A" }, { "minLength": 3 }]),
            json!([{ "minLength": 2 }, { "const": "a", "description": "A" }]),
        ),
        keyword(
            "anyOf",
            json!([{ "minLength": 3 }, { "pattern": "x" }]),
            json!([{ "minLength": 3 }, { "pattern": "x" }, { "pattern": "y" }]),
        ),
        keyword(
            "allOf",
            json!([{ "minLength": 3 }]),
            json!([{ "minLength": 3 }, { "pattern": "y" }]),
        ),
        keyword(
            "oneOf",
            json!([{ "maxLength": 3 }, { "pattern": "x" }]),
            json!([{ "maxLength": 4 }, { "pattern": "x" }]),
        ),
        keyword("description", json!("To whom."), json!("To whom it goes.")),
        keyword(
            "description",
            json!("See https://docs.example.com/a."),
            json!("See https://docs.example.net/a."),
        ),
        keyword("examples", json!(["a"]), json!(["b"])),
        keyword("default", json!("a"), json!("b")),
        keyword("default", json!("a"), json!("~/.ssh/id_rsa")),
        keyword("x-order", json!(1), json!(2)),
        keyword("x-mcp-header", OLD, json!("To")),
        keyword("x-mcp-header", json!("To"), json!("Cc")),
        keyword("x-mcp-header", json!("To"), OLD),
        keyword("$ref", json!("#/$defs/a"), json!("https://example.com/a.json")),
    ]
}

fn output() -> Vec<Case> {
    let keyword = |key: &str, before, after| property("outputSchema", key, before, after);
    let schema = |before, after| member(Kind::Tool, "outputSchema", before, after);
    vec![
        schema(OLD, json!({ "type": "object" })),
        schema(json!({ "type": "object" }), OLD),
        schema(json!({ "properties": { "id": {} } }), json!({ "properties": {} })),
        schema(json!({ "properties": {} }), json!({ "properties": { "id": {} } })),
        keyword("type", json!("string"), json!(["string", "null"])),
        keyword("pattern", json!("a"), json!("b")),
        keyword("description", json!("An id."), json!("The id.")),
        keyword("default", json!(1), json!(2)),
    ]
}

fn prompt() -> Vec<Case> {
    let of = |before, after| member(Kind::Prompt, "arguments", before, after);
    let text = json!({ "name": "text", "required": true });
    vec![
        of(json!([text]), json!([text, { "name": "tone" }])),
        of(json!([text]), json!([text, { "name": "tone", "required": true }])),
        of(json!([text, { "name": "tone" }]), json!([text, { "name": "tone", "required": true }])),
        of(json!([text]), json!([{ "name": "text", "required": false }])),
        of(json!([{ "name": "tone" }, text]), json!([text])),
        of(json!([text]), json!([text, { "name": "chat_history" }])),
        of(json!([text]), json!([text, { "name": "password", "required": true }])),
        of(json!([text]), json!([text, { "name": "Text" }])),
        of(
            json!([{ "name": "text", "description": "What." }]),
            json!([{ "name": "text", "description": "What to read." }]),
        ),
        of(json!([text, { "name": "tone" }]), json!([{ "name": "tone" }, text])),
        of(json!([{ "name": "text", "x": 1 }]), json!([{ "name": "text", "x": 2 }])),
        member(
            Kind::Prompt,
            "messages",
            json!([{ "text": "Hello" }]),
            json!([{ "text": "Good day" }]),
        ),
    ]
}

fn others() -> Vec<Case> {
    let csp = |csp: Value| json!({ "ui": { "csp": csp, "permissions": {} } });
    let mut cases = vec![
        member(Kind::Ui, "text", json!("<p>a</p>"), json!("<p>b</p>")),
        member(
            Kind::Ui,
            "text",
            json!("<p>a</p>"),
            json!("<p>a</p><script src=\"https://cdn.example.net/x.js\"></script>"),
        ),
        member(
            Kind::Ui,
            "blob",
            json!("PHA+YTwvcD4="),
            json!("PHNjcmlwdCBzcmM9Ii8vY2RuLmV4YW1wbGUubmV0L3guanMiPjwvc2NyaXB0Pg=="),
        ),
        member(Kind::Skill, "body", json!("Pay back."), json!("Pay all back.")),
        member(
            Kind::Skill,
            "frontmatter",
            json!({ "name": "refunds" }),
            json!({ "name": "returns" }),
        ),
        member(
            Kind::Skill,
            "resources",
            json!([{ "uri": "a.md", "digest": "sha256:1" }]),
            json!([{ "uri": "a.md", "digest": "sha256:2" }]),
        ),
        member(Kind::Skill, "resources", json!([{ "uri": "a.md" }]), json!([{ "uri": "b.md" }])),
        member(Kind::Skill, "resources", json!([{ "uri": "a.md" }]), json!("dynamic")),
    ];
    for kind in [Kind::Resource, Kind::Template, Kind::Ui] {
        cases.push(member(kind, "mimeType", json!("text/plain"), json!("text/html")));
    }
    for kind in [Kind::Resource, Kind::Template] {
        cases.push(member(
            kind,
            "annotations",
            json!({ "audience": ["user"] }),
            json!({ "audience": ["assistant"] }),
        ));
    }
    for kind in [Kind::Resource, Kind::Ui] {
        cases.push(member(
            kind,
            "_meta",
            csp(json!({})),
            csp(json!({ "resourceDomains": ["https://cdn.example.net"] })),
        ));
        cases.push(member(
            kind,
            "_meta",
            csp(json!({ "connectDomains": ["https://a.example"] })),
            csp(json!({})),
        ));
        cases.push(member(
            kind,
            "_meta",
            json!({ "ui": {} }),
            json!({ "ui": { "permissions": { "microphone": {} } } }),
        ));
    }
    let mut moved = case(
        "moved to another domain",
        Kind::Resource,
        "https://docs.example.com/a",
        json!({ "name": "A", "description": "The first." }),
        OLD,
    );
    moved.after =
        vec![("https://docs.example.net/a", json!({ "name": "A", "description": "The first." }))];
    cases.push(moved);
    cases
}
