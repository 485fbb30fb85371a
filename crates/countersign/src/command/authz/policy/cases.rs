//! A file of cases: requests, and what is expected of each.

use std::path::{Path, PathBuf};

use authz::edge::Edges;
use authz::exchange::engine::Engine;
use policy::{Policies, Request, Verdict};
use serde::Deserialize;
use serde_json::Value;
use wire::Document;

use crate::codes;
use crate::command::statement::read_bounded;
use crate::failure::Failure;

/// Cases and the engine that decides them.
pub(super) struct Cases {
    pub(super) engine: Engine,
    pub(super) cases: Vec<Case>,
}

/// One request and what is expected.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) expected: Decision,
    /// The policies that have to determine it, sorted; nothing if any may.
    pub(super) policies: Option<Vec<String>>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Decision {
    Allow,
    Deny,
}

impl Decision {
    pub(super) const fn of(verdict: &Verdict) -> Self {
        if verdict.is_allowed() { Self::Allow } else { Self::Deny }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl Case {
    /// Whether a verdict is the expected one.
    pub(super) fn is_met(&self, verdict: &Verdict) -> bool {
        let are_policies = self.policies.as_ref().is_none_or(|ids| *ids == verdict.policies());
        Decision::of(verdict) == self.expected && are_policies
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    issuer: String,
    edges: PathBuf,
    policies: Option<Vec<PathBuf>>,
    cases: Vec<WrittenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: String,
    request: Value,
    expect: Decision,
    policies: Option<Vec<String>>,
}

impl Cases {
    /// Reads a file and what it names, relative to its folder. `policies` stand in place of its own.
    ///
    /// # Errors
    /// What cannot be read; a case that is none; policies that are not valid.
    pub(super) fn read(path: &Path, policies: &[PathBuf]) -> Result<Self, Failure> {
        let refused = |cause: Box<dyn std::error::Error + Send + Sync>| {
            let what = format!("reading the cases of {}", path.display());
            Failure::refusal(codes::POLICY_CASES, what).because(cause)
        };
        let bytes = read_bounded(path, CASES_BYTES_MAX)?;
        let document = Document::parse(&bytes, &wire::Policy::default());
        let document = document.map_err(|error| refused(error.into()))?;
        let value = surface::json::exact(document.root()).map_err(|error| refused(error.into()))?;
        let written: Written =
            serde_json::from_value(value).map_err(|error| refused(error.into()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let named = written
            .policies
            .as_ref()
            .map(|files| files.iter().map(|file| folder.join(file)).collect::<Vec<_>>());
        let files = if policies.is_empty() { named } else { Some(policies.to_vec()) };
        let loaded = files.map_or_else(|| Ok(Policies::built_in()), |files| super::load(&files))?;
        let loaded = loaded.map_err(|error| {
            Failure::refusal(error.code(), "the policies are not valid")
                .because(error)
                .hint("countersign policy check FILE…")
        })?;
        let engine = engine(loaded, &folder.join(&written.edges), &written.issuer)?;
        let cases = written.cases.into_iter().map(|case| {
            let name = case.name;
            let request = Request::from_json(&case.request)
                .map_err(|error| refused(format!("case `{name}`: {error}").into()))?;
            let mut policies = case.policies;
            if let Some(policies) = &mut policies {
                policies.sort_unstable();
            }
            Ok(Case { name, request, expected: case.expect, policies })
        });
        Ok(Self { engine, cases: cases.collect::<Result<_, Failure>>()? })
    }
}

fn engine(policies: Policies, edges: &Path, issuer: &str) -> Result<Engine, Failure> {
    let what = || format!("reading the edges of {}", edges.display());
    let bytes = read_bounded(edges, authz::limits::EDGE_FILE_BYTES_MAX)?;
    let edges = Edges::parse(&bytes)
        .map_err(|error| Failure::refusal(error.code(), what()).because(error))?;
    Engine::new(policies, &edges, issuer)
        .map_err(|error| Failure::refusal(codes::POLICY_CASES, what()).because(error))
}

/// Ten thousand cases of four hundred bytes.
const CASES_BYTES_MAX: usize = 4 << 20;
