#!/usr/bin/env python3
"""The second verifier of an audit trail: the Python standard library and nothing of ours.

    verify.py DIR [--key VKEY]... [--expect CHECKPOINT] [--witness-policy FILE] [--tail-key EPOCH:HEX]...

It prints the two verdicts as JSON; exit code 0 for two `yes`, else 3. The rules are those of
docs/spec/audit-trail.md; cosignatures of type 06 (ML-DSA) are beyond the standard library and count as none.
"""
import base64, hashlib, hmac, json, os, re, sys, time
from datetime import datetime, timezone

SAFE, WIDTH, RECORD_MAX, SKEW, SLACK, STEP = 2**53 - 1, 256, 65535, 300_000, 10_000, 1000
FRAME_MAX, SCHEMA = (4 << 20) + RECORD_MAX + 2 * WIDTH + 22, None
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
leaf_hash, node_hash = (lambda entry: sha(b"\0", entry)), (lambda a, b: sha(b"\1", a, b))

# Ed25519 (RFC 8032 section 5.1)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
def add(a, b):
    A, B = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    C, E = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = B - A, E - C, E + C, B + A
    return (e * f % P, g * h % P, f * g % P, e * h % P)
def times(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1: out = add(out, point)
        point, n = add(point, point), n >> 1
    return out
def point(data):
    y = int.from_bytes(data, "little"); sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P: raise ValueError
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or (x == 0 and sign): raise ValueError
    if x & 1 != sign: x = P - x
    return (x, y, 1, x * y % P)
BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
def ed25519(key, message, signature):
    try: a, r = point(key), point(signature[:32])
    except ValueError: return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L: return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y = times(s, BASE), add(r, times(k, a))
    return (x[0] * y[2] - y[0] * x[2]) % P == 0 and (x[1] * y[2] - y[1] * x[2]) % P == 0

# C2SP signed-note, tlog-checkpoint, tlog-cosignature
class Key:
    def __init__(self, text):
        self.text = text = text.strip(); self.name, key_id, key = text.split("+", 2)
        raw = base64.b64decode(key, validate=True); self.kind, self.public = raw[0], raw[1:]
        self.id = sha(self.name.encode(), b"\n", raw)[:4]
        if self.id.hex() != key_id: raise ValueError("a key whose id is another's")
    def holds(self, text, signature):
        """The time of a signature in seconds, 0 for the log's own; None if it does not hold."""
        if self.kind == 1: return 0 if ed25519(self.public, text, signature) else None
        at = int.from_bytes(signature[:8], "big")
        message = b"cosignature/v1\ntime %d\n" % at + text
        return at if self.kind == 4 and ed25519(self.public, message, signature[8:]) else None
def parse_note(note):
    text, _, lines = note.partition(b"\n\n"); text += b"\n"
    origin, size, root, end = text.decode().split("\n")
    if end or str(int(size)) != size or len(base64.b64decode(root, validate=True)) != 32: raise ValueError
    signatures = []
    if not lines.endswith(b"\n"): raise ValueError
    for line in lines.decode()[:-1].split("\n"):
        dash, name, data = line.split(" ")
        data = base64.b64decode(data, validate=True)
        if dash != "\u2014" or len(data) < 5: raise ValueError
        signatures.append((name, data[:4], data[4:]))
    return text, origin, int(size), base64.b64decode(root), signatures
def open_note(note, keys):
    try: text, origin, size, root, signatures = parse_note(note)
    except ValueError: return None, "audit.changed.checkpoint"
    times_s = []
    for key in keys:
        if key.name != origin: return None, "audit.changed.origin"
        found = [key.holds(text, s) for name, key_id, s in signatures if (name, key_id) == (key.name, key.id)]
        if not found: return None, "audit.changed.unsigned"
        if None in found: return None, "audit.changed.signature"
        if key.kind == 4: times_s += found
    if not times_s: return None, "audit.changed.unsigned"
    return (size, root, max(times_s) * 1000, note), None
def notes(path):
    """The notes of the file of checkpoints, a few lines in memory at a time."""
    try: file = open(path, "rb")
    except FileNotFoundError: return
    note, blanks = b"", 0
    for line in file:
        note += line
        if line == b"\n":
            blanks += 1
            if blanks == 2: yield note[:-1]; note, blanks = b"", 0
    if note: yield note
def witnessed(policy, note):
    """C2SP tlog-policy, with witnesses of type 04."""
    try: text, _, _, _, signatures = parse_note(note)
    except ValueError: return False
    members, quorum = {}, None
    for line in policy.splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["witness"]:
            key = Key(words[2]); named = [s for n, i, s in signatures if (n, i) == (key.name, key.id)]
            times_s = [key.holds(text, s) for s in named]
            if None in times_s: return False
            members[words[1]] = bool(times_s)
        elif words[:1] == ["group"]:
            of = words[3:]; need = {"any": 1, "all": len(of)}.get(words[2]) or int(words[2])
            members[words[1]] = sum(members[name] for name in of) >= need
        elif words[:1] == ["quorum"]: quorum = words[1]
    return quorum == "none" or members.get(quorum, False)

# Records
class Refused(Exception): pass
def pairs(found):
    if len({name for name, _ in found}) != len(found): raise Refused("audit.record.json")
    return dict(found)
def whole(text):
    if abs(int(text)) > SAFE: raise Refused("audit.record.json")
    return int(text)
def nothing(value):
    if isinstance(value, dict): return any(map(nothing, value.values()))
    return value is None or isinstance(value, list) and (not value or any(map(nothing, value)))
TYPES = {"string": str, "array": list, "object": dict, "boolean": bool, "integer": int}
def fits(value, schema):
    """What our JSON Schema uses of JSON Schema."""
    if "$ref" in schema: return fits(value, SCHEMA["$defs"][schema["$ref"].split("/")[-1]])
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))): return False
    if "enum" in schema and value not in schema["enum"]: return False
    if "const" in schema and value != schema["const"]: return False
    if "oneOf" in schema and "kind" not in schema.get("required", ()) and \
            sum(fits(value, s) for s in schema["oneOf"] if "type" in s or "$ref" in s) == 0 and \
            any("type" in s or "$ref" in s for s in schema["oneOf"]): return False
    if isinstance(value, str):
        return len(value) <= schema.get("maxLength", SAFE) and bool(re.search(schema.get("pattern", ""), value)) and "\n" not in value
    if kind == "integer": return schema["minimum"] <= value <= schema["maximum"]
    if isinstance(value, list): return all(fits(element, schema["items"]) for element in value)
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return set(schema["required"]) <= set(value) <= set(known) and all(fits(value[n], known[n]) for n in value)
    return True
