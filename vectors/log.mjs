// A second implementation of what `log.json` and `map.json` say: trees, tiles, notes, checkpoints,
// cosignatures, policies, proofs and maps, on Node's SHA-256 and Ed25519 and noble's ML-DSA.

import { createHash, createPublicKey, verify as verifyEd25519 } from "node:crypto";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const byte = (...bytes) => Buffer.from(bytes);
const leafHash = (entry) => sha256(byte(0), entry);
const nodeHash = (left, right) => sha256(byte(1), left, right);
const entry = (index) => Buffer.from(`entry ${index}`);
const u64 = (number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
};
const base64 = (text) => {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
};

// RFC 6962, section 2.1, over hashes of leaves.

const split = (count) => 2 ** Math.ceil(Math.log2(count) - 1);

function root(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  const k = split(leaves.length);
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

function path(index, leaves) {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return index < k ? [...path(index, left), root(right)] : [...path(index - k, right), root(left)];
}

function subproof(old, leaves, isWhole) {
  if (old === leaves.length) return isWhole ? [] : [root(leaves)];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return old <= k
    ? [...subproof(old, left, isWhole), root(right)]
    : [...subproof(old - k, right, false), root(left)];
}

/** The root that an inclusion proof leads to, from the definition downwards; undefined for another shape. */
function rootFromInclusion(index, size, leaf, hashes) {
  if (index >= size) return undefined;
  if (size === 1) return hashes.length === 0 ? leaf : undefined;
  if (hashes.length === 0) return undefined;
  const [rest, beside] = [hashes.slice(0, -1), hashes.at(-1)];
  const k = split(size);
  const below = index < k ? rootFromInclusion(index, k, leaf, rest) : rootFromInclusion(index - k, size - k, leaf, rest);
  if (below === undefined) return undefined;
  return index < k ? nodeHash(below, beside) : nodeHash(beside, below);
}

/** Both roots that a consistency proof leads to. */
function rootsFromConsistency(old, size, oldRoot, hashes, isWhole = true) {
  if (old === size) {
    if (isWhole) return hashes.length === 0 ? [oldRoot, oldRoot] : undefined;
    return hashes.length === 1 ? [hashes[0], hashes[0]] : undefined;
  }
  if (hashes.length === 0) return undefined;
  const [rest, beside] = [hashes.slice(0, -1), hashes.at(-1)];
  const k = split(size);
  if (old <= k) {
    const below = rootsFromConsistency(old, k, oldRoot, rest, isWhole);
    return below && [below[0], nodeHash(below[1], beside)];
  }
  const below = rootsFromConsistency(old - k, size - k, oldRoot, rest, false);
  return below && [nodeHash(beside, below[0]), nodeHash(beside, below[1])];
}

function isConsistent({ oldSize, oldRoot, size, root, hashes }) {
  if (oldSize > size) return false;
  if (oldSize === 0) return hashes.length === 0 && oldRoot.equals(sha256());
  const roots = rootsFromConsistency(oldSize, size, oldRoot, hashes);
  return roots !== undefined && roots[0].equals(oldRoot) && roots[1].equals(root);
}

// tlog-tiles.

function tile(name, size, leaves) {
  const [, level, index, width] = /^tile\/([^/]+)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(name);
  const first = Number(index.replaceAll(/[x/]/g, "")) * 256;
  const places = Array.from({ length: Number(width ?? 256) }, (_, at) => first + at);
  if (level === "entries") {
    return Buffer.concat(places.flatMap((at) => [byte(0, entry(at).length), entry(at)]));
  }
  const below = 256 ** Number(level);
  return Buffer.concat(places.map((at) => root(leaves.slice(at * below, (at + 1) * below))));
}

// signed-note, tlog-checkpoint, tlog-cosignature.

function readKey(text) {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text);
  const key = base64(encoded);
  if (sha256(name, "\n", key).subarray(0, 4).toString("hex") !== id) throw new Error("a key ID");
  return { name, id, type: key[0], publicKey: key.subarray(1) };
}

