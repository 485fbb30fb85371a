//! X4, X6, X7, X11: the edge, and who acts. Threats T4, T6, T7, T8.

use serde_json::{Value, json};

use super::world::*;
use super::*;

const X4: &str = "edge-missing";
const X6: &str = "actor-chain-invalid";
const X7: &str = "cycle";
const X11: &str = "actor-mismatch";

#[tokio::test]
async fn x4_without_an_edge_of_ours_there_is_no_token() {
    let world = world();
    let to = |target: &str| Request { resource: vec![target.to_owned()], ..first() };
    for target in [
        uri(3),
        uri(9),
        uri(1),
        "x".to_owned(),
        String::new(),
        format!("{}/", uri(2)),
        format!("{}#a", uri(2)),
        "http://hop2.a.test/mcp".to_owned(),
    ] {
        assert_eq!(world.code(&to(&target)).await, X4, "{target}");
    }
    world.ok(&to("https://HOP2.a.test:443/mcp")).await;
    let mut stranger = first();
    stranger.client_assertion = Some(assertion(9));
    assert_eq!(world.code(&stranger).await, X4, "a client that acts for no server");
    let assertion = || Request { requested_token_type: Some(ID_JAG.to_owned()), ..first() };
    assert_eq!(world.code(&assertion()).await, X4, "no assertion for our own domain");
    for via in ["exchange", "id-jag", "client-credentials"] {
        let mut file = file();
        file["edges"][0]["via"] = json!(via);
        file["edges"][0]["profile"] = json!("entra-v2");
        let world = world_of(&file, |_| ());
        assert_eq!(world.code(&first()).await, X4, "another service's: {via}");
        assert_eq!(world.code(&assertion()).await, X4, "no domain that we know: {via}");
    }
}

#[tokio::test]
async fn x4_the_assurance_of_the_edge_holds() {
    let unbound =
        || Request { subject_token_proof: None, ..first_of(&with(root(), "cnf", Value::Null)) };
    assert_eq!(world().code(&unbound()).await, X4, "bound, unless the file says otherwise");
    let mut file = file();
    file["edges"][0]["assurance"] = json!({ "bound": false, "auth_age_s_max": 100 });
    let world = world_of(&file, |_| ());
    world.ok(&unbound()).await;
    world.ok(&first()).await;
    for at_s in [json!(NOW_S - 101), Value::Null] {
        assert_eq!(world.code(&first_of(&with(root(), "auth_time", at_s))).await, X4);
    }
}

#[tokio::test]
async fn x4_a_removed_edge_stops_at_once_and_a_new_one_widens_no_live_grant() {
    let world = world();
    let root_token = signed(&root());
    let ask = |to| request(1, to, &root_token, &KEYS.agent);
    world.ok(&ask(2)).await;
    let before = world.last().configuration;
    let mut other = file();
    other["edges"][0] = edge(1, 5, &json!({ "read": ["read"] }));
    world.exchange.replace(edges(&other), Arc::new(PermitAll));
    assert_eq!(world.code(&ask(2)).await, X4);
    assert_eq!(world.code(&ask(5)).await, "authority-exceeded", "the ceiling was fixed");
    assert_ne!(world.last().configuration, before, "each decision says which file it was");
    world.ok(&request(1, 5, &signed(&root()), &KEYS.agent)).await;
}

/// T7: what the provider signs as a chain, and what we make of it.
#[tokio::test]
async fn x6_a_chain_names_somebody_at_each_level() {
    let world = world();
    let actor = |sub: &str| json!({ "sub": sub });
    let deep = |n: usize| {
        (0..n).fold(Value::Null, |act, i| {
            let mut level = actor(&format!("a{i}"));
            if !act.is_null() {
                level["act"] = act;
            }
            level
        })
    };
    for act in [
        json!(null),
        json!([]),
        json!("x"),
        json!({}),
        json!({ "sub": "" }),
        json!({ "sub": 1 }),
        json!({ "iss": IDP }),
        json!({ "sub": "a", "iss": "" }),
        json!({ "sub": "a", "iss": null }),
        json!({ "sub": "a", "act": null }),
        json!({ "sub": "a", "act": [] }),
        json!({ "sub": "a", "act": { "sub": "" } }),
        json!({ "sub": "s".repeat(513) }),
        deep(4),
        deep(11),
        deep(12),
    ] {
        let mut claims = root();
        claims["act"] = act.clone();
        assert_eq!(world.code(&first_of(&claims)).await, X6, "{act}");
    }
    let issued = world.ok(&first_of(&with(root(), "act", deep(3)))).await;
    assert_eq!(read(&issued.token)["act"]["act"]["act"]["act"], json!({ "iss": IDP, "sub": "a0" }));
    let noisy =
        json!({ "sub": "a", "exp": 1, "nbf": "x", "roles": ["admin"], "iss": "https://x.test" });
    let issued = world.ok(&first_of(&with(root(), "act", noisy))).await;
    let inner = &read(&issued.token)["act"]["act"];
    assert_eq!(*inner, json!({ "iss": "https://x.test", "sub": "a" }), "other members are dropped");
    let text = root().to_string();
    let twice = text.replacen('{', r#"{"act":{"sub":"a","sub":"b"},"#, 1);
    let header = r#"{"alg":"ES256","typ":"at+jwt"}"#;
    let raw = format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(twice));
    let code = world.code(&request(1, 2, &raw.as_str().into(), &KEYS.agent)).await;
    assert_eq!(code, "subject-invalid", "one name of two");
}

