//! An operator gone bad: signs with a registry's real keys whatever tree and map it likes.

mod loopback;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seal::bundle::{LatestProof, Leaf};
use seal::key::Algorithm;
use seal::{Bundle, Envelope, Predicate, PrivateKey, PublicKey, Statement};
use tlog::map::{Latest, MapLeaf};
use tlog::tile::{self, Plan, Tile, WIDTH};
use tlog::{Checkpoint, Hash, Map, Sign, note};

pub use loopback::{ENDLESS, Loopback, Reply, Request};

/// A log that can say anything, because it has the keys.
pub struct LyingLog {
    /// Its name.
    pub origin: String,
    /// Its entries.
    pub entries: Vec<Vec<u8>>,
    keys: Vec<Box<dyn Sign>>,
    registry: PrivateKey,
}

/// Files of a log by their paths below `/log/`.
pub type Files = BTreeMap<String, Vec<u8>>;

impl LyingLog {
    /// The log of the registry in `data`, of which `copy` was made by `countersign log sync`.
    pub fn of(data: &Path, copy: &Path) -> Self {
        let read = |path: &Path| std::fs::read(path).expect("the file is there");
        let key = |name: &str| {
            let pem = String::from_utf8(read(&data.join("keys").join(name))).expect("PEM is text");
            PrivateKey::from_pem(&pem, None).expect("the registry made its keys")
        };
        let origin = String::from_utf8(read(&data.join("origin"))).expect("a name is text");
        let origin = origin.trim().to_owned();
        let note_key = |name: &str, kind| -> Box<dyn Sign> {
            Box::new(key(name).into_note_key(&origin, kind).expect("the keys are of their kinds"))
        };
        let keys = vec![
            note_key("log-ed25519.pem", note::Algorithm::Ed25519),
            note_key("log-ml-dsa-44.pem", note::Algorithm::MlDsa44),
        ];
        let head = String::from_utf8(read(&copy.join("checkpoint"))).expect("a note is text");
        let size: u64 = head.lines().nth(1).and_then(|size| size.parse().ok()).expect("a size");
        let mut entries = Vec::new();
        for tile in Tile::new_between(0, size).iter().filter(|tile| tile.level.is_none()) {
            let bundle = read(&copy.join(tile.to_string()));
            let read = tile::entries(&bundle, tile.width).expect("the copy was verified");
            entries.extend(read.into_iter().map(<[u8]>::to_vec));
        }
        Self { origin, entries, keys, registry: key("registry-ed25519.pem") }
    }

    /// The same log with the same keys, to be led elsewhere.
    #[must_use]
    pub fn fork(&self, data: &Path, entries: &[Vec<u8>]) -> Self {
        let empty = crate::Scratch::new();
        let root = Hash::of_nothing();
        let nothing = Checkpoint { origin: self.origin.clone(), size: 0, root };
        std::fs::write(empty.join("checkpoint"), nothing.text()).expect("written");
        Self { entries: entries.to_vec(), ..Self::of(data, empty.path()) }
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.entries.len().try_into().expect("a log of a test is small")
    }

    /// The verifier keys, as a policy lists them.
    pub fn verifiers(&self) -> String {
        let lines: Vec<_> =
            self.keys.iter().map(|key| format!("log {}\n", key.verifier())).collect();
        lines.concat()
    }

    /// The key of the registry's statements.
    pub const fn registry(&self) -> &PublicKey {
        self.registry.public()
    }

    /// Appends a statement with the registry's signature.
    pub fn say(&mut self, server: &str, predicate: Predicate) -> u64 {
        let time = seal::time::format(crate::now_s()).expect("the clock is right");
        let statement = Statement { server: server.to_owned(), time, previous: None, predicate };
        let envelope = Envelope::sign(statement, &[&self.registry]).expect("it can be signed");
        self.entries.push(envelope.bytes().to_vec());
        self.size() - 1
    }

    /// Appends the map leaf of what `believed` makes, which need not be what the entries make.
    pub fn state(&mut self, believed: &[Vec<u8>]) {
        let root = map_of(believed).root();
        self.entries.push(MapLeaf { covers: self.size(), root }.to_entry());
    }

    /// Appends the right map leaf.
    pub fn state_rightly(&mut self) {
        let entries = self.entries.clone();
        self.state(&entries);
    }

    /// The head at a size.
    pub fn head(&self, size: u64) -> Checkpoint {
        let mut tree = tlog::Frontier::default();
        for entry in self.entries.iter().take(at(size)) {
            tree.append(Hash::of_leaf(entry), |_, _, _| {});
        }
        Checkpoint { origin: self.origin.clone(), size, root: tree.root() }
    }

    /// The signed checkpoint at a size.
    pub fn note(&self, size: u64) -> String {
        self.sign(&self.head(size))
    }

    /// Signs any head at all.
    pub fn sign(&self, head: &Checkpoint) -> String {
        let keys: Vec<&dyn Sign> = self.keys.iter().map(AsRef::as_ref).collect();
        head.sign(&keys, crate::now_s()).expect("the keys sign")
    }

    /// Everything that a log of this size serves, under this checkpoint.
    pub fn files(&self, size: u64, checkpoint: &str) -> Files {
        let tiles = Tile::new_between(0, size);
        let files = tiles.into_iter().map(|tile| (tile.to_string(), self.tile(tile)));
        let head = ("checkpoint".to_owned(), checkpoint.as_bytes().to_vec());
        files.chain([head]).collect()
    }

