//! The way of a publication: read, verified, judged, appended, and only then answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use drift::Severity;
use seal::statement::{Countersignature, Declaration, SurfaceClaim, Verdict};
use seal::{Envelope, KeyId, Predicate, PublicKey, Statement};
use store::{Object, Receipt};
use surface::{CacheScope, Digest, Digests, Observation, document};

use super::admission::Findings;
use super::known::{Standing, Version};
use super::server_json::ServerJson;
use super::{Outcome, PublishError, Publisher};
use crate::namespace::{Grant, Token};
use crate::service::ServiceError;

/// What somebody publishes under a key: as received.
#[derive(Debug, Clone)]
pub struct Submission {
    /// server.json.
    pub entry: Bytes,
    /// The surface document.
    pub surface: Bytes,
    /// The signed declaration.
    pub envelope: Bytes,
    /// The keys that signed it, as PEM.
    pub keys: Vec<String>,
}

/// A submission that is what it says: parsed, and its signatures verified.
#[derive(Debug)]
pub struct Declared {
    entry: ServerJson,
    observation: Observation,
    surface: Bytes,
    envelope: Envelope,
    declaration: Declaration,
    claim: SurfaceClaim,
    key: KeyId,
    keys: Vec<PublicKey>,
}

impl Submission {
    /// The body of a request that submits it, each part byte for byte.
    pub fn to_body(&self) -> Vec<u8> {
        let keys = serde_json::Value::from(self.keys.clone()).to_string();
        let parts: [&[u8]; 9] = [
            b"{\"envelope\":",
            &self.envelope,
            b",\"keys\":",
            keys.as_bytes(),
            b",\"server\":",
            self.entry.trim_ascii(),
            b",\"surface\":",
            self.surface.trim_ascii(),
            b"}",
        ];
        parts.concat()
    }
}

/// What a publisher declares of an entry and a surface document: whoever computes it gets the same.
///
/// # Errors
/// A surface that cannot be read, or that is not for everyone.
pub fn declaration(
    entry: &ServerJson,
    surface: &[u8],
    protocol_version: &str,
    artefacts: BTreeMap<String, String>,
) -> Result<Declaration, PublishError> {
    let document = wire::Document::parse(surface, &document::POLICY)?;
    let observation = document::read_observation(document.root())?;
    if observation.cache_scope != CacheScope::Public {
        return Err(PublishError::SurfacePrivate);
    }
    let claim = SurfaceClaim {
        digests: Digests::of_surface(&observation.surface),
        object: Digest::of_bytes(document.root().raw()),
        era: observation.surface.era,
        protocol_version: protocol_version.to_owned(),
        authorization: "anonymous".to_owned(),
    };
    Ok(Declaration {
        version: entry.version().to_owned(),
        entry: entry.digest(),
        object: Digest::of_bytes(entry.bytes()),
        surface: Some(claim),
        artefacts,
    })
}

impl Declared {
    /// Reads a submission, verifies its signatures, and computes every digest again.
    ///
    /// # Errors
    /// Whatever is not as it has to be.
    pub fn read(submission: &Submission) -> Result<Self, PublishError> {
        let entry = ServerJson::parse(&submission.entry)?;
        let envelope = Envelope::parse(&submission.envelope)?;
        let keys = keys_of(&submission.keys)?;
        let verified = envelope.verify(&keys)?;
        let key = *envelope.signers().first().ok_or(PublishError::KeyMissing)?;
        // INVARIANT: nobody is named as a signer in the log whose signature was not verified.
        if envelope.signers().iter().any(|signer| !verified.contains(signer)) {
            return Err(PublishError::KeyMissing);
        }
        let document = wire::Document::parse(&submission.surface, &document::POLICY)?;
        let observation = document::read_observation(document.root())?;
        if observation.cache_scope != CacheScope::Public {
            return Err(PublishError::SurfacePrivate);
        }
        let Predicate::Declaration(declaration) = envelope.statement().predicate.clone() else {
            return Err(PublishError::Statement { member: "predicateType" });
        };
        let claim = declaration.surface.clone();
        let claim = claim.ok_or(PublishError::Statement { member: "surface" })?;
        let surface = submission.surface.clone();
        let declared =
            Self { entry, observation, surface, envelope, declaration, claim, key, keys };
        declared.compare()?;
        Ok(declared)
    }

    /// The server.
    pub fn server(&self) -> &str {
        self.entry.name()
    }

    /// The statement says what was sent beside it, digest by digest.
    fn compare(&self) -> Result<(), PublishError> {
        let (said, claim, surface) = (&self.declaration, &self.claim, &self.observation.surface);
        let differs = [
            ("subject", self.envelope.statement().server != self.entry.name()),
            ("version", said.version != self.entry.version()),
            ("entry", said.entry != self.entry.digest()),
            ("object", said.object != Digest::of_bytes(self.entry.bytes())),
            ("surface.digests", claim.digests != Digests::of_surface(surface)),
            ("surface.object", claim.object != Digest::of_bytes(&self.surface)),
            ("surface.era", claim.era != surface.era),
            // Only what an anonymous client sees is for everyone.
            ("surface.authorization", claim.authorization != "anonymous"),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((member, _)) => Err(PublishError::Statement { member }),
            None => Ok(()),
        }
    }
}

