// Recomputes envelope.json without any code of Countersign: canonical form, pre-authentication
// encoding, keyids, leaf hashes and Ed25519 signatures, with Node's own cryptography.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import canonicalize from "canonicalize";

const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const sha256 = (...parts) => `sha256:${createHash("sha256").update(Buffer.concat(parts)).digest("hex")}`;

export function checkEnvelopes({ envelopes, keys }, expect) {
  const known = new Map();
  for (const { seed, keyid, publicKey } of keys) {
    const der = Buffer.concat([PKCS8, Buffer.from(seed, "hex")]);
    const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const own = createPublicKey(secret);
    expect("public key", own.export({ format: "pem", type: "spki" }), publicKey);
    expect("keyid", sha256(own.export({ format: "der", type: "spki" })), keyid);
    known.set(keyid, { secret, own });
  }
  for (const { envelope, leaf, names } of envelopes) {
    const value = JSON.parse(envelope);
    expect("envelope", canonicalize(value), envelope);
    expect("leaf", sha256(Buffer.from([0]), Buffer.from(envelope)), leaf);
    const payload = Buffer.from(value.payload, "base64");
    const statement = JSON.parse(payload);
    expect("statement", canonicalize(statement), payload.toString());
    expect("first name", names[0], statement.subject[0].name);
    const type = value.payloadType;
    const head = `DSSEv1 ${type.length} ${type} ${payload.length} `;
    const signed = Buffer.concat([Buffer.from(head), payload]);
    const ids = value.signatures.map((signature) => signature.keyid);
    expect("order", [...ids].sort().join(), ids.join());
    for (const { keyid, sig } of value.signatures) {
      const { secret, own } = known.get(keyid);
      const raw = Buffer.from(sig, "base64");
      expect("signature", verify(null, signed, own, raw), true);
      expect("signed again", sign(null, signed, secret).toString("base64"), sig);
    }
  }
}
