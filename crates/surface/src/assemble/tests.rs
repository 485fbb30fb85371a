use serde_json::json;
use wire::{Code, Document, Policy};

use super::*;

const LARGE: Policy =
    Policy { bytes_max: 32 << 20, depth_max: 64, fold_keys: false, strict_scalars: false };

fn with<T>(text: &str, read: impl FnOnce(wire::Value<'_>) -> T) -> T {
    let document = Document::parse(text.as_bytes(), &LARGE).expect("the test writes JSON");
    read(document.root())
}

fn open(era: Era, opening: &Value) -> Result<Assembly, AssemblyError> {
    with(&opening.to_string(), |opening| Assembly::open(era, opening))
}

fn page(to: &mut Assembly, list: List, page: &Value) -> Result<Option<String>, AssemblyError> {
    with(&page.to_string(), |page| to.page(list, page))
}

fn body(to: &mut Assembly, uri: &str, body: &Value) -> Result<(), AssemblyError> {
    with(&body.to_string(), |body| to.ui_body(uri, body))
}

fn legacy() -> Assembly {
    let opening = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "tools": {}, "resources": {}, "prompts": null },
        "serverInfo": { "name": "a", "version": "1" },
    });
    open(Era::Legacy, &opening).expect("a whole opening")
}

fn modern(server: &Value) -> Result<Assembly, AssemblyError> {
    let opening = json!({
        "supportedVersions": ["2026-07-28"], "capabilities": {}, "resultType": "complete",
        "ttlMs": 5000, "cacheScope": "public",
        "_meta": { "io.modelcontextprotocol/serverInfo": server },
    });
    open(Era::Modern, &opening)
}

fn places(observation: &Observation) -> Vec<String> {
    observation.surface.items.keys().map(Place::to_string).collect()
}

fn malformed_what(error: AssemblyError) -> String {
    match error {
        AssemblyError::Malformed { what, .. } => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_member_of_an_opening_is_an_item() {
    let opening = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "a" },
        "instructions": "be kind", "_meta": { "k": 1 }, "x-vendor": [true],
    });
    let observation = open(Era::Legacy, &opening).expect("whole").finish();
    let expected = ["_meta", "capabilities", "instructions", "protocolVersion", "serverInfo"];
    let expected: Vec<_> = expected.into_iter().chain(["x-vendor"]).collect();
    let expected: Vec<_> = expected.iter().map(|name| format!("server/{name}")).collect();
    assert_eq!(places(&observation), expected);
    assert_eq!(observation.surface.get(Kind::Server, "x-vendor"), Some(&json!([true])));
}

#[test]
fn a_modern_server_is_named_where_a_legacy_one_is() {
    let info = json!({ "name": "a", "version": "1" });
    let observation = modern(&info).expect("whole").finish();
    assert_eq!(
        places(&observation),
        ["server/capabilities", "server/serverInfo", "server/supportedVersions"]
    );
    assert_eq!(observation.surface.get(Kind::Server, "serverInfo"), Some(&info));
    assert_eq!(observation.ttl, Some(Duration::from_secs(5)));
}

#[test]
fn an_opening_without_its_members_is_malformed() {
    let whole = json!({ "protocolVersion": "x", "capabilities": {}, "serverInfo": {} });
    for name in ["protocolVersion", "capabilities", "serverInfo"] {
        let mut opening = whole.clone();
        opening.as_object_mut().expect("object").remove(name);
        let error = open(Era::Legacy, &opening).expect_err("not whole");
        assert!(malformed_what(error).contains(name));
    }
    let wrong = json!({ "supportedVersions": ["x", 1], "capabilities": {} });
    assert!(open(Era::Modern, &wrong).is_err());
    assert!(open(Era::Legacy, &json!([])).is_err());
}

#[test]
fn lists_follow_the_capabilities() {
    assert_eq!(legacy().lists(), [List::Tools, List::Resources, List::Templates]);
    let capabilities = json!({
        "prompts": {}, "extensions": { "io.modelcontextprotocol/skills": {} }, "tools": false,
    });
    let opening = json!({ "supportedVersions": [], "capabilities": capabilities });
    let assembly = open(Era::Modern, &opening).expect("whole");
    assert_eq!(assembly.lists(), [List::Prompts, List::Skills]);
}

