"""Makes and judges access tokens and proofs of possession with joserfc, which nobody here wrote.

usage: jose.py make        prints cases, one JSON object a line
       jose.py judge FILE  reads such lines and prints for each whether it accepts, `true` or `false`

A case: {"name", "kind": "token" | "proof", "text", "jwks", "accepts"}. Each key of `jwks` has its
`alg`. A token has to be of ISSUER for AUDIENCE at NOW; a proof for METHOD and URI at NOW.
"""

import base64
import copy
import hashlib
import hmac
import json
import sys
import warnings

from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey, import_key

# RFC 9864 prefers `Ed25519`; both are in use.
warnings.simplefilter("ignore")

ISSUER = "https://idp.a.test"
AUDIENCE = "https://hop1.a.test/mcp"
NOW = 1_795_600_000
SKEW_S = 300
TYPES = {"at+jwt", "application/at+jwt"}
ALGORITHMS = ["ES256", "ES384", "EdDSA", "RS256", "PS256"]
PROOF_ALGORITHMS = ["ES256", "ES384", "EdDSA"]

REGISTRY = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
CLAIMS = jwt.JWTClaimsRegistry(
    now=NOW,
    leeway=SKEW_S,
    iss={"essential": True, "value": ISSUER},
    sub={"essential": True},
    aud={"essential": True, "value": AUDIENCE},
    exp={"essential": True},
    client_id={"essential": True},
)


def judge(case: dict) -> bool:
    try:
        accept = judge_token if case["kind"] == "token" else judge_proof
        return accept(case)
    except Exception:
        return False


def judge_token(case: dict) -> bool:
    jwks = case["jwks"]["keys"]
    keys = KeySet([import_key(key) for key in jwks])
    header = jws.extract_compact(case["text"].encode()).headers()
    # joserfc finds the key by `kid` and checks its `alg` only if the caller does.
    [alg] = [key["alg"] for key in jwks if key["kid"] == header["kid"]]
    token = jwt.decode(case["text"], keys, algorithms=[alg], registry=REGISTRY)
    CLAIMS.validate(token.claims)
    return token.header["alg"] == alg and token.header["typ"].lower() in TYPES


def judge_proof(case: dict) -> bool:
    header = jws.extract_compact(case["text"].encode()).headers()
    key = import_key(header["jwk"])
    if key.is_private or header["typ"] != "dpop+jwt" or header["alg"] not in PROOF_ALGORITHMS:
        return False
    proof = jwt.decode(case["text"], key, algorithms=PROOF_ALGORITHMS, registry=REGISTRY)
    claims = proof.claims
    return (
        key.thumbprint() == case["jkt"]
        and isinstance(claims["jti"], str)
        and claims["htm"] == "POST"
        and claims["htu"].split("?")[0].split("#")[0] == AUDIENCE
        and isinstance(claims["iat"], int)
        and abs(claims["iat"] - NOW) <= SKEW_S
        and claims["ath"] == ath("token")
    )


def ath(token: str) -> str:
    return encode(hashlib.sha256(token.encode()).digest())


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_of(alg: str):
    made = {"ES256": ("P-256", ECKey), "ES384": ("P-384", ECKey), "EdDSA": ("Ed25519", OKPKey)}
    if alg in made:
        curve, kind = made[alg]
        return kind.generate_key(curve, private=True)
    return RSAKey.generate_key(2048, private=True)


def sign(header: dict, payload: bytes, key) -> str:
    """Signs whatever the header says; joserfc itself checks what it signs."""
    alg = header.get("alg")
    if alg == "none":
        return ".".join([encode(json.dumps(header).encode()), encode(payload), ""])
    if "crit" in header or "b64" in header:
        # Signed by hand: joserfc refuses to make it.
        plain = {"alg": alg, "typ": header["typ"], "kid": header["kid"]}
        member = REGISTRY.get_alg(alg)
        signed = encode(json.dumps({**plain, **header}).encode()) + "." + encode(payload)
        return signed + "." + encode(member.sign(signed.encode(), key))
    return jws.serialize_compact(header, payload, key, algorithms=ALGORITHMS, registry=REGISTRY)


