#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const COMMIT: &str =
    "commit:sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const TOKEN: &str = "tok:000102030405060708090a0b0c0d0e0f";
const ID: &str = "019abc12-3456-7abc-8def-0123456789ab";
const WALL: &str = "2026-11-25T12:00:00.123Z";

/// A record of `kind` in which every member is present, as JSON.
pub(crate) fn full(kind: Kind) -> Value {
    let mut record = json!({
        "v": 1, "kind": kind, "id": ID, "seq": 7, "log_id": "audit.example/one", "prev": DIGEST,
        "t": { "wall": WALL, "mono": "18446744073709551615", "src": "ntp", "skew_ms": -3 },
        "vantage": "guard",
        "observed_by": { "workload": "guard-1", "build_digest": DIGEST, "config_digest": DIGEST },
        "who": {
            "principal": { "kind": "person", "id": TOKEN },
            "auth": { "iss": "https://id.example", "method": "oidc", "aal": 2, "jti": TOKEN,
                      "cnf": COMMIT },
            "purpose_of_use": ["TREAT"], "break_glass": false,
        },
        "chain": [{ "n": 0, "kind": "agent", "actor": TOKEN, "iss": "https://id.example",
            "aud": "https://mcp.example", "scopes": ["read"], "delegation_uid": "d1",
            "parent_uid": "d0", "root_uid": "d0", "exp": WALL, "parent": COMMIT }],
        "agent": { "uid": "triage", "instance_uid": "triage-3", "version": "1.4",
            "model": { "provider": "acme", "name": "m", "version": "2" } },
        "asserted": { "reason": COMMIT, "intent": COMMIT, "turn_id": COMMIT },
        "server": { "name": "io.github.acme/ehr", "target": "https://mcp.example",
            "argv": COMMIT, "transport": "http", "identity": "https://mcp.example", "drift": "none",
            "pin": { "surface_digest": DIGEST, "log_origin": "log.example", "leaf_index": 4,
                     "checkpoint": DIGEST } },
        "op": { "method": "tools/call", "protocol_version": "2026-07-28", "tool": "read_chart",
            "tool_def_digest": DIGEST, "annotations": ["readOnlyHint"], "target": COMMIT,
            "jsonrpc_id": COMMIT },
        "data": { "classes": ["phi"], "labels": ["R"], "subjects": [TOKEN], "direction": "out",
            "bytes": 812, "withheld": [{ "class": "psychiatry", "count": 2 }] },
        "args": { "root": COMMIT, "schema": DIGEST, "disclosures_ref": ID },
        "trace": { "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
            "parent": "00f067aa0ba902b7", "sampled": true },
        "retention": { "class": "hipaa", "until": WALL, "holds": [ID] },
    });
    let name = serde_json::to_value(kind).unwrap();
    record[name.as_str().unwrap()] = own(kind);
    if matches!(kind, Kind::Decision | Kind::Outcome) {
        record["call_id"] = json!(ID);
        record["result"] =
            json!({ "root": COMMIT, "is_error": true, "error_type": "-32602", "truncated": false });
    }
    record
}

fn own(kind: Kind) -> Value {
    match kind {
        Kind::Decision => json!({ "verdict": "allow", "rules": ["r1"], "reasons": ["policy.ok"],
            "policy": { "id": "p", "version": "3", "digest": DIGEST },
            "obligations": ["redact"], "approver": TOKEN }),
        Kind::Outcome => json!({ "status": "executed", "latency_us": 1_200 }),
        Kind::Admission => {
            json!({ "verdict": "allow", "surface": DIGEST, "policy": DIGEST, "approver": TOKEN })
        }
        Kind::Drift => json!({ "changes": ["surface.tool.added"], "severity": "warning",
            "from": DIGEST, "to": COMMIT }),
        Kind::Approval => json!({ "of": "call", "from": DIGEST, "to": DIGEST, "args_root": COMMIT,
            "by": TOKEN, "at": WALL, "meaning": "approved", "signature": "AAAA" }),
        Kind::Config => json!({ "event": "open", "old": DIGEST, "new": DIGEST, "heartbeat_s": 60,
            "mode": "closed" }),
        Kind::Key => json!({ "event": "rotated", "key_id": "k1", "purpose": "log" }),
        Kind::Clock => json!({ "event": "heartbeat", "wall": WALL, "mono": "1", "step_ms": 0 }),
        Kind::Gap => json!({ "from": WALL, "to": WALL, "cause": "disk-full", "count": 3 }),
        Kind::Access => json!({ "reader": TOKEN, "query": COMMIT, "rows": 12 }),
        Kind::Export => json!({ "recipient": TOKEN, "purpose": "court", "content": COMMIT }),
        Kind::Hold => json!({ "event": "set", "matter": COMMIT, "query": COMMIT,
            "custodian": TOKEN, "by": [TOKEN, TOKEN] }),
        Kind::Erase => json!({ "scope": "subject", "authority": "gdpr-17", "keys": 1 }),
        Kind::Review => json!({ "report": COMMIT, "reviewer": TOKEN }),
        Kind::Prune => {
            json!({ "from": 0, "to": 256, "rule": "hipaa", "size": 300, "root": DIGEST })
        }
    }
}

