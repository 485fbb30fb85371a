//! The files of a skill.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{each_member, walk};
use crate::catalogue as codes;
use crate::report::way::key_of;
use crate::report::{Difference, Report};

/// Reports what differs between two sets of files (SEP-2640): a list with digests, or `dynamic`.
pub(super) fn files(report: &mut Report<'_>, files: Difference<'_>) {
    let is_fixed = |value: Option<&Value>| value.is_some_and(Value::is_array);
    if is_fixed(files.before) && !is_fixed(files.after) {
        return report.plain(&codes::CONTENT_UNFIXED, files);
    }
    let had = report.len();
    let (old, new) = (by_key(files.before), by_key(files.after));
    for (&key, &file) in &new {
        let way = files.way.key(key);
        let pair = Difference::new(&way, old.get(key).copied(), Some(file));
        if pair.before.is_some() && pair.is_of_objects() {
            each_member(pair, |_, member| walk(report, member, &codes::CONTENT));
        } else if pair.differs() {
            report.plain(&codes::CONTENT, pair);
        }
    }
    for (&key, &file) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
        let way = files.way.key(key);
        report.plain(&codes::CONTENT, Difference::new(&way, Some(file), None));
    }
    // What has no key, or the same one twice, or only another order.
    if report.len() == had {
        report.plain(&codes::CONTENT, files);
    }
}

/// The files by URI: as many as the extension allows.
fn by_key(files: Option<&Value>) -> BTreeMap<&str, &Value> {
    let files = files.and_then(Value::as_array).into_iter().flatten();
    files.take(FILES_MAX).filter_map(|file| Some((key_of(file)?, file))).collect()
}

/// Most files of a skill (SEP-2640).
const FILES_MAX: usize = 512;
