//! What can be wrong: one table, from which reports and documentation are made.

use serde_json::{Value, json};

use crate::limits;

macro_rules! kinds {
    ($($name:ident = $code:literal, $probe:literal, $rank:literal, $section:literal,
       $what:literal, $fix:literal;)*) => {
        $(#[doc = $what] pub(super) const $name: Kind = Kind {
            code: $code, probe: $probe, rank: $rank, section: $section, what: $what, fix: $fix,
        };)*

        /// Every finding's code, with its sentence.
        pub const CODES: &[(&str, &str)] = &[$(($code, $what),)*];

        /// Every kind of finding.
        #[cfg(test)]
        pub(in crate::provider) const KINDS: &[Kind] = &[$($name,)*];
    };
}

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its stable code.
    pub code: &'static str,
    /// The probe that finds it, 1 to 19.
    pub probe: u8,
    /// 1 a hole on a server of one's own, 2 breaks all clients, 3 some or a feature, 4 advice.
    pub rank: u8,
    /// What it violates.
    pub section: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// Something that is wrong, with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: Kind,
    /// Whom it is about: the server's identifier, or an issuer.
    pub about: String,
    /// Where: a URL, a member, a claim.
    pub place: String,
    /// What was said there, cut.
    pub said: Option<String>,
    /// What helps with this deployment.
    pub hints: Vec<&'static str>,
    /// Configuration to paste.
    pub paste: Option<String>,
    /// Findings that go when this one does.
    pub consequences: Vec<Finding>,
}

impl Finding {
    /// One of `kind`.
    pub(super) fn new(kind: Kind, about: &str, place: impl Into<String>) -> Self {
        Self {
            kind,
            about: quoted(about),
            place: quoted(&place.into()),
            said: None,
            hints: Vec::new(),
            paste: None,
            consequences: Vec::new(),
        }
    }

    /// With what was said.
    pub(super) fn said(self, text: impl AsRef<str>) -> Self {
        Self { said: Some(quoted(text.as_ref())), ..self }
    }

    /// With configuration to paste.
    pub(super) fn paste(self, text: impl Into<String>) -> Self {
        Self { paste: Some(text.into()), ..self }
    }

    /// As JSON.
    pub fn to_value(&self) -> Value {
        let consequences: Vec<Value> = self.consequences.iter().map(Self::to_value).collect();
        json!({
            "code": self.kind.code, "probe": self.kind.probe, "rank": self.kind.rank,
            "about": self.about, "place": self.place, "what": self.kind.what, "said": self.said,
            "section": self.kind.section, "fix": self.kind.fix, "hints": self.hints,
            "paste": self.paste, "consequences": consequences,
        })
    }
}

