//! The one policy engine: behind X14 of an exchange, G14 of a call, and the decision endpoint.
//!
//! It asks `policy` with facts that the checks before it established; it establishes none itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::{
    Asked, Declared, Facts, Mapped, Name, Policies, Request, RequestError, Subject, Verdict, World,
};

use crate::edge::{BoundSubject, Edge, Edges, Server, Via};
use crate::resource::Resource;
use crate::token::{Access, Actor};

/// Policies over the servers and edges of one edge file.
#[derive(Debug)]
pub struct Engine {
    policies: Arc<Policies>,
    world: World,
}

/// A call that passed the checks before G14.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// The verified access token.
    pub access: &'a Access,
    /// The server.
    pub server: &'a Resource,
    /// What is called.
    pub what: What<'a>,
    /// The scopes that it needs by the pinned surface.
    pub needs: &'a BTreeSet<String>,
    /// What the pinned mapping of a tool makes of the call, if it has one.
    pub mapped: Option<&'a Mapped>,
    /// Whether a proof or a certificate was verified.
    pub is_proven: bool,
    /// Whether the pinned surface lets it destroy; what says nothing does.
    pub is_destructive: bool,
}

/// What is called.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// A tool.
    Tool(&'a str),
    /// The content of a resource, by its URI.
    Resource(&'a str),
    /// A prompt.
    Prompt(&'a str),
}

impl Engine {
    /// Policies over an edge file. `issuer` is the token service that names its clients.
    ///
    /// # Errors
    /// An issuer with a fragment; servers or edges beyond a bound.
    pub fn new(policies: Policies, edges: &Edges, issuer: &str) -> Result<Self, EngineError> {
        Self::over(Arc::new(policies), edges, issuer)
    }

    /// The same policies over another edge file.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_edges(&self, edges: &Edges, issuer: &str) -> Result<Self, EngineError> {
        Self::over(Arc::clone(&self.policies), edges, issuer)
    }

    fn over(policies: Arc<Policies>, edges: &Edges, issuer: &str) -> Result<Self, EngineError> {
        let world = World::new(&declared(edges, issuer)?)?;
        Ok(Self { policies, world })
    }

    /// Policies over one server as it was pinned, among the edges of a file if there is one.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn of_server(
        policies: Policies,
        server: policy::Server,
        edges: Option<(&Edges, &str)>,
    ) -> Result<Self, EngineError> {
        let declared = edges.map(|(edges, issuer)| declared(edges, issuer)).transpose()?;
        let mut declared = declared.unwrap_or_default();
        // What was pinned outweighs what an edge file repeats of it.
        declared.servers.retain(|other| other.resource != server.resource);
        declared.servers.push(server);
        Ok(Self { policies: Arc::new(policies), world: World::new(&declared)? })
    }

    /// G14: whether policies permit a call.
    pub fn call(&self, called: &Called<'_>, is_revoked: bool, now_s: u64) -> Verdict {
        self.answer(call_request(called, is_revoked, now_s))
    }

    /// The answer to a request that somebody else made.
    pub fn decide(&self, request: &Request) -> Verdict {
        self.policies.decide(&self.world, request)
    }

    /// The same, with what each policy made of it.
    pub fn explain(&self, request: &Request) -> policy::Explanation {
        self.policies.explain(&self.world, request)
    }

    fn answer(&self, request: Result<Request, RequestError>) -> Verdict {
        match request {
            Ok(request) => self.decide(&request),
            Err(error) => {
                let (code, what) = (error.code(), error.to_string());
                Verdict { reason: policy::Reason::Refused { code, what } }
            }
        }
    }
}

