//! A request as JSON: the members of an AuthZEN 1.0 access evaluation (§5). Members that are not
//! known are passed over, as it asks (§10.1.1): no policy can speak of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ARROW, Asked, Facts, Mapped, Name, Request, RequestError, Subject};

type Outcome<T> = Result<T, RequestError>;

impl Request {
    /// Reads `{subject: {type, id}, action: {name}, resource: {type, id}, context: {…}}`.
    ///
    /// # Errors
    /// What is missing, of another type, or beyond what policies know; [`RequestError::Form`] for
    /// what AuthZEN answers with 400.
    pub fn from_json(value: &Value) -> Outcome<Self> {
        let (subject_type, subject_id) = entity(value, "subject")?;
        let (resource_type, resource_id) = entity(value, "resource")?;
        let action = member(value, "action")?;
        let action = text(action.get("name"), "action.name")?;
        let context = value.get("context").unwrap_or(&Value::Null);
        if !context.is_null() && !context.is_object() {
            return Err(form("context", "has to be an object"));
        }
        let subject = match subject_type {
            "Principal" => Subject::Principal(named(subject_id, "subject.id")?),
            "Agent" => Subject::Agent(named(subject_id, "subject.id")?),
            _ => return Err(unknown("subject.type", "Principal, Agent")),
        };
        let asked = asked(action, resource_type, resource_id)?;
        let facts = Facts::from_json(context)?;
        Ok(Self { subject, asked, facts })
    }
}

fn asked(action: &str, resource_type: &str, resource_id: &str) -> Outcome<Asked> {
    let of_server = || {
        let split = resource_id.split_once('#');
        let (server, item) = split.ok_or_else(|| form("resource.id", "has to be `SERVER#NAME`"))?;
        Ok((server.to_owned(), item.to_owned()))
    };
    Ok(match (action, resource_type) {
        ("exchange", "Edge") => {
            let split = resource_id.split_once(ARROW);
            let (from, to) = split.ok_or_else(|| form("resource.id", "has to be `A -> B`"))?;
            Asked::Exchange { from: from.to_owned(), to: to.to_owned() }
        }
        ("call_tool", "Tool") => {
            let (server, tool) = of_server()?;
            Asked::CallTool { server, tool }
        }
        ("read_resource", "Resource") => {
            let (server, uri) = of_server()?;
            Asked::ReadResource { server, uri }
        }
        ("get_prompt", "Prompt") => {
            let (server, prompt) = of_server()?;
            Asked::GetPrompt { server, prompt }
        }
        ("exchange" | "call_tool" | "read_resource" | "get_prompt", _) => {
            return Err(unknown("resource.type", RESOURCE_TYPES));
        }
        _ => return Err(unknown("action.name", "exchange, call_tool, read_resource, get_prompt")),
    })
}

impl Facts {
    fn from_json(context: &Value) -> Outcome<Self> {
        let agent = context.get("agent").and_then(Value::as_str).map(Name::parse);
        let Some(Ok(agent)) = agent else {
            return Err(fact("agent", "has to be the presenter, `<issuer>#<client>`"));
        };
        Ok(Self {
            agent,
            depth: count(context, "depth")?,
            chain: chain(context)?,
            requested: scopes(context, "requested")?,
            allowed: scopes(context, "allowed")?,
            parent_bound: flag(context, "parent_bound")?,
            child_bound: flag(context, "child_bound")?,
            auth_age_s: Some(count(context, "auth_age_s")?),
            revoked: flag(context, "revoked")?,
            destructive: flag(context, "destructive")?,
            mapped: context.get("mapped").map(mapped).transpose()?,
        })
    }
}

fn mapped(value: &Value) -> Outcome<Mapped> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let read = || {
        Some(Mapped {
            subject_type: text("subject_type")?,
            action: text("action")?,
            resource_type: text("resource_type")?,
            resource_id: text("resource_id")?,
        })
    };
    read().ok_or_else(|| {
        fact("mapped", "has to have `subject_type`, `action`, `resource_type`, `resource_id`")
    })
}

fn chain(context: &Value) -> Outcome<Vec<Name>> {
    let wrong = || fact("chain", "has to be a list of `<issuer>#<client>`");
    let actors = context.get("chain").and_then(Value::as_array).ok_or_else(wrong)?;
    let name = |actor: &Value| Name::parse(actor.as_str()?).ok();
    actors.iter().map(|actor| name(actor).ok_or_else(wrong)).collect()
}

fn scopes(context: &Value, name: &'static str) -> Outcome<BTreeSet<String>> {
    let wrong = || fact(name, "has to be a list of scopes");
    let listed = context.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
    listed.iter().map(|scope| scope.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn flag(context: &Value, name: &'static str) -> Outcome<bool> {
    let value = context.get(name).and_then(Value::as_bool);
    value.ok_or_else(|| fact(name, "has to be true or false"))
}

fn count(context: &Value, name: &'static str) -> Outcome<u64> {
    let value = context.get(name).and_then(Value::as_u64);
    value.ok_or_else(|| fact(name, "has to be a whole number, 0 or more"))
}

fn entity<'a>(value: &'a Value, name: &'static str) -> Outcome<(&'a str, &'a str)> {
    let entity = member(value, name)?;
    let part = |part: &str| text(entity.get(part), &format!("{name}.{part}"));
    Ok((part("type")?, part("id")?))
}

fn member<'a>(value: &'a Value, name: &'static str) -> Outcome<&'a Value> {
    let member = value.get(name).filter(|member| member.is_object());
    member.ok_or_else(|| form(name, "has to be an object"))
}

fn text<'a>(value: Option<&'a Value>, place: &str) -> Outcome<&'a str> {
    value.and_then(Value::as_str).ok_or_else(|| form(place, "has to be a string"))
}

fn named(id: &str, place: &'static str) -> Outcome<Name> {
    Name::parse(id).map_err(|_| form(place, "has to be `<issuer>#<name>`"))
}

fn form(place: &str, what: &'static str) -> RequestError {
    RequestError::Form { place: place.to_owned(), what }
}

const fn unknown(place: &'static str, known: &'static str) -> RequestError {
    RequestError::Unknown { place, known }
}

const fn fact(fact: &'static str, what: &'static str) -> RequestError {
    RequestError::Context { fact, what }
}

const RESOURCE_TYPES: &str =
    "Edge for exchange, Tool for call_tool, Resource for read_resource, Prompt for get_prompt";
