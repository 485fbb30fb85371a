use std::collections::BTreeSet;

use policy::limits::{ENTITIES_MAX, ID_BYTES_MAX, POLICIES_BYTES_MAX, POLICIES_MAX, TOOLS_MAX};
use policy::{CODES, Declared, LoadError, Policies, Source, World};

use super::{HOP1, HOP2, edge, hop1, server};

fn refused(text: &str) -> LoadError {
    Policies::parse(&[Source { name: "p.cedar", text }]).expect_err(text)
}

const ALL: &str = "permit (principal, action, resource);";

#[test]
fn what_the_schema_does_not_have_is_refused_with_its_place() {
    let whole = |condition: &str| {
        format!("@id(\"a\")\npermit (principal, action, resource)\nwhen {{ {condition} }};\n")
    };
    for (text, code, line, column, said) in [
        (whole("context.depht < 3"), "policy.invalid", 3, 8, "depht"),
        (whole("context.depth < \"3\""), "policy.invalid", 3, 24, "Long"),
        (whole("resource.owner == principal"), "policy.invalid", 3, 8, "owner"),
        (whole("context.agent == User::\"x\""), "policy.invalid", 3, 25, "User"),
        (
            "@id(\"a\")\npermit (principal, action == Action::\"delete\", resource);".to_owned(),
            "policy.invalid",
            2,
            30,
            "delete",
        ),
        (
            whole("context.revoked && !context.revoked && 1 == 2"),
            "policy.invalid",
            1,
            1,
            "impossible",
        ),
        (whole("context.depth <"), "policy.syntax", 3, 24, "unexpected"),
        (whole("ip(\"10.0.0.1\").isLoopback() + 1"), "policy.invalid", 3, 8, ""),
    ] {
        let error = refused(&text);
        let is_meant = |fault: &&policy::Fault| {
            fault.line == line && fault.column == column && fault.to_string().contains(said)
        };
        let fault = error.faults.iter().find(is_meant);
        assert_eq!(fault.map(|fault| fault.code), Some(code), "{text}: {error}");
        assert!(error.to_string().starts_with("p.cedar:"), "{error}");
    }
}

#[test]
fn every_fault_is_told_not_only_the_first() {
    let text = "@id(\"a\") permit (principal, action, resource) when { context.x };\n\
                @id(\"b\") permit (principal, action, resource) when { context.y };\n";
    let mut lines: Vec<_> = refused(text).faults.iter().map(|fault| fault.line).collect();
    lines.dedup();
    assert_eq!(lines, [1, 2]);
}

#[test]
fn a_policy_has_a_name_of_its_own() {
    let text = format!("// A \"comment; with\"\n@id(\"a;\\\"b\") {ALL}\n\n  {ALL} @id(\"\") {ALL}");
    let error = refused(&text);
    let places: Vec<_> =
        error.faults.iter().map(|fault| (fault.code, fault.line, fault.column)).collect();
    assert_eq!(places, [("policy.unnamed", 4, 3), ("policy.unnamed", 4, 41)], "{error}");
    let twice = refused(&format!("@id(\"a\") {ALL}\n@id(\"a\") {ALL}"));
    assert_eq!((twice.code(), twice.faults[0].line), ("policy.repeated", 2));
    let one = format!("@id(\"a\") {ALL}");
    let files = ["x", "y"].map(|name| Source { name, text: &one });
    let error = Policies::parse(&files).expect_err("one name in two files");
    assert_eq!((error.code(), error.faults[0].file.as_str()), ("policy.repeated", "y"));
}

#[test]
fn a_template_is_refused() {
    let error = refused("@id(\"t\") permit (principal == ?principal, action, resource);");
    assert_eq!(error.code(), "policy.template");
}

