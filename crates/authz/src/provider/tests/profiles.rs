use serde_json::{Value, json};

use super::super::discovery::Form;
use super::super::fixes::FIXES;
use super::super::profile::{Asked, Audience, Exchange, Pkce, Profile, Token};
use crate::limits;

/// One row of the tables of deployments.
type Row =
    (&'static str, &'static [&'static str], Pkce, Asked, Audience, &'static str, Token, Exchange);

const ROWS: &[Row] = {
    use {Asked as R, Audience as A, Exchange as X, Token as T};
    const S: Pkce = Pkce::Advertised;
    &[
        (
            "entra-v2",
            &["oidc-append"],
            Pkce::AssumeS256,
            R::Omit,
            A::ClientId,
            "scp",
            T::Jwt,
            X::EntraObo,
        ),
        ("okta", &["oidc-append"], S, R::AudienceParam, A::Configured, "scp", T::Jwt, X::Rfc8693),
        (
            "auth0",
            &["8414-insert"],
            S,
            R::AudienceParam,
            A::Configured,
            "scope",
            T::Either,
            X::Rfc8693,
        ),
        (
            "keycloak",
            &["8414-insert", "oidc-append"],
            S,
            R::Send,
            A::Configured,
            "scope",
            T::Jwt,
            X::Rfc8693,
        ),
        ("cognito", &["oidc-append"], S, R::Send, A::Resource, "scope", T::Jwt, X::None),
        (
            "google",
            &["oidc-insert", "oidc-append"],
            S,
            R::Omit,
            A::ClientId,
            "scope",
            T::Opaque,
            X::None,
        ),
        ("github", &["8414-insert"], S, R::Omit, A::None, "scope", T::Opaque, X::None),
        ("ping", &["oidc-append"], S, R::Send, A::Configured, "scope", T::Either, X::Rfc8693),
        (
            "oidc-provider",
            &["8414-insert", "oidc-append"],
            S,
            R::Send,
            A::Resource,
            "scope",
            T::Either,
            X::Rfc8693,
        ),
        ("glewlwyd", &["oidc-append"], S, R::Send, A::Resource, "scope", T::Jwt, X::None),
        ("oauth-as", &["8414-insert"], S, R::Send, A::Resource, "scope", T::Either, X::Rfc8693),
        (
            "generic",
            &["8414-insert", "oidc-insert", "oidc-append"],
            S,
            R::Send,
            A::Resource,
            "scope",
            T::Either,
            X::None,
        ),
    ]
};

#[test]
fn every_profile_says_what_the_table_of_deployments_says() {
    let all = Profile::all().unwrap();
    assert_eq!(all.len(), ROWS.len());
    for (profile, row) in all.iter().zip(ROWS) {
        let (id, discovery, pkce, resource, audience, scope, token, exchange) = *row;
        let forms: Vec<&str> = profile.discovery.iter().map(|form| form.as_str()).collect();
        assert_eq!((profile.id.as_str(), forms.as_slice()), (id, discovery));
        assert_eq!(
            (profile.pkce, profile.resource, profile.expected_aud),
            (pkce, resource, audience),
            "{id}"
        );
        assert_eq!(
            (profile.scope_claim.as_str(), profile.token, profile.exchange),
            (scope, token, exchange),
            "{id}"
        );
    }
}

#[test]
fn an_issuer_has_one_profile_by_its_form_and_nothing_near_it() {
    for (issuer, id) in [
        ("https://login.microsoftonline.com/8a0b-1/v2.0", "entra-v2"),
        ("https://login.microsoftonline.com/8a0b-1/v2.0/", "generic"),
        ("https://login.microsoftonline.com/8a0b-1", "generic"),
        ("https://login.microsoftonline.com.evil.example/8a0b-1/v2.0", "generic"),
        ("http://login.microsoftonline.com/8a0b-1/v2.0", "generic"),
        ("https://acme.okta.com/oauth2/default", "okta"),
        ("https://acme.okta.com", "generic"),
        ("https://evil.example/acme.okta.com/oauth2/default", "generic"),
        ("https://acme.eu.auth0.com/", "auth0"),
        ("https://acme.auth0.com/", "auth0"),
        ("https://acme.auth0.com", "generic"),
        ("https://sso.acme.example:8443/realms/main", "keycloak"),
        ("https://sso.acme.example/auth/realms/main", "keycloak"),
        ("https://sso.acme.example/realms/main/more", "generic"),
        ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC", "cognito"),
        ("https://accounts.google.com", "google"),
        ("https://accounts.google.com/", "generic"),
        ("https://github.com/login/oauth", "github"),
        ("https://auth.pingone.eu/0000-1/as", "ping"),
        ("https://as.example", "generic"),
        ("", "generic"),
    ] {
        assert_eq!(Profile::of(issuer).unwrap().id, id, "{issuer}");
    }
    assert_eq!(Profile::named("glewlwyd").unwrap().id, "glewlwyd");
    assert!(Profile::named("Glewlwyd").is_err());
}

#[test]
fn a_tenant_is_pinned_where_its_deployment_asks_for_one() {
    let of = |issuer: &str| Profile::of(issuer).unwrap().is_pinned(issuer);
    assert!(of("https://login.microsoftonline.com/8a0b-1/v2.0"));
    for shared in ["common", "organizations", "consumers"] {
        assert!(!of(&format!("https://login.microsoftonline.com/{shared}/v2.0")), "{shared}");
    }
    assert!(of("https://sso.example/realms/common"), "elsewhere it is a name like any");
}

#[test]
fn every_fix_is_somebodys_and_every_name_of_one_is_there() {
    let all = Profile::all().unwrap();
    let named: Vec<&String> = all.iter().flat_map(|profile| &profile.fixes).collect();
    for (name, code, text) in FIXES {
        assert_eq!(named.iter().filter(|it| it == &name).count(), 1, "{name}");
        let owner = all.iter().find(|profile| profile.fixes.iter().any(|fix| fix == name));
        assert!(owner.unwrap().fixes_for(code).contains(text), "{name}");
    }
    assert_eq!(named.len(), FIXES.len());
}

/// What is of another form, the schema refuses as we do.
#[test]
fn the_schema_and_the_reader_of_profiles_agree() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../../docs/schema/profile.json")).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let agree = |value: &Value, is_good: bool| {
        assert_eq!(validator.is_valid(value), is_good, "schema: {value}");
        let read = Profile::parse(value.to_string().as_bytes());
        assert_eq!(read.is_ok(), is_good, "reader: {value}");
    };
    let mut profiles = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        profiles.push(serde_json::from_str::<Value>(&text).unwrap());
    }
    assert_eq!(profiles.len(), ROWS.len(), "every file is built in");
    for profile in &profiles {
        agree(profile, true);
    }
    let good = profiles.iter().find(|profile| profile["id"] == "entra-v2").unwrap();
    for member in good.as_object().unwrap().keys() {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(member);
        agree(&without, false);
        let mut other = good.clone();
        other[member] = json!({});
        agree(&other, false);
    }
    for (member, value) in [
        ("more", json!(1)),
        ("id", json!("Entra")),
        ("issuer", json!(["a", "a"])),
        ("issuer", json!([""])),
        ("discovery", json!([])),
        ("discovery", json!(["oidc"])),
        ("registration", json!([])),
        ("scope_form", json!("prefix:")),
        ("scope_form", json!("other")),
        ("scope_claim", json!("scopes")),
        ("client_claim", json!(["sub"])),
        ("typ", json!(["id_token"])),
        ("expected_aud", json!("any")),
        ("dpop", json!("yes")),
        ("fixes", json!(["A"])),
    ] {
        let mut wrong = good.clone();
        wrong[member] = value;
        agree(&wrong, false);
    }
    let twice = good.to_string().replacen('{', "{\"id\":\"a\",", 1);
    assert!(Profile::parse(twice.as_bytes()).is_err(), "a key twice");
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.to_string().len()));
    assert!(Profile::parse(padded(limits::PROFILE_BYTES_MAX).as_bytes()).is_ok());
    assert!(Profile::parse(padded(limits::PROFILE_BYTES_MAX + 1).as_bytes()).is_err());
}

#[test]
fn metadata_is_at_three_places_or_two() {
    let places = |issuer: &str| -> Vec<String> {
        let places = Form::places(issuer).unwrap();
        places.into_iter().map(|(form, url)| format!("{} {url}", form.as_str())).collect()
    };
    let with_path = [
        "8414-insert https://h.example/.well-known/oauth-authorization-server/p",
        "oidc-insert https://h.example/.well-known/openid-configuration/p",
        "oidc-append https://h.example/p/.well-known/openid-configuration",
    ];
    assert_eq!(places("https://h.example/p"), with_path);
    assert_eq!(places("https://h.example/p/"), with_path, "a slash at the end goes first");
    let without = [
        "8414-insert https://h.example/.well-known/oauth-authorization-server",
        "oidc-append https://h.example/.well-known/openid-configuration",
    ];
    assert_eq!(places("https://h.example"), without);
    assert_eq!(places("https://h.example/"), without);
    for wrong in ["http://h.example", "https://h.example?a=b", "https://h.example/#f", "h.example"]
    {
        assert!(Form::places(wrong).is_err(), "{wrong}");
    }
}
