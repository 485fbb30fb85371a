//! Keys and statements before programs that nobody here wrote: OpenSSL, securesystemslib,
//! cryptography, in-toto-attestation, jsonschema; and Sigstore's evidence before ours and before
//! Sigstore's own Python client.

use std::path::{Path, PathBuf};

use harness::{Program, Scratch, paths};
use seal::{Envelope, PublicKey};
use serde_json::{Value, json};

const KINDS: [&str; 3] = ["ed25519", "p256", "ml-dsa-44"];
const SERVER: &str = "io.github.acme/files";

fn countersign(scratch: &Scratch) -> Program {
    Program::countersign()
        .directory(scratch.path())
        .env("COUNTERSIGN_LOCK", scratch.join("mcp.lock"))
}

fn openssl(scratch: &Scratch, arguments: &[&str]) -> String {
    Program::at("openssl").directory(scratch.path()).args(arguments).run().expect(0).stdout
}

fn make_key(scratch: &Scratch, name: &str, kind: &str) {
    let file = format!("{name}.pem");
    let made =
        countersign(scratch).args(["key", "new", &file, "--algorithm", kind]).run().expect(0);
    std::fs::write(scratch.join(&format!("{name}.pub")), made.stdout).unwrap();
}

fn write(scratch: &Scratch, name: &str, text: &str) -> PathBuf {
    let path = scratch.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Statements of several kinds, each signed by all three kinds of key.
fn sign_some(scratch: &Scratch) {
    write(scratch, "server.txt", r#"{"name":"io.github.acme/files","version":"1.4.0"}"#);
    let tools = r#"{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}"#;
    write(scratch, "surface.txt", tools);
    let digest = format!("sha256:{}", "0a".repeat(32));
    let said: [(&str, Vec<&str>); 5] = [
        (
            "declaration",
            vec![
                "sign",
                "declaration",
                "server.txt",
                "--surface",
                "surface.txt",
                "--protocol-version",
                "2026-07-28",
            ],
        ),
        ("approval", vec!["sign", "approval", "--server", SERVER, "--of", &digest, "--by", "ops"]),
        (
            "revocation",
            vec![
                "sign",
                "revocation",
                "--server",
                SERVER,
                "--version",
                "1.4.0",
                "--reason",
                "stolen",
            ],
        ),
        (
            "revoked-key",
            vec!["key", "revoke", "--server", SERVER, "--since", "7", "--reason", "stolen"],
        ),
        (
            "previous",
            vec![
                "sign",
                "revocation",
                "--server",
                SERVER,
                "--surface",
                &digest,
                "--reason",
                "x",
                "--previous",
                "9007199254740991",
            ],
        ),
    ];
    for (name, arguments) in said {
        let output = format!("{name}.json");
        let keys = ["--key", "ed25519.pem", "--key", "p256.pem", "--key", "ml-dsa-44.pem"];
        countersign(scratch).args(arguments).args(keys).args(["-o", &output]).run().expect(0);
    }
    let rotate = ["key", "rotate", "--server", SERVER, "--from", "ed25519.pem", "--to", "p256.pem"];
    countersign(scratch).args(rotate).args(["-o", "rotation.json"]).run().expect(0);
}

#[test]
fn others_verify_our_statements_and_we_verify_theirs() {
    let scratch = Scratch::new();
    for kind in KINDS {
        make_key(&scratch, kind, kind);
    }
    sign_some(&scratch);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/statements.py");
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema");
    let python = Program::at(paths::python("seal", "python"));
    let read = python.arg(script).arg(scratch.path()).arg(schemas).run().expect(0).json();
    assert_eq!(read["envelopes"], 6);
    assert_eq!(read["signatures"], 5 * 3 + 2);
    let keys = KINDS.map(|kind| {
        let pem = std::fs::read_to_string(scratch.join(&format!("{kind}.pub"))).unwrap();
        pem.parse::<PublicKey>().unwrap()
    });
    for name in ["declaration", "approval", "revocation", "revoked-key", "previous", "rotation"] {
        let ours = std::fs::read(scratch.join(&format!("{name}.json"))).unwrap();
        let theirs = std::fs::read(scratch.join(&format!("{name}.again"))).unwrap();
        let (ours, again) = (Envelope::parse(&ours).unwrap(), Envelope::parse(&theirs).unwrap());
        assert_ne!(ours.bytes(), again.bytes(), "signed anew, with fresh randomness");
        assert_eq!(again.verify(&keys).unwrap(), ours.signers());
    }
}

#[test]
fn openssl_reads_our_keys_and_we_read_its() {
    let scratch = Scratch::new();
    let secret = write(&scratch, "passphrase.txt", "correct horse\n");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (kind, theirs) in
        [("ed25519", &["ED25519"][..]), ("p256", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])]
    {
        let made =
            ["key", "new", "ours.pem", "--algorithm", kind, "--passphrase-file", "passphrase.txt"];
        let public = countersign(&scratch).args(made).run().expect(0).stdout;
        let read = openssl(
            &scratch,
            &["pkey", "-in", "ours.pem", "-passin", "file:passphrase.txt", "-pubout"],
        );
        assert_eq!(read, public, "{kind}");
        let mut generate = vec!["genpkey", "-out", "theirs.pem", "-algorithm"];
        generate.extend(theirs);
        openssl(&scratch, &generate);
        let private = [
            "pkcs8",
            "-topk8",
            "-in",
            "theirs.pem",
            "-out",
            "sealed.pem",
            "-v2",
            "aes256",
            "-v2prf",
            "hmacWithSHA256",
            "-passout",
            "file:passphrase.txt",
        ];
        openssl(&scratch, &private);
        for file in ["theirs.pem", "sealed.pem"] {
            let path = scratch.join(file);
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .unwrap();
            let shown = ["key", "show", file, "--passphrase-file", "passphrase.txt", "--json"];
            let shown = countersign(&scratch).args(shown).run().expect(0).json();
            let public = openssl(&scratch, &["pkey", "-in", "theirs.pem", "-pubout"]);
            assert_eq!(shown["publicKey"].as_str(), Some(public.as_str()), "{kind} {file}");
        }
        std::fs::remove_file(scratch.join("ours.pem")).unwrap();
    }
}

#[test]
fn a_key_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    make_key(&scratch, "key", "ed25519");
    let path = scratch.join("key.pem");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = countersign(&scratch).args(["key", "new", "key.pem"]).run().expect(3);
    assert!(again.stderr.contains("[key.file-exists]"), "{}", again.stderr);
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let shown = countersign(&scratch).args(["key", "show", "key.pem"]).run().expect(3);
        assert!(shown.stderr.contains("[key.file-mode]"), "{mode:o}: {}", shown.stderr);
    }
    let sealed = ["key", "new", "sealed.pem", "--passphrase-env", "SECRET"];
    countersign(&scratch).args(sealed).env("SECRET", "open").run().expect(0);
    let show = ["key", "show", "sealed.pem", "--passphrase-env", "SECRET"];
    countersign(&scratch).args(show).env("SECRET", "open").run().expect(0);
    let wrong = countersign(&scratch).args(show).env("SECRET", "shut").run().expect(3);
    assert!(wrong.stderr.contains("[seal.key-passphrase]"), "{}", wrong.stderr);
    let none = countersign(&scratch).args(["key", "show", "sealed.pem"]).run().expect(3);
    assert!(none.stderr.contains("[seal.key-passphrase]"), "{}", none.stderr);
}