#[test]
fn a_policy_that_reads_a_mapping_asks_first_whether_there_is_one() {
    let reads = "@id(\"a\") forbid (principal, action, resource) when { GUARD context.mapped.action == \"x\" };";
    let error = refused(&reads.replace("GUARD", ""));
    assert_eq!(error.code(), "policy.invalid");
    let guarded = reads.replace("GUARD", "context has mapped &&");
    assert!(Policies::parse(&[Source { name: "p", text: &guarded }]).is_ok());
}

#[test]
fn the_built_in_policies_are_valid_and_named() {
    let ids = Policies::built_in().unwrap().ids();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert!(policy::DEFAULT.lines().count() <= 32, "a start that fits a screen");
}

#[test]
fn policies_have_bounds() {
    let id = |length| format!("@id(\"{}\") {ALL}", "i".repeat(length));
    assert!(Policies::parse(&[Source { name: "p", text: &id(ID_BYTES_MAX) }]).is_ok());
    assert_eq!(refused(&id(ID_BYTES_MAX + 1)).code(), "policy.size");
    let padded = |bytes: usize| " ".repeat(bytes);
    assert!(Policies::parse(&[Source { name: "p", text: &padded(POLICIES_BYTES_MAX) }]).is_ok());
    assert_eq!(refused(&padded(POLICIES_BYTES_MAX + 1)).code(), "policy.size");
    let one = |n: usize| format!("@id(\"{n}\") {ALL}\n");
    let many = |count| (0..count).map(one).collect::<Vec<_>>().concat();
    assert!(Policies::parse(&[Source { name: "p", text: &many(POLICIES_MAX) }]).is_ok());
    assert_eq!(refused(&many(POLICIES_MAX + 1)).code(), "policy.size");
}

#[test]
fn a_world_has_bounds_and_no_name_twice() {
    let servers = |count| -> Vec<_> {
        (0..count).map(|n| server(&format!("https://{n}.test/mcp"), &[], &[])).collect()
    };
    let of = |servers, edges| World::new(&Declared { servers, edges });
    assert!(of(servers(ENTITIES_MAX), Vec::new()).is_ok());
    let error = of(servers(ENTITIES_MAX + 1), Vec::new()).unwrap_err();
    assert_eq!(error.code(), "policy.world");
    let edges = |count: usize| {
        (0..count).map(|n| edge(HOP1, &format!("https://{n}.test/mcp"), hop1())).collect::<Vec<_>>()
    };
    assert!(of(Vec::new(), edges(ENTITIES_MAX)).is_ok());
    assert!(of(Vec::new(), edges(ENTITIES_MAX + 1)).is_err());
    let tools = |count: usize| {
        let mut server = server(HOP1, &[], &[]);
        server.tools = (0..count).map(|n| (n.to_string(), BTreeSet::new())).collect();
        vec![server]
    };
    assert!(of(tools(TOOLS_MAX), Vec::new()).is_ok());
    assert!(of(tools(TOOLS_MAX + 1), Vec::new()).is_err());
    let two = vec![server(HOP1, &["a"], &[]), server(HOP1, &["b"], &[])];
    assert!(of(two, Vec::new()).is_err(), "two servers of one name");
    let mut other = edge(HOP1, HOP2, hop1());
    other.ttl_s = 1;
    assert!(
        of(Vec::new(), vec![edge(HOP1, HOP2, hop1()), other]).is_err(),
        "two edges of one pair"
    );
}

#[test]
fn each_code_stands_in_the_table_once() {
    let sources: String = ["fault", "policies", "request", "verdict", "world"]
        .map(|file| {
            let path = format!("{}/src/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).unwrap()
        })
        .concat();
    for (code, meaning) in CODES {
        assert!(sources.contains(&format!("\"{code}\"")), "{code} is used");
        assert!(meaning.ends_with('.'), "{code}");
        assert_eq!(CODES.iter().filter(|(other, _)| other == code).count(), 1, "{code}");
    }
    let used = sources.split('"').filter(|text| {
        text.strip_prefix("policy.").is_some_and(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        })
    });
    for code in used {
        assert!(CODES.iter().any(|(known, _)| known == &code), "{code} is in the table");
    }
}
