//! Policies, read whole when the service starts: the engine of X14 and of the decision endpoint.

use std::path::Path;
use std::sync::Arc;

use policy::{Policies, Source};

use super::{ConfigError, files};
use crate::edge::Edges;
use crate::exchange::engine::Engine;
use crate::limits;
use crate::token::Secret;

type Checked<T> = Result<T, ConfigError>;

/// The engine: the policies of a file, else those that are built in.
///
/// # Errors
/// The first policy that is not valid, with its line.
pub(super) fn engine(path: Option<&Path>, edges: &Edges, issuer: &str) -> Checked<Arc<Engine>> {
    let policies = match path {
        None => Policies::built_in(),
        Some(path) => {
            let text = files::text(path, limits::CONFIG_FILE_BYTES_MAX)?;
            let name = path.display().to_string();
            Policies::parse(&[Source { name: &name, text: &text }])
        }
    };
    let policies = policies.map_err(|error| {
        ConfigError::new("", error.to_string(), "countersign policy check FILE shows each fault")
    })?;
    let engine = Engine::new(policies, edges, issuer);
    let fix = "an issuer has no fragment; an edge file has fewer servers and tools";
    engine.map(Arc::new).map_err(|error| ConfigError::new("", error.to_string(), fix))
}

/// The key of the decision endpoint: one line, for the owner alone.
///
/// # Errors
/// A file that others can read, or a key that is too short or no one word.
pub(super) fn key(path: &Path) -> Checked<Secret> {
    let text = files::private(path)?;
    let key = text.trim();
    if key.len() < limits::AUTHZEN_KEY_CHARS_MIN || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let what = format!(
            "the key is shorter than {} characters, or no single word",
            limits::AUTHZEN_KEY_CHARS_MIN
        );
        return Err(ConfigError::new("", what, "head -c 32 /dev/urandom | base64 > FILE"));
    }
    Ok(key.into())
}