    /// The same under the checkpoint that the log signs.
    pub fn signed_files(&self, size: u64) -> Files {
        self.files(size, &self.note(size))
    }

    /// A tile or bundle.
    pub fn tile(&self, tile: Tile) -> Vec<u8> {
        let range = at(tile.index * WIDTH)..at(tile.index * WIDTH + u64::from(tile.width));
        let Some(level) = tile.level else {
            let mut bundle = Vec::new();
            for entry in &self.entries[range] {
                tile::push_entry(&mut bundle, entry).expect("an entry fits");
            }
            return bundle;
        };
        let below = at(WIDTH.pow(level.into()));
        let hashes = range.flat_map(|index| {
            let mut tree = tlog::Frontier::default();
            for entry in &self.entries[index * below..(index + 1) * below] {
                tree.append(Hash::of_leaf(entry), |_, _, _| {});
            }
            tree.root().0
        });
        hashes.collect()
    }

    /// The consistency proof from an older size of this log.
    pub fn consistency(&self, old_size: u64, size: u64) -> Vec<Hash> {
        let plan = Plan::consistency(&self.head(size), old_size).expect("it grew");
        self.hashes(&plan).consistency().expect("the plan is of a consistency proof")
    }

    /// Evidence about the declaration at `declared`, in the tree of `size`, as if `believed` were
    /// what the map was made of; `hidden` leaves are not in it.
    pub fn bundle(
        &self,
        declared: u64,
        (size, checkpoint): (u64, &str),
        believed: &[Vec<u8>],
        hidden: &[u64],
        publisher: &PublicKey,
    ) -> String {
        let mut map = map_of(believed);
        let root = map.root();
        let envelope = |index: u64| Envelope::parse(&self.entries[at(index)]).expect("a statement");
        let admission = (declared..size - 1).find(|index| {
            let entry = Envelope::parse(&self.entries[at(*index)]);
            entry.is_ok_and(|it| matches!(it.statement().predicate, Predicate::Countersignature(_)))
        });
        let mut indices = BTreeSet::from([declared, admission.expect("it was countersigned")]);
        let names = loop {
            let leaves: Vec<_> = indices.iter().map(|index| envelope(*index)).collect();
            let names =
                seal::bundle::names(&envelope(declared), &leaves.iter().collect::<Vec<_>>());
            let newest = names.iter().skip(1).filter_map(|name| map.latest(&Map::key(name)));
            let before = indices.len();
            indices.extend(newest.map(|latest| latest.index));
            if indices.len() == before {
                break names;
            }
        };
        indices.retain(|index| !hidden.contains(index));
        let asked: Vec<u64> = indices.iter().copied().chain([size - 1]).collect();
        let plan = Plan::inclusion(&self.head(size), &asked).expect("they are in the tree");
        let hashes = self.hashes(&plan);
        let inclusion = |index| hashes.inclusion(index).expect("it was planned");
        let leaf = |index: &u64| Leaf {
            envelope: envelope(*index),
            index: *index,
            hashes: inclusion(*index),
        };
        let paths = names.into_iter().map(|name| {
            let path = map.prove(&Map::key(&name));
            (name, path)
        });
        let latest = LatestProof {
            hashes: inclusion(size - 1),
            map_leaf: MapLeaf { covers: size - 1, root },
            paths: paths.collect(),
        };
        let leaves = indices.iter().map(leaf).collect();
        let keys = vec![publisher.clone(), self.registry.public().clone()];
        Bundle { leaves, keys, checkpoint: checkpoint.to_owned(), latest: Some(latest) }.to_json()
    }

    fn hashes(&self, plan: &Plan) -> tile::Hashes {
        let tiles: Vec<_> = plan.tiles().iter().map(|tile| self.tile(*tile)).collect();
        plan.verify(&tiles).expect("the tiles are those of the tree")
    }
}

impl std::fmt::Debug for LyingLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} entries", self.origin, self.entries.len())
    }
}

/// A witness that signs whatever it is told to.
pub struct LyingWitness {
    key: Box<dyn Sign>,
}

impl LyingWitness {
    /// A witness with a key of its own.
    pub fn new(name: &str, seed: u8) -> Self {
        let key = PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).expect("a seed");
        let key = key.into_note_key(name, note::Algorithm::Cosignature).expect("a name");
        Self { key: Box::new(key) }
    }

    /// The verifier key.
    pub fn verifier(&self) -> String {
        self.key.verifier().to_string()
    }

    /// A cosignature line.
    pub fn cosign(&self, head: &Checkpoint, time_s: u64) -> String {
        tlog::cosignature::cosign(head, time_s, &*self.key).expect("the key signs")
    }
}

impl std::fmt::Debug for LyingWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.verifier())
    }
}

/// The map that entries make.
fn map_of(entries: &[Vec<u8>]) -> Map {
    let mut map = Map::default();
    for (index, entry) in (0..).zip(entries) {
        let Ok(envelope) = Envelope::parse(entry) else { continue };
        for name in envelope.statement().names() {
            map.insert(Map::key(&name), Latest { leaf: Hash::of_leaf(entry), index });
        }
    }
    map
}

fn at(index: u64) -> usize {
    index.try_into().expect("a log of a test is small")
}
