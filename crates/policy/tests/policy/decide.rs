use policy::{Asked, Mapped, Policies, Reason, Request, Subject, Verdict};
use proptest::prelude::*;

use super::{HOP1, HOP2, call, exchange, name, parse, set, with, world};

fn changed(mut request: Request, change: impl FnOnce(&mut Request)) -> Request {
    change(&mut request);
    request
}

/// Verdict as text: `permit: ids`, `forbid: ids`, `unmatched`, `failed: ids`.
fn short(verdict: &Verdict) -> String {
    let ids = verdict.policies().join(" ");
    match verdict.reason {
        Reason::Permitted { .. } => format!("permit: {ids}"),
        Reason::Forbidden { .. } => format!("forbid: {ids}"),
        Reason::Unmatched => "unmatched".to_owned(),
        Reason::Failed { .. } => format!("failed: {ids}"),
        Reason::Refused { code, .. } => code.to_owned(),
    }
}

/// What is different from a request that is allowed, and what is decided of it.
type Row = (&'static str, Request, &'static str);

const EXCHANGED: &str = "permit: exchange-within-authority";
const CALLED: &str = "permit: call-with-the-tools-scopes";
const UNBOUND: &str = "forbid: no-binding-is-lost";

fn exchanges() -> Vec<Row> {
    let but = |change: fn(&mut Request)| changed(exchange(), change);
    vec![
        ("within authority", exchange(), EXCHANGED),
        ("nothing asked for", but(|r| r.facts.requested.clear()), EXCHANGED),
        ("more than allowed", but(|r| r.facts.allowed = set(&["doc:put"])), "unmatched"),
        (
            "a scope that the target does not know",
            but(|r| {
                r.facts.requested = set(&["admin"]);
                r.facts.allowed = set(&["admin"]);
            }),
            "unmatched",
        ),
        ("another client", but(|r| r.facts.agent = name("https://sts.a.test#hop2")), "unmatched"),
        ("another issuer", but(|r| r.facts.agent = name("https://evil.test#hop1")), "unmatched"),
        ("a bound token for an unbound one", but(|r| r.facts.child_bound = false), UNBOUND),
        ("an unbound token for a bound one", but(|r| r.facts.parent_bound = false), EXCHANGED),
        (
            "a grant that was ended",
            but(|r| r.facts.revoked = true),
            "forbid: nothing-after-revocation",
        ),
        (
            "two reasons to forbid",
            but(|r| (r.facts.revoked, r.facts.child_bound) = (true, false)),
            "forbid: no-binding-is-lost nothing-after-revocation",
        ),
        (
            "an edge that nobody declared",
            but(|r| r.asked = Asked::Exchange { from: HOP1.into(), to: HOP1.into() }),
            "failed: exchange-within-authority",
        ),
    ]
}

fn calls() -> Vec<Row> {
    let but = |change: fn(&mut Request)| changed(call(), change);
    vec![
        ("the tool's scope", call(), CALLED),
        ("without the scope", but(|r| r.facts.allowed.clear()), "unmatched"),
        (
            "a tool that nobody pinned",
            but(|r| r.asked = Asked::CallTool { server: HOP2.into(), tool: "rm".into() }),
            "failed: call-with-the-tools-scopes",
        ),
        (
            "a tool that needs no scope",
            but(|r| {
                r.asked = Asked::CallTool { server: HOP2.into(), tool: "ping".into() };
                r.facts.allowed.clear();
            }),
            CALLED,
        ),
        ("a proof that is missing", but(|r| r.facts.child_bound = false), UNBOUND),
        (
            "a client for itself",
            but(|r| r.subject = Subject::Agent(name("https://sts.a.test#hop1"))),
            CALLED,
        ),
    ]
}

fn reads() -> Vec<Row> {
    let server = || HOP2.to_owned();
    let of = |asked: Asked| changed(call(), |request| request.asked = asked);
    let read = of(Asked::ReadResource { server: server(), uri: "file:///a".into() });
    let got = of(Asked::GetPrompt { server: server(), prompt: "p".into() });
    let without = changed(read.clone(), |request| request.facts.allowed.clear());
    let expected = "permit: read-with-the-servers-scopes";
    vec![
        ("a resource", read, expected),
        ("a prompt", got, expected),
        ("a resource without the scope", without, "unmatched"),
    ]
}

