//! What was found, for people and for programs.

pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod sarif;

use drift::{Change, Severity};
use surface::{Digests, Surface};

use crate::artefact::Artefact;
use crate::failure::{Exit, Failure};
use crate::lock::Key;

/// What a server shows now, compared with its pin.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The pin.
    pub(crate) key: Key,
    /// The comparison, or why there is none.
    pub(crate) result: Result<Comparison, Failure>,
}

/// Two surfaces, compared.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The digests of what was.
    pub(crate) before: Digests,
    /// The digests of what is.
    pub(crate) after: Digests,
    /// What changed, most important first.
    pub(crate) changes: Vec<Change>,
    /// What ran when the pin was made, and what runs now, when they differ.
    pub(crate) artefacts: Option<[Option<Artefact>; 2]>,
    /// How many items there are.
    pub(crate) items: usize,
}

impl Comparison {
    /// Compares two surfaces.
    pub(crate) fn of(before: &Surface, after: &Surface, neighbours: &[drift::Neighbour]) -> Self {
        Self {
            before: Digests::of_surface(before),
            after: Digests::of_surface(after),
            changes: drift::compare(before, after, neighbours),
            artefacts: None,
            items: after.items.len(),
        }
    }

    /// Whether nothing changed that a person is asked about.
    pub(crate) fn is_same(&self) -> bool {
        self.before.semantic == self.after.semantic && self.changes.is_empty()
    }

    /// How a command ends that fails on changes from `fail_on` on, or on any.
    pub(crate) fn exit(&self, fail_on: Option<Severity>) -> Exit {
        let counts = |limit| {
            // Digests that differ for no known reason always count.
            self.changes.is_empty() || self.changes.iter().any(|c| c.severity >= limit)
        };
        let fails = !self.is_same() && fail_on.is_none_or(counts);
        if fails { Exit::Drift } else { Exit::Same }
    }
}

impl Outcome {
    /// `same`, `drift`, `refused` or `failed`.
    pub(crate) fn status(&self) -> &'static str {
        match &self.result {
            Ok(comparison) if comparison.is_same() => "same",
            Ok(_) => "drift",
            Err(failure) if failure.exit == Exit::Drift => "refused",
            Err(_) => "failed",
        }
    }

    /// How a command ends that fails on changes from `fail_on` on, or on any.
    pub(crate) fn exit(&self, fail_on: Option<Severity>) -> Exit {
        match &self.result {
            Ok(comparison) => comparison.exit(fail_on),
            Err(failure) => failure.exit,
        }
    }
}

/// How a command ends over many servers: drift found outweighs a server that could not be asked.
pub(crate) fn exit_of(outcomes: &[Outcome], fail_on: Option<Severity>) -> Exit {
    let exits: Vec<Exit> = outcomes.iter().map(|outcome| outcome.exit(fail_on)).collect();
    let worst = [Exit::Drift, Exit::Usage, Exit::Failure];
    worst.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Same)
}
