//! Sigstore bundles and PEP 740 attestations of artefacts, verified offline against the trusted root
//! of the public instance, or of another.
//!
//! The certificate's chain and its time, the certificate log, the transparency log's entry with its
//! inclusion and checkpoint, the signature, the artefact's digest and who signed: all of them, and
//! none can be turned off. Absent on purpose: fetching a newer trusted root.

use std::path::Path;

use seal::bundle::{Check, Outcome};
use serde_json::{Value, json};

use sigstore_verify::trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_verify::types::{Artifact, ArtifactDigest, Bundle, DigestBytes, HashAlgorithm};
use sigstore_verify::{Error, VerificationPolicy, VerificationResult, Verifier};
use wire::{Document, Policy};

use super::read_bounded;
use crate::args::statement as args;
use crate::failure::Failure;

/// The codes of what is refused, with their meanings.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("sigstore.identity", "The certificate is not of who was asked for."),
    ("sigstore.issuer", "Another issuer vouched for the identity."),
    ("sigstore.signature", "The signature is wrong."),
    ("sigstore.artefact", "The evidence is about another artefact."),
    (
        "sigstore.certificate",
        "The certificate does not chain to the trusted root, or did not hold then.",
    ),
    ("sigstore.log", "The transparency log's evidence is missing or wrong."),
    ("sigstore.time", "No trusted time says when it was signed."),
    ("sigstore.malformed", "The bytes are no bundle that can be verified."),
];

/// Verifies a bundle or attestation.
///
/// # Errors
/// Files that cannot be read, arguments that are missing.
pub(super) fn verify(arguments: &args::Verify, bytes: &[u8]) -> Result<Outcome, Failure> {
    let of = &arguments.sigstore;
    let (Some(identity), Some(issuer)) = (&of.identity, &of.issuer) else {
        return Err(Failure::usage("who signed is part of what is verified")
            .hint("name them: `--identity URL|EMAIL --issuer URL`"));
    };
    let root = trusted_root(of.trusted_root.as_deref())?;
    let artefact = artefact(of)?;
    let policy = VerificationPolicy::new(identity.as_str(), issuer.as_str());
    let verified = bundle(bytes).and_then(|bundle| {
        let artefact = match &artefact {
            Artefact::Bytes(bytes) => Artifact::from_blob(bytes),
            Artefact::Digest(digest) => Artifact::from_digest(digest.clone()),
        };
        Verifier::new(&root)?.verify(artefact, &bundle, &policy)
    });
    Ok(Outcome { checks: vec![check(&verified, identity, issuer)], verified: None })
}

fn check(verified: &Result<VerificationResult, Error>, identity: &str, issuer: &str) -> Check {
    match verified {
        Ok(result) => {
            let time = result.integrated_time().map(|time| format!(" at {time}"));
            let says =
                format!("{identity}, as {issuer} says, signed it{}", time.unwrap_or_default());
            Check { code: "sigstore.verified", holds: true, says }
        }
        Err(error) => Check { code: code(error), holds: false, says: error.to_string() },
    }
}

const fn code(error: &Error) -> &'static str {
    match error {
        Error::IdentityMismatch { .. } => "sigstore.identity",
        Error::IssuerMismatch { .. } => "sigstore.issuer",
        Error::SignatureInvalid(_) => "sigstore.signature",
        Error::ArtifactMismatch(_) | Error::UnsupportedArtifact(_) => "sigstore.artefact",
        Error::Certificate(_) => "sigstore.certificate",
        Error::TransparencyLog(_) => "sigstore.log",
        Error::Timestamp(_) => "sigstore.time",
        _ => "sigstore.malformed",
    }
}

enum Artefact {
    Bytes(Vec<u8>),
    Digest(ArtifactDigest),
}

fn artefact(of: &args::Sigstore) -> Result<Artefact, Failure> {
    if let Some(path) = &of.artefact {
        return read_bounded(path, ARTEFACT_BYTES_MAX).map(Artefact::Bytes);
    }
    let text = of.artefact_digest.as_deref().ok_or_else(|| {
        Failure::usage("evidence is about an artefact")
            .hint("name it: `--artefact FILE` or `--artefact-digest sha512:…`")
    })?;
    let digest = text.split_once(':').and_then(|(algorithm, hex)| {
        let algorithm = match algorithm {
            "sha256" => HashAlgorithm::Sha2256,
            "sha384" => HashAlgorithm::Sha2384,
            "sha512" => HashAlgorithm::Sha2512,
            _ => return None,
        };
        ArtifactDigest::new(algorithm, DigestBytes::new(unhex(hex)?)).ok()
    });
    let digest = digest
        .ok_or_else(|| Failure::usage("a digest is written `sha512:` and hexadecimal digits"))?;
    Ok(Artefact::Digest(digest))
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hex = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| pairs.map(byte).collect()).flatten()
}

fn trusted_root(path: Option<&Path>) -> Result<TrustedRoot, Failure> {
    let failed = |error| Failure::new("reading the trusted root").because(error);
    let Some(path) = path else {
        return TrustedRoot::from_embedded(SigstoreInstance::PublicGood).map_err(failed);
    };
    let bytes = read_bounded(path, ROOT_BYTES_MAX)?;
    strict(&bytes).map_err(|error| Failure::new("reading the trusted root").because(error))?;
    TrustedRoot::from_json(&String::from_utf8_lossy(&bytes)).map_err(failed)
}

/// The bundle, or that which a PEP 740 attestation makes.
fn bundle(bytes: &[u8]) -> Result<Bundle, Error> {
    let malformed = |what: String| Error::InvalidBundle(what);
    let value = strict(bytes).map_err(|refusal| malformed(refusal.to_string()))?;
    let text = match value.get("verification_material") {
        None => String::from_utf8_lossy(bytes).into_owned(),
        Some(_) => {
            let bundle = of_attestation(&value);
            bundle.ok_or_else(|| malformed("not a PEP 740 attestation".to_owned()))?.to_string()
        }
    };
    Ok(Bundle::from_json(&text)?)
}

/// PEP 740 has the same material under other names.
fn of_attestation(attestation: &Value) -> Option<Value> {
    (attestation.get("version")?.as_u64()? == 1).then_some(())?;
    let material = attestation.get("verification_material")?;
    let envelope = attestation.get("envelope")?;
    Some(json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": material.get("certificate")? },
            "tlogEntries": material.get("transparency_entries")?,
        },
        "dsseEnvelope": {
            "payload": envelope.get("statement")?,
            "payloadType": seal::envelope::PAYLOAD_TYPE,
            "signatures": [{ "sig": envelope.get("signature")? }],
        },
    }))
}

/// JSON that every parser reads alike: the crate that verifies has a parser of its own.
fn strict(bytes: &[u8]) -> Result<Value, wire::Refusal> {
    let policy = Policy { fold_keys: true, strict_scalars: true, ..Policy::default() };
    surface::json::exact(Document::parse(bytes, &policy)?.root())
}

/// Largest artefact that is read: wheels and images beyond that are named by their digest.
const ARTEFACT_BYTES_MAX: usize = 256 << 20;

/// Longest trusted root: that of the public instance has 7 kB.
const ROOT_BYTES_MAX: usize = 1 << 20;
