//! From bytes to an edge file that holds together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wire::{Document, Policy};

use super::node::Node;
use super::{Assurance, BoundSubject, Edge, EdgeError, Edges, Fault, Server, Tool, Via};
use crate::limits;
use crate::resource::Resource;

/// Reads and checks all of it.
pub(super) fn read(bytes: &[u8]) -> Result<Edges, EdgeError> {
    let policy = Policy { bytes_max: limits::EDGE_FILE_BYTES_MAX, ..Policy::default() };
    let document = Document::parse(bytes, &policy);
    let value = document.and_then(|document| surface::json::exact(document.root()));
    let value =
        value.map_err(|refusal| EdgeError { place: String::new(), fault: Fault::Json(refusal) })?;
    let root = Node::root(&value).known(&["$schema", "version", "servers", "edges"])?;
    let version = root.required("version")?.number(1, VERSION_MAX)?;
    let (servers, clients) = servers(&root.required("servers")?)?;
    let mut edges = Vec::new();
    let mut pairs: HashMap<Resource, HashMap<Resource, usize>> = HashMap::new();
    for node in root.required("edges")?.elements(limits::EDGES_MAX)? {
        let edge = edge(&node, &servers)?;
        let there = pairs.entry(edge.from.clone()).or_default();
        if there.insert(edge.to.clone(), edges.len()).is_some() {
            let (from, to) = (edge.from.to_string(), edge.to.to_string());
            return Err(node.refuse(Fault::Pair { from, to }));
        }
        edges.push(edge);
    }
    let digest = surface::Digest::of(&value).to_string();
    Ok(Edges { version, digest, servers, all: edges, pairs, clients })
}

type Servers = BTreeMap<Resource, Server>;

fn servers(list: &Node<'_>) -> Result<(Servers, HashMap<String, Resource>), EdgeError> {
    let (mut servers, mut clients) = (Servers::new(), HashMap::new());
    let mut audiences = BTreeSet::new();
    for node in list.elements(limits::SERVERS_MAX)? {
        let (resource, server) = server(&node)?;
        if !audiences.insert(server.audience.clone()) {
            return Err(node.refuse(Fault::Audience(server.audience)));
        }
        if let Some(client) = &server.client
            && clients.insert(client.clone(), resource.clone()).is_some()
        {
            return Err(node.refuse(Fault::Client(client.clone())));
        }
        if servers.contains_key(&resource) {
            return Err(node.refuse(Fault::Twice(resource.to_string())));
        }
        servers.insert(resource, server);
    }
    Ok((servers, clients))
}

fn server(node: &Node<'_>) -> Result<(Resource, Server), EdgeError> {
    let known = ["resource", "audience", "scopes", "neutral", "client", "tools"];
    let node = node.clone().known(&known)?;
    let resource = node.required("resource")?.resource()?;
    let text = |name: &str| node.member(name).map(|it| it.text().map(str::to_owned)).transpose();
    let audience = text("audience")?.unwrap_or_else(|| resource.to_string());
    let client = text("client")?;
    let scopes = node.required("scopes")?.scopes()?;
    let neutral = match node.member("neutral") {
        Some(list) => list.scopes()?,
        None => NEUTRAL.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    if let Some(both) = neutral.intersection(&scopes).next() {
        return Err(node.refuse(Fault::Neutral(both.clone())));
    }
    let mut tools = BTreeMap::new();
    if let Some(list) = node.member("tools") {
        let members = list.members()?;
        if members.len() > limits::TOOLS_MAX {
            return Err(list.refuse(Fault::TooMany(limits::TOOLS_MAX)));
        }
        for (name, node) in members {
            let node = node.known(&["scopes", "destructive"])?;
            let needed = known_scopes(&node.required("scopes")?, &resource, &scopes)?;
            let destructive = node.member("destructive").map(|it| it.flag()).transpose()?;
            let is_destructive = destructive.unwrap_or(true);
            tools.insert(name.clone(), Tool { scopes: needed, is_destructive });
        }
    }
    Ok((resource, Server { audience, scopes, neutral, client, tools }))
}

fn edge(node: &Node<'_>, servers: &Servers) -> Result<Edge, EdgeError> {
    let node = node.clone().known(&[
        "from",
        "client",
        "to",
        "scopes",
        "assurance",
        "actors",
        "cycle",
        "ttl_s",
        "bound_subject",
        "via",
        "profile",
    ])?;
    let (from, source) = listed(&node.required("from")?, servers)?;
    let (to, target) = listed(&node.required("to")?, servers)?;
    if from == to {
        return Err(node.refuse(Fault::ToItself));
    }
    let named = node.required("client")?;
    let client = named.text()?.to_owned();
    if source.client.as_ref() != Some(&client) {
        return Err(named.refuse(Fault::NotItsClient { client, server: from.to_string() }));
    }
    let map = node.required("scopes")?;
    let mut scopes = BTreeMap::new();
    for (held, gives) in map.members()? {
        if !source.scopes.contains(held) {
            let (scope, server) = (held.clone(), from.to_string());
            return Err(gives.refuse(Fault::UnknownScope { scope, server }));
        }
        scopes.insert(held.clone(), known_scopes(&gives, &to, &target.scopes)?);
    }
    let flag = |name: &str| node.member(name).map(|it| it.flag()).transpose();
    let ttl_s =
        node.member("ttl_s").map(|it| it.number(limits::LIFE_LEFT_S_MIN, limits::HOP_TOKEN_LIFE_S));
    let actors = node.member("actors").map(|it| it.texts(limits::ACTORS_MAX)).transpose()?;
    Ok(Edge {
        client,
        scopes,
        assurance: node.member("assurance").map(assurance).transpose()?.unwrap_or_default(),
        actors: actors.unwrap_or_default(),
        may_cycle: flag("cycle")?.unwrap_or_default(),
        ttl_s: ttl_s.transpose()?.unwrap_or(limits::HOP_TOKEN_LIFE_S),
        bound_subject: bound_subject(&node)?,
        via: via(&node)?,
        from,
        to,
    })
}

fn listed<'s>(node: &Node<'_>, servers: &'s Servers) -> Result<(Resource, &'s Server), EdgeError> {
    let resource = node.resource()?;
    match servers.get(&resource) {
        Some(server) => Ok((resource, server)),
        None => Err(node.refuse(Fault::Server(resource.to_string()))),
    }
}

