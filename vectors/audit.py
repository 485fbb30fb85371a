"""Checks `audit.json` by the Python standard library and the second verifier."""
import hashlib, hmac, json, os, sys

here = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(here, "../crates/audit"))
import verify

with open(os.path.join(here, "../docs/schema/audit-record.json")) as file:
    verify.SCHEMA = json.load(file)
with open(os.path.join(here, "audit.json")) as file:
    vectors = json.load(file)

sha = lambda data: hashlib.sha256(data).digest()

def root(hashes):
    if len(hashes) == 1:
        return hashes[0]
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return sha(b"\1" + root(hashes[:middle]) + root(hashes[middle:]))

commitments = []
for leaf in vectors["leaves"]:
    form = "source" if "source" in leaf else "leaf"
    text = json.dumps([leaf["salt"], leaf["path"], leaf.get("source", leaf.get("exact"))],
                      ensure_ascii=False, separators=(",", ":"))
    commitments.append(sha(f"countersign/audit/{form}/v1\0".encode() + text.encode()))
    assert leaf["commitment"] == "commit:sha256:" + commitments[-1].hex(), leaf
for count, expected in enumerate(vectors["roots"], 1):
    made = root([sha(b"\0" + c) for c in sorted(commitments[:count])])
    assert expected == "commit:sha256:" + made.hex(), count
key = bytes.fromhex(vectors["tail"]["key"])
for frame in vectors["tail"]["frames"]:
    assert hmac.digest(key, bytes([frame["byte"]] * 40), "sha256").hex() == frame["mac"], frame
    key = sha(b"countersign/audit/ratchet/v1\0" + key)
for record in vectors["records"]:
    try:
        verify.read_record(record["text"].encode())
        refused = None
    except verify.Refused as error:
        refused = error.args[0]
    assert refused == record["refused"], (refused, record)
print("audit.json holds")
