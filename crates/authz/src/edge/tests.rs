#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::too_many_lines)]

use serde_json::{Value, json};

use super::*;

/// Two servers and one edge, all members written.
fn file() -> Value {
    json!({
        "version": 12,
        "servers": [
            {
                "resource": "https://hop1.a.test/mcp", "client": "hop1",
                "scopes": ["files:read", "files:write"], "neutral": ["openid"],
            },
            {
                "resource": "https://hop2.a.test/mcp", "audience": "api://hop2",
                "scopes": ["doc:get", "doc:put"],
                "tools": {
                    "get": { "scopes": ["doc:get"], "destructive": false },
                    "put": { "scopes": ["doc:put"] },
                },
            },
        ],
        "edges": [{
            "from": "https://hop1.a.test/mcp", "client": "hop1", "to": "https://hop2.a.test/mcp",
            "scopes": { "files:read": ["doc:get"], "files:write": ["doc:get", "doc:put"] },
            "assurance": { "bound": true, "auth_age_s_max": 3600 },
            "actors": ["agent"], "cycle": false, "ttl_s": 300,
            "bound_subject": "relay", "via": "local",
        }],
    })
}

fn parse(value: &Value) -> Result<Edges, EdgeError> {
    Edges::parse(value.to_string().as_bytes())
}

fn resource(text: &str) -> Resource {
    Resource::parse(text).unwrap()
}

fn set(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// What is refused when the value at `pointer` is `value`, or is gone.
fn refused(pointer: &str, value: Option<Value>) -> (String, Fault) {
    let mut file = file();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = file.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(name).unwrap()),
        (Value::Array(elements), Some(value)) if name == "-" => elements.push(value),
        (Value::Array(elements), Some(value)) => elements[name.parse::<usize>().unwrap()] = value,
        _ => panic!("nothing at {pointer}"),
    }
    let error = parse(&file).unwrap_err();
    assert_eq!(error.code(), "authz.edges.invalid");
    (error.place, error.fault)
}

#[test]
fn everything_that_a_file_says_is_read() {
    let edges = parse(&file()).unwrap();
    let (hop1, hop2) = (resource("https://hop1.a.test/mcp"), resource("https://hop2.a.test/mcp"));
    assert_eq!(edges.version(), 12);
    assert_eq!(edges.digest(), surface::Digest::of(&file()).to_string());
    let edge = edges.edge(&hop1, &hop2).unwrap();
    assert_eq!((edge.client.as_str(), edge.ttl_s, edge.may_cycle), ("hop1", 300, false));
    assert_eq!(edge.assurance, Assurance { bound: true, auth_age_s_max: Some(3600) });
    assert_eq!((edge.bound_subject, &edge.via), (BoundSubject::Relay, &Via::Local));
    assert_eq!(edge.actors, set(&["agent"]));
    assert_eq!(edge.map(&set(&["files:write", "other"])), set(&["doc:get", "doc:put"]));
    assert!(edges.edge(&hop2, &hop1).is_none());
    assert_eq!(edges.server_of("hop1").unwrap().0, &hop1);
    assert!(edges.server_of("hop2").is_none());
    assert_eq!(edges.server(&hop1).unwrap().audience, "https://hop1.a.test/mcp");
    let server = edges.server(&hop2).unwrap();
    assert_eq!(server.audience, "api://hop2");
    assert_eq!(server.neutral, set(&["offline_access", "openid"]), "unless the file says less");
    assert!(!server.tools["get"].is_destructive && server.tools["put"].is_destructive);
    let mut short = file();
    for name in ["assurance", "actors", "cycle", "ttl_s", "bound_subject", "via"] {
        short["edges"][0].as_object_mut().unwrap().remove(name);
    }
    let short = parse(&short).unwrap();
    let edge = short.edge(&hop1, &hop2).unwrap();
    assert_eq!(edge.assurance, Assurance { bound: true, auth_age_s_max: None }, "bound by default");
    assert_eq!((edge.ttl_s, edge.may_cycle, edge.actors.len()), (300, false, 0));
    assert_ne!(short.digest(), edges.digest());
}