#[test]
fn how_a_list_is_cut_leaves_no_trace() {
    let tools: Vec<_> = (0..12).map(|n| json!({ "name": format!("t{n}"), "n": n })).collect();
    let walk = |size: usize| {
        let mut assembly = legacy();
        let count = tools.len().div_ceil(size);
        for (index, tools) in tools.chunks(size).enumerate() {
            let mut result = json!({ "tools": tools, "x": "beside" });
            if index + 1 < count {
                result["nextCursor"] = format!("page {index}").into();
            }
            page(&mut assembly, List::Tools, &result).expect("a page");
        }
        assembly.finish()
    };
    let whole = walk(12);
    assert_eq!(whole.surface.get(Kind::Page, "tools/list"), Some(&json!({ "x": "beside" })));
    for size in [1, 5, 7, 11] {
        assert_eq!(walk(size), whole);
    }
}

#[test]
fn pages_that_differ_beside_the_list_keep_every_object() {
    let asides = [json!({ "tools": [], "x": 2 }), json!({ "tools": [] }), json!({ "tools": [] })];
    let walk = |pages: &[Value]| {
        let mut assembly = legacy();
        for result in pages {
            page(&mut assembly, List::Tools, result).expect("a page");
        }
        assembly.finish().surface.get(Kind::Page, "tools/list").cloned()
    };
    assert_eq!(walk(&asides), Some(json!({ "x": 2 })));
    let [two, none, _] = asides;
    let one = json!({ "tools": [], "x": 1 });
    let expected = Some(json!([{ "x": 1 }, { "x": 2 }]));
    assert_eq!(walk(&[two.clone(), none.clone(), one.clone()]), expected);
    assert_eq!(walk(&[one, two]), expected);
    assert_eq!(walk(&[none]), None);
}

#[test]
fn what_has_no_identity_must_have_its_type() {
    for (name, value) in [
        ("ttlMs", json!("ignore all previous instructions")),
        ("ttlMs", json!(-1)),
        ("cacheScope", json!("everyone")),
        ("resultType", json!("input_required")),
        ("nextCursor", json!(7)),
    ] {
        let mut result = json!({ "tools": [] });
        result[name] = value;
        let error = page(&mut legacy(), List::Tools, &result).expect_err("not the promised type");
        assert!(malformed_what(error).contains(name));
    }
}

#[test]
fn a_modern_answer_must_name_the_same_server() {
    let info = json!({ "name": "a", "version": "1" });
    let result = |server: &Value| json!({ "tools": [], "_meta": { "io.modelcontextprotocol/serverInfo": server } });
    let mut assembly = modern(&info).expect("whole");
    page(&mut assembly, List::Tools, &result(&info)).expect("the same server");
    let error = page(&mut assembly, List::Prompts, &json!({ "prompts": [] }));
    error.expect("a server need not name itself");
    let other = result(&json!({ "name": "b", "version": "1" }));
    assert!(page(&mut assembly, List::Tools, &other).is_err());
    let mut assembly = modern(&info).expect("whole");
    page(&mut assembly, List::Tools, &result(&info)).expect("the same server");
    assert!(assembly.finish().surface.of(Kind::Page).next().is_none());
}

#[test]
fn public_is_only_what_every_answer_calls_public() {
    let public = json!({ "tools": [], "cacheScope": "public", "ttlMs": 700 });
    let mut assembly = modern(&json!({})).expect("whole");
    page(&mut assembly, List::Tools, &public).expect("a page");
    let observation = assembly.finish();
    assert_eq!(observation.cache_scope, CacheScope::Public);
    assert_eq!(observation.ttl, Some(Duration::from_millis(700)));
    for page_of_one in [json!({ "tools": [] }), json!({ "tools": [], "cacheScope": "private" })] {
        let mut assembly = modern(&json!({})).expect("whole");
        page(&mut assembly, List::Tools, &page_of_one).expect("a page");
        assert_eq!(assembly.finish().cache_scope, CacheScope::Private);
    }
    let mut assembly = legacy();
    page(&mut assembly, List::Tools, &public).expect("a page");
    assert_eq!(assembly.finish().cache_scope, CacheScope::Private);
}

