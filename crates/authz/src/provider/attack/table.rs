//! The attacks: one table, in the order in which they are tried.

use serde_json::{Value, json};

use super::ground::{Ground, Shown, bearer, dpop};

/// Who says that the server has to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// A standard that binds servers of MCP.
    Standard,
    /// We do, beyond it.
    Ours,
}

impl Demand {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ours => "ours",
        }
    }
}

/// Something that a server has to refuse.
#[derive(Debug)]
pub struct Attack {
    /// Its name, for ever.
    pub id: &'static str,
    /// The row of the threat table.
    pub threat: &'static str,
    /// Who wants it refused.
    pub demand: Demand,
    /// Where that is written.
    pub section: &'static str,
    /// What is shown.
    pub what: &'static str,
    /// Whether it is an attack on servers that take bound tokens, alone.
    pub(super) needs_bound: bool,
    pub(super) make: fn(&Ground) -> Option<Shown>,
}

macro_rules! attacks {
    ($($id:literal, $threat:literal, $demand:ident, $section:literal, $what:literal,
       $bound:literal, $make:expr;)*) => {
        /// Every attack.
        pub const TABLE: &[Attack] = &[$(Attack {
            id: $id, threat: $threat, demand: Demand::$demand, section: $section, what: $what,
            needs_bound: $bound, make: $make,
        },)*];
    };
}

