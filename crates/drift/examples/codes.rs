//! Prints `docs/codes.md`.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

fn main() {
    print!("{}", drift::catalogue::page());
}
