//! `x-authzen-mapping` (COAZ-MCP draft 1): which question of authorization a call of a tool is.
//!
//! Followed are literals and plain paths (`$token.sub`, `$params.arguments.id`). The draft has all
//! of CEL; a mapping that computes is refused when it is pinned, never guessed. `properties` and
//! `context` are not read: no policy here can speak of them.

use policy::Mapped;
use serde_json::{Map, Value};

use super::Fault;
use crate::limits;
use crate::token::Access;

/// A declared mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    subject_type: Term,
    /// INVARIANT: never empty.
    questions: Vec<Question>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    action: Term,
    resource_type: Term,
    resource_id: Term,
}

/// What stands for a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Literal(String),
    Subject,
    Client,
    Issuer,
    Audience,
    /// A member of `params`, and so on inwards.
    Param(Vec<String>),
}

/// The mapping that an item declares: in the input schema, or beside it as early drafts had it.
pub(super) fn declared(item: &Value) -> Option<&Value> {
    item.get("inputSchema").and_then(|schema| schema.get(MEMBER)).or_else(|| item.get(MEMBER))
}

impl Mapping {
    /// Reads one.
    ///
    /// # Errors
    /// What the draft does not have, or this reader does not follow.
    pub(super) fn read(value: &Value) -> Result<Self, Fault> {
        let place = format!("/{MEMBER}");
        let envelope = value.as_object().filter(|members| members.len() == 1);
        let Some((name, body)) = envelope.and_then(|members| members.iter().next()) else {
            return Err(fault(&place, "it has to be one of `evaluation` and `evaluations`"));
        };
        let place = format!("{place}/{name}");
        match name.as_str() {
            "evaluation" => {
                let body = members(body, &place, &["subject", "action", "resource", "context"])?;
                let questions = vec![question(body, body, &place)?];
                Ok(Self { subject_type: subject(body, &place)?, questions })
            }
            "evaluations" => Self::several(body, &place),
            _ => Err(fault(&place, "it has to be `evaluation` or `evaluations`")),
        }
    }

    fn several(body: &Value, place: &str) -> Result<Self, Fault> {
        let known = ["subject", "action", "resource", "context", "evaluations"];
        let body = members(body, place, &known)?;
        let place = format!("{place}/evaluations");
        let list = body.get("evaluations").and_then(Value::as_array);
        let list = list.filter(|list| (1..=limits::QUESTIONS_MAX).contains(&list.len()));
        let list =
            list.ok_or_else(|| fault(&place, "a list, neither empty nor long, belongs here"))?;
        let questions = list.iter().enumerate().map(|(index, one)| {
            let place = format!("{place}/{index}");
            // No `subject`: it would be a way to name somebody else.
            question(members(one, &place, &["action", "resource", "context"])?, body, &place)
        });
        Ok(Self {
            subject_type: subject(body, &place)?,
            questions: questions.collect::<Result<_, _>>()?,
        })
    }

    /// The questions that a call is.
    ///
    /// # Errors
    /// What a call lacks that they name.
    pub(super) fn ask(
        &self,
        access: &Access,
        params: Option<wire::Value<'_>>,
    ) -> Result<Vec<Mapped>, String> {
        let questions = self.questions.iter().map(|question| {
            Ok(Mapped {
                subject_type: self.subject_type.text(access, params)?,
                action: question.action.text(access, params)?,
                resource_type: question.resource_type.text(access, params)?,
                resource_id: question.resource_id.text(access, params)?,
            })
        });
        questions.collect()
    }
}

/// The type of the subject. Who it is, is the token's to say.
fn subject(body: &Map<String, Value>, place: &str) -> Result<Term, Fault> {
    let place = format!("{place}/subject");
    let Some(subject) = body.get("subject") else { return Ok(Term::Literal(IDENTITY.to_owned())) };
    let subject = members(subject, &place, &["type", "id", "properties"])?;
    if subject.get("id").is_some_and(|id| id != "$token.sub") {
        return Err(fault(
            &format!("{place}/id"),
            "whom a call is for is the token's to say: `$token.sub`",
        ));
    }
    let identity = || Ok(Term::Literal(IDENTITY.to_owned()));
    subject.get("type").map_or_else(identity, |of| Term::read(Some(of), &format!("{place}/type")))
}