attacks! {
    "audience.other", "T2", Standard, "RFC 9068 §4", "a token for another server", false,
        |it| it.claim("aud", json!("https://other.countersign.invalid/mcp"));
    "audience.missing", "T2", Standard, "RFC 9068 §2.2, §4", "a token for nobody", false,
        |it| it.claim("aud", Value::Null);
    "audience.empty", "T2", Standard, "RFC 9068 §4", "an empty list of audiences", false,
        |it| it.claim("aud", json!([]));
    "audience.two", "T2", Ours, "docs/spec/tokens.md; RFC 8725 §3.9", "two audiences, the server's first", false,
        |it| it.claim("aud", json!([it.audience, "https://other.countersign.invalid/mcp"]));
    "audience.client", "T2", Standard, "RFC 9068 §4", "the client as the audience, as in an ID token", false,
        |it| it.claim("aud", json!(it.client_id));
    "audience.origin", "T2", Standard, "RFC 9068 §4, RFC 8707 §2", "the server's origin without its path", false,
        |it| it.claim("aud", json!(parent(&it.audience)?));
    "audience.sibling", "T19", Standard, "RFC 9068 §4, RFC 8707 §2", "another path of the same origin", false,
        |it| it.claim("aud", json!(format!("{}/other", parent(&it.audience)?)));
    "audience.child", "T19", Standard, "RFC 9068 §4, RFC 8707 §2", "a path below the server's", false,
        |it| it.claim("aud", json!(format!("{}/child", it.audience.trim_end_matches('/'))));
    "audience.longer", "T2", Standard, "RFC 9068 §4", "an audience that begins as the server's", false,
        |it| it.claim("aud", json!(format!("{}2", it.audience)));
    "audience.slash", "T2", Ours, "docs/spec/tokens.md; RFC 3986 §6.2.1", "one slash more at the end", false,
        |it| it.claim("aud", json!(format!("{}/", it.audience)));
    "audience.case", "T2", Standard, "RFC 3986 §6.2.2.1", "the path in other letters", false,
        |it| it.claim("aud", json!(other_case(&it.audience)?));
    "audience.port", "T2", Standard, "RFC 9068 §4", "another port", false,
        |it| it.claim("aud", json!(other_port(&it.audience)?));

    "issuer.other", "T12", Standard, "RFC 9068 §4", "an issuer that nobody trusts", false,
        |it| it.claim("iss", json!("https://other.countersign.invalid"));
    "issuer.missing", "T12", Standard, "RFC 9068 §2.2, §4", "no issuer", false,
        |it| it.claim("iss", Value::Null);
    "issuer.slash", "T12", Standard, "RFC 9068 §4; RFC 8414 §3.3", "the issuer with one slash more", false,
        |it| it.claim("iss", json!(format!("{}/", it.issuer)));
    "issuer.longer", "T12", Standard, "RFC 9068 §4", "an issuer that begins as the trusted one", false,
        |it| it.claim("iss", json!(format!("{}.countersign.invalid", it.issuer)));
    "issuer.list", "T12", Standard, "RFC 7519 §4.1.1", "a list with the issuer in it", false,
        |it| it.claim("iss", json!([it.issuer]));

    "time.expired", "T16", Standard, "RFC 9068 §4", "a token that is over for an hour", false,
        |it| it.claim("exp", json!(it.now_s.saturating_sub(3600)));
    "time.endless", "T16", Standard, "RFC 9068 §2.2", "a token without an end", false,
        |it| it.claim("exp", Value::Null);
    "time.text", "T16", Standard, "RFC 7519 §2, §4.1.4", "an end that is no number", false,
        |it| it.claim("exp", json!("4000000000"));
    "time.early", "T16", Standard, "RFC 7519 §4.1.5", "a token that begins in an hour", false,
        |it| it.claim("nbf", json!(it.now_s.saturating_add(3600)));
    "time.issued-ahead", "T16", Ours, "docs/spec/tokens.md", "a token that was issued in an hour", false,
        |it| it.claim("iat", json!(it.now_s.saturating_add(3600)));

    "type.jwt", "T14", Standard, "RFC 9068 §4", "the same claims as any JWT", false,
        |it| it.typed("JWT", &json!({}));
    "type.id-token", "T14", Standard, "RFC 8725 §3.12; RFC 9068 §4", "an ID token", false,
        |it| it.typed("JWT", &json!({ "nonce": "n", "at_hash": "h", "client_id": null, "scope": null }));
    "type.id-jag", "T14", Standard, "RFC 9068 §4", "an identity assertion (ID-JAG)", false,
        |it| it.typed("oauth-id-jag+jwt", &json!({ "resource": it.audience }));
    "type.transaction", "T14", Standard, "RFC 9068 §4", "a transaction token", false,
        |it| it.typed("txntoken+jwt", &json!({ "txn": "t" }));
    "type.event", "T14", Standard, "RFC 8417 §4; RFC 9068 §4", "a security event", false,
        |it| it.typed("secevent+jwt", &json!({ "events": {} }));
    "type.logout", "T14", Standard, "RFC 9068 §4", "a logout token", false,
        |it| it.typed("logout+jwt", &json!({ "events": {}, "sid": "s" }));
    "type.proof", "T14", Standard, "RFC 9449 §4.2; RFC 9068 §4", "a proof of possession", false,
        |it| it.typed("dpop+jwt", &json!({ "htm": "POST" }));
    "type.assertion", "T14", Standard, "RFC 9068 §4", "a client's assertion of itself", false,
        |it| it.typed("client-authentication+jwt", &json!({ "sub": it.client_id, "scope": null }));

    "key.none", "T17", Standard, "RFC 9068 §4; RFC 8725 §3.1", "no signature: alg none", false,
        |it| Some(it.none("none"));
    "key.none-case", "T17", Standard, "RFC 9068 §4; RFC 8725 §3.1", "no signature: alg nOnE", false,
        |it| Some(it.none("nOnE"));
    "key.none-real", "T17", Standard, "RFC 9068 §4", "no signature under the real algorithm", false,
        |it| it.torn(|head, body, _| format!("{head}.{body}."));
    "key.zero", "T17", Standard, "RFC 7515 §5.2", "a signature of zeros", false,
        |it| it.torn(|head, body, tag| format!("{head}.{body}.{}", "A".repeat(tag.len())));
    "key.changed", "T17", Standard, "RFC 7515 §5.2", "claims that were changed after the signature", false,
        |it| it.torn(|head, body, tag| format!("{head}.{}.{tag}", changed(body)));
    "key.hs256", "T17", Standard, "RFC 8725 §3.1", "HS256 with the public key as its secret", false,
        |it| Some(it.public_as_secret());
    "key.stranger", "T17", Standard, "RFC 9068 §4", "another key under the trusted key's name", false,
        |it| it.strange("typ", json!("at+jwt"));
    "key.unknown", "T17", Standard, "RFC 9068 §4", "a key that nobody knows", false,
        |it| it.strange("kid", json!("unknown"));
    "key.embedded", "T17", Standard, "RFC 8725 §3.10; RFC 7515 §4.1.3", "another key, brought along as jwk", false,
        |it| it.strange("jwk", it.stranger_jwk());
    "key.remote", "T17", Standard, "RFC 8725 §3.10", "another key, named by jku", false,
        |it| it.strange("jku", json!("https://keys.countersign.invalid/jwks"));
    "key.path", "T17", Standard, "RFC 8725 §3.10", "a name of a key that is a path to an empty file", false,
        |it| Some(it.hs256("../../../../../../dev/null", &[]));
    "key.query", "T17", Standard, "RFC 8725 §3.10", "a name of a key that is a query", false,
        |it| Some(it.hs256("x' UNION SELECT 'secret", b"secret"));
    "key.other-algorithm", "T17", Standard, "RFC 8725 §3.1", "the trusted key under another algorithm's name", false,
        |it| it.headed("alg", json!("ES384"));
    "key.critical", "T17", Standard, "RFC 7515 §4.1.11", "an extension that has to be understood", false,
        |it| it.headed("crit", json!(["countersign"]));

    "way.query", "T21", Standard, "MCP authorization; RFC 9700 §4.3.2", "a good token in the query", false,
        Ground::query;
    "binding.unknown", "T9", Ours, "docs/spec/tokens.md", "a token bound in a way that nobody knows, as Bearer", false,
        |it| it.claim("cnf", json!({ "countersign": "x" }));
    "binding.certificate", "T9", Ours, "RFC 8705 §3", "a token bound to a certificate, without one", false,
        |it| it.claim("cnf", json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }));
    "binding.bearer", "T9", Standard, "RFC 9449 §7.2", "a token bound to a key, as Bearer", true,
        |it| it.bound().map(bearer);
    "binding.no-proof", "T9", Standard, "RFC 9449 §7.1", "a token bound to a key, without a proof", true,
        |it| Some(dpop(it.bound()?, Vec::new()));
    "binding.unbound", "T9", Ours, "docs/spec/tokens.md; RFC 9449 §7.1", "a token bound to nothing, with a proof", true,
        |it| it.good().and_then(|good| { let proof = it.proof(&good.token)?; Some(dpop(good.token, vec![proof])) });

    "proof.replayed", "T10", Standard, "RFC 9449 §11.1", "a proof for the second time", true,
        |it| Some(Shown { is_twice: true, ..it.good_bound()? });
    "proof.two", "T10", Standard, "RFC 9449 §4.3", "two proofs", true,
        |it| with_proofs(it, |token| Some(vec![it.proof(token)?, it.proof(token)?]));
    "proof.stranger", "T10", Standard, "RFC 9449 §4.3, §7.1", "a proof by another key", true,
        |it| with_proofs(it, |token| Some(vec![it.strange_proof(token)?]));
    "proof.token", "T10", Standard, "RFC 9449 §4.3, §7.1", "a proof for another token", true,
        |it| with_proofs(it, |_| Some(vec![it.proof(&it.bound()?)?]));
    "proof.no-token", "T10", Standard, "RFC 9449 §4.3, §7.1", "a proof for no token", true,
        |it| proof_with(it, "ath", Value::Null);
    "proof.place", "T10", Standard, "RFC 9449 §4.3", "a proof for another server", true,
        |it| proof_with(it, "htu", json!("https://other.countersign.invalid/mcp"));
    "proof.method", "T10", Standard, "RFC 9449 §4.3", "a proof for another method", true,
        |it| proof_with(it, "htm", json!("GET"));
    "proof.old", "T10", Standard, "RFC 9449 §4.3", "a proof of an hour ago", true,
        |it| proof_with(it, "iat", json!(it.now_s.saturating_sub(3600)));
    "proof.ahead", "T10", Standard, "RFC 9449 §4.3", "a proof of an hour ahead", true,
        |it| proof_with(it, "iat", json!(it.now_s.saturating_add(3600)));
    "proof.nameless", "T10", Standard, "RFC 9449 §4.2, §4.3", "a proof without a name of its own", true,
        |it| proof_with(it, "jti", Value::Null);
    "proof.none", "T10", Standard, "RFC 9449 §4.3", "a proof without a signature", true,
        |it| headed(it, |header| set(header, "alg", json!("none")));
    "proof.type", "T10", Standard, "RFC 9449 §4.3", "a proof of another type", true,
        |it| headed(it, |header| set(header, "typ", json!("JWT")));
    "proof.private", "T10", Standard, "RFC 9449 §4.3", "a proof with its private key", true,
        |it| headed(it, |header| {
            if let Some(jwk) = header.get_mut("jwk") {
                set(jwk, "d", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"));
            }
        });
}

