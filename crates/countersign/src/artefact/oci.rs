//! Container images: what a reference names, and what the local engine says that it is.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Artefact;

/// The image `reference`, with the digest that it names, or that the engine `program` pulled it by.
pub(super) fn image(program: &str, reference: &str) -> Artefact {
    let mut artefact = named(reference);
    if artefact.integrity.is_none() {
        artefact.integrity = pulled(program, reference);
    }
    artefact
}

/// The last part of an image reference, without tag and digest.
pub(super) fn short_name(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split(':').next().unwrap_or(last)
}

fn named(reference: &str) -> Artefact {
    let (name, integrity) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest.to_owned())),
        None => (reference, None),
    };
    let after_slash = name.rfind('/').map_or(0, |slash| slash + 1);
    let tag = name.get(after_slash..).and_then(|last| last.split_once(':'));
    let version = tag.map(|(_, tag)| tag.to_owned());
    let name = match tag {
        Some((last, _)) => name.get(..after_slash + last.len()).unwrap_or(name),
        None => name,
    };
    Artefact {
        registry: "oci".to_owned(),
        name: name.to_owned(),
        version,
        integrity,
        authorizers: None,
    }
}

/// The digest under which a registry has the image that the engine holds.
fn pulled(program: &str, reference: &str) -> Option<String> {
    let format = "{{range .RepoDigests}}{{println .}}{{end}}";
    let mut child = Command::new(program)
        .args(["image", "inspect", "--format", format, "--", reference])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + ENGINE_TIME_MAX;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > end {
            // Without an answer the digest is unknown, whatever becomes of the process.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(POLL_TIME);
    }
    let said = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let said = String::from_utf8(said.stdout).ok()?;
    let digests = said.lines().filter_map(|line| line.trim().split_once('@'));
    digests.map(|(_, digest)| digest.to_owned()).find(|digest| digest.starts_with("sha256:"))
}

/// An engine that is not running answers at once; one that hangs must not keep a pin.
const ENGINE_TIME_MAX: Duration = Duration::from_secs(5);
const POLL_TIME: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_reference_has_a_name_a_tag_and_a_digest() {
        let image = image("docker", "ghcr.io:443/acme/files:1.2@sha256:ab");
        assert_eq!(image.name, "ghcr.io:443/acme/files");
        assert_eq!(image.version.as_deref(), Some("1.2"));
        assert_eq!(image.integrity.as_deref(), Some("sha256:ab"));
        assert_eq!(short_name("ghcr.io:443/acme/files:1.2@sha256:ab"), "files");
    }

    #[test]
    fn the_engine_is_asked_for_the_digest_of_a_tag_and_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("docker");
        let script = "#!/bin/sh\necho \"$6@sha256:cd\"\n";
        std::fs::write(&engine, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&engine, mode).unwrap();
        let asked = image(engine.to_str().unwrap(), "mcp/fetch:1");
        assert_eq!(asked.integrity.as_deref(), Some("sha256:cd"));
        assert_eq!(image("/no/such/engine", "mcp/fetch").integrity, None);
    }
}
