//! Maps that a liar put together: their hashes add up to the root, and the trie is none. Were such a
//! proof accepted, one root could prove a key both present and absent.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and so may what it calls"
)]

use sha2::{Digest as _, Sha256};
use tlog::Hash;
use tlog::map::{Key, Latest, MapProof, MapProofError};

const KEY: Key = [0; 32];
const BESIDE: [u8; 32] = [9; 32];

/// The key with one bit set.
fn with_bit(at: usize) -> Key {
    let mut key = KEY;
    key[at / 8] |= 0x80 >> (at % 8);
    key
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    Sha256::digest(parts.concat()).to_vec()
}

/// The bytes of a proof for `KEY` with this way and end, and the root that they add up to.
fn made_up(way: &[u8], end: &[u8], mut hash: Vec<u8>) -> (Vec<u8>, Hash) {
    let mut bytes = vec![u8::try_from(way.len()).unwrap()];
    for bit in way {
        bytes.extend([&[*bit][..], &BESIDE].concat());
    }
    bytes.extend(end);
    // `KEY` has no bit set: it goes left everywhere, and every label is zero.
    for bit in way.iter().rev() {
        hash = sha256(&[&[3, *bit], &KEY, &hash, &BESIDE]);
    }
    (bytes, Hash(hash.try_into().unwrap()))
}

fn leaf(way: &[u8], key: Key) -> Result<Option<Latest>, MapProofError> {
    let rest = [&7_u64.to_be_bytes()[..], &[5; 32]].concat();
    let (bytes, root) =
        made_up(way, &[&[1][..], &key, &rest].concat(), sha256(&[&[2], &key, &rest]));
    MapProof::parse(&bytes)?.verify(root, &KEY)
}

fn branch(way: &[u8], bit: u8, label: Key) -> Result<Option<Latest>, MapProofError> {
    let rest = [&[bit][..], &label, &BESIDE, &BESIDE].concat();
    let (bytes, root) = made_up(way, &[&[2][..], &rest].concat(), sha256(&[&[3], &rest]));
    MapProof::parse(&bytes)?.verify(root, &KEY)
}

fn is_malformed(found: &Result<Option<Latest>, MapProofError>) -> bool {
    matches!(found, Err(MapProofError::Malformed(_)))
}

#[test]
fn a_way_only_gets_longer() {
    let latest = Latest { leaf: Hash([5; 32]), index: 7 };
    assert_eq!(leaf(&[3, 5, 200], KEY), Ok(Some(latest)), "what is made up here adds up");
    for way in [&[5, 3][..], &[5, 5], &[0, 0], &[3, 5, 4], &[255, 0]] {
        assert!(is_malformed(&leaf(way, KEY)), "{way:?}");
        assert!(is_malformed(&leaf(way, with_bit(255))), "{way:?}");
    }
}

#[test]
fn a_leaf_elsewhere_proves_no_absence() {
    assert_eq!(leaf(&[3], with_bit(4)), Ok(None));
    assert_eq!(leaf(&[], with_bit(0)), Ok(None));
    for at in [0, 1, 3] {
        assert!(is_malformed(&leaf(&[3], with_bit(at))), "{at}");
    }
}

#[test]
fn a_branch_elsewhere_proves_no_absence() {
    assert_eq!(branch(&[3], 8, with_bit(4)), Ok(None));
    assert_eq!(branch(&[], 1, with_bit(0)), Ok(None));
    for (way, bit, label) in [
        (&[3][..], 8, with_bit(3)),
        (&[3], 8, with_bit(0)),
        (&[8], 8, with_bit(4)),
        (&[9], 8, with_bit(4)),
        // The key could be below it.
        (&[3], 8, KEY),
        // Bits of a label past its end.
        (&[3], 8, with_bit(8)),
        (&[3], 8, with_bit(200)),
    ] {
        assert!(is_malformed(&branch(way, bit, label)), "{way:?} {bit} {label:?}");
    }
}
