//! What the log says of itself, in plain text: part of the specification of its origin.

use crate::service::Service;

/// The page `/log/`.
pub(super) fn text(service: &Service) -> String {
    let keys = service.log_keys();
    let origin = keys.first().map_or("(unnamed)", |key| key.name());
    let keys: Vec<String> = keys.iter().map(|key| format!("    {key}")).collect();
    let keys = keys.join("\n");
    let operator = service.operator();
    format!(
        "The transparency log of the registry of {operator}

Origin
    {origin}

Keys (C2SP signed-note verifier keys; every checkpoint carries a signature of each)
{keys}

What is in it
    Each entry is one statement about one MCP server: a DSSE envelope with an in-toto Statement v1 as
    canonical JSON (RFC 8785), at most 65,535 bytes; or the log's own statement of the root of its map,
    which is the last entry of every checkpoint. Surfaces and server.json are objects, named in the
    statements by SHA-256. Predicate types: https://countersign.dev/predicate/<kind>/v1, of the kinds
    declaration, countersignature, observation, approval, revocation, status, rotation.

The map
    A Patricia trie over SHA-256(name), which holds the index and the leaf hash of the newest entry
    under each name, over all entries before the one that states its root. The function from an entry to
    its names is fixed for the life of this origin. An entry is under its server's name, and
        a revocation of a version under    `<server> revoked version <version>`
        a revocation of a surface under    `<server> revoked surface <exact digest>`
        a revocation of a key under        `revoked key <key id>`
        a status of a version under        `<server> status <version>`
        a status of all versions under     `<server> status`
        a rotation of a key under          `rotated key <key id>`
    What is no statement is under no name.

Where it is read
    /log/checkpoint                 the newest checkpoint (tlog-checkpoint, tlog-cosignature)
    /log/tile/<L>/<N>[.p/<W>]       hashes (tlog-tiles)
    /log/tile/entries/<N>[.p/<W>]   entries (tlog-tiles)
    /log/key                        the verifier keys
    /log/proof/<index>              an inclusion proof (tlog-proof)
    /log/object/<digest>            an object that everybody may read
    /log/latest/<name>              what the map holds for a name, with proofs
    /log/bundle/<name>/<version>    everything about a version that verifies offline

Specifications
    https://c2sp.org/tlog-tiles  https://c2sp.org/tlog-checkpoint  https://c2sp.org/signed-note
    https://c2sp.org/tlog-cosignature  https://c2sp.org/tlog-proof  https://c2sp.org/tlog-witness
"
    )
}