BASE = {
    "iss": ISSUER, "sub": "user", "aud": AUDIENCE, "client_id": "agent", "scope": "a b",
    "iat": NOW - 10, "exp": NOW + 200, "jti": "1",
}  # fmt: skip

# What is changed of a token's claims. `None` takes a member away.
TOKEN_CLAIMS = {
    "as it is": {},
    "audience: list of one": {"aud": [AUDIENCE]},
    "audience: none": {"aud": None},
    "audience: another": {"aud": "https://hop2.a.test/mcp"},
    "audience: slash": {"aud": AUDIENCE + "/"},
    "audience: prefix": {"aud": "https://hop1.a.test"},
    "audience: case": {"aud": "https://HOP1.a.test/mcp"},
    "audience: port": {"aud": "https://hop1.a.test:443/mcp"},
    "audience: empty list": {"aud": []},
    "audience: two": {"aud": [AUDIENCE, "https://hop2.a.test/mcp"]},
    "issuer: none": {"iss": None},
    "issuer: another": {"iss": "https://evil.test"},
    "issuer: slash": {"iss": ISSUER + "/"},
    "issuer: list": {"iss": [ISSUER]},
    "subject: none": {"sub": None},
    "client: none": {"client_id": None},
    "exp: none": {"exp": None},
    "exp: over": {"exp": NOW - SKEW_S - 1},
    "exp: over within the skew": {"exp": NOW - SKEW_S + 1},
    "exp: text": {"exp": str(NOW + 200)},
    "exp: fraction": {"exp": NOW + 200.5},
    "exp: whole number written as a fraction": {"exp": float(NOW + 200)},
    "exp: negative": {"exp": -1},
    "exp: true": {"exp": True},
    "nbf: later": {"nbf": NOW + SKEW_S + 1},
    "nbf: within the skew": {"nbf": NOW + SKEW_S - 1},
    "nbf: text": {"nbf": "0"},
    "iat: future": {"iat": NOW + SKEW_S + 1},
    "iat: within the skew": {"iat": NOW + SKEW_S - 1},
    "iat: text": {"iat": "0"},
    "iat: none": {"iat": None},
    "cnf: unknown": {"cnf": {"kid": "a"}},
    "cnf: two": {"cnf": {"jkt": ath("a"), "x5t#S256": ath("b")}},
    "act: list": {"act": [{"sub": "a"}]},
    "act: nobody": {"act": {}},
    "scope: list": {"scope": ["a"]},
    "scope: tab": {"scope": "a\tb"},
    "details: unknown": {"authorization_details": [{"type": "payment"}]},
    "more: large number": {"x": 1 << 60},
    "more: emoji": {"x": "\U0001f600"},
}

TOKEN_HEADERS = {
    "typ: none": {"typ": None},
    "typ: JWT": {"typ": "JWT"},
    "typ: long": {"typ": "application/at+jwt"},
    "typ: case": {"typ": "AT+JWT"},
    "typ: ID-JAG": {"typ": "oauth-id-jag+jwt"},
    "typ: event": {"typ": "secevent+jwt"},
    "typ: proof": {"typ": "dpop+jwt"},
    "kid: unknown": {"kid": "x"},
    "kid: path": {"kid": "../../dev/null"},
    "alg: none": {"alg": "none"},
    "crit": {"crit": ["exp"], "exp": 1},
    "b64": {"b64": False, "crit": ["b64"]},
    "jku": {"jku": "https://evil.test"},
    "x5t": {"x5t": "AA"},
}