#[tokio::test]
async fn x6_no_chain_is_deeper_than_its_grant() {
    for depth_max in 1..=4 {
        let world = world_of(&file(), |config| config.depth_max = depth_max);
        let mut token = world.ok(&first()).await.token;
        for hop in 2..=usize::from(depth_max) {
            token = world.ok(&request(hop, hop + 1, &token, &KEYS.hops[hop - 1])).await.token;
        }
        let hop = usize::from(depth_max) + 1;
        let to = if hop == 5 { 1 } else { hop + 1 };
        let code = world.code(&request(hop, to, &token, &KEYS.hops[hop - 1])).await;
        assert_eq!(code, X6, "{depth_max}");
    }
}

#[tokio::test]
async fn x6_a_chain_has_a_size() {
    let world = world_of(&file(), |config| config.depth_max = 10);
    let claims = |bytes: usize| {
        let actor = Actor { iss: "i".repeat(bytes), sub: "s".to_owned() };
        with(root(), "act", issue::act(&vec![actor; 8]))
    };
    // The parent's is within the bound; with one level more, the child's need not be.
    let (mut fits, mut past) = (400, 480);
    while past - fits > 1 {
        let middle = usize::midpoint(fits, past);
        match world.ask(&first_of(&claims(middle))).await {
            Ok(_) => fits = middle,
            Err(_) => past = middle,
        }
    }
    let issued = world.ok(&first_of(&claims(fits))).await;
    let act = read(&issued.token)["act"].to_string().len();
    let max = crate::limits::ACT_BYTES_MAX;
    assert!(act <= max && act + 8 > max, "{act}");
    assert!(claims(past)["act"].to_string().len() <= max);
    assert_eq!(world.code(&first_of(&claims(past))).await, X6);
}

/// T8: rings of 2 to 6.
#[tokio::test]
async fn x7_no_ring_is_closed_unless_its_edge_says_so() {
    for size in 2..=6_usize {
        let same = json!({ "read": ["read"] });
        let next = |hop: usize| if hop == size { 1 } else { hop + 1 };
        let servers: Vec<_> = (1..=size).map(|hop| server(hop, &["read", "write"])).collect();
        let list: Vec<_> = (1..=size).map(|hop| edge(hop, next(hop), &same)).collect();
        let mut file = json!({ "version": 1, "servers": servers, "edges": list });
        let walk = async |world: &World| {
            let mut token = world.ok(&first()).await.token;
            for hop in 2..size {
                token = world.ok(&request(hop, next(hop), &token, &KEYS.hops[hop - 1])).await.token;
            }
            token
        };
        let world = world_of(&file, |config| config.depth_max = 10);
        let token = walk(&world).await;
        let closing = request(size, 1, &token, &KEYS.hops[size - 1]);
        assert_eq!(world.code(&closing).await, X7, "ring of {size}");
        file["edges"][size - 1]["cycle"] = json!(true);
        let world = world_of(&file, |config| config.depth_max = 10);
        let token = walk(&world).await;
        let token = world.ok(&request(size, 1, &token, &KEYS.hops[size - 1])).await.token;
        let again = world.code(&request(1, 2, &token, &KEYS.hops[size])).await;
        assert_eq!(again, X7, "the next edge of the ring says nothing of cycles");
    }
}