impl Publisher {
    /// Publishes server.json alone: *undeclared*.
    ///
    /// # Errors
    /// Whatever keeps it from being published.
    pub async fn publish_entry(
        &self,
        token: &Token,
        entry: &ServerJson,
    ) -> Result<Outcome, PublishError> {
        let grant = self.may_publish(token, entry.name()).await?;
        if !self.admission.is_undeclared_taken {
            return Err(PublishError::Undeclared);
        }
        let known = self.version(entry.name(), entry.version()).await?;
        if let Some(known) = here(known.as_ref())
            && known.entry == entry.digest().to_string()
        {
            return Ok(outcome_of_known(entry, known));
        }
        let predicate = Predicate::Declaration(Declaration {
            version: entry.version().to_owned(),
            entry: entry.digest(),
            object: Digest::of_bytes(entry.bytes()),
            surface: None,
            artefacts: BTreeMap::new(),
        });
        let statement = Statement {
            server: entry.name().to_owned(),
            time: self.now(),
            previous: None,
            predicate,
        };
        let objects = vec![Object::new(Bytes::copy_from_slice(entry.bytes()))];
        let appended = self.service.state(statement, objects).await?;
        self.owns(entry, appended.receipt.index).await?;
        let mut findings = Findings::default();
        findings.of_entry(entry);
        if grant.is_rekeyed {
            findings.hold("namespace.rekeyed");
        }
        let (verdict, findings) = findings.judge(&self.admission);
        if verdict == Verdict::Allow {
            let (index, is_known) = (appended.receipt.index, appended.receipt.is_duplicate);
            let mut outcome = outcome(entry, index, findings);
            outcome.is_known = is_known;
            return Ok(outcome);
        }
        self.countersign(entry, appended.receipt, verdict, findings, &token.method).await
    }

    /// Publishes a declaration.
    ///
    /// # Errors
    /// Whatever keeps it from being published.
    pub async fn publish(
        &self,
        token: &Token,
        declared: &Declared,
    ) -> Result<Outcome, PublishError> {
        let entry = &declared.entry;
        let grant = self.may_publish(token, entry.name()).await?;
        let standing = self.standing(entry.name(), &declared.key).await?;
        if standing == Standing::Lapsed {
            return Err(PublishError::KeyLapsed { key: declared.key.0.to_string() });
        }
        let exact = declared.claim.digests.exact;
        if self.is_revoked(entry.name(), &exact).await? {
            return Err(PublishError::SurfaceRevoked { exact: exact.to_string() });
        }
        let known = self.version(entry.name(), entry.version()).await?;
        let same = here(known.as_ref()).filter(|known| {
            known.entry == entry.digest().to_string()
                && known.surface_exact.as_deref() == Some(exact.to_string().as_str())
        });
        // A version that was appended and not judged: the registry stopped in between.
        if let Some(known) = same.filter(|known| known.state != "declared") {
            return Ok(outcome_of_known(entry, known));
        }
        let findings = self.judge(declared, grant, standing).await?;
        let objects = vec![
            Object::new(Bytes::copy_from_slice(entry.bytes())),
            Object::new(declared.surface.clone()),
        ];
        let appended =
            self.service.append(declared.envelope.clone(), &declared.keys, objects).await?;
        self.owns(entry, appended.receipt.index).await?;
        let (verdict, findings) = findings.judge(&self.admission);
        self.countersign(entry, appended.receipt, verdict, findings, &token.method).await
    }

    async fn judge(
        &self,
        declared: &Declared,
        grant: &Grant,
        standing: Standing,
    ) -> Result<Findings, PublishError> {
        let entry = &declared.entry;
        let mut findings = Findings::default();
        findings.of_entry(entry);
        if grant.is_rekeyed {
            findings.hold("namespace.rekeyed");
        }
        if standing == Standing::Stranger {
            findings.hold("key.replaced");
        }
        match self.admitted(entry.name()).await? {
            Some((before, body)) => {
                findings.of_drift(&before, &declared.observation.surface);
                repointed(&body, entry, &mut findings);
            }
            None => findings.of_first(&declared.observation.surface),
        }
        self.check_artefacts(entry, &declared.declaration.artefacts, &mut findings).await;
        Ok(findings)
    }

