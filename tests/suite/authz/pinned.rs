//! What a pinned surface asks of callers, and what policy says of their calls, before a server that
//! weakens what it says of itself.

use authz::token::{Algorithm, KeySet, Signer};
use harness::guard::{ALIAS, Guard, Listening};
use harness::http::HttpClient;
use harness::liar::Liar;
use harness::rpc::{MODERN, modern_request, notification};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.a.test";
const RESOURCE: &str = "https://post.a.test/mcp";

/// A guard with a token for each set of scopes.
struct Post {
    guard: Guard,
    signer: Signer,
}

/// What a caller got.
struct Got {
    status: u16,
    challenge: Option<String>,
    body: Value,
}

impl Got {
    fn code(&self) -> &str {
        self.body["error"]["data"]["code"].as_str().unwrap_or_default()
    }
}

impl Post {
    /// Everybody needs `mail`; `more` are lines of the configuration.
    fn new(more: &str) -> Self {
        let (guard, signer) = (Guard::new(), Signer::generate(Algorithm::Es256).expect("a key"));
        let jwks = KeySet(vec![signer.public().clone()]).jwks().to_string();
        std::fs::write(guard.file("idp.json"), jwks).expect("a scratch file");
        let config = format!(
            "resource = \"{RESOURCE}\"\nscopes = [\"mail\"]\n{more}\n[[trusted]]\n\
             issuer = \"{ISSUER}\"\njwks = \"idp.json\"\n"
        );
        std::fs::write(guard.file("authorize.toml"), config).expect("a scratch file");
        Self { guard, signer }
    }

    fn listen(&self, mode: &str, upstream: &str) -> Listening {
        let options = ["--mode", mode, "--authorize", "authorize.toml"];
        self.guard.listen(&options, upstream)
    }

    fn send(&self, listening: &Listening, scopes: &str, message: &Value) -> Got {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_s = now.expect("a clock").as_secs();
        let claims = json!({
            "iss": ISSUER, "sub": "user", "aud": RESOURCE, "client_id": "agent", "scope": scopes,
            "iat": now_s, "exp": now_s + 300, "jti": "1",
        });
        let token = self.signer.sign("at+jwt", &claims).expect("a key signs");
        let params = &message["params"];
        let name = params["name"].as_str().or_else(|| params["uri"].as_str()).unwrap_or_default();
        let headers = [
            ("Accept", "application/json, text/event-stream"),
            ("Content-Type", "application/json"),
            ("MCP-Protocol-Version", MODERN),
            ("Mcp-Method", message["method"].as_str().expect("a method")),
            ("Mcp-Name", name),
            ("Authorization", &format!("Bearer {}", token.expose())),
        ];
        let said = headers.iter().filter(|(_, value)| !value.is_empty());
        let headers: Vec<_> =
            said.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let client = HttpClient::new(listening.url());
        let mut answer = client.send("POST", &headers, message.to_string().as_bytes());
        let (status, challenge) = (answer.status, answer.header("www-authenticate"));
        let challenge = challenge.map(str::to_owned);
        let body = if answer.is_stream() {
            answer.message().unwrap_or_default()
        } else {
            serde_json::from_slice(&answer.bytes()).unwrap_or_default()
        };
        Got { status, challenge, body }
    }

    fn ask(&self, listening: &Listening, scopes: &str, method: &str, params: Value) -> Got {
        self.send(listening, scopes, &modern_request(7, method, params))
    }

    fn call(&self, listening: &Listening, scopes: &str, tool: &str) -> Got {
        self.call_for(listening, scopes, tool, "Ann")
    }

    fn call_for(&self, listening: &Listening, scopes: &str, tool: &str, to: &str) -> Got {
        let arguments = json!({"to": to, "text": "Hello", "word": "note"});
        self.ask(listening, scopes, "tools/call", json!({"name": tool, "arguments": arguments}))
    }
}

/// What arrived at the server.
fn arrived(post: &Post) -> String {
    std::fs::read_to_string(post.guard.file("seen.log")).unwrap_or_default()
}

