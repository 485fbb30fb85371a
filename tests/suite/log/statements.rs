//! Keys and statements before programs that nobody here wrote: OpenSSL, securesystemslib,
//! cryptography, in-toto-attestation, jsonschema; and Sigstore's evidence before ours.

use std::path::{Path, PathBuf};

use harness::{Program, Scratch, paths};
use seal::{Envelope, PublicKey};

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