#[test]
fn what_does_not_hold_together_is_refused_with_its_place() {
    let unknown = |scope: &str, server: &str| Fault::UnknownScope {
        scope: scope.into(),
        server: format!("https://{server}.a.test/mcp"),
    };
    let edge = "/edges/0";
    let at = |end: &str| format!("{edge}{end}");
    let from =
        Fault::NotItsClient { client: "hop2".into(), server: "https://hop1.a.test/mcp".into() };
    for (pointer, value, place, fault) in [
        (
            at("/to"),
            json!("https://hop3.a.test/mcp"),
            at("/to"),
            Fault::Server("https://hop3.a.test/mcp".into()),
        ),
        (
            at("/from"),
            json!("https://hop3.a.test/mcp"),
            at("/from"),
            Fault::Server("https://hop3.a.test/mcp".into()),
        ),
        (at("/to"), json!("https://hop1.a.test/mcp"), at(""), Fault::ToItself),
        (at("/client"), json!("hop2"), at("/client"), from),
        (at("/scopes/x"), json!(["doc:get"]), at("/scopes/x"), unknown("x", "hop1")),
        (
            at("/scopes/files:read"),
            json!(["doc:del"]),
            at("/scopes/files:read"),
            unknown("doc:del", "hop2"),
        ),
        (at("/scopes/files:read"), json!(["doc get"]), at("/scopes/files:read"), Fault::Scope),
        (at("/ttl_s"), json!(301), at("/ttl_s"), Fault::Range { min: 5, max: 300 }),
        (at("/ttl_s"), json!(4), at("/ttl_s"), Fault::Range { min: 5, max: 300 }),
        (at("/ttl_s"), json!("9"), at("/ttl_s"), Fault::Type("a number")),
        (at("/ttls"), json!(9), at(""), Fault::Unknown("ttls".into())),
        (at("/cycle"), json!(1), at("/cycle"), Fault::Type("`true` or `false`")),
        (
            at("/bound_subject"),
            json!("any"),
            at("/bound_subject"),
            Fault::Word("`relay`, `refuse`, `audience_only`"),
        ),
        (at("/via"), json!("exchange"), at(""), Fault::Missing("profile")),
        (at("/profile"), json!("entra-v2"), at(""), Fault::LocalProfile),
        (at("/assurance/age"), json!(1), at("/assurance"), Fault::Unknown("age".into())),
        (
            "/edges/-".into(),
            file()["edges"][0].clone(),
            "/edges/1".into(),
            Fault::Pair {
                from: "https://hop1.a.test/mcp".into(),
                to: "https://hop2.a.test/mcp".into(),
            },
        ),
        (
            "/version".into(),
            json!(0),
            "/version".into(),
            Fault::Range { min: 1, max: (1 << 53) - 1 },
        ),
        (
            "/servers/1/audience".into(),
            json!("https://hop1.a.test/mcp"),
            "/servers/1".into(),
            Fault::Audience("https://hop1.a.test/mcp".into()),
        ),
        (
            "/servers/1/client".into(),
            json!("hop1"),
            "/servers/1".into(),
            Fault::Client("hop1".into()),
        ),
        (
            "/servers/1/resource".into(),
            json!("https://HOP1.a.test:443/mcp"),
            "/servers/1".into(),
            Fault::Twice("https://hop1.a.test/mcp".into()),
        ),
        (
            "/servers/0/neutral".into(),
            json!(["files:read"]),
            "/servers/0".into(),
            Fault::Neutral("files:read".into()),
        ),
        (
            "/servers/0/scopes".into(),
            json!(["a", "a"]),
            "/servers/0/scopes/1".into(),
            Fault::Twice("a".into()),
        ),
        ("/servers/0/scopes/0".into(), json!(""), "/servers/0/scopes/0".into(), Fault::Length),
        (
            "/servers/0/client".into(),
            json!("c".repeat(513)),
            "/servers/0/client".into(),
            Fault::Length,
        ),
        (
            "/servers/1/tools/a~1b".into(),
            json!({ "scopes": ["x"] }),
            "/servers/1/tools/a~1b/scopes".into(),
            unknown("x", "hop2"),
        ),
    ] {
        let pointer_name = pointer.replace("a~1b", "a/b");
        let found = if pointer == pointer_name {
            refused(&pointer, Some(value))
        } else {
            let mut file = file();
            file["servers"][1]["tools"]["a/b"] = value;
            let error = parse(&file).unwrap_err();
            (error.place, error.fault)
        };
        assert_eq!(found, (place, fault), "{pointer}");
    }
    for (pointer, name) in [
        ("/version", "version"),
        ("/servers", "servers"),
        ("/edges", "edges"),
        ("/servers/0/resource", "resource"),
        ("/servers/0/scopes", "scopes"),
        ("/edges/0/from", "from"),
        ("/edges/0/to", "to"),
        ("/edges/0/client", "client"),
        ("/edges/0/scopes", "scopes"),
    ] {
        assert_eq!(refused(pointer, None).1, Fault::Missing(name));
    }
    let (place, fault) = refused("/servers/0/resource", Some(json!("http://hop1.a.test/mcp")));
    assert_eq!(place, "/servers/0/resource");
    assert_eq!(fault, Fault::Resource(crate::resource::ResourceError::Plain));
    let mut loopback = file();
    loopback["servers"][0]["resource"] = json!("http://127.0.0.1:9001/mcp");
    loopback["edges"][0]["from"] = json!("http://127.0.0.1:9001/mcp");
    assert!(parse(&loopback).is_ok(), "http is for loopback");
}