/** The text and signature lines of a note; undefined if it is none. */
function readNote(note) {
  if (/[\x00-\x09\x0b-\x1f]/.test(note) || !note.endsWith("\n")) return undefined;
  const end = note.lastIndexOf("\n\n");
  if (end < 0) return undefined;
  const lines = note.slice(end + 2, -1).split("\n").map((line) => {
    const [, name, encoded] = /^\u2014 ([^+\s]+) (\S+)$/.exec(line) ?? [];
    const bytes = encoded && base64(encoded);
    return bytes?.length > 4 && { line, name, id: bytes.subarray(0, 4).toString("hex"), bytes: bytes.subarray(4) };
  });
  return lines.every(Boolean) ? { text: note.slice(0, end + 1), lines } : undefined;
}

/** Origin, size and root of a text of exactly three lines. */
function readCheckpoint(text) {
  const [, origin, size, encoded] = /^([^+\s]+)\n(0|[1-9]\d*)\n(\S+)\n$/.exec(text) ?? [];
  const root = encoded && base64(encoded);
  return root?.length === 32 ? { origin, size: Number(size), root } : undefined;
}

const opaque = (text) => Buffer.concat([byte(Buffer.byteLength(text)), Buffer.from(text)]);

/** `cosigned_message`. */
const subtreeMessage = (cosigner, time, { origin, size, root }) =>
  Buffer.concat([Buffer.from("subtree/v1\n\0"), opaque(cosigner), u64(time), opaque(origin), u64(0), u64(size), root]);

function verifyRaw(publicKey, message, signature) {
  const x = publicKey.toString("base64url");
  const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
  return verifyEd25519(null, message, key, signature);
}

/** The time of a signature that holds (0 for type 1); undefined for one that does not. */
function signatureTime(key, text, { bytes }) {
  if (key.type === 1) return verifyRaw(key.publicKey, Buffer.from(text), bytes) ? 0 : undefined;
  const time = Number(bytes.readBigUInt64BE());
  const signature = bytes.subarray(8);
  const holds =
    key.type === 4
      ? verifyRaw(key.publicKey, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), signature)
      : ml_dsa44.verify(signature, subtreeMessage(key.name, time, readCheckpoint(text)), key.publicKey);
  return holds ? time : undefined;
}

/** The newest time of each key that signed; undefined if no note, or a known key's signature fails. */
function signers(note, keys) {
  const read = readNote(note);
  if (read === undefined || readCheckpoint(read.text) === undefined) return undefined;
  const times = new Map();
  for (const line of read.lines) {
    const key = keys.find(({ name, id }) => name === line.name && id === line.id);
    if (key === undefined) continue;
    const time = signatureTime(key, read.text, line);
    if (time === undefined) return undefined;
    times.set(key, Math.max(time, times.get(key) ?? 0));
  }
  return { checkpoint: readCheckpoint(read.text), times };
}

// tlog-policy, with Countersign's rule that every key of a log signs.

function readPolicy(text) {
  const policy = { logs: [], members: new Map() };
  for (const line of text.split("\n")) {
    const [kind, name, ...rest] = line.split(/[ \t]+/).filter(Boolean);
    if (kind === "log") policy.logs.push(readKey(name));
    if (kind === "witness") policy.members.set(name, { key: readKey(rest[0]) });
    if (kind === "group") {
      const [k, ...members] = rest;
      policy.members.set(name, { members, threshold: { any: 1, all: members.length }[k] ?? Number(k) });
    }
    if (kind === "quorum") policy.quorum = name;
  }
  return policy;
}

/** The checkpoint and the time that the quorum vouches for; undefined if it is not accepted. */
function openByPolicy(note, policy) {
  const witnesses = [...policy.members.values()].flatMap(({ key }) => key ?? []);
  const opened = signers(note, [...policy.logs, ...witnesses]);
  if (opened === undefined || !policy.logs.every((key) => opened.times.has(key))) return undefined;
  const time = (name) => {
    const { key, members, threshold } = policy.members.get(name);
    if (key !== undefined) return opened.times.get(key);
    const times = members.map(time).filter((one) => one !== undefined);
    return times.sort((a, b) => b - a)[threshold - 1];
  };
  if (policy.quorum === "none") return { checkpoint: opened.checkpoint, time: null };
  const vouched = time(policy.quorum);
  return vouched === undefined ? undefined : { checkpoint: opened.checkpoint, time: vouched };
}

// tlog-proof.