#[test]
fn a_policy_can_speak_of_the_item_and_of_what_a_mapping_makes_of_a_call() {
    let policies = with(
        r#"@id("not-the-keys") forbid (principal, action == Action::"read_resource", resource)
             when { context.item like "file:///keys/*" };
           @id("not-the-king") forbid (principal, action, resource)
             when { context has mapped && context.mapped.resource_type == "customer"
                    && context.mapped.resource_id == "king" };"#,
    );
    let read = |uri: &str| {
        let asked = Asked::ReadResource { server: HOP2.into(), uri: uri.into() };
        changed(call(), |request| request.asked = asked)
    };
    let mapped = |id: &str| {
        let mapped = Mapped {
            subject_type: "identity".into(),
            action: "read".into(),
            resource_type: "customer".into(),
            resource_id: id.into(),
        };
        changed(call(), |request| request.facts.mapped = Some(mapped))
    };
    let decided = |request: &Request| short(&policies.decide(&world(), request));
    assert_eq!(decided(&read("file:///a")), "permit: read-with-the-servers-scopes");
    assert_eq!(decided(&read("file:///keys/a")), "forbid: not-the-keys");
    assert_eq!(decided(&mapped("queen")), CALLED);
    assert_eq!(decided(&mapped("king")), "forbid: not-the-king");
    let long = "x".repeat(policy::limits::NAME_BYTES_MAX);
    assert_eq!(decided(&mapped(&long)), CALLED);
    assert_eq!(decided(&mapped(&(long + "x"))), "policy.request-size");
}

#[test]
fn the_built_in_policies_decide_by_this_table() {
    let (policies, world) = (Policies::built_in().unwrap(), world());
    for (what, request, expected) in exchanges().into_iter().chain(calls()).chain(reads()) {
        let verdict = policies.decide(&world, &request);
        assert_eq!(short(&verdict), expected, "{what}: {verdict}");
        assert_eq!(verdict.is_allowed(), expected.starts_with("permit"), "{what}");
        assert_eq!(verdict.code().is_none(), verdict.is_allowed(), "{what}");
    }
}

/// Adds up to more than a Cedar integer holds as soon as the sign-in is a second old.
const OVERFLOWS: &str = r#"@id("too-old") forbid (principal, action, resource)
    when { context.auth_age_s + 9223372036854775807 > 0 };"#;

#[test]
fn a_forbid_that_fails_denies() {
    let policies = with(OVERFLOWS);
    let verdict = policies.decide(&world(), &exchange());
    assert_eq!(short(&verdict), "failed: too-old", "Cedar alone would allow: {verdict}");
    assert!(verdict.to_string().contains("overflow"), "{verdict}");
    assert_eq!(verdict.code(), Some("policy.failed"));
    let at_once = changed(exchange(), |r| r.facts.auth_age_s = Some(0));
    assert_eq!(short(&policies.decide(&world(), &at_once)), "forbid: too-old");
}

#[test]
fn a_permit_that_fails_denies_beside_one_that_permits() {
    let permit = OVERFLOWS.replace("forbid", "permit");
    let verdict = with(&permit).decide(&world(), &exchange());
    assert_eq!(short(&verdict), "failed: too-old");
}

#[test]
fn nothing_is_allowed_without_policies() {
    assert_eq!(short(&parse("").decide(&world(), &exchange())), "unmatched");
}

#[test]
fn policies_read_names_issuers_and_parents() {
    let policies = with(
        r#"@id("not-from-there") forbid (principal, action, resource)
             when { context.issuer == "https://idp.evil.test" };
           @id("not-mallory") forbid (principal == Principal::"https://idp.a.test#mallory", action, resource);
           @id("not-through-c") forbid (principal, action, resource)
             when { context.chain.contains(Agent::"https://c.test#c") };
           @id("calm") forbid (principal, action == Action::"call_tool",
                resource in Server::"https://hop2.a.test/mcp")
             when { context.destructive && context.auth_age_s > 300 };"#,
    );
    let world = world();
    let decide = |request: &Request| short(&policies.decide(&world, request));
    assert_eq!(decide(&call()), "permit: call-with-the-tools-scopes");
    let who = |id| changed(call(), |r| r.subject = Subject::Principal(name(id)));
    assert_eq!(decide(&who("https://idp.evil.test#alice")), "forbid: not-from-there");
    assert_eq!(decide(&who("https://idp.a.test#mallory")), "forbid: not-mallory");
    let chained = changed(call(), |r| r.facts.chain.push(name("https://c.test#c")));
    assert_eq!(decide(&chained), "forbid: not-through-c");
    let destroys = changed(call(), |r| r.facts.destructive = true);
    assert_eq!(decide(&destroys), "permit: call-with-the-tools-scopes");
    let unsaid = changed(destroys, |r| r.facts.auth_age_s = None);
    assert_eq!(decide(&unsaid), "forbid: calm", "a sign-in that nobody dates is old");
}