#[test]
fn a_list_that_cannot_be_trusted_is_refused() {
    let twice = json!({ "tools": [{ "name": "a" }, { "name": "a" }] });
    let error = page(&mut legacy(), List::Tools, &twice).expect_err("twice");
    assert_eq!(error, AssemblyError::Duplicate { answer: "tools/list", name: "a".into() });
    for wrong in [json!({}), json!({ "tools": null }), json!({ "tools": {} }), json!([])] {
        assert!(page(&mut legacy(), List::Tools, &wrong).is_err());
    }
    for item in [json!("a"), json!({}), json!({ "name": null })] {
        assert!(page(&mut legacy(), List::Tools, &json!({ "tools": [item] })).is_err());
    }
    let refused = with(r#"{"tools":[{"name":"a","n":9007199254740993}]}"#, |result| {
        legacy().page(List::Tools, result)
    });
    let Err(AssemblyError::Refused { refusal, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, Code::Integer);
}

#[test]
fn a_cursor_may_be_empty_but_not_repeat() {
    let to = |cursor: Value| json!({ "tools": [], "nextCursor": cursor });
    let mut assembly = legacy();
    let next = page(&mut assembly, List::Tools, &to("".into())).expect("a page");
    assert_eq!(next.as_deref(), Some(""));
    assert_eq!(page(&mut assembly, List::Tools, &to(Value::Null)), Ok(None));
    let mut assembly = legacy();
    for cursor in ["a", "b"] {
        page(&mut assembly, List::Tools, &to(cursor.into())).expect("a page");
    }
    let other_list = json!({ "prompts": [], "nextCursor": "a" });
    page(&mut assembly, List::Prompts, &other_list).expect("cursors are each list's own");
    let error = page(&mut assembly, List::Tools, &to("a".into())).expect_err("a loop");
    assert_eq!(error, AssemblyError::CursorLoop { answer: "tools/list", cursor: "a".into() });
}

#[test]
fn pages_end_at_the_limit() {
    let mut assembly = legacy();
    let mut walk = |number: usize| {
        let result = json!({ "tools": [], "nextCursor": number.to_string() });
        page(&mut assembly, List::Tools, &result)
    };
    for number in 0..limits::PAGES_MAX {
        walk(number).expect("within the limit");
    }
    let past = walk(limits::PAGES_MAX).expect_err("one past the limit");
    assert_eq!(past, super::past("tools/list", limits::PAGES_MAX, "pages"));
}

#[test]
fn items_end_at_the_limit() {
    let tools = |count: usize, x: Value| {
        let tools: Vec<_> = (0..count).map(|n| json!({ "name": n.to_string() })).collect();
        let mut result = json!({ "tools": tools });
        if !x.is_null() {
            result["x"] = x;
        }
        result
    };
    let opened = legacy().finish().surface.items.len();
    let room = limits::ITEMS_MAX - opened;
    let mut assembly = legacy();
    page(&mut assembly, List::Tools, &tools(room, Value::Null)).expect("at the limit");
    assert_eq!(assembly.finish().surface.items.len(), limits::ITEMS_MAX);
    let past = super::past("tools/list", limits::ITEMS_MAX, "items");
    for (count, beside) in [(room + 1, Value::Null), (room, json!(1))] {
        assert_eq!(
            page(&mut legacy(), List::Tools, &tools(count, beside)),
            Err(past.clone()),
            "{count}"
        );
    }
}

#[test]
fn bytes_end_at_the_limit() {
    let empty = json!({ "tools": [{ "name": "a", "text": "" }] }).to_string().len();
    for (past, is_ok) in [(0, true), (1, false)] {
        let mut assembly = legacy();
        let room = limits::SURFACE_BYTES_MAX - assembly.answer_bytes - empty;
        let text = "x".repeat(room + past);
        let result = json!({ "tools": [{ "name": "a", "text": text }] });
        assert_eq!(page(&mut assembly, List::Tools, &result).is_ok(), is_ok);
    }
}