KINDS = "decision outcome admission drift approval config key clock gap access export hold erase review prune".split()
NEEDS = {"decision": ["call_id", "who", "server", "op", "data"], "outcome": ["call_id", "result"], "admission": ["server"], "drift": ["server"]}
def read_record(data):
    if len(data) > RECORD_MAX: raise Refused("audit.record.too-long")
    def no(_): raise Refused("audit.record.not-canonical")
    try:
        text = data.decode()
        if re.search(r"[\[{]\s*" * 9, text) : raise Refused("audit.record.json")
        value = json.loads(text, object_pairs_hook=pairs, parse_int=whole, parse_float=no, parse_constant=no)
    except (ValueError, RecursionError): raise Refused("audit.record.json")
    form = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if form != text or nothing(value): raise Refused("audit.record.not-canonical")
    if not isinstance(value, dict): raise Refused("audit.record.member")
    if not fits(value, {**SCHEMA, "properties": {**SCHEMA["properties"], "v": {"type": "integer", "minimum": 0, "maximum": 255}}}):
        raise Refused("audit.record.member")
    if value["v"] != 1: raise Refused("audit.record.version")
    kind, op, who = value["kind"], value.get("op", {}), value.get("who")
    if [k for k in KINDS if k in value] != [kind] or any(n not in value for n in NEEDS.get(kind, [])) \
            or "op" in value and ("method" in op) == ("unparsed" in op) \
            or kind == "decision" and "tool" in op and "args" not in value \
            or kind == "approval" and not {"to", "args_root"} & set(value["approval"]):
        raise Refused("audit.record.kind")
    return value
def wall_ms(text):
    at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(at.timestamp() * 1000)

