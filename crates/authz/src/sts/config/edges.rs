//! The edge file of a service: where it is, and what it has to fit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{ConfigError, files};
use crate::edge::Edges;
use crate::exchange::Client;
use crate::limits;
use crate::resource::Resource;

/// An edge file that is read at the start and again when it changes, by the same rules.
#[derive(Debug, Clone)]
pub struct EdgesFile {
    path: PathBuf,
    issuer: String,
    clients: BTreeSet<String>,
    /// What assertions of other domains give access to.
    served: BTreeSet<Resource>,
}

impl EdgesFile {
    pub(super) fn new(path: PathBuf, issuer: &str, clients: &[Client]) -> Self {
        let clients = clients.iter().map(|client| client.id.clone()).collect();
        Self { path, issuer: issuer.to_owned(), clients, served: BTreeSet::new() }
    }

    pub(super) fn has_to_serve(&mut self, servers: impl IntoIterator<Item = Resource>) {
        self.served.extend(servers);
    }

    /// Reads and checks it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix.
    pub fn read(&self) -> Result<Edges, ConfigError> {
        self.parse(&self.text()?)
    }

    /// As it is on the disk.
    ///
    /// # Errors
    /// A file that cannot be read, or is too long.
    pub fn text(&self) -> Result<String, ConfigError> {
        text(&self.path)
    }

    /// Checks a text of it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix.
    pub fn parse(&self, text: &str) -> Result<Edges, ConfigError> {
        let edges = parse(&self.path, text)?;
        let path = self.path.display();
        for (index, edge) in edges.all().iter().enumerate() {
            let place = format!("{path}, /edges/{index}");
            if !self.clients.contains(&edge.client) {
                let what = format!("`{}` is no client of this service", edge.client);
                return Err(ConfigError::new(
                    format!("{place}/client"),
                    what,
                    "add a `[[client]]`",
                ));
            }
            for (member, resource) in [("from", &edge.from), ("to", &edge.to)] {
                // A token for us and an assertion to us must not look alike.
                if edges.server(resource).is_some_and(|server| server.audience == self.issuer) {
                    let what = "the server's audience is this service's own issuer";
                    let fix = "give each its own: tokens for it could authenticate clients here";
                    return Err(ConfigError::new(format!("{place}/{member}"), what, fix));
                }
            }
        }
        if let Some(gone) = self.served.iter().find(|served| edges.server(served).is_none()) {
            let what =
                format!("`{gone}` is no server here, and an `[[accept]]` gives access to it");
            let fix = "list the server, or drop it from the `[[accept]]` first";
            return Err(ConfigError::new(format!("{path}, /servers"), what, fix));
        }
        Ok(edges)
    }
}

/// An edge file, as it is by itself.
pub(super) fn read(path: &Path) -> Result<Edges, ConfigError> {
    parse(path, &text(path)?)
}

fn text(path: &Path) -> Result<String, ConfigError> {
    files::text(path, limits::CONFIG_FILE_BYTES_MAX)
}

fn parse(path: &Path, text: &str) -> Result<Edges, ConfigError> {
    Edges::parse(text.as_bytes()).map_err(|error| {
        let place = format!("{}, {}", path.display(), error.place);
        ConfigError::new(place, error.fault.to_string(), "docs/schema/edges.json has the form")
    })
}
