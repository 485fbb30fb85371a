//! Random tools, and what serialisers do to them.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// One kind of difference that only a serialiser makes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noise {
    Order,
    Closed,
    SafeBounds,
    Nullable,
    Dialect,
    Defaults,
    RenamedDefinitions,
    InlinedDefinitions,
    GeneratedTitles,
    NullDefaults,
}

impl Noise {
    pub(super) const ALL: [Self; 10] = [
        Self::Order,
        Self::Closed,
        Self::SafeBounds,
        Self::Nullable,
        Self::Dialect,
        Self::Defaults,
        Self::GeneratedTitles,
        Self::NullDefaults,
        Self::InlinedDefinitions,
        Self::RenamedDefinitions,
    ];

    pub(super) fn applied(self, tool: &Value, seed: u64) -> Value {
        let mut tool = tool.clone();
        let mut coin = Coin(seed | 1);
        match self {
            Self::Defaults => defaults(&mut tool, &mut coin),
            Self::Dialect => each_root(&mut tool, &mut |root| {
                let dialects = [
                    "https://json-schema.org/draft/2020-12/schema",
                    "http://json-schema.org/draft-07/schema#",
                ];
                root["$schema"] = dialects[coin.below(2)].into();
            }),
            Self::RenamedDefinitions => each_root(&mut tool, &mut rename),
            Self::InlinedDefinitions => each_root(&mut tool, &mut |root| inline(root, &mut coin)),
            _ => each_root(&mut tool, &mut |root| {
                each_node(root, &mut |name, node| {
                    if !node.contains_key("$ref") {
                        self.at_node(name, node, &mut coin);
                    }
                });
            }),
        }
        tool
    }

    fn at_node(self, name: Option<&str>, node: &mut Map<String, Value>, coin: &mut Coin) {
        let is_bare = |keyword: &str, node: &Map<String, Value>| !node.contains_key(keyword);
        match self {
            Self::Order => {
                for keyword in ["required", "type"] {
                    if let Some(Value::Array(list)) = node.get_mut(keyword) {
                        list.reverse();
                    }
                }
            }
            Self::Closed => {
                if !node.get("additionalProperties").is_some_and(Value::is_object) {
                    node.remove("additionalProperties");
                    if coin.flip() {
                        node.insert("additionalProperties".to_owned(), coin.flip().into());
                    }
                }
            }
            Self::SafeBounds => {
                let is_integer = node.get("type").is_some_and(|kind| kind == "integer");
                if is_integer && is_bare("minimum", node) && coin.flip() {
                    node.insert("minimum".to_owned(), (-9_007_199_254_740_991_i64).into());
                }
                if is_integer && is_bare("maximum", node) {
                    node.insert("maximum".to_owned(), 9_007_199_254_740_991_i64.into());
                }
            }
            Self::Nullable => respell_null(node, coin),
            Self::GeneratedTitles => {
                if let Some(name) = name.filter(|_| is_bare("title", node)) {
                    // The names of `tool` are words of small letters.
                    let word = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
                    let words: Vec<_> = name.split('_').map(word).collect();
                    node.insert("title".to_owned(), words.join(" ").into());
                }
            }
            Self::NullDefaults => {
                let types = node.get("type").and_then(Value::as_array);
                let is_nullable = types.is_some_and(|types| types.contains(&json!("null")));
                if is_nullable && is_bare("default", node) {
                    node.insert("default".to_owned(), Value::Null);
                }
            }
            _ => unreachable!("not the noise of a node"),
        }
    }
}

/// A coin that falls the same way for the same seed (xorshift).
struct Coin(u64);

impl Coin {
    fn below(&mut self, bound: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound).expect("a small bound")
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 1
    }
}

fn each_root(tool: &mut Value, change: &mut impl FnMut(&mut Value)) {
    for name in ["inputSchema", "outputSchema"] {
        if let Some(root) = tool.get_mut(name) {
            change(root);
        }
    }
}