    /// The grant that covers a name, if the name is one that may be published here.
    pub(super) async fn may_publish<'t>(
        &self,
        token: &'t Token,
        name: &str,
    ) -> Result<&'t Grant, PublishError> {
        let Some(grant) = token.grant_of(name) else {
            let covered: Vec<String> = token.grants.iter().map(Grant::pattern).collect();
            let (name, covered) = (name.to_owned(), covered.join(", "));
            return Err(PublishError::NotCovered { name, covered });
        };
        match self.other_case(name).await? {
            Some(known) => Err(PublishError::NameCase { name: name.to_owned(), known }),
            None => Ok(grant),
        }
    }

    /// Whether the statement at `index` is the one that owns the version: the first in the log is.
    async fn owns(&self, entry: &ServerJson, index: u64) -> Result<(), PublishError> {
        let known = self.version(entry.name(), entry.version()).await?;
        let known = known.ok_or(ServiceError::Late { index })?;
        if known.statement == index {
            return Ok(());
        }
        Err(PublishError::VersionReused {
            server: entry.name().to_owned(),
            version: entry.version().to_owned(),
            index: known.statement,
        })
    }

    async fn countersign(
        &self,
        entry: &ServerJson,
        declaration: Receipt,
        verdict: Verdict,
        findings: Vec<seal::statement::Finding>,
        method: &str,
    ) -> Result<Outcome, PublishError> {
        let predicate = Predicate::Countersignature(Countersignature {
            version: entry.version().to_owned(),
            declaration: declaration.index,
            leaf: digest_of_leaf(&declaration),
            verdict,
            findings: findings.clone(),
            namespace: method.to_owned(),
        });
        let statement = Statement {
            server: entry.name().to_owned(),
            time: self.now(),
            previous: Some(declaration.index),
            predicate,
        };
        let index = self.service.state(statement, Vec::new()).await?.receipt.index;
        if verdict == Verdict::Deny {
            return Err(PublishError::Denied { index, findings });
        }
        let mut outcome = outcome(entry, declaration.index, findings);
        outcome.countersignature = Some(index);
        outcome.verdict = Some(verdict);
        outcome.is_known = declaration.is_duplicate;
        Ok(outcome)
    }
}

/// The keys that a request brings.
pub(super) fn keys_of(pems: &[String]) -> Result<Vec<PublicKey>, PublishError> {
    let parsed: Result<Vec<PublicKey>, _> = pems.iter().map(|pem| pem.parse()).collect();
    parsed.map_err(|_| PublishError::Request { why: "a key is no public key in PEM" })
}

fn digest_of_leaf(receipt: &Receipt) -> Digest {
    // The one way from 32 bytes to a digest is its text.
    let nibbles = receipt.leaf.0.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let hex: String = nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect();
    format!("sha256:{hex}").parse().unwrap_or_else(|_| Digest::of_bytes(&[]))
}

/// A version that was published here, not seen at an upstream.
fn here(known: Option<&Version>) -> Option<&Version> {
    known.filter(|known| known.upstream.is_empty())
}

/// A remote that leads to another registrable domain, or a package of another name.
fn repointed(before: &[u8], after: &ServerJson, findings: &mut Findings) {
    let Ok(before) = ServerJson::parse(before) else { return };
    let domain = |url: &str| {
        let host = url.split("://").nth(1)?.split(['/', ':', '?']).next()?;
        psl::domain_str(host).map(str::to_owned)
    };
    let known: Vec<_> = before.remotes().map(|remote| domain(remote.url)).collect();
    for (index, remote) in after.remotes().enumerate() {
        if !known.is_empty() && !known.contains(&domain(remote.url)) {
            findings.add(Severity::Warning, "entry.repointed", format!("/remotes/{index}/url"));
        }
    }
    let known: Vec<_> =
        before.packages().map(|package| (package.registry, owner(package.identifier))).collect();
    for (index, package) in after.packages().enumerate() {
        let is_known = known.contains(&(package.registry, owner(package.identifier)));
        if known.iter().any(|(registry, _)| *registry == package.registry) && !is_known {
            findings.add(
                Severity::Warning,
                "entry.repointed",
                format!("/packages/{index}/identifier"),
            );
        }
    }
}

/// Whose a package is: all but its last part, or the name itself, without version.
fn owner(identifier: &str) -> &str {
    let name = identifier.split('@').find(|part| !part.is_empty()).unwrap_or(identifier);
    name.rsplit_once('/').map_or(name, |(owner, _)| owner)
}

fn outcome(entry: &ServerJson, index: u64, findings: Vec<seal::statement::Finding>) -> Outcome {
    Outcome {
        server: entry.name().to_owned(),
        version: entry.version().to_owned(),
        index,
        countersignature: None,
        verdict: None,
        findings,
        is_known: false,
    }
}

fn outcome_of_known(entry: &ServerJson, known: &Version) -> Outcome {
    let verdict = match known.state.as_str() {
        "countersigned" => Some(Verdict::Allow),
        "held" => Some(Verdict::Hold),
        "denied" => Some(Verdict::Deny),
        _ => None,
    };
    let mut outcome = outcome(entry, known.statement, Vec::new());
    outcome.countersignature = known.countersignature;
    outcome.verdict = verdict;
    outcome.is_known = true;
    outcome
}
