//! The guard before a remote server: Streamable HTTP of both eras, and HTTP+SSE upstream.

use std::future::Future;
use std::sync::Arc;

use crate::capture::{CaptureError, Captured, Conditions};
use crate::gate::Gate;
use crate::target::Endpoint;

/// Serves `listener` and stands between its clients and `upstream` until `shutdown` resolves;
/// then lets open requests end, for a bounded time.
///
/// # Errors
/// A listener that fails.
pub async fn serve(
    _listener: tokio::net::TcpListener,
    _upstream: Endpoint,
    _gate: Arc<Gate>,
    _shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    Ok(())
}

/// Reaches `endpoint`, asks it for everything, and closes the session it opened.
///
/// # Errors
/// Anything short of a whole surface.
pub(crate) async fn capture(
    _endpoint: &Endpoint,
    _conditions: &Conditions,
) -> Result<Captured, CaptureError> {
    Err(CaptureError::NotOpened)
}
