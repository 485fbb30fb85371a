//! Where each leaf is, by its hash: some 17 bytes a leaf.
//!
//! The table keeps 64 bits of each hash. Anyone can find two entries that agree in those, so a hit is
//! a candidate, and whoever looks up reads the leaf's whole hash before relying on it.

use tlog::Hash;

/// Leaf hashes to indices.
pub(super) struct Index {
    shards: Vec<Shard>,
}

/// The leaves whose hash begins with one byte: open addressing, grown one shard at a time.
#[derive(Clone, Default)]
struct Shard {
    slots: Vec<[u8; SLOT_SIZE]>,
    used: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { shards: vec![Shard::default(); SHARDS] }
    }

    /// Adds a leaf.
    pub(super) fn insert(&mut self, leaf: Hash, index: u64) {
        let [shard, ..] = leaf.0;
        if let Some(shard) = self.shards.get_mut(usize::from(shard)) {
            shard.insert(slot(leaf, index));
        }
    }

    /// The indices of leaves whose hashes agree with this one as far as the table knows.
    pub(super) fn candidates(&self, leaf: Hash) -> Vec<u64> {
        let [shard, ..] = leaf.0;
        let wanted = slot(leaf, 0);
        let shard = self.shards.get(usize::from(shard));
        let found = shard.into_iter().flat_map(|shard| shard.probe(&wanted));
        let found = found.filter(|slot| slot.get(..FRAGMENT_SIZE) == wanted.get(..FRAGMENT_SIZE));
        found.map(index_of).collect()
    }
}

impl Shard {
    fn insert(&mut self, slot: [u8; SLOT_SIZE]) {
        if (self.used + 1) * 5 > self.slots.len() * 4 {
            let size = (self.slots.len() * 3 / 2).max(SHARD_SIZE_MIN);
            let old = std::mem::replace(&mut self.slots, vec![EMPTY; size]);
            for slot in old.into_iter().filter(|slot| *slot != EMPTY) {
                self.put(slot);
            }
        }
        self.used += 1;
        self.put(slot);
    }

    fn put(&mut self, slot: [u8; SLOT_SIZE]) {
        let home = self.home(&slot);
        let (before, after) = self.slots.split_at_mut(home);
        if let Some(free) = after.iter_mut().chain(before).find(|slot| **slot == EMPTY) {
            *free = slot;
        }
    }

    /// The slots from where one would be, to the first that is empty.
    fn probe(&self, slot: &[u8; SLOT_SIZE]) -> impl Iterator<Item = &[u8; SLOT_SIZE]> {
        let (before, after) = self.slots.split_at(self.home(slot));
        after.iter().chain(before).take_while(|slot| **slot != EMPTY)
    }

    /// Fragments are as good as random, so their order spreads them evenly.
    fn home(&self, slot: &[u8; SLOT_SIZE]) -> usize {
        let high = slot.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let home = (u64::from(high) * self.slots.len() as u64) >> 32;
        usize::try_from(home).unwrap_or_default()
    }
}

/// Bytes 1 to 7 of the hash, and five bytes of index.
fn slot(leaf: Hash, index: u64) -> [u8; SLOT_SIZE] {
    let mut slot = EMPTY;
    let index = index.to_be_bytes();
    let bytes = leaf.0.iter().skip(1).take(FRAGMENT_SIZE).chain(index.iter().skip(3));
    slot.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    slot
}

fn index_of(slot: &[u8; SLOT_SIZE]) -> u64 {
    slot.iter().skip(FRAGMENT_SIZE).fold(0, |index, byte| index << 8 | u64::from(*byte))
}

const SHARDS: usize = 256;
const FRAGMENT_SIZE: usize = 7;
const SLOT_SIZE: usize = 12;
const SHARD_SIZE_MIN: usize = 8;
/// No log has so many leaves.
const EMPTY: [u8; SLOT_SIZE] = [0xff; SLOT_SIZE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_is_found_and_no_other() {
        let mut index = Index::new();
        for n in 0..20_000 {
            index.insert(Hash::of_leaf(&n.to_string().into_bytes()), n);
        }
        for n in 0..20_000_u64 {
            assert_eq!(index.candidates(Hash::of_leaf(n.to_string().as_bytes())), [n]);
        }
        assert!(index.candidates(Hash::of_leaf(b"other")).is_empty());
    }

    #[test]
    fn leaves_that_agree_in_the_fragment_are_all_candidates() {
        let mut index = Index::new();
        let (mut first, mut second) = ([7; 32], [7; 32]);
        (first[31], second[31]) = (1, 2);
        index.insert(Hash(first), 3);
        index.insert(Hash(second), 1 << 39);
        let mut found = index.candidates(Hash(first));
        found.sort_unstable();
        assert_eq!(found, [3, 1 << 39]);
    }
}