#[test]
fn a_statement_counts_only_if_somebody_believed_signed_it() {
    let scratch = Scratch::new();
    for name in ["publisher", "stranger"] {
        make_key(&scratch, name, "ed25519");
    }
    let said = ["sign", "revocation", "--server", SERVER, "--version", "1", "--reason", "r"];
    let signed = ["--key", "publisher.pem", "-o", "said.json"];
    countersign(&scratch).args(said).args(signed).run().expect(0);
    let verify = |arguments: &[&str]| countersign(&scratch).arg("verify").args(arguments).run();
    verify(&["said.json", "--key", "publisher.pub"]).expect(0);
    verify(&["said.json", "--key", "stranger.pub"]).expect(3);
    verify(&["said.json"]).expect(3);
    let text = std::fs::read_to_string(scratch.join("said.json")).unwrap();
    let at = text.find("\"sig\":\"").unwrap() + 10;
    let swapped = if text[at..].starts_with('A') { "B" } else { "A" };
    write(&scratch, "wrong.json", &format!("{}{swapped}{}", &text[..at], &text[at + 1..]));
    let wrong = verify(&["wrong.json", "--key", "publisher.pub"]).expect(3);
    assert!(wrong.stderr.contains("[seal.signature]"), "{}", wrong.stderr);
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const NPM: (&str, &str, &str) = (
    "npm-provenance.json",
    "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
    "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c",
);
const PYPI: (&str, &str, &str) = (
    "pypi-publish.json",
    "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
    "sha256:9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3",
);

#[test]
fn sigstore_evidence_verifies_offline_and_nothing_else_passes() {
    let scratch = Scratch::new();
    let verify = |file: &Path, identity: &str, issuer: &str, digest: &str, code: i32| {
        let options =
            ["--identity", identity, "--issuer", issuer, "--artefact-digest", digest, "--json"];
        let run = countersign(&scratch).arg("verify").arg(file).args(options).run().expect(code);
        run.json()["checks"][0]["code"].as_str().unwrap().to_owned()
    };
    for (name, identity, digest) in [NPM, PYPI] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sigstore").join(name);
        assert_eq!(verify(&file, identity, GITHUB, digest, 0), "sigstore.verified");
        let fork = identity.replace(".com/", ".com/mallory-");
        assert_eq!(verify(&file, &fork, GITHUB, digest, 3), "sigstore.identity");
        assert_eq!(verify(&file, identity, "https://issuer.example", digest, 3), "sigstore.issuer");
        let (start, _) = digest.split_at(digest.len() - 2);
        let other = format!("{start}00");
        assert_eq!(verify(&file, identity, GITHUB, &other, 3), "sigstore.artefact");
        // A bit of the inclusion proof, of the signature: some refusal each time.
        let text = std::fs::read_to_string(&file).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        for pointer in [
            "/dsseEnvelope/signatures/0/sig",
            "/envelope/signature",
            "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
            "/verification_material/transparency_entries/0/inclusionProof/rootHash",
        ] {
            let Some(found) = value.pointer_mut(pointer) else { continue };
            let kept = found.clone();
            let text = found.as_str().unwrap();
            let (first, swapped) = (&text[..20], if &text[20..21] == "A" { "B" } else { "A" });
            *found = format!("{first}{swapped}{}", &text[21..]).into();
            let wrong = write(&scratch, "wrong.json", &value.to_string());
            let code = verify(&wrong, identity, GITHUB, digest, 3);
            assert!(
                code.starts_with("sigstore.") && code != "sigstore.verified",
                "{pointer}: {code}"
            );
            *value.pointer_mut(pointer).unwrap() = kept;
        }
    }
    // Who signed has to be said.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sigstore").join(NPM.0);
    countersign(&scratch).arg("verify").arg(file).run().expect(2);
}

