"""Audits a log in a folder: with aics-tlog the signatures of types 1 and 4, every tile and every entry;
with aics-tlog and scitt-cose the proofs that are claimed of it, and that each fails once changed."""

import base64
import json
import pathlib
import sys

from aics_tlog import leaf_hash, verify_consistency, verify_inclusion
from aics_tlog.checkpoint import checkpoint_from_note
from aics_tlog.cosign import verify_cosignature
from aics_tlog.note import parse_vkey, verify_note_signature
from aics_tlog.tiles import FileSystemTileReader
from aics_tlog.verified import audit_tiles
from scitt_cose import merkle

folder = pathlib.Path(sys.argv[1])
checkpoint, note = checkpoint_from_note((folder / "checkpoint").read_text())
claims = json.loads((folder / "claims.json").read_text())
keys = claims["keys"]
log = parse_vkey(keys[0])
assert any(verify_note_signature(note, line, log) for line in note.signatures if line.key_id == log.key_id)
name, key_id, key = keys[2].split("+", 2)
line = next(line for line in note.signatures if line.name == name)
assert line.key_id.hex() == key_id
public = base64.b64decode(key)[1:]
assert verify_cosignature(
    line.signature, name, public, checkpoint.origin, checkpoint.size, checkpoint.root
), "the cosignature"
audit_tiles(FileSystemTileReader(folder), checkpoint.size, checkpoint.root)

size, root = checkpoint.size, checkpoint.root
index, entry = claims["index"], base64.b64decode(claims["entry"])
old_size, old_root = claims["oldSize"], base64.b64decode(claims["oldRoot"])


def both(inclusion: list[bytes], consistency: list[bytes]) -> set[bool]:
    texts = [[one.hex() for one in proof] for proof in (inclusion, consistency)]
    return {
        verify_inclusion(leaf_hash(entry), index, size, inclusion, root),
        verify_consistency(old_size, size, old_root, root, consistency),
        merkle.verify_inclusion(entry.hex(), index, size, texts[0], root.hex()),
        merkle.verify_consistency(old_root.hex(), root.hex(), old_size, size, texts[1]),
    }


proofs = [[base64.b64decode(one) for one in claims[kind]] for kind in ("inclusion", "consistency")]
assert both(*proofs) == {True}, "the proofs"
assert both(*(proof + [root] for proof in proofs)) == {False}, "proofs of one hash more"
print("audited", checkpoint.size)
