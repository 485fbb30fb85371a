"""Audits a log in a folder with aics-tlog: signatures of types 1 and 4, every tile, every entry."""

import base64
import json
import pathlib
import sys

from aics_tlog.checkpoint import checkpoint_from_note
from aics_tlog.cosign import verify_cosignature
from aics_tlog.note import parse_vkey, verify_note_signature
from aics_tlog.tiles import FileSystemTileReader
from aics_tlog.verified import audit_tiles

folder = pathlib.Path(sys.argv[1])
checkpoint, note = checkpoint_from_note((folder / "checkpoint").read_text())
keys = json.loads((folder / "claims.json").read_text())["keys"]
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
print("audited", checkpoint.size)
