#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::token::Algorithm;
use crate::token::Signer;

/// A file with everything, and what it names.
const WHOLE: &str = r#"
resource = "https://hop1.a.test/mcp"
expected_aud = "api://hop1"
scopes = ["files:read"]
dpop_required = true
nonce_key = "nonce.key"
own = "https://sts.a.test"
apps = true
exceptions = ["127.0.0.1:9001"]

[[trusted]]
issuer = "https://sts.a.test"
jwks_url = "http://127.0.0.1:9001/jwks"

[[trusted]]
issuer = "https://as.a.test"
jwks = "as.jwks.json"
typ = "JWT"
scope_claim = "scp"
client_claims = ["azp"]

[[trusted]]
issuer = "https://opaque.a.test"
introspection = "https://opaque.a.test/introspect"
client_id = "guard"
client_secret = "word.key"

[grants]
url = "http://127.0.0.1:9001/ended"
key = "word.key"

[terminator]
header = "Client-Cert"
form = "rfc9440"
peers = ["::ffff:127.0.0.1"]

[[allow]]
issuer = "https://as.a.test"
sub = "agent"

[[deny]]
issuer = "https://sts.a.test"
sub = "hop9"
"#;

fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let key = Signer::generate(Algorithm::Es256).unwrap();
    write("as.jwks.json", &json!({ "keys": [key.public().jwk()] }).to_string(), 0o644);
    write("none.jwks.json", r#"{"keys":[]}"#, 0o644);
    write("nonce.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o600);
    write("word.key", "0123456789012345678901\n", 0o600);
    write("short.key", "AAAA", 0o600);
    write("open.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o644);
    write("guard.pem", key.to_pem().unwrap().expose(), 0o600);
    write("authorize.toml", text, 0o644);
    folder
}

fn load(text: &str) -> Checked<Protection> {
    Protection::load(&folder(text).path().join("authorize.toml"), || 0)
}

#[test]
fn a_whole_file_is_read() {
    let all = load(WHOLE).unwrap();
    assert_eq!(all.resource.as_str(), "https://hop1.a.test/mcp");
    assert_eq!(all.verifier.audience, "api://hop1");
    let own: Vec<_> = all.verifier.issuers.iter().map(|one| one.is_own).collect();
    assert_eq!(own, [true, false, false]);
    assert!(all.must_be_bound && all.is_for_apps && all.nonces.is_some());
    assert!(all.opaque.is_some() && all.ended.is_some());
    assert_eq!(all.allowed.unwrap().len(), 1);
    assert_eq!(all.denied.len(), 1);
    let terminator = all.terminator.unwrap();
    assert_eq!(terminator.header.as_str(), "client-cert");
    assert!(terminator.peers.contains(&[127, 0, 0, 1].into()), "as it is compared");

    let least = "resource = \"http://127.0.0.1:9000/mcp\"\n[[trusted]]\nissuer = \
                 \"http://127.0.0.1:9001\"\njwks = \"as.jwks.json\"\n";
    let least = load(least).unwrap();
    assert_eq!(least.verifier.audience, "http://127.0.0.1:9000/mcp");
    assert!(least.opaque.is_none() && least.ended.is_none());
    assert!(least.allowed.is_none() && least.terminator.is_none() && !least.is_for_apps);
    let by_key = WHOLE.replace("client_secret = \"word.key\"", "client_key = \"guard.pem\"");
    assert!(load(&by_key).unwrap().opaque.is_some());
}

/// What is wrong in one place, where that is said to be, and why.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("https://hop1.a.test/mcp", "https://hop1.a.test/mcp#a", "resource", "fragment"),
    ("https://hop1.a.test/mcp", "http://hop1.a.test/mcp", "resource", "loopback alone"),
    ("https://hop1.a.test/mcp", "hop1", "resource", "no absolute"),
    ("resource =", "resources =", "line 2", "unknown field `resources`"),
    ("\"api://hop1\"", "\"\"", "expected_aud", "1 to 512"),
    ("\"api://hop1\"", "\"https://as.a.test\"", "expected_aud", "issuer's own name"),
    ("\"api://hop1\"", "[\"a\", \"b\"]", "line 3", "invalid type"),
    ("\"files:read\"", "\"files:read files:write\"", "scopes", "no scope"),
    ("dpop_required = true", "dpop_required = \"no\"", "line 5", "invalid type"),
    ("\"nonce.key\"", "\"short.key\"", "nonce_key", "32 bytes"),
    ("\"nonce.key\"", "\"open.key\"", "nonce_key", "read by others"),
    ("\"nonce.key\"", "\"absent.key\"", "nonce_key", "reading absent.key"),
    ("own = \"https://sts.a.test\"", "own = \"https://b.test\"", "own", "not trusted"),
    ("\"127.0.0.1:9001\"", "\"localhost\"", "line 9", "socket address"),
    (
        "issuer = \"https://as.a.test\"\njwks",
        "issuer = \"as\"\njwks",
        "trusted[2], issuer",
        "no URL",
    ),
    (
        "issuer = \"https://as.a.test\"\njwks",
        "issuer = \"http://as.a.test\"\njwks",
        "trusted[2], issuer",
        "loopback alone",
    ),
    (
        "issuer = \"https://as.a.test\"\njwks",
        "issuer = \"https://sts.a.test\"\njwks",
        "trusted[2]",
        "there already",
    ),
    ("\"as.jwks.json\"", "\"none.jwks.json\"", "trusted[2], jwks", "no key for signatures"),
    ("\"as.jwks.json\"", "\"guard.pem\"", "trusted[2], jwks", "strict JSON"),
    ("jwks = \"as.jwks.json\"", "", "trusted[2]", "from a file or from a URL"),
    (
        "http://127.0.0.1:9001/jwks",
        "http://127.0.0.1:9002/jwks",
        "trusted[1], jwks_url",
        "not https",
    ),
    ("http://127.0.0.1:9001/jwks", "jwks", "trusted[1], jwks_url", "no URL"),
    ("\"scp\"", "\"roles\"", "trusted[2]", "scope_claim"),
    ("[\"azp\"]", "[]", "trusted[2]", "client_claims"),
    ("\"JWT\"", "\"at\"", "line 18", "unknown variant"),
    (
        "https://opaque.a.test/introspect",
        "http://opaque.a.test/introspect",
        "trusted[3], introspection",
        "not https",
    ),
    ("client_id = \"guard\"\n", "", "trusted[3], introspection", "nobody asks"),
    ("client_secret = \"word.key\"", "", "trusted[3], introspection", "one secret or one key"),
    (
        "client_secret = \"word.key\"",
        "client_secret = \"word.key\"\nclient_key = \"guard.pem\"",
        "trusted[3], introspection",
        "one secret or one key",
    ),
    (
        "client_secret = \"word.key\"",
        "client_secret = \"open.key\"",
        "trusted[3], client_secret",
        "read by others",
    ),
    (
        "client_secret = \"word.key\"",
        "client_key = \"word.key\"",
        "trusted[3], client_key",
        "no PEM",
    ),
    (
        "jwks = \"as.jwks.json\"",
        "jwks = \"as.jwks.json\"\nclient_id = \"guard\"",
        "trusted[2], introspection",
        "without an endpoint",
    ),
    (
        "jwks = \"as.jwks.json\"",
        "introspection = \"https://as.a.test/i\"\nclient_id = \"g\"\nclient_secret = \"word.key\"",
        "trusted[3], introspection",
        "nobody can tell",
    ),
    ("own = \"https://sts.a.test\"", "", "grants", "not named"),
    ("http://127.0.0.1:9001/ended", "http://sts.a.test/ended", "grants.url", "not https"),
    ("/ended\"\nkey = \"word.key\"", "/ended\"\nkey = \"short.key\"", "grants.key", "shorter than"),
    (
        "/ended\"\nkey = \"word.key\"",
        "/ended\"\nkey = \"open.key\"",
        "grants.key",
        "read by others",
    ),
    ("\"Client-Cert\"", "\"Client Cert\"", "terminator, header", "no name of a header"),
    ("\"Client-Cert\"", "\"Authorization\"", "terminator, header", "another's"),
    ("[\"::ffff:127.0.0.1\"]", "[]", "terminator, peers", "nobody, or everybody"),
    ("::ffff:127.0.0.1", "0.0.0.0", "terminator, peers", "nobody, or everybody"),
    ("resource =", "policy = \"word.key\"\nresource =", "policy", "word.key"),
    ("resource =", "policy = \"absent.cedar\"\nresource =", "policy", "reading absent.cedar"),
    ("resource =", "edges = \"edges.json\"\nresource =", "edges", "without policies"),
    ("\"rfc9440\"", "\"der\"", "line 34", "unknown variant"),
    ("\"::ffff:127.0.0.1\"", "\"localhost\"", "line 35", "IP address"),
    ("sub = \"agent\"", "sub = \"\"", "allow[1], sub", "1 to 512"),
    ("issuer = \"https://as.a.test\"\nsub", "issuer = \"as\"\nsub", "allow[1], issuer", "no URL"),
    (
        "issuer = \"https://as.a.test\"\nsub = \"agent\"",
        "issuer = \"https://sts.a.test\"\nsub = \"hop9\"",
        "allow",
        "denied as well",
    ),
    ("sub = \"hop9\"", "subject = \"hop9\"", "line 43", "unknown field"),
];

#[test]
fn what_is_wrong_is_refused_with_its_place_and_the_fix() {
    for (from, to, place, what) in WRONG {
        assert!(WHOLE.contains(from), "{from}");
        let text = WHOLE.replacen(from, to, 1);
        let folder = folder(&text);
        let error = Protection::load(&folder.path().join("authorize.toml"), || 0).unwrap_err();
        let in_folder = folder.path().display().to_string() + "/";
        let (said, why) = (error.place.replace(&in_folder, ""), error.what.replace(&in_folder, ""));
        assert_eq!(said, format!("authorize.toml, {place}"), "{to}: {why}");
        assert!(why.contains(what), "{to}: {why}");
        assert!(!error.fix.is_empty(), "{to}");
    }
    let nobody = "resource = \"https://hop1.a.test/mcp\"\n";
    assert!(load(nobody).unwrap_err().what.contains("nobody's tokens"));
    let absent = Protection::load(Path::new("/nowhere/authorize.toml"), || 0).unwrap_err();
    assert!(absent.what.contains("reading"), "{absent}");
}

#[test]
fn issuers_actors_and_terminators_are_bounded() {
    let more = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).fold(String::new(), |mut text, at| {
            write!(text, "\n{}\n", one(at)).unwrap();
            text
        })
    };
    let issuer =
        |at| format!("[[trusted]]\nissuer = \"https://{at}.test\"\njwks = \"as.jwks.json\"");
    let all = |count| WHOLE.to_owned() + &more(count, &issuer);
    assert!(load(&all(limits::TRUSTED_MAX - 3)).is_ok());
    assert!(load(&all(limits::TRUSTED_MAX - 2)).unwrap_err().what.contains("more than"));
    for name in ["allow", "deny"] {
        let actor = |at| format!("[[{name}]]\nissuer = \"https://as.a.test\"\nsub = \"{at}\"");
        let all = |count| WHOLE.to_owned() + &more(count, &actor);
        assert!(load(&all(limits::ACTORS_LISTED_MAX - 1)).is_ok(), "{name}");
        let refused = load(&all(limits::ACTORS_LISTED_MAX)).unwrap_err();
        assert!(refused.place.ends_with(name) && refused.what.contains("more than"), "{refused}");
    }
}
