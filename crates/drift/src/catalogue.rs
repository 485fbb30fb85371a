//! The one table of changes: code, default severity, sentence, meaning.
//!
//! A code is `surface.<kind>.<what>`. An [`Entry`] holds one `what` for the kinds that share it.
//! `docs/codes.md` is generated from this table.

mod rows;

pub(crate) use rows::*;

use surface::Kind;

use crate::change::Severity;

/// One kind of change.
#[derive(Debug)]
pub struct Entry {
    /// The last part of the code, such as `description-changed`.
    pub what: &'static str,
    /// The kinds of item that it can happen to.
    pub kinds: &'static [Kind],
    /// How much it matters before anything else is known.
    pub severity: Severity,
    /// The sentence for a person, with `{places}` to fill in.
    pub sentence: &'static str,
    /// What it means, for the documentation.
    pub meaning: &'static str,
    /// The codes, in the order of [`Kind::ALL`].
    codes: [&'static str; 8],
}

impl Entry {
    /// The code for an item of `kind`.
    pub fn code(&self, kind: Kind) -> &'static str {
        let at = Kind::ALL.iter().position(|known| *known == kind);
        at.and_then(|at| self.codes.get(at)).copied().unwrap_or(self.what)
    }
}

/// Every entry, in the order of the documentation.
pub fn all() -> &'static [&'static Entry] {
    rows::ALL
}

/// Every code with its entry, in the order of kinds and then of the table.
pub fn codes() -> Vec<(&'static str, Kind, &'static Entry)> {
    let of_kind = |kind: Kind| {
        let entries = rows::ALL.iter().filter(move |entry| entry.kinds.contains(&kind));
        entries.map(move |entry| (entry.code(kind), kind, *entry))
    };
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

/// The page `docs/codes.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Codes of changes\n\n\
         <!-- Generated: cargo run -p countersign-drift --example codes > docs/codes.md -->\n\n\
         Each change between a pin and an observation has a code, `surface.<kind>.<what>`, and a\n\
         severity. The severity here is where a change starts: what new text orders, names or hides\n\
         can raise it, and then the change says why. Nothing lowers it but policy.\n\n\
         [Refusals and failures](reference/cli.md#codes-of-refusals-and-failures), and the\n\
         [state changes](reference/cli.md#state-changes) of a registry, have codes of their own.\n",
    );
    for kind in Kind::ALL {
        page.extend(["\n## ", kind.as_str(), "\n\n| Code | Severity | Meaning |\n|---|---|---|\n"]);
        for (code, _, entry) in codes().into_iter().filter(|(_, of, _)| *of == kind) {
            page.extend([
                "| `",
                code,
                "` | ",
                entry.severity.as_str(),
                " | ",
                entry.meaning,
                " |\n",
            ]);
        }
    }
    page
}
