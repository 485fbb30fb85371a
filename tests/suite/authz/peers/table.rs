//! Tables of `docs/peers` that a run makes.

use std::path::Path;

/// Fails unless the page holds the table of this run; `BLESS=1` writes it there.
#[track_caller]
pub(super) fn is(page: &str, table: &str) {
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/peers").join(page);
    let known = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = known.split_once(BEGIN).expect("where the table begins");
    let (written, after) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("BLESS").is_some() {
        let new = format!("{before}{BEGIN}\n{table}{END}{after}");
        std::fs::write(&path, new).expect("written");
        return;
    }
    let first = written.trim().lines().zip(table.trim().lines()).find(|(old, new)| old != new);
    assert_eq!(
        written.trim(),
        table.trim(),
        "another outcome than {page} says, first {first:?}: run with BLESS=1 and read the diff"
    );
}

const BEGIN: &str = "<!-- made by a test: begin -->";
const END: &str = "<!-- made by a test: end -->";
