//! A new service: everything that it needs to start, drawn or empty, and nothing written over.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use authz::token::{Algorithm, Signer};
use aws_lc_rs::rand::fill;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::command::statement::key_file;
use crate::failure::Failure;

/// Writes the configuration, its keys and an empty edge file.
///
/// # Errors
/// A file that is there already, or cannot be written.
pub(super) fn make(config: &Path, issuer: &str) -> Result<(), Failure> {
    let folder = config.parent().unwrap_or_else(|| Path::new(""));
    let keys = folder.join("keys");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&keys);
    made.map_err(|error| Failure::new(format!("making {}", keys.display())).because(error))?;
    // First: what is there already is found before anything is drawn.
    create(config, &text(issuer))?;
    for name in ["current.pem", "next.pem"] {
        key_file::create(&keys.join(name), pem()?.expose())?;
    }
    for name in ["nonce.key", "subject.key"] {
        let mut key = Zeroizing::new([0; 32]);
        fill(&mut *key).map_err(|_| Failure::new("drawing a key: there is no randomness"))?;
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(*key) + "\n");
        key_file::create(&folder.join(name), &key)?;
    }
    create(&folder.join("edges.json"), EDGES)
}

fn pem() -> Result<authz::token::Secret, Failure> {
    let pem = Signer::generate(Algorithm::Es256).and_then(|key| key.to_pem());
    pem.map_err(|error| Failure::new("drawing a key").because(error))
}

fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Failure::new(format!("writing {}", path.display()))
            .because(error)
            .hint("`--init` writes over nothing: name another folder")
    })
}

fn text(issuer: &str) -> String {
    // A URL in its one form: nothing in it has to be escaped.
    CONFIG.replace("ISSUER", &format!("\"{issuer}\""))
}

const EDGES: &str = "{\n  \"version\": 1,\n  \"servers\": [],\n  \"edges\": []\n}\n";

const CONFIG: &str = "\
# The token service of a domain; docs/sts.toml has every member. Paths are relative to this file.
issuer = ISSUER
edges = \"edges.json\"
grants = \"sqlite:grants.db\"
# Shared with the guards of this domain.
nonce_key = \"nonce.key\"
# What names of other domains' subjects are made with.
subject_key = \"subject.key\"

# To rotate: `next` becomes `current`, what was `current` goes to `retired` as a public JWK, and a new
# key becomes `next`.
[keys]
current = \"keys/current.pem\"
next = \"keys/next.pem\"

# Whose access tokens may be exchanged, one section for each issuer.
# [[trusted]]
# issuer = \"https://as.example\"
# jwks_url = \"https://as.example/jwks\"

# Who may exchange: one section for each client, with its public keys.
# [[client]]
# id = \"hop1\"
# jwks = \"hop1.jwks.json\"
";
