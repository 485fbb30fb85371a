use policy::{Explanation, Outcome, Policies};

use super::{call, exchange, set, with, world};

fn considered<'a>(explanation: &'a Explanation, id: &str) -> &'a policy::Considered {
    explanation.considered.iter().find(|policy| policy.id == id).unwrap()
}

#[test]
fn a_denial_by_no_match_shows_the_condition_that_failed_and_the_values_it_read() {
    let mut request = exchange();
    request.facts.requested = set(&["doc:put"]);
    request.facts.allowed = set(&["doc:get"]);
    let explanation = Policies::built_in().unwrap().explain(&world(), &request);
    assert_eq!(explanation.verdict.code(), Some("policy.unmatched"));
    let permit = considered(&explanation, "exchange-within-authority");
    assert_eq!((permit.permits, &permit.outcome), (true, &Outcome::Fails));
    let outcomes: Vec<_> = permit.conditions.iter().map(|condition| &condition.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Fails, &Outcome::Holds, &Outcome::Holds]);
    assert_eq!(
        permit.conditions[0].text,
        "when { context.allowed.containsAll(context.requested) }"
    );
    let value = |name: &str| {
        let found = permit.attributes.iter().find(|(path, _)| path == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("context.requested"), Some("[\"doc:put\"]"));
    assert_eq!(value("context.allowed"), Some("[\"doc:get\"]"));
    assert_eq!(value("resource.client"), Some("Agent::\"https://sts.a.test#hop1\""));
    assert!(value("resource.to.scopes").is_some(), "{:?}", permit.attributes);
    let other = explanation.considered.iter().find(|p| p.id == "call-with-the-tools-scopes");
    assert!(other.is_none(), "its scope is another action");
}

#[test]
fn conjuncts_are_shown_one_by_one_and_errors_with_their_cause() {
    let policies = with(
        r#"@id("mix") forbid (principal, action, resource)
           when { context.depth >= 0 && context.auth_age_s + 9223372036854775807 > 0 }
           unless { context.destructive };"#,
    );
    let explanation = policies.explain(&world(), &call());
    assert_eq!(explanation.verdict.code(), Some("policy.failed"));
    let mix = considered(&explanation, "mix");
    assert!(!mix.permits);
    assert!(matches!(&mix.outcome, Outcome::Errs(what) if what.contains("overflow")));
    let outcomes: Vec<_> = mix.conditions.iter().map(|condition| &condition.outcome).collect();
    assert!(
        matches!(outcomes[..], [Outcome::Holds, Outcome::Errs(_), Outcome::Holds]),
        "{outcomes:?}"
    );
    assert_eq!(mix.conditions[2].text, "when { !context.destructive }");
}

#[test]
fn the_verdict_is_the_one_that_decides() {
    let policies = Policies::built_in().unwrap();
    for request in [exchange(), call()] {
        let verdict = policies.decide(&world(), &request);
        assert_eq!(policies.explain(&world(), &request).verdict, verdict);
    }
}