/// What is of another form, the schema refuses as we do.
#[test]
fn the_schema_and_the_reader_agree_on_the_form() {
    let schema = include_str!("../../../../docs/schema/edges.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let agree = |value: &Value, is_good: bool| {
        assert_eq!(validator.is_valid(value), is_good, "{value}");
        assert_eq!(parse(value).is_ok(), is_good, "{value}");
    };
    agree(&file(), true);
    agree(&json!({ "version": 1, "servers": [], "edges": [] }), true);
    for (pointer, value) in [
        ("/version", json!(0)),
        ("/version", json!(1.5)),
        ("/servers/0/scopes", json!(["a b"])),
        ("/servers/0/scopes", json!(["a\"b"])),
        ("/servers/0/scopes", json!(["a", "a"])),
        ("/servers/0/client", json!("")),
        ("/servers/0/resource", json!("ftp://hop1.a.test/")),
        ("/servers/1/tools/get", json!({})),
        ("/servers/1/tools/get/destructive", json!("no")),
        ("/edges/0/ttl_s", json!(4)),
        ("/edges/0/ttl_s", json!(301)),
        ("/edges/0/via", json!("else")),
        ("/edges/0/bound_subject", json!("relayed")),
        ("/edges/0/assurance/auth_age_s_max", json!(0)),
        ("/edges/0/cycle", json!(null)),
        ("/edges/0/scopes/files:read", json!("doc:get")),
    ] {
        let mut wrong = file();
        *wrong.pointer_mut(pointer).unwrap() = value;
        agree(&wrong, false);
    }
    for (pointer, name) in [("", "more"), ("/servers/0", "more"), ("/edges/0", "more")] {
        let mut wrong = file();
        wrong.pointer_mut(pointer).unwrap()[name] = json!(1);
        agree(&wrong, false);
    }
}

#[test]
fn only_strict_json_of_a_bounded_size_is_read() {
    let twice = file().to_string().replacen('{', "{\"version\":1,", 1);
    for text in ["", "[]x", "{", &twice, "{\"version\":1.5e400}"] {
        let error = Edges::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error.fault, Fault::Json(_)), "{text}: {error}");
        assert_eq!(error.place, "");
    }
    let text = file().to_string();
    let padded = |bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
    assert!(Edges::parse(padded(limits::EDGE_FILE_BYTES_MAX).as_bytes()).is_ok());
    assert!(Edges::parse(padded(limits::EDGE_FILE_BYTES_MAX + 1).as_bytes()).is_err());
    assert_eq!(Edges::parse(b"[]").unwrap_err().fault, Fault::Type("an object"));
}

