//! `countersign verify` without a file: the evidence of every pin.

use serde::Serialize;

use crate::args::statement as args;
use crate::codes;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::lock::{Entry, Key};
use crate::log::evidence::{self, Named};
use crate::log::{now_s, trust};
use crate::output::{safe, style};

/// Verifies what each pin was published as, from what is kept beside it.
///
/// # Errors
/// Pins or trust roots that cannot be read.
pub(super) fn run(desk: &Desk, arguments: &args::Verify) -> Result<Exit, Failure> {
    let path = arguments.trust.as_deref().ok_or_else(|| {
        Failure::usage("evidence is verified against trust roots")
            .hint("name whom to believe: `--trust trust.toml`")
    })?;
    let trust = trust(path)?;
    let mut verdicts = Vec::new();
    for (key, entry) in desk.store.entries()? {
        verdicts.push(judge(desk, &key, &entry, &trust)?);
    }
    if arguments.json {
        desk.output.json(&verdicts)?;
    } else {
        let lines = verdicts.iter().map(Verdict::shown);
        desk.output.data(&lines.collect::<String>())?;
    }
    let holds = verdicts.iter().all(|verdict| verdict.code.is_none());
    Ok(if holds { Exit::Same } else { Exit::Drift })
}

/// What the evidence of one pin says.
#[derive(Debug, Serialize)]
struct Verdict {
    pin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    /// Why it does not hold, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    says: String,
}

fn judge(desk: &Desk, key: &Key, entry: &Entry, trust: &seal::Trust) -> Result<Verdict, Failure> {
    let verdict = |published: Option<String>, code, says: String| Verdict {
        pin: key.to_string(),
        published,
        code,
        says,
    };
    let Some(published) = &entry.published else {
        return Ok(verdict(None, None, "not pinned as what a log has".to_owned()));
    };
    let named = Named::from(published);
    let name = Some(named.to_string());
    let Some(bundle) = desk.store.evidence(key)? else {
        let says = "the evidence is not there".to_owned();
        return Ok(verdict(name, Some(codes::LOG_EVIDENCE), says));
    };
    Ok(match evidence::judge(&bundle, &named, trust, now_s()) {
        Err(objection) => verdict(name, Some(codes::LOG_EVIDENCE), objection.sentence),
        Ok(verified) if verified.surface.map(|s| s.semantic) != Some(entry.digests.semantic) => {
            let says = "the log fixes another surface than the pinned one".to_owned();
            verdict(name, Some(codes::LOG_DIFFERS), says)
        }
        Ok(_) => verdict(name, None, "verified".to_owned()),
    })
}

impl Verdict {
    fn shown(&self) -> String {
        let style = if self.code.is_none() { style::SAME } else { style::ERROR };
        let (pin, says) = (style::paint(style::NAME, &self.pin), safe::line(&self.says));
        let published = self.published.as_deref().map(safe::line).unwrap_or_default();
        let code = self.code.map(|code| format!(" [{code}]")).unwrap_or_default();
        format!("{pin} {published} {}{code}\n", style::paint(style, says))
    }
}
