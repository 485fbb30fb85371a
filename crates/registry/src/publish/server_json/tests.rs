#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn full() -> Value {
    json!({
        "$schema": SCHEMA,
        "name": "com.example/files",
        "description": "Reads files.",
        "title": "Files",
        "version": "1.4.0",
        "websiteUrl": "https://example.com/files",
        "icons": [{ "src": "https://example.com/i.png", "mimeType": "image/png",
                    "sizes": ["48x48", "any"], "theme": "dark" }],
        "repository": { "url": "https://git.example.com/files", "source": "forgejo",
                        "id": "17", "subfolder": "src/files" },
        "packages": [
            { "registryType": "npm", "identifier": "@acme/files", "version": "1.4.0",
              "registryBaseUrl": "https://registry.npmjs.org",
              "fileSha256": "a".repeat(64), "runtimeHint": "npx",
              "transport": { "type": "streamable-http", "url": "http://127.0.0.1:{--port}/{root}" },
              "runtimeArguments": [{ "type": "named", "name": "--port", "value": "{p}",
                "variables": { "p": { "format": "number", "choices": ["1", "2"] } } }],
              "packageArguments": [{ "type": "positional", "valueHint": "root",
                "isRepeated": true }],
              "environmentVariables": [{ "name": "KEY", "isSecret": true, "isRequired": true }] },
            { "registryType": "oci", "identifier": "ghcr.io/acme/files:1.4.0",
              "transport": { "type": "stdio" } },
            { "registryType": "mcpb", "identifier": "https://github.com/a/b/x.mcpb",
              "fileSha256": "b".repeat(64), "transport": { "type": "stdio" } }
        ],
        "remotes": [{ "type": "sse", "url": "https://{tenant}.example.com/sse",
                      "headers": [{ "name": "X-Key", "isSecret": true }],
                      "variables": { "tenant": { "default": "a" } } }],
        "_meta": { PUBLISHER_PROVIDED: { "tool": "x" } }
    })
}

fn parse(value: &Value) -> Result<ServerJson, ServerJsonError> {
    ServerJson::parse(value.to_string().as_bytes())
}

