//! What a request means: the item it addresses, the era it speaks, the page it asks for.
//!
//! Everything here decides something, so keys are read with [`Value::member`]: `Name` beside or
//! instead of `name` is refused, because a server that ignores case would act on it.

use std::borrow::Cow;

use crate::json::{Kind, Value};
use crate::refusal::{Code, Refusal};
use crate::rpc::Id;

/// What a request acts on, by the name that the server gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<'d> {
    /// `tools/call`: `params.name`.
    Tool(Cow<'d, str>),
    /// `prompts/get`: `params.name`; `completion/complete` with a `ref/prompt`.
    Prompt(Cow<'d, str>),
    /// `resources/read`, `resources/subscribe`, `resources/unsubscribe`,
    /// `resources/directory/read`: `params.uri`.
    Resource(Cow<'d, str>),
    /// `completion/complete` with a `ref/resource`: `params.ref.uri`.
    Template(Cow<'d, str>),
    /// `skills/get`: `params.uri`.
    Skill(Cow<'d, str>),
}

impl<'d> Subject<'d> {
    /// The name or URI by itself.
    pub fn into_name(self) -> Cow<'d, str> {
        match self {
            Self::Tool(name)
            | Self::Prompt(name)
            | Self::Resource(name)
            | Self::Template(name)
            | Self::Skill(name) => name,
        }
    }
}

/// What the request acts on; `None` for methods that act on no item.
///
/// # Errors
/// A name that is missing, not a string, or read differently by parsers; `arguments` under a key
/// that only lenient parsers take for it.
pub fn subject<'d>(
    method: &str,
    params: Option<Value<'d>>,
) -> Result<Option<Subject<'d>>, Refusal> {
    let (key, make): (_, fn(Cow<'d, str>) -> Subject<'d>) = match method {
        "tools/call" => ("name", Subject::Tool),
        "prompts/get" => ("name", Subject::Prompt),
        "resources/read"
        | "resources/subscribe"
        | "resources/unsubscribe"
        | "resources/directory/read" => ("uri", Subject::Resource),
        "skills/get" => ("uri", Subject::Skill),
        "completion/complete" => return reference(params).map(Some),
        _ => return Ok(None),
    };
    // The modern era has no subscriptions of this kind: its servers are asked for them without a
    // `uri`, and answer that there is no such method.
    let is_subscription = matches!(method, "resources/subscribe" | "resources/unsubscribe");
    if is_subscription && params.map(|params| params.member(key)).transpose()?.flatten().is_none() {
        return Ok(None);
    }
    let params = params.ok_or(Refusal::at(Code::Subject, 0))?;
    params.member("arguments")?;
    name(params, key).map(|name| Some(make(name)))
}

/// The modern protocol version of a request or notification: `params._meta` under
/// `io.modelcontextprotocol/protocolVersion`. `None` means that it is not modern.
///
/// # Errors
/// A version that is not a string, or a `_meta` that is not an object.
pub fn protocol_version(params: Option<Value<'_>>) -> Result<Option<Cow<'_, str>>, Refusal> {
    let Some(meta) = params.map(meta).transpose()?.flatten() else { return Ok(None) };
    let Some(version) = meta.member(PROTOCOL_VERSION)? else { return Ok(None) };
    let text = version.exact()?.as_str();
    text.map(Some).ok_or(Refusal::at(Code::ProtocolVersion, version.start()))
}

/// The cursor of a list request; absent and `null` both ask for the first page.
///
/// # Errors
/// A cursor that is neither a string nor `null`.
pub fn cursor(params: Option<Value<'_>>) -> Result<Option<Cow<'_, str>>, Refusal> {
    params.map_or(Ok(None), |params| optional_text(params, "cursor", Code::Cursor))
}

/// The token under which a request wants its progress told: `params._meta.progressToken`.
///
/// # Errors
/// A token that is neither a string nor a safe integer.
pub fn progress_token(params: Option<Value<'_>>) -> Result<Option<Id<'_>>, Refusal> {
    let meta = params.map(meta).transpose()?.flatten();
    let token = meta.map(|meta| meta.member("progressToken")).transpose()?.flatten();
    token.map(Id::read).transpose()
}

/// The request that a `notifications/cancelled` ends: `params.requestId`, which 2025-11-25 lets a
/// client leave out when it ends a task.
///
/// # Errors
/// An id that is neither a string nor a safe integer.
pub fn cancelled(params: Option<Value<'_>>) -> Result<Option<Id<'_>>, Refusal> {
    let id = params.map(|params| params.member("requestId")).transpose()?.flatten();
    id.map(Id::read).transpose()
}

/// `_meta` of `params` or of a result; `null` counts as absent.
///
/// # Errors
/// A `_meta` that is no object.
pub(crate) fn meta(holder: Value<'_>) -> Result<Option<Value<'_>>, Refusal> {
    match holder.member("_meta")? {
        Some(meta) if meta.kind() == Kind::Object => Ok(Some(meta)),
        Some(meta) if !meta.is_null() => Err(Refusal::at(Code::Meta, meta.start())),
        _ => Ok(None),
    }
}

/// The string under `key`; `None` when it is absent or `null`.
pub(crate) fn optional_text<'d>(
    holder: Value<'d>,
    key: &str,
    code: Code,
) -> Result<Option<Cow<'d, str>>, Refusal> {
    match holder.member(key)? {
        Some(value) if !value.is_null() => {
            value.exact()?.as_str().map(Some).ok_or(Refusal::at(code, value.start()))
        }
        _ => Ok(None),
    }
}

/// `params.ref` of `completion/complete`.
fn reference(params: Option<Value<'_>>) -> Result<Subject<'_>, Refusal> {
    let params = params.ok_or(Refusal::at(Code::Subject, 0))?;
    let reference = params.member("ref")?.ok_or(Refusal::at(Code::Subject, params.start()))?;
    match reference.member("type")? {
        Some(kind) if kind.is_text("ref/prompt") => name(reference, "name").map(Subject::Prompt),
        Some(kind) if kind.is_text("ref/resource") => name(reference, "uri").map(Subject::Template),
        _ => Err(Refusal::at(Code::Subject, reference.start())),
    }
}

fn name<'d>(holder: Value<'d>, key: &str) -> Result<Cow<'d, str>, Refusal> {
    let name = holder.member(key)?.ok_or(Refusal::at(Code::Subject, holder.start()))?;
    name.exact()?.as_str().ok_or(Refusal::at(Code::Subject, name.start()))
}

/// The `_meta` key that makes a message modern.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Document, Policy};
    use crate::rpc::IdKey;

    fn read(text: &str) -> Document<'_> {
        Document::parse(text.as_bytes(), &Policy::default()).unwrap()
    }

    #[test]
    fn each_method_names_its_subject() {
        for (method, params, name) in [
            ("tools/call", r#"{"name":"a\u0062"}"#, Some(Subject::Tool("ab".into()))),
            ("prompts/get", r#"{"name":""}"#, Some(Subject::Prompt("".into()))),
            (
                "resources/read",
                r#"{"uri":"file:///a"}"#,
                Some(Subject::Resource("file:///a".into())),
            ),
            ("resources/unsubscribe", r#"{"uri":"x:a"}"#, Some(Subject::Resource("x:a".into()))),
            ("resources/directory/read", r#"{"uri":"x:a"}"#, Some(Subject::Resource("x:a".into()))),
            ("skills/get", r#"{"uri":"skill:a"}"#, Some(Subject::Skill("skill:a".into()))),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"p"}}"#,
                Some(Subject::Prompt("p".into())),
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/resource","uri":"x:{a}"}}"#,
                Some(Subject::Template("x:{a}".into())),
            ),
            ("tools/list", r#"{"Name":"a"}"#, None),
            ("resources/subscribe", r#"{"_meta":{}}"#, None),
        ] {
            let document = read(params);
            assert_eq!(subject(method, Some(document.root())), Ok(name), "{method} {params}");
        }
    }

    #[test]
    fn a_subject_that_readers_find_elsewhere_is_refused() {
        for (method, params, code) in [
            ("tools/call", r#"{"name":"a","Name":"b"}"#, Code::KeyForm),
            ("tools/call", r#"{"NAME":"b"}"#, Code::KeyForm),
            ("tools/call", r#"{"name":"a","name\u0000":"b"}"#, Code::KeyForm),
            ("tools/call", r#"{"name":"a","arguments":{},"Arguments":{}}"#, Code::KeyForm),
            ("tools/call", r#"{"name":"a","argumentſ":{}}"#, Code::KeyForm),
            ("tools/call", r#"{"name":"\ud800"}"#, Code::LoneSurrogate),
            ("tools/call", r#"{"name":["a"]}"#, Code::Subject),
            ("tools/call", r#"{"name":null}"#, Code::Subject),
            ("prompts/get", "{}", Code::Subject),
            ("resources/read", r#"{"uri":"a","URI":"b"}"#, Code::KeyForm),
            ("completion/complete", r#"{"ref":{"type":"ref/tool","name":"a"}}"#, Code::Subject),
            ("completion/complete", r#"{"ref":{"name":"a"}}"#, Code::Subject),
            ("completion/complete", r#"{"Ref":{"type":"ref/prompt","name":"a"}}"#, Code::KeyForm),
        ] {
            let document = read(params);
            let refused = subject(method, Some(document.root())).unwrap_err();
            assert_eq!(refused.code, code, "{method} {params}");
        }
        assert_eq!(subject("tools/call", None).unwrap_err().code, Code::Subject);
    }

    #[test]
    fn the_protocol_version_makes_a_message_modern() {
        let version = |text: &str| {
            let document = read(text);
            protocol_version(Some(document.root())).map(|v| v.map(Cow::into_owned))
        };
        let modern = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
        assert_eq!(version(modern), Ok(Some("2026-07-28".to_owned())));
        for legacy in ["{}", r#"{"_meta":{"progressToken":1}}"#, r#"{"_meta":null}"#] {
            assert_eq!(version(legacy), Ok(None), "{legacy}");
        }
        assert_eq!(protocol_version(None), Ok(None));
        for (text, code) in [
            (r#"{"_meta":[]}"#, Code::Meta),
            (r#"{"_Meta":{}}"#, Code::KeyForm),
            (r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":1}}"#, Code::ProtocolVersion),
            (
                r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":null}}"#,
                Code::ProtocolVersion,
            ),
            (r#"{"_meta":{"io.modelcontextprotocol/ProtocolVersion":"1"}}"#, Code::KeyForm),
        ] {
            assert_eq!(version(text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn an_empty_cursor_is_a_cursor() {
        for (params, expected) in [
            ("{}", Ok(None)),
            (r#"{"cursor":null}"#, Ok(None)),
            (r#"{"cursor":""}"#, Ok(Some("".into()))),
            (r#"{"cursor":7}"#, Err(Refusal::at(Code::Cursor, 10))),
            (r#"{"Cursor":"a"}"#, Err(Refusal::at(Code::KeyForm, 1))),
        ] {
            let document = read(params);
            assert_eq!(cursor(Some(document.root())), expected, "{params}");
        }
    }

    #[test]
    fn tokens_and_cancelled_ids_are_ids() {
        let document = read(r#"{"_meta":{"progressToken":1.0},"requestId":"1"}"#);
        let params = Some(document.root());
        assert_eq!(progress_token(params).unwrap().unwrap().key(), IdKey::Number(1));
        assert_eq!(cancelled(params).unwrap().unwrap().key(), IdKey::Text("1".to_owned()));
        let document = read(r#"{"_meta":{"progressToken":true},"requestId":1.5}"#);
        let params = Some(document.root());
        assert_eq!(progress_token(params).unwrap_err().code, Code::Id);
        assert_eq!(cancelled(params).unwrap_err().code, Code::Id);
    }
}
