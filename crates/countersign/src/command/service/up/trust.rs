//! `trust.toml` of the registry: what its readers take over a way that they trust.

use std::fmt::Write as _;
use std::path::Path;

use seal::PublicKey;
use tlog::VerifierKey;

use crate::failure::Failure;

/// Writes the trust roots beside the data, for whoever has to hand them to readers. `policy` is the
/// text that names witnesses and quorum; without one no witness is asked for.
///
/// # Errors
/// A directory that cannot be written.
pub(super) fn write(
    data: &Path,
    log: &[VerifierKey],
    registry: (&str, &PublicKey),
    policy: Option<&str>,
) -> Result<(), Failure> {
    let path = data.join("trust.toml");
    let text = text(log, registry, policy);
    if std::fs::read_to_string(&path).is_ok_and(|written| written == text) {
        return Ok(());
    }
    std::fs::write(&path, text)
        .map_err(|error| Failure::new(format!("writing {}", path.display())).because(error))
}

fn text(log: &[VerifierKey], (name, key): (&str, &PublicKey), policy: Option<&str>) -> String {
    let mut out = String::from(
        "# Whom readers of this registry believe. Written at each start; hand it to them over a way \
         that they trust.\n\npolicy = '''\n",
    );
    for key in log {
        let _ = writeln!(out, "log {key}");
    }
    // The log's own lines are above; what a policy says of other logs is not this registry's word.
    let rest = policy.unwrap_or("quorum none\n").lines();
    for line in rest.filter(|line| !line.trim_start().starts_with("log")) {
        let _ = writeln!(out, "{line}");
    }
    let _ = write!(out, "'''\n\n[[registry]]\nname = '{name}'\nkey = '''\n{key}'''\n");
    if policy.is_none() {
        // Nobody but the log itself vouches for a time.
        out.insert_str(out.find("\npolicy").map_or(0, |at| at + 1), "freshness_s_max = \"any\"\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use seal::key::{Algorithm, PrivateKey};
    use tlog::{Sign as _, note};

    use super::*;

    #[test]
    fn what_is_written_is_read_as_trust_roots() {
        let key = |algorithm| PrivateKey::from_seed(algorithm, &[7; 32]).unwrap();
        let note = |kind, algorithm| key(kind).into_note_key("log.example/a", algorithm).unwrap();
        let log = [
            note(Algorithm::Ed25519, note::Algorithm::Ed25519).verifier().clone(),
            note(Algorithm::MlDsa44, note::Algorithm::MlDsa44).verifier().clone(),
        ];
        let witness =
            key(Algorithm::Ed25519).into_note_key("w.example/w", note::Algorithm::Cosignature);
        let witness = witness.unwrap().verifier().to_string();
        let registry = key(Algorithm::Ed25519);
        let policy = format!("# ours\nlog {}\nwitness W {witness}\nquorum W\n", log[0]);
        for (policy, witnesses, freshness) in [(None, 0, true), (Some(&*policy), 1, false)] {
            let text = text(&log, ("com.example", registry.public()), policy);
            let trust = seal::Trust::parse(&text).unwrap();
            assert_eq!(trust.policy.logs(), log);
            assert_eq!(trust.policy.witnesses().len(), witnesses);
            assert_eq!(trust.registries, [registry.public().clone()]);
            assert_eq!(trust.freshness_s_max == u64::MAX, freshness);
        }
    }
}
