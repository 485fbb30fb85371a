//! What attacks are made of: a good token, and the ways to make it bad.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::provider::doctor::own::{shared, spki_pem, unsigned};
use crate::resource::Resource;
use crate::token::{Algorithm, KeyError, Secret, Signer, TokenHash};

/// Who issues, for whom.
#[derive(Debug)]
pub struct Ground {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) client_id: String,
    pub(super) now_s: u64,
    scope: String,
    /// What proofs are for.
    uri: String,
    /// The key that the server trusts.
    signer: Signer,
    /// A key that nobody trusts.
    stranger: Signer,
    /// The key that bound tokens are bound to.
    holder: Signer,
}

/// What is shown to the server.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) scheme: &'static str,
    pub(super) token: Secret,
    pub(super) proofs: Vec<Secret>,
    pub(super) is_in_query: bool,
    /// Shown once before, when it is good.
    pub(super) is_twice: bool,
}

impl Ground {
    /// Tokens of `issuer` by its key, for `resource`, which expects `audience`.
    ///
    /// # Errors
    /// No randomness.
    pub fn new(
        signer: Signer,
        issuer: &str,
        resource: &Resource,
        audience: Option<&str>,
        scope: &str,
        now_s: u64,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.unwrap_or(resource.as_str()).to_owned(),
            client_id: "countersign-attack".to_owned(),
            now_s,
            scope: scope.to_owned(),
            uri: resource.as_str().to_owned(),
            signer,
            stranger: Signer::generate(Algorithm::Es256)?,
            holder: Signer::generate(Algorithm::Es256)?,
        })
    }

    pub(super) fn good(&self) -> Option<Shown> {
        self.bearer(&self.header("at+jwt"), &self.claims())
    }

    pub(super) fn good_bound(&self) -> Option<Shown> {
        let token = self.bound()?;
        let proof = self.proof(&token)?;
        Some(dpop(token, vec![proof]))
    }

    pub(super) fn header(&self, typ: &str) -> Value {
        let key = self.signer.public();
        json!({ "alg": key.algorithm().as_str(), "typ": typ, "kid": key.id() })
    }

    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "sub": "countersign-attack", "aud": self.audience,
            "client_id": self.client_id, "iat": self.now_s, "exp": self.now_s.saturating_add(300),
            "jti": random(), "scope": self.scope,
        })
    }

    /// A good token but for one claim; `null` takes it away.
    pub(super) fn claim(&self, name: &str, value: Value) -> Option<Shown> {
        self.bearer(&self.header("at+jwt"), &with(self.claims(), name, value))
    }

    /// A good token of another type, with the claims of that type.
    pub(super) fn typed(&self, typ: &str, more: &Value) -> Option<Shown> {
        let mut claims = self.claims();
        for (name, value) in more.as_object().into_iter().flatten() {
            claims = with(claims, name, value.clone());
        }
        self.bearer(&self.header(typ), &claims)
    }

    /// By the trusted key, under a header with one more member.
    pub(super) fn headed(&self, name: &str, value: Value) -> Option<Shown> {
        self.bearer(&with(self.header("at+jwt"), name, value), &self.claims())
    }

    /// By a key that nobody trusts, under a header with one more member.
    pub(super) fn strange(&self, name: &str, value: Value) -> Option<Shown> {
        let header = with(self.header("at+jwt"), "alg", json!("ES256"));
        let header = with(header, name, value);
        self.stranger.sign_raw(&header, &self.claims()).ok().map(bearer)
    }

    pub(super) fn stranger_jwk(&self) -> Value {
        self.stranger.public().jwk()
    }

    /// Without any signature.
    pub(super) fn none(&self, alg: &str) -> Shown {
        let header = with(self.header("at+jwt"), "alg", json!(alg));
        bearer(format!("{}.", unsigned(&header, &self.claims())).into())
    }

    /// The public key as the shared secret of HS256.
    pub(super) fn public_as_secret(&self) -> Shown {
        let jwk = self.signer.public().jwk();
        let secret = spki_pem(&jwk).unwrap_or_else(|| jwk.to_string());
        self.hs256(self.signer.public().id().unwrap_or_default(), secret.as_bytes())
    }

    /// By a secret that everybody knows, under a `kid` that may lead to it.
    pub(super) fn hs256(&self, kid: &str, secret: &[u8]) -> Shown {
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid });
        bearer(shared(&header, &self.claims(), secret))
    }

    /// A good token whose parts are changed after it was signed.
    pub(super) fn torn(&self, change: fn(&str, &str, &str) -> String) -> Option<Shown> {
        let good = self.good()?.token;
        let mut parts = good.expose().splitn(3, '.');
        let (head, body, tag) = (parts.next()?, parts.next()?, parts.next()?);
        Some(bearer(change(head, body, tag).into()))
    }

    pub(super) fn query(&self) -> Option<Shown> {
        Some(Shown { is_in_query: true, ..self.good()? })
    }

    /// A token that its holder has to prove.
    pub(super) fn bound(&self) -> Option<Secret> {
        let jkt = self.holder.public().thumbprint().0;
        Some(self.claim("cnf", json!({ "jkt": jkt }))?.token)
    }

    pub(super) fn proof(&self, token: &Secret) -> Option<Secret> {
        self.proof_with("", Value::Null, token)
    }

    /// A good proof but for one claim.
    pub(super) fn proof_with(&self, name: &str, value: Value, token: &Secret) -> Option<Secret> {
        self.holder.sign_with_jwk("dpop+jwt", &self.proof_claims(name, value, token)).ok()
    }

    pub(super) fn strange_proof(&self, token: &Secret) -> Option<Secret> {
        let claims = self.proof_claims("", Value::Null, token);
        self.stranger.sign_with_jwk("dpop+jwt", &claims).ok()
    }

    /// A proof with the members of its header changed.
    pub(super) fn headed_proof(&self, change: fn(&mut Value), token: &Secret) -> Option<Secret> {
        let mut jwk = self.holder.public().jwk();
        for name in ["alg", "use", "kid"] {
            jwk = with(jwk, name, Value::Null);
        }
        let mut header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk });
        change(&mut header);
        let claims = self.proof_claims("", Value::Null, token);
        if header.get("alg").is_some_and(|alg| alg == "none") {
            return Some(format!("{}.", unsigned(&header, &claims)).into());
        }
        self.holder.sign_raw(&header, &claims).ok()
    }

    fn proof_claims(&self, name: &str, value: Value, token: &Secret) -> Value {
        let claims = json!({
            "jti": random(), "htm": "POST", "htu": self.uri, "iat": self.now_s,
            "ath": TokenHash::of(token.expose()).0,
        });
        if name.is_empty() { claims } else { with(claims, name, value) }
    }

    fn bearer(&self, header: &Value, claims: &Value) -> Option<Shown> {
        self.signer.sign_raw(header, claims).ok().map(bearer)
    }
}

pub(super) fn bearer(token: Secret) -> Shown {
    Shown { scheme: "Bearer", token, proofs: Vec::new(), is_in_query: false, is_twice: false }
}

pub(super) fn dpop(token: Secret, proofs: Vec<Secret>) -> Shown {
    Shown { scheme: "DPoP", token, proofs, is_in_query: false, is_twice: false }
}

fn with(value: Value, name: &str, member: Value) -> Value {
    let Value::Object(mut members) = value else { return value };
    if member.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), member);
    }
    Value::Object(Map::from_iter(members))
}

fn random() -> String {
    let mut bytes = [0; 16];
    // Without randomness nothing was signed before this either.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
