//! The HTTP API: the official registry's `/v0.1`, the log under `/log/`, and what operators read.

mod answer;
mod bundle;
mod cursor;
mod log;
mod metrics;
mod openapi;
pub mod path;
mod query;
mod render;
mod serve;
mod servers;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use sqlx::Row as _;
use tokio::sync::OnceCell;
use tower::util::MapRequest;

use crate::service::{Service, ServiceError};

pub use answer::{ErrorBody, Refusal};
pub(crate) use answer::{json, typed};
pub use openapi::openapi;
pub(crate) use query::Query;
pub(crate) use serve::Stopping;
pub use serve::serve;
pub(crate) use servers::version_shown;

/// What handlers work with.
#[derive(Clone)]
struct Api {
    service: Service,
    /// `"<operator>/countersign":`
    meta_key: Arc<str>,
    cursor_key: Arc<OnceCell<cursor::CursorKey>>,
    metrics: Arc<metrics::Metrics>,
}

/// Everything that the registry serves; `more` are the routes of other parts.
pub fn router(service: Service, more: Router) -> Router {
    let key = format!("{}/countersign", service.operator());
    let key = serde_json::Value::String(key).to_string();
    let api = Api {
        meta_key: format!("{key}:").into(),
        cursor_key: Arc::default(),
        metrics: Arc::new(metrics::Metrics::new()),
        service,
    };
    let servers = Router::new()
        .route("/servers", get(servers::list))
        .route("/servers/{name}/versions", get(servers::versions))
        .route("/servers/{name}/versions/{version}", get(servers::version));
    let log = Router::new()
        .route("/", get(log::about))
        .route("/checkpoint", get(log::checkpoint))
        .route("/tile/{*path}", get(log::tile))
        .route("/key", get(log::key))
        .route("/proof/{index}", get(log::proof))
        .route("/object/{digest}", get(log::object))
        .route("/latest/{name}", get(log::latest))
        .route("/bundle/{name}/{version}", get(log::bundle));
    let router = Router::new()
        .nest("/v0.1", servers.clone())
        .nest("/v0", servers)
        .nest("/log", log.clone())
        .route("/log/", get(log::about))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(metrics::health))
        .route("/readyz", get(metrics::ready))
        .route("/openapi.json", get(openapi::show))
        .merge(more.with_state(()))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::not_allowed);
    let metrics = Arc::clone(&api.metrics);
    let router = router.with_state(api);
    let router = router.layer(axum::middleware::from_fn_with_state(metrics, metrics::observe));
    // Before anything is routed, one spelling for each path.
    Router::new().fallback_service(MapRequest::new(router, normalise))
}

fn normalise(mut request: Request) -> Request {
    if let Cow::Owned(path) = path::normal(request.uri().path()) {
        let mut parts = request.uri().clone().into_parts();
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        parts.path_and_query = format!("{path}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

impl Api {
    /// The key of cursors: drawn once, kept in the tables, the same on all replicas.
    async fn cursor_key(&self) -> Result<&cursor::CursorKey, ServiceError> {
        self.cursor_key
            .get_or_try_init(|| async {
                Ok(cursor::CursorKey::new(&self.service.secret("cursor").await?))
            })
            .await
    }

    /// The three lines of the newest published checkpoint.
    fn checkpoint_text(&self) -> Option<String> {
        Some(self.service.log().published()?.checkpoint.text())
    }
}

impl Service {
    /// A secret of 32 bytes under a name: drawn when it is first asked for, the same on all replicas
    /// from then on.
    ///
    /// # Errors
    /// Tables that fail.
    pub async fn secret(&self, name: &str) -> Result<Vec<u8>, ServiceError> {
        let failed = || ServiceError::database("reading a secret");
        let mut drawn = [0; 32];
        aws_lc_rs::rand::fill(&mut drawn).map_err(|_| ServiceError::Random)?;
        let pool = self.database().pool();
        let row = sqlx::query(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        );
        let row = row.bind(name.to_owned()).bind(STANDARD.encode(drawn));
        row.execute(pool).await.map_err(failed())?;
        let row = sqlx::query("SELECT value FROM secrets WHERE name = $1").bind(name.to_owned());
        let row = row.fetch_one(pool).await.map_err(failed())?;
        let value: String = row.try_get(0).map_err(failed())?;
        STANDARD.decode(value).map_err(|error| failed()(sqlx::Error::Decode(error.into())))
    }
}

#[cfg(test)]
mod tests;