function proofHolds(text, claimed, policy) {
  const end = text.indexOf("\n\n");
  const [header, ...lines] = text.slice(0, end).split("\n");
  if (lines[0].startsWith("extra ")) lines.shift();
  const index = Number(/^index (\d+)$/.exec(lines.shift())[1]);
  const opened = openByPolicy(text.slice(end + 2), policy);
  if (header !== "c2sp.org/tlog-proof@v1" || opened === undefined) return false;
  const { size, root: wanted } = opened.checkpoint;
  return rootFromInclusion(index, size, leafHash(claimed), lines.map(base64))?.equals(wanted) ?? false;
}

// The map of docs/spec/log.md.

const bit = (key, at) => (key[at >> 3] >> (7 - (at & 7))) & 1;
const label = (key, at) => Buffer.from(key.map((value, index) => (index < at >> 3 ? value : index > at >> 3 ? 0 : value & ~(0xff >> (at & 7)))));
const mapLeaf = (key, index, leaf) => sha256(byte(2), key, u64(index), leaf);
const mapBranch = (at, prefix, left, right) => sha256(byte(3, at), prefix, left, right);
const differsAt = (a, b) => Array.from({ length: 256 }, (_, at) => at).find((at) => bit(a, at) !== bit(b, at));

function mapRoot(sorted) {
  if (sorted.length === 0) return sha256();
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === last) return mapLeaf(first.key, first.index, base64(first.leaf));
  const at = differsAt(first.key, last.key);
  const sides = [0, 1].map((side) => mapRoot(sorted.filter(({ key }) => bit(key, at) === side)));
  return mapBranch(at, label(first.key, at), ...sides);
}

/** What a map proof proves of a key: the latest, null for nothing, undefined if the proof fails. */
function mapLatest(proof, wanted, key) {
  let at = 1;
  const take = (count) => proof.subarray(at, (at += count));
  const branches = Array.from({ length: proof[0] }, () => ({ bit: take(1)[0], beside: take(32) }));
  const kind = take(1)[0];
  const last = branches.at(-1)?.bit ?? -1;
  if (proof.length !== at + { 0: 0, 1: 72, 2: 129 }[kind]) return undefined;
  let hash, latest = null;
  if (kind === 0) {
    return branches.length === 0 && wanted.equals(sha256()) ? null : undefined;
  } else if (kind === 1) {
    const [found, index, leaf] = [take(32), take(8), take(32)];
    hash = mapLeaf(found, index.readBigUInt64BE(), leaf);
    if (found.equals(key)) latest = { index: Number(index.readBigUInt64BE()), leaf: leaf.toString("base64") };
    else if (differsAt(found, key) <= last) return undefined;
  } else {
    const [own, prefix, left, right] = [take(1)[0], take(32), take(32), take(32)];
    const differs = differsAt(prefix, key);
    if (!label(prefix, own).equals(prefix) || differs === undefined || differs >= own || differs <= last || own <= last) return undefined;
    hash = mapBranch(own, prefix, left, right);
  }
  if (branches.some(({ bit }, index) => index > 0 && bit <= branches[index - 1].bit)) return undefined;
  for (const { bit: own, beside } of branches.reverse()) {
    hash = mapBranch(own, label(key, own), ...(bit(key, own) ? [beside, hash] : [hash, beside]));
  }
  return hash.equals(wanted) ? latest : undefined;
}

// The vectors.

const hashesOf = (texts) => texts.map(base64);

export function checkLog(vectors, expect) {
  const all = Array.from({ length: 70_000 }, (_, index) => leafHash(entry(index)));
  for (const { size, root: wanted, inclusion, consistency, tiles } of vectors.trees) {
    const leaves = all.slice(0, size);
    expect(`root of ${size}`, root(leaves).toString("base64"), wanted);
    for (const { index, hashes } of inclusion) {
      expect(`${index} in ${size}`, String(path(index, leaves).map((hash) => hash.toString("base64"))), String(hashes));
      expect(`${index} in ${size}`, rootFromInclusion(index, size, leaves[index], hashesOf(hashes)).toString("base64"), wanted);
    }
    for (const { oldSize, oldRoot, hashes } of consistency) {
      const grown = oldSize === 0 ? [] : subproof(oldSize, leaves, true);
      expect(`${oldSize} to ${size}`, String(grown.map((hash) => hash.toString("base64"))), String(hashes));
      expect(`root of ${oldSize}`, root(leaves.slice(0, oldSize)).toString("base64"), oldRoot);
      const claim = { oldSize, oldRoot: base64(oldRoot), size, root: base64(wanted), hashes: hashesOf(hashes) };
      expect(`${oldSize} to ${size}`, isConsistent(claim), true);
    }
    for (const { path: name, sha256: wantedTile } of tiles) {
      expect(`${name} of ${size}`, sha256(tile(name, size, leaves)).toString("hex"), wantedTile);
    }
  }
  for (const { what, index, size, leaf, root: wanted, hashes } of vectors.refused.inclusion) {
    expect(what, rootFromInclusion(index, size, base64(leaf), hashesOf(hashes))?.toString("base64") === wanted, false);
  }
  for (const { what, oldRoot, root: wanted, hashes, ...sizes } of vectors.refused.consistency) {
    expect(what, isConsistent({ ...sizes, oldRoot: base64(oldRoot), root: base64(wanted), hashes: hashesOf(hashes) }), false);
  }
  checkSigned(vectors, expect);
}

