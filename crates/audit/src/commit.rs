//! Salted commitments to leaves, and the root over them.
//!
//! A leaf is committed as `SHA-256(tag || JCS([salt, path, value]))`: the salt has 128 random bits in
//! hex, the path is a JSON Pointer (RFC 6901) and holds the member names, which may be personal. A
//! root is the RFC 9162 tree over the commitments, sorted, so that an index says nothing of a field.

use aws_lc_rs::rand;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use surface::json as door;
use tlog::{Hash, tree};

use crate::limits;
use crate::record::Record;
use crate::record::atom::Commitment;

/// One value that is committed to, with the salt of its commitment.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// 128 random bits.
    pub salt: [u8; 16],
    /// Where the value stands.
    pub path: String,
    /// The value.
    pub value: Held,
}

/// A value as it is committed to.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// A value that RFC 8785 carries.
    Exact(Value),
    /// The source text of one that it does not: an integer beyond 2^53, a lone surrogate.
    Source(String),
}

impl Leaf {
    /// A leaf with a new salt.
    ///
    /// # Errors
    /// An operating system without randomness.
    pub fn new(path: impl Into<String>, value: Held) -> Result<Self, NoRandomness> {
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| NoRandomness)?;
        Ok(Self { salt, path: path.into(), value })
    }

    /// The commitment.
    pub fn commitment(&self) -> Commitment {
        let (tag, value) = match &self.value {
            Held::Exact(value) => (EXACT, value.clone()),
            Held::Source(text) => (SOURCE, json!(text)),
        };
        let leaf = json!([hex(&self.salt), self.path, value]);
        let hash = Sha256::new().chain_update(tag).chain_update(surface::canonical::to_vec(&leaf));
        Commitment::from_salted(hash.finalize().into())
    }
}

/// The leaves of a value, each with a new salt. Empty arrays and objects are leaves too.
///
/// A value with more leaves than [`limits::LEAVES_MAX`] is one leaf: its source text.
///
/// # Errors
/// An operating system without randomness.
pub fn leaves(value: wire::Value<'_>) -> Result<Vec<Leaf>, NoRandomness> {
    let mut out = Vec::new();
    if walk(value, String::new(), &mut out)? {
        return Ok(out);
    }
    Ok(vec![Leaf::new("", source(value))?])
}

/// Whether all leaves fitted. Recursion is bounded by the depth limit of the scan.
fn walk(value: wire::Value<'_>, path: String, out: &mut Vec<Leaf>) -> Result<bool, NoRandomness> {
    let mut is_inner = false;
    for (name, member) in value.members() {
        is_inner = true;
        let name = name.as_str().unwrap_or_else(|| String::from_utf8_lossy(name.raw()));
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        if !walk(member, path, out)? {
            return Ok(false);
        }
    }
    for (index, element) in value.elements().enumerate() {
        is_inner = true;
        if !walk(element, format!("{path}/{index}"), out)? {
            return Ok(false);
        }
    }
    if !is_inner {
        let held = door::exact(value).map_or_else(|_| source(value), Held::Exact);
        out.push(Leaf::new(path, held)?);
    }
    Ok(out.len() <= limits::LEAVES_MAX)
}

fn source(value: wire::Value<'_>) -> Held {
    Held::Source(String::from_utf8_lossy(value.raw()).into_owned())
}

/// The root over the commitments of `leaves`.
pub fn root(leaves: &[Leaf]) -> Commitment {
    let mut frontier = tlog::Frontier::default();
    for hash in sorted(leaves) {
        frontier.append(hash, |_, _, _| {});
    }
    Commitment::from_salted(frontier.root().0)
}

fn sorted(leaves: &[Leaf]) -> Vec<Hash> {
    let mut commitments: Vec<_> = leaves.iter().map(Leaf::commitment).collect();
    commitments.sort_unstable();
    commitments.iter().map(|commitment| Hash::of_leaf(commitment.as_sha256())).collect()
}

/// One leaf of a record, opened: nothing follows from it about any other.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosure {
    /// The member of the record that commits to it: `/args/root`, `/op/target`.
    pub member: String,
    /// The leaf.
    pub leaf: Leaf,
    /// Where it stands among the sorted commitments.
    pub index: u64,
    /// How many there are; 1 for a member that commits to one value.
    pub size: u64,
    /// From the leaf to the root.
    pub hashes: Vec<Hash>,
}

impl Disclosure {
    /// Opens the leaf at `path` among `leaves`, whose root stands at `member`; `None` if there is
    /// none.
    pub fn of(member: &str, leaves: &[Leaf], path: &str) -> Option<Self> {
        let leaf = leaves.iter().find(|leaf| leaf.path == path)?.clone();
        let own = Hash::of_leaf(leaf.commitment().as_sha256());
        let hashes = sorted(leaves);
        let index = hashes.iter().position(|hash| *hash == own)?;
        let proof = inclusion(&hashes, index);
        let (index, size) = (index as u64, hashes.len() as u64);
        Some(Self { member: member.to_owned(), leaf, index, size, hashes: proof })
    }

