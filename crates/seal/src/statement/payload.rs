//! The payload: an in-toto Statement v1 in canonical JSON, written and read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use surface::{Digest, canonical};
use wire::{Document, Policy, Refusal};

use super::{Observed, Predicate, Revoked, Statement};
use crate::limits;

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_PREFIX: &str = "https://countersign.dev/predicate/";

impl Statement {
    /// The canonical payload.
    ///
    /// # Errors
    /// A statement that breaks a bound or a form.
    pub fn to_payload(&self) -> Result<Vec<u8>, StatementError> {
        super::check::check(self)?;
        Ok(canonical::to_vec(&self.to_value()?))
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Bytes that are not exactly what [`Statement::to_payload`] writes.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let policy = Policy {
            bytes_max: limits::ENVELOPE_BYTES_MAX,
            depth_max: limits::DEPTH_MAX,
            fold_keys: true,
            strict_scalars: true,
        };
        let document = Document::parse(payload, &policy).map_err(StatementError::Json)?;
        let value = surface::json::exact(document.root()).map_err(StatementError::Json)?;
        let (statement, digest) = Self::from_value(value)?;
        super::check::check(&statement)?;
        if digest.as_ref() != Some(&statement.subject_digest()) {
            return Err(StatementError::Subject);
        }
        // INVARIANT: what is accepted is written back byte for byte, so nothing was overlooked.
        if canonical::to_vec(&statement.to_value()?) != payload {
            return Err(StatementError::NotCanonical);
        }
        Ok(statement)
    }

    /// Reads a statement as somebody wrote it: in any formatting, and perhaps without the digest of
    /// its subject, which follows from the predicate.
    ///
    /// # Errors
    /// As [`Statement::parse`].
    pub fn from_json(mut value: Value) -> Result<Self, StatementError> {
        let (statement, digest) = Self::from_value(value.clone())?;
        super::check::check(&statement)?;
        let own = statement.subject_digest();
        if digest.is_some_and(|digest| digest != own) {
            return Err(StatementError::Subject);
        }
        if let Some(subject) = value.pointer_mut("/subject/0").and_then(Value::as_object_mut) {
            subject.insert("digest".to_owned(), json!({ "sha256": own }));
        }
        if statement.to_value()? != value {
            return Err(StatementError::NotCanonical);
        }
        Ok(statement)
    }

    fn to_value(&self) -> Result<Value, StatementError> {
        let mut predicate = self.predicate.members()?;
        predicate.insert("time".to_owned(), self.time.clone().into());
        if let Some(previous) = self.previous {
            predicate.insert("previous".to_owned(), previous.into());
        }
        Ok(json!({
            "_type": STATEMENT_TYPE,
            "predicate": predicate,
            "predicateType": self.predicate.type_uri(),
            "subject": [{ "digest": { "sha256": self.subject_digest() }, "name": self.server }],
        }))
    }

    fn subject_digest(&self) -> String {
        self.predicate.about().to_string().split_off("sha256:".len())
    }

    /// A statement, and the digest of its subject as it stands.
    fn from_value(mut value: Value) -> Result<(Self, Option<String>), StatementError> {
        if value.get("_type").and_then(Value::as_str) != Some(STATEMENT_TYPE) {
            return Err(StatementError::Type);
        }
        let server = value.pointer("/subject/0/name").and_then(Value::as_str);
        let server = server.ok_or(StatementError::Member("subject"))?.to_owned();
        let digest = value.pointer("/subject/0/digest/sha256").and_then(Value::as_str);
        let digest = digest.map(str::to_owned);
        let kind = value.get("predicateType").and_then(Value::as_str).unwrap_or_default();
        let kind = kind.strip_prefix(PREDICATE_PREFIX).unwrap_or_default().to_owned();
        let Some(Value::Object(mut members)) = value.get_mut("predicate").map(Value::take) else {
            return Err(StatementError::Member("predicate"));
        };
        let Some(Value::String(time)) = members.remove("time") else {
            return Err(StatementError::Member("time"));
        };
        let previous = match members.remove("previous") {
            None => None,
            Some(index) => Some(index.as_u64().ok_or(StatementError::Member("previous"))?),
        };
        let predicate = Predicate::from_members(&kind, members)?;
        Ok((Self { server, time, previous, predicate }, digest))
    }
}

