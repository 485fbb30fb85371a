//! What is asked: who, through whom, what, and the facts.

mod json;

use std::collections::BTreeSet;
use std::fmt;

use cedar_policy::{Context, RestrictedExpression};

use crate::limits::{CHAIN_MAX, NAME_BYTES_MAX, SCOPES_MAX};
use crate::vocabulary::Vocabulary;
use crate::world::strings;

/// Somebody, and who names them: `<issuer>#<name>`. An issuer has no fragment (RFC 8414 §2), so the
/// first `#` ends it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    issuer: String,
    name: String,
}

/// For whom it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A person.
    Principal(Name),
    /// A client for itself: nobody's authority but its own.
    Agent(Name),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A token for the next server.
    Exchange {
        /// The resource identifier of the server that calls.
        from: String,
        /// That of the server that is called.
        to: String,
    },
    /// The call of a tool.
    CallTool {
        /// The resource identifier of the server.
        server: String,
        /// The tool.
        tool: String,
    },
    /// The content of a resource.
    ReadResource {
        /// The resource identifier of the server.
        server: String,
        /// The URI.
        uri: String,
    },
    /// A prompt.
    GetPrompt {
        /// The resource identifier of the server.
        server: String,
        /// The prompt.
        prompt: String,
    },
}

/// What a tool's pinned `x-authzen-mapping` makes of one call: the server's words, filled from the
/// call's arguments. Who calls is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// What the server calls the one who calls.
    pub subject_type: String,
    /// What the call does.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which.
    pub resource_id: String,
}

/// What is true of the request. Each fact is required: a fact that is left out would make a `forbid`
/// err, and an error denies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each named in the schema")]
pub struct Facts {
    /// The presenter: the outermost actor.
    pub agent: Name,
    /// Actors behind the presenter.
    pub depth: u64,
    /// Every actor, the presenter among them.
    pub chain: Vec<Name>,
    /// The scopes that are asked for, or that the tool needs.
    pub requested: BTreeSet<String>,
    /// What the edge's map and the grant's ceiling leave; for a call, what the token has.
    pub allowed: BTreeSet<String>,
    /// The token that came is bound to a key.
    pub parent_bound: bool,
    /// The token that is issued will be; for a call, a proof was verified.
    pub child_bound: bool,
    /// Since the person signed in, in seconds; nothing if nobody says.
    pub auth_age_s: Option<u64>,
    /// The grant, or everything of its subject, was ended.
    pub revoked: bool,
    /// The tool says that it may destroy, or does not say that it may not.
    pub destructive: bool,
    /// What the tool's mapping makes of the call, if it has one.
    pub mapped: Option<Mapped>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// For whom.
    pub subject: Subject,
    /// What.
    pub asked: Asked,
    /// The facts.
    pub facts: Facts,
}

/// Why a request is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A member that is missing or of another JSON type, or a name that is none.
    #[error("`{place}` {what}")]
    Form {
        /// Where, as `subject.id`.
        place: String,
        /// What it has to be.
        what: &'static str,
    },
    /// A type or an action that the schema does not have.
    #[error("`{place}` is not one that policies here know: {known}")]
    Unknown {
        /// Where.
        place: &'static str,
        /// What is known.
        known: &'static str,
    },
    /// A fact that is missing or of another type.
    #[error("the fact `context.{fact}` {what}")]
    Context {
        /// Which.
        fact: &'static str,
        /// What it has to be.
        what: &'static str,
    },
    /// A bound that was passed.
    #[error("`{place}` is longer than {max}")]
    Size {
        /// Where.
        place: &'static str,
        /// The bound.
        max: usize,
    },
}

impl RequestError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form { .. } => "policy.request-form",
            Self::Unknown { .. } => "policy.request-unknown",
            Self::Context { .. } => "policy.request-context",
            Self::Size { .. } => "policy.request-size",
        }
    }
}

impl Name {
    /// Somebody, named by an issuer.
    ///
    /// # Errors
    /// An issuer that is empty or has a fragment, and an empty name.
    pub fn new(issuer: &str, name: &str) -> Result<Self, RequestError> {
        let form = |what| RequestError::Form { place: "name".to_owned(), what };
        if issuer.is_empty() || issuer.contains('#') {
            return Err(form("has an issuer that is empty or has a fragment"));
        }
        if name.is_empty() {
            return Err(form("has nothing after its issuer"));
        }
        Ok(Self { issuer: issuer.to_owned(), name: name.to_owned() })
    }

    /// The same from its text, `<issuer>#<name>`.
    ///
    /// # Errors
    /// As [`Name::new`].
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let (issuer, name) = text.split_once('#').unwrap_or((text, ""));
        Self::new(issuer, name)
    }

    /// Who names them.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.issuer, self.name)
    }
}