class Verifier:
    def __init__(self, folder, keys, expect, policy, tail_keys):
        self.folder, self.policy, self.tail_keys = folder, policy, tail_keys
        self.found, self.remarks = {}, {}
        if not keys:
            self.remarks["audit.remark.own-key"] = "keys"
            keys = [Key(line) for line in open(self.path("keys"))]
        self.keys, self.origin = keys, keys[0].name
        self.expect = None
        if expect is not None:
            note, error = open_note(expect, keys)
            if error: self.changed("audit.changed.expected", "the expected checkpoint")
            else: self.expect = note
        if expect is None and policy is None: self.remarks["audit.remark.rollback"] = "the trail"
        self.size, self.peaks, self.levels = 0, [], {}
        self.newest, self.seen, self.note_size, self.notes = None, None, -1, enumerate(notes(self.path("checkpoints")))
        self.window, self.excused = [], False
        self.prev, self.last, self.config, self.unexplained = None, None, None, None
        self.open, self.approvals, self.ids, self.objects, self.prunes = {}, set(), {}, set(), []
        self.settled, self.expected, self.proven, self.chain, self.bare = 0, 0, None, None, []
        self.next = self.next_note(); self.meet()
    def path(self, *names): return os.path.join(self.folder, *names)
    def read(self, name):
        try: return open(self.path(name), "rb").read()
        except FileNotFoundError: return None
    def say(self, question, answer, code, place):
        self.found.setdefault(code, {"question": question, "answer": answer, "code": code, "place": place})
    def changed(self, code, place, answer="no"): self.say("nothing_changed", answer, code, place)
    def missing(self, code, place): self.say("nothing_missing", "no", code, place)

    def next_note(self):
        for number, note in self.notes:
            opened, error = open_note(note, self.keys)
            if error:
                self.changed(error, f"checkpoint {number}", "cannot-tell" if error.endswith("unsigned") else "no"); continue
            if opened[0] <= self.note_size: self.changed("audit.changed.order", f"checkpoint {number}"); continue
            self.note_size = opened[0]
            return (number, *opened)
    def root(self):
        out = None
        for peak in reversed(self.peaks): out = peak[1] if out is None else node_hash(peak[1], out)
        return out or sha(b"")
    def silence(self): return (self.config["heartbeat_s"] if self.config else 60) * 1000 + SLACK

    # The leaves: (index, bytes or None, hash in the tile or None)
    def entries(self):
        while True:
            index = self.expected // WIDTH; bundle, tile = tile_path("entries", index), tile_path("0", index)
            data, row = self.read(bundle), self.read(tile)
            if row is None and data is None: break
            if row is None: self.missing("audit.missing.tile", tile)
            elif len(row) != 8192: self.changed("audit.changed.tile", tile)
            bodies = split(data) if data is not None else None
            if data is None: self.bare.append(index)
            elif bodies is None:
                self.changed("audit.changed.bundle", bundle)
                if row is None: return
            for n in range(WIDTH):
                hashed = row[32 * n:32 * n + 32] if row is not None and len(row) >= 32 * n + 32 else None
                yield self.expected, bodies[n] if bodies else None, hashed
                self.expected += 1
        self.settled = self.expected
        for name in sorted(n for n in listed(self.path("tail")) if re.fullmatch("[0-9]{20}", n)):
            with open(self.path("tail", name), "rb") as file:
                while True:
                    head = file.read(4)
                    if not head: break
                    length = int.from_bytes(head, "big")
                    if len(head) == 4 and length > FRAME_MAX: return self.changed("audit.changed.frame", "tail/" + name)
                    body, mac = (file.read(length), file.read(32)) if len(head) == 4 else (b"", b"")
                    if len(head) < 4 or len(body) < length or len(mac) < 32: return self.missing("audit.missing.torn", "tail/" + name)
                    number = lambda a, b: int.from_bytes(body[a:b], "big")
                    bodies = split(body[22:], number(20, 22)) if length >= 22 else None
                    if bodies is None: return self.changed("audit.changed.frame", "tail/" + name)
                    first = number(12, 20); self.authenticate(number(0, 8), number(8, 12), first, body, mac)
                    for at, data in enumerate(bodies, first):
                        if at < self.settled:
                            row = self.read(tile_path("0", at // WIDTH)) or b""; n = at % WIDTH * 32
                            if row[n:n + 32] != leaf_hash(data): self.changed("audit.changed.tail", f"record {at}")
                        elif at == self.expected:
                            yield at, data, None
                            self.expected += 1
                        elif at > self.expected: return self.missing("audit.missing.record", f"record {self.expected}")
                        else: return self.changed("audit.changed.tail", f"record {at}")
    def authenticate(self, epoch, number, first, body, mac):
        known = self.chain if self.chain and self.chain[0] == epoch and self.chain[1] <= number else None
        if known is None: known = (epoch, 0, self.tail_keys[epoch]) if epoch in self.tail_keys else None
        self.chain = None
        if known is None: self.proven = None; return
        _, at, key = known
        while at < number: key, at = sha(b"countersign/audit/ratchet/v1\0", key), at + 1
        if hmac.digest(key, body, "sha256") != mac: self.changed("audit.changed.mac", f"record {first}")
        elif self.proven is None: self.proven = first
        self.chain = (epoch, at, key)

    def grow(self, leaf):
        level, index, value = 0, self.size, leaf
        while self.peaks and self.peaks[-1][0] == level:
            value, level, index = node_hash(self.peaks.pop()[1], value), level + 1, index // 2
            if level % 8 == 0: self.above(level // 8, index, value)
        self.peaks.append((level, value)); self.size += 1
    def above(self, level, index, value):
        row = self.levels.setdefault(level, []); row.append(value)
        if len(row) < WIDTH: return
        tile = tile_path(str(level), index // WIDTH); data = self.read(tile)
        if data is None: self.missing("audit.missing.tile", tile)
        elif data != b"".join(row): self.changed("audit.changed.tile", tile)
        row.clear()

    def meet(self):
        if self.expect and self.expect[0] == self.size:
            if self.expect[1] != self.root(): self.changed("audit.changed.expected", f"record {self.size}")
            self.expect = None
        while self.next and self.next[1] <= self.size:
            number, size, root, at_ms, note = self.next; self.next = self.next_note(); place = f"checkpoint {number}"
            before = self.seen[1] if self.seen else None
            early, late = (min(self.window), max(self.window, key=lambda w: (w[0], -w[1]))) if self.window else (None, None)
            if early and before is not None and early[0] + SKEW < before: self.changed("audit.changed.time", f"record {early[1]}")
            if late and late[0] > at_ms + SKEW: self.changed("audit.changed.time", f"record {late[1]}")
            if before is not None and at_ms - before > self.silence() and not self.excused: self.missing("audit.missing.checkpoint", place)
            self.window, self.excused, self.seen = [], False, (size, at_ms)
            if root == self.root(): self.newest = (size, root, at_ms, note)
            else: self.changed("audit.changed.root", place)

    def take(self, index, data, tile):
        leaf = tile if data is None else leaf_hash(data)
        if tile is not None and tile != leaf: self.changed("audit.changed.leaf", f"record {index}")
        self.grow(leaf or bytes(32))
        prev, self.prev = self.prev, "sha256:" + sha(data).hex() if data is not None else None
        record = None
        if data is not None:
            try: record = read_record(data)
            except Refused as refused: self.changed(refused.args[0], f"record {index}")
        if record is None: self.last = None
        else: self.rules(index, record, "sha256:" + "0" * 64 if index == 0 else prev)
        self.meet()
    def rules(self, index, r, prev):
        here, kind = f"record {index}", r["kind"]
        wall, mono = wall_ms(r["t"]["wall"]), int(r["t"]["mono"]) // 1_000_000
        config, gap, event = r.get("config"), r.get("gap"), r.get("config", {}).get("event")
        early = min(self.window + [(wall, index)]) ; late = max(self.window + [(wall, index)], key=lambda w: (w[0], -w[1]))
        self.window = [early] if early == late else [early, late]
        self.excused |= bool(gap) or event == "open"
        if "prune" in r: self.prunes.append((r["prune"]["from"], r["prune"]["to"]))
        if os.path.isdir(self.path("objects")):
            named = [r.get("decision", {}).get("policy", {}).get("digest"), r.get("op", {}).get("tool_def_digest")]
            self.objects |= {n[7:] for n in named if n and n.startswith("sha256:")}
        if gap and gap["count"]: self.missing("audit.missing.gap", here)
        elif gap: self.remarks.setdefault("audit.remark.gap", here)
        if index == 0 and event != "open": self.missing("audit.missing.first", here)
        if prev is not None and prev != r["prev"]: self.changed("audit.changed.link", here)
        if r["seq"] != index: self.changed("audit.changed.seq", here)
        if r["seq"] > index: self.missing("audit.missing.seq", here)
        if r["log_id"] != self.origin: self.changed("audit.changed.log-id", here)
        if r["id"] in self.ids: self.changed("audit.changed.duplicate", f"record {self.ids[r['id']]} and {here}")
        self.ids[r["id"]] = index
        if len(self.ids) > 1 << 20: del self.ids[next(iter(self.ids))]
        approval, approver, call = r.get("approval", {}), r.get("decision", {}).get("approver"), r.get("call_id")
        if "args_root" in approval: self.approvals.add((approval["by"], approval["args_root"]))
        if approver and (approver, r.get("args", {}).get("root")) not in self.approvals: self.changed("audit.changed.approval", here)
        if kind == "decision":
            if call in self.open: self.changed("audit.changed.duplicate", f"record {self.open[call]} and {here}")
            self.open[call] = index
        if kind == "outcome" and self.open.pop(call, None) is None: self.missing("audit.missing.decision", here)
        last, since, step = self.last, mono, r.get("clock", {}).get("event") == "step"
        if last and event != "open":
            if abs(wall - mono - last[2]) > STEP and not step: self.changed("audit.changed.clock", here)
            silent = mono - last[1] > self.silence() or mono < last[1]
            if silent and step: since = last[1]
            elif silent and not gap: self.missing("audit.missing.silence", here)
        self.last = (wall, since, wall - mono, event == "close", index)
        if self.unexplained is not None and not gap: self.missing("audit.missing.restart", f"record {self.unexplained}")
        self.unexplained = None
        if not config: return
        before, self.config = self.config, config
        if not before: return
        if config.get("old") != before["new"]: self.changed("audit.changed.config", here)
        if event == "open" and before["event"] != "close": self.unexplained = index
        if event == "close": self.unended()
    def unended(self):
        if self.open: self.missing("audit.missing.outcome", f"record {min(self.open.values())}")

    def run(self):
        for index, data, tile in self.entries(): self.take(index, data, tile)
        records, covered = self.size, self.newest[0] if self.newest else 0
        if not records: self.missing("audit.missing.first", "record 0")
        if self.next: self.missing("audit.missing.truncated", f"record {records}")
        if self.expect: self.missing("audit.missing.expected", f"record {records}")
        closed = bool(self.last and self.last[3])
        if covered < records and (self.proven is None or self.proven > covered):
            self.changed("audit.changed.uncovered", f"record {covered}", "cannot-tell")
        if (size := self.seen[0] if self.seen else 0) < records:
            before = self.seen[1] if self.seen else self.window[0][0] if self.window else None
            span = self.window[-1][0] - before if self.window and before is not None else 0
            if closed or span > self.silence() and not self.excused: self.missing("audit.missing.checkpoint", f"record {size}")
        for index in self.bare:
            if not any(a <= index * WIDTH and index * WIDTH + WIDTH <= b for a, b in self.prunes):
                self.missing("audit.missing.body", tile_path("entries", index))
        for name in sorted(listed(self.path("objects"))):
            if sha(self.read(os.path.join("objects", name))).hex() != name: self.changed("audit.changed.object", "objects/" + name)
        for name in sorted(self.objects):
            if not os.path.exists(self.path("objects", name)): self.missing("audit.missing.object", "objects/" + name)
        if self.policy is not None and not witnessed(self.policy, self.newest[3] if self.newest else b""):
            self.changed("audit.changed.witness", "the newest checkpoint", "cannot-tell")
        if self.unexplained is not None: self.missing("audit.missing.restart", f"record {self.unexplained}")
        if self.last and not closed:
            if time.time() * 1000 - self.last[0] > self.silence():
                self.missing("audit.missing.open-end", f"record {self.last[4]}"); self.unended()
            else: self.remarks["audit.remark.live"] = f"record {self.last[4]}"
        answers = {q: max((f["answer"] for f in self.found.values() if f["question"] == q), key=["yes", "cannot-tell", "no"].index, default="yes")
                   for q in ("nothing_changed", "nothing_missing")}
        return {**answers, "origin": self.origin, "records": records, "covered": covered,
                "findings": [self.found[code] for code in sorted(self.found)], "remarks": sorted(map(list, self.remarks.items()))}

def tile_path(level, index):
    text = f"{index % 1000:03}"
    while index >= 1000: index //= 1000; text = f"x{index % 1000:03}/" + text
    return f"tile/{level}/{text}"
def split(data, count=WIDTH):
    out, at = [], 0
    for _ in range(count):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        if end > len(data) or at + 2 > len(data): return None
        out.append(data[at + 2:end]); at = end
    return out if at == len(data) else None
def listed(folder):
    try: return os.listdir(folder)
    except FileNotFoundError: return []

def main(words):
    global SCHEMA
    here = os.path.dirname(os.path.abspath(__file__))
    SCHEMA = json.load(open(os.path.join(here, "../../docs/schema/audit-record.json")))
    folder, keys, expect, policy, tails = words[0], [], None, None, {}
    for option, value in zip(words[1::2], words[2::2], strict=True):
        if option == "--key": keys.append(Key(value))
        elif option == "--expect": expect = open(value, "rb").read()
        elif option == "--witness-policy": policy = open(value).read()
        elif option == "--tail-key": epoch, key = value.split(":"); tails[int(epoch)] = bytes.fromhex(key)
        else: raise SystemExit(2)
    report = Verifier(folder, keys, expect, policy, tails).run()
    print(json.dumps(report, indent=2))
    return 0 if (report["nothing_changed"], report["nothing_missing"]) == ("yes", "yes") else 3

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
