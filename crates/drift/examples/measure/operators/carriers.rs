//! Operators that put an order where a text can stand.

use serde_json::{Value, json};
use surface::{Kind, Place};

use super::{Case, member, properties, property, text_at};
use crate::payload;

pub(crate) fn property_description(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let (place, name) = property(case)?;
    let property = properties(case.after(&place)?)?.get_mut(&name)?;
    let old = property.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    *member(property, "description")? = json!(format!("{old} {order}"));
    Some(())
}

pub(crate) fn enum_value(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let (place, name) = property(case)?;
    let property = properties(case.after(&place)?)?.get_mut(&name)?;
    match property.get_mut("enum").and_then(Value::as_array_mut) {
        Some(values) => values.push(json!(order)),
        None => *member(property, "enum")? = json!(["default", order]),
    }
    Some(())
}

pub(crate) fn default_value(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let (place, name) = property(case)?;
    *member(properties(case.after(&place)?)?.get_mut(&name)?, "default")? = json!(order);
    Some(())
}

pub(crate) fn example(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let (place, name) = property(case)?;
    *member(properties(case.after(&place)?)?.get_mut(&name)?, "examples")? = json!([order]);
    Some(())
}

pub(crate) fn title(case: &mut Case<'_>) -> Option<()> {
    let order = payload::imperative(&mut case.random);
    let place = case.tool(|_| true)?;
    *member(case.after(&place)?, "title")? = json!(order);
    Some(())
}

pub(crate) fn annotations_title(case: &mut Case<'_>) -> Option<()> {
    let order = payload::imperative(&mut case.random);
    let place = case.tool(|_| true)?;
    *member(member(case.after(&place)?, "annotations")?, "title")? = json!(order);
    Some(())
}

pub(crate) fn output_schema(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let place = case.tool(|_| true)?;
    let schema = |description: &str| {
        json!({ "type": "object",
            "properties": { "result": { "type": "string", "description": description } } })
    };
    let old = "The result of the operation.";
    *member(case.before.items.get_mut(&place)?, "outputSchema")? = schema(old);
    *member(case.after(&place)?, "outputSchema")? = schema(&format!("{old} {order}"));
    Some(())
}

pub(crate) fn instructions(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let place = Place::new(Kind::Server, "instructions");
    let old = json!("This server gives access to the tools listed below.");
    let old = case.before.items.entry(place.clone()).or_insert(old).clone();
    let new = format!("{} {order}", old.as_str()?);
    case.after.items.insert(place, json!(new));
    Some(())
}

pub(crate) fn prompt(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let old = json!({ "name": "summarize", "description": "Summarizes the given text." });
    extend(case.carrier(Kind::Prompt, "summarize", old)?, "/description", &order)
}

pub(crate) fn prompt_argument(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let old = json!({ "name": "review", "description": "Reviews code.",
        "arguments": [{ "name": "code", "description": "The code to review", "required": true }] });
    extend(case.carrier(Kind::Prompt, "review", old)?, "/arguments/0/description", &order)
}

pub(crate) fn resource(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let old = json!({ "uri": "docs://guide", "name": "Guide", "description": "How to begin." });
    extend(case.carrier(Kind::Resource, "docs://guide", old)?, "/description", &order)
}

pub(crate) fn template(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let old = json!({ "uriTemplate": "docs://{page}", "name": "Pages",
        "description": "One page of the documentation." });
    extend(case.carrier(Kind::Template, "docs://{page}", old)?, "/description", &order)
}

pub(crate) fn ui_body(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let old = json!({ "uri": "ui://app/main", "mimeType": "text/html;profile=mcp-app",
        "text": "<!doctype html><title>Chart</title><p>Shows the chart.</p>" });
    extend(case.carrier(Kind::Ui, "ui://app/main", old)?, "/text", &format!("<p>{order}</p>"))
}

pub(crate) fn skill(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let old = json!({ "uri": "skill://report", "name": "report",
        "description": "How to write the weekly report from the collected numbers." });
    extend(case.carrier(Kind::Skill, "skill://report", old)?, "/description", &order)
}

pub(crate) fn meta(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let place = case.tool(|_| true)?;
    *member(member(case.after(&place)?, "_meta")?, "example.com/hint")? = json!(order);
    Some(())
}

pub(crate) fn icon(case: &mut Case<'_>) -> Option<()> {
    let order = payload::imperative(&mut case.random);
    let place = case.tool(|_| true)?;
    let icon = |alt: &str| json!([{ "src": "https://cdn.example.com/i.svg", "alt": alt }]);
    *member(case.before.items.get_mut(&place)?, "icons")? = icon("A gear");
    *member(case.after(&place)?, "icons")? = icon(&order);
    Some(())
}

fn extend(value: &mut Value, pointer: &str, added: &str) -> Option<()> {
    let text = text_at(value, pointer)?;
    text.push(' ');
    text.push_str(added);
    Some(())
}
