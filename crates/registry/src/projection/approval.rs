//! An approval is recorded; what it releases, the registry countersigns again.

use seal::statement::Approval;

use super::ProjectionError;
use super::step::Step;

/// The approval is in `statements`. It names the countersignature that held; the countersignature
/// with `allow` that follows it ends the hold, so that only the registry's word changes a state.
#[expect(clippy::unused_async, reason = "one form for every kind of statement")]
pub(super) async fn apply(_step: &mut Step<'_>, _it: &Approval) -> Result<(), ProjectionError> {
    Ok(())
}
