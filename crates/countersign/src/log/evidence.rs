//! The evidence that a log fixes one version of a server: fetched, kept, and judged.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use guard::{Ground, Objection};
use seal::bundle::Verified;
use seal::{Bundle, Trust};

use super::limits;
use super::reader::Reader;
use crate::codes;
use crate::failure::Failure;
use crate::lock::entry::Published;

/// Where evidence comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A log that makes it on request, under `bundle/`.
    Log(Reader),
    /// A file that holds it.
    File(PathBuf),
}

/// A server as it is published: `io.github.acme/files`, with `@1.4.0` for one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The registry name.
    pub(crate) server: String,
    /// The version; the latest if none is named.
    pub(crate) version: Option<String>,
}

impl Source {
    /// The source of what somebody typed.
    ///
    /// # Errors
    /// As [`Reader::of`].
    pub(crate) fn of(text: &str) -> Result<Self, Failure> {
        if text.contains("://") {
            return Reader::of(text).map(Self::Log);
        }
        Ok(Self::File(text.into()))
    }

    /// The bundle about a version, unverified.
    ///
    /// # Errors
    /// A source that cannot be read, or has none.
    pub(crate) async fn bundle(&self, named: &Named) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Log(reader) => {
                let version = named.version.as_deref().unwrap_or("latest");
                let path = format!("bundle/{}/{}", encoded(&named.server), encoded(version));
                let found = reader.read(&path, limits::EVIDENCE_BYTES_MAX).await?;
                let missing = || format!("{reader} has no evidence about {named}");
                found.ok_or_else(|| Failure::refusal(codes::LOG_EVIDENCE, missing()))
            }
            Self::File(path) => {
                let reader = Reader::Folder(PathBuf::new());
                reader.need(&path.to_string_lossy(), limits::EVIDENCE_BYTES_MAX).await
            }
        }
    }
}

impl FromStr for Named {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (server, version) = match text.split_once('@') {
            Some((server, version)) => (server, Some(version.to_owned())),
            None => (text, None),
        };
        let is_name = server.split_once('/').is_some_and(|(namespace, name)| {
            !namespace.is_empty() && !name.is_empty() && !name.contains('/')
        });
        if !is_name || version.as_deref() == Some("") {
            return Err("a published server is named `io.github.acme/files`, or with `@1.4.0`");
        }
        Ok(Self { server: server.to_owned(), version })
    }
}

impl From<&Published> for Named {
    fn from(published: &Published) -> Self {
        Self { server: published.server.clone(), version: Some(published.version.clone()) }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

/// What a bundle proves about a server at a time, or why it proves nothing that counts.
///
/// # Errors
/// The first check that does not hold.
pub(crate) fn judge(
    bundle: &[u8],
    named: &Named,
    trust: &Trust,
    now_s: u64,
) -> Result<Verified, Objection> {
    let unproved = |sentence: String| Objection { ground: Ground::Unproved, sentence };
    let bundle = Bundle::parse(bundle).map_err(|error| unproved(error.to_string()))?;
    let outcome = bundle.verify(trust, now_s);
    let failed = outcome.checks.iter().find(|check| !check.holds);
    let verified = match (outcome.verified, failed) {
        (Some(verified), None) => verified,
        (_, Some(check)) => {
            return Err(Objection { ground: ground_of(check.code), sentence: check.says.clone() });
        }
        (None, None) => return Err(unproved("the bundle proves nothing".to_owned())),
    };
    let is_other_version = named.version.as_ref().is_some_and(|v| *v != verified.version);
    if verified.server != named.server || is_other_version {
        let what = format!("the evidence is about {}@{}", verified.server, verified.version);
        return Err(unproved(format!("{what}, not about {named}")));
    }
    Ok(verified)
}

/// The checkpoint of a bundle, unverified.
pub(crate) fn checkpoint(bundle: &[u8]) -> Option<String> {
    Bundle::parse(bundle).ok().map(|bundle| bundle.checkpoint)
}

fn ground_of(code: &str) -> Ground {
    match code {
        "seal.revocation" | "seal.status" => Ground::Revoked,
        "seal.freshness" => Ground::Stale,
        _ => Ground::Unproved,
    }
}

/// One segment of a path (RFC 3986 section 2.1).
fn encoded(segment: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_server_has_a_namespace_a_name_and_perhaps_a_version() {
        let named = |text: &str| text.parse::<Named>().ok().map(|n| (n.server, n.version));
        let files = || "io.github.acme/files".to_owned();
        assert_eq!(named("io.github.acme/files"), Some((files(), None)));
        let version = Some("1.0.0+7".to_owned());
        assert_eq!(named("io.github.acme/files@1.0.0+7"), Some((files(), version)));
        for wrong in ["files", "a/b/c", "/b", "a/", "a/b@", "@1"] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_segment_keeps_its_slash_and_its_plus_to_itself() {
        assert_eq!(encoded("com.example/files"), "com.example%2Ffiles");
        assert_eq!(encoded("1.0.0+7"), "1.0.0%2B7");
    }
}