    /// Whether `record` commits to the leaf at the member.
    pub fn is_of(&self, record: &Record) -> bool {
        let Ok(record) = serde_json::to_value(record) else { return false };
        let text = record.pointer(&self.member).and_then(Value::as_str).unwrap_or_default();
        let Ok(stated) = text.parse::<Commitment>() else { return false };
        let own = self.leaf.commitment();
        if !self.member.ends_with("/root") {
            return own == stated && self.hashes.is_empty() && (self.index, self.size) == (0, 1);
        }
        let (leaf, root) = (Hash::of_leaf(own.as_sha256()), Hash(*stated.as_sha256()));
        tree::verify_inclusion(leaf, self.index, self.size, &self.hashes, root).is_ok()
    }
}

/// The inclusion proof of a leaf (RFC 9162 section 2.1.3.1).
fn inclusion(hashes: &[Hash], index: usize) -> Vec<Hash> {
    let root = |hashes: &[Hash]| {
        let mut frontier = tlog::Frontier::default();
        for hash in hashes {
            frontier.append(*hash, |_, _, _| {});
        }
        frontier.root()
    };
    let (mut rest, mut index, mut proof) = (hashes, index, Vec::new());
    while rest.len() > 1 {
        let (left, right) = rest.split_at(rest.len().next_power_of_two() / 2);
        if index < left.len() {
            proof.push(root(right));
            rest = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            rest = right;
        }
    }
    proof.reverse();
    proof
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

/// The operating system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct NoRandomness;

const EXACT: &[u8] = b"countersign/audit/leaf/v1\0";
const SOURCE: &[u8] = b"countersign/audit/source/v1\0";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::collections::BTreeSet;

    use wire::{Document, Policy};

    use super::*;
    use crate::Kind;

    fn leaves_of(text: &str) -> Vec<Leaf> {
        leaves(Document::parse(text.as_bytes(), &Policy::default()).unwrap().root()).unwrap()
    }

    #[test]
    fn every_leaf_is_committed_to_by_its_place_and_its_source() {
        let text =
            r#"{"a/b":{"~":[]},"c":[1,{}],"big":12345678901234567890,"half":"\ud800","":null}"#;
        let leaves = leaves_of(text);
        let mut paths: Vec<_> = leaves.iter().map(|leaf| leaf.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/", "/a~1b/~0", "/big", "/c/0", "/c/1", "/half"]);
        let held = |path: &str| leaves.iter().find(|l| l.path == path).unwrap().value.clone();
        assert_eq!(held("/big"), Held::Source("12345678901234567890".into()));
        assert_eq!(held("/half"), Held::Source("\"\\ud800\"".into()));
        assert_eq!(held("/a~1b/~0"), Held::Exact(json!([])));
        let salts: BTreeSet<_> = leaves.iter().map(|leaf| leaf.salt).collect();
        assert_eq!(salts.len(), leaves.len(), "each leaf has its own salt");
        // The same text as value and as source are two things.
        let mut leaf = Leaf::new("/x", Held::Exact(json!("1"))).unwrap();
        let exact = leaf.commitment();
        leaf.value = Held::Source("1".into());
        assert_ne!(leaf.commitment(), exact);
        assert_eq!(leaves_of("{}")[0].path, "");
    }

    #[test]
    fn a_value_with_too_many_leaves_is_one() {
        for (length, expected) in
            [(limits::LEAVES_MAX, limits::LEAVES_MAX), (limits::LEAVES_MAX + 1, 1)]
        {
            let text = format!("[{}1]", "1,".repeat(length - 1));
            assert_eq!(leaves_of(&text).len(), expected);
        }
    }

    #[test]
    fn a_disclosure_opens_one_leaf_of_one_member_of_one_record() {
        for count in 1..20 {
            let text: Vec<_> = (0..count).map(|n| format!("\"m{n}\":\"v{n}\"")).collect();
            let text = format!("{{{}}}", text.join(","));
            let (args, other) = (leaves_of(&text), leaves_of(&text));
            let mut value = crate::record::tests::full(Kind::Decision);
            value["args"]["root"] = json!(root(&args));
            value["result"]["root"] = json!(root(&other));
            let record = Record::read(&surface::canonical::to_vec(&value)).unwrap();
            for n in 0..count {
                let open = Disclosure::of("/args/root", &args, &format!("/m{n}")).unwrap();
                assert!(open.is_of(&record), "{n} of {count}");
                // A24: to another member, path, value, salt, place.
                let moved = [
                    Disclosure { member: "/result/root".into(), ..open.clone() },
                    Disclosure { member: "/op/target".into(), ..open.clone() },
                    Disclosure { index: open.index + 1, ..open.clone() },
                    Disclosure {
                        leaf: Leaf { path: "/m99".into(), ..open.leaf.clone() },
                        ..open.clone()
                    },
                    Disclosure {
                        leaf: Leaf { value: Held::Exact(json!("v")), ..open.leaf.clone() },
                        ..open.clone()
                    },
                    Disclosure {
                        leaf: Leaf { salt: [0; 16], ..open.leaf.clone() },
                        ..open.clone()
                    },
                ];
                assert!(moved.iter().all(|moved| !moved.is_of(&record)), "{n} of {count}");
            }
            assert_eq!(Disclosure::of("/args/root", &args, "/none"), None);
        }
        let target = [Leaf::new("", Held::Exact(json!("fhir://Patient/123"))).unwrap()];
        let mut value = crate::record::tests::full(Kind::Decision);
        value["op"]["target"] = json!(target[0].commitment());
        let record = Record::read(&surface::canonical::to_vec(&value)).unwrap();
        assert!(Disclosure::of("/op/target", &target, "").unwrap().is_of(&record));
    }
}