PROOF_CLAIMS = {
    "as it is": {},
    "jti: none": {"jti": None},
    "htm: GET": {"htm": "GET"},
    "htm: none": {"htm": None},
    "htu: another": {"htu": "https://hop2.a.test/mcp"},
    "htu: query": {"htu": AUDIENCE + "?a=b#c"},
    "htu: slash": {"htu": AUDIENCE + "/"},
    "iat: old": {"iat": NOW - SKEW_S - 1},
    "iat: at the limit": {"iat": NOW - SKEW_S},
    "iat: future": {"iat": NOW + SKEW_S + 1},
    "iat: text": {"iat": str(NOW)},
    "iat: none": {"iat": None},
    "iat: fraction": {"iat": NOW + 0.5},
    "ath: none": {"ath": None},
    "ath: another": {"ath": ath("other")},
    "more": {"x": {"y": [1]}},
}

PROOF_HEADERS = {
    "typ: none": {"typ": None},
    "typ: JWT": {"typ": "JWT"},
    "typ: at+jwt": {"typ": "at+jwt"},
    "alg: none": {"alg": "none"},
    "jwk: none": {"jwk": None},
    "jku": {"jku": "https://evil.test"},
}


def changed(base: dict, change: dict) -> dict:
    merged = {**copy.deepcopy(base), **change}
    return {name: value for name, value in merged.items() if value is not None}


def make():
    for alg in ALGORITHMS:
        key, other = key_of(alg), key_of(alg)
        jwks = {"keys": [{**key.as_dict(private=False), "kid": "k", "alg": alg, "use": "sig"}]}
        base = {"alg": alg, "typ": "at+jwt", "kid": "k"}

        def token(name, header, payload, signer=key):
            case = {"name": f"{alg}: {name}", "kind": "token", "jwks": jwks}
            return {**case, "text": sign(header, payload, signer)}

        body = json.dumps(BASE).encode()
        for name, change in TOKEN_CLAIMS.items():
            yield token(name, base, json.dumps(changed(BASE, change)).encode())
        for name, change in TOKEN_HEADERS.items():
            yield token(name, changed(base, change), body)
        yield token("by another key", base, body, other)
        yield token("twice the same claim", base, body[:-1] + b', "sub": "admin"}')
        yield token("twice inside", base, body[:-1] + b', "cnf": {"jkt": "a", "jkt": "b"}}')
        yield token("no object", base, b"[]")
        yield token("bytes after the end", base, body + b"{}")
        if alg in ("RS256", "PS256"):
            # By hand: joserfc takes no public key for a secret.
            signed = encode(json.dumps({**base, "alg": "HS256"}).encode()) + "." + encode(body)
            mac = hmac.digest(key.as_pem(private=False), signed.encode(), "sha256")
            case = token("public key as secret", base, body)
            yield {**case, "text": f"{signed}.{encode(mac)}"}
            swapped = {"RS256": "PS256", "PS256": "RS256"}[alg]
            yield token("the other algorithm of its type", {**base, "alg": swapped}, body)
        yield from proofs(alg, key, other)


def proofs(alg, key, other):
    base = {"alg": alg, "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    claims = {"jti": "j", "htm": "POST", "htu": AUDIENCE, "iat": NOW, "ath": ath("token")}

    def proof(name, header, claims):
        case = {"name": f"{alg}: proof: {name}", "kind": "proof", "jkt": key.thumbprint()}
        return {**case, "text": sign(header, json.dumps(claims).encode(), key)}

    for name, change in PROOF_CLAIMS.items():
        yield proof(name, base, changed(claims, change))
    for name, change in PROOF_HEADERS.items():
        yield proof(name, changed(base, change), claims)
    yield proof("a private key in it", {**base, "jwk": key.as_dict(private=True)}, claims)
    yield proof("another key in it", {**base, "jwk": other.as_dict(private=False)}, claims)


def main():
    if sys.argv[1:] == ["make"]:
        for case in make():
            print(json.dumps({**case, "accepts": judge(case)}))
    elif len(sys.argv) == 3 and sys.argv[1] == "judge":
        with open(sys.argv[2], encoding="utf-8") as lines:
            for line in lines:
                print("true" if judge(json.loads(line)) else "false")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
