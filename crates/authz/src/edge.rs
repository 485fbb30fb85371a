//! Edges: the declared permissions from one server to the next, in a versioned file.
//!
//! Names bind, syntax does not: what a scope gives at the next server is what the file says, and equal
//! names say nothing. One edge for each pair of servers; no edge, no token.

mod error;
mod node;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use self::error::{EdgeError, Fault};
use crate::limits;
use crate::resource::Resource;

/// The edge file, checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edges {
    version: u64,
    digest: String,
    servers: BTreeMap<Resource, Server>,
    all: Vec<Edge>,
    /// The place in `all` of each pair.
    pairs: HashMap<Resource, HashMap<Resource, usize>>,
    /// The server of each client.
    clients: HashMap<String, Resource>,
}

/// A server that edges may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The audience that its issuer stamps; its resource identifier unless configured.
    pub audience: String,
    /// The scopes that it knows.
    pub scopes: BTreeSet<String>,
    /// Scopes that mean nothing to the hop and are dropped: `openid`, `offline_access`.
    pub neutral: BTreeSet<String>,
    /// The client that acts for it, if it calls others.
    pub client: Option<String>,
    /// What each tool requires, from the pinned surface.
    pub tools: BTreeMap<String, Tool>,
}

/// What a tool requires, and whether it destroys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// The scopes that a call needs.
    pub scopes: BTreeSet<String>,
    /// Whether a call may destroy; what says nothing may, as in MCP.
    pub is_destructive: bool,
}

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The server that calls.
    pub from: Resource,
    /// Its client.
    pub client: String,
    /// The server that is called.
    pub to: Resource,
    /// What each scope held gives at the target.
    pub scopes: BTreeMap<String, BTreeSet<String>>,
    /// What the subject token has to have.
    pub assurance: Assurance,
    /// Actors that an `actor_token` may name.
    pub actors: BTreeSet<String>,
    /// Whether a chain may pass here again.
    pub may_cycle: bool,
    /// How long its tokens live, in seconds.
    pub ttl_s: u64,
    /// What becomes of a bound subject token.
    pub bound_subject: BoundSubject,
    /// Where the token comes from.
    pub via: Via,
}

/// What the subject token has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assurance {
    /// It is bound to a key; the file has to say so where it need not be.
    pub bound: bool,
    /// The person signed in no longer ago, in seconds.
    pub auth_age_s_max: Option<u64>,
}

/// What becomes of a bound subject token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoundSubject {
    /// The holder's proof is relayed.
    #[default]
    Relay,
    /// It is refused.
    Refuse,
    /// Its audience is enough. Each time is a recorded lapse.
    AudienceOnly,
}

/// Where a token for the target comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Via {
    /// Our own STS.
    #[default]
    Local,
    /// Token exchange at the provider of a profile.
    Exchange(String),
    /// An assertion for another domain.
    IdJag(String),
    /// The client's own credentials: no user's authority.
    ClientCredentials(String),
}

impl Default for Assurance {
    fn default() -> Self {
        Self { bound: true, auth_age_s_max: None }
    }
}

impl Edges {
    /// Reads an edge file (JSON), strictly. Its form is `docs/schema/edges.json`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix: an unknown member, server, client or
    /// scope, two servers with one audience, `http` off loopback, two edges of one pair.
    pub fn parse(bytes: &[u8]) -> Result<Self, EdgeError> {
        read::read(bytes)
    }

    /// The file's version.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The SHA-256 of the file's canonical JSON, `sha256:…`: in each decision.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// A server.
    pub fn server(&self, resource: &Resource) -> Option<&Server> {
        self.servers.get(resource)
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = (&Resource, &Server)> {
        self.servers.iter()
    }

    /// The server whose client this is.
    pub fn server_of(&self, client: &str) -> Option<(&Resource, &Server)> {
        self.servers.get_key_value(self.clients.get(client)?)
    }

    /// The edge from one server to another.
    pub fn edge(&self, from: &Resource, to: &Resource) -> Option<&Edge> {
        self.all.get(*self.pairs.get(from)?.get(to)?)
    }

    /// All edges.
    pub fn all(&self) -> &[Edge] {
        &self.all
    }

    /// Everything that scopes held at a server can become at any server within `depth_max` edges, and
    /// what is held: the ceiling of a new grant. Scopes that a server does not know are no part of it.
    pub fn closure(
        &self,
        from: &Resource,
        scopes: &BTreeSet<String>,
        depth_max: u8,
    ) -> BTreeMap<Resource, BTreeSet<String>> {
        let known = |at: &Resource, scope: &String| {
            self.servers.get(at).is_some_and(|server| server.scopes.contains(scope))
        };
        let held = scopes.iter().filter(|scope| known(from, scope)).cloned().collect();
        let mut ceiling = BTreeMap::from([(from.clone(), held)]);
        let mut newest = ceiling.clone();
        for _ in 0..depth_max.min(limits::DEPTH_MAX) {
            let mut next: BTreeMap<Resource, BTreeSet<String>> = BTreeMap::new();
            let leaving = self.all.iter().filter_map(|edge| Some((edge, newest.get(&edge.from)?)));
            for (edge, held) in leaving {
                let there = ceiling.entry(edge.to.clone()).or_default();
                let fresh: Vec<_> = edge.map(held).difference(there).cloned().collect();
                there.extend(fresh.iter().cloned());
                next.entry(edge.to.clone()).or_default().extend(fresh);
            }
            newest = next;
        }
        ceiling.retain(|_, scopes| !scopes.is_empty());
        ceiling
    }
}

impl Edge {
    /// What held scopes give at the target.
    pub fn map(&self, held: &BTreeSet<String>) -> BTreeSet<String> {
        held.iter().filter_map(|scope| self.scopes.get(scope)).flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
