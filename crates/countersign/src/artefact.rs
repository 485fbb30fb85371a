//! What a command runs, where that can be known without the network: package, version and the hash
//! that its registry published.

mod npm;
mod oci;
mod package;
mod python;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::env;
use package::Package;

/// An artefact of a package registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artefact {
    /// `npm`, `pypi` or `oci`.
    pub(crate) registry: String,
    /// The package or image.
    pub(crate) name: String,
    /// The installed version or tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// npm's `integrity`, the image's digest, or the digest of the `RECORD` that lists the hash
    /// of every installed file of a Python package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integrity: Option<String>,
}

impl Artefact {
    /// The members that are known, in the order of the lock file.
    pub(crate) fn members(&self) -> Vec<(&'static str, &str)> {
        let mut members = vec![("registry", self.registry.as_str()), ("name", &self.name)];
        members.extend(self.version.as_deref().map(|version| ("version", version)));
        members.extend(self.integrity.as_deref().map(|integrity| ("integrity", integrity)));
        members
    }
}

impl std::fmt::Display for Artefact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.registry, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, " {version}"))
    }
}

/// What `words`, a command started in `directory`, runs. Never fails: what is unknown is unknown.
pub(crate) fn of_command(words: &[String], directory: &Path) -> Option<Artefact> {
    match Package::of(words) {
        Package::Npm { name, wanted } => Some(npm::installed(&name, wanted.as_deref(), directory)),
        Package::Script(script) => npm::around(&directory.join(script)),
        Package::Python { name, wanted } => Some(python::tool(&name, wanted.as_deref())),
        Package::Module { python, module } => python::module(&python, &module),
        Package::Image { program, reference } => Some(oci::image(&program, &reference)),
        Package::Program(program) => python::program(&program),
    }
}

/// A short name for what `words` run.
pub(crate) fn name_of(words: &[String]) -> String {
    let of_path = |path: &str| {
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
        stem.unwrap_or(path).to_owned()
    };
    match Package::of(words) {
        Package::Npm { name, .. } | Package::Python { name, .. } => {
            name.rsplit('/').next().unwrap_or(&name).to_owned()
        }
        Package::Image { reference, .. } => oci::short_name(&reference).to_owned(),
        Package::Module { module, .. } => module.replace('_', "-"),
        Package::Script(path) | Package::Program(path) => of_path(&path),
    }
}

/// The folder in the environment variable `name`, else `fallback` in the user's home.
fn folder(name: &str, fallback: &str) -> Option<PathBuf> {
    let set = std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(PathBuf::from(std::env::var_os(env::HOME)?).join(fallback)))
}

/// A file that a package manager left; `None` when it is not there or larger than any real one.
fn read_file(path: &Path) -> Option<String> {
    let is_small = std::fs::metadata(path).ok()?.len() <= METADATA_BYTES_MAX;
    is_small.then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// The folders and files in `folder`, at most so many as a cache can have.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
    read.take(CACHE_ENTRIES_MAX).map(|entry| entry.path())
}

/// Lock files of npm and `RECORD`s stay below; a larger file is not worth the wait.
const METADATA_BYTES_MAX: u64 = 32 << 20;

/// A cache with more entries is searched in part.
const CACHE_ENTRIES_MAX: usize = 10_000;
