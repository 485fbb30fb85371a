//! What somebody saw: a surface, an upstream's entry, a namespace's proof, a split view.

mod entry;
mod namespace;
mod split_view;
mod surface;

use seal::statement::{Observation, Observed};

use super::ProjectionError;
use super::step::Step;

pub(super) async fn apply(step: &mut Step<'_>, it: &Observation) -> Result<(), ProjectionError> {
    match &it.of {
        Observed::Surface { endpoint, surface, outcome, .. } => {
            self::surface::apply(step, it, endpoint, surface.as_ref(), outcome).await
        }
        Observed::Authorization { .. } => Ok(()),
        Observed::Entry { .. } => entry::apply(step, it).await,
        Observed::Namespace { .. } => namespace::apply(step, it).await,
        Observed::SplitView { endpoint, verdict, .. } => {
            split_view::apply(step, endpoint, verdict, &it.changes).await
        }
    }
}
