//! The edge file as it is now: read again and again, put in place as a whole or not at all.
//!
//! INVARIANT: a version is never followed by a lower one, and never by another file of its own number. A
//! file that is refused leaves the one before in force.

use std::sync::Arc;

use super::{EDGES_REFUSED, Sts};
use crate::edge::Edges;
use crate::limits;

/// What was made of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// It says what is in force.
    Same,
    /// It is in force now.
    Replaced,
    /// It is not; why.
    Refused(String),
}

impl Sts {
    /// Keeps edges, and all that depends on them, as the file is, for as long as the task runs.
    pub(super) async fn follow_edges(self) {
        let mut seen = None;
        loop {
            tokio::time::sleep(limits::EDGES_REFRESH).await;
            let file = self.inner.edges_file.clone();
            let text = tokio::task::spawn_blocking(move || file.text()).await;
            let text = match text {
                Ok(text) => text.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            // What was judged once is judged and told once.
            if seen.as_ref() == Some(&text) {
                continue;
            }
            let done = match &text {
                Ok(text) => self.reload(text),
                Err(why) => Reloaded::Refused(why.clone()),
            };
            self.say(&done);
            seen = Some(text);
        }
    }

    fn say(&self, done: &Reloaded) {
        let edges = self.inner.exchange.edges();
        match done {
            Reloaded::Same => {}
            Reloaded::Replaced => {
                self.inner.metrics.edges(edges.version(), true);
                let (version, digest) = (edges.version(), edges.digest());
                tracing::info!(version, digest, "another edge file is in force");
            }
            Reloaded::Refused(why) => {
                self.inner.metrics.edges(edges.version(), false);
                let version = edges.version();
                tracing::error!(
                    code = EDGES_REFUSED,
                    version,
                    "an edge file is refused, the one before stays in force: {why}"
                );
            }
        }
    }

    /// Puts a text in force, if it is a newer edge file and a good one: edges, what verifies tokens by
    /// them, and what decides over them, at once.
    pub(super) fn reload(&self, text: &str) -> Reloaded {
        let edges = match self.inner.edges_file.parse(text) {
            Ok(edges) => edges,
            Err(error) => return Reloaded::Refused(format!("{error} ({})", error.fix)),
        };
        let old = self.inner.exchange.edges();
        if edges.digest() == old.digest() {
            return Reloaded::Same;
        }
        if let Some(why) = is_no_successor(&edges, &old) {
            return Reloaded::Refused(why);
        }
        match self.inner.policy.with_edges(&edges, &self.inner.issuer) {
            Ok(policy) => {
                self.inner.exchange.replace(edges, Arc::new(policy));
                Reloaded::Replaced
            }
            Err(error) => Reloaded::Refused(error.to_string()),
        }
    }
}

fn is_no_successor(new: &Edges, old: &Edges) -> Option<String> {
    let (new, old) = (new.version(), old.version());
    (new <= old).then(|| format!("its version is {new}, and {old} is in force: raise it"))
}