/// Evidence, and what has to be found true of it.
fn case(value: &Value, identity: &str, issuer: &str, digest: &str) -> Value {
    json!({ "evidence": value, "identity": identity, "issuer": issuer, "digest": digest })
}

/// The same evidence with one leaf of it changed: a number, a character in the middle of a text, and
/// one further behind.
fn tampered(value: &Value) -> Vec<(String, Value)> {
    fn walk(value: &Value, place: &str, leaves: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(key, it)| walk(it, &format!("{place}/{key}"), leaves));
            }
            Value::Array(list) => {
                list.iter()
                    .zip(0..)
                    .for_each(|(it, at)| walk(it, &format!("{place}/{at}"), leaves));
            }
            _ => leaves.push(place.to_owned()),
        }
    }
    let mut leaves = Vec::new();
    walk(value, "", &mut leaves);
    let places = leaves.into_iter().flat_map(|place| [(place.clone(), 2), (place, 4)]);
    let changed = places.map(|(place, part)| {
        let mut value = value.clone();
        let leaf = value.pointer_mut(&place).unwrap();
        *leaf = match &*leaf {
            Value::String(text) => {
                let (start, end) = text.split_at(text.len() - text.len() / part - 1);
                let other = if end.starts_with('1') { "2" } else { "1" };
                format!("{start}{other}{}", &end[1..]).into()
            }
            Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            other => panic!("{place}: {other}"),
        };
        (format!("{place} {part}"), value)
    });
    changed.collect()
}

const ENTRY: &str = "/verification_material/transparency_entries/0";