impl Predicate {
    /// The digest of what the statement is mainly about: the subject's digest. What has no digest of
    /// its own is about the canonical form of what it says.
    pub fn about(&self) -> Digest {
        match self {
            Self::Declaration(it) => it.surface.as_ref().map_or(it.entry, |s| s.digests.exact),
            Self::Countersignature(it) => it.leaf,
            Self::Observation(it) => match &it.of {
                Observed::Surface { surface: Some(surface), .. } => surface.digests.exact,
                Observed::Entry { entry: Some(entry), .. } => *entry,
                other => digest_of(other),
            },
            Self::Approval(it) => it.of,
            Self::Revocation(it) => match &it.of {
                Revoked::Surface { exact } => *exact,
                Revoked::Key { key, .. } => key.0,
                version @ Revoked::Version { .. } => digest_of(version),
            },
            Self::Status(it) => digest_of(it),
            Self::Rotation(it) => it.from.0,
        }
    }

    fn members(&self) -> Result<Map<String, Value>, StatementError> {
        let value = match self {
            Self::Declaration(it) => serde_json::to_value(it),
            Self::Countersignature(it) => serde_json::to_value(it),
            Self::Observation(it) => serde_json::to_value(it),
            Self::Approval(it) => serde_json::to_value(it),
            Self::Revocation(it) => serde_json::to_value(it),
            Self::Status(it) => serde_json::to_value(it),
            Self::Rotation(it) => serde_json::to_value(it),
        };
        match value.map_err(StatementError::Predicate)? {
            Value::Object(members) => Ok(members),
            _ => Err(StatementError::Member("predicate")),
        }
    }

    fn from_members(kind: &str, members: Map<String, Value>) -> Result<Self, StatementError> {
        fn read<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, StatementError> {
            serde_json::from_value(Value::Object(members)).map_err(StatementError::Predicate)
        }
        match kind {
            "declaration/v1" => read(members).map(Self::Declaration),
            "countersignature/v1" => read(members).map(Self::Countersignature),
            "observation/v1" => read(members).map(Self::Observation),
            "approval/v1" => read(members).map(Self::Approval),
            "revocation/v1" => read(members).map(Self::Revocation),
            "status/v1" => read(members).map(Self::Status),
            "rotation/v1" => read(members).map(Self::Rotation),
            _ => Err(StatementError::Kind),
        }
    }
}

fn digest_of(value: &impl Serialize) -> Digest {
    // A struct of texts, numbers and digests has a JSON form.
    serde_json::to_value(value).map_or_else(|_| Digest::of_bytes(&[]), |value| Digest::of(&value))
}

/// Why a statement is none of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not JSON that every parser reads alike.
    #[error("reading a statement")]
    Json(#[source] Refusal),
    /// Not an in-toto Statement v1.
    #[error("not an in-toto Statement v1")]
    Type,
    /// A predicate of a type that is not ours.
    #[error("a predicate of an unknown type")]
    Kind,
    /// A member is missing or malformed.
    #[error("a statement whose `{0}` is missing or malformed")]
    Member(&'static str),
    /// A predicate that its type does not allow.
    #[error("a predicate that its type does not allow")]
    Predicate(#[source] serde_json::Error),
    /// The subject's digest is not that of what the predicate is about.
    #[error("the subject's digest is not that of what the predicate is about")]
    Subject,
    /// Another encoding than the canonical one, or members that no statement has.
    #[error("a statement that is not in its canonical form")]
    NotCanonical,
    /// A text that is empty, too long, or not of its form.
    #[error("`{member}` {must}")]
    Bound {
        /// The member.
        member: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// A time that is not RFC 3339 in UTC with whole seconds.
    #[error("a time is written like 2026-11-25T12:00:00Z")]
    Time,
}

impl StatementError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "seal.statement-json",
            Self::Type => "seal.statement-type",
            Self::Kind => "seal.statement-kind",
            Self::Member(_) => "seal.statement-member",
            Self::Predicate(_) => "seal.statement-predicate",
            Self::Subject => "seal.statement-subject",
            Self::NotCanonical => "seal.statement-not-canonical",
            Self::Bound { .. } => "seal.statement-bound",
            Self::Time => "seal.statement-time",
        }
    }
}
