//! The one record type: canonical JSON, read strictly, at most 65,535 bytes.
//!
//! A sensitive field is a [`Commitment`](atom::Commitment) or a [`Token`](atom::Token) by type, so
//! that a clear value cannot be put there; open fields are words and addresses in which no sentence
//! fits. [`Record::read`] refuses bytes that are not the record's own RFC 8785 form.

pub mod atom;
pub mod event;
pub mod part;

use serde::{Deserialize, Serialize};

use serde_json::Value;
use surface::Digest;
use wire::{Document, Policy, Refusal};

use crate::limits;
use atom::{Address, Count, Id};

part::words! {
    /// What a record is of. Each kind but the first two has a member of its own name.
    Kind {
        Decision, Outcome, Admission, Drift, Approval, Config, Key, Clock, Gap, Access, Export,
        Hold, Erase, Review, Prune,
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Record {
    /// The version of the format: 1.
    pub v: u8,
    pub kind: Kind,
    pub id: Id,
    /// Joins a decision and its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<Id>,
    /// The index of the leaf.
    pub seq: Count,
    /// The origin of the log's checkpoints.
    pub log_id: Address,
    /// SHA-256 of the bytes of the record before; zeros at the first.
    pub prev: Digest,
    pub t: part::Time,
    pub vantage: part::Vantage,
    pub observed_by: part::Observer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<part::Who>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<part::Hop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<part::Agent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asserted: Option<part::Asserted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<part::Server>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<part::Operation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<part::Touched>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<part::Args>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<part::Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<part::Decision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<part::Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<event::Admission>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<event::Drifted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<event::Approval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<event::Config>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<event::KeyChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<event::Clock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<event::Gap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<event::Access>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<event::Export>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<event::Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase: Option<event::Erase>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<event::Review>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<event::Prune>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<part::Trace>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<part::Retention>,
}

impl Record {
    /// A record with what every kind has, and nothing of its own yet; the trail fills in `seq`,
    /// `log_id` and `prev`.
    pub fn new(kind: Kind, id: Id, t: part::Time, observed_by: part::Observer) -> Self {
        let vantage = part::Vantage::Guard;
        Self {
            v: VERSION,
            kind,
            id,
            call_id: None,
            seq: Count::default(),
            log_id: unplaced(),
            prev: NO_RECORD,
            t,
            vantage,
            observed_by,
            who: None,
            chain: Vec::new(),
            agent: None,
            asserted: None,
            server: None,
            op: None,
            data: None,
            args: None,
            result: None,
            decision: None,
            outcome: None,
            admission: None,
            drift: None,
            approval: None,
            config: None,
            key: None,
            clock: None,
            gap: None,
            access: None,
            export: None,
            hold: None,
            erase: None,
            review: None,
            prune: None,
            trace: None,
            retention: None,
        }
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// A record that lacks what its kind must hold, or that passes a bound.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        self.check()?;
        let value = serde_json::to_value(self).map_err(|error| member(&error))?;
        let bytes = surface::canonical::to_vec(&value);
        if bytes.len() > limits::RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { size_bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads a record that is in its canonical form.
    ///
    /// # Errors
    /// Whatever is not as it must be, by its own variant.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > limits::RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { size_bytes: bytes.len() });
        }
        let policy = Policy {
            bytes_max: limits::RECORD_BYTES_MAX,
            depth_max: limits::DEPTH_MAX,
            strict_scalars: true,
            ..Policy::default()
        };
        let value = surface::json::exact(Document::parse(bytes, &policy)?.root())?;
        if surface::canonical::to_vec(&value) != bytes {
            return Err(RecordError::NotCanonical);
        }
        // What serde would fill in has one form only: it is left out.
        if holds_nothing(&value) {
            return Err(RecordError::NotCanonical);
        }
        let record = Self::deserialize(&value).map_err(|error| member(&error))?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), RecordError> {
        if self.v != VERSION {
            return Err(RecordError::Version { version: self.v });
        }
        self.check_kind()?;
        self.check_lists()
    }

    /// Each kind holds its own member, no kind holds another's.
    fn check_kind(&self) -> Result<(), RecordError> {
        let present = [
            (Kind::Decision, self.decision.is_some()),
            (Kind::Outcome, self.outcome.is_some()),
            (Kind::Admission, self.admission.is_some()),
            (Kind::Drift, self.drift.is_some()),
            (Kind::Approval, self.approval.is_some()),
            (Kind::Config, self.config.is_some()),
            (Kind::Key, self.key.is_some()),
            (Kind::Clock, self.clock.is_some()),
            (Kind::Gap, self.gap.is_some()),
            (Kind::Access, self.access.is_some()),
            (Kind::Export, self.export.is_some()),
            (Kind::Hold, self.hold.is_some()),
            (Kind::Erase, self.erase.is_some()),
            (Kind::Review, self.review.is_some()),
            (Kind::Prune, self.prune.is_some()),
        ];
        let kind = self.kind;
        let wrong = |what| Err(RecordError::Kind { kind, what });
        if present.iter().any(|(of, is_present)| *is_present != (*of == kind)) {
            return wrong("the member of its own name, and no other kind's");
        }
        let needs: &[(&'static str, bool)] = match kind {
            Kind::Decision => &[
                ("call_id", self.call_id.is_some()),
                ("who", self.who.is_some()),
                ("server", self.server.is_some()),
                ("op", self.op.is_some()),
                ("data", self.data.is_some()),
            ],
            Kind::Outcome => {
                &[("call_id", self.call_id.is_some()), ("result", self.result.is_some())]
            }
            Kind::Admission | Kind::Drift => &[("server", self.server.is_some())],
            _ => &[],
        };
        if let Some((name, _)) = needs.iter().find(|(_, is_present)| !is_present) {
            return wrong(name);
        }
        let op = self.op.as_ref();
        if op.is_some_and(|op| op.method.is_some() == op.unparsed.is_some()) {
            return wrong("a method, or what is known of an unparsed request");
        }
        if kind == Kind::Decision && self.args.is_none() && op.is_some_and(|op| op.tool.is_some()) {
            return wrong("args");
        }
        let bound = |a: &event::Approval| a.to.is_some() || a.args_root.is_some();
        if self.approval.as_ref().is_some_and(|approval| !bound(approval)) {
            return wrong("what the approval is bound to");
        }
        let who = self.who.as_ref().map(|who| &who.principal);
        let is_anonymous = |p: &part::Principal| p.kind == part::PrincipalKind::Anonymous;
        if who.is_some_and(|who| is_anonymous(who) == who.id.is_some()) {
            return wrong("who.principal.id, unless anonymous");
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), RecordError> {
        let decision = self.decision.as_ref();
        let data = self.data.as_ref();
        let lists = [
            self.who.as_ref().map_or(0, |who| who.purpose_of_use.len()),
            self.chain.iter().map(|hop| hop.scopes.len()).max().unwrap_or_default(),
            self.op.as_ref().map_or(0, |op| op.annotations.len()),
            data.map_or(0, |data| data.classes.len().max(data.labels.len())),
            data.map_or(0, |data| data.subjects.len().max(data.withheld.len())),
            decision.map_or(0, |d| d.rules.len().max(d.reasons.len()).max(d.obligations.len())),
            self.drift.as_ref().map_or(0, |drift| drift.changes.len()),
            self.retention.as_ref().map_or(0, |retention| retention.holds.len()),
        ];
        if self.chain.len() > limits::CHAIN_MAX {
            return Err(RecordError::List { length: self.chain.len(), most: limits::CHAIN_MAX });
        }
        match lists.into_iter().max() {
            Some(length) if length > limits::LIST_MAX => {
                Err(RecordError::List { length, most: limits::LIST_MAX })
            }
            _ => Ok(()),
        }
    }
}

/// Why something is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More bytes than an entry of a log may have.
    #[error("a record of {size_bytes} bytes, where 65,535 fit")]
    TooLong {
        /// Its length.
        size_bytes: usize,
    },
    /// No strict JSON.
    #[error("reading a record")]
    Json(#[from] Refusal),
    /// A member is unknown, missing, or of another type.
    #[error("a member of a record: {what}")]
    Member {
        /// What is wrong with it; never the value.
        what: String,
    },
    /// Another version.
    #[error("a record of version {version}, where 1 is known")]
    Version {
        /// The version.
        version: u8,
    },
    /// What the kind must hold is missing, or what it may not hold is there.
    #[error("a `{kind:?}` record must hold: {what}")]
    Kind {
        /// The kind.
        kind: Kind,
        /// What it must hold.
        what: &'static str,
    },
    /// A list is too long.
    #[error("a list of {length}, where {most} fit")]
    List {
        /// Its length.
        length: usize,
        /// The bound.
        most: usize,
    },
    /// The bytes are not the canonical form.
    #[error("the bytes of the record are not its own RFC 8785 form")]
    NotCanonical,
}

impl RecordError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "audit.record.too-long",
            Self::Json(_) => "audit.record.json",
            Self::Member { .. } => "audit.record.member",
            Self::Version { .. } => "audit.record.version",
            Self::Kind { .. } => "audit.record.kind",
            Self::List { .. } => "audit.record.list",
            Self::NotCanonical => "audit.record.not-canonical",
        }
    }
}

/// The version of the format.
pub const VERSION: u8 = 1;
/// `prev` of the first record.
pub const NO_RECORD: Digest = Digest::from_sha256([0; 32]);

/// serde names values only for its own messages about types; ours never quote one, and unknown
/// members and variants are cut.
fn member(error: &serde_json::Error) -> RecordError {
    let text = error.to_string();
    let what = text.split(['`', '"']).next().unwrap_or_default().trim_end().to_owned();
    RecordError::Member { what }
}

/// Whether a `null` or an empty list stands anywhere.
fn holds_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty() || elements.iter().any(holds_nothing),
        Value::Object(members) => members.values().any(holds_nothing),
        _ => false,
    }
}

fn unplaced() -> Address {
    "unplaced".parse().unwrap_or_else(|_| unreachable!("`unplaced` is an address"))
}

#[cfg(test)]
pub(crate) mod tests;
