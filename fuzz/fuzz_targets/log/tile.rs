//! A bundle is its entries. A log whose tiles were changed anywhere is refused; one whose were not
//! gives its leaves.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tlog::tile::{Plan, Tile, entries, push_entry};
use tlog::{Checkpoint, Frontier, Hash};

fuzz_target!(|data: &[u8]| {
    let Some((width, bundle)) = data.split_first() else { return };
    if let Ok(entries) = entries(bundle, u16::from(*width) + 1) {
        let mut again = Vec::new();
        entries.iter().for_each(|entry| push_entry(&mut again, entry).expect("it was in a bundle"));
        assert_eq!(again, bundle);
    }
    let (chunks, _) = data.as_chunks::<2>();
    let [index, old, changes @ ..] = chunks else { return };
    let at = |number: &[u8; 2]| u64::from(u16::from_be_bytes(*number));
    let (index, old) = (at(index) % SIZE, at(old) % (SIZE + 1));
    let log = &*LOG;
    for plan in [Plan::inclusion(&log.0, &[index]), Plan::consistency(&log.0, old)]
        .map(|plan| plan.expect("in the log"))
    {
        let mut tiles: Vec<_> = plan.tiles().iter().map(|tile| log.tile(tile)).collect();
        let clean = tiles.clone();
        for [place, byte] in changes {
            // A place in all tiles, bytes 251 apart, so that two bytes reach most of them.
            let all = tiles.iter().map(Vec::len).sum::<usize>();
            let mut place = usize::from(*place) * 251 % all.max(1);
            for tile in &mut tiles {
                if place < tile.len() {
                    tile[place] ^= byte;
                    break;
                }
                place -= tile.len();
            }
        }
        assert_eq!(plan.verify(&tiles).is_ok(), tiles == clean);
    }
});

struct Log(Checkpoint, Vec<Vec<Hash>>);

impl Log {
    fn tile(&self, tile: &Tile) -> Vec<u8> {
        let start = tile.index as usize * 256;
        let row = &self.1[usize::from(tile.level.expect("hashes"))];
        row[start..start + usize::from(tile.width)].iter().flat_map(|hash| hash.0).collect()
    }
}

const SIZE: u64 = 700;

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let mut rows = vec![Vec::new(), Vec::new()];
    let mut tree = Frontier::default();
    for index in 0..SIZE {
        tree.append(Hash::of_leaf(&index.to_be_bytes()), |level, _, hash| {
            if level % 8 == 0 {
                rows[usize::from(level / 8)].push(hash);
            }
        });
    }
    Log(Checkpoint { origin: "log.example".to_owned(), size: SIZE, root: tree.root() }, rows)
});