#[test]
fn sigstore_evidence_is_judged_as_sigstore_s_python_client_judges_it() {
    let scratch = Scratch::new();
    let (name, identity, digest) = PYPI;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sigstore").join(name);
    let right: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let fork = identity.replace(".com/", ".com/mallory-");
    let mut cases = vec![
        ("as it is".to_owned(), case(&right, identity, GITHUB, digest)),
        ("a fork".to_owned(), case(&right, &fork, GITHUB, digest)),
        ("another issuer".to_owned(), case(&right, identity, "https://issuer.example", digest)),
        ("another file".to_owned(), case(&right, identity, GITHUB, &digest.replace("d3", "d4"))),
    ];
    let wrong = tampered(&right).into_iter();
    cases.extend(wrong.map(|(place, value)| (place, case(&value, identity, GITHUB, digest))));
    assert!(cases.len() > 30, "{}", cases.len());
    let all: Vec<&Value> = cases.iter().map(|(_, case)| case).collect();
    let file = write(&scratch, "cases.json", &serde_json::to_string(&all).unwrap());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/sigstore_evidence.py");
    let python = Program::at(paths::python("seal", "python")).env("HOME", scratch.path());
    let theirs = python.arg(script).arg(file).run().expect(0).json();
    let mut accepted = Vec::new();
    for ((what, case), theirs) in cases.iter().zip(theirs.as_array().unwrap()) {
        let evidence = write(&scratch, "evidence.json", &case["evidence"].to_string());
        let text = |member: &str| case[member].as_str().unwrap().to_owned();
        let ours = countersign(&scratch)
            .arg("verify")
            .arg(evidence)
            .args(["--identity", &text("identity"), "--issuer", &text("issuer")])
            .args(["--artefact-digest", &text("digest")])
            .run();
        let agrees = (ours.code == Some(0)) == (theirs == "verified");
        assert!(agrees, "{what}: {theirs}, {}", ours.stdout);
        if ours.code == Some(0) {
            accepted.push(what.as_str());
        }
    }
    // In the middle of the checkpoint is the name of who signed it, which no signature covers: both go
    // by the key.
    assert_eq!(accepted, ["as it is", &format!("{ENTRY}/inclusionProof/checkpoint/envelope 2")]);
}

