//! A domain: an identity provider, an agent with a key, hops in a ring or a line, a token service.

use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use policy::{Policies, Source};
use serde_json::{Value, json};

use crate::edge::Edges;
use crate::exchange::*;
use crate::grant::{Bounds, Memory};
use crate::limits;
use crate::token::{Algorithm, Proof, TokenHash};

pub(super) const NOW_S: u64 = 1_800_000_000;
pub(super) const STS: &str = "https://sts.a.test";
pub(super) const ENDPOINT: &str = "https://sts.a.test/token";
pub(super) const IDP: &str = "https://idp.a.test";
pub(super) const OTHER_IDP: &str = "https://idp.b.test";
pub(super) const DEPTH: u8 = 3;

/// Keys, made once: of the two providers, the service, the agent, and each hop.
pub(super) struct Keys {
    pub(super) idp: Signer,
    pub(super) other_idp: Signer,
    pub(super) sts: Arc<Signer>,
    pub(super) agent: Signer,
    pub(super) hops: Vec<Signer>,
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = || Signer::generate(Algorithm::Es256).unwrap();
    Keys {
        idp: key(),
        other_idp: key(),
        sts: Arc::new(key()),
        agent: key(),
        hops: (0..10).map(|_| key()).collect(),
    }
});

pub(super) fn uri(hop: usize) -> String {
    format!("https://hop{hop}.a.test/mcp")
}

pub(super) fn resource(hop: usize) -> Resource {
    Resource::parse(&uri(hop)).unwrap()
}

pub(super) fn server(hop: usize, scopes: &[&str]) -> Value {
    json!({ "resource": uri(hop), "client": format!("hop{hop}"), "scopes": scopes })
}

pub(super) fn edge(from: usize, to: usize, scopes: &Value) -> Value {
    json!({ "from": uri(from), "client": format!("hop{from}"), "to": uri(to), "scopes": scopes })
}

/// Five hops in a line, of which the last leads back to the first.
pub(super) fn file() -> Value {
    let same = json!({ "read": ["read"], "write": ["read", "write"] });
    let mut servers: Vec<_> = (1..=5).map(|hop| server(hop, &["admin", "read", "write"])).collect();
    servers[1]["tools"] = json!({
        "get": { "scopes": ["read"], "destructive": false },
        "put": { "scopes": ["write"] },
        "wipe": { "scopes": ["admin"] },
    });
    json!({
        "version": 1,
        "servers": servers,
        "edges": [edge(1, 2, &same), edge(2, 3, &same), edge(3, 4, &same), edge(4, 5, &same),
                  edge(5, 1, &same)],
    })
}

/// Keeps records in memory, and fails if it is told to.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) records: Mutex<Vec<Record>>,
    pub(super) fails: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Records for Kept {
    async fn keep(&self, record: &Record) -> Result<(), Unrecorded> {
        if self.fails.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Unrecorded("it fails on demand".into()));
        }
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }
}

/// Permits everything: what is tested is what comes before.
#[derive(Debug)]
pub(super) struct PermitAll;

impl Decide for PermitAll {
    fn decide(&self, _: &policy::Request) -> policy::Verdict {
        let by = vec!["permit-all".to_owned()];
        policy::Verdict { reason: policy::Reason::Permitted { by } }
    }
}

/// Cedar policies of our own words.
pub(super) fn cedar(text: &str) -> Arc<dyn Decide> {
    let policies = Policies::parse(&[Source { name: "test", text }]).unwrap();
    Arc::new(engine::Engine::new(policies, &edges(&file()), STS).unwrap())
}

pub(super) struct World {
    pub(super) exchange: Exchange,
    pub(super) grants: Arc<dyn Grants>,
    pub(super) kept: Arc<Kept>,
}

pub(super) fn world() -> World {
    world_of(&file(), |_| ())
}

pub(super) fn world_of(file: &Value, change: impl FnOnce(&mut Config)) -> World {
    let kept = Arc::new(Kept::default());
    let mut clients = Clients::default();
    for hop in 0..KEYS.hops.len() {
        let keys = KeySet(vec![KEYS.hops[hop].public().clone()]);
        clients.add(Client::new(&format!("hop{hop}"), keys));
    }
    let mut config = Config {
        issuer: STS.to_owned(),
        endpoint: ENDPOINT.to_owned(),
        clients,
        issuers: vec![issuer(IDP, &KEYS.idp), issuer(OTHER_IDP, &KEYS.other_idp)],
        own_keys: KeySet(vec![KEYS.sts.public().clone()]),
        edges: edges(file),
        grants: Arc::new(Memory::new()),
        signer: KEYS.sts.clone(),
        policy: Arc::new(PermitAll),
        records: kept.clone(),
        nonces: Nonces::new([7; 32]),
        needs_nonce: false,
        names: Names::new(Some(IDP.to_owned()), [9; 32]),
        depth_max: DEPTH,
        token_s_max: limits::HOP_TOKEN_LIFE_S,
        bounds: Bounds::default(),
        client_per_minute_max: limits::CLIENT_EXCHANGES_PER_MINUTE,
    };
    change(&mut config);
    let grants = config.grants.clone();
    World { exchange: Exchange::new(config), grants, kept }
}

