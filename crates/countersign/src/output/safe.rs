//! Text that somebody else wrote, made safe to read: what cannot be seen is written out.

use std::fmt::Write as _;

/// `text` on one line: line breaks and tabs are written out too.
pub(crate) fn line(text: &str) -> String {
    escape(text, |c| c.is_control() || is_unseen(c))
}

/// `text` with its line breaks and tabs.
pub(crate) fn text(text: &str) -> String {
    escape(text, |c| (c.is_control() && c != '\n' && c != '\t') || is_unseen(c))
}

/// JSON text with the same meaning, in which nothing hides: what cannot be seen becomes an escape.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // JSON has such characters only inside strings; line breaks between values stay.
        if is_unseen(c) || matches!(c, '\u{7f}'..='\u{9f}') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a reader cannot see `c`, or sees other text in another order because of it: format
/// characters, bidirectional controls, tags, variation selectors, fillers and odd spaces.
pub(crate) const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}'
        | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fe00}'..='\u{fe0e}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
    )
}

fn escape(text: &str, unsafe_to_show: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if !unsafe_to_show(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_hides_is_written_out() {
        assert_eq!(line("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(text("a\u{202e}b\nc\u{e0041}"), "a\\u{202e}b\nc\\u{e0041}");
        assert_eq!(json("{\n\"a\u{e0041}\": 1}"), "{\n\"a\\udb40\\udc41\": 1}");
        assert_eq!(text("Zürich, 東京, 👩\u{200d}🚀"), "Zürich, 東京, 👩\\u{200d}🚀");
    }
}
