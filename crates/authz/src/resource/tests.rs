//! Identifiers and metadata.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::limits;

#[test]
fn an_identifier_is_normalised_once() {
    for (text, read) in [
        ("https://hop1.a.test/mcp", "https://hop1.a.test/mcp"),
        ("HTTPS://HOP1.a.TEST:443/MCP", "https://hop1.a.test/MCP"),
        ("https://hop1.a.test", "https://hop1.a.test"),
        ("https://hop1.a.test/", "https://hop1.a.test/"),
        ("https://hop1.a.test/mcp/", "https://hop1.a.test/mcp/"),
        ("https://hop1.a.test:8443/mcp?x=%2F", "https://hop1.a.test:8443/mcp?x=%2F"),
        ("https://hop1.a.test?x", "https://hop1.a.test?x"),
        ("http://localhost:80/mcp", "http://localhost/mcp"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.7.0.1/", "http://127.7.0.1/"),
        ("http://[::1]:9000/mcp", "http://[::1]:9000/mcp"),
        ("https://xn--bcher-kva.test/", "https://xn--bcher-kva.test/"),
    ] {
        let resource = Resource::parse(text).unwrap();
        assert_eq!(resource.as_str(), read);
        assert_eq!(resource.to_string(), read);
        assert_eq!(Resource::parse(read), Ok(resource), "normalised is normal");
    }
}

#[test]
fn what_is_no_identifier_is_refused() {
    use ResourceError::{Extra, NotUri, Plain};
    for (text, error) in [
        ("", NotUri),
        ("mcp", NotUri),
        ("/mcp", NotUri),
        ("//hop1.a.test/mcp", NotUri),
        ("https:hop1.a.test", NotUri),
        ("https:evil.test://hop1.a.test/mcp", NotUri),
        ("https:/hop1.a.test", NotUri),
        ("https:///hop1.a.test", NotUri),
        ("https:\\\\hop1.a.test", NotUri),
        ("https://hop1.a.test\\@evil.test", NotUri),
        (" https://hop1.a.test", NotUri),
        ("https://hop1.a.test/ ", NotUri),
        ("https://hop1.a.test/\tx", NotUri),
        ("https://bücher.test/", NotUri),
        ("https://hop1.a.test/a/../b", NotUri),
        ("https://hop1.a.test/a/%2E%2e/b", NotUri),
        ("https://hop1.a.test/.", NotUri),
        ("https://hop1.a.test:99999/", NotUri),
        ("https://hop1%2ea.test/", NotUri),
        ("https://hop1.a.test%40evil.test/", NotUri),
        ("https://x=%225", NotUri),
        ("https://hop1.a.test;evil.test/", NotUri),
        ("ftp://hop1.a.test/", NotUri),
        ("urn:uuid:8f3e", NotUri),
        ("api://8f3e", NotUri),
        ("https://hop1.a.test/mcp#x", Extra),
        ("https://hop1.a.test/mcp#", Extra),
        ("https://user@hop1.a.test/mcp", Extra),
        ("https://user:pass@hop1.a.test/mcp", Extra),
        ("https://@hop1.a.test/mcp", Extra),
        ("http://hop1.a.test/mcp", Plain),
        ("http://localhost.evil.test/", Plain),
        ("http://127.0.0.1.evil.test/", Plain),
        ("http://10.0.0.1/", Plain),
        ("http://[::ffff:10.0.0.1]/", Plain),
    ] {
        assert_eq!(Resource::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn an_identifier_is_bounded() {
    let text = |size: usize| format!("https://a.test/{}", "a".repeat(size - 15));
    assert!(Resource::parse(&text(limits::URI_BYTES_MAX)).is_ok());
    assert!(Resource::parse(&text(limits::URI_BYTES_MAX + 1)).is_err());
}

#[test]
fn metadata_is_where_rfc_9728_puts_it() {
    for (resource, uri) in [
        ("https://a.test", "https://a.test/.well-known/oauth-protected-resource"),
        ("https://a.test/", "https://a.test/.well-known/oauth-protected-resource"),
        ("https://a.test/mcp", "https://a.test/.well-known/oauth-protected-resource/mcp"),
        ("https://a.test/mcp/", "https://a.test/.well-known/oauth-protected-resource/mcp/"),
        (
            "https://a.test:8443/r?k=v",
            "https://a.test:8443/.well-known/oauth-protected-resource/r?k=v",
        ),
        ("http://[::1]:1/x/y", "http://[::1]:1/.well-known/oauth-protected-resource/x/y"),
    ] {
        assert_eq!(Resource::parse(resource).unwrap().metadata_uri(), uri);
    }
}

#[test]
fn an_issuer_is_an_origin_and_a_path() {
    for text in
        ["https://a.test", "https://a.test/", "https://a.test/tenant/v2.0", "http://localhost:1"]
    {
        assert_eq!(check_issuer(text), Ok(()), "{text}");
    }
    for text in ["https://a.test?x", "https://a.test#x", "http://a.test", "a.test"] {
        assert!(check_issuer(text).is_err(), "{text}");
    }
}

const RESOURCE: &str = "https://hop1.a.test/mcp";

fn document() -> Value {
    json!({
        "resource": RESOURCE,
        "authorization_servers": ["https://sts.a.test", "https://idp.a.test/tenant"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["files:read"],
        "resource_name": "Files",
        "resource_documentation": "https://a.test/docs",
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
        "dpop_bound_access_tokens_required": true,
        "tls_client_certificate_bound_access_tokens": true,
        "authorization_details_types_supported": ["mcp_tool"],
    })
}

fn read(document: &Value) -> Result<Metadata, MetadataError> {
    Metadata::parse(document.to_string().as_bytes(), RESOURCE)
}

#[test]
fn metadata_is_written_as_it_is_read() {
    let metadata = read(&document()).unwrap();
    let written: Value = serde_json::from_slice(&metadata.to_vec()).unwrap();
    assert_eq!(written, document(), "each member, and nothing else");
    let bare = Metadata { resource: RESOURCE.to_owned(), ..Metadata::default() };
    assert_eq!(
        String::from_utf8(bare.to_vec()).unwrap(),
        r#"{"bearer_methods_supported":["header"],"resource":"https://hop1.a.test/mcp"}"#,
        "what is empty is left out"
    );
    assert_eq!(read(&json!({"resource": RESOURCE, "x": {"y": 1}, "jwks_uri": "z"})).unwrap(), bare);
}

#[test]
fn metadata_is_about_the_resource_that_was_asked_for() {
    for resource in [
        "https://hop1.a.test/mcp/",
        "https://hop1.a.test",
        "https://HOP1.a.test/mcp",
        "https://hop1.a.test:443/mcp",
        "https://evil.test/mcp",
    ] {
        let mut document = document();
        document["resource"] = json!(resource);
        assert_eq!(read(&document), Err(MetadataError::Resource), "{resource}");
        let any = Metadata::parse_any(document.to_string().as_bytes()).unwrap();
        assert_eq!(any.resource, resource);
    }
}

#[test]
fn each_member_of_metadata_is_what_it_has_to_be() {
    for (name, value) in [
        ("resource", json!(null)),
        ("resource", json!([RESOURCE])),
        ("resource", json!("")),
        ("resource", json!("hop1")),
        ("resource", json!("https://hop1.a.test/mcp#x")),
        ("authorization_servers", json!("https://sts.a.test")),
        ("authorization_servers", json!([1])),
        ("authorization_servers", json!(["http://sts.a.test"])),
        ("authorization_servers", json!(["https://sts.a.test?x"])),
        ("authorization_servers", json!(["javascript:alert(1)"])),
        ("scopes_supported", json!(["a b"])),
        ("scopes_supported", json!(["a", null])),
        ("scopes_supported", json!({"a": 1})),
        ("resource_name", json!(7)),
        ("resource_name", json!(null)),
        ("resource_name", json!("")),
        ("resource_name", json!("a".repeat(limits::URI_BYTES_MAX + 1))),
        ("authorization_details_types_supported", json!([""])),
        ("dpop_signing_alg_values_supported", json!(["none"])),
        ("dpop_bound_access_tokens_required", json!("true")),
        ("bearer_methods_supported", json!(["query"])),
    ] {
        let mut document = document();
        document[name] = value.clone();
        let error = Metadata::parse_any(document.to_string().as_bytes()).unwrap_err();
        assert_eq!(error, MetadataError::Member(name), "{value}");
    }
    for bytes in
        [&b"<html>"[..], b"", br#"{"resource":"https://a.test","resource":"https://b.test"}"#]
    {
        assert!(matches!(Metadata::parse_any(bytes), Err(MetadataError::Json(_))));
    }
}

#[test]
fn metadata_is_bounded() {
    let with = |count: usize| {
        let mut document = document();
        document["scopes_supported"] = json!(vec!["a"; count]);
        read(&document)
    };
    assert!(with(limits::METADATA_ENTRIES_MAX).is_ok());
    assert!(with(limits::METADATA_ENTRIES_MAX + 1).is_err());
    let mut named = document();
    named["resource_name"] = json!("a".repeat(limits::URI_BYTES_MAX));
    assert!(read(&named).is_ok());
    let text = document().to_string();
    let padded = |size: usize| text.clone() + &" ".repeat(size - text.len());
    assert!(Metadata::parse_any(padded(limits::METADATA_BYTES_MAX).as_bytes()).is_ok());
    assert!(Metadata::parse_any(padded(limits::METADATA_BYTES_MAX + 1).as_bytes()).is_err());
}

#[test]
fn one_target_has_many_spellings_and_is_no_other() {
    let uri = "https://hop1.a.test/mcp";
    for (said, configured, is_same) in [
        (uri, uri, true),
        ("https://hop1.a.test/mcp?x=1", uri, true),
        ("https://hop1.a.test/mcp#x", uri, true),
        ("https://HOP1.A.TEST:443/mcp", uri, true),
        ("https://hop1.a.test/", "https://hop1.a.test", true),
        ("https://hop1.a.test", "https://hop1.a.test/", true),
        ("https://hop1.a.test/mcp", "https://hop1.a.test/mcp?x", true),
        ("https://hop1.a.test/mcp/", uri, false),
        ("https://hop1.a.test/mcpx", uri, false),
        ("https://hop1.a.test/x?/mcp", uri, false),
        ("https://hop1.a.test/%6dcp", uri, false),
        ("https://hop1.a.test.evil.test/mcp", uri, false),
        ("http://hop1.a.test/mcp", uri, false),
        ("", uri, false),
    ] {
        assert_eq!(is_same_target(said, configured), is_same, "{said} {configured}");
    }
}