/// Every schema, with its name if it is a property.
fn each_node(root: &mut Value, change: &mut impl FnMut(Option<&str>, &mut Map<String, Value>)) {
    fn walk(
        name: Option<&str>,
        schema: &mut Value,
        change: &mut impl FnMut(Option<&str>, &mut Map<String, Value>),
    ) {
        let Value::Object(node) = schema else { return };
        for keyword in ["properties", "$defs"] {
            if let Some(Value::Object(named)) = node.get_mut(keyword) {
                for (name, child) in named {
                    walk((keyword == "properties").then_some(name), child, change);
                }
            }
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(child) = node.get_mut(keyword) {
                walk(None, child, change);
            }
        }
        if let Some(Value::Array(branches)) = node.get_mut("anyOf") {
            for branch in branches {
                walk(None, branch, change);
            }
        }
        change(name, node);
    }
    walk(None, root, change);
}

fn defaults(tool: &mut Value, coin: &mut Coin) {
    let defaults = [
        ("readOnlyHint", false),
        ("destructiveHint", true),
        ("idempotentHint", false),
        ("openWorldHint", true),
    ];
    for (name, value) in defaults {
        if tool["annotations"].get(name).is_none() && coin.flip() {
            tool["annotations"][name] = value.into();
        }
    }
    if tool.get("execution").is_none() {
        tool["execution"] = json!({ "taskSupport": "forbidden" });
    }
}

fn respell_null(node: &mut Map<String, Value>, coin: &mut Coin) {
    let Some(Value::Array(types)) = node.get("type") else { return };
    let [only, null] = types.as_slice() else { return };
    if null != "null" || ["enum", "x-mcp-header"].iter().any(|keyword| node.contains_key(*keyword))
    {
        return;
    }
    let only = only.clone();
    if coin.flip() {
        node.insert("type".to_owned(), only);
        node.insert("nullable".to_owned(), true.into());
        return;
    }
    let annotations = ["title", "description", "default", "examples"];
    let (outer, mut branch): (Map<_, _>, Map<_, _>) = std::mem::take(node)
        .into_iter()
        .partition(|(keyword, _)| annotations.contains(&keyword.as_str()));
    branch.insert("type".to_owned(), only);
    *node = outer;
    node.insert("anyOf".to_owned(), json!([branch, { "type": "null" }]));
}

fn rename(root: &mut Value) {
    let Some(Value::Object(defs)) = root.get_mut("$defs") else { return };
    let renamed = std::mem::take(defs).into_iter().map(|(name, def)| (format!("Z{name}_"), def));
    let renamed: Map<_, _> = renamed.collect();
    root["$defs"] = renamed.into();
    each_node(root, &mut |_, node| {
        if let Some(Value::String(reference)) = node.get_mut("$ref")
            && let Some(name) = reference.strip_prefix("#/$defs/")
        {
            *reference = format!("#/$defs/Z{name}_");
        }
    });
}

/// Repeats definitions that hold no reference where they are used; drops those no longer used.
fn inline(root: &mut Value, coin: &mut Coin) {
    let Some(Value::Object(defs)) = root.get("$defs").cloned() else { return };
    for (name, def) in defs {
        let reference = format!("#/$defs/{name}");
        if def.to_string().contains("$ref") || coin.below(4) == 0 {
            continue;
        }
        each_node(root, &mut |_, node| {
            if node.get("$ref") == Some(&json!(reference)) {
                node.remove("$ref");
                node.extend(def.as_object().expect("an object").clone());
            }
        });
        root["$defs"].as_object_mut().expect("an object").remove(&name);
    }
    if root["$defs"].as_object().is_some_and(Map::is_empty) {
        root.as_object_mut().expect("an object").remove("$defs");
    }
}