fn call_request(
    called: &Called<'_>,
    is_revoked: bool,
    now_s: u64,
) -> Result<Request, RequestError> {
    let access = called.access;
    let chain = chain_of(access)?;
    let agent = chain.first().cloned().map_or_else(|| root_client(access), Ok)?;
    Ok(Request {
        subject: subject_of(access)?,
        asked: asked(called),
        facts: Facts {
            agent,
            depth: behind(&chain),
            chain,
            requested: called.needs.clone(),
            allowed: access.scopes.clone(),
            parent_bound: access.confirmation.is_some(),
            child_bound: called.is_proven,
            auth_age_s: access.auth_age_s(now_s),
            revoked: is_revoked,
            destructive: called.is_destructive,
            mapped: called.mapped.cloned(),
        },
    })
}

fn asked(called: &Called<'_>) -> Asked {
    let server = called.server.to_string();
    match called.what {
        What::Tool(tool) => Asked::CallTool { server, tool: tool.to_owned() },
        What::Resource(uri) => Asked::ReadResource { server, uri: uri.to_owned() },
        What::Prompt(prompt) => Asked::GetPrompt { server, prompt: prompt.to_owned() },
    }
}

fn declared(edges: &Edges, issuer: &str) -> Result<Declared, EngineError> {
    let servers = edges.servers().map(|(resource, server)| of_server(resource, server));
    let permissions = edges.all().iter().map(|edge| of_edge(edge, issuer));
    Ok(Declared { servers: servers.collect(), edges: permissions.collect::<Result<_, _>>()? })
}

/// The token's actors; without `act`, its client counts as one (ours).
fn chain_of(access: &Access) -> Result<Vec<Name>, RequestError> {
    if access.actors.is_empty() {
        return Ok(vec![root_client(access)?]);
    }
    let name = |actor: &Actor| Name::new(&actor.iss, &actor.sub);
    access.actors.iter().map(name).collect()
}

fn root_client(access: &Access) -> Result<Name, RequestError> {
    Name::new(&access.subject.iss, &access.client_id)
}

/// A token whose subject is its own client is nobody's but the client's (RFC 9068 §2.2).
fn subject_of(access: &Access) -> Result<Subject, RequestError> {
    let name = Name::new(&access.subject.iss, &access.subject.sub)?;
    let is_client = access.subject.sub == access.client_id && access.actors.is_empty();
    Ok(if is_client { Subject::Agent(name) } else { Subject::Principal(name) })
}

fn behind(chain: &[Name]) -> u64 {
    u64::try_from(chain.len().saturating_sub(1)).unwrap_or(u64::MAX)
}

fn of_server(resource: &Resource, server: &Server) -> policy::Server {
    let tools = server.tools.iter();
    policy::Server {
        resource: resource.to_string(),
        audience: server.audience.clone(),
        scopes: server.scopes.clone(),
        tools: tools.map(|(name, tool)| (name.clone(), tool.scopes.clone())).collect(),
    }
}

fn of_edge(edge: &Edge, issuer: &str) -> Result<policy::Edge, RequestError> {
    let via = match edge.via {
        Via::Local => "local",
        Via::Exchange(_) => "exchange",
        Via::IdJag(_) => "id-jag",
        Via::ClientCredentials(_) => "client-credentials",
    };
    let bound_subject = match edge.bound_subject {
        BoundSubject::Relay => "relay",
        BoundSubject::Refuse => "refuse",
        BoundSubject::AudienceOnly => "audience_only",
    };
    Ok(policy::Edge {
        from: edge.from.to_string(),
        to: edge.to.to_string(),
        client: Name::new(issuer, &edge.client)?,
        via: via.to_owned(),
        bound_subject: bound_subject.to_owned(),
        ttl_s: edge.ttl_s,
        may_cycle: edge.may_cycle,
    })
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// An issuer or a client that names nobody.
    #[error("naming the clients of the edge file: {0}")]
    Name(#[from] RequestError),
    /// Servers or edges beyond a bound.
    #[error("making entities of the edge file: {0}")]
    World(#[from] policy::WorldError),
}

#[cfg(test)]
pub(crate) mod tests;
