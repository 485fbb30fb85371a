//! The page `docs/tripwires.md`, generated from the table of rules.

use std::fmt::Write as _;

use super::{Class, RULES, RULES_VERSION, Rule};

/// The page; `measured` says of a rule how often it hits real tools.
pub fn page(measured: impl Fn(&str) -> Option<String>) -> String {
    let mut out = format!(
        "# Tripwires\n\n\
         <!-- Generated: cargo run --release -p countersign-drift --example measure -- \
         DATA_DIR --rules > docs/tripwires.md -->\n\n\
         Version {RULES_VERSION} of the rules. A tripwire is a smoke detector, not a judge: cheap, \
         explainable, deterministic. A *blocking* rule next to never meets a real text and is \
         `critical` alone, where the text is new. A *counting* rule meets honest texts too: only \
         what new text meets together counts, by the weights in \
         [drift-measured.md](drift-measured.md).\n\n\
         Rules on wording name no phrases. Each is a pattern of concepts, such as \"an order to \
         disregard\" then \"earlier\" then \"instructions\", within a few words; ten languages \
         (English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese, \
         Korean) give their terms to each concept. They read the text after removing what is \
         invisible and folding case, compatibility forms and look-alike letters; a match that only \
         this shows counts double.\n"
    );
    for (class, title) in [(Class::Blocking, "Blocking"), (Class::Counting, "Counting")] {
        let _ = writeln!(out, "\n## {title}");
        for rule in RULES.iter().filter(|rule| rule.class == class) {
            write_rule(&mut out, rule, measured(rule.code));
        }
    }
    out
}

fn write_rule(out: &mut String, rule: &Rule, measured: Option<String>) {
    let _ = writeln!(out, "\n### `{}`\n\nThe text {}. {}", rule.code, rule.sentence, rule.why);
    for (title, texts) in [("Hits", rule.hits), ("Near misses", rule.near_misses)] {
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| format!("`{}`", shown(text))).collect();
            let _ = writeln!(out, "\n{title}: {}.", texts.join(", "));
        }
    }
    if let Some(measured) = measured {
        let _ = writeln!(out, "\nMeasured: {measured}.");
    }
}

/// A text in which everything can be seen.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || super::is_invisible(c) || super::unicode::is_private(c) {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}