pub(super) fn edges(file: &Value) -> Edges {
    Edges::parse(file.to_string().as_bytes()).unwrap()
}

pub(super) fn issuer(iss: &str, signer: &Signer) -> Issuer {
    Issuer {
        iss: iss.to_owned(),
        keys: Arc::new(watch::Sender::new(KeySet(vec![signer.public().clone()]))),
        typ: Typ::AtJwt,
        scope_claim: "scope".to_owned(),
        client_claims: vec!["client_id".to_owned()],
        is_own: false,
    }
}

/// The claims of a root token for hop 1, bound to the agent's key; each is another one.
pub(super) fn root() -> Value {
    json!({
        "iss": IDP, "sub": "alice", "aud": uri(1), "client_id": "agent",
        "scope": "openid read write", "iat": NOW_S - 10, "exp": NOW_S + 1_000,
        "cnf": { "jkt": KEYS.agent.public().thumbprint().0 },
        "auth_time": NOW_S - 100, "acr": "mfa", "jti": random().unwrap(),
    })
}

pub(super) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

/// Signed by the provider that it names.
pub(super) fn signed(claims: &Value) -> Secret {
    let signer = if claims["iss"] == OTHER_IDP { &KEYS.other_idp } else { &KEYS.idp };
    signer.sign("at+jwt", claims).unwrap()
}

pub(super) fn assertion_claims(hop: usize) -> Value {
    let id = format!("hop{hop}");
    json!({ "iss": id, "sub": id, "aud": STS, "jti": random().unwrap(), "exp": NOW_S + 60 })
}

pub(super) fn assertion(hop: usize) -> Secret {
    KEYS.hops[hop].sign("JWT", &assertion_claims(hop)).unwrap()
}

pub(super) fn relay(holder: &Signer, hop: usize, token: &Secret, now_s: u64) -> Secret {
    let hash = TokenHash::of(token.expose());
    Proof::make(holder, "POST", &uri(hop), Some(&hash), None, now_s).unwrap()
}

pub(super) fn own_proof(hop: usize, now_s: u64) -> Secret {
    Proof::make(&KEYS.hops[hop], "POST", ENDPOINT, None, None, now_s).unwrap()
}

/// All that an exchange of `token`, which `holder` showed to hop `from`, needs.
pub(super) fn request(from: usize, to: usize, token: &Secret, holder: &Signer) -> Request {
    Request {
        subject_token: Some(token.clone()),
        subject_token_type: Some(ACCESS_TOKEN.to_owned()),
        subject_token_proof: Some(relay(holder, from, token, NOW_S)),
        resource: vec![uri(to)],
        scope: Some("read".to_owned()),
        client_assertion: Some(assertion(from)),
        proof: Some(own_proof(from, NOW_S)),
        ..Request::default()
    }
}

/// From the agent's token to hop 2.
pub(super) fn first() -> Request {
    request(1, 2, &signed(&root()), &KEYS.agent)
}

/// The same of a root token with other claims.
pub(super) fn first_of(claims: &Value) -> Request {
    request(1, 2, &signed(claims), &KEYS.agent)
}

impl World {
    pub(super) async fn ask(&self, request: &Request) -> Result<Issued, ExchangeError> {
        self.exchange.exchange(request, NOW_S).await
    }

    pub(super) async fn ok(&self, request: &Request) -> Issued {
        self.ask(request).await.expect("it is exchanged")
    }

    /// The code of a refusal, which the record has too.
    pub(super) async fn code(&self, request: &Request) -> &'static str {
        let error = self.ask(request).await.expect_err("it is refused");
        let record = self.kept.records.lock().unwrap().last().cloned().unwrap();
        assert_eq!(record.code, Some(error.code()));
        assert!(record.granted.is_empty() && record.hash.is_none());
        error.code().strip_prefix("authz.exchange.").unwrap()
    }

    pub(super) fn last(&self) -> Record {
        self.kept.records.lock().unwrap().last().cloned().unwrap()
    }
}

/// The claims of a token, as whoever holds it reads them.
pub(super) fn read(token: &Secret) -> Value {
    part(token, 1)
}

pub(super) fn part(token: &Secret, at: usize) -> Value {
    let part = token.expose().split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
