//! RFC 6962 section 2.1: hashes of leaves and nodes.

/// A SHA-256 hash of a leaf, a node or a tree. Displayed and parsed as base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of a leaf: over `0x00` and the entry.
    pub fn of_leaf(entry: &[u8]) -> Self {
        let _ = entry;
        unimplemented!()
    }

    /// The hash of an inner node: over `0x01` and its children.
    pub fn of_node(left: Self, right: Self) -> Self {
        let _ = (left, right);
        unimplemented!()
    }

    /// The root of a tree without leaves.
    pub fn of_nothing() -> Self {
        unimplemented!()
    }
}