impl Request {
    /// The request as Cedar takes it, checked against the schema.
    pub(crate) fn cedar(&self, words: &Vocabulary) -> Result<cedar_policy::Request, RequestError> {
        self.bounded()?;
        let (principal, issuer) = match &self.subject {
            Subject::Principal(name) => (words.principal(&name.to_string()), name.issuer()),
            Subject::Agent(name) => (words.agent(&name.to_string()), name.issuer()),
        };
        let (action, resource) = match &self.asked {
            Asked::Exchange { from, to } => (&words.exchange, words.edge(&edge_id(from, to))),
            Asked::CallTool { server, tool } => {
                (&words.call_tool, words.tool(&tool_id(server, tool)))
            }
            Asked::ReadResource { server, .. } => (&words.read_resource, words.server(server)),
            Asked::GetPrompt { server, .. } => (&words.get_prompt, words.server(server)),
        };
        let context = self.facts.context(words, issuer, self.asked.item());
        let context = context.map_err(|()| refused("could not be read"))?;
        // Never fails while schema and `context` say the same; a build in which they do not, denies.
        let schema = Some(&words.schema);
        cedar_policy::Request::new(principal, action.clone(), resource, context, schema)
            .map_err(|_| refused("are not what the schema says"))
    }

    fn bounded(&self) -> Result<(), RequestError> {
        let Facts { agent, chain, requested, allowed, mapped, .. } = &self.facts;
        let few = |place, count: usize, max| {
            (count <= max).then_some(()).ok_or(RequestError::Size { place, max })
        };
        let short = |place, bytes| few(place, bytes, NAME_BYTES_MAX);
        let (Subject::Principal(subject) | Subject::Agent(subject)) = &self.subject;
        short("subject.id", subject.bytes())?;
        let resource = match &self.asked {
            Asked::Exchange { from, to } => from.len().saturating_add(to.len()),
            Asked::CallTool { server, tool: item }
            | Asked::ReadResource { server, uri: item }
            | Asked::GetPrompt { server, prompt: item } => server.len().saturating_add(item.len()),
        };
        short("resource.id", resource)?;
        short("context.agent", agent.bytes())?;
        few("context.chain", chain.len(), CHAIN_MAX)?;
        chain.iter().try_for_each(|actor| short("context.chain", actor.bytes()))?;
        few("context.requested", requested.len(), SCOPES_MAX)?;
        few("context.allowed", allowed.len(), SCOPES_MAX)?;
        if let Some(Mapped { subject_type, action, resource_type, resource_id }) = mapped {
            let mut texts = [subject_type, action, resource_type, resource_id].into_iter();
            texts.try_for_each(|text| short("context.mapped", text.len()))?;
        }
        let mut scopes = requested.iter().chain(allowed);
        scopes.try_for_each(|scope| short("context.requested", scope.len()))
    }
}

impl Asked {
    /// What `context.item` names.
    fn item(&self) -> &str {
        match self {
            Self::Exchange { .. } => "",
            Self::CallTool { tool: item, .. }
            | Self::ReadResource { uri: item, .. }
            | Self::GetPrompt { prompt: item, .. } => item,
        }
    }
}

impl Name {
    fn bytes(&self) -> usize {
        self.issuer.len().saturating_add(self.name.len())
    }
}

impl Facts {
    fn context(&self, words: &Vocabulary, issuer: &str, item: &str) -> Result<Context, ()> {
        type Value = RestrictedExpression;
        let agent = |name: &Name| Value::new_entity_uid(words.agent(&name.to_string()));
        let count = |n: u64| Value::new_long(i64::try_from(n).unwrap_or(i64::MAX));
        let pairs = [
            ("agent", agent(&self.agent)),
            ("issuer", Value::new_string(issuer.to_owned())),
            ("depth", count(self.depth)),
            ("chain", Value::new_set(self.chain.iter().map(agent))),
            ("requested", strings(&self.requested)),
            ("allowed", strings(&self.allowed)),
            ("parent_bound", Value::new_bool(self.parent_bound)),
            ("child_bound", Value::new_bool(self.child_bound)),
            ("auth_age_s", count(self.auth_age_s.unwrap_or(AGE_UNKNOWN_S).min(AGE_UNKNOWN_S))),
            ("revoked", Value::new_bool(self.revoked)),
            ("destructive", Value::new_bool(self.destructive)),
            ("item", Value::new_string(item.to_owned())),
        ];
        let mapped = self.mapped.as_ref().map(Mapped::record).transpose()?;
        let pairs = pairs.into_iter().chain(mapped.map(|record| ("mapped", record)));
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value))).map_err(|_| ())
    }
}

impl Mapped {
    fn record(&self) -> Result<RestrictedExpression, ()> {
        let pairs = [
            ("subject_type", &self.subject_type),
            ("action", &self.action),
            ("resource_type", &self.resource_type),
            ("resource_id", &self.resource_id),
        ];
        let text = |text: &String| RestrictedExpression::new_string(text.clone());
        let pairs = pairs.map(|(name, value)| (name.to_owned(), text(value)));
        RestrictedExpression::new_record(pairs).map_err(|_| ())
    }
}

fn refused(what: &'static str) -> RequestError {
    RequestError::Form { place: "context".to_owned(), what }
}

/// The name of an edge. A resource identifier holds no space.
pub(crate) fn edge_id(from: &str, to: &str) -> String {
    format!("{from}{ARROW}{to}")
}

/// The name of a tool. A resource identifier holds no fragment (RFC 8707 §2).
pub(crate) fn tool_id(server: &str, tool: &str) -> String {
    format!("{server}#{tool}")
}

/// What is said of a sign-in whose time nobody says: older than any bound. The largest integer that
/// JSON carries safely.
pub const AGE_UNKNOWN_S: u64 = (1 << 53) - 1;

const ARROW: &str = " -> ";
