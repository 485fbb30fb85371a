//! The bytes of a log, unverified: from its URL, or from a folder laid out as one.

use std::path::{Path, PathBuf};

use reqwest::{StatusCode, Url};

use super::limits;
use crate::codes;
use crate::failure::Failure;

/// Where a log is read.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    /// Under a URL: `checkpoint`, `tile/…`.
    Url { prefix: Url, client: reqwest::Client },
    /// In a folder with the same paths.
    Folder(PathBuf),
}

impl Reader {
    /// The reader of what somebody typed.
    ///
    /// # Errors
    /// A URL that is not https, nor http on this machine.
    pub(crate) fn of(text: &str) -> Result<Self, Failure> {
        if !text.contains("://") {
            return Ok(Self::Folder(text.into()));
        }
        let usage = |why: &str| Failure::usage(format!("{why}: a log is read at an https URL"));
        let mut prefix =
            Url::parse(text).map_err(|error| usage("this is no URL").because(error))?;
        let is_local = prefix.host_str().is_some_and(is_this_machine);
        if prefix.scheme() != "https" && !(prefix.scheme() == "http" && is_local) {
            return Err(usage("only this machine is read without TLS"));
        }
        if !prefix.username().is_empty() || prefix.password().is_some() {
            return Err(usage("a log asks for no password"));
        }
        prefix.set_query(None);
        prefix.set_fragment(None);
        if !prefix.path().ends_with('/') {
            let path = format!("{}/", prefix.path());
            prefix.set_path(&path);
        }
        Ok(Self::Url { prefix, client: client()? })
    }

    /// What is at `path`; `None` if nothing is.
    ///
    /// # Errors
    /// A log that does not answer, or with more than `bytes_max`.
    pub(crate) async fn read(
        &self,
        path: &str,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Url { prefix, client } => {
                let url = prefix.join(path).map_err(|error| failed(path).because(error))?;
                fetch(client, url, bytes_max).await
            }
            Self::Folder(folder) => read_file(&folder.join(path), bytes_max),
        }
    }

    /// As [`read`](Self::read), of what has to be there.
    ///
    /// # Errors
    /// As [`read`](Self::read), and a log without it.
    pub(crate) async fn need(&self, path: &str, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let found = self.read(path, bytes_max).await?;
        found.ok_or_else(|| failed(path).because(format!("{self} has none")))
    }
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url { prefix, .. } => write!(f, "{prefix}"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
        }
    }
}

/// A client that goes where it is told and nowhere else.
///
/// # Errors
/// TLS that cannot be set up.
pub(crate) fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(limits::CONNECT_TIME_MAX)
        .timeout(limits::ANSWER_TIME_MAX)
        .build()
        .map_err(|error| Failure::new("preparing to ask a registry").because(error))
}

/// The body of an answer.
///
/// # Errors
/// One that breaks off, or has more than `bytes_max`.
pub(crate) async fn body(
    mut answer: reqwest::Response,
    bytes_max: usize,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(TooLong { bytes_max }.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn fetch(
    client: &reqwest::Client,
    url: Url,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let asking = || Failure::new(format!("asking {url}"));
    let sent = client.get(url.clone()).send().await;
    let answer = sent.map_err(|error| asking().because(error.without_url()))?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        status => return Err(asking().because(format!("it answered {status}"))),
    }
    let read = body(answer, bytes_max).await;
    read.map(Some).map_err(|error| {
        let what = format!("asking {url}");
        let is_too_long = error.is::<TooLong>();
        let failure = if is_too_long { too_long(what) } else { Failure::new(what) };
        failure.because(error)
    })
}

fn read_file(path: &Path, bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
    use std::io::Read as _;
    let reading = || Failure::new(format!("reading {}", path.display()));
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reading().because(error)),
    };
    let mut bytes = Vec::new();
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes).map_err(|error| reading().because(error))?;
    if bytes.len() > bytes_max {
        let what = format!("reading {}", path.display());
        return Err(too_long(what).because(TooLong { bytes_max }));
    }
    Ok(Some(bytes))
}

/// More bytes than what was asked for can have.
#[derive(Debug, thiserror::Error)]
#[error("it has more than {bytes_max} bytes")]
struct TooLong {
    bytes_max: usize,
}

fn too_long(what: String) -> Failure {
    Failure::refusal(codes::LOG_TOO_LONG, what)
}

fn failed(path: &str) -> Failure {
    Failure::new(format!("reading `{path}` of the log"))
}

/// Whether a host is this machine: what tests and local registries are reached at.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        assert_eq!(read_file(&path, 4).unwrap(), None);
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_file(&path, 4).unwrap(), Some(b"1234".to_vec()));
        std::fs::write(&path, "12345").unwrap();
        assert!(read_file(&path, 4).is_err());
    }
}
