//! Edges: the declared permissions from one server to the next, in a versioned file.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::Resource;

/// The edge file, checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edges {
    version: u64,
    digest: String,
    servers: BTreeMap<Resource, Server>,
    edges: Vec<Edge>,
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
    /// The requirement of each tool, from the pinned surface.
    pub tools: BTreeMap<String, BTreeSet<String>>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assurance {
    /// It is bound to a key.
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

impl Edges {
    /// Reads an edge file (JSON), strictly.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix: an unknown server or scope, two
    /// servers with one audience, `http` off loopback, two edges of one pair.
    pub fn parse(bytes: &[u8]) -> Result<Self, EdgeError> {
        unimplemented!("{bytes:?}")
    }

    /// The file's version.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The SHA-256 of the file, `sha256:…`: in each decision.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// A server.
    pub fn server(&self, resource: &Resource) -> Option<&Server> {
        self.servers.get(resource)
    }

    /// The server whose client this is.
    pub fn server_of(&self, client: &str) -> Option<(&Resource, &Server)> {
        self.servers.iter().find(|(_, server)| server.client.as_deref() == Some(client))
    }

    /// The edge from one server to another.
    pub fn edge(&self, from: &Resource, to: &Resource) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.from == *from && edge.to == *to)
    }

    /// All edges.
    pub fn all(&self) -> &[Edge] {
        &self.edges
    }

    /// Everything that scopes held at a server can become at any server within `depth_max` edges:
    /// the ceiling of a new grant.
    pub fn closure(
        &self,
        from: &Resource,
        scopes: &BTreeSet<String>,
        depth_max: u8,
    ) -> BTreeMap<Resource, BTreeSet<String>> {
        unimplemented!("{from} {scopes:?} {depth_max}")
    }
}

impl Edge {
    /// What held scopes give at the target.
    pub fn map(&self, held: &BTreeSet<String>) -> BTreeSet<String> {
        held.iter().filter_map(|scope| self.scopes.get(scope)).flatten().cloned().collect()
    }
}

/// Why an edge file is refused.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct EdgeError {
    /// Where, as a JSON pointer.
    pub place: String,
    /// What is wrong, and the fix.
    pub what: String,
}
