//! The vectors, made anew.

use audit::Record;
use audit::commit::{self, Held, Leaf};
use audit::signer::TailKey;
use serde_json::{Value, json};

/// The text of `vectors/audit.json`.
pub(crate) fn text() -> String {
    let vectors =
        json!({ "leaves": leaves(), "roots": roots(), "tail": tail(), "records": records() });
    format!("{vectors:#}\n")
}

fn values() -> Vec<Leaf> {
    let held = [
        ("", Held::Exact(json!({}))),
        ("/mrn", Held::Exact(json!("0012345"))),
        ("/a~1b/~0", Held::Exact(json!([]))),
        ("/n", Held::Exact(json!(-7))),
        ("/half", Held::Exact(json!(0.5))),
        ("/none", Held::Exact(Value::Null)),
        ("/\u{e9}", Held::Exact(json!("\u{20ac}\u{1f600}\n"))),
        ("/big", Held::Source("12345678901234567890".to_owned())),
        ("/lone", Held::Source("\"\\ud800\"".to_owned())),
    ];
    let leaf = |(n, (path, value)): (u8, (&str, Held))| Leaf {
        salt: [n; 16],
        path: path.to_owned(),
        value,
    };
    (0..).zip(held).map(leaf).collect()
}

fn leaves() -> Vec<Value> {
    let shown = |leaf: &Leaf| {
        let salt = leaf.salt.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let (form, value) = match &leaf.value {
            Held::Exact(value) => ("exact", value.clone()),
            Held::Source(text) => ("source", json!(text)),
        };
        json!({ "salt": salt, "path": leaf.path, form: value, "commitment": leaf.commitment() })
    };
    values().iter().map(shown).collect()
}

/// The root over the first leaves, for each number of them.
fn roots() -> Vec<Value> {
    let leaves = values();
    let first = |count| leaves.iter().take(count).cloned().collect::<Vec<_>>();
    (1..=leaves.len()).map(|count| json!(commit::root(&first(count)))).collect()
}

fn tail() -> Value {
    let mut key = TailKey::new([9; 32]);
    let first = key.to_hex();
    let frames: Vec<_> = (0..4_u8)
        .map(|n| {
            let mac = key.mac(&[n; 40]);
            key.ratchet();
            let mac = mac.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            json!({ "byte": n, "mac": mac })
        })
        .collect();
    json!({ "key": first, "frames": frames })
}

/// Texts, each with the code of its refusal, or none.
fn records() -> Vec<Value> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let gap = format!(
        "{{\"gap\":{{\"cause\":\"disk-full\",\"count\":3,\"from\":\"2026-11-25T12:00:00.000Z\",\
         \"to\":\"2026-11-25T12:00:01.000Z\"}},\"id\":\"019abc12-3456-7abc-8def-0123456789ab\",\
         \"kind\":\"gap\",\"log_id\":\"audit.example/one\",\"observed_by\":{{\"build_digest\":\
         \"{digest}\",\"config_digest\":\"{digest}\",\"workload\":\"guard-1\"}},\"prev\":\"{digest}\",\
         \"seq\":7,\"t\":{{\"mono\":\"18446744073709551615\",\"skew_ms\":-3,\"src\":\"ntp\",\"wall\":\
         \"2026-11-25T12:00:01.000Z\"}},\"v\":1,\"vantage\":\"guard\"}}"
    );
    let texts = [
        gap.clone(),
        gap.replacen("\"seq\":7", "\"seq\":9007199254740991", 1),
        gap.replacen("\"seq\":7", "\"seq\":9007199254740992", 1),
        gap.replacen("\"seq\":7", "\"seq\":-1", 1),
        gap.replacen("\"seq\":7", "\"seq\":7.0", 1),
        gap.replacen(':', ": ", 1),
        gap.replacen("\"v\":1", "\"v\":1,\"v\":1", 1),
        gap.replacen("\"v\":1", "\"v\":2", 1),
        gap.replacen("\"v\":1,", "\"trace\":null,\"v\":1,", 1),
        gap.replacen("\"v\":1,", "\"v\":1,\"value\":\"x\",", 1),
        gap.replacen("disk-full", "the disk is full", 1),
        gap.replacen("7abc", "4abc", 1),
        gap.replacen("\"kind\":\"gap\"", "\"kind\":\"clock\"", 1),
        gap.replacen("guard-1", "gu\\u0061rd-1", 1),
        "[]".to_owned(),
        gap.replacen('}', "", 1),
    ];
    let judged = |text: &String| {
        let code = Record::read(text.as_bytes()).err().map(|error| error.code());
        json!({ "text": text, "refused": code })
    };
    texts.iter().map(judged).collect()
}
