//! Writes the published vectors under `vectors/`; the same bytes each time.
//!
//! ```text
//! cargo run -p countersign-surface --example vectors
//! ```

use std::error::Error;
use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use surface::{CacheScope, Digest, Digests, Kind, canonical, digest, document, semantic};
use wire::{Document, Policy};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    for (name, mut vectors) in [
        ("canonical.json", json!({ "accepted": accepted()?, "refused": refused()? })),
        ("semantic.json", steps()?),
        ("surface.json", surfaces()?),
    ] {
        vectors.sort_all_objects();
        let text = serde_json::to_string_pretty(&vectors)? + "\n";
        std::fs::write(directory.join(name), text)?;
    }
    Ok(())
}

fn accepted() -> Result<Vec<Value>, Box<dyn Error>> {
    let random = random_inputs()?;
    let inputs = WRITTEN.iter().map(|input| (*input).to_owned()).chain(random);
    let case = |input: String| -> Result<Value, Box<dyn Error>> {
        let document = Document::parse(input.as_bytes(), &Policy::default())?;
        let canonical = canonical::to_vec(&surface::json::exact(document.root())?);
        let digest = Digest::of_bytes(&canonical);
        let canonical = String::from_utf8(canonical)?;
        Ok(json!({ "input": input, "canonical": canonical, "digest": digest }))
    };
    inputs.map(case).collect()
}

/// JSON texts as serialisers write them, from a fixed seed.
fn random_inputs() -> Result<Vec<String>, Box<dyn Error>> {
    let mut runner = TestRunner::deterministic();
    let strategy = value();
    let mut inputs = Vec::new();
    while inputs.len() < RANDOM_COUNT {
        let value =
            strategy.new_tree(&mut runner).map_err(|reason| reason.message().to_owned())?.current();
        let input = if inputs.len() % 2 == 0 {
            value.to_string()
        } else {
            serde_json::to_string_pretty(&value)?
        };
        // A random double may be written as an integer beyond 2^53, which is refused.
        let document = Document::parse(input.as_bytes(), &Policy::default())?;
        if document.notes().is_empty() {
            inputs.push(input);
        }
    }
    Ok(inputs)
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~]{0,12}",
        vec(any::<char>(), 0..8).prop_map(String::from_iter),
        vec(prop::sample::select(CHARACTERS.to_vec()), 0..8).prop_map(String::from_iter),
    ];
    let scalar = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        2 => prop::num::f64::NORMAL.prop_map(Value::from),
        1 => prop::num::f64::SUBNORMAL.prop_map(Value::from),
        2 => (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 1000.0)),
        5 => text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(text.clone(), inner, 0..5).prop_map(|members| json!(members)),
        ]
    })
}

fn refused() -> Result<Vec<Value>, Box<dyn Error>> {
    let case = |input: &&str| -> Result<Value, Box<dyn Error>> {
        let read = Document::parse(input.as_bytes(), &Policy::default());
        let read = read.and_then(|document| surface::json::exact(document.root()).map(|_| ()));
        let Err(refusal) = read else { return Err(format!("{input} is not refused").into()) };
        Ok(json!({ "input": input, "code": refusal.code.as_str(), "offset": refusal.offset }))
    };
    REFUSED.iter().map(case).collect()
}

/// Adds to each case its semantic form and both digests.
fn steps() -> Result<Value, Box<dyn Error>> {
    let mut steps: Vec<Value> = serde_json::from_str(include_str!("vectors/steps.json"))?;
    for step in &mut steps {
        for list in ["same", "different"] {
            let Some(tools) = step.get_mut(list).and_then(Value::as_array_mut) else { continue };
            for tool in tools {
                let form = semantic::normalize(Kind::Tool, tool);
                let digests = Digests::of_item(Kind::Tool, tool);
                *tool = json!({ "tool": tool, "form": form, "digests": digests });
            }
        }
    }
    Ok(steps.into())
}

fn surfaces() -> Result<Value, Box<dyn Error>> {
    let documents: Vec<Value> = serde_json::from_str(include_str!("vectors/documents.json"))?;
    let case = |document: &Value| -> Result<Value, Box<dyn Error>> {
        let text = document.to_string();
        let scanned = Document::parse(text.as_bytes(), &document::POLICY)?;
        let surface = document::read(scanned.root())?;
        let printed = document::write(&surface, CacheScope::Private, document::Detail::Fields);
        Ok(json!({ "document": document, "printed": printed, "mtl1": digest::mtl1(&surface) }))
    };
    documents.iter().map(case).collect()
}

const RANDOM_COUNT: usize = 512;

/// Characters around which implementations differ: escapes, controls, surrogate borders, forms.
const CHARACTERS: [char; 24] = [
    '"',
    '\\',
    '/',
    '\0',
    '\u{8}',
    '\t',
    '\n',
    '\u{c}',
    '\r',
    '\u{1f}',
    ' ',
    '<',
    '\u{7f}',
    '\u{80}',
    'é',
    '\u{301}',
    '\u{2028}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{fb33}',
    '\u{feff}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
];

const WRITTEN: [&str; 23] = [
    "null",
    " true ",
    "-0",
    "-0.0",
    "1.0",
    "1e2",
    "1E+2",
    "0.1e1",
    "9007199254740991",
    "-9007199254740991",
    "1e21",
    "0.000001",
    "1e-7",
    "5e-324",
    "1.7976931348623157e308",
    "333333333.3333333",
    r#""\u0041\u00e9\/\b\f\n\r\t\u0000\u007f\u2028""#,
    r#""\ud83d\ude00 😀 e\u0301 é""#,
    "[]",
    "{ }",
    r#"{"b":[1,{"d":2,"c":3}],"a":{}}"#,
    r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#,
    r#"{"":1,"a":2,"A":3,"aa":4,"é":5}"#,
];

const REFUSED: [&str; 18] = [
    "",
    "{} {}",
    "[1,]",
    r#"{"a":1,"a":2}"#,
    r#"{"a":1,"\u0061":2}"#,
    r#""\ud83d""#,
    r#"["\ude00\ud83d"]"#,
    "9007199254740992",
    "-9007199254740993",
    "22e15",
    "999999999999999900000.0",
    "1e400",
    "0.1000000000000000055511151231257827",
    "01",
    "NaN",
    "'a'",
    "\"\t\"",
    "\u{feff}{}",
];