/// Scopes of which each is among those of `server`.
fn known_scopes(
    node: &Node<'_>,
    server: &Resource,
    known: &BTreeSet<String>,
) -> Result<BTreeSet<String>, EdgeError> {
    let scopes = node.scopes()?;
    match scopes.difference(known).next() {
        Some(scope) => {
            let (scope, server) = (scope.clone(), server.to_string());
            Err(node.refuse(Fault::UnknownScope { scope, server }))
        }
        None => Ok(scopes),
    }
}

fn assurance(node: Node<'_>) -> Result<Assurance, EdgeError> {
    let node = node.known(&["bound", "auth_age_s_max"])?;
    let bound = node.member("bound").map(|it| it.flag()).transpose()?;
    let age = node.member("auth_age_s_max").map(|it| it.number(1, AUTH_AGE_S_MAX)).transpose()?;
    Ok(Assurance { bound: bound.unwrap_or(true), auth_age_s_max: age })
}

fn bound_subject(node: &Node<'_>) -> Result<BoundSubject, EdgeError> {
    let Some(node) = node.member("bound_subject") else { return Ok(BoundSubject::Relay) };
    match node.text()? {
        "relay" => Ok(BoundSubject::Relay),
        "refuse" => Ok(BoundSubject::Refuse),
        "audience_only" => Ok(BoundSubject::AudienceOnly),
        _ => Err(node.refuse(Fault::Word("`relay`, `refuse`, `audience_only`"))),
    }
}

fn via(node: &Node<'_>) -> Result<Via, EdgeError> {
    let profile = || node.required("profile")?.text().map(str::to_owned);
    let word = node.member("via").map(|it| it.text().map(|text| (it.clone(), text))).transpose()?;
    match word {
        None | Some((_, "local")) if node.member("profile").is_some() => {
            Err(node.refuse(Fault::LocalProfile))
        }
        None | Some((_, "local")) => Ok(Via::Local),
        Some((_, "exchange")) => Ok(Via::Exchange(profile()?)),
        Some((_, "id-jag")) => Ok(Via::IdJag(profile()?)),
        Some((_, "client-credentials")) => Ok(Via::ClientCredentials(profile()?)),
        Some((it, _)) => {
            let words = "`local`, `exchange`, `id-jag`, `client-credentials`";
            Err(it.refuse(Fault::Word(words)))
        }
    }
}

/// Scopes that say nothing of what may be done at a server (`OpenID` Connect Core §5.4, §11).
const NEUTRAL: &[&str] = &["offline_access", "openid"];
/// Whatever JSON can say exactly.
const VERSION_MAX: u64 = (1 << 53) - 1;
/// A sign-in of more than a year ago says nothing.
const AUTH_AGE_S_MAX: u64 = 366 * 24 * 3600;