fn read(value: &Value) -> Result<Record, RecordError> {
    Record::read(&surface::canonical::to_vec(value))
}

/// Every path to a member of an object.
fn paths(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            let at = format!("{at}/{name}");
            paths(member, &at, out);
            out.push(at);
        }),
        Value::Array(elements) => elements.iter().enumerate().for_each(|(index, element)| {
            paths(element, &format!("{at}/{index}"), out);
        }),
        _ => {}
    }
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../docs/schema/audit-record.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn every_kind_is_written_as_it_is_read_and_the_schema_agrees() {
    let schema = schema();
    for kind in Kind::ALL {
        let value = full(*kind);
        let bytes = surface::canonical::to_vec(&value);
        let record = Record::read(&bytes).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(record.to_bytes().unwrap(), bytes, "{kind:?}");
        let errors: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{kind:?}: {errors:?}");
    }
}

#[test]
fn a_clear_value_fits_in_no_sensitive_field_and_no_sentence_in_an_open_one() {
    let schema = schema();
    for kind in Kind::ALL {
        let value = full(*kind);
        let mut places = Vec::new();
        paths(&value, "", &mut places);
        for place in places {
            if !value.pointer(&place).unwrap().is_string() {
                continue;
            }
            for clear in ["Jane Doe, MRN 0012345", "0012345 \u{e9}"] {
                let mut changed = value.clone();
                *changed.pointer_mut(&place).unwrap() = json!(clear);
                assert!(read(&changed).is_err(), "{kind:?} {place} takes {clear}");
                assert!(!schema.is_valid(&changed), "{kind:?} {place}: schema");
            }
            let text = value.pointer(&place).unwrap().as_str().unwrap_or_default();
            if text.starts_with("commit:") || text.starts_with("tok:") {
                let mut changed = value.clone();
                *changed.pointer_mut(&place).unwrap() = json!("0012345");
                let names = ["/op/tool", "/drift/to"];
                let is_name = names.contains(&place.as_str());
                assert!(is_name || read(&changed).is_err(), "{kind:?} {place} takes a number");
            }
        }
    }
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    let schema = schema();
    for kind in Kind::ALL {
        let value = full(*kind);
        let mut places = vec![String::new()];
        paths(&value, "", &mut places);
        for place in places {
            let mut changed = value.clone();
            let Some(members) = changed.pointer_mut(&place).unwrap().as_object_mut() else {
                continue;
            };
            members.insert("note".into(), json!("x"));
            let error = read(&changed).unwrap_err();
            assert_eq!(error.code(), "audit.record.member", "{kind:?} {place}");
            assert!(!schema.is_valid(&changed), "{kind:?} {place}: schema");
        }
    }
}

#[test]
fn a_record_has_one_form() {
    let value = full(Kind::Decision);
    let bytes = surface::canonical::to_vec(&value);
    let text = String::from_utf8(bytes).unwrap();
    for (what, wrong) in [
        ("white space", text.replacen(':', ": ", 1)),
        ("an escape", text.replace("read_chart", "read\\u005fchart")),
        ("a number", text.replace("\"bytes\":812", "\"bytes\":812.0")),
        ("order", text.replacen("\"agent\":", "\"zgent\":", 1)),
        ("a null", text.replacen("\"aal\":2", "\"aal\":null", 1)),
        ("an empty list", text.replacen("[\"readOnlyHint\"]", "[]", 1)),
        ("upper case", text.replacen(ID, &ID.to_uppercase(), 1)),
    ] {
        assert_ne!(wrong, text, "{what}");
        assert!(Record::read(wrong.as_bytes()).is_err(), "{what}");
    }
    let twice = text.replacen("\"v\":1", "\"v\":1,\"v\":1", 1);
    assert_eq!(Record::read(twice.as_bytes()).unwrap_err().code(), "audit.record.json");
}

#[test]
fn each_kind_needs_its_own_members() {
    for (kind, pointer) in [
        (Kind::Decision, "call_id"),
        (Kind::Decision, "who"),
        (Kind::Decision, "server"),
        (Kind::Decision, "op"),
        (Kind::Decision, "data"),
        (Kind::Decision, "args"),
        (Kind::Decision, "decision"),
        (Kind::Outcome, "call_id"),
        (Kind::Outcome, "result"),
        (Kind::Outcome, "outcome"),
        (Kind::Drift, "server"),
        (Kind::Gap, "gap"),
        (Kind::Prune, "prune"),
    ] {
        let mut value = full(kind);
        value.as_object_mut().unwrap().remove(pointer).unwrap();
        assert_eq!(read(&value).unwrap_err().code(), "audit.record.kind", "{kind:?} {pointer}");
    }
    let mut both = full(Kind::Gap);
    both["erase"] = own(Kind::Erase);
    assert_eq!(read(&both).unwrap_err().code(), "audit.record.kind");
    let mut unparsed = full(Kind::Decision);
    unparsed["op"] = json!({ "unparsed":
        { "bytes": 12, "code": "wire.json.syntax", "offset": 3, "content": COMMIT } });
    read(&unparsed).unwrap();
    let mut nobody = full(Kind::Decision);
    nobody["who"]["principal"] = json!({ "kind": "anonymous", "id": TOKEN });
    assert_eq!(read(&nobody).unwrap_err().code(), "audit.record.kind");
    let mut other = full(Kind::Gap);
    other["v"] = json!(2);
    assert_eq!(read(&other).unwrap_err().code(), "audit.record.version");
}

