//! How a server is run or reached.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// A server, as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A local server that speaks over stdin and stdout.
    Command(Command),
    /// A remote server that speaks Streamable HTTP, or HTTP+SSE before 2025-03-26.
    Url(Endpoint),
}

/// A command to run. It inherits the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The program, found as a shell finds it.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs; where the guard runs, if `None`.
    pub directory: Option<PathBuf>,
}

/// An address to reach.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The MCP endpoint.
    pub url: http::Uri,
    /// Headers that every request carries; their values may be secret and are never shown.
    pub headers: http::HeaderMap,
}

impl fmt::Debug for Endpoint {
    /// Shows no query and no value of a header: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        f.debug_struct("Endpoint")
            .field("host", &host)
            .field("path", &self.url.path())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