/// The entry with a value put, or (with null) removed, at a pointer.
fn with(pointer: &str, value: Value) -> Value {
    let mut entry = full();
    let (holder, key) = pointer.rsplit_once('/').unwrap();
    let holder = entry.pointer_mut(holder).unwrap();
    let key = key.replace("~1", "/");
    match holder {
        Value::Object(members) if value.is_null() => drop(members.remove(&key)),
        Value::Object(members) => drop(members.insert(key, value)),
        Value::Array(elements) => elements[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    entry
}

#[test]
fn a_full_entry_and_the_smallest_one_pass() {
    let entry = parse(&full()).unwrap();
    assert_eq!((entry.name(), entry.version()), ("com.example/files", "1.4.0"));
    assert_eq!(entry.packages().count(), 3);
    assert_eq!(entry.remotes().next().unwrap().url, "https://{tenant}.example.com/sse");
    let small = json!({ "$schema": SCHEMA, "name": "a.b/c", "description": "d", "version": "1" });
    parse(&small).unwrap();
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn each_fault_has_its_code_and_its_place() {
    let long = |n: usize| json!("x".repeat(n));
    let table = [
        ("/$schema", Value::Null, Code::Missing),
        ("/$schema", json!("https://example.com/s.json"), Code::SchemaUnknown),
        ("/name", Value::Null, Code::Missing),
        ("/name", json!(7), Code::Type),
        ("/name", json!("ab"), Code::Short),
        ("/name", json!(format!("a.b/{}", "x".repeat(197))), Code::Long),
        ("/name", json!("com.example/a/b"), Code::NamePattern),
        ("/name", json!("com.exämple/a"), Code::NamePattern),
        ("/name", json!("com_example/a"), Code::NamePattern),
        ("/name", json!("-com.example/a"), Code::NameEdges),
        ("/name", json!("com..example/a"), Code::NameEdges),
        ("/name", json!("com.example/a_"), Code::NameEdges),
        ("/description", json!(""), Code::Short),
        ("/description", long(101), Code::Long),
        ("/title", json!(" \t"), Code::TitleBlank),
        ("/title", long(101), Code::Long),
        ("/version", json!(""), Code::Short),
        ("/version", long(256), Code::Long),
        ("/version", json!("latest"), Code::VersionReserved),
        ("/version", json!(".."), Code::VersionReserved),
        ("/version", json!("1.0\n"), Code::VersionCharacters),
        ("/version", json!("^1.2"), Code::VersionRange),
        ("/websiteUrl", json!("example.com"), Code::Uri),
        ("/websiteUrl", json!("javascript:alert(1)"), Code::HttpsOnly),
        ("/icons", json!({}), Code::Type),
        ("/icons/0/src", json!("data:image/png;base64,AA"), Code::HttpsOnly),
        ("/icons/0/src", json!(format!("https://e.com/{}", "x".repeat(242))), Code::Long),
        ("/icons/0/mimeType", json!("text/html"), Code::Choice),
        ("/icons/0/theme", json!("blue"), Code::Choice),
        ("/icons/0/sizes/0", json!("48"), Code::IconSize),
        ("/repository/url", json!("not a url"), Code::Uri),
        ("/repository/source", Value::Null, Code::Missing),
        ("/repository/subfolder", json!("../x"), Code::Subfolder),
        ("/packages/0/registryType", json!("ftp"), Code::PackageRegistry),
        ("/packages/0/identifier", json!("a b"), Code::PackageIdentifier),
        ("/packages/0/version", Value::Null, Code::PackageVersion),
        ("/packages/0/version", json!("latest"), Code::VersionReserved),
        ("/packages/0/version", json!("1.x"), Code::VersionRange),
        ("/packages/0/fileSha256", json!("A".repeat(64)), Code::Sha256),
        ("/packages/0/registryBaseUrl", json!("npmjs"), Code::Uri),
        ("/packages/0/runtimeHint", json!(1), Code::Type),
        ("/packages/0/transport", Value::Null, Code::Missing),
        ("/packages/0/transport/type", json!("ws"), Code::Transport),
        ("/packages/0/transport/url", json!("ftp://x"), Code::TransportUrl),
        ("/packages/0/transport/url", json!("http://a b"), Code::TransportUrl),
        ("/packages/0/transport/url", json!("http://x/{none}"), Code::TemplateVariable),
        ("/packages/0/runtimeArguments/0/name", Value::Null, Code::Missing),
        ("/packages/0/runtimeArguments/0/name", json!("--a <b>"), Code::ArgumentName),
        ("/packages/0/runtimeArguments/0/value", json!("--port 1"), Code::ArgumentRepeatsName),
        ("/packages/0/runtimeArguments/0/type", json!("flag"), Code::Argument),
        ("/packages/0/runtimeArguments/0/variables/p/format", json!("url"), Code::Choice),
        ("/packages/0/runtimeArguments/0/variables/p/choices/0", json!(1), Code::Type),
        ("/packages/0/packageArguments/0/isRepeated", json!("yes"), Code::Type),
        ("/packages/0/environmentVariables/0/name", Value::Null, Code::Missing),
        ("/packages/0/environmentVariables/0/isSecret", json!(1), Code::Type),
        ("/packages/1/version", json!("1.4.0"), Code::PackageVersionTwice),
        ("/packages/1/identifier", json!("ghcr.io/acme/files:latest"), Code::ImageReference),
        ("/packages/1/identifier", json!("ghcr.io/acme/files"), Code::ImageReference),
        ("/packages/1/transport/url", json!("http://x"), Code::StdioUrl),
        ("/packages/2/identifier", json!("http://github.com/x.mcpb"), Code::BundleUrl),
        ("/packages/2/fileSha256", Value::Null, Code::BundleHash),
        ("/remotes/0/type", json!("stdio"), Code::Transport),
        ("/remotes/0/url", json!("https://localhost/sse"), Code::RemoteUrl),
        ("/remotes/0/url", json!("http://example.com/sse"), Code::RemoteUrl),
        ("/remotes/0/url", json!("https://127.0.0.1/sse"), Code::RemoteUrl),
        ("/remotes/0/url", json!("{tenant}/sse"), Code::TransportUrl),
        ("/remotes/0/url", json!("https://{other}.example.com"), Code::TemplateVariable),
        ("/remotes/0/headers/0/name", Value::Null, Code::Missing),
        ("/remotes/0/variables/tenant", json!("a"), Code::Type),
    ];
    let mut seen = BTreeSet::from([Code::Many, Code::PublisherMetaLong, Code::ArgumentValue]);
    for (pointer, value, code) in table {
        let error = parse(&with(pointer, value.clone())).expect_err(pointer);
        let faults = error.faults();
        let found = faults.iter().any(|fault| fault.code == code && fault.pointer == pointer);
        assert!(found, "{pointer} = {value}: {code:?}, not {faults:?}");
        seen.insert(code);
    }
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(seen, all, "every code is in the table");
}

#[test]
fn an_argument_without_value_and_hint_is_no_positional_one() {
    let error = parse(&with("/packages/0/packageArguments/0/valueHint", Value::Null)).unwrap_err();
    let fault = &error.faults()[0];
    assert_eq!(fault.code, Code::ArgumentValue);
    assert_eq!(fault.pointer, "/packages/0/packageArguments/0");
}

#[test]
fn bounds_hold_at_the_limit_and_not_one_past_it() {
    let own = |n: usize| {
        let text = "x".repeat(n - r#"{"a":""}"#.len());
        with(&format!("/_meta/{}", PUBLISHER_PROVIDED.replace('/', "~1")), json!({ "a": text }))
    };
    parse(&own(limits::PUBLISHER_META_BYTES_MAX)).unwrap();
    let error = parse(&own(limits::PUBLISHER_META_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(error.code(), "server-json.publisher-meta-long");

    let variables =
        |n: usize| with("/packages/0/environmentVariables", json!(vec![json!({ "name": "A" }); n]));
    parse(&variables(limits::SERVER_JSON_ELEMENTS_MAX)).unwrap();
    let error = parse(&variables(limits::SERVER_JSON_ELEMENTS_MAX + 1)).unwrap_err();
    assert_eq!(error.faults()[0].code, Code::Many);

    let mut bytes = full().to_string().into_bytes();
    bytes.resize(limits::SERVER_JSON_BYTES_MAX, b' ');
    ServerJson::parse(&bytes).unwrap();
    bytes.push(b' ');
    assert_eq!(ServerJson::parse(&bytes).unwrap_err().code(), "wire.json.size");

    let nested = |depth: usize| {
        let text = full().to_string();
        let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        text.replacen('{', &format!("{{\"deep\":{deep},"), 1)
    };
    ServerJson::parse(nested(limits::SERVER_JSON_DEPTH_MAX - 1).as_bytes()).unwrap();
    let error = ServerJson::parse(nested(limits::SERVER_JSON_DEPTH_MAX).as_bytes()).unwrap_err();
    assert_eq!(error.code(), "wire.json.depth");

    let many = with("/icons", json!(vec![json!(1); limits::SERVER_JSON_FAULTS_MAX + 1]));
    assert_eq!(parse(&many).unwrap_err().faults().len(), limits::SERVER_JSON_FAULTS_MAX);
}

#[test]
fn ranges_are_told_from_versions() {
    for range in
        ["^1.2", "~1", ">=1", "=1", "1.x", "1.2.*", "v1.X", "*", "1 - 2", "1 || 2", "1.x-a"]
    {
        assert!(is_range(range), "{range}");
    }
    for version in ["1.2.3", "2025.06.18", "1.0.0-x", "v1", "x", "1.2.3-alpha.x", "fix", "1.2.3.x"]
    {
        assert!(!is_range(version), "{version}");
    }
}

#[test]
fn what_two_parsers_read_differently_is_refused() {
    let twice = full().to_string().replacen('{', r#"{"version":"9.9.9","#, 1);
    assert_eq!(ServerJson::parse(twice.as_bytes()).unwrap_err().code(), "wire.json.duplicate-key");
    let folded = full().to_string().replacen('{', r#"{"Version":"9.9.9","#, 1);
    assert_eq!(ServerJson::parse(folded.as_bytes()).unwrap_err().code(), "wire.json.folded-key");
}

#[test]
fn receipts_and_foreign_meta_are_gone_before_anything_is_digested() {
    let clean = parse(&full()).unwrap();
    let mut forged = full();
    forged["_meta"]["com.example.registry/countersign"] = json!({ "state": "countersigned" });
    forged["_meta"]["io.modelcontextprotocol.registry/official"] = json!({ "isLatest": true });
    forged["_meta"][PUBLISHER_PROVIDED]["x/countersign"] = json!({ "index": 1 });
    forged["packages"][0]["evil.example/countersign"] = json!(1);
    let forged = parse(&forged).unwrap();
    assert_eq!(forged.digest(), clean.digest());
    assert!(!String::from_utf8_lossy(forged.bytes()).contains("/countersign"));
    assert_eq!(Digest::of_bytes(forged.bytes()), clean.digest(), "served in canonical form");

    let mut none = full();
    none["_meta"] = json!({ "a/b": 1 });
    assert_eq!(parse(&none).unwrap().value().get("_meta"), None);
}

#[test]
fn what_needs_no_cleaning_is_kept_byte_for_byte() {
    let text = full().to_string().replace(',', " ,\n");
    let entry = ServerJson::parse(format!(" {text}\n").as_bytes()).unwrap();
    assert_eq!(entry.bytes(), text.as_bytes());
    assert_eq!(entry.digest(), parse(&full()).unwrap().digest());
}
