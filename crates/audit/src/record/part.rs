//! The members that records of several kinds share.

use serde::{Deserialize, Serialize};
use surface::Digest;

use super::atom::{Address, Commitment, Count, Id, Large, Name, Shown, Token, TraceId, Wall, Word};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum $name { $($variant),* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}
pub(super) use words;

/// A member group: unknown members are refused, absent ones are not written.
macro_rules! group {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }
    };
}
pub(super) use group;

words! {
    /// Who saw what is recorded.
    Vantage { Guard, Client, Server, Registry, Sdk }
}
words! {
    /// What a principal is.
    PrincipalKind { Person, Service, Agent, Anonymous }
}
words! {
    /// What a hop of a chain is.
    HopKind { User, Client, Agent, Gateway, Server }
}
words! {
    /// How much the surface differs from its pin.
    Drift { None, Info, Notice, Warning, Critical, Unknown }
}
words! {
    /// The verdict on a call.
    Verdict { Allow, Hold, Deny }
}
words! {
    /// How a call ended.
    Status { Executed, Refused, Errored, Timeout, Cancelled, Unknown }
}
words! {
    /// Which way data goes.
    Direction { In, Out, Both }
}

group! {
    /// When, by both clocks.
    Time {
        wall: Wall,
        /// Nanoseconds of a clock that never steps.
        mono: Large,
        /// The source of the wall clock.
        src: Word,
        skew_ms: i32,
    }
}
group! {
    /// What wrote the record.
    Observer { workload: Word, build_digest: Digest, config_digest: Digest }
}
group! {
    /// On whose behalf.
    Who {
        principal: Principal,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth: Option<Auth>,
        /// v3-ActReason codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        purpose_of_use: Vec<Word>,
        break_glass: bool,
    }
}
group! {
    /// A person, service or agent by its random token; nobody when anonymous.
    Principal {
        kind: PrincipalKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Token>,
    }
}
group! {
    /// How the principal was authenticated.
    Auth {
        iss: Address,
        method: Word,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aal: Option<Count>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jti: Option<Token>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cnf: Option<Commitment>,
    }
}
group! {
    /// One hop of the delegation.
    Hop {
        n: Count,
        kind: HopKind,
        actor: Token,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iss: Option<Address>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aud: Option<Address>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scopes: Vec<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delegation_uid: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_uid: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root_uid: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exp: Option<Wall>,
        /// Of the parent's decision record, by which two trails are joined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Commitment>,
    }
}
group! {
    /// The agent and its model, as configured.
    Agent {
        uid: Word,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance_uid: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Model>,
    }
}
group! {
    /// A model.
    Model { provider: Word, name: Word, version: Word }
}
group! {
    /// What the client says of itself; it decides nothing.
    Asserted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Commitment>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Commitment>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn_id: Option<Commitment>,
    }
}
group! {
    /// The server.
    Server {
        name: Word,
        /// Its origin or executable.
        target: Address,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        argv: Option<Commitment>,
        transport: Word,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<Address>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pin: Option<Pin>,
        drift: Drift,
    }
}
group! {
    /// What of the server was approved, and where the log has it.
    Pin {
        surface_digest: Shown,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log_origin: Option<Address>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaf_index: Option<Count>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checkpoint: Option<Digest>,
    }
}
group! {
    /// What was asked.
    Operation {
        /// Absent when the request could not be parsed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Name>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol_version: Option<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool: Option<Name>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_def_digest: Option<Shown>,
        /// What the server claims of the tool: `readOnlyHint` and the like, where they are true.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        annotations: Vec<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Commitment>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jsonrpc_id: Option<RequestId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unparsed: Option<Unparsed>,
    }
}
group! {
    /// What is known of a request that could not be parsed.
    Unparsed { bytes: Count, code: Word, offset: Count, content: Commitment }
}

/// The id of a request: an integer, or a commitment to a text that a client chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// An integer within ±(2^53 - 1).
    Number(i64),
    /// Of a string.
    Text(Commitment),
}

group! {
    /// Which data, of whom.
    Touched {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        classes: Vec<Word>,
        /// v3-Confidentiality codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        labels: Vec<Word>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        subjects: Vec<Token>,
        direction: Direction,
        bytes: Count,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        withheld: Vec<Withheld>,
    }
}
group! {
    /// How much of a class was withheld.
    Withheld { class: Word, count: Count }
}
group! {
    /// The arguments, as the Merkle root over the commitments to their leaves.
    Args {
        root: Commitment,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<Shown>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disclosures_ref: Option<Id>,
    }
}
group! {
    /// The result, likewise.
    Answer {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<Commitment>,
        is_error: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_type: Option<Word>,
        truncated: bool,
    }
}
group! {
    /// The verdict and what determined it.
    Decision {
        verdict: Verdict,
        policy: PolicyRef,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<Word>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<Word>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        obligations: Vec<Word>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<Token>,
    }
}
group! {
    /// A policy.
    PolicyRef { id: Word, version: Word, digest: Digest }
}
group! {
    /// How the call ended.
    Outcome { status: Status, latency_us: Count }
}
group! {
    /// W3C trace context; proves nothing.
    Trace {
        trace_id: TraceId<16>,
        span_id: TraceId<8>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<TraceId<8>>,
        sampled: bool,
    }
}
group! {
    /// How long the record is kept.
    Retention {
        class: Word,
        until: Wall,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        holds: Vec<Id>,
    }
}
