//! A map proof has one form, and proves nothing that is not so.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tlog::map::{Latest, MapProof};
use tlog::{Hash, Map};

fuzz_target!(|data: &[u8]| {
    let Some((asked, bytes)) = data.split_first() else { return };
    let key = Map::key(&format!("server-{asked}"));
    let (map, root) = &*MAP;
    let honest = map.prove(&key);
    assert_eq!(honest.verify(*root, &key), Ok(map.latest(&key)));
    // As bytes, and as a change of the honest proof.
    let mut changed = honest.to_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if let Some(place) = changed.get_mut(at * 7) {
            *place ^= byte;
        }
    }
    for bytes in [bytes, &changed[..]] {
        let Ok(proof) = MapProof::parse(bytes) else { continue };
        assert_eq!(proof.to_bytes(), bytes);
        if let Ok(held) = proof.verify(*root, &key) {
            assert_eq!(held, map.latest(&key));
        }
    }
});

static MAP: LazyLock<(Map, Hash)> = LazyLock::new(|| {
    let mut map = Map::default();
    for index in 0..100 {
        let leaf = Hash::of_leaf(&index.to_string().into_bytes());
        map.insert(Map::key(&format!("server-{index}")), Latest { leaf, index });
    }
    let root = map.root();
    (map, root)
});
