//! Writes `vectors/audit.json`: what another implementation must compute to agree on commitments, roots,
//! the keys of the tail, and which bytes are a record.
#![allow(clippy::print_stdout)]

#[path = "../tests/vectors/made.rs"]
mod made;

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/audit.json");
    std::fs::write(path, made::text())?;
    println!("{path}");
    Ok(())
}