/// A random tool.
pub(super) fn tool() -> impl Strategy<Value = Value> {
    let hints = btree_map(select(vec!["readOnlyHint", "destructiveHint"]), any::<bool>(), 0..2);
    (text(), hints, root(), option::of(root())).prop_map(|(description, hints, input, output)| {
        let mut tool = json!({ "name": "t", "description": description, "inputSchema": input });
        tool["annotations"] = json!(hints);
        if let Some(output) = output {
            tool["outputSchema"] = output;
        }
        tool
    })
}

/// Any JSON that uses the keywords of schemas, rightly or wrongly.
pub(super) fn junk() -> impl Strategy<Value = Value> {
    let words = [
        "$defs",
        "$id",
        "$ref",
        "$schema",
        "a",
        "additionalProperties",
        "anyOf",
        "default",
        "enum",
        "items",
        "minimum",
        "nullable",
        "properties",
        "required",
        "title",
        "type",
    ];
    let scalars = [
        json!("#"),
        json!("#/$defs/a"),
        json!("#/properties/a"),
        json!("#/anyOf/0"),
        json!("A"),
        json!("null"),
        json!("string"),
        json!(true),
        json!(null),
        json!(-9_007_199_254_740_991_i64),
    ];
    select(scalars.to_vec()).prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..3).prop_map(Value::Array),
            3 => btree_map(select(words.to_vec()), inner, 0..5).prop_map(|node| json!(node)),
        ]
    })
}

fn root() -> impl Strategy<Value = Value> {
    (object(schema().boxed()), vec(schema(), 3)).prop_map(|(mut root, defs)| {
        let reaches = |root: &Value, name: &str| root.to_string().contains(&format!("/{name}\""));
        let mut pending: Vec<_> = (0..).map(|n| format!("D{n}")).zip(defs).collect();
        // Definitions that nothing names keep their names, so only those that are used go in.
        while let Some(at) = pending.iter().position(|(name, _)| reaches(&root, name)) {
            let (name, def) = pending.remove(at);
            root["$defs"][name] = def;
        }
        root
    })
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => leaf(),
        1 => select(vec!["#", "#/$defs/D0", "#/$defs/D1", "#/$defs/D2"])
            .prop_map(|reference| json!({ "$ref": reference })),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            object(inner.clone()),
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            vec(inner, 1..4).prop_map(|branches| json!({ "anyOf": branches })),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    let names = ["name", "query", "max_results", "title", "required", "type", "minimum"];
    let closed = option::of(prop_oneof![any::<bool>().prop_map(Value::Bool), inner.clone()]);
    let parts =
        (btree_map(select(names.to_vec()), inner, 0..4), subsequence(names.to_vec(), 0..4), closed);
    parts.prop_map(|(properties, required, closed)| {
        let mut object = json!({ "type": "object", "properties": properties });
        object["required"] = json!(required);
        if let Some(closed) = closed {
            object["additionalProperties"] = closed;
        }
        object
    })
}

fn leaf() -> impl Strategy<Value = Value> {
    let types = [
        json!("string"),
        json!("integer"),
        json!("integer"),
        json!(["string", "null"]),
        json!(["integer", "null"]),
        json!(["number", "string"]),
    ];
    let extras = prop_oneof![
        3 => Just(("description", json!("it is what it is"))),
        1 => Just(("title", json!("A Title"))),
        1 => Just(("default", json!({ "required": ["b", "a"], "additionalProperties": true }))),
        1 => Just(("enum", json!(["b", "a"]))),
        1 => Just(("minimum", json!(3))),
        1 => Just(("x-mcp-header", json!("X-A"))),
    ];
    (select(types.to_vec()), vec(extras, 0..3)).prop_map(|(kind, extras)| {
        let mut leaf = json!({ "type": kind });
        for (keyword, value) in extras {
            leaf[keyword] = value;
        }
        leaf
    })
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["", "Sends a message.", "Liest é und 🐈", "a\u{200b}b"]).prop_map(str::to_owned)
}
