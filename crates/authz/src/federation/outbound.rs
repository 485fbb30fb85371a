//! Assertions for other domains: who it is there, by whom it is shown, and for what.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::assertion::TYP;
use crate::limits;
use crate::resource::Resource;
use crate::token::{Detail, KeyError, Secret, Signer, Subject, Thumbprint};

/// Another domain.
pub struct Domain {
    /// Its authorization server's issuer: the audience of assertions.
    pub issuer: String,
    /// What may be reached there.
    pub resources: BTreeSet<Resource>,
    /// How our clients are called there.
    pub clients: BTreeMap<String, String>,
    pairwise: hmac::Key,
}

/// What an assertion says.
#[derive(Debug)]
pub struct Asserted<'a> {
    /// For whom: as our own domain calls them.
    pub subject: &'a Subject,
    /// Our client, by its name there.
    pub client: &'a str,
    /// What it asks for.
    pub resource: &'a Resource,
    /// With which authority, as one text.
    pub scope: &'a str,
    /// Whose proof has to come with it.
    pub jkt: &'a Thumbprint,
    /// Limited to these tools; empty = by scopes alone.
    pub details: &'a [Detail],
    /// How the person signed in.
    pub acr: Option<&'a str>,
    /// When.
    pub auth_time_s: Option<u64>,
    /// When it is over.
    pub expires_s: u64,
}

impl Domain {
    /// A domain, and the key that its names of our subjects are made with.
    pub fn new(
        issuer: String,
        resources: BTreeSet<Resource>,
        clients: BTreeMap<String, String>,
        pairwise: [u8; 32],
    ) -> Self {
        Self { issuer, resources, clients, pairwise: hmac::Key::new(hmac::HMAC_SHA256, &pairwise) }
    }

    /// How a subject is called there: the same each time, and like no other domain's name for it.
    ///
    /// INVARIANT: our own name of a subject never leaves the domain.
    pub fn name(&self, subject: &Subject) -> String {
        let mut mac = hmac::Context::with_key(&self.pairwise);
        for part in [&self.issuer, &subject.iss, &subject.sub] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.sign())
    }

    /// Makes an assertion (ID-JAG §3).
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn assert(
        &self,
        signer: &Signer,
        us: &str,
        asserted: &Asserted<'_>,
        now_s: u64,
    ) -> Result<Secret, KeyError> {
        let mut jti = [0; 16];
        rand::fill(&mut jti).map_err(|_| KeyError::Unusable("no randomness"))?;
        let life_s = asserted.expires_s.min(now_s.saturating_add(limits::HOP_TOKEN_LIFE_S));
        let mut claims: Value = json!({
            "iss": us,
            "sub": self.name(asserted.subject),
            "aud": self.issuer,
            "client_id": asserted.client,
            "jti": URL_SAFE_NO_PAD.encode(jti),
            "iat": now_s,
            "exp": life_s,
            "resource": asserted.resource.as_str(),
            "scope": asserted.scope,
            "cnf": { "jkt": asserted.jkt.0 },
        });
        let details = asserted.details;
        let optional = [
            ("acr", asserted.acr.map(Value::from)),
            ("auth_time", asserted.auth_time_s.map(Value::from)),
            (
                "authorization_details",
                (!details.is_empty()).then(|| details.iter().map(Detail::to_value).collect()),
            ),
        ];
        if let Some(members) = claims.as_object_mut() {
            let there = optional.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?)));
            members.extend(there);
        }
        signer.sign(TYP, &claims)
    }
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain")
            .field("issuer", &self.issuer)
            .field("resources", &self.resources)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use tokio::sync::watch;

    use super::*;
    use crate::federation::{Asserter, Assertion};
    use crate::token::{Algorithm, Confirmation, KeySet};

    const HOP: &str = "https://hop3.b.test/mcp";

    fn domain(issuer: &str, key: u8) -> Domain {
        let resources = BTreeSet::from([Resource::parse(HOP).unwrap()]);
        let clients = BTreeMap::from([("hop2".to_owned(), "hop2-at-b".to_owned())]);
        Domain::new(issuer.to_owned(), resources, clients, [key; 32])
    }

    #[test]
    fn a_name_is_stable_and_says_nothing() {
        let of = |iss: &str, sub: &str| Subject { iss: iss.to_owned(), sub: sub.to_owned() };
        let (a, alice) = (domain("https://sts.b.test", 1), of("https://as.a.test", "alice"));
        assert_eq!(a.name(&alice), domain("https://sts.b.test", 1).name(&alice));
        assert!(!a.name(&alice).contains("alice"));
        for other in [
            a.name(&of("https://as.a.test", "bob")),
            a.name(&of("https://as.c.test", "alice")),
            a.name(&of("https://as.a.testa", "lice")),
            domain("https://sts.c.test", 1).name(&alice),
            domain("https://sts.b.test", 2).name(&alice),
        ] {
            assert_ne!(other, a.name(&alice));
        }
    }

    #[test]
    fn what_one_domain_asserts_the_other_accepts() {
        let (now_s, key) = (1_764_000_000, Signer::generate(Algorithm::Es256).unwrap());
        let subject = Subject { iss: "https://as.a.test".to_owned(), sub: "alice".to_owned() };
        let (resource, jkt) = (Resource::parse(HOP).unwrap(), Thumbprint("k".to_owned()));
        let detail = Detail {
            server: HOP.to_owned(),
            tool: "get".to_owned(),
            arguments: serde_json::Map::new(),
        };
        let asserted = Asserted {
            subject: &subject,
            client: "hop2-at-b",
            resource: &resource,
            scope: "doc:get",
            jkt: &jkt,
            details: std::slice::from_ref(&detail),
            acr: Some("mfa"),
            auth_time_s: None,
            expires_s: now_s + 900,
        };
        let domain = domain("https://sts.b.test", 1);
        let text = domain.assert(&key, "https://sts.a.test", &asserted, now_s).unwrap();
        let asserter = Asserter {
            iss: "https://sts.a.test".to_owned(),
            keys: Arc::new(watch::Sender::new(KeySet(vec![key.public().clone()]))),
            resources: domain.resources.clone(),
            may_return: false,
        };
        let read = Assertion::verify(
            text.expose(),
            &[asserter],
            "https://sts.b.test",
            "hop2-at-b",
            None,
            now_s,
        );
        let read = read.unwrap();
        assert_eq!(read.subject.sub, domain.name(&subject));
        assert_eq!(read.details, [detail], "what limits it goes with it");
        assert_eq!(read.expires_s, now_s + limits::HOP_TOKEN_LIFE_S);
        assert!(read.is_for(&Confirmation::Jkt(jkt)));
    }
}
