//! Any text is scanned; each hit lies in it, each rule hits once, and the name of a rule is known.

#![no_main]

use drift::tripwire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for hits in [tripwire::scan(&text), tripwire::scan_name(&text)] {
        for (index, hit) in hits.iter().enumerate() {
            assert!(text.get(hit.span.clone()).is_some(), "{hit:?} is cut out of the text");
            assert!(tripwire::RULES.iter().any(|rule| rule.code == hit.rule), "{hit:?} is no rule");
            let again = hits.iter().skip(index + 1).any(|other| other.rule == hit.rule);
            assert!(!again, "{hit:?} hits twice");
        }
    }
    tripwire::look(&text);
});
