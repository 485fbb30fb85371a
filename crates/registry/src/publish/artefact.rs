//! The bytes behind a package: what a declaration says of them, against what the package registry
//! says now.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drift::Severity;
use serde_json::Value;
use surface::Digest;
use url::Url;

use super::Publisher;
use super::admission::Findings;
use super::server_json::{Package, ServerJson};
use crate::{limits, net};
use std::collections::BTreeMap;

/// The package registries that are asked.
#[derive(Debug, Clone)]
pub struct Registries {
    /// npm's: `{npm}/@scope%2fname/1.0.0`.
    pub npm: Option<Url>,
    /// `PyPI`'s: `{pypi}/pypi/name/1.0.0/json`.
    pub pypi: Option<Url>,
    /// Whether bundles are downloaded.
    pub are_bundles_fetched: bool,
}

impl Registries {
    /// Those of the Internet.
    pub fn usual() -> Self {
        let url = |text| Url::parse(text).ok();
        Self {
            npm: url("https://registry.npmjs.org/"),
            pypi: url("https://pypi.org/"),
            are_bundles_fetched: true,
        }
    }
}

/// What a package registry says of a package.
enum Said {
    /// The digests of its files, one of which has to be the declared one.
    Digests(Vec<String>),
    /// Nobody answers, or nobody can be asked.
    Nothing,
}

impl Publisher {
    /// Compares declared artefacts with the packages of the entry and with what their registries say.
    pub(super) async fn check_artefacts(
        &self,
        entry: &ServerJson,
        declared: &BTreeMap<String, String>,
        findings: &mut Findings,
    ) {
        let packages: Vec<_> = entry.packages().take(limits::ARTEFACTS_CHECKED_MAX).collect();
        for package in packages {
            let name = name_of(package);
            let Some(digest) = declared.get(&name) else {
                findings.add(Severity::Notice, "artefact.undeclared", name);
                continue;
            };
            // What server.json itself says of the file has to be the same.
            if let Some(sha256) = package.file_sha256
                && digest.starts_with("sha256:")
                && *digest != format!("sha256:{sha256}")
            {
                findings.deny("artefact.mismatch", &name);
                continue;
            }
            match self.said(package).await {
                Said::Digests(digests) if digests.contains(digest) => {}
                Said::Digests(_) => findings.deny("artefact.mismatch", &name),
                Said::Nothing => findings.add(Severity::Notice, "artefact.unchecked", name),
            }
        }
        let packages: Vec<String> = entry.packages().map(name_of).collect();
        for name in declared.keys().filter(|name| !packages.contains(name)) {
            findings.add(Severity::Warning, "artefact.unrelated", name.clone());
        }
    }

    async fn said(&self, package: Package<'_>) -> Said {
        // A registry of the publisher's own choice proves nothing.
        let is_usual =
            |base: &str| package.base_url.is_none_or(|url| url.trim_end_matches('/') == base);
        let said = match package.registry {
            "npm" if is_usual("https://registry.npmjs.org") => self.npm(package).await,
            "pypi" if is_usual("https://pypi.org") => self.pypi(package).await,
            "mcpb" if self.registries.are_bundles_fetched => self.bundle(package).await,
            _ => None,
        };
        said.map_or(Said::Nothing, Said::Digests)
    }

    async fn npm(&self, package: Package<'_>) -> Option<Vec<String>> {
        let base = self.registries.npm.as_ref()?;
        let path = [package.identifier, package.version?];
        let answer = self.ask(joined(base, &path)?, limits::PACKAGE_BYTES_MAX).await?;
        let answer = read(&answer)?;
        let integrity = answer.pointer("/dist/integrity")?.as_str()?;
        let digests = integrity.split(' ').filter_map(|text| {
            let (algorithm, digest) = text.split_once('-')?;
            let digest = STANDARD.decode(digest).ok()?;
            Some(format!("{algorithm}:{}", hex(&digest)))
        });
        Some(digests.collect())
    }

    async fn pypi(&self, package: Package<'_>) -> Option<Vec<String>> {
        let base = self.registries.pypi.as_ref()?;
        let path = ["pypi", package.identifier, package.version?, "json"];
        let answer = self.ask(joined(base, &path)?, limits::PACKAGE_BYTES_MAX).await?;
        let answer = read(&answer)?;
        let files = answer.get("urls")?.as_array()?;
        let digest =
            |file: &Value| Some(format!("sha256:{}", file.pointer("/digests/sha256")?.as_str()?));
        Some(files.iter().filter_map(digest).collect())
    }

    async fn bundle(&self, package: Package<'_>) -> Option<Vec<String>> {
        let url = Url::parse(package.identifier).ok()?;
        let bytes = self.ask(url, limits::BUNDLE_BYTES_MAX).await?;
        Some(vec![Digest::of_bytes(&bytes).to_string()])
    }

    async fn ask(&self, url: Url, bytes_max: usize) -> Option<bytes::Bytes> {
        // Releases of GitHub are downloaded from another origin.
        let redirects_max = authz::limits::REDIRECTS_MAX;
        let request = net::Request { bytes_max, redirects_max, ..net::Request::get(url) };
        let response = self.client.send(request).await.ok()?;
        (response.status == http::StatusCode::OK).then_some(response.body)
    }
}

/// How a declaration names a package: `npm:@acme/files@1.4.0`.
pub fn name_of(package: Package<'_>) -> String {
    let (registry, identifier) = (package.registry, package.identifier);
    match package.version {
        Some(version) => format!("{registry}:{identifier}@{version}"),
        None => format!("{registry}:{identifier}"),
    }
}

/// The URL below `base`, each part one segment.
fn joined(base: &Url, parts: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    // `..` and `.` would be taken for steps.
    if parts.iter().any(|part| matches!(*part, "." | ".." | "")) {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
    Some(url)
}

fn read(bytes: &[u8]) -> Option<Value> {
    let policy = wire::Policy { bytes_max: limits::PACKAGE_BYTES_MAX, ..wire::Policy::default() };
    let document = wire::Document::parse(bytes, &policy).ok()?;
    surface::json::exact(document.root()).ok()
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_package_is_asked_for_by_whole_segments() {
        let base = Url::parse("https://registry.npmjs.org/").unwrap();
        let url = joined(&base, &["@acme/files", "1.4.0"]).unwrap();
        assert_eq!(url.as_str(), "https://registry.npmjs.org/@acme%2Ffiles/1.4.0");
        assert_eq!(joined(&base, &["..", "x"]), None);
        let odd = joined(&base, &["a?b#c/../d", "1"]).unwrap();
        assert_eq!(odd.query(), None);
        assert_eq!(odd.path_segments().unwrap().count(), 2);
    }
}