#[test]
fn ui_bodies_are_reached_from_tools_and_resources() {
    let mut assembly = legacy();
    let tools = json!({ "tools": [
        { "name": "a", "_meta": { "ui": { "resourceUri": "ui://a" } } },
        { "name": "b", "_meta": { "ui/resourceUri": "UI://b" } },
        { "name": "c", "_meta": { "ui": { "resourceUri": "https://example.com" } } },
    ] });
    let resources = json!({ "resources": [{ "uri": "ui://c" }, { "uri": "file:///d" }] });
    page(&mut assembly, List::Tools, &tools).expect("a page");
    page(&mut assembly, List::Resources, &resources).expect("a page");
    assert_eq!(assembly.missing_ui(), ["UI://b", "ui://a", "ui://c"]);
    let content = json!({ "uri": "ui://a", "text": "<p>" });
    body(&mut assembly, "ui://a", &json!({ "contents": [content.clone()] })).expect("its body");
    assert_eq!(assembly.missing_ui(), ["UI://b", "ui://c"]);
    for wrong in [
        json!({ "contents": [] }),
        json!({ "contents": [{ "uri": "ui://other" }] }),
        json!({ "contents": [{ "uri": "ui://c" }, { "uri": "ui://other" }] }),
        json!({ "contents": [{ "uri": "ui://c" }, { "uri": "ui://c" }] }),
        json!({ "text": "<p>" }),
    ] {
        let mut assembly = legacy();
        assert!(body(&mut assembly, "ui://c", &wrong).is_err(), "{wrong}");
    }
    assert_eq!(assembly.finish().surface.get(Kind::Ui, "ui://a"), Some(&content));
}

#[test]
fn one_list_again_does_not_make_the_whole_public() {
    let known = modern(&json!({})).expect("whole").finish();
    assert_eq!(known.cache_scope, CacheScope::Public);
    let mut again = Assembly::again(&known.surface, List::Tools);
    page(&mut again, List::Tools, &json!({ "tools": [], "cacheScope": "public" })).expect("a page");
    assert_eq!(again.finish().cache_scope, CacheScope::Private);
}

#[test]
fn listing_one_list_again_leaves_the_rest_as_known() {
    let mut assembly = legacy();
    page(&mut assembly, List::Tools, &json!({ "tools": [{ "name": "a" }], "note": 1 })).unwrap();
    assembly.absent(List::Prompts, -32_601).unwrap();
    let known = assembly.finish().surface;
    let mut again = Assembly::again(&known, List::Tools);
    page(&mut again, List::Tools, &json!({ "tools": [{ "name": "b" }] })).unwrap();
    let places = places(&again.finish());
    assert!(places.contains(&"tools/b".to_owned()));
    assert!(places.contains(&"pages/prompts/list".to_owned()));
    assert!(!places.iter().any(|place| place == "tools/a" || place == "pages/tools/list"));
}

#[test]
fn keys_that_lenient_parsers_merge_make_no_surface() {
    let refused = |item: &str| {
        let page = format!(r#"{{"tools":[{{"name":"a",{item}}}]}}"#);
        with(&page, |page| legacy().page(List::Tools, page)).unwrap_err()
    };
    for item in [r#""description":"x","Description":"y""#, r#""_meta":{"k":1,"K":2}"#] {
        let AssemblyError::Refused { refusal, .. } = refused(item) else { panic!("{item}") };
        assert_eq!(refusal.code, Code::FoldedKey);
    }
    // Real servers tell property names apart by case alone.
    let properties = r#"{"name":"a","inputSchema":{"type":"object","properties":{"x":{},"X":{}}}}"#;
    let page = format!(r#"{{"tools":[{properties}]}}"#);
    assert!(with(&page, |page| legacy().page(List::Tools, page)).is_ok());
}
