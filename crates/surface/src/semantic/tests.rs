use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::digest::Digest;
use crate::limits;

mod noise;

use noise::{Noise, tool};

fn semantic(tool: &Value) -> Digest {
    Digest::of(&normalize(Kind::Tool, tool))
}

/// Cases that also stand in the published vectors.
#[test]
fn what_carries_meaning_beside_each_step_differs() {
    let steps = include_str!("../../examples/vectors/steps.json");
    let steps: Vec<Value> = serde_json::from_str(steps).expect("the cases are JSON");
    for step in &steps {
        let list = |name: &str| step[name].as_array().expect("a list of tools").clone();
        let form = semantic(&list("same")[0]);
        for same in list("same") {
            assert_eq!(semantic(&same), form, "{}: {same}", step["step"]);
        }
        for different in list("different") {
            assert_ne!(semantic(&different), form, "{}: {different}", step["step"]);
        }
    }
}

/// A definition that only another unnamed one names: whichever stands first.
#[test]
fn definitions_that_name_each_other_have_one_form_in_any_order() {
    let of = |definitions: &str| {
        let text = format!(r#"{{"inputSchema":{{"type":"object","$defs":{definitions}}}}}"#);
        semantic(&serde_json::from_str(&text).expect("JSON"))
    };
    let (a, b) = (r##""A":{"$ref":"#/$defs/B"}"##, r#""B":{"type":"string"}"#);
    assert_eq!(of(&format!("{{{a},{b}}}")), of(&format!("{{{b},{a}}}")));
    let c = r##""C":{"$ref":"#/$defs/A"}"##;
    assert_eq!(of(&format!("{{{a},{b},{c}}}")), of(&format!("{{{c},{b},{a}}}")));
}

#[test]
fn only_tools_have_schemas() {
    let item = json!({ "annotations": {}, "inputSchema": { "additionalProperties": false } });
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Tool) {
        assert_eq!(normalize(kind, &item), item);
    }
}

#[test]
fn each_noise_is_heard() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tools: Vec<_> =
        (0..64).map(|_| tool().new_tree(&mut runner).expect("a tool").current()).collect();
    for noise in Noise::ALL {
        let changed = tools.iter().filter(|tool| &noise.applied(tool, 7) != *tool).count();
        assert!(changed >= 8, "{noise:?} changes only {changed} of {} tools", tools.len());
    }
}

proptest! {
    #[test]
    fn the_form_of_a_form_is_itself(tool in tool()) {
        let form = normalize(Kind::Tool, &tool);
        prop_assert_eq!(normalize(Kind::Tool, &form), form);
    }

    #[test]
    fn any_schema_has_a_stable_form(schema in noise::junk()) {
        let form = normalize(Kind::Tool, &json!({ "inputSchema": schema }));
        prop_assert_eq!(normalize(Kind::Tool, &form), form);
    }

    #[test]
    fn noise_is_not_heard_in_the_digest(tool in tool(), seed in any::<u64>()) {
        for noise in Noise::ALL {
            let image = noise.applied(&tool, seed);
            prop_assert_eq!(semantic(&image), semantic(&tool), "{:?}: {}", noise, image);
        }
    }

    #[test]
    fn all_noise_at_once_is_not_heard(tool in tool(), seed in any::<u64>()) {
        let image = Noise::ALL.iter().fold(tool.clone(), |tool, noise| noise.applied(&tool, seed));
        prop_assert_eq!(semantic(&image), semantic(&tool), "{}", image);
    }
}

/// `count` definitions of which each holds the next one `width` times.
fn chain(count: usize, width: usize) -> Value {
    let next = |n: usize| json!({ "$ref": format!("#/$defs/d{n}") });
    let definition = |n: usize| (format!("d{n}"), json!({ "anyOf": vec![next(n + 1); width] }));
    let mut defs: Map<_, _> = (0..count).map(definition).collect();
    defs.insert(format!("d{count}"), json!({ "additionalProperties": false }));
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

fn input_form(schema: &Value) -> Value {
    normalize(Kind::Tool, &json!({ "inputSchema": schema }))["inputSchema"].take()
}

#[test]
fn references_that_explode_are_left_as_sent() {
    let bomb = chain(40, 4);
    assert_eq!(input_form(&bomb), bomb);
}

#[test]
fn references_are_followed_as_deep_as_the_limit() {
    // The root, `count` links and the last definition, each a node and a `$ref`.
    let deepest = limits::INLINE_DEPTH_MAX / 2 - 1;
    let at_limit = chain(deepest, 1);
    assert_ne!(input_form(&at_limit), at_limit);
    let past = chain(deepest + 1, 1);
    assert_eq!(input_form(&past), past);
}

#[test]
fn a_schema_grows_as_far_as_the_limit() {
    let schema = |times: usize, text: usize| {
        let defs = json!({ "d": { "description": "x".repeat(text) } });
        json!({ "anyOf": vec![json!({ "$ref": "#/$defs/d" }); times], "$defs": defs })
    };
    let grows = |schema: &Value| input_form(schema) != *schema;
    // Each use costs the description and 30 for the reference and its keywords; the root costs 6.
    let uses = 30;
    let text = (limits::INLINE_WEIGHT_MIN - 6) / uses - 30;
    assert!(grows(&schema(uses, text)));
    assert!(!grows(&schema(uses, text + 1)));
    assert!(grows(&schema(limits::INLINE_GROWTH_MAX / 2, 10 * limits::INLINE_WEIGHT_MIN)));
    assert!(!grows(&schema(limits::INLINE_GROWTH_MAX * 2, 10 * limits::INLINE_WEIGHT_MIN)));
}

#[test]
fn references_that_cannot_be_followed_leave_the_schema_as_sent() {
    for reference in ["#/$defs/none", "#anchor", "#/$defs/a%20b", "#/required"] {
        let schema = json!({
            "properties": { "a": { "$ref": reference } }, "required": ["b", "a"],
            "$defs": { "a b": {} },
        });
        assert_eq!(input_form(&schema), schema);
    }
    for moved in [
        json!({ "properties": { "a": { "$id": "x", "properties": { "b": { "$ref": "#" } } } } }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$id": "x", "required": ["b", "a"] } } }),
        json!({ "anyOf": [{ "$dynamicRef": "#a" }, { "$ref": "#" }], "required": ["b", "a"] }),
    ] {
        assert_eq!(input_form(&moved), moved);
    }
}
