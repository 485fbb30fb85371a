//! What was declared, as entities that policies speak of. Made once, read by every decision.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression};

use crate::limits::{ENTITIES_MAX, TOOLS_MAX};
use crate::request::{Name, edge_id, tool_id};
use crate::vocabulary::Vocabulary;

/// What was declared.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Every server that edges name.
    pub servers: Vec<Server>,
    /// Every permission.
    pub edges: Vec<Edge>,
}

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its resource identifier.
    pub resource: String,
    /// The audience that its issuer stamps.
    pub audience: String,
    /// The scopes that it knows.
    pub scopes: BTreeSet<String>,
    /// What each tool needs, from the pinned surface.
    pub tools: BTreeMap<String, BTreeSet<String>>,
}

/// A permission from one server to another.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The resource identifier of the server that calls.
    pub from: String,
    /// That of the server that is called.
    pub to: String,
    /// The client that calls.
    pub client: Name,
    /// Where the token comes from: `local`, `exchange`, `id-jag`, `client-credentials`.
    pub via: String,
    /// What becomes of a bound subject token: `relay`, `refuse`, `audience_only`.
    pub bound_subject: String,
    /// How long its tokens live, in seconds.
    pub ttl_s: u64,
    /// Whether a chain may pass here again.
    pub may_cycle: bool,
}

/// The entities.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) entities: Entities,
}

/// Why what was declared makes no world.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A bound that was passed.
    #[error("there are more than {max} {what}")]
    Size {
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// What Cedar refuses: one name twice, a value that the schema does not have.
    #[error("what was declared makes no set of entities: {0}")]
    Entities(String),
}

impl WorldError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "policy.world"
    }
}

impl World {
    /// Makes entities of what was declared.
    ///
    /// # Errors
    /// What passes a bound, or names a server or an edge twice.
    pub fn new(declared: &Declared) -> Result<Self, WorldError> {
        let size = |what, max| WorldError::Size { what, max };
        if declared.servers.len() > ENTITIES_MAX {
            return Err(size("servers", ENTITIES_MAX));
        }
        if declared.edges.len() > ENTITIES_MAX {
            return Err(size("edges", ENTITIES_MAX));
        }
        if declared.servers.iter().map(|server| server.tools.len()).sum::<usize>() > TOOLS_MAX {
            return Err(size("tools", TOOLS_MAX));
        }
        let words = Vocabulary::read().map_err(WorldError::Entities)?;
        let servers = declared.servers.iter().flat_map(|server| of_server(&words, server));
        let edges = declared.edges.iter().map(|edge| of_edge(&words, edge));
        let entities = servers.chain(edges).collect::<Result<Vec<_>, _>>()?;
        let entities = Entities::from_entities(entities, Some(&words.schema)).map_err(refused)?;
        Ok(Self { entities })
    }
}

fn of_server<'a>(
    words: &'a Vocabulary,
    server: &'a Server,
) -> impl Iterator<Item = Result<Entity, WorldError>> + 'a {
    let this = words.server(&server.resource);
    let attributes = [
        ("audience", RestrictedExpression::new_string(server.audience.clone())),
        ("scopes", strings(&server.scopes)),
    ];
    let tools = server.tools.iter().map({
        let this = this.clone();
        move |(tool, scopes)| {
            let server_and_scopes = [
                ("server", RestrictedExpression::new_entity_uid(this.clone())),
                ("scopes", strings(scopes)),
            ];
            let uid = words.tool(&tool_id(&server.resource, tool));
            entity(uid, server_and_scopes, Some(&this))
        }
    });
    std::iter::once(entity(this, attributes, None)).chain(tools)
}

fn of_edge(words: &Vocabulary, edge: &Edge) -> Result<Entity, WorldError> {
    let server = |resource| RestrictedExpression::new_entity_uid(words.server(resource));
    let client = words.agent(&edge.client.to_string());
    let text = |text: &String| RestrictedExpression::new_string(text.clone());
    let ttl_s = i64::try_from(edge.ttl_s).unwrap_or(i64::MAX);
    let attributes = [
        ("from", server(&edge.from)),
        ("to", server(&edge.to)),
        ("client", RestrictedExpression::new_entity_uid(client)),
        ("via", text(&edge.via)),
        ("bound_subject", text(&edge.bound_subject)),
        ("ttl_s", RestrictedExpression::new_long(ttl_s)),
        ("may_cycle", RestrictedExpression::new_bool(edge.may_cycle)),
    ];
    entity(words.edge(&edge_id(&edge.from, &edge.to)), attributes, None)
}

fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
    parent: Option<&EntityUid>,
) -> Result<Entity, WorldError> {
    let attributes: HashMap<_, _> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let parents: HashSet<_> = parent.cloned().into_iter().collect();
    Entity::new(uid, attributes, parents).map_err(refused)
}

/// A set of strings, as Cedar has it.
pub(crate) fn strings(texts: &BTreeSet<String>) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.iter().cloned().map(RestrictedExpression::new_string))
}

fn refused(error: impl std::error::Error) -> WorldError {
    let mut what = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        what = format!("{what}: {error}");
        source = error.source();
    }
    WorldError::Entities(what)
}
