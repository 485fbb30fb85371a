//! The house rules that a compiler does not check: which crate may use which, and the shape of
//! files and folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate and the workspace crates it may use, top to bottom: no crate uses one below it.
const EDGES: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("surface", &["wire"]),
    ("drift", &["surface", "wire"]),
    ("tlog", &[]),
    ("seal", &["surface", "tlog", "wire"]),
    ("policy", &[]),
    ("store", &["seal", "surface", "tlog"]),
    ("audit", &["seal", "store", "surface", "tlog", "wire"]),
    ("authz", &["policy", "seal", "store", "surface", "wire"]),
    ("guard", &["authz", "drift", "seal", "surface", "tlog", "wire"]),
    ("registry", &["authz", "drift", "seal", "store", "surface", "tlog", "wire"]),
    (
        "countersign",
        &[
            "audit", "authz", "drift", "guard", "policy", "registry", "seal", "store", "surface",
            "tlog", "wire",
        ],
    ),
    (
        "benches",
        &[
            "authz", "drift", "guard", "policy", "registry", "seal", "store", "surface", "tests",
            "tlog", "wire",
        ],
    ),
    ("tests", &["authz", "drift", "registry", "seal", "store", "surface", "tlog", "wire"]),
];

/// Crates that own no socket, file, clock, randomness or runtime.
const PURE: &[&str] = &["wire", "surface", "drift", "tlog", "seal", "policy"];

/// What none of a pure crate's dependencies may be, however far away.
const IMPURE: &[&str] =
    &["tokio", "mio", "hyper", "socket2", "rustix", "jiff", "getrandom", "rand"];

const FILE_LINES_MAX: usize = 600;
const FOLDER_ENTRIES_MAX: usize = 12;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn short(name: &str) -> &str {
    name.strip_prefix("countersign-").unwrap_or(name)
}

#[test]
fn a_crate_uses_only_crates_above_it() {
    let allowed: BTreeMap<_, _> = EDGES.iter().copied().collect();
    let metadata = metadata();
    let members: Vec<_> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["source"].is_null())
        .collect();
    assert!(members.len() >= 5, "the workspace is found");
    for package in members {
        let name = short(package["name"].as_str().unwrap());
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("`{name}` is not in the table"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = short(dependency["name"].as_str().unwrap());
            if dependency["path"].is_string() && dependency["kind"] != "dev" {
                assert!(allowed.contains(&used), "`{name}` may not use `{used}`");
            }
        }
    }
}

/// By `cargo tree`, which knows what is built: `cargo metadata` also lists what `dep?/feature` would
/// need if somebody asked for it.
#[test]
fn pure_crates_own_nothing_of_the_world() {
    for pure in PURE {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--package", &format!("countersign-{pure}")])
            .args(["--edges", "normal", "--target", "all", "--prefix", "none", "--format", "{p}"])
            .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).expect("cargo prints text");
        let names: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(names.contains(format!("countersign-{pure}").as_str()), "{tree}");
        for name in IMPURE {
            assert!(!names.contains(name), "`{pure}` reaches `{name}`");
        }
    }
}

#[test]
fn files_and_folders_keep_their_shape() {
    let mut folders: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in tracked() {
        let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        if path.ends_with("mod.rs") {
            wrong.push(format!("{}: `foo.rs` with `foo/`, never `mod.rs`", path.display()));
        }
        let folder = path.parent().unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        folders.entry(folder.to_owned()).or_default().insert(stem);
    }
    let crowded = folders.iter().filter(|(_, entries)| entries.len() > FOLDER_ENTRIES_MAX);
    wrong.extend(crowded.map(|(f, entries)| format!("{}: {} files", f.display(), entries.len())));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_test_that_the_threats_name_exists() {
    let threats = std::fs::read_to_string(root().join("docs/threats.md")).expect("the threats");
    let sources = tracked().into_iter().map(|path| std::fs::read_to_string(root().join(path)));
    let sources = sources.collect::<Result<Vec<_>, _>>().expect("sources are text").concat();
    let is_name = |name: &&str| {
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.matches('_').count() >= 2 && name.chars().all(is_part)
    };
    let named: Vec<_> = threats.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() >= 20, "the tests are named: {named:?}");
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "no test is named `{name}`");
    }
}

/// Every Rust file of ours, relative to the workspace.
fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root())
        .output()
        .expect("git runs");
    let listed = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let paths: Vec<_> =
        listed.lines().map(PathBuf::from).filter(|p| root().join(p).exists()).collect();
    assert!(paths.len() > 20, "the files are found");
    paths
}
