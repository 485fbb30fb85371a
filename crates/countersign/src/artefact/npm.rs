//! npm packages: what `npx` or `npm install` wrote down about what they unpacked.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::{Artefact, entries, folder, read_file};
use crate::env;

/// The package `name` as `npx` finds it from `directory`: installed there or above, else in its
/// cache, where the newest installation that fits `wanted` counts.
pub(super) fn installed(name: &str, wanted: Option<&str>, directory: &Path) -> Artefact {
    let local = directory.ancestors().map(|folder| folder.join("node_modules/.package-lock.json"));
    let cache = folder(env::NPM_CACHE, ".npm").map(|cache| cache.join("_npx"));
    let mut cached: Vec<(SystemTime, PathBuf)> = cache
        .iter()
        .flat_map(|cache| entries(cache))
        .map(|folder| folder.join("package-lock.json"))
        .filter_map(|lock| Some((std::fs::metadata(&lock).ok()?.modified().ok()?, lock)))
        .collect();
    cached.sort_unstable_by(|a, b| b.cmp(a));
    let locks = local.chain(cached.into_iter().map(|(_, lock)| lock));
    let is_exact = |wanted: &&str| wanted.starts_with(|c: char| c.is_ascii_digit());
    let exact = wanted.filter(is_exact);
    let fits = |artefact: &Artefact| exact.is_none() || artefact.version.as_deref() == exact;
    locks.filter_map(|lock| locked(&lock, name)).find(fits).unwrap_or_else(|| Artefact {
        registry: "npm".to_owned(),
        name: name.to_owned(),
        version: exact.map(str::to_owned),
        integrity: None,
        authorizers: None,
    })
}

/// The package whose folder in a `node_modules` holds `script`.
pub(super) fn around(script: &Path) -> Option<Artefact> {
    let script = script.canonicalize().ok()?;
    let modules = script.ancestors().find(|folder| folder.ends_with("node_modules"))?;
    let mut inside = script.strip_prefix(modules).ok()?.iter().filter_map(|part| part.to_str());
    let first = inside.next()?;
    let is_scope = first.starts_with('@');
    let name = if is_scope { format!("{first}/{}", inside.next()?) } else { first.to_owned() };
    locked(&modules.join(".package-lock.json"), &name)
}

/// What a `package-lock.json` (version 2 or 3) says of a package at its top.
fn locked(lock: &Path, name: &str) -> Option<Artefact> {
    let lock: Value = serde_json::from_str(&read_file(lock)?).ok()?;
    let package = lock.get("packages")?.get(format!("node_modules/{name}"))?;
    let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Artefact {
        registry: "npm".to_owned(),
        name: name.to_owned(),
        version: text("version"),
        integrity: text("integrity"),
        authorizers: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_hash_is_read_from_what_npm_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("node_modules/@acme/files/dist/index.js");
        std::fs::create_dir_all(script.parent().unwrap()).unwrap();
        std::fs::write(&script, "").unwrap();
        let lock = r#"{"packages":{"node_modules/@acme/files":{"version":"1.2.3","integrity":"sha512-x"}}}"#;
        std::fs::write(folder.path().join("node_modules/.package-lock.json"), lock).unwrap();
        let found = around(&script).unwrap();
        assert_eq!(found.to_string(), "npm @acme/files 1.2.3");
        assert_eq!(found.integrity.as_deref(), Some("sha512-x"));
        assert_eq!(installed("@acme/files", None, folder.path()), found);
        let other = installed("@acme/files", Some("9.9.9"), folder.path());
        assert_eq!((other.version.as_deref(), other.integrity), (Some("9.9.9"), None));
    }
}
