//! Any two texts are judged; what stays as it was earns nothing.

#![no_main]

use drift::{Names, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (before, after) = text.split_once('\u{fffd}').unwrap_or(("", &text));
    let names = Names { own: &["own_tool"], others: &["other_tool"] };
    if let Some(judgement) = judge(Some(before), after, &names) {
        assert!(!judgement.rules.is_empty() && judgement.rules.len() == judgement.because.len());
    }
    judge(None, after, &names);
    assert_eq!(judge(Some(after), after, &names), None);
});
