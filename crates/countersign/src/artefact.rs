//! What a command runs, where that can be known without the network: package, version and the hash
//! that its registry published.

mod npm;
mod oci;
mod python;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
pub(crate) fn of_command(words: &[String], directory: &std::path::Path) -> Option<Artefact> {
    match Package::of(words)? {
        Package::Npm(spec) => Some(npm::installed(&spec, directory)),
        Package::Node(script) => npm::around(&directory.join(script)),
        Package::Python(spec) => Some(python::installed(&spec)),
        Package::Module { python, module } => python::module(&python, &module),
        Package::Image(image) => Some(oci::image(&image)),
        Package::Program(program) => python::program(&program),
    }
}
