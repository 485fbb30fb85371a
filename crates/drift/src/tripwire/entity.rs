//! Entities: frames that imitate a chat, addresses, paths, encoded runs.

use std::sync::LazyLock;

use regex::Regex;

use super::Report;

/// Runs every entity rule over `text`.
pub(super) fn scan(text: &str, report: &mut Report<'_>) {
    if let Some(found) = FRAME
        .as_ref()
        .filter(|_| text.contains(['<', '[', '\n']))
        .and_then(|frame| frame.find(text))
    {
        report.hit("fake-frame", found.range());
    }
}

static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)<\|[a-z_]{2,24}\|>",
        r"|</?(?:important|system|assistant|critical|secret|hidden|admin|sys|instruction|system[-_ ]\w{1,16}|im_start|im_end)\b[^<>]{0,40}>",
        r"|\[/?(?:inst|system|assistant)\]|<</?sys>>",
        r"|</?(?:tool_call|function_calls?|invoke|tool_use|tool_result|function_results?)\b[^<>]{0,80}>",
        r"|\n\s{0,8}(?:human|assistant|system)\s?:\s",
        r"|(?:^|\n)#{1,6} ?(?:system|assistant|instruction)s?:",
    ))
    .ok()
});
