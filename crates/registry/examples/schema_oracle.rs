//! Judges random entries by the official JSON Schema and by ours, and counts where they differ.
//!
//! `cargo run -p countersign-registry --example schema_oracle -- SCHEMA.json COUNT`
//!
//! The schema is `server.schema.json` of 2025-12-11. What it refuses, ours has to refuse; what ours
//! refuses beyond it has to be by a rule that a registry adds.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use registry::publish::ServerJson;
use registry::publish::server_json::{Code, SCHEMA, ServerJsonError};
use serde_json::{Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the path of the schema");
    let count: u64 = arguments.next().and_then(|count| count.parse().ok()).expect("a count");
    let schema = std::fs::read_to_string(path).expect("a schema that can be read");
    let schema: Value = serde_json::from_str(&schema).expect("a schema that is JSON");
    let oracle = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema that is one");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut counts, mut added) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..count {
        let mut entry = full();
        for _ in 0..=random.below(3) {
            mutate(&mut entry, &mut random);
        }
        let theirs = oracle.is_valid(&entry);
        let ours = ServerJson::parse(entry.to_string().as_bytes());
        let what = match (theirs, &ours) {
            (true, Ok(_)) => "both take it",
            (false, Err(_)) => "both refuse it",
            (false, Ok(_)) => {
                let why: Vec<_> = oracle.iter_errors(&entry).map(|e| e.to_string()).collect();
                println!("only ours takes it: {why:?}\n  {entry}");
                "only ours takes it"
            }
            (true, Err(error)) if is_added(error) => {
                for fault in error.faults() {
                    *added.entry(fault.code.as_str()).or_insert(0_u64) += 1;
                }
                "ours refuses it by a rule of a registry"
            }
            (true, Err(error)) => {
                println!("only ours refuses it: {error}\n  {entry}");
                "only ours refuses it"
            }
        };
        *counts.entry(what).or_insert(0_u64) += 1;
    }
    println!("{counts:#?}\n{added:#?}");
    let is_same = counts.keys().all(|what| !what.starts_with("only"));
    assert!(is_same, "the two differ");
}

/// Whether every fault is by a rule that the schema does not have.
fn is_added(error: &ServerJsonError) -> bool {
    let is_rule = |code: &Code| {
        !matches!(
            code,
            Code::Missing
                | Code::Type
                | Code::Short
                | Code::Long
                | Code::Choice
                | Code::NamePattern
                | Code::Uri
                | Code::IconSize
                | Code::Sha256
                | Code::Argument
                | Code::ArgumentValue
                | Code::Transport
                | Code::TransportUrl
        )
    };
    // Empty texts that the schema forgets, and the schema's name, which the API asks for.
    let is_empty = |pointer: &str| {
        ["/version", "/identifier", "/name", "/$schema"].iter().any(|end| pointer.ends_with(end))
    };
    let faults = error.faults();
    !faults.is_empty()
        && faults.iter().all(|fault| {
            let is_short = matches!(fault.code, Code::Short | Code::Missing);
            // A URL that begins as the pattern asks and names no host.
            let is_url = fault.code == Code::TransportUrl;
            is_rule(&fault.code) || is_url || (is_short && is_empty(&fault.pointer))
        })
}

struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % count
    }
}

fn mutate(entry: &mut Value, random: &mut Random) {
    let mut pointers = Vec::new();
    collect(entry, String::new(), &mut pointers);
    let pointer = &pointers[random.below(pointers.len())];
    let values = values();
    let value = values[random.below(values.len())].clone();
    let (holder, key) = pointer.rsplit_once('/').unwrap_or(("", ""));
    let remove = random.below(3) == 0;
    match entry.pointer_mut(holder) {
        Some(Value::Object(members)) if remove => drop(members.remove(key)),
        Some(Value::Object(members)) => drop(members.insert(key.to_owned(), value)),
        Some(Value::Array(elements)) => {
            if let Some(element) = key.parse::<usize>().ok().and_then(|at| elements.get_mut(at)) {
                *element = value;
            }
        }
        _ => {}
    }
}

fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                collect(member, format!("{pointer}/{key}"), pointers);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect(element, format!("{pointer}/{index}"), pointers);
            }
        }
        _ => {}
    }
    if !pointer.is_empty() {
        pointers.push(pointer);
    }
}