fn with_proofs(
    it: &Ground,
    proofs: impl FnOnce(&crate::token::Secret) -> Option<Vec<crate::token::Secret>>,
) -> Option<Shown> {
    let token = it.bound()?;
    let proofs = proofs(&token)?;
    Some(dpop(token, proofs))
}

fn proof_with(it: &Ground, name: &str, value: Value) -> Option<Shown> {
    with_proofs(it, |token| Some(vec![it.proof_with(name, value, token)?]))
}

fn headed(it: &Ground, change: fn(&mut Value)) -> Option<Shown> {
    with_proofs(it, |token| Some(vec![it.headed_proof(change, token)?]))
}

fn set(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

/// The audience without its path, where it is a URL with one.
fn parent(audience: &str) -> Option<&str> {
    let (at, _) = audience.match_indices('/').nth(2)?;
    audience.get(..at).filter(|_| audience.len() > at.saturating_add(1))
}

fn other_case(audience: &str) -> Option<String> {
    let parent = parent(audience)?;
    let changed = format!("{parent}{}", audience.strip_prefix(parent)?.to_uppercase());
    Some(changed).filter(|changed| changed != audience)
}

fn other_port(audience: &str) -> Option<String> {
    let url: url::Url = audience.parse().ok()?;
    let mut other = url.clone();
    let port = url.port_or_known_default()?;
    other.set_port(Some(port.checked_add(1).unwrap_or(1024))).ok()?;
    Some(other.into())
}

/// The claims with somebody else as their subject.
fn changed(body: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = URL_SAFE_NO_PAD.decode(body).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.unwrap_or_default().replace(r#""sub":""#, r#""sub":"admin-"#);
    URL_SAFE_NO_PAD.encode(text)
}