#[test]
fn lists_have_bounds() {
    let server = |n: usize| json!({ "resource": format!("https://s{n}.test/"), "scopes": [] });
    let servers = |n: usize| (0..n).map(server).collect::<Vec<_>>();
    let text = |n| json!({ "version": 1, "servers": servers(n), "edges": [] }).to_string();
    assert!(Edges::parse(text(limits::SERVERS_MAX).as_bytes()).is_ok());
    let error = Edges::parse(text(limits::SERVERS_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!((error.place.as_str(), error.fault), ("/servers", Fault::TooMany(1_000)));
    let names = |n: usize| Some(json!((0..n).map(|i| format!("s{i}")).collect::<Vec<_>>()));
    assert_eq!(refused("/servers/0/scopes", names(129)).1, Fault::TooMany(limits::SCOPES_MAX));
    assert_eq!(refused("/edges/0/actors", names(65)).1, Fault::TooMany(limits::ACTORS_MAX));
    let tools = |n: usize| {
        let tools = (0..n).map(|i| (format!("t{i}"), json!({ "scopes": [] })));
        Value::Object(tools.collect())
    };
    let mut full = file();
    full["servers"][1]["tools"] = tools(limits::TOOLS_MAX);
    assert!(Edges::parse(full.to_string().as_bytes()).is_ok());
    let past = Some(tools(limits::TOOLS_MAX + 1));
    assert_eq!(refused("/servers/1/tools", past).1, Fault::TooMany(limits::TOOLS_MAX));
    let many = Some(Value::Array(vec![file()["edges"][0].clone(); limits::EDGES_MAX + 1]));
    assert_eq!(refused("/edges", many).1, Fault::TooMany(limits::EDGES_MAX));
}

#[test]
fn the_closure_is_what_can_be_reached_in_so_many_steps() {
    let server = |n: usize| {
        json!({ "resource": format!("https://h{n}.test/"), "client": format!("h{n}"),
                "scopes": ["a", "b"] })
    };
    let edge = |from: usize, to: usize, map: Value| {
        json!({ "from": format!("https://h{from}.test/"), "client": format!("h{from}"),
                "to": format!("https://h{to}.test/"), "scopes": map })
    };
    let file = json!({
        "version": 1,
        "servers": (0..4).map(server).collect::<Vec<_>>(),
        "edges": [
            edge(0, 1, json!({ "a": ["b"] })),
            edge(1, 2, json!({ "b": ["a"], "a": ["b"] })),
            edge(2, 0, json!({ "a": ["a", "b"] })),
            edge(0, 3, json!({ "b": ["a"] })),
        ],
    });
    let edges = parse(&file).unwrap();
    let of = |depth| {
        let closed = edges.closure(&resource("https://h0.test/"), &set(&["a", "unknown"]), depth);
        let short = closed.into_iter().map(|(at, scopes)| {
            (at.as_str()[9..10].parse::<u8>().unwrap(), scopes.into_iter().collect::<String>())
        });
        short.collect::<Vec<_>>()
    };
    let row =
        |row: &[(u8, &str)]| row.iter().map(|(n, s)| (*n, (*s).to_owned())).collect::<Vec<_>>();
    assert_eq!(of(0), row(&[(0, "a")]));
    assert_eq!(of(1), row(&[(0, "a"), (1, "b")]));
    assert_eq!(of(2), row(&[(0, "a"), (1, "b"), (2, "a")]));
    assert_eq!(of(3), row(&[(0, "ab"), (1, "b"), (2, "a")]));
    assert_eq!(of(4), row(&[(0, "ab"), (1, "b"), (2, "a"), (3, "a")]));
    assert_eq!(of(10), of(4));
}
