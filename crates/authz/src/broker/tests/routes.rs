//! What is asked by each way, and what has to come back.

use super::*;

type Forms = Arc<Mutex<Vec<Form>>>;

/// An issuer that keeps what it is asked.
async fn recorded(
    more: Value,
    answer: impl Fn(&Form) -> (u16, Value) + Send + Sync + 'static,
) -> (Issuer, Forms) {
    let forms = Forms::default();
    let kept = Arc::clone(&forms);
    let issuer = Issuer::start(more, move |form| {
        kept.lock().unwrap().push(form.clone());
        answer(form)
    });
    (issuer.await, forms)
}

fn grants(forms: &Forms) -> Vec<String> {
    let short = |form: &Form| form["grant_type"].rsplit(':').next().unwrap().to_owned();
    forms.lock().unwrap().iter().map(short).collect()
}

#[tokio::test]
async fn a_provider_with_a_form_of_its_own_is_asked_in_it() {
    let (issuer, forms) = recorded(json!({}), |_| (200, issued("t"))).await;
    let more = "profile = \"entra-v2\"\nscopes = [\"read\"]\napp_id_uri = \"api://hop2\"";
    let caller = person("https://a.test", "alice", "agent", "theirs");
    shown(&issuer.broker(more), &caller).await.unwrap();
    let form = forms.lock().unwrap()[0].clone();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form["assertion"], "theirs");
    assert_eq!(form["requested_token_use"], "on_behalf_of");
    assert_eq!(form["scope"], "api://hop2/read");
    assert!(!form.contains_key("resource"), "{:?}", form.keys());
}

#[tokio::test]
async fn our_own_token_service_is_shown_the_holder_s_proof_and_no_other_is() {
    for (more, is_shown) in [("own = true", true), ("", false)] {
        let (issuer, forms) = recorded(json!({}), |_| (200, issued("t"))).await;
        let Caller::Person(alice) = person("https://a.test", "alice", "agent", "t") else {
            panic!()
        };
        let mut alice = Arc::into_inner(alice).unwrap();
        alice.proof = Some("proof".into());
        let caller = Caller::Person(Arc::new(alice));
        shown(&issuer.broker(more), &caller).await.unwrap();
        let form = forms.lock().unwrap()[0].clone();
        assert_eq!(form.contains_key("subject_token_proof"), is_shown);
        assert_eq!(form["resource"], RESOURCE);
        assert!(!form.contains_key("audience"));
    }
}

#[tokio::test]
async fn an_assertion_is_for_the_issuer_of_the_server_and_bound_where_we_asked_for_it() {
    let assertion = |claims: Value| {
        use base64::Engine as _;
        let part = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.s", part("{}".to_owned()), part(claims.to_string()));
        json!({
            "access_token": token, "token_type": "N_A",
            "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag",
        })
    };
    let offers = json!({ "dpop_signing_alg_values_supported": ["ES256"] });
    let access = issued("t");
    for (what, metadata, body, code) in [
        ("unbound, and nobody asked", json!({}), assertion(json!({})), ""),
        ("unbound", offers.clone(), assertion(json!({})), "authz.outbound.binding-lost"),
        (
            "by another key",
            offers,
            assertion(json!({ "cnf": { "jkt": "k" } })),
            "authz.outbound.binding-lost",
        ),
        ("an access token", json!({}), access, "authz.outbound.type-other"),
    ] {
        let (idp, asked) = recorded(metadata, move |_| (200, body.clone())).await;
        let (issuer, redeemed) = recorded(json!({}), |_| (200, issued("t"))).await;
        let text = format!(
            "resource = \"{RESOURCE}\"\nloopback = true\n[caller]\nroute = \"id-jag\"\nissuer = \"{}\"\n[caller.client]\nid = \"there\"\n[caller.idp]\nissuer = \"{}\"\n[caller.idp.client]\nid = \"here\"\n",
            issuer.url, idp.url
        );
        let caller = person("https://a.test", "alice", "agent", "theirs");
        let found = shown(&broker(&text), &caller).await;
        assert_eq!(found.err().map_or("", |refused| refused.code()), code, "{what}");
        let form = asked.lock().unwrap()[0].clone();
        assert_eq!(form["subject_token"], "theirs");
        assert_eq!((&*form["audience"], &*form["resource"]), (&*issuer.url, RESOURCE));
        assert_eq!(form["client_id"], "here");
        let redeemed = redeemed.lock().unwrap();
        assert_eq!(redeemed.len(), usize::from(code.is_empty()), "{what}");
        for form in redeemed.iter() {
            assert_eq!(form["client_id"], "there");
            assert!(
                !form.values().any(|value| value == "theirs"),
                "our token went to their issuer"
            );
        }
    }
}

/// A broker for a person who agrees at once, and an issuer whose tokens are over at once.
async fn signing_in(refuses: bool) -> (Arc<Broker>, Forms, Arc<AtomicUsize>) {
    let (issuer, forms) = recorded(
        json!({
            "authorization_endpoint": "https://as.a.test/authorize",
            "code_challenge_methods_supported": ["S256"],
        }),
        move |form| {
            if refuses && form["grant_type"] == "refresh_token" {
                return (400, json!({ "error": "invalid_grant" }));
            }
            let body = json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 5, "refresh_token": "r" });
            (200, body)
        },
    )
    .await;
    let text = format!(
        "resource = \"{RESOURCE}\"\nloopback = true\n[service]\nroute = \"sign-in\"\nissuer = \"{}\"\n[service.client]\nid = \"known\"\n",
        issuer.url
    );
    let config = config::Config::parse(&text, Path::new("")).unwrap();
    let rules = Rules { allows_loopback: true, ..Rules::default() };
    let browser = net::Client::new(rules, Arc::new(System)).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let prompt = move |url: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        let url: url::Url = url.parse().unwrap();
        let query: Form = url.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["resource"], RESOURCE);
        let back = format!("{}?code=c&state={}", query["redirect_uri"], query["state"]);
        let browser = browser.clone();
        tokio::spawn(async move { browser.send(net::Request::get(back.parse().unwrap())).await });
    };
    let broker = Broker::new(config, Arc::new(System), Box::new(prompt), || NOW_S).unwrap();
    let found = Found {
        resource: RESOURCE.to_owned(),
        issuer: issuer.url.clone(),
        scopes: Vec::new(),
        is_2025_03: false,
    };
    *broker.found.lock().unwrap() = Some(Arc::new(found));
    (Arc::new(broker), forms, asked)
}

#[tokio::test]
async fn a_person_signs_in_once_while_the_issuer_renews() {
    let (broker, forms, asked) = signing_in(false).await;
    for _ in 0..3 {
        shown(&broker, &Caller::Service).await.unwrap();
    }
    assert_eq!(grants(&forms), ["authorization_code", "refresh_token", "refresh_token"]);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let forms = forms.lock().unwrap();
    assert!(forms[0].contains_key("code_verifier"));
    assert!(forms.iter().all(|form| form["resource"] == RESOURCE));
}

#[tokio::test]
async fn a_person_is_asked_again_when_it_does_not() {
    let (broker, forms, asked) = signing_in(true).await;
    for _ in 0..2 {
        shown(&broker, &Caller::Service).await.unwrap();
    }
    assert_eq!(grants(&forms), ["authorization_code", "refresh_token", "authorization_code"]);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