#[tokio::test]
async fn x7_whoever_is_named_as_an_actor_counts_under_each_of_its_names() {
    let world = world();
    for sub in ["hop1", "hop2", &uri(1), &uri(2)] {
        for iss in [STS, IDP] {
            let act = json!({ "iss": iss, "sub": "a", "act": { "iss": iss, "sub": sub } });
            assert_eq!(world.code(&first_of(&with(root(), "act", act))).await, X7, "{iss} {sub}");
        }
        let claims = with(root(), "client_id", json!(sub));
        assert_eq!(world.code(&first_of(&claims)).await, X7, "as the root's client: {sub}");
    }
    world.ok(&first_of(&with(root(), "client_id", json!("hop3")))).await;
}

/// T6: subject x actor x client, all pairs; only one of them is right.
#[tokio::test]
async fn x11_an_actor_token_belongs_to_subject_and_client() {
    let mut file = file();
    file["edges"][0]["actors"] = json!(["service-1"]);
    let world = world_of(&file, |_| ());
    let actor = |iss: &str, client: &str, sub: &str| {
        signed(&json!({
            "iss": iss, "sub": sub, "aud": STS, "client_id": client, "iat": NOW_S, "exp": NOW_S + 60,
        }))
    };
    for subject_iss in [IDP, OTHER_IDP] {
        for actor_iss in [IDP, OTHER_IDP] {
            for client in ["hop1", "hop2", "agent"] {
                for sub in ["service-1", "service-2", "alice"] {
                    let mut asked = first_of(&with(root(), "iss", json!(subject_iss)));
                    asked.actor_token = Some(actor(actor_iss, client, sub));
                    asked.actor_token_type = Some(ACCESS_TOKEN.to_owned());
                    let right = subject_iss == actor_iss && client == "hop1" && sub == "service-1";
                    let done = world.ask(&asked).await;
                    let code = done.as_ref().err().map(ExchangeError::code);
                    let expected = (!right).then_some("authz.exchange.actor-mismatch");
                    assert_eq!(code, expected, "{subject_iss} {actor_iss} {client} {sub}");
                    if let Ok(issued) = done {
                        assert_eq!(
                            read(&issued.token)["act"]["sub"],
                            json!("hop1"),
                            "who presents"
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn x11_the_subject_may_name_its_actor_and_the_type_comes_with_the_token() {
    let world = world();
    let may = |iss: &str, sub: &str| with(root(), "may_act", json!({ "iss": iss, "sub": sub }));
    let claims = |change: fn(&mut Value)| {
        let mut claims = json!({
            "iss": IDP, "sub": "service", "aud": STS, "client_id": "hop1", "exp": NOW_S + 60,
        });
        change(&mut claims);
        signed(&claims)
    };
    let ask = |root: &Value, actor: Option<Secret>, typ: Option<&str>| Request {
        actor_token: actor,
        actor_token_type: typ.map(str::to_owned),
        ..first_of(root)
    };
    let good = || Some(claims(|_| ()));
    let of = Some(ACCESS_TOKEN);
    world.ok(&ask(&may(IDP, "service"), good(), of)).await;
    world.ok(&ask(&may(IDP, "service"), None, None)).await;
    for (what, asked) in [
        ("named by nobody", ask(&root(), good(), of)),
        ("another is named", ask(&may(IDP, "other"), good(), of)),
        ("of another issuer", ask(&may(OTHER_IDP, "service"), good(), of)),
        ("no type", ask(&may(IDP, "service"), good(), None)),
        ("no token", ask(&may(IDP, "service"), None, of)),
        (
            "another type",
            ask(&may(IDP, "service"), good(), Some("urn:ietf:params:oauth:token-type:jwt")),
        ),
        ("over", ask(&may(IDP, "service"), Some(claims(|it| it["exp"] = json!(NOW_S - 301))), of)),
        (
            "for another",
            ask(&may(IDP, "service"), Some(claims(|it| it["aud"] = json!(uri(1)))), of),
        ),
        ("no token of anybody", ask(&may(IDP, "service"), Some("x".into()), of)),
        (
            "another's key",
            ask(
                &may(IDP, "service"),
                Some(claims(|it| {
                    it["cnf"] = json!({ "jkt": KEYS.hops[2].public().thumbprint().0 });
                })),
                of,
            ),
        ),
    ] {
        assert_eq!(world.code(&asked).await, X11, "{what}");
    }
    let own = Some(claims(|it| it["cnf"] = json!({ "jkt": KEYS.hops[1].public().thumbprint().0 })));
    world.ok(&ask(&may(IDP, "service"), own, of)).await;
}
