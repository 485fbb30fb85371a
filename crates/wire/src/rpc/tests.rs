use super::*;
use crate::json::Policy;

fn refusal(text: &str) -> (Code, usize) {
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    let refused = Frame::read(&document).expect_err(text);
    (refused.code, refused.offset)
}

fn one<R>(text: &str, look: impl FnOnce(Message<'_>) -> R) -> R {
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    match Frame::read(&document).expect(text) {
        Frame::One(message) => look(message),
        Frame::Batch(_) => panic!("{text} is no batch"),
    }
}

fn id_key(id: &str) -> IdKey {
    one(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#), |message| match message {
        Message::Request(request) => {
            assert_eq!(request.id.raw(), id.as_bytes());
            request.id.key()
        }
        other => panic!("{other:?}"),
    })
}

#[test]
fn reads_each_role() {
    one(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"a":1}}"#, |message| {
        assert_eq!(message.method(), Some("tools/list"));
        assert_eq!(message.params().unwrap().raw(), br#"{"a":1}"#);
        assert!(matches!(message, Message::Request(_)));
    });
    one(r#"{"method":"notifications/\u0069nitialized","jsonrpc":"\u0032.0"}"#, |message| {
        assert_eq!(message.method(), Some("notifications/initialized"));
        assert!(matches!(message, Message::Notification(_)));
    });
    one(r#"{"jsonrpc":"2.0","id":"a","result":null}"#, |message| match message {
        Message::Response(Response { id: Some(id), outcome: Outcome::Result(result), .. }) => {
            assert_eq!(id.key(), IdKey::Text("a".to_owned()));
            assert!(result.is_null());
        }
        other => panic!("{other:?}"),
    });
    for id in ["", r#""id":null,"#] {
        let text = format!(r#"{{"jsonrpc":"2.0",{id}"error":{{"code":-32700.0,"message":""}}}}"#);
        one(&text, |message| {
            assert!(matches!(
                message,
                Message::Response(Response { id: None, outcome: Outcome::Error(_), .. })
            ));
        });
    }
}

#[test]
fn members_that_json_rpc_does_not_name_pass() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"ping","x":1e400,"_meta":{},"methods":"a"}"#;
    one(text, |message| assert_eq!(message.method(), Some("ping")));
}

#[test]
fn ids_are_equal_by_value_and_type() {
    for id in ["1", "1.0", "1e0", "10e-1", "0.1e1"] {
        assert_eq!(id_key(id), IdKey::Number(1), "{id}");
    }
    assert_eq!(id_key("-0"), id_key("0"));
    assert_eq!(id_key("-9007199254740991"), IdKey::Number(-9_007_199_254_740_991));
    assert_eq!(id_key("\"1\""), IdKey::Text("1".to_owned()));
    assert_eq!(id_key("\"\\u0031\""), id_key("\"1\""));
    assert_ne!(id_key("\"\""), id_key("0"));
}

#[test]
fn refuses_ids_that_are_none() {
    for (id, code) in [
        ("null", Code::Id),
        ("true", Code::Id),
        ("[1]", Code::Id),
        ("{}", Code::Id),
        ("1.5", Code::Id),
        ("1e20", Code::Integer),
        ("1e21", Code::Id),
        ("9007199254740992", Code::Integer),
        ("1e400", Code::Number),
        ("\"\\udfff\"", Code::LoneSurrogate),
    ] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(refusal(&request), (code, if id.starts_with('"') { 23 } else { 22 }), "{id}");
        if id != "null" {
            let response =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":1,"message":""}}}}"#);
            assert_eq!(refusal(&response).0, code, "{id}");
        }
    }
}

#[test]
fn refuses_envelopes_that_readers_take_differently() {
    for (text, code, offset) in [
        ("1", Code::NotMessage, 0),
        (" \"a\"", Code::NotMessage, 1),
        ("{}", Code::Version, 0),
        (r#"{"id":1,"method":"ping"}"#, Code::Version, 0),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Code::Version, 11),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, Code::Version, 11),
        (r#"{"jsonrpc":"2.0","id":1,"Method":"ping"}"#, Code::KeyForm, 24),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"x"}"#, Code::KeyForm, 40),
        (r#"{"jsonrpc":"2.0","ID":1,"method":"ping"}"#, Code::KeyForm, 17),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":{}}"#, Code::KeyForm, 40),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","id\u0000":2}"#, Code::KeyForm, 40),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","\ud800":2}"#, Code::LoneSurrogate, 41),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, Code::Method, 33),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, Code::Method, 33),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, Code::LoneSurrogate, 34),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, Code::Params, 49),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, Code::Params, 49),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, Code::Mixed, 49),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#, Code::Mixed, 45),
        (r#"{"jsonrpc":"2.0","id":1,"method":null,"result":{}}"#, Code::Mixed, 47),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#, Code::BothOutcomes, 44),
        (r#"{"jsonrpc":"2.0","id":1}"#, Code::NoOutcome, 0),
        (r#"{"jsonrpc":"2.0","result":{}}"#, Code::IdMissing, 0),
        (r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, Code::IdMissing, 0),
        (r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#, Code::Error, 32),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}"#, Code::Error, 32),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":""}}"#, Code::Error, 32),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1e400,"message":""}}"#, Code::Number, 40),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, Code::Error, 32),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":{}}}"#, Code::Error, 32),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"Code":1,"message":""}}"#, Code::KeyForm, 33),
        ("[]", Code::BatchEmpty, 0),
        ("[[]]", Code::BatchNested, 1),
        ("[1]", Code::NotMessage, 1),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"initialize"}]"#, Code::BatchInitialize, 1),
        (r#"[{"jsonrpc":"2.0","method":"initialize"}]"#, Code::Notification, 27),
        (r#"{"jsonrpc":"2.0","method":"tools/call"}"#, Code::Notification, 26),
        (r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call"}"#, Code::MethodForm, 33),
        (r#"{"jsonrpc":"2.0","id":1,"method":"/tools/list"}"#, Code::MethodForm, 33),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call\u0000"}"#, Code::MethodForm, 33),
        (r#"{"jsonrpc":"2.0","id":1,"method":"notifications/a"}"#, Code::Notification, 33),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":1.0,"method":"b"}]"#,
            Code::BatchId,
            39,
        ),
    ] {
        assert_eq!(refusal(text), (code, offset), "{text}");
    }
}

#[test]
fn limits_hold_at_the_limit_and_refuse_one_past_it() {
    let message = r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#;
    let batch = |count| format!("[{}]", vec![message; count].join(","));
    let text = batch(limits::BATCH_MESSAGES_MAX);
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    let Ok(Frame::Batch(messages)) = Frame::read(&document) else { panic!("the batch is refused") };
    assert_eq!(messages.len(), limits::BATCH_MESSAGES_MAX);
    assert_eq!(refusal(&batch(limits::BATCH_MESSAGES_MAX + 1)).0, Code::BatchSize);

    let text = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    id_key(&text(limits::ID_BYTES_MAX));
    let call =
        |id: &str, method: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}}}"#);
    assert_eq!(refusal(&call(&text(limits::ID_BYTES_MAX + 1), "\"a\"")), (Code::Long, 22));
    one(&call("1", &text(limits::METHOD_BYTES_MAX)), |message| assert!(message.method().is_some()));
    assert_eq!(refusal(&call("1", &text(limits::METHOD_BYTES_MAX + 1))), (Code::Long, 33));
}