/// Texts at the edges of what the schema says of a text.
const TEXTS: [&str; 53] = [
    "",
    "a",
    "ab",
    "latest",
    "1.0.0",
    "^1",
    "1.x",
    "named",
    "positional",
    "stdio",
    "sse",
    "streamable-http",
    "npm",
    "oci",
    "mcpb",
    "string",
    "filepath",
    "image/png",
    "light",
    "any",
    "48x48",
    "x48",
    "48X48",
    "https://e.com",
    "http://e.com/a b",
    "https://e.com/{x}",
    "HTTPS://e.com",
    "ftp://e.com",
    "https://",
    "https:///x",
    "http://[::1]/",
    "http://[::1",
    "mailto:a@b.c",
    "urn:x:y",
    "e.com",
    "//e.com/x",
    "/x",
    "https://e.com/%zz",
    "https://e.com/%41",
    "https://é.com",
    "https://e.com/\u{a0}",
    "https://e.com/\u{feff}",
    "https://e.com/\t",
    "{x}/mcp",
    "a/b",
    "a/b/c",
    "a.b/c_d",
    "-a/b",
    "a b/c",
    "é/b",
    "a/\u{e9}",
    "src/x",
    "../x",
];

fn values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1.5),
        json!([]),
        json!({}),
        json!([1]),
        json!({ "type": "named", "name": "--x" }),
        json!({ "type": "positional" }),
        json!({ "type": "stdio" }),
        json!({ "type": "sse", "url": "https://e.com/sse" }),
        json!({ "type": "streamable-http", "url": "http://e.com" }),
        json!({ "name": "A" }),
        json!({ "src": "https://e.com/i.png" }),
        json!({ "x": { "format": "number" } }),
    ];
    values.extend(TEXTS.map(Value::from));
    values.push(json!("x".repeat(100)));
    values.push(json!("x".repeat(101)));
    values.push(json!("é".repeat(100)));
    values.push(json!("x".repeat(256)));
    values.push(json!("a".repeat(64)));
    values.push(json!("A".repeat(64)));
    values.push(json!(format!("a.b/{}", "c".repeat(197))));
    values.push(json!(format!("https://e.com/{}", "c".repeat(250))));
    values
}

fn full() -> Value {
    json!({
        "$schema": SCHEMA, "name": "com.example/files", "description": "Reads files.",
        "title": "Files", "version": "1.4.0", "websiteUrl": "https://example.com/files",
        "icons": [{ "src": "https://example.com/i.png", "mimeType": "image/png",
                    "sizes": ["48x48", "any"], "theme": "dark" }],
        "repository": { "url": "https://git.example.com/files", "source": "forgejo",
                        "id": "17", "subfolder": "src/files" },
        "packages": [
            { "registryType": "npm", "identifier": "@acme/files", "version": "1.4.0",
              "registryBaseUrl": "https://registry.npmjs.org",
              "fileSha256": "a".repeat(64), "runtimeHint": "npx",
              "transport": { "type": "streamable-http", "url": "http://127.0.0.1:{--port}/{root}",
                             "headers": [{ "name": "A", "value": "b" }] },
              "runtimeArguments": [{ "type": "named", "name": "--port", "value": "{p}",
                "description": "d", "isRepeated": true, "placeholder": "p", "default": "1",
                "variables": { "p": { "format": "number", "choices": ["1", "2"],
                                      "isRequired": true } } }],
              "packageArguments": [{ "type": "positional", "valueHint": "root", "value": "v",
                "isRepeated": true }],
              "environmentVariables": [{ "name": "KEY", "isSecret": true, "isRequired": true }] },
            { "registryType": "oci", "identifier": "ghcr.io/acme/files:1.4.0",
              "transport": { "type": "stdio" } },
        ],
        "remotes": [{ "type": "sse", "url": "https://{tenant}.example.com/sse",
                      "headers": [{ "name": "X-Key", "isSecret": true }],
                      "variables": { "tenant": { "default": "a" } } },
                    { "type": "streamable-http", "url": "https://example.com/mcp" }],
        "_meta": { "io.modelcontextprotocol.registry/publisher-provided": { "tool": "x" } }
    })
}