#[test]
fn g13_a_call_needs_the_scopes_that_the_pinned_tool_names() {
    let post = Post::new("");
    let liar = Liar::honest().logging_to(&post.guard.file("seen.log")).listen();
    post.guard.pin_url(liar.url());
    let listening = post.listen("hold", liar.url());

    let lacks = post.call(&listening, "mail", "send_letter");
    let place = "https://post.a.test/.well-known/oauth-protected-resource/mcp";
    let expected = format!(
        r#"Bearer error="insufficient_scope", scope="mail mail.send", resource_metadata="{place}""#
    );
    assert_eq!((lacks.status, lacks.challenge.as_deref()), (403, Some(expected.as_str())));
    assert_eq!(lacks.code(), "authz.guard.scope-missing", "{}", lacks.body);
    assert_eq!(lacks.body["id"], 7, "it answers its request");
    assert!(lacks.body["error"]["message"].to_string().contains("`mail.send`"), "{}", lacks.body);

    let unknown = post.call(&listening, "mail mail.send", "burn_letters");
    assert_eq!((unknown.status, unknown.code()), (403, "authz.guard.scope-missing"));
    let silent = notification("tools/call", json!({"name": "send_letter", "arguments": {}}));
    let silent = post.send(&listening, "mail", &silent);
    assert_eq!((silent.status, silent.code()), (400, "wire.rpc.notification"), "no id, no call");
    assert!(!arrived(&post).contains("send_letter"), "it was called: {}", arrived(&post));

    assert_eq!(post.call(&listening, "mail", "search_notes").status, 200, "it names no scheme");
    let sent = post.call(&listening, "mail mail.send other", "send_letter");
    assert_eq!((sent.status, &sent.body["error"]), (200, &Value::Null), "{}", sent.body);
    assert!(arrived(&post).contains("send_letter"));
    let list = post.ask(&listening, "mail", "tools/list", json!({}));
    let tools = list.body["result"]["tools"].as_array().expect("a list").len();
    assert_eq!(tools, 4, "a list shows what a token may not call yet");
    listening.event(|event| {
        event["reasons"][0]["code"] == "authz.guard.scope-missing"
            && event["reasons"][0]["place"] == "tools/send_letter"
    });
}

#[test]
fn g13_nothing_is_called_before_something_is_pinned() {
    let post = Post::new("");
    let liar = Liar::honest().logging_to(&post.guard.file("seen.log")).listen();
    let listening = post.listen("hold", liar.url());
    // The first call lists the server and pins what it shows; what that asks for is asked for.
    let first = post.call(&listening, "mail", "send_letter");
    assert_eq!((first.status, first.code()), (403, "authz.guard.scope-missing"), "{}", first.body);
    assert!(!arrived(&post).contains("send_letter"), "it was called: {}", arrived(&post));
    assert_eq!(post.call(&listening, "mail mail.send", "send_letter").status, 200);
}

#[test]
fn t18_a_server_that_weakens_its_schemes_changes_nothing_but_is_seen() {
    for mutation in ["tool-security-schemes", "tool-security-schemes-removed"] {
        let post = Post::new("");
        let honest = Liar::honest().listen();
        post.guard.pin_url(honest.url());
        let liar = Liar::with(mutation).logging_to(&post.guard.file("seen.log")).listen();
        // Everything passes here that a token allows: only the pin stands in the way.
        let listening = post.listen("observe", liar.url());
        let lacks = post.call(&listening, "mail", "send_letter");
        assert_eq!((lacks.status, lacks.code()), (403, "authz.guard.scope-missing"), "{mutation}");
        assert!(!arrived(&post).contains("send_letter"), "{mutation}: {}", arrived(&post));
        assert_eq!(post.call(&listening, "mail mail.send", "send_letter").status, 200);
        let weakened = |event: &Value| event.to_string().contains("surface.tool.security-weakened");
        let event = listening.event(weakened);
        assert!(event.to_string().contains("critical"), "{event}");
        drop(listening);
        let holding = post.listen("hold", liar.url());
        let held = post.call(&holding, "mail mail.send", "send_letter");
        assert!(held.body.to_string().contains("surface.tool.security-weakened"), "{}", held.body);
    }
}

