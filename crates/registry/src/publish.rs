//! Publishing: server.json and surface, under the publisher's key, admitted and countersigned.
//!
//! A publication is (1) strict JSON that keeps the schema, (2) by somebody whose proof of the
//! namespace is fresh, (3) of a version that does not exist; (4) signed by a key that counts, over
//! digests that are computed again here; (5) judged by tripwires, by the drift from the version
//! before, and by the policy; (6) appended with the registry's countersignature; and only then (7)
//! answered. What held it is released by a reviewer's statement. The official publisher tool sends
//! server.json alone: that is *undeclared*, and never called countersigned.

pub mod admission;
pub mod artefact;
pub mod handlers;
pub mod server_json;

mod declare;
mod error;
mod known;
mod observe;
mod review;
mod status;

use seal::statement::{Finding, Verdict};

pub use self::admission::Admission;
pub use self::artefact::Registries;
pub use self::declare::{Declared, Submission, declaration};
pub use self::error::{CODES, PublishError};
pub use self::known::Held;
pub use self::server_json::ServerJson;
pub use self::status::{Change, StatusChange};

use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};

use crate::limits;
use crate::namespace::Namespaces;
use crate::net;
use crate::service::Service;

/// What publishing works with. Clones share it.
#[derive(Clone)]
pub struct Publisher {
    service: Service,
    namespaces: Namespaces,
    admission: Admission,
    registries: Registries,
    client: net::Client,
    /// Statements with a surface that is large: anybody may send one.
    large: Arc<Semaphore>,
    /// Held while a revocation of a key is compared with those before it, and appended.
    revoking: Arc<Mutex<()>>,
}

/// How a publication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The server.
    pub server: String,
    /// The version.
    pub version: String,
    /// The index of the declaration.
    pub index: u64,
    /// The index of the countersignature, where there is one.
    pub countersignature: Option<u64>,
    /// The verdict; `None` for what was admitted without a surface, which nothing countersigns.
    pub verdict: Option<Verdict>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Whether it was there before.
    pub is_known: bool,
}

impl Publisher {
    /// Publishing into `service`.
    pub fn new(
        service: Service,
        namespaces: Namespaces,
        admission: Admission,
        registries: Registries,
        client: net::Client,
    ) -> Self {
        let large = Arc::new(Semaphore::new(limits::LARGE_STATEMENTS_MAX));
        let revoking = Arc::default();
        Self { service, namespaces, admission, registries, client, large, revoking }
    }

    /// The verifiers of namespaces.
    pub const fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// The registry.
    pub const fn service(&self) -> &Service {
        &self.service
    }

    fn now(&self) -> String {
        seal::time::format(self.service.now_s()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
