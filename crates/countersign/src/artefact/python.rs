//! Python packages: what pip and uv wrote down about what they unpacked.
//!
//! An installed package does not keep the hash of its archive. Its `RECORD` lists the hash of each
//! of its files, so the digest of the `RECORD` identifies what is installed.

use std::path::{Path, PathBuf};

use surface::Digest;

use super::{Artefact, entries, folder, read_file};
use crate::env;

/// The package `name` as `uvx` or `pipx` has it: the newest installation that fits `wanted`.
pub(super) fn tool(name: &str, wanted: Option<&str>) -> Artefact {
    let caches = || Some(folder(env::XDG_CACHE_HOME, ".cache")?.join("uv"));
    let cache = std::env::var_os(env::UV_CACHE_DIR).map(PathBuf::from).or_else(caches);
    let unpacked = cache.map(|cache| cache.join("archive-v0"));
    let tools = folder(env::XDG_DATA_HOME, ".local/share").map(|data| data.join("uv/tools"));
    let environments = [tools, unpacked].into_iter().flatten().flat_map(|f| entries(&f));
    let places = environments.flat_map(|place| site_packages(&place).into_iter().chain([place]));
    let found = places.filter_map(|place| dist_info(&place, name));
    let mut found: Vec<Artefact> = found
        .filter_map(|info| read(&info))
        .filter(|artefact| wanted.is_none_or(|wanted| artefact.version.as_deref() == Some(wanted)))
        .collect();
    found.sort_by_key(version_order);
    found.pop().unwrap_or_else(|| Artefact {
        registry: "pypi".to_owned(),
        name: name.to_owned(),
        version: wanted.map(str::to_owned),
        integrity: None,
        authorizers: None,
    })
}

/// The package that has `module`, as the interpreter `python` would import it.
pub(super) fn module(python: &str, module: &str) -> Option<Artefact> {
    let top = module.split('.').next().unwrap_or(module);
    let root = environment_of(&on_path(python)?)?;
    site_packages(&root).iter().find_map(|site| read(&dist_info(site, top)?))
}

/// The package whose installer made the script `program`.
pub(super) fn program(program: &str) -> Option<Artefact> {
    let script = on_path(program)?;
    let name = script.file_stem()?.to_str()?;
    let root = environment_of(&script.canonicalize().ok()?)?;
    site_packages(&root).iter().find_map(|site| {
        let by_name = dist_info(site, name);
        read(&by_name.or_else(|| by_entry_point(site, name))?)
    })
}

/// The environment in whose `bin` a program is.
fn environment_of(program: &Path) -> Option<PathBuf> {
    let bin = program.parent()?;
    bin.ends_with("bin").then(|| bin.parent().map(Path::to_owned)).flatten()
}

fn on_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os(env::PATH)?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn site_packages(root: &Path) -> Vec<PathBuf> {
    let versions = entries(&root.join("lib")).filter(|folder| {
        folder.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("python"))
    });
    let sites = versions.flat_map(|v| [v.join("site-packages"), v.join("dist-packages")]);
    sites.filter(|site| site.is_dir()).collect()
}

/// The metadata folder of the package `name`, which file names write in several ways.
fn dist_info(site: &Path, name: &str) -> Option<PathBuf> {
    let wanted = normal(name);
    entries(site).find(|path| {
        let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        let package = file.strip_suffix(".dist-info").and_then(|file| file.rsplit_once('-'));
        package.is_some_and(|(package, _)| normal(package) == wanted)
    })
}

fn by_entry_point(site: &Path, script: &str) -> Option<PathBuf> {
    entries(site).find(|path| {
        let points = path.join("entry_points.txt");
        let points = read_file(&points).unwrap_or_default();
        let mut names = points.lines().filter_map(|line| line.split_once('='));
        names.any(|(name, _)| name.trim() == script)
    })
}

fn read(dist_info: &Path) -> Option<Artefact> {
    let metadata = read_file(&dist_info.join("METADATA"))?;
    let field = |name: &str| {
        let line = metadata.lines().take_while(|line| !line.is_empty());
        line.filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name)
    };
    let record = read_file(&dist_info.join("RECORD"));
    Some(Artefact {
        registry: "pypi".to_owned(),
        name: field("Name")?.1.to_owned(),
        version: field("Version").map(|(_, version)| version.to_owned()),
        integrity: record.map(|record| format!("record-{}", record_digest(&record))),
        authorizers: None,
    })
}

/// The digest of a `RECORD`, without the lines that differ from one installation to the next:
/// scripts that name their interpreter, and files that are made on the spot.
fn record_digest(record: &str) -> Digest {
    let is_of_package = |line: &&str| {
        let made_here = ["RECORD,", "INSTALLER,", "REQUESTED,", "direct_url.json,", ".pyc,"];
        !line.starts_with("../") && !made_here.iter().any(|name| line.contains(name))
    };
    let mut lines: Vec<&str> = record.lines().map(str::trim).filter(is_of_package).collect();
    lines.sort_unstable();
    Digest::of_bytes(lines.join("\n").as_bytes())
}

/// PEP 503: runs of `-`, `_` and `.` are one `-`, and case does not count.
fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

fn version_order(artefact: &Artefact) -> Vec<u64> {
    let version = artefact.version.as_deref().unwrap_or_default();
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_in_an_environment_leads_to_its_package() {
        let root = tempfile::tempdir().unwrap();
        let info = root.path().join("lib/python3.11/site-packages/mcp_server_time-1.0.dist-info");
        std::fs::create_dir_all(&info).unwrap();
        std::fs::create_dir_all(root.path().join("bin")).unwrap();
        let script = root.path().join("bin/mcp-server-time");
        std::fs::write(&script, "").unwrap();
        std::fs::write(info.join("METADATA"), "Name: mcp-server-time\nVersion: 1.0\n").unwrap();
        std::fs::write(info.join("RECORD"), "b.py,sha256=b,1\na.py,sha256=a,1\n").unwrap();
        let found = program(script.to_str().unwrap()).unwrap();
        assert_eq!(found.to_string(), "pypi mcp-server-time 1.0");
        std::fs::write(info.join("RECORD"), "a.py,sha256=a,1\nb.py,sha256=b,1\nRECORD,,\n")
            .unwrap();
        assert_eq!(program(script.to_str().unwrap()).unwrap(), found);
        std::fs::write(info.join("RECORD"), "a.py,sha256=x,1\nb.py,sha256=b,1\n").unwrap();
        assert_ne!(program(script.to_str().unwrap()).unwrap().integrity, found.integrity);
    }
}