fn scopes() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["doc:get", "doc:put", "admin"], 0..=3)
}

prop_compose! {
    fn any_request()(
        requested in scopes(), allowed in scopes(), agent in 0..2, is_call: bool, tool in 0..3_usize,
        flags: [bool; 4], depth in 0..12_u64, age in prop::option::of(0..100_000_u64),
    ) -> Request {
        let mut request = if is_call { call() } else { exchange() };
        if is_call {
            let tool = ["get", "ping", "rm"][tool].to_owned();
            request.asked = Asked::CallTool { server: HOP2.to_owned(), tool };
        }
        if agent == 1 {
            request.facts.agent = name("https://sts.a.test#other");
        }
        let [parent_bound, child_bound, revoked, destructive] = flags;
        let facts = &mut request.facts;
        (facts.parent_bound, facts.child_bound) = (parent_bound, child_bound);
        (facts.revoked, facts.destructive) = (revoked, destructive);
        (facts.requested, facts.allowed) = (set(&requested), set(&allowed));
        (facts.depth, facts.auth_age_s) = (depth, age);
        request
    }
}

/// Valid by the schema, and failing for each request, for the server is not declared.
const ALWAYS: [&str; 4] = [
    r#"@id("x") permit (principal, action, resource) when { Server::"https://gone.test".scopes.isEmpty() };"#,
    r#"@id("x") forbid (principal, action, resource) when { Server::"https://gone.test".scopes.isEmpty() };"#,
    r#"@id("x") permit (principal, action, resource) unless { Server::"https://gone.test".scopes.isEmpty() };"#,
    r#"@id("x") forbid (principal, action, resource) unless { Server::"https://gone.test".scopes.isEmpty() };"#,
];

/// Failing for some requests: what else it would say is no permission either.
const SOMETIMES: [&str; 3] = [
    r#"@id("x") forbid (principal, action, resource) when { context.auth_age_s * 9223372036854775 > 3 };"#,
    r#"@id("x") forbid (principal, action, resource) unless { context.depth + 9223372036854775800 > 3 };"#,
    r#"@id("x") permit (principal, action, resource) when { context.depth + 9223372036854775800 < 3 };"#,
];

#[test]
fn a_failing_policy_never_turns_deny_into_allow() {
    let (world, built_in) = (world(), Policies::built_in().unwrap());
    let (always, sometimes) = (ALWAYS.map(with), SOMETIMES.map(with));
    proptest!(|(request in any_request())| {
        for policies in &always {
            prop_assert!(!policies.decide(&world, &request).is_allowed());
        }
        let before = built_in.decide(&world, &request);
        for policies in &sometimes {
            let after = policies.decide(&world, &request);
            prop_assert!(before.is_allowed() || !after.is_allowed(), "{before} -> {after}");
            prop_assert!(!after.policies().contains(&"x") || !after.is_allowed(), "{after}");
        }
    });
}

#[test]
fn a_forbid_only_takes_away() {
    let (world, built_in) = (world(), Policies::built_in().unwrap());
    let bounded: Vec<_> = (0..12)
        .map(|bound| {
            with(&format!(
                r#"@id("x") forbid (principal, action, resource) when {{ context.depth > {bound} }};"#
            ))
        })
        .collect();
    proptest!(|(request in any_request(), bound in 0..12_usize)| {
        let before = built_in.decide(&world, &request).is_allowed();
        let after = bounded[bound].decide(&world, &request).is_allowed();
        prop_assert_eq!(after, before && request.facts.depth <= bound as u64);
    });
}