#[test]
fn lists_and_records_end_at_their_bounds() {
    let hop = full(Kind::Decision)["chain"][0].clone();
    for (length, fits) in [(limits::CHAIN_MAX, true), (limits::CHAIN_MAX + 1, false)] {
        let mut value = full(Kind::Decision);
        value["chain"] = json!(vec![hop.clone(); length]);
        assert_eq!(read(&value).is_ok(), fits, "{length}");
    }
    for (length, fits) in [(limits::LIST_MAX, true), (limits::LIST_MAX + 1, false)] {
        let mut value = full(Kind::Decision);
        value["decision"]["reasons"] = json!(vec!["a"; length]);
        assert_eq!(read(&value).is_ok(), fits, "{length}");
    }
    // To the byte: first long reasons, then one that fills up.
    let mut value = full(Kind::Decision);
    value["decision"]["rules"] = json!(vec!["r".repeat(limits::WORD_BYTES_MAX); 235]);
    let left = limits::RECORD_BYTES_MAX - surface::canonical::to_vec(&value).len();
    let mut reasons = vec!["a".repeat(250); left / 253 - 1];
    value["decision"]["reasons"] = json!(reasons);
    let left = limits::RECORD_BYTES_MAX.saturating_sub(surface::canonical::to_vec(&value).len());
    reasons.extend(["b".repeat(200), "b".repeat(left - 206)]);
    value["decision"]["reasons"] = json!(reasons);
    assert_eq!(surface::canonical::to_vec(&value).len(), limits::RECORD_BYTES_MAX);
    let record = read(&value).unwrap();
    assert_eq!(record.to_bytes().unwrap().len(), limits::RECORD_BYTES_MAX);
    value["agent"]["uid"] = json!("triage2");
    assert_eq!(read(&value).unwrap_err().code(), "audit.record.too-long");
    for (length, fits) in [(limits::WORD_BYTES_MAX, true), (limits::WORD_BYTES_MAX + 1, false)] {
        assert_eq!("w".repeat(length).parse::<atom::Word>().is_ok(), fits);
    }
    for (length, fits) in
        [(limits::ADDRESS_BYTES_MAX, true), (limits::ADDRESS_BYTES_MAX + 1, false)]
    {
        assert_eq!("w".repeat(length).parse::<Address>().is_ok(), fits);
    }
    for (length, fits) in [(4_096, true), (4_100, false)] {
        assert_eq!("A".repeat(length).parse::<atom::Signature>().is_ok(), fits);
    }
    let nested = format!("{}1{}", "[".repeat(9), "]".repeat(9));
    assert_eq!(Record::read(nested.as_bytes()).unwrap_err().code(), "audit.record.json");
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_no_flipped_bit_reads_the_same(
        kind in 0..Kind::ALL.len(), left_out in any::<u64>(), at in any::<prop::sample::Index>(),
        bit in 0..8_u8, seq in 0..=limits::INTEGER_MAX, time_ms in 0..253_402_300_799_999_u64,
    ) {
        let mut value = full(Kind::ALL[kind]);
        value["seq"] = json!(seq);
        value["t"]["wall"] = json!(atom::Wall::from_ms(time_ms).to_string());
        let mut places = Vec::new();
        paths(&value, "", &mut places);
        // Whatever optional members are left out, what is a record is written as it was read.
        for (n, place) in places.iter().enumerate().filter(|(n, _)| left_out >> (n % 64) & 1 == 1) {
            let (parent, name) = place.rsplit_once('/').unwrap();
            let mut without = value.clone();
            if let Some(members) = without.pointer_mut(parent).and_then(Value::as_object_mut) {
                members.remove(name);
            }
            if n % 3 == 0 && read(&without).is_ok() {
                value = without;
            }
        }
        let bytes = surface::canonical::to_vec(&value);
        let record = Record::read(&bytes).unwrap();
        prop_assert_eq!(record.to_bytes().unwrap(), bytes.clone());
        let mut flipped = bytes;
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        prop_assert_ne!(Record::read(&flipped).ok(), Some(record));
    }

    #[test]
    fn ids_and_times_have_one_text(time_ms in 0..1_u64 << 48, random in any::<[u8; 10]>()) {
        let id = Id::new(time_ms, random);
        prop_assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
        let wall = atom::Wall::from_ms(time_ms);
        prop_assert_eq!(wall.to_string().parse::<atom::Wall>().unwrap(), wall);
    }
}