/// What a report shows of a text of others.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(limits::DOCTOR_QUOTED_CHARS_MAX).collect();
    if text.chars().nth(limits::DOCTOR_QUOTED_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Root causes first, by rank, probe and place; what follows from one is folded under it.
pub(super) fn ranked(findings: &[Finding]) -> Vec<Finding> {
    let causes = |effect: &Finding, of: &Finding| {
        let is_listed = |(cause, effects): &&(&str, &[&str])| {
            *cause == of.kind.code && effects.contains(&effect.kind.code)
        };
        // A clock is wrong for everybody; all else follows for the one it is about.
        let is_near = of.about == effect.about || of.kind == CLOCK_OFFSET;
        is_near && EFFECTS.iter().any(|row| is_listed(&row))
    };
    let is_effect = |one: &Finding| findings.iter().any(|of| causes(one, of));
    let (effects, mut roots): (Vec<_>, Vec<_>) = findings.iter().cloned().partition(is_effect);
    let key = |it: &Finding| (it.kind.rank, it.kind.probe, it.about.clone(), it.place.clone());
    roots.sort_by_key(key);
    for effect in effects {
        // An effect of an effect is an effect of its root: chains in the table are two long.
        let root = roots.iter().position(|root| causes(&effect, root)).or_else(|| {
            let middle = findings.iter().find(|of| causes(&effect, of));
            middle.and_then(|middle| roots.iter().position(|root| causes(middle, root)))
        });
        match root.and_then(|at| roots.get_mut(at)) {
            Some(root) => root.consequences.push(effect),
            None => roots.push(effect),
        }
    }
    for root in &mut roots {
        root.consequences.sort_by_key(key);
    }
    roots
}

/// A cause, and what goes when it does.
const EFFECTS: &[(&str, &[&str])] = &[
    ("authz.doctor.unsafe-fetch", UNREAD),
    ("authz.doctor.document-too-large", UNREAD),
    ("authz.doctor.document-slow", UNREAD),
    ("authz.doctor.unreachable", UNREAD),
    ("authz.doctor.issuer-mismatch", UNREAD),
    ("authz.doctor.issuer-metadata-invalid", UNREAD),
    ("authz.doctor.resource-metadata-invalid", UNREAD),
    ("authz.doctor.resource-metadata-missing", &["authz.doctor.challenge-without-metadata"]),
    ("authz.doctor.jwks-private-key", &["authz.doctor.token-signature"]),
    ("authz.doctor.jwks-unreadable", &["authz.doctor.token-signature"]),
    ("authz.doctor.clock-offset", &["authz.doctor.token-time", "authz.doctor.token-refused"]),
    ("authz.doctor.audience-mismatch", &["authz.doctor.token-refused"]),
    ("authz.doctor.token-signature", &["authz.doctor.token-refused"]),
];

const UNREAD: &[&str] = &[
    "authz.doctor.resource-metadata-missing",
    "authz.doctor.issuer-metadata-missing",
    "authz.doctor.issuer-one-form",
    "authz.doctor.challenge-without-metadata",
];

kinds! {
    NOT_CHALLENGED = "authz.doctor.not-challenged", 1, 2, "RFC 9728 §5.1, RFC 6750 §3",
        "A call without a token is answered otherwise than with 401.",
        "answer every request without a token with 401 and a challenge";
    CHALLENGE_MISSING = "authz.doctor.challenge-missing", 1, 2, "RFC 9110 §11.6.1, RFC 6750 §3",
        "The 401 has no challenge of the schemes Bearer or DPoP.",
        "send `WWW-Authenticate` with each 401";
    CHALLENGE_MALFORMED = "authz.doctor.challenge-malformed", 1, 2, "RFC 9110 §11.6.1",
        "The challenge cannot be read in one way only.",
        "write each parameter once, as NAME=\"VALUE\"";
    CHALLENGE_WITHOUT_METADATA = "authz.doctor.challenge-without-metadata", 1, 3, "RFC 9728 §5.1",
        "The challenge does not say where the resource metadata is.",
        "add `resource_metadata` to the challenge: some clients look nowhere else";
    CHALLENGE_WITHOUT_SCOPE = "authz.doctor.challenge-without-scope", 1, 4, "RFC 6750 §3",
        "The challenge names no scope.",
        "name every scope that the request needs";
    CHALLENGE_WITH_ERROR = "authz.doctor.challenge-with-error", 1, 4, "RFC 6750 §3.1",
        "The challenge reports an error though no token was shown.",
        "leave `error` out where there was no credential";
    RESOURCE_METADATA_MISSING = "authz.doctor.resource-metadata-missing", 2, 2, "RFC 9728 §3.1",
        "No place has metadata of the resource.",
        "serve the document at the well-known path";
    RESOURCE_METADATA_INVALID = "authz.doctor.resource-metadata-invalid", 2, 2, "RFC 9728 §2, §3.2",
        "The resource metadata cannot be read, or has a member that is not what it has to be.",
        "serve strict JSON whose members have their types";
    RESOURCE_MISMATCH = "authz.doctor.resource-mismatch", 2, 2, "RFC 9728 §3.3",
        "The metadata is about another resource than the URL in use.",
        "make `resource` identical to the URL that clients use, slash for slash";
    RESOURCE_METADATA_DIFFERS = "authz.doctor.resource-metadata-differs", 2, 3, "RFC 9728 §3.1",
        "Two places say different things of the same resource.",
        "serve one document at both";
    ISSUERS_MISSING = "authz.doctor.issuers-missing", 2, 2, "RFC 9728 §2",
        "The resource metadata names no authorization server.",
        "name at least one issuer";
    ISSUER_METADATA_MISSING = "authz.doctor.issuer-metadata-missing", 3, 2, "RFC 8414 §3",
        "None of the three places has metadata of the issuer.",
        "serve metadata at the first place, and at that of OpenID Connect";
    ISSUER_METADATA_INVALID = "authz.doctor.issuer-metadata-invalid", 3, 2, "RFC 8414 §2, §3.2",
        "The issuer's metadata cannot be read, or has a member that is not what it has to be.",
        "serve strict JSON whose members have their types";
    ISSUER_MISMATCH = "authz.doctor.issuer-mismatch", 3, 2, "RFC 8414 §3.3",
        "The metadata is of another issuer than the one that was asked for.",
        "make `issuer` the string that the resource metadata names";
    ISSUER_ONE_FORM = "authz.doctor.issuer-one-form", 3, 3, "RFC 8414 §3.1, §5",
        "One place only has metadata of the issuer; clients that know another one fail.",
        "serve the same document at the other places";
    ISSUER_UNPINNED = "authz.doctor.issuer-unpinned", 3, 3, "RFC 9207 §2.4",
        "The issuer stands for several tenants, and its tokens name the real one.",
        "name the tenant";
    PKCE_MISSING = "authz.doctor.pkce-missing", 4, 2, "RFC 8414 §2, RFC 7636 §4.2",
        "The issuer does not say that it supports PKCE with S256: MCP clients have to refuse.",
        "advertise S256";
    PKCE_ASSUMED = "authz.doctor.pkce-assumed", 4, 4, "RFC 8414 §2",
        "The issuer does not advertise S256 and is known to support it: its profile assumes so.",
        "nothing, for clients with the profile; others refuse";
    PKCE_PLAIN = "authz.doctor.pkce-plain", 4, 3, "RFC 7636 §4.2, RFC 9700 §2.1.1",
        "The issuer also supports the method `plain`, which protects nothing.",
        "support S256 alone";
    ISS_MISSING = "authz.doctor.iss-missing", 5, 3, "RFC 9207 §2.4, §3",
        "Authorization responses do not say who answers: clients of several issuers can be confused.",
        "send `iss` and advertise it";
    REGISTRATION_MISSING = "authz.doctor.registration-missing", 6, 2, "RFC 7591 §2; CIMD",
        "No client becomes known by itself: neither by a metadata document nor by registration.",
        "support client metadata documents";
    REGISTRATION_MANUAL = "authz.doctor.registration-manual", 6, 3, "RFC 7591 §2; CIMD",
        "Clients have to be registered by an administrator first.",
        "register each client, or support client metadata documents";
    REGISTRATION_UNUSABLE = "authz.doctor.registration-unusable", 6, 3, "RFC 8414 §2; CIMD",
        "Clients may be documents, but no method of authentication is without a shared secret.",
        "allow `none` or `private_key_jwt` at the token endpoint";
    JWKS_MISSING = "authz.doctor.jwks-missing", 7, 3, "RFC 8414 §2",
        "The metadata does not say where the keys are.",
        "name `jwks_uri`";
    JWKS_UNREADABLE = "authz.doctor.jwks-unreadable", 7, 3, "RFC 7517 §5",
        "The keys cannot be fetched or read.",
        "serve a JWKS of public keys as strict JSON";
    JWKS_PRIVATE_KEY = "authz.doctor.jwks-private-key", 7, 1, "RFC 7517 §9.2",
        "The published keys hold a private or a shared one: whoever read it can sign.",
        "withdraw the key now, end what it signed, publish public members only";
    JWKS_ALGORITHM = "authz.doctor.jwks-algorithm", 7, 3, "RFC 8725 §3.1",
        "A key does not say which algorithm it is for.",
        "give each key its `alg`";
    JWKS_DUPLICATE = "authz.doctor.jwks-duplicate", 7, 3, "RFC 7517 §4.5",
        "Two keys have one `kid`.",
        "give each key a `kid` of its own";
    ISSUER_UNFIT = "authz.doctor.issuer-unfit", 8, 1, "RFC 8707 §2, RFC 9068 §2.2",
        "The issuer's tokens are for nobody in particular: one for another server passes here.",
        "use an issuer that stamps an audience";
    AUDIENCE_MISSING = "authz.doctor.audience-missing", 8, 1, "RFC 8707 §2, RFC 9068 §2.2",
        "A token for the server has no audience, or cannot be read.",
        "have the issuer stamp one; never skip the check";
    AUDIENCE_MULTIPLE = "authz.doctor.audience-multiple", 8, 1, "RFC 9068 §2.2",
        "A token has several audiences: each of them can use it at the others.",
        "have the issuer stamp one";
    AUDIENCE_MISMATCH = "authz.doctor.audience-mismatch", 8, 1, "RFC 8707 §2, RFC 9068 §2.2",
        "A token for the server has another audience than is expected.",
        "configure the issuer, or `expected_aud` if the value is the server's own";
    UNKNOWN_RESOURCE_ISSUED = "authz.doctor.unknown-resource-issued", 9, 1, "RFC 8707 §2",
        "The issuer stamps an audience that nobody declared.",
        "declare the resources, and answer others with `invalid_target`";
    UNKNOWN_RESOURCE_IGNORED = "authz.doctor.unknown-resource-ignored", 9, 3, "RFC 8707 §2",
        "The issuer ignores a resource that it does not know and issues a token all the same.",
        "answer with `invalid_target`";
    TOKEN_REQUEST_REFUSED = "authz.doctor.token-request-refused", 8, 3, "RFC 6749 §5.2",
        "The issuer refuses a token for the server.",
        "let the client have one by client credentials, or leave the probe out";
    TOKEN_SIGNATURE = "authz.doctor.token-signature", 10, 2, "RFC 9068 §4",
        "A token does not verify by the issuer's published keys.",
        "sign with a published key, by its algorithm";
    TOKEN_TYPE = "authz.doctor.token-type", 10, 3, "RFC 9068 §2.1",
        "A token's `typ` is not that of an access token.",
        "issue `at+jwt`";
    TOKEN_ISSUER = "authz.doctor.token-issuer", 10, 3, "RFC 9068 §2.2",
        "A token's `iss` is not the issuer.",
        "stamp the issuer as its metadata has it";
    TOKEN_TIME = "authz.doctor.token-time", 10, 3, "RFC 9068 §2.2",
        "A token has no whole `exp`, is over, or not yet valid.",
        "stamp `exp` and `iat` as whole seconds";
    TOKEN_CLAIMS = "authz.doctor.token-claims", 10, 3, "RFC 9068 §2.2",
        "A token lacks a claim that servers decide by.",
        "stamp the client and the scopes";
    INTROSPECTION_MISSING = "authz.doctor.introspection-missing", 11, 3, "RFC 7662 §2",
        "Tokens are opaque, and the metadata names no place to look them up.",
        "name `introspection_endpoint`, or issue JWTs";
    INTROSPECTION_INCOMPLETE = "authz.doctor.introspection-incomplete", 11, 3, "RFC 7662 §2.2",
        "A fresh token is not called active, or its audience or client is not told.",
        "answer with `active`, `aud` and `client_id`, and `cnf` of bound tokens";
    SCOPE_SILENT = "authz.doctor.scope-silent", 12, 3, "RFC 6749 §3.3",
        "The scope that was granted is another than was asked for, and the response does not say so.",
        "send `scope` in the response";
    STEP_UP_INCOMPLETE = "authz.doctor.step-up-incomplete", 13, 3, "RFC 6750 §3.1",
        "A 403 does not name all scopes that the call needs in one challenge.",
        "send one challenge with `insufficient_scope` and every scope";
    TOKEN_REFUSED = "authz.doctor.token-refused", 13, 2, "RFC 6750 §3.1",
        "The server refuses a fresh token that is for it.",
        "compare the server's expected issuer, audience and keys with the token's";
    DPOP_ALGORITHMS = "authz.doctor.dpop-algorithms", 14, 3, "RFC 9449 §5.1; RFC 9728 §2",
        "Server and issuer have no algorithm of proofs in common, or name one that protects nothing.",
        "advertise ES256 at both";
    DPOP_IGNORED = "authz.doctor.dpop-ignored", 14, 3, "RFC 9449 §5, §6.1",
        "The issuer advertises DPoP, and does not bind a token that is asked for with a proof.",
        "stamp `cnf.jkt` and answer with `token_type` DPoP";
    EXCHANGE_UNBOUND = "authz.doctor.exchange-unbound", 16, 1, "RFC 9449 §6; our X8",
        "A bound token is exchanged without a proof: who stole it holds a free one.",
        "ask for the holder's proof, and bind what is issued";
    UNSAFE_FETCH = "authz.doctor.unsafe-fetch", 17, 1, "RFC 9728 §7.7",
        "A document leads to an address or a redirect that no client may follow.",
        "serve it where it is asked for, on a public address over https";
    ENDPOINT_PLAIN = "authz.doctor.endpoint-plain", 17, 1, "RFC 8414 §2, RFC 6749 §3.1, §3.2",
        "An endpoint is no https URL.",
        "serve it over https";
    ENDPOINT_PRIVATE = "authz.doctor.endpoint-private", 17, 1, "RFC 9728 §7.7",
        "An endpoint leads to a private, local or reserved address.",
        "name public endpoints only";
    DOCUMENT_TOO_LARGE = "authz.doctor.document-too-large", 17, 2, "RFC 9728 §7.7",
        "A document is longer than 64 KiB, and clients stop reading.",
        "serve the document that is meant";
    DOCUMENT_SLOW = "authz.doctor.document-slow", 17, 2, "RFC 9728 §7.7",
        "A document takes longer than five seconds.",
        "serve it from memory";
    UNREACHABLE = "authz.doctor.unreachable", 17, 2, "RFC 8414 §3, RFC 9728 §3",
        "Nobody answers where a document or an endpoint should be.",
        "check name, port and certificate";
    TOKEN_CACHEABLE = "authz.doctor.token-cacheable", 18, 4, "RFC 6749 §5.1",
        "A response with a token may be stored on its way.",
        "send `Cache-Control: no-store`";
    CLOCK_OFFSET = "authz.doctor.clock-offset", 19, 2, "RFC 9449 §11.1",
        "The clock is more than five minutes from this machine's.",
        "run NTP on both";
    ACCEPTS_FORGED = "authz.doctor.accepts-forged", 8, 1, "RFC 8725 §3.1",
        "The server accepts a token that nobody signed, or that is signed with a public key.",
        "fix the algorithm by the key, never by the header";
    ACCEPTS_FOREIGN = "authz.doctor.accepts-foreign", 8, 1, "RFC 9068 §4, RFC 8707 §2",
        "The server accepts a token for another server.",
        "compare `aud` with the server's own, byte for byte";
    ACCEPTS_QUERY = "authz.doctor.accepts-query", 1, 1, "RFC 6750 §2.3",
        "The server accepts a token in the query, where it ends in logs.",
        "read the `Authorization` header alone";
    ACCEPTS_BOUND_AS_BEARER = "authz.doctor.accepts-bound-as-bearer", 14, 1, "RFC 9449 §7.2",
        "The server accepts a bound token without its proof.",
        "refuse the scheme Bearer for tokens with `cnf`";
    ACCEPTS_REPLAY = "authz.doctor.accepts-replay", 14, 1, "RFC 9449 §11.1",
        "The server accepts the same proof twice.",
        "remember the `jti` of proofs for as long as they are accepted";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::provider::fixes::FIXES;

    #[test]
    fn every_code_stands_once_in_the_order_of_its_family() {
        let codes: BTreeSet<_> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), CODES.len());
        for kind in KINDS {
            let word = kind.code.strip_prefix("authz.doctor.").unwrap_or_default();
            assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert!((1..=19).contains(&kind.probe) && (1..=4).contains(&kind.rank), "{kind:?}");
            assert!(kind.what.ends_with('.') && !kind.fix.ends_with('.'), "{kind:?}");
            assert!(!kind.section.is_empty());
        }
        let named = EFFECTS.iter().flat_map(|(cause, effects)| effects.iter().chain([cause]));
        for code in named.chain(FIXES.iter().map(|(_, code, _)| code)) {
            assert!(codes.contains(code), "{code}");
        }
    }

    #[test]
    fn what_follows_stands_under_its_cause_and_causes_stand_by_rank() {
        let (a, b) = ("https://a.example/mcp", "https://b.example/mcp");
        let found = [
            Finding::new(CHALLENGE_WITHOUT_SCOPE, a, "x"),
            Finding::new(CHALLENGE_WITHOUT_METADATA, a, "x"),
            Finding::new(RESOURCE_METADATA_MISSING, a, "x"),
            Finding::new(UNSAFE_FETCH, a, "x"),
            Finding::new(RESOURCE_METADATA_MISSING, b, "x"),
            Finding::new(TOKEN_TIME, b, "exp"),
            Finding::new(CLOCK_OFFSET, a, "x"),
        ];
        let ranked = ranked(&found);
        let said = |list: &[Finding]| -> Vec<(&str, String)> {
            list.iter().map(|it| (it.kind.code, it.about.clone())).collect()
        };
        let of = |kind: Kind, about: &str| (kind.code, about.to_owned());
        assert_eq!(
            said(&ranked),
            [
                of(UNSAFE_FETCH, a),
                of(RESOURCE_METADATA_MISSING, b),
                of(CLOCK_OFFSET, a),
                of(CHALLENGE_WITHOUT_SCOPE, a),
            ]
        );
        let effects = [of(RESOURCE_METADATA_MISSING, a), of(CHALLENGE_WITHOUT_METADATA, a)];
        let said_effects: BTreeSet<_> = said(&ranked[0].consequences).into_iter().collect();
        assert_eq!(said_effects, effects.into_iter().collect());
        assert_eq!(said(&ranked[2].consequences), [of(TOKEN_TIME, b)]);
    }

    #[test]
    fn what_others_wrote_is_cut() {
        let limit = limits::DOCTOR_QUOTED_CHARS_MAX;
        assert_eq!(quoted(&"é".repeat(limit)), "é".repeat(limit));
        assert_eq!(quoted(&"é".repeat(limit + 1)), "é".repeat(limit) + "…");
    }
}
