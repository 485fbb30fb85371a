//! The `countersign` binary: arguments, output, wiring.

fn main() {}
