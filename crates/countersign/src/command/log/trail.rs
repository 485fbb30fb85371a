//! `countersign audit verify`: the two verdicts on an audit trail.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use audit::signer::TailKey;
use audit::verify::{self, Answer, Known, Report};
use serde_json::json;

use crate::args::audit as args;
use crate::command::Desk;
use crate::command::statement::read_bounded;
use crate::failure::{Exit, Failure};
use crate::output::safe;

/// Verifies a trail.
///
/// # Errors
/// Files that cannot be read, arguments that make no sense.
pub(super) fn verify(desk: &Desk, arguments: &args::AuditVerify) -> Result<Exit, Failure> {
    let known = known(arguments)?;
    let report = verify::verify(&arguments.folder, &known).map_err(|error| {
        let failure = Failure::new(format!("verifying {}", arguments.folder.display()));
        failure.code(error.code()).because(error)
    })?;
    if arguments.json {
        let mut value = json!(report);
        if let Some(members) = value.as_object_mut() {
            members.insert("schema".to_owned(), json!(SCHEMA));
        }
        desk.output.json(&value)?;
    } else {
        desk.output.data(&shown(&report))?;
    }
    Ok(if report.is_clean() { Exit::Same } else { Exit::Drift })
}

fn known(arguments: &args::AuditVerify) -> Result<Known, Failure> {
    let read = |path: &Path| read_bounded(path, tlog::limits::NOTE_SIZE_MAX);
    let expect = arguments.expect.as_deref().map(read).transpose()?;
    let policy = arguments.witness_policy.as_deref().map(read).transpose()?;
    let policy = policy.map(|bytes| String::from_utf8_lossy(&bytes).parse::<tlog::Policy>());
    let witnesses = policy
        .transpose()
        .map_err(|error| Failure::usage("reading the witness policy").because(error))?;
    let mut tail_keys = BTreeMap::new();
    for text in &arguments.tail_keys {
        let key = tail_key(text).ok_or_else(|| {
            Failure::usage("a key of the tail is its epoch, `:` and 64 hexadecimal digits")
        })?;
        tail_keys.insert(key.0, key.1);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    Ok(Known { keys: arguments.keys.clone(), expect, witnesses, tail_keys, now_ms })
}

fn tail_key(text: &str) -> Option<(u64, TailKey)> {
    let (epoch, hex) = text.split_once(':')?;
    let digest: surface::Digest = format!("sha256:{hex}").parse().ok()?;
    Some((epoch.parse().ok()?, TailKey::new(*digest.as_sha256())))
}

fn shown(report: &Report) -> String {
    let word = |answer| match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::CannotTell => "cannot tell",
    };
    let mut text = format!(
        "nothing changed: {}\nnothing missing: {}\n{} records of {}, {} under a checkpoint\n",
        word(report.nothing_changed),
        word(report.nothing_missing),
        report.records,
        safe::line(&report.origin),
        report.covered,
    );
    for finding in &report.findings {
        let (code, place) = (finding.code, safe::line(&finding.place));
        let _ = writeln!(text, "{code} at {place}: {}", meaning(code));
    }
    for (code, place) in &report.remarks {
        let _ = writeln!(text, "remark {code} at {}: {}", safe::line(place), meaning(code));
    }
    text
}

fn meaning(code: &str) -> &'static str {
    let found = audit::codes::CODES.iter().find(|(known, _)| *known == code);
    found.map_or("", |(_, meaning)| meaning)
}

/// docs/schema/audit-verify.json
const SCHEMA: &str = "countersign.audit-verify/1";
