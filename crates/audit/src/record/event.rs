//! What each kind of record that is no call holds beyond the shared members.

use serde::{Deserialize, Serialize};
use surface::Digest;

use super::atom::{Commitment, Count, Large, Shown, Signature, Token, Wall, Word};
use super::part::{Verdict, group, words};

words! {
    /// What a `config` record says.
    ConfigEvent { Open, Close, Change, On, Off }
}
words! {
    /// What happens while records cannot be made durable.
    Mode { Closed, Degraded }
}
words! {
    /// What happened to a key.
    KeyEvent { Made, Rotated, Revoked, Destroyed }
}
words! {
    /// Why a `clock` record was written.
    ClockEvent { Heartbeat, Step, OutOfTolerance }
}
words! {
    /// Whether a hold begins or ends.
    HoldEvent { Set, Released }
}
words! {
    /// What an approval is of.
    Approved { Surface, Call }
}

group! {
    /// A surface may or may not reach users.
    Admission { verdict: Verdict, surface: Shown, policy: Digest, approver: Token }
}
group! {
    /// What a server shows is not what was approved.
    Drifted { changes: Vec<Word>, severity: super::part::Drift, from: Shown, to: Shown }
}
group! {
    /// A person approves: bound to the digests, or to the exact arguments.
    Approval {
        of: Approved,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Shown>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Shown>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args_root: Option<Commitment>,
        by: Token,
        at: Wall,
        meaning: Word,
        signature: Signature,
    }
}
group! {
    /// The first and the closing record, and each change between.
    Config {
        event: ConfigEvent,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Digest>,
        new: Digest,
        heartbeat_s: Count,
        mode: Mode,
    }
}
group! {
    /// A key by its id.
    KeyChange { event: KeyEvent, key_id: Word, purpose: Word }
}
group! {
    /// Both clocks, and how far they moved apart.
    Clock { event: ClockEvent, wall: Wall, mono: Large, step_ms: i32 }
}
group! {
    /// What could not be recorded.
    Gap { from: Wall, to: Wall, cause: Word, count: Count }
}
group! {
    /// The trail was read.
    Access { reader: Token, query: Commitment, rows: Count }
}
group! {
    /// A bundle or a disclosure left.
    Export { recipient: Token, purpose: Word, content: Commitment }
}
group! {
    /// A legal hold, by two people.
    Hold {
        event: HoldEvent,
        matter: Commitment,
        query: Commitment,
        custodian: Token,
        by: [Token; 2],
    }
}
group! {
    /// Keys were destroyed; names nobody.
    Erase { scope: Word, authority: Word, keys: Count }
}
group! {
    /// A report was signed off.
    Review { report: Commitment, reviewer: Token }
}
group! {
    /// Bodies were removed: leaves `from` up to, not including, `to`.
    Prune { from: Count, to: Count, rule: Word, size: Count, root: Digest }
}
