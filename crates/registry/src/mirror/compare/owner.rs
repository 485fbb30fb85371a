//! Who owns what an entry points at: the scope of a package, the account of an image, the registrable
//! domain of a remote.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

/// The owners, each with the pointer to what they own, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Owners {
    of: BTreeMap<&'static str, BTreeMap<String, String>>,
}

/// The owners of everything that an entry of the current form points at.
pub(super) fn owners(server: &Value) -> Owners {
    let mut owners = Owners::default();
    let list = |name: &str| server.get(name).and_then(Value::as_array).into_iter().flatten();
    for (index, package) in list("packages").enumerate() {
        if let Some(owner) = of_package(package) {
            owners.note("package", owner, format!("/packages/{index}/identifier"));
        }
        let transport = package.get("transport").and_then(|transport| transport.get("url"));
        if let Some(owner) = transport.and_then(Value::as_str).and_then(of_url) {
            owners.note("transport", owner, format!("/packages/{index}/transport/url"));
        }
    }
    for (index, remote) in list("remotes").enumerate() {
        if let Some(owner) = remote.get("url").and_then(Value::as_str).and_then(of_url) {
            owners.note("remote", owner, format!("/remotes/{index}/url"));
        }
    }
    owners
}

impl Owners {
    fn note(&mut self, kind: &'static str, owner: String, place: String) {
        self.of.entry(kind).or_default().entry(owner).or_insert(place);
    }

    /// The places where `after` points at an owner that was not there, while one that was is gone. An
    /// owner that joins the others replaces nobody.
    pub(super) fn moved_to(&self, after: &Self) -> Vec<String> {
        let mut places = Vec::new();
        for (kind, before) in &self.of {
            let Some(now) = after.of.get(kind) else { continue };
            if before.keys().all(|owner| now.contains_key(owner)) {
                continue;
            }
            let new = now.iter().filter(|(owner, _)| !before.contains_key(*owner));
            places.extend(new.map(|(_, place)| place.clone()));
        }
        places
    }
}

fn of_package(package: &Value) -> Option<String> {
    let text = |name: &str| package.get(name).and_then(Value::as_str);
    let identifier = text("identifier")?;
    match text("registryType")? {
        "oci" | "docker" => Some(of_image(text("registryBaseUrl"), identifier)),
        "mcpb" => of_url(identifier),
        "npm" => Some(match identifier.split_once('/') {
            Some((scope, _)) if scope.starts_with('@') => format!("npm {scope}"),
            _ => format!("npm {identifier}"),
        }),
        // PyPI and NuGet have names, and no owners in them.
        kind => Some(format!("{kind} {identifier}")),
    }
}

/// The registry and the account of an image: `ghcr.io/acme` of `ghcr.io/acme/files:1`. An image
/// without an account owns itself.
fn of_image(registry: Option<&str>, identifier: &str) -> String {
    let name = identifier.split('@').next().unwrap_or_default();
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => {
            let base = registry.and_then(|base| base.parse::<Url>().ok());
            let host = base.as_ref().and_then(Url::host_str).map(str::to_owned);
            return of_image_at(host.as_deref().unwrap_or(DOCKER), name);
        }
    };
    of_image_at(host, path)
}

fn of_image_at(host: &str, path: &str) -> String {
    let host = if host.ends_with(DOCKER) { DOCKER } else { host };
    // `library/redis` and `redis` are one image.
    let path = path.strip_prefix("library/").unwrap_or(path);
    let account = match path.rsplit_once('/') {
        Some((account, _)) => account,
        None => path.split(':').next().unwrap_or_default(),
    };
    format!("{host}/{account}")
}

/// The registrable domain of a URL, or of one that begins with a fixed host; of a forge the account
/// too. A host that is no domain owns itself.
fn of_url(text: &str) -> Option<String> {
    let url: Url = text.replace(['{', '}'], "_").parse().ok()?;
    let host = url.host_str()?.trim_end_matches('.').to_lowercase();
    let domain = psl::domain_str(&host).unwrap_or(&host).to_owned();
    let account = url.path_segments().and_then(|mut segments| segments.next().map(str::to_owned));
    match account {
        Some(account) if FORGES.contains(&domain.as_str()) => {
            Some(format!("{domain}/{}", account.to_lowercase()))
        }
        _ => Some(domain),
    }
}

const DOCKER: &str = "docker.io";

/// Hosts where the account owns, not the domain.
const FORGES: [&str; 4] = ["github.com", "gitlab.com", "codeberg.org", "bitbucket.org"];
