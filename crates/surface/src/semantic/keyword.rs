//! Which keywords of JSON Schema hold schemas (2020-12, and draft-07 where it differs).

use serde_json::{Map, Value};

/// What stands under a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A schema, or a list of schemas.
    Schemas,
    /// Schemas by name.
    Named,
    /// Anything: values, names, text.
    Data,
}

pub(super) fn holds(keyword: &str) -> Holds {
    match keyword {
        "additionalItems"
        | "additionalProperties"
        | "allOf"
        | "anyOf"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "items"
        | "not"
        | "oneOf"
        | "prefixItems"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Holds::Schemas,
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties"
        | "properties" => Holds::Named,
        _ => Holds::Data,
    }
}

/// Keywords that say something to a reader and nothing to a validator.
pub(super) fn is_annotation(keyword: &str) -> bool {
    matches!(
        keyword,
        "$comment"
            | "default"
            | "deprecated"
            | "description"
            | "examples"
            | "readOnly"
            | "title"
            | "writeOnly"
    )
}

/// Keywords that bind values of one type only, so that they let `null` pass, and `type` itself.
pub(super) fn is_of_one_type(keyword: &str) -> bool {
    matches!(
        keyword,
        "additionalProperties"
            | "contains"
            | "exclusiveMaximum"
            | "exclusiveMinimum"
            | "format"
            | "items"
            | "maxItems"
            | "maxLength"
            | "maxProperties"
            | "maximum"
            | "minItems"
            | "minLength"
            | "minProperties"
            | "minimum"
            | "multipleOf"
            | "pattern"
            | "patternProperties"
            | "prefixItems"
            | "properties"
            | "propertyNames"
            | "required"
            | "type"
            | "uniqueItems"
    )
}

/// The schemas directly inside a schema.
pub(super) fn children(node: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    node.iter().flat_map(|(keyword, value)| {
        let (one, many, named) = match (holds(keyword), value) {
            (Holds::Schemas, Value::Array(list)) => (None, list.as_slice(), None),
            (Holds::Schemas, one) => (Some(one), [].as_slice(), None),
            (Holds::Named, Value::Object(named)) => (None, [].as_slice(), Some(named)),
            _ => (None, [].as_slice(), None),
        };
        one.into_iter().chain(many).chain(named.into_iter().flat_map(Map::values))
    })
}