#[test]
fn a_pin_that_cannot_be_enforced_refuses_the_start_with_its_place_and_the_fix() {
    let post = Post::new("");
    let liar = Liar::with("tool-security-scopes-odd").listen();
    post.guard.pin_url(liar.url());
    let arguments = [
        "guard",
        "--name",
        ALIAS,
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        liar.url(),
        "--authorize",
        "authorize.toml",
    ];
    let refused = post.guard.run(&arguments);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = refused.stderr.clone();
    for part in ["tools/send_letter/securitySchemes/0/scopes", "authz.guard.pin-malformed", "hint:"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

const POLICY: &str = r#"
@id("calls") permit (principal, action == Action::"call_tool", resource)
  when { context.allowed.containsAll(resource.scopes) };
@id("reads") permit (principal, action in [Action::"read_resource", Action::"get_prompt"], resource);
@id("no-unbound-destruction") forbid (principal, action == Action::"call_tool", resource)
  when { context.destructive && !context.parent_bound };
@id("no-notes-of-today") forbid (principal, action == Action::"read_resource", resource)
  when { context.item == "notes://today" };
@id("overflows") forbid (principal, action == Action::"get_prompt", resource)
  when { context.depth - 9223372036854775807 - 2 > 0 };
"#;

#[test]
fn g14_policy_decides_on_each_call_and_its_name_stays_here() {
    let post = Post::new("policy = \"own.cedar\"");
    std::fs::write(post.guard.file("own.cedar"), POLICY).expect("a scratch file");
    let liar = Liar::honest().logging_to(&post.guard.file("seen.log")).listen();
    post.guard.pin_url(liar.url());
    let listening = post.listen("hold", liar.url());
    assert_eq!(post.call(&listening, "mail", "search_notes").status, 200, "it is read-only");
    for (what, policy, got) in [
        (
            "tools/send_letter",
            "no-unbound-destruction",
            post.call(&listening, "mail mail.send", "send_letter"),
        ),
        (
            "resources/notes://today",
            "no-notes-of-today",
            post.ask(&listening, "mail", "resources/read", json!({"uri": "notes://today"})),
        ),
        (
            "prompts/thank_you",
            "overflows",
            post.ask(&listening, "mail", "prompts/get", json!({"name": "thank_you"})),
        ),
    ] {
        assert_eq!(
            (got.status, got.code()),
            (403, "authz.guard.policy-denied"),
            "{what}: {}",
            got.body
        );
        assert!(!got.body.to_string().contains(policy), "its name is no caller's: {}", got.body);
        assert_eq!(got.challenge, None, "{what}: no scope would help");
        let event = listening.event(|event| {
            event["reasons"][0]["place"] == what && event["reasons"][0].to_string().contains(policy)
        });
        assert_eq!(event["verdict"], "deny", "{event}");
    }
    for call in ["send_letter", "notes://today", "prompts/get"] {
        assert!(!arrived(&post).contains(call), "{call} arrived: {}", arrived(&post));
    }
    let lacks = post.call(&listening, "mail", "send_letter");
    assert_eq!(lacks.code(), "authz.guard.scope-missing", "policy is asked last");
}

#[test]
fn t18_policy_is_asked_what_the_pinned_mapping_says_after_the_server_took_it_away() {
    let post = Post::new("policy = \"own.cedar\"");
    let policy = r#"@id("calls") permit (principal, action == Action::"call_tool", resource);
        @id("not-to-eve") forbid (principal, action == Action::"call_tool", resource)
          when { context has mapped && context.mapped.action == "write"
                 && context.mapped.resource_type == "person" && context.mapped.resource_id == "Eve" };"#;
    std::fs::write(post.guard.file("own.cedar"), policy).expect("a scratch file");
    let mapped = Liar::with("tool-mapping-added").listen();
    post.guard.pin_url(mapped.url());
    let honest = Liar::honest().logging_to(&post.guard.file("seen.log")).listen();
    let listening = post.listen("observe", honest.url());
    let scopes = "mail mail.send";
    let denied = post.call_for(&listening, scopes, "send_letter", "Eve");
    assert_eq!((denied.status, denied.code()), (403, "authz.guard.policy-denied"));
    let no_name = json!({"name": "send_letter", "arguments": {"text": "Hello"}});
    let failed = post.ask(&listening, scopes, "tools/call", no_name);
    assert_eq!((failed.status, failed.code()), (403, "authz.guard.mapping-failed"));
    assert!(!arrived(&post).contains("send_letter"), "it was called: {}", arrived(&post));
    assert_eq!(post.call_for(&listening, scopes, "send_letter", "Ann").status, 200);
    listening.event(|event| event.to_string().contains("surface.tool.security-weakened"));
    listening.event(|event| event.to_string().contains("not-to-eve"));
}

#[test]
fn a_policy_that_is_none_refuses_the_start() {
    for (policy, line, part) in [
        (POLICY.replace("context.item", "context.thing"), "policy = \"own.cedar\"", "own.cedar:"),
        (POLICY.to_owned(), "edges = \"edges.json\"", "edges"),
        (POLICY.to_owned(), "policy = \"gone.cedar\"", "gone.cedar"),
    ] {
        let post = Post::new(line);
        std::fs::write(post.guard.file("own.cedar"), policy).expect("a scratch file");
        let arguments = [
            "guard",
            "--mode",
            "observe",
            "--name",
            "server",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            "http://127.0.0.1:9/mcp",
            "--authorize",
            "authorize.toml",
        ];
        let refused = post.guard.run(&arguments);
        assert_eq!(refused.code, Some(2), "{line}: {refused:?}");
        assert!(refused.stderr.contains(part), "{line}: {}", refused.stderr);
    }
}