function checkSigned(vectors, expect) {
  const keys = vectors.keys.map(({ verifierKey }) => readKey(verifierKey));
  for (const { origin, size, root: wanted, note, times } of vectors.checkpoints) {
    const opened = signers(note, keys);
    expect("origin", opened?.checkpoint.origin, origin);
    expect("size", opened?.checkpoint.size, size);
    expect("root", opened?.checkpoint.root.toString("base64"), wanted);
    expect("signers", opened?.times.size, keys.length);
    for (const { key, time } of times) {
      expect("time", [...opened.times].find(([{ id }]) => key.includes(`+${id}+`))?.[1], time);
    }
    // ML-DSA without randomness is one function of key and message: noble signs the same bytes.
    expect("type 6 signed again", resign(note, vectors.keys), note);
  }
  for (const { what, note, accepted } of vectors.notes) {
    const opened = signers(note, keys.slice(0, 2));
    expect(what, opened !== undefined && opened.times.size === 2, accepted);
  }
  for (const { policy, note, accepted, time } of vectors.policies) {
    const opened = openByPolicy(note, readPolicy(policy));
    expect(policy, opened !== undefined, accepted);
    expect(policy, opened?.time ?? null, time);
  }
  const policy = readPolicy(vectors.proofs.policy);
  for (const { entry: claimed, proof, accepted } of vectors.proofs.cases) {
    expect(`proof of ${claimed}`, proofHolds(proof, claimed, policy), accepted);
  }
}

export function checkMap(vectors, expect) {
  for (const { names, root: wanted, covers, entry: stated, proofs } of vectors) {
    const keyed = names.map((one) => ({ ...one, key: sha256(one.name) }));
    const sorted = keyed.sort((a, b) => a.key.compare(b.key));
    expect(`map of ${names.length}`, mapRoot(sorted).toString("base64"), wanted);
    expect("leaf", JSON.stringify({ _type: "https://countersign.dev/map/v1", covers, root: wanted }), stated);
    for (const { name, latest, proof } of proofs) {
      const bytes = Buffer.from(proof, "hex");
      expect(name, JSON.stringify(mapLatest(bytes, base64(wanted), sha256(name))), JSON.stringify(latest));
      bytes[bytes.length - 1] ^= 1;
      expect(name, mapLatest(bytes, base64(wanted), sha256(name)), undefined);
    }
  }
}

/** A note with each signature of type 6 by a known key made anew, without randomness. */
export function resign(note, keys) {
  const { text, lines } = readNote(note);
  const again = lines.map((line) => {
    const known = keys.find(({ verifierKey }) => verifierKey.startsWith(`${line.name}+${line.id}+`));
    if (known === undefined || readKey(known.verifierKey).type !== 6) return line.line;
    const time = line.bytes.readBigUInt64BE();
    const { secretKey } = ml_dsa44.keygen(Buffer.from(known.seed, "hex"));
    const message = subtreeMessage(line.name, time, readCheckpoint(text));
    const signature = ml_dsa44.sign(message, secretKey, { extraEntropy: false });
    const bytes = Buffer.concat([Buffer.from(line.id, "hex"), u64(time), signature]);
    return `\u2014 ${line.name} ${bytes.toString("base64")}`;
  });
  return `${text}\n${again.map((line) => `${line}\n`).join("")}`;
}
