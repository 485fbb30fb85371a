//! The bounds and forms of a statement, the same whether it is written or read.

use surface::Digest;

use super::{
    Declaration, Finding, Observation, Observed, Predicate, Revoked, Statement, StatementError,
    SurfaceClaim,
};
use crate::key::PublicKey;
use crate::{limits, time};

type Checked = Result<(), StatementError>;

/// # Errors
/// The first member that breaks a bound or a form.
pub(super) fn check(statement: &Statement) -> Checked {
    let name = statement.server.as_bytes();
    if !(1..=limits::SERVER_BYTES_MAX).contains(&name.len())
        || !name.iter().all(u8::is_ascii_graphic)
    {
        return bound("server", "has 1 to 255 visible ASCII characters");
    }
    time::parse(&statement.time).ok_or(StatementError::Time)?;
    statement.previous.map_or(Ok(()), |index| integer("previous", index))?;
    match &statement.predicate {
        Predicate::Declaration(it) => declaration(it),
        Predicate::Countersignature(it) => {
            version(&it.version)?;
            integer("declaration", it.declaration)?;
            findings(&it.findings)?;
            word("namespace", &it.namespace)
        }
        Predicate::Observation(it) => observation(it),
        Predicate::Approval(it) => {
            it.held.map_or(Ok(()), |index| integer("held", index))?;
            needed("by", &it.by)?;
            text("reason", &it.reason)
        }
        Predicate::Revocation(it) => {
            match &it.of {
                Revoked::Version { version: it } => version(it)?,
                Revoked::Surface { .. } => {}
                Revoked::Key { since, .. } => integer("since", *since)?,
            }
            needed("reason", &it.reason)
        }
        Predicate::Status(it) => {
            it.version.as_deref().map_or(Ok(()), version)?;
            if !["active", "deprecated", "deleted"].contains(&it.status.as_str()) {
                return bound("status", "is `active`, `deprecated` or `deleted`");
            }
            text("message", &it.message)
        }
        Predicate::Rotation(it) => {
            let to = it.to.parse::<PublicKey>().ok().filter(|key| key.to_string() == it.to);
            match to {
                Some(to) if to.id() != it.from => Ok(()),
                _ => {
                    bound("to", "is another public key than `from`, in PEM as this crate writes it")
                }
            }
        }
    }
}

fn declaration(it: &Declaration) -> Checked {
    version(&it.version)?;
    it.surface.as_ref().map_or(Ok(()), surface)?;
    count("artefacts", it.artefacts.len())?;
    for (package, digest) in &it.artefacts {
        needed("artefacts", package)?;
        if !is_artefact_digest(digest) {
            return bound(
                "artefacts",
                "have digests like `sha512:` and lower-case hexadecimal digits",
            );
        }
    }
    Ok(())
}

fn observation(it: &Observation) -> Checked {
    findings(&it.changes)?;
    it.vantage.as_deref().map_or(Ok(()), |vantage| needed("vantage", vantage))?;
    it.client.as_deref().map_or(Ok(()), |client| needed("client", client))?;
    match &it.of {
        Observed::Surface { endpoint, surface: claim, outcome, cache_scope, ttl_ms } => {
            needed("endpoint", endpoint)?;
            claim.as_ref().map_or(Ok(()), surface)?;
            cache_scope.as_deref().map_or(Ok(()), |scope| word("cacheScope", scope))?;
            ttl_ms.map_or(Ok(()), |ttl_ms| integer("ttlMs", ttl_ms))?;
            word("outcome", outcome)
        }
        Observed::Authorization { endpoint, servers, .. } => {
            needed("endpoint", endpoint)?;
            count("servers", servers.len())?;
            servers.iter().try_for_each(|server| needed("servers", server))
        }
        Observed::Entry { upstream, version: it, status, official, .. } => {
            needed("upstream", upstream)?;
            version(it)?;
            word("status", status)?;
            official.as_ref().map_or(Ok(()), |official| {
                text("message", &official.message)?;
                let times =
                    [("publishedAt", &official.published_at), ("updatedAt", &official.updated_at)];
                times
                    .into_iter()
                    .try_for_each(|(of, time)| time.as_deref().map_or(Ok(()), |it| text(of, it)))
            })
        }
        Observed::Namespace { method, subject, state, key } => {
            word("method", method)?;
            needed("subject", subject)?;
            word("state", state)?;
            key.as_deref().map_or(Ok(()), |key| needed("key", key))
        }
        Observed::SplitView { endpoint, observations, verdict } => {
            needed("endpoint", endpoint)?;
            count("observations", observations.len())?;
            observations.iter().try_for_each(|index| integer("observations", *index))?;
            word("verdict", verdict)
        }
    }
}

fn surface(it: &SurfaceClaim) -> Checked {
    word("protocolVersion", &it.protocol_version)?;
    if it.authorization != "anonymous" && it.authorization.parse::<Digest>().is_err() {
        return bound("authorization", "is `anonymous` or a digest");
    }
    Ok(())
}

fn findings(findings: &[Finding]) -> Checked {
    count("findings", findings.len())?;
    findings.iter().try_for_each(|finding| {
        word("code", &finding.code)?;
        if !["info", "notice", "warning", "critical"].contains(&finding.severity.as_str()) {
            return bound("severity", "is `info`, `notice`, `warning` or `critical`");
        }
        text("place", &finding.place)
    })
}

fn is_artefact_digest(text: &str) -> bool {
    let is_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let length = match algorithm {
            "sha256" => 64,
            "sha384" => 96,
            "sha512" => 128,
            _ => return false,
        };
        hex.len() == length && hex.bytes().all(is_hex)
    })
}

fn version(version: &str) -> Checked {
    let is_short = version.chars().take(limits::VERSION_CHARS_MAX + 1).count();
    if !(1..=limits::VERSION_CHARS_MAX).contains(&is_short) || version.contains(char::is_control) {
        return bound("version", "has 1 to 255 characters, none of them a control");
    }
    Ok(())
}

/// A word of a protocol: a code, a method, an outcome.
fn word(member: &'static str, word: &str) -> Checked {
    let is_part = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'/');
    if !(1..=limits::WORD_BYTES_MAX).contains(&word.len()) || !word.bytes().all(is_part) {
        return bound(
            member,
            "has 1 to 128 letters, digits, dots, hyphens, underscores or slashes",
        );
    }
    Ok(())
}

fn needed(member: &'static str, it: &str) -> Checked {
    if it.is_empty() {
        return bound(member, "is empty");
    }
    text(member, it)
}

fn text(member: &'static str, text: &str) -> Checked {
    if text.len() > limits::TEXT_BYTES_MAX {
        return bound(member, "is longer than 4,096 bytes");
    }
    // PostgreSQL has no text with it.
    if text.contains('\0') {
        return bound(member, "has the character U+0000");
    }
    Ok(())
}

fn count(member: &'static str, count: usize) -> Checked {
    if count > limits::LIST_MAX {
        return bound(member, "has more than 256 elements");
    }
    Ok(())
}

fn integer(member: &'static str, integer: u64) -> Checked {
    if integer > limits::INTEGER_MAX {
        return bound(member, "lies beyond 2^53 - 1");
    }
    Ok(())
}

const fn bound(member: &'static str, must: &'static str) -> Checked {
    Err(StatementError::Bound { member, must })
}