/// A declaration and its countersignature in a log of three leaves, whose proofs are written out.
fn bundle(scratch: &Scratch) -> seal::Bundle {
    use seal::bundle::{LatestProof, Leaf};
    use seal::statement::{Countersignature, Predicate, Statement, Verdict};
    use tlog::map::{Latest, MapLeaf};
    use tlog::{Checkpoint, Hash, Map};
    let read = |name: &str| std::fs::read_to_string(scratch.join(name)).unwrap();
    let private = |name: &str| seal::PrivateKey::from_pem(&read(name), None).unwrap();
    let registry = private("registry.pem");
    let declared = Envelope::parse(read("declaration.json").as_bytes()).unwrap();
    let leaf = Hash::of_leaf(declared.bytes());
    let said = Countersignature {
        version: "1.4.0".to_owned(),
        declaration: 0,
        leaf: format!("sha256:{}", hex(&leaf.0)).parse().unwrap(),
        verdict: Verdict::Allow,
        findings: Vec::new(),
        namespace: "dns".to_owned(),
    };
    let (server, time) = (SERVER.to_owned(), "2026-11-25T12:00:00Z".to_owned());
    let predicate = Predicate::Countersignature(said);
    let said = Statement { server, time, previous: Some(0), predicate };
    let admitted = Envelope::sign(said, &[&registry]).unwrap();
    let second = Hash::of_leaf(admitted.bytes());
    let mut map = Map::default();
    map.insert(Map::key(SERVER), Latest { leaf: second, index: 1 });
    let map_leaf = MapLeaf { covers: 2, root: map.root() };
    let third = Hash::of_leaf(&map_leaf.to_entry());
    let (pair, origin) = (Hash::of_node(leaf, second), "log.example".to_owned());
    let checkpoint = Checkpoint { origin, size: 3, root: Hash::of_node(pair, third) };
    let log = private("log.pem");
    let log = log.into_note_key("log.example", tlog::note::Algorithm::Ed25519).unwrap();
    let witness = private("witness.pem");
    let witness = witness.into_note_key("w.example", tlog::note::Algorithm::Cosignature).unwrap();
    let time_s = seal::time::parse("2026-11-25T12:30:00Z").unwrap();
    let signed = checkpoint.sign(&[&log], time_s).unwrap();
    let cosigned = tlog::cosignature::cosign(&checkpoint, time_s, &witness).unwrap();
    let names = seal::bundle::names(&declared, &[&admitted]).into_iter();
    let paths = names.map(|name| (name.clone(), map.prove(&Map::key(&name)))).collect();
    seal::Bundle {
        leaves: vec![
            Leaf { envelope: declared, index: 0, hashes: vec![second, third] },
            Leaf { envelope: admitted, index: 1, hashes: vec![leaf, third] },
        ],
        keys: ["publisher.pem", "registry.pem"].map(|name| private(name).public().clone()).to_vec(),
        checkpoint: format!("{signed}{cosigned}"),
        latest: Some(LatestProof { hashes: vec![pair], map_leaf, paths }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_bundle_is_verified_in_one_verdict_with_reasons() {
    let scratch = Scratch::new();
    for name in ["publisher", "registry", "log", "witness", "stranger"] {
        make_key(&scratch, name, "ed25519");
    }
    let server = r#"{"name":"io.github.acme/files","version":"1.4.0"}"#;
    write(&scratch, "server.txt", server);
    let tools = r#"{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}"#;
    write(&scratch, "surface.txt", tools);
    write(&scratch, "drifted.txt", &tools.replace("\"a\"", "\"b\""));
    let sign = ["sign", "declaration", "server.txt", "--surface", "surface.txt", "--key"];
    let rest = ["publisher.pem", "--protocol-version", "2026-07-28", "-o", "declaration.json"];
    countersign(&scratch).args(sign).args(rest).run().expect(0);
    let bundle = bundle(&scratch);
    write(&scratch, "bundle.json", &bundle.to_json());
    let vkey = |name: &str, note: &str, role: &str| {
        let shown = ["key", "show", &format!("{name}.pem"), "--note", note, "--json"];
        let shown = countersign(&scratch).args(shown).run().expect(0).json();
        shown["note"][role].as_str().unwrap().to_owned()
    };
    let policy = format!(
        "log {}\nwitness w {}\nquorum w\n",
        vkey("log", "log.example", "log"),
        vkey("witness", "w.example", "witness")
    );
    let trust = |registry: &str| {
        let pem = std::fs::read_to_string(scratch.join(&format!("{registry}.pub"))).unwrap();
        format!("policy = '''\n{policy}'''\n\n[[registry]]\nname = \"r\"\nkey = '''\n{pem}'''\n")
    };
    write(&scratch, "trust.toml", &trust("registry"));
    write(&scratch, "other.toml", &trust("stranger"));
    let verify = |trust: &str, more: &[&str], code: i32| {
        let run = countersign(&scratch).args(["verify", "bundle.json", "--json", "--trust", trust]);
        run.args(more).run().expect(code).json()
    };
    let at = ["--at", "2026-11-25T13:00:00Z"];
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/verdict.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let failed = |verdict: &serde_json::Value| -> Vec<String> {
        assert!(schema.is_valid(verdict), "{verdict}");
        let checks = verdict["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|check| check["holds"] == false);
        failed.map(|check| check["code"].as_str().unwrap().to_owned()).collect()
    };
    let good = verify("trust.toml", &at, 0);
    assert!(failed(&good).is_empty(), "{good}");
    assert_eq!(good["verified"]["server"], SERVER);
    let same = [at.as_slice(), &["--surface", "surface.txt"]].concat();
    assert!(failed(&verify("trust.toml", &same, 0)).is_empty());
    let drifted = [at.as_slice(), &["--surface", "drifted.txt"]].concat();
    assert_eq!(failed(&verify("trust.toml", &drifted, 3)), ["seal.surface"]);
    let late = ["--at", "2026-11-27T13:00:00Z"];
    assert_eq!(failed(&verify("trust.toml", &late, 3)), ["seal.freshness"]);
    let stranger = failed(&verify("other.toml", &at, 3));
    assert_eq!(stranger, ["seal.publisher", "seal.countersignature"]);
    let text = countersign(&scratch).args(["verify", "bundle.json", "--trust", "trust.toml"]);
    let text = text.args(at).run().expect(0).stdout;
    assert!(text.contains("io.github.acme/files 1.4.0 is verified"), "{text}");
    countersign(&scratch).args(["verify", "bundle.json"]).run().expect(2);
}
