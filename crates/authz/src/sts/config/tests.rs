#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::limits;
use crate::token::{Algorithm, Signer};

/// A folder with a configuration that holds, and everything that it names.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let keys: Vec<Signer> = (0..4).map(|_| Signer::generate(Algorithm::Es256).unwrap()).collect();
    let jwks = |key: &Signer| json!({ "keys": [key.public().jwk()] });
    write("current.pem", keys[0].to_pem().unwrap().expose(), 0o600);
    write("next.pem", keys[1].to_pem().unwrap().expose(), 0o600);
    write("old.jwk", &keys[2].public().jwk().to_string(), 0o644);
    write("as.jwks.json", &jwks(&keys[3]).to_string(), 0o644);
    write("hop1.jwks.json", &jwks(&keys[3]).to_string(), 0o644);
    write("none.jwks.json", r#"{"keys":[]}"#, 0o644);
    write("nonce.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o600);
    write("subject.key", "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o600);
    write("short.key", "AAAA", 0o600);
    write("open.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o644);
    write("own.cedar", policy::DEFAULT, 0o644);
    write(
        "bad.cedar",
        "@id(\"a\")\nforbid (principal, action, resource) when { context.x };",
        0o644,
    );
    let document = json!({
        "client_id": "https://hop2.a.test/client.json",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": jwks(&keys[3]),
    });
    write("client.json", &document.to_string(), 0o644);
    let mut secret = document.clone();
    secret["token_endpoint_auth_method"] = json!("client_secret_basic");
    write("secret.json", &secret.to_string(), 0o644);
    let mut bare = document;
    bare["client_id"] = json!("https://hop2.a.test/");
    write("bare.json", &bare.to_string(), 0o644);
    write("edges.json", &edges("https://hop1.a.test/mcp", "hop1").to_string(), 0o644);
    write("stranger.json", &edges("https://hop1.a.test/mcp", "hop9").to_string(), 0o644);
    write("own.json", &edges("https://sts.a.test", "hop1").to_string(), 0o644);
    let mut unknown = edges("https://hop1.a.test/mcp", "hop1");
    unknown["edges"][0]["to"] = json!("https://hop7.a.test/mcp");
    write("unknown.json", &unknown.to_string(), 0o644);
    let mut overlap = edges("https://hop1.a.test/mcp", "hop1");
    overlap["servers"][1]["audience"] = json!("https://hop1.a.test/mcp");
    write("overlap.json", &overlap.to_string(), 0o644);
    write("sts.toml", CONFIG, 0o600);
    folder
}

fn edges(audience: &str, client: &str) -> serde_json::Value {
    json!({
        "version": 1,
        "servers": [
            { "resource": "https://hop1.a.test/mcp", "audience": audience, "client": client,
              "scopes": ["files:read"] },
            { "resource": "https://hop2.a.test/mcp", "scopes": ["doc:get"] },
        ],
        "edges": [{ "from": "https://hop1.a.test/mcp", "client": client,
                    "to": "https://hop2.a.test/mcp", "scopes": { "files:read": ["doc:get"] } }],
    })
}

const CONFIG: &str = r#"
issuer = "https://sts.a.test"
edges = "edges.json"

[keys]
current = "current.pem"
next = "next.pem"
retired = ["old.jwk"]

[[trusted]]
issuer = "https://as.a.test"
jwks = "as.jwks.json"

[[trusted]]
issuer = "https://as.b.test/"
jwks_url = "https://as.b.test/jwks"
typ = "JWT"
scope_claim = "scp"
client_claims = ["azp", "client_id"]

[[client]]
id = "hop1"
jwks = "hop1.jwks.json"

[[client]]
document = "client.json"
"#;

/// What is said of the configuration with `from` replaced by `to`.
fn refused(from: &str, to: &str) -> (String, String) {
    let folder = folder();
    assert!(CONFIG.contains(from), "{from}");
    let path = folder.path().join("sts.toml");
    fs::write(&path, CONFIG.replacen(from, to, 1)).unwrap();
    let error = Config::load(&path).unwrap_err();
    assert!(!error.fix.is_empty(), "{error}");
    let place = error.place.split_once(", ").map_or("", |(_, place)| place).to_owned();
    let in_folder = folder.path().display().to_string() + "/";
    (place.replace(&in_folder, ""), error.what.replace(&in_folder, ""))
}

#[test]
fn a_whole_configuration_is_read() {
    let folder = folder();
    let config = Config::load(&folder.path().join("sts.toml")).unwrap();
    assert_eq!(config.issuer, "https://sts.a.test");
    assert_eq!(config.keys.published().0.len(), 3);
    let [first, second] = config.trusted.as_slice() else { unreachable!() };
    assert!(first.pinned.url.is_none() && first.issuer.keys.borrow().0.len() == 1);
    assert_eq!(second.pinned.url.as_ref().unwrap().as_str(), "https://as.b.test/jwks");
    assert_eq!(second.issuer.scope_claim, "scp");
    let names: Vec<_> = config.clients.iter().map(|client| client.id.as_str()).collect();
    assert_eq!(names, ["hop1", "https://hop2.a.test/client.json"]);
    assert_eq!(config.grants, format!("sqlite:{}", folder.path().join("grants.db").display()));
    assert_eq!((config.lifetimes.token_s, config.lifetimes.depth_max), (300, 3));
    assert!(config.authzen_key.is_none(), "no decision endpoint unasked");
    let path = folder.path().join("sts.toml");
    let own = CONFIG.replace("[keys]", "policy = 'own.cedar'\nauthzen_key = 'nonce.key'\n[keys]");
    fs::write(&path, own).unwrap();
    let own = Config::load(&path).unwrap();
    assert_eq!(own.authzen_key.unwrap().expose().len(), 43);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_wrong_is_refused_with_its_place() {
    let issuer = r#""https://sts.a.test""#;
    for (from, to, place, what) in [
        (issuer, r#""http://sts.a.test""#, "issuer", "http is accepted on loopback alone"),
        (issuer, r#""https://sts.a.test/""#, "issuer", "one form"),
        (issuer, r#""https://STS.a.test""#, "issuer", "one form"),
        (issuer, r#""https://sts.a.test?x=1""#, "issuer", "no query"),
        (issuer, r#""sts""#, "issuer", "no URL"),
        (r#""edges.json""#, r#""unknown.json""#, "edges, unknown.json, /edges/0/to", "no server"),
        (r#""edges.json""#, r#""overlap.json""#, "edges, overlap.json, /servers/1", "audience"),
        (
            r#""edges.json""#,
            r#""stranger.json""#,
            "edges, stranger.json, /edges/0/client",
            "no client",
        ),
        (r#""edges.json""#, r#""own.json""#, "edges, own.json, /edges/0/from", "own issuer"),
        (r#""edges.json""#, r#""gone.json""#, "edges", "reading gone.json"),
        (r#""current.pem""#, r#""next.pem""#, "keys", "twice"),
        (r#""current.pem""#, r#""old.jwk""#, "keys, current", "can be read by others (mode 644)"),
        (r#""current.pem""#, r#""nonce.key""#, "keys, current", "nonce.key"),
        (r#""old.jwk""#, r#""client.json""#, "keys, retired[1]", "key"),
        (r#""https://as.b.test/""#, r#""https://as.a.test""#, "trusted[2]", "there already"),
        (r#""https://as.b.test/""#, r#""https://sts.a.test""#, "trusted[2]", "there already"),
        (r#""https://as.b.test/""#, r#""http://as.b.test""#, "trusted[2], issuer", "loopback"),
        (r#""https://as.b.test/jwks""#, r#""http://as.b.test/""#, "trusted[2], jwks_url", "https"),
        (r#""as.jwks.json""#, r#""none.jwks.json""#, "trusted[1], jwks", "no key"),
        ("jwks_url =", "jwks = 'as.jwks.json'\njwks_url =", "trusted[2]", "from a file or"),
        (r#""scp""#, r#""scopes""#, "trusted[2]", "scope_claim"),
        (r#""hop1""#, r#""https://hop2.a.test/client.json""#, "client[2]", "there already"),
        (r#""hop1.jwks.json""#, r#""none.jwks.json""#, "client[1], jwks", "no key"),
        (r#"id = "hop1""#, "document = 'client.json'", "client[1]", "`id` with `jwks`"),
        (r#""client.json""#, r#""secret.json""#, "client[2], document", "private_key_jwt"),
        (
            r#"document = "client.json""#,
            "document_url = 'http://c.test/c.json'",
            "client[2], document_url",
            "https",
        ),
        (
            r#"document = "client.json""#,
            "document_url = 'https://c.test/'",
            "client[2], document_url",
            "has a path",
        ),
        (
            r#"document = "client.json""#,
            "document_url = 'https://C.test/c.json'",
            "client[2], document_url",
            "one form",
        ),
        (r#"typ = "JWT""#, "client_id = 'us'", "trusted[2], introspection", "without an endpoint"),
        (
            r#"typ = "JWT""#,
            "introspection = 'https://as.b.test/i'",
            "trusted[2], introspection",
            "nobody asks",
        ),
        (
            r#"typ = "JWT""#,
            "introspection = 'http://as.b.test/i'",
            "trusted[2], introspection",
            "https",
        ),
        (
            r#"typ = "JWT""#,
            "introspection = 'https://as.b.test/i'\nclient_id = 'us'",
            "trusted[2], introspection",
            "one secret or one key",
        ),
        ("document =", "document_url = 'https://c.test/c'\ndocument =", "client[2]", "or a"),
        ("[keys]", "[terminator]\npeers = []\n[keys]", "terminator, peers", "nobody, or everybody"),
        (
            "[keys]",
            "[terminator]\npeers = ['0.0.0.0']\n[keys]",
            "terminator, peers",
            "nobody, or everybody",
        ),
        (
            "[keys]",
            "[terminator]\npeers = ['10.0.0.7']\nheader = 'a b'\n[keys]",
            "terminator, header",
            "no name of a header",
        ),
        (r#""client.json""#, r#""bare.json""#, "client[2], document", "no URL with a path"),
        ("[keys]", "[lifetimes]\ntoken_s = 301\n[keys]", "lifetimes.token_s", "6 to 300"),
        ("[keys]", "[lifetimes]\ntoken_s = 5\n[keys]", "lifetimes.token_s", "6 to 300"),
        ("[keys]", "[lifetimes]\ndepth_max = 11\n[keys]", "lifetimes.depth_max", "10"),
        ("[keys]", "nonce_key = 'short.key'\n[keys]", "nonce_key", "32 bytes"),
        ("[keys]", "policy = 'bad.cedar'\n[keys]", "policy", "bad.cedar:2:"),
        ("[keys]", "policy = 'gone.cedar'\n[keys]", "policy", "reading gone.cedar"),
        ("[keys]", "authzen_key = 'short.key'\n[keys]", "authzen_key", "shorter than 22"),
        ("[keys]", "authzen_key = 'open.key'\n[keys]", "authzen_key", "read by others"),
        ("[keys]", "subject_key = 'short.key'\n[keys]", "subject_key", "32 bytes"),
        ("[keys]", "policy = 'edges.json'\n[keys]", "policy", "edges.json"),
        ("[keys]", "home = 'https://as.x.test'\n[keys]", "home", "no issuer"),
        ("[keys]", "grants = 'mysql://x'\n[keys]", "grants", "no database"),
        ("[keys]", "grants = 'postgres://u:secret@h/d'\n[keys]", "grants", "password"),
        ("[keys]", "colour = 1\n[keys]", "line 5", "unknown field"),
        (r#"typ = "JWT""#, r#"typ = "jwt""#, "line 17", "unknown variant"),
    ] {
        let (found, said) = refused(from, to);
        assert_eq!(found, place, "{from} -> {to}: {said}");
        assert!(said.contains(what), "{from} -> {to}: {said}");
        assert!(!said.contains("secret@"), "{said}");
    }
}

#[test]
fn the_numbers_of_issuers_and_clients_are_bounded() {
    let more = |section: &str, count: usize| -> String {
        (0..count).map(|at| section.replace('#', &at.to_string())).collect()
    };
    let issuer = "[[trusted]]\nissuer = 'https://i#.test'\njwks = 'as.jwks.json'\n";
    let folder = folder();
    let path = folder.path().join("sts.toml");
    for (count, is_fine) in [(limits::TRUSTED_MAX - 2, true), (limits::TRUSTED_MAX - 1, false)] {
        fs::write(&path, CONFIG.to_owned() + &more(issuer, count)).unwrap();
        assert_eq!(Config::load(&path).is_ok(), is_fine, "{count}");
    }
    let client = "[[client]]\nid = 'c#'\njwks = 'as.jwks.json'\n";
    for (count, is_fine) in [(limits::CLIENTS_MAX - 2, true), (limits::CLIENTS_MAX - 1, false)] {
        fs::write(&path, CONFIG.to_owned() + &more(client, count)).unwrap();
        assert_eq!(Config::load(&path).is_ok(), is_fine, "{count}");
    }
    let key = |at: usize| Signer::generate(Algorithm::Es256).map(|key| (at, key)).unwrap();
    for (at, key) in (0..=limits::RETIRED_KEYS_MAX).map(key) {
        fs::write(folder.path().join(format!("{at}.jwk")), key.public().jwk().to_string()).unwrap();
    }
    for (count, is_fine) in
        [(limits::RETIRED_KEYS_MAX, true), (limits::RETIRED_KEYS_MAX + 1, false)]
    {
        let files: Vec<_> = (0..count).map(|at| format!("'{at}.jwk'")).collect();
        let retired = format!("[{}]", files.join(", "));
        fs::write(&path, CONFIG.replace(r#"["old.jwk"]"#, &retired)).unwrap();
        assert_eq!(Config::load(&path).is_ok(), is_fine, "{count}");
    }
    let accept = "[[accept]]\nissuer = 'https://i#.test'\njwks = 'as.jwks.json'\n\
                  resources = ['https://hop1.a.test/mcp']\n";
    for (count, is_fine) in [(limits::DOMAINS_MAX, true), (limits::DOMAINS_MAX + 1, false)] {
        fs::write(&path, CONFIG.to_owned() + &more(accept, count)).unwrap();
        assert_eq!(Config::load(&path).is_ok(), is_fine, "{count}");
    }
    let padding = "#".repeat(usize::try_from(limits::CONFIG_BYTES_MAX).unwrap() - CONFIG.len());
    fs::write(&path, CONFIG.to_owned() + &padding).unwrap();
    assert!(Config::load(&path).is_ok());
    fs::write(&path, CONFIG.to_owned() + &padding + "#").unwrap();
    assert!(Config::load(&path).unwrap_err().what.contains("longer"));
}

#[test]
fn the_commented_file_has_every_member() {
    let raw = raw::parse(include_str!("../../../../../docs/sts.toml")).unwrap();
    assert_eq!((raw.trusted.len(), raw.client.len()), (2, 3));
    assert_eq!((raw.accept.len(), raw.domain.len(), raw.transmitter.len()), (1, 1, 1));
    let short = raw::parse("issuer = 'https://a.test'\n[keys]\ncurrent = 'k'").unwrap();
    // What it says is the default is the default.
    assert_eq!(
        (raw.edges, raw.grants, raw.nonce_key),
        (short.edges, short.grants, short.nonce_key)
    );
    assert_eq!(raw.lifetimes.token_s, short.lifetimes.token_s);
    assert_eq!(raw.lifetimes.depth_max, short.lifetimes.depth_max);
}

/// Sections about other domains, added to the configuration.
const OTHERS: &str = r#"
[[accept]]
issuer = "https://sts.b.test"
jwks = "as.jwks.json"
resources = ["https://hop1.a.test/mcp"]

[[domain]]
issuer = "https://sts.c.test"
resources = ["https://hop3.c.test/mcp"]
pairwise_key = "nonce.key"
clients = { hop1 = "hop1-at-c" }

[[transmitter]]
issuer = "https://ssf.a.test"
jwks = "as.jwks.json"
subjects = ["https://as.a.test", "https://sts.b.test"]
poll = "https://ssf.a.test/poll"
token_file = "nonce.key"
"#;

fn load(text: &str) -> Result<Config, ConfigError> {
    let folder = folder();
    let path = folder.path().join("sts.toml");
    fs::write(&path, text).unwrap();
    Config::load(&path)
}

#[test]
fn other_domains_are_read() {
    let whole = CONFIG.to_owned() + OTHERS;
    let others = load(&whole).unwrap().others;
    assert_eq!((others.asserters.len(), others.domains.len()), (1, 1));
    // We are our issuer, unless something else is said.
    assert_eq!(others.transmitters.first().unwrap().audience, "https://sts.a.test");
    assert_eq!((others.polls.len(), others.pinned.len()), (1, 2));
    assert!(!format!("{others:?}").contains("AAAA"), "no key is shown");
}

#[test]
fn what_is_wrong_with_other_domains_is_refused() {
    let whole = CONFIG.to_owned() + OTHERS;
    for (from, to, place, what) in [
        (
            r#""https://as.a.test", "#,
            r#""https://as.x.test", "#,
            "transmitter[1], subjects",
            "no issuer",
        ),
        (
            r#"["https://as.a.test", "https://sts.b.test"]"#,
            "[]",
            "transmitter[1], subjects",
            "none",
        ),
        (
            r#""https://ssf.a.test/poll""#,
            r#""http://ssf.a.test/""#,
            "transmitter[1], poll",
            "https",
        ),
        (
            "token_file = \"nonce.key\"",
            "token_file = 'old.jwk'",
            "transmitter[1], token_file",
            "read by",
        ),
        (r#""https://ssf.a.test""#, r#""http://ssf.a.test""#, "transmitter[1], issuer", "loopback"),
        (
            "resources = [\"https://hop1.a.test/mcp\"]",
            "resources = []",
            "accept[1], resources",
            "none",
        ),
        (
            "resources = [\"https://hop1.a.test/mcp\"]",
            "resources = ['https://hop9.a.test/']",
            "accept[1], resources[1]",
            "no server",
        ),
        (
            "resources = [\"https://hop3.c.test/mcp\"]",
            "resources = ['x']",
            "domain[1], resources[1]",
            "URI",
        ),
        ("{ hop1 =", "{ hop9 =", "domain[1], clients", "no client"),
        (
            "pairwise_key = \"nonce.key\"",
            "pairwise_key = 'short.key'",
            "domain[1], pairwise_key",
            "32",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        let error = load(&whole.replacen(from, to, 1)).unwrap_err();
        let found = error.place.split_once(", ").map_or("", |(_, place)| place);
        assert_eq!(found, place, "{from} -> {to}: {error}");
        assert!(error.what.contains(what), "{from} -> {to}: {error}");
    }
    let twice = whole + OTHERS;
    assert_eq!(load(&twice).unwrap_err().what, "this issuer is there already");
}

#[test]
fn a_file_that_is_named_is_bounded() {
    let folder = folder();
    let path = folder.path().join("sts.toml");
    let room = usize::try_from(limits::CONFIG_FILE_BYTES_MAX).unwrap();
    let edges = edges("https://hop1.a.test/mcp", "hop1").to_string();
    let pad = |length: usize| edges.clone() + &" ".repeat(length - edges.len());
    fs::write(folder.path().join("edges.json"), pad(room)).unwrap();
    assert!(Config::load(&path).is_ok());
    fs::write(folder.path().join("edges.json"), pad(room + 1)).unwrap();
    assert!(Config::load(&path).unwrap_err().what.contains("longer"));
}