/// One question; what it leaves out, the whole says.
fn question(
    own: &Map<String, Value>,
    whole: &Map<String, Value>,
    place: &str,
) -> Result<Question, Fault> {
    let part = |name: &str, known: &[&str]| {
        let place = format!("{place}/{name}");
        let part = own.get(name).or_else(|| whole.get(name));
        let part = part.ok_or_else(|| fault(&place, "it is missing"))?;
        members(part, &place, known).map(|members| (members, place))
    };
    let (action, at_action) = part("action", &["name", "properties"])?;
    let (resource, at_resource) = part("resource", &["type", "id", "properties"])?;
    let of = |members: &Map<String, Value>, name: &str, place: &str| {
        Term::read(members.get(name), &format!("{place}/{name}"))
    };
    Ok(Question {
        action: of(action, "name", &at_action)?,
        resource_type: of(resource, "type", &at_resource)?,
        resource_id: of(resource, "id", &at_resource)?,
    })
}

impl Term {
    fn read(value: Option<&Value>, place: &str) -> Result<Self, Fault> {
        let text = value.and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| fault(place, "a text belongs here"))?;
        let Some(expression) = text.strip_prefix('$') else {
            return Ok(Self::Literal(text.to_owned()));
        };
        if expression.starts_with('$') {
            return Ok(Self::Literal(expression.to_owned()));
        }
        let mut steps = expression.split('.');
        let root = steps.next().unwrap_or_default();
        let steps: Vec<&str> = steps.collect();
        let what = "an expression that computes, or names what is not known here";
        match (root, steps.as_slice()) {
            ("token", ["sub"]) => Ok(Self::Subject),
            ("token", ["client_id"]) => Ok(Self::Client),
            ("token", ["iss"]) => Ok(Self::Issuer),
            ("token", ["aud"]) => Ok(Self::Audience),
            ("params", [_, ..]) if steps.iter().all(|step| is_name(step)) => {
                Ok(Self::Param(steps.into_iter().map(str::to_owned).collect()))
            }
            _ => Err(fault(place, what)),
        }
    }

    fn text(&self, access: &Access, params: Option<wire::Value<'_>>) -> Result<String, String> {
        Ok(match self {
            Self::Literal(text) => text.clone(),
            Self::Subject => access.subject.sub.clone(),
            Self::Client => access.client_id.clone(),
            Self::Issuer => access.subject.iss.clone(),
            Self::Audience => access.audience.clone(),
            Self::Param(steps) => {
                let failed = || format!("`$params.{}` is no text, number or flag", steps.join("."));
                let mut value = params.ok_or_else(failed)?;
                for step in steps {
                    // As all that decides: a key that other readers would take for it is refused.
                    let found = value.member(step).map_err(|_| failed())?;
                    value = found.ok_or_else(failed)?;
                }
                match surface::json::exact(value).map_err(|_| failed())? {
                    Value::String(text) if !text.is_empty() => text,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(flag) => flag.to_string(),
                    _ => return Err(failed()),
                }
            }
        })
    }
}

/// An identifier of CEL.
fn is_name(step: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    step.bytes().all(is_word) && step.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn members<'v>(
    value: &'v Value,
    place: &str,
    known: &[&str],
) -> Result<&'v Map<String, Value>, Fault> {
    let members = value.as_object().ok_or_else(|| fault(place, "an object belongs here"))?;
    if members.keys().all(|name| known.contains(&name.as_str())) {
        Ok(members)
    } else {
        Err(fault(place, "it has a member that does not belong here"))
    }
}

fn fault(place: &str, what: &'static str) -> Fault {
    Fault { at: place.to_owned(), what }
}

const MEMBER: &str = "x-authzen-mapping";

/// What COAZ-MCP calls a subject that a mapping does not.
const IDENTITY: &str = "identity";
