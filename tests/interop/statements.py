"""Reads what Countersign signed with implementations that nobody here wrote, and signs the same again.

usage: statements.py FOLDER SCHEMAS

FOLDER holds NAME.pem (private keys, PKCS#8), NAME.pub (public keys) and *.json (envelopes). Every
envelope is verified with securesystemslib (Ed25519, P-256) and cryptography (ML-DSA-44), its payload
with in-toto-attestation and its schemas with jsonschema. Each is signed anew by cryptography's keys
into NAME.again. Prints how much was checked; the first thing that is wrong ends it.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, utils
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def main(folder: Path, schemas: Path) -> None:
    keys = {}
    for path in sorted(folder.glob("*.pem")):
        private = serialization.load_pem_private_key(path.read_bytes(), None)
        public = serialization.load_pem_public_key(path.with_suffix(".pub").read_bytes())
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        own = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        assert der == own, f"{path}: the public half is another"
        keys["sha256:" + hashlib.sha256(der).hexdigest()] = private
    of_statement = validator(schemas / "statement.json")
    of_envelope = validator(schemas / "envelope.json")
    envelopes = signatures = 0
    for path in sorted(folder.glob("*.json")):
        text = path.read_bytes()
        value = json.loads(text)
        of_envelope.validate(value)
        payload = base64.b64decode(value["payload"], validate=True)
        statement = json.loads(payload)
        of_statement.validate(statement)
        parsed = json_format.Parse(payload, statement_pb2.Statement())
        Statement.copy_from_pb(parsed).validate()
        signatures += verify(value, keys)
        path.with_suffix(".again").write_bytes(sign_again(value, payload, keys))
        envelopes += 1
    print(json.dumps({"envelopes": envelopes, "signatures": signatures}))


def validator(path: Path) -> Draft202012Validator:
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def verify(value: dict, keys: dict) -> int:
    envelope = Envelope.from_dict(json.loads(json.dumps(value)))
    count = 0
    for signature in value["signatures"]:
        keyid = signature["keyid"]
        public = keys[keyid].public_key()
        if isinstance(public, mldsa.MLDSA44PublicKey):
            public.verify(base64.b64decode(signature["sig"]), envelope.pae())
        else:
            key = SSlibKey.from_crypto(public, keyid)
            assert list(envelope.verify([key], 1)) == [keyid]
        count += 1
    return count


def sign_again(value: dict, payload: bytes, keys: dict) -> bytes:
    kind = value["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signatures = []
    for keyid in sorted(signature["keyid"] for signature in value["signatures"]):
        raw = base64.b64encode(sign(keys[keyid], signed)).decode()
        signatures.append({"keyid": keyid, "sig": raw})
    again = {**value, "signatures": signatures}
    return json.dumps(again, sort_keys=True, separators=(",", ":")).encode()


def sign(key, message: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return utils.encode_dss_signature(r, min(s, P256_ORDER - s))
    assert isinstance(key, (ed25519.Ed25519PrivateKey, mldsa.MLDSA44PrivateKey))
    return key.sign(message)


main(Path(sys.argv[1]), Path(sys.argv[2]))
