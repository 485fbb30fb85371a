//! What a server is, where that can be known: of a command the package, its version and the hash
//! that its registry published, without asking the network; of an endpoint who authorizes it.

mod npm;
mod oci;
mod package;
mod python;

use std::path::{Path, PathBuf};

use drift::{Change, Severity};
use guard::http::identity::Authorization;
use serde::{Deserialize, Serialize};
use surface::{Kind, Place};

use crate::env;
use package::Package;

/// An artefact of a package registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artefact {
    /// `npm`, `pypi` or `oci`; `remote` for a protected resource (RFC 9728).
    pub(crate) registry: String,
    /// The package, the image or the resource.
    pub(crate) name: String,
    /// The installed version or tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// npm's `integrity`, the image's digest, or the digest of the `RECORD` that lists the hash
    /// of every installed file of a Python package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integrity: Option<String>,
    /// The issuers of the tokens for a resource, with spaces between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizers: Option<String>,
}

/// What a server is could not be found out. That never keeps anybody from a pin or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Artefact {
    /// The members that are known, in the order of the lock file.
    pub(crate) fn members(&self) -> Vec<(&'static str, &str)> {
        let mut members = vec![("registry", self.registry.as_str()), ("name", &self.name)];
        members.extend(self.version.as_deref().map(|version| ("version", version)));
        members.extend(self.integrity.as_deref().map(|integrity| ("integrity", integrity)));
        members.extend(self.authorizers.as_deref().map(|issuers| ("authorizers", issuers)));
        members
    }
}

impl std::fmt::Display for Artefact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.registry, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, " {version}"))?;
        self.authorizers.as_ref().map_or(Ok(()), |issuers| write!(f, " of {issuers}"))
    }
}

/// The resource that an endpoint says it is.
pub(crate) fn of_authorization(authorization: Authorization) -> Artefact {
    Artefact {
        registry: REMOTE.to_owned(),
        name: authorization.resource,
        version: None,
        integrity: None,
        authorizers: Some(authorization.servers.join(" ")),
    }
}

/// The change from a resource to what an endpoint says now; `None` for anything else.
pub(crate) fn authorizer_change(
    before: Option<&Artefact>,
    after: Option<&Artefact>,
) -> Option<Change> {
    let was = before.filter(|before| before.registry == REMOTE && after != Some(before))?;
    let now = after.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let item = authorization_place();
    Some(Change {
        code: "surface.server.authorizer-changed",
        place: item.to_string(),
        item,
        severity: Severity::Critical,
        score: 0,
        before: Some(was.to_string().into()),
        after: after.map(|after| after.to_string().into()),
        sentence: format!("The server says it is {now} now, and said {was} before."),
        because: Vec::new(),
    })
}

/// Where the authorization of a server stands among its items.
pub(crate) fn authorization_place() -> Place {
    Place::new(Kind::Server, "authorization")
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

const REMOTE: &str = "remote";

/// Lock files of npm and `RECORD`s stay below; a larger file is not worth the wait.
const METADATA_BYTES_MAX: u64 = 32 << 20;

/// A cache with more entries is searched in part.
const CACHE_ENTRIES_MAX: usize = 10_000;
