//! The files of a skill.

use serde_json::Value;

use super::{each_member, walk};
use crate::catalogue as codes;
use crate::report::{Difference, Report};
use crate::way::key_of;

/// Reports what differs between two sets of files (SEP-2640): a list with digests, or `dynamic`.
pub(super) fn files(report: &mut Report<'_>, files: Difference<'_>) {
    let is_fixed = |value: Option<&Value>| value.is_some_and(Value::is_array);
    if is_fixed(files.before) && !is_fixed(files.after) {
        return report.plain(&codes::CONTENT_UNFIXED, files);
    }
    let had = report.len();
    let (old, new) = (elements(files.before), elements(files.after));
    if old.len().max(new.len()) <= FILES_MAX {
        for file in new {
            let Some(key) = key_of(file) else { continue };
            let before = old.iter().find(|other| key_of(other) == Some(key));
            let way = files.way.key(key);
            let file = Difference::new(&way, before, Some(file));
            match before {
                None => report.plain(&codes::CONTENT, file),
                Some(_) if file.is_of_objects() => {
                    each_member(file, |_, member| walk(report, member, &codes::CONTENT));
                }
                Some(_) if file.differs() => report.plain(&codes::CONTENT, file),
                Some(_) => {}
            }
        }
        for file in old {
            let Some(key) = key_of(file) else { continue };
            if !new.iter().any(|other| key_of(other) == Some(key)) {
                let way = files.way.key(key);
                report.plain(&codes::CONTENT, Difference::new(&way, Some(file), None));
            }
        }
    }
    if report.len() == had {
        report.plain(&codes::CONTENT, files);
    }
}

fn elements(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Most files of a skill that are paired, as the extension allows.
const FILES_MAX: usize = 512;
